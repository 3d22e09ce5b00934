package stock

import (
	"errors"
	"fmt"
	"strings"
)

// What a store's errors are, by [errors.Is].
var (
	// ErrShort says that less is left than was asked for; see [ShortError].
	ErrShort = errors.New("stock is short")
	// ErrInvalid says that the input cannot be meant; see [InvalidError].
	ErrInvalid = errors.New("invalid")
	// ErrHold says that the hold is there with other lines.
	ErrHold = errors.New("hold has other lines")
	// ErrEnded says that the hold has ended, and not as the call would end it.
	ErrEnded = errors.New("hold has ended")
	// ErrReserved says that less would be on hand than is reserved.
	ErrReserved = errors.New("more is reserved")
	// ErrNotFound says that there never was such a hold, or such a key.
	ErrNotFound = errors.New("not found")
)

// A ShortError says which keys of a hold are short, all of them. Nothing was taken.
type ShortError struct {
	Short []Shortage // ascending by key, each key once
}

// A Shortage is a key of which less is left than was asked for.
type Shortage struct {
	Key

	Asked int64 // by all lines of the key together
	Left  int64 // what another hold could have now: on hand, less what is held
}

// String returns "SKU@location: 3 asked, 1 left".
func (s Shortage) String() string {
	return fmt.Sprintf("%v: %d asked, %d left", s.Key, s.Asked, s.Left)
}

// Error implements error.
func (e *ShortError) Error() string {
	short := make([]string, len(e.Short))
	for i, s := range e.Short {
		short[i] = s.String()
	}
	return "short of " + strings.Join(short, ", ")
}

// Is reports whether target is [ErrShort].
func (e *ShortError) Is(target error) bool { return target == ErrShort }

// An InvalidError lists all that is wrong with an input.
type InvalidError struct {
	Problems []string // such as "line 2: quantity 0: want 1 to 1000000"
}

// Error implements error.
func (e *InvalidError) Error() string { return "invalid: " + strings.Join(e.Problems, "; ") }

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// problems collects what is wrong.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

// err returns an *InvalidError of all problems, nil for none.
func (p *problems) err() error {
	if len(*p) == 0 {
		return nil
	}
	return &InvalidError{Problems: *p}
}
