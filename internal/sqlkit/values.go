package sqlkit

import (
	"strings"
	"time"
)

// MaxArgs is how many placeholders one statement can have in both dialects.
const MaxArgs = 32766

// Marks returns n placeholders for a list: "?, ?, ?". n is at least 1.
func Marks(n int) string {
	return strings.Repeat("?, ", n-1) + "?"
}

// Tuples returns n rows of width placeholders for VALUES: "(?, ?), (?, ?)". Both
// are at least 1.
func Tuples(n, width int) string {
	row := "(" + Marks(width) + ")"
	return strings.Repeat(row+", ", n-1) + row
}

// Micros returns t as it is stored, in microseconds since 1970 UTC, rounded down.
// It holds each time that RFC 3339 can write, and the zero time, which
// nanoseconds would not.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros returns the time that Micros stored, in UTC.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
