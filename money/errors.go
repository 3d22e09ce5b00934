package money

import (
	"errors"
	"fmt"
)

// The three kinds of refusal. Every error of this package is one of them under errors.Is, wrapped
// with the operation and the value that was refused.
var (
	// ErrSyntax marks text that is not an amount.
	ErrSyntax = errors.New("invalid syntax")
	// ErrCurrency marks a currency that does not exist, that is missing or that differs from
	// another (*MismatchError).
	ErrCurrency = errors.New("invalid currency")
	// ErrRange marks a result that no Amount can hold and an argument outside its legal range.
	ErrRange = errors.New("out of range")
)

// MismatchError says that an operation met two currencies where it needs one. It is ErrCurrency
// under errors.Is.
type MismatchError struct {
	A, B Currency // in the order of the operands, never equal
}

// Error names both currencies.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("money: currencies differ: %s and %s", e.A, e.B)
}

// Is makes a mismatch an ErrCurrency.
func (e *MismatchError) Is(target error) bool { return target == ErrCurrency }

// maxQuoted bounds the input that an error repeats, so that a megabyte of digits does not end up in
// a log line.
const maxQuoted = 64

// quoted is text as an error shows it.
func quoted(text string) string {
	if len(text) <= maxQuoted {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%q... (%d bytes)", text[:maxQuoted], len(text))
}
