package predicate

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrSealed says that a schema no longer grows: Compile came after Seal.
var ErrSealed = errors.New("predicate: compile: schema is sealed")

// maxProblems bounds the work, and the answer, on hostile input.
const maxProblems = 100

// A Problem is one violation in a condition. Parse and Compile return theirs
// joined; [Problems] takes them apart again.
//
//nolint:errname // it is one finding of several; the joined error is what callers handle
type Problem struct {
	Path string // JSON path from the condition, such as all[1].value[0]; empty for the whole
	Text string
	// Limit says that the condition is not wrong but too large: over one of
	// [Limits], or over what Parse and Compile read at all.
	Limit bool
}

func (p *Problem) Error() string {
	if p.Path == "" {
		return p.Text
	}
	return p.Path + ": " + p.Text
}

// Under returns the problem with its path below root, for an owner who knows
// where in a larger document the condition stands.
func (p *Problem) Under(root string) *Problem {
	return &Problem{Path: join(root, p.Path), Text: p.Text, Limit: p.Limit}
}

func join(root, path string) string {
	if root == "" || path == "" || path[0] == '[' {
		return root + path
	}
	return root + "." + path
}

// Problems returns the problems joined in err, in order; nil for nil. An error
// that is not a problem becomes one without a path.
func Problems(err error) []*Problem {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Problem
		for _, e := range joined.Unwrap() {
			all = append(all, Problems(e)...)
		}
		return all
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return []*Problem{p}
	}
	return []*Problem{{Text: err.Error()}}
}

// place is a position in a condition. It is rendered only when there is a
// problem, so that a valid condition costs no strings.
type place struct {
	up    *place
	key   string
	index int // of an element of up's list; -1: a key
}

func (p *place) child(key string) *place  { return &place{up: p, key: key, index: -1} }
func (p *place) element(index int) *place { return &place{up: p, index: index} }

func (p *place) String() string {
	var steps []string
	for ; p != nil; p = p.up {
		if p.index < 0 {
			steps = append(steps, p.key)
		} else {
			steps = append(steps, "["+strconv.Itoa(p.index)+"]")
		}
	}
	path := ""
	for _, step := range slices.Backward(steps) {
		path = join(path, step)
	}
	return path
}

// report collects problems, at most maxProblems of them.
type report struct{ problems []error }

func (r *report) add(at *place, format string, args ...any) {
	r.addProblem(&Problem{Path: at.String(), Text: fmt.Sprintf(format, args...)})
}

func (r *report) addLimit(at *place, format string, args ...any) {
	r.addProblem(&Problem{Path: at.String(), Text: fmt.Sprintf(format, args...), Limit: true})
}

func (r *report) addProblem(p *Problem) {
	switch {
	case len(r.problems) < maxProblems:
		r.problems = append(r.problems, p)
	case len(r.problems) == maxProblems:
		r.problems = append(r.problems, &Problem{Text: "more problems than these are not listed"})
	}
}

// full reports whether it is pointless to look further.
func (r *report) full() bool { return len(r.problems) > maxProblems }

func (r *report) err() error { return errors.Join(r.problems...) }

// list writes the operators of a kind as "a, b or c".
func list(ops []Op) string {
	words := make([]string, len(ops))
	for i, op := range ops {
		words[i] = string(op)
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
