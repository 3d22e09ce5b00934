// Package limits holds what every store of price books refuses before it writes:
// names and notes that a bounded column cannot hold, and times that are no
// publication's. Stores on different databases refuse the same things so.
package limits
