// Package wal is a log of requests in files, one or more for each epoch, which is read again after a crash and whose files go when their epoch
// is settled.
//
// A record is the length of a request, the CRC32C of length and request, and the request. A file ends where a record is torn.
package wal
