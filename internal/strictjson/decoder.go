package strictjson

import (
	"errors"
	"fmt"
	"slices"
)

// Limits bound what a Decoder accepts. Zero takes the default.
type Limits struct {
	// Depth is how deep objects and lists may stand in each other; 0 means 64.
	Depth int
	// Problems is how many are kept; the rest is counted. 0 means 1,000.
	Problems int
}

// A Decoder reads one JSON value. Its methods each read the value that stands
// next and report false where it is not what they want; it is then a problem
// and passed over. Not safe for concurrent use.
type Decoder struct {
	data     []byte
	at       int
	path     []step
	seen     []string // keys of the objects that are open
	names    map[string]string
	limits   Limits
	problems []Problem
	more     int
	broken   bool // malformed: nothing more can be read
}

// NewDecoder returns a decoder of data, which must not change while it reads.
func NewDecoder(data []byte, limits Limits) *Decoder {
	if limits.Depth == 0 {
		limits.Depth = 64
	}
	if limits.Problems == 0 {
		limits.Problems = 1000
	}
	return &Decoder{data: data, limits: limits, names: make(map[string]string)}
}

// Under makes every path of the decoder begin with a key and an index, such as
// parts[7], for a text that is a part of a larger whole.
func (d *Decoder) Under(key string, index int) *Decoder {
	d.path = []step{{key: key, isKey: true}, {index: index}}
	d.limits.Depth += len(d.path)
	return d
}

// End checks that nothing follows the value, and returns the problems in the
// order in which they were found, with how many more there were. No problems
// mean that the text was right.
func (d *Decoder) End() (problems []Problem, more int) {
	if !d.broken && d.peek() != 0 {
		d.syntax("data after the value")
	}
	return d.problems, d.more
}

// Failed is how many problems there are so far.
func (d *Decoder) Failed() int { return len(d.problems) + d.more }

// Fail reports a problem of the caller's with the value that was read last
// inside the field or element function that runs now, or with the object itself.
func (d *Decoder) Fail(code string, err error) { d.FailUnder(code, err) }

// FailUnder is Fail for a key below the place where the decoder is.
func (d *Decoder) FailUnder(code string, err error, keys ...string) {
	if len(d.problems) >= d.limits.Problems {
		d.more++
		return
	}
	path := d.path
	for _, key := range keys {
		path = append(path, step{key: key, isKey: true})
	}
	d.problems = append(d.problems, Problem{Code: code, Path: pathOf(path), Err: err})
}

// syntax reports malformed JSON and ends the reading.
func (d *Decoder) syntax(format string, args ...any) {
	if !d.broken {
		d.broken = true
		d.FailUnder(CodeSyntax, fmt.Errorf("byte %d: "+format, append([]any{d.at}, args...)...))
	}
}

// Object reads an object. It calls field with each key, in the order of the
// text, when the key's value stands next; field reads the value, or returns false
// for a key that there is not.
func (d *Decoder) Object(field func(key string) bool) bool {
	if !d.open('{', "an object") {
		return false
	}
	var many map[string]bool
	first := len(d.seen)
	for more := d.begins('}'); more; more = d.continues('}') {
		key, ok := d.key()
		if !ok {
			break
		}
		d.path = append(d.path, step{key: key, isKey: true})
		keys := d.seen[first:]
		switch {
		case many[key] || len(keys) < fewKeys && slices.Contains(keys, key):
			d.Fail(CodeRepeated, errors.New("repeated key"))
			d.Skip()
		default:
			d.seen = append(d.seen, key)
			many = d.index(many, first)
			if !field(key) {
				d.Fail(CodeUnknown, errors.New("unknown key"))
				d.Skip()
			}
		}
		d.path = d.path[:len(d.path)-1]
	}
	d.seen = d.seen[:first]
	return !d.broken
}

// fewKeys is up to where a list of keys is searched faster than a map.
const fewKeys = 16

// index files the keys of an object that has many, so that a hostile one costs
// no more than its length.
func (d *Decoder) index(many map[string]bool, first int) map[string]bool {
	keys := d.seen[first:]
	switch {
	case len(keys) < fewKeys:
		return nil
	case many == nil:
		many = make(map[string]bool, 2*fewKeys)
		for _, key := range keys {
			many[key] = true
		}
	default:
		many[keys[len(keys)-1]] = true
	}
	return many
}

// Array reads a list. It calls element for each of its values, which reads it.
func (d *Decoder) Array(element func(index int)) bool {
	if !d.open('[', "a list") {
		return false
	}
	i := 0
	for more := d.begins(']'); more; more = d.continues(']') {
		d.path = append(d.path, step{index: i})
		element(i)
		d.path = d.path[:len(d.path)-1]
		i++
	}
	return !d.broken
}

// A Mark is a value that was passed over, to be read later.
type Mark struct {
	at   int
	step step
}

// Mark passes over the value that stands next and remembers it: what it means
// may depend on a key that comes later in the same object.
func (d *Decoder) Mark() Mark {
	d.peek()
	m := Mark{at: d.at, step: d.path[len(d.path)-1]}
	d.Skip()
	return m
}

// Return calls read where the mark was made, and then goes on where it was. It
// must be called at the object or list in which the mark was made, after the
// call that read it. On malformed JSON it does nothing.
func (d *Decoder) Return(m Mark, read func()) {
	if d.broken {
		return
	}
	at := d.at
	d.at = m.at
	d.path = append(d.path, m.step)
	read()
	d.path = d.path[:len(d.path)-1]
	d.at = at
}

// Next is the first byte of the value that stands next: one of {["tfn-, a digit,
// or 0 where there is none.
func (d *Decoder) Next() byte {
	if d.broken {
		return 0
	}
	return d.peek()
}

// open reads the beginning of an object or a list.
func (d *Decoder) open(bracket byte, want string) bool {
	if d.broken {
		return false
	}
	if d.peek() != bracket {
		d.wrongType(want)
		return false
	}
	if len(d.path) >= d.limits.Depth {
		d.FailUnder(CodeDepth, fmt.Errorf("nested deeper than %d", d.limits.Depth))
		d.broken = true
		return false
	}
	d.at++
	return true
}

// begins reports whether a value stands after an opening bracket, and reads the
// closing one where none does.
func (d *Decoder) begins(end byte) bool {
	if d.peek() == end {
		d.at++
		return false
	}
	return true
}

// continues reads the comma or the closing bracket after a value, and reports
// whether another one follows.
func (d *Decoder) continues(end byte) bool {
	if d.broken {
		return false
	}
	switch d.peek() {
	case ',':
		d.at++
		return true
	case end:
		d.at++
	default:
		d.syntax("want a comma or %q", end)
	}
	return false
}

// key reads a key and its colon.
func (d *Decoder) key() (string, bool) {
	if d.peek() != '"' {
		d.syntax("want a key in quotes")
		return "", false
	}
	raw, escaped, ok := d.scanString()
	if !ok {
		return "", false
	}
	key, ok := d.names[string(raw)]
	if !ok {
		if key, ok = d.unquote(raw, escaped); !ok {
			return "", false
		}
		d.names[string(raw)] = key
	}
	if d.peek() != ':' {
		d.syntax("want a colon after the key")
		return "", false
	}
	d.at++
	return key, true
}

// wrongType reports that the value is not of the type that is due, and passes
// over it.
func (d *Decoder) wrongType(want string) {
	var got string
	switch c := d.peek(); {
	case c == '{':
		got = "an object"
	case c == '[':
		got = "a list"
	case c == '"':
		got = "a string"
	case c == 't', c == 'f':
		got = "true or false"
	case c == 'n':
		got = "null"
	case c == '-', '0' <= c && c <= '9':
		got = "a number"
	default:
		d.syntax("want %s", want)
		return
	}
	d.Fail(CodeType, fmt.Errorf("want %s, not %s", want, got))
	d.Skip()
}
