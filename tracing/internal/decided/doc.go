// Package decided remembers what was decided about traces, in 24 bytes a trace.
//
// A table has generations. The newest takes what is put; when it is full, the oldest is forgotten and takes its place. Of what was forgotten
// last, the table still knows that it was there.
package decided
