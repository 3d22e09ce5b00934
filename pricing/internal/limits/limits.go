package limits

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// What a text may have, in bytes.
const (
	BookBytes = 128
	ByBytes   = 128
	NoteBytes = 1024
)

// Book reports what is wrong with a book's name, or nil.
func Book(name string) error {
	if name == "" {
		return errors.New("the book has no name")
	}
	return text("the book's name", name, BookBytes)
}

// Publication reports all that is wrong with what a publication says of itself, or nil.
func Publication(at, effectiveFrom time.Time, by, note string) error {
	var errs []error
	if at.IsZero() {
		errs = append(errs, errors.New("the time At is not set"))
	}
	switch {
	case effectiveFrom.IsZero():
		errs = append(errs, errors.New("the time EffectiveFrom is not set"))
	case effectiveFrom.Nanosecond() != 0:
		errs = append(errs, fmt.Errorf("the time EffectiveFrom, %s, is no whole second", effectiveFrom.Format(time.RFC3339Nano)))
	}
	return errors.Join(append(errs, text("By", by, ByBytes), text("Note", note, NoteBytes))...)
}

// text checks what a column of every database can hold: PostgreSQL refuses zero
// bytes and what is not UTF-8, SQLite does not.
func text(what, s string, limit int) error {
	switch {
	case len(s) > limit:
		return fmt.Errorf("%s has %d bytes, at most %d", what, len(s), limit)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s is not UTF-8", what)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%s has a zero byte", what)
	}
	return nil
}
