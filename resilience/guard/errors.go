package guard

import (
	"errors"
	"fmt"
)

// Errors that a caller may test for with errors.Is. How a guarded call fails is described at Do.
var (
	// ErrConfig marks a Config or a RegistryConfig that was refused; the error names every problem.
	ErrConfig = errors.New("invalid config")
	// ErrSpec marks specs that were refused; the error joins a *Problem for each thing that is wrong, and nothing has changed.
	ErrSpec = errors.New("invalid spec")
)

// Problem is one thing that is wrong in specs.
//
//nolint:errname // it is one finding of several; the error is what joins them
type Problem struct {
	Path string // of the value, such as payments.retry.backoff.kind, or of its section; "" for the whole text
	Err  error
}

// Error begins with the path.
func (p *Problem) Error() string {
	if p.Path == "" {
		return p.Err.Error()
	}
	return p.Path + ": " + p.Err.Error()
}

// Unwrap returns Err.
func (p *Problem) Unwrap() error { return p.Err }

// problems collects what is wrong in specs.
type problems struct {
	list []error
	// spoilt are the paths of values that could not be read and of all that they stand in: what else is said of such a section would be
	// said of what it lacks.
	spoilt map[string]bool
}

// add adds a problem with a value that was read, or with a key.
func (p *problems) add(path, format string, args ...any) {
	p.list = append(p.list, &Problem{path, fmt.Errorf(format, args...)})
}

// spoil adds a problem that keeps a value from being read.
func (p *problems) spoil(path, format string, args ...any) {
	p.add(path, format, args...)
	if p.spoilt == nil {
		p.spoilt = make(map[string]bool)
	}
	p.spoilt[path] = true
	for i, b := range path {
		if b == '.' {
			p.spoilt[path[:i]] = true
		}
	}
}

// addAll adds what another package found wrong with the values of a section: each of its findings as one problem.
func (p *problems) addAll(path string, err error) {
	if err == nil {
		return
	}
	for _, finding := range findings(err) {
		p.list = append(p.list, &Problem{path, finding})
	}
}

// unread reports whether the section at path has a value that could not be read.
func (p *problems) unread(path string) bool { return p.spoilt[path] }

// err returns the problems as an ErrSpec, nil for none.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return fmt.Errorf("guard: %w: %w", ErrSpec, errors.Join(p.list...))
}

// findings takes the error of a constructor apart, which is a sentinel and its findings joined.
func findings(err error) []error {
	type tree interface{ Unwrap() []error }
	if both, ok := err.(tree); ok {
		for _, part := range both.Unwrap() {
			if joined, ok := part.(tree); ok {
				return joined.Unwrap()
			}
		}
	}
	return []error{err}
}
