package promotions

import (
	"errors"
	"fmt"
	"strings"
)

// What a caller may test for with [errors.Is].
var (
	// ErrInvalid says that a set, a cart or an argument is wrong; *[InvalidError] has
	// every problem.
	ErrInvalid = errors.New("invalid")
	// ErrRange says that something is too large or too much.
	ErrRange = errors.New("out of range")
	// ErrNotFound says that there is no entry under a key.
	ErrNotFound = errors.New("not found")
	// ErrState says that an entry is not in the state that the call needs.
	ErrState = errors.New("wrong state")
	// ErrConflict says that a key was used for something else, or that somebody else
	// was faster.
	ErrConflict = errors.New("conflict")
	// ErrLimit says that a limit is reached; *[LimitError] has the account.
	ErrLimit = errors.New("limit reached")
	// ErrExpired says that a reservation is over and what it held is taken.
	ErrExpired = errors.New("expired")
	// ErrAmount says that more is to be reversed than was taken.
	ErrAmount = errors.New("more than was taken")
	// ErrBusy says that a redemption lost its race too often; it may be tried again.
	ErrBusy = errors.New("busy")
	// ErrUnit says that an account counts in another unit.
	ErrUnit = errors.New("another unit")
)

// A Problem is one thing that is wrong with a set or a cart, or a warning.
type Problem struct {
	Path string `json:"path,omitempty"` // JSON path, such as promotions[3].effect.tiers[1].from
	Text string `json:"text"`
}

// An InvalidError is all that is wrong. It is [ErrInvalid], and ErrRange where a
// problem is one of size. Its Unwrap gives the causes.
type InvalidError struct {
	Problems []Problem
	causes   []error
}

func (e *InvalidError) Error() string {
	const most = 10
	texts := make([]string, 0, most+1)
	for i, p := range e.Problems {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(e.Problems)-most))
			break
		}
		text := p.Text
		if p.Path != "" {
			text = p.Path + ": " + text
		}
		texts = append(texts, text)
	}
	return "promotions: " + strings.Join(texts, "; ")
}

// Is reports whether target is ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Unwrap returns the causes, such as ErrRange and money.ErrCurrency.
func (e *InvalidError) Unwrap() []error { return e.causes }

// A LimitError is a move that was refused. It is [ErrLimit].
type LimitError struct {
	Account                           string
	Limit, Reserved, Committed, Asked int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("account %s: %v: %d asked, limit %d, reserved %d, committed %d",
		e.Account, ErrLimit, e.Asked, e.Limit, e.Reserved, e.Committed)
}

// Is reports whether target is ErrLimit.
func (e *LimitError) Is(target error) bool { return target == ErrLimit }

// add appends a problem at a path.
func (e *InvalidError) add(path string, err error) {
	e.Problems = append(e.Problems, Problem{Path: path, Text: err.Error()})
	e.causes = append(e.causes, err)
}

// orNil is the error, nil where there is no problem.
func (e *InvalidError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}
