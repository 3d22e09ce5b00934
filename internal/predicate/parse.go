package predicate

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// The keys of the language.
const (
	keyAll   = "all"
	keyAny   = "any"
	keyNot   = "not"
	keyField = "field"
	keyOp    = "op"
	keyValue = "value"
)

const (
	wantForm  = "want one of all, any, not, or field with op and value"
	emptyList = "want at least one condition"
)

// Parse reads a condition: {"all": [...]}, {"any": [...]}, {"not": ...}, a leaf
// {"field": "...", "op": "...", "value": ...}, or, for one of the given extern
// keys, {"<key>": <any JSON>}, kept as it is. Absent input, null and {} are the
// zero Node. A value is a string, a plain integer, true or false, and for
// [Between], [In], [NotIn], [AnyOf], [AllOf] and [NoneOf] a list of those; which
// of them a field takes is for Compile to say.
//
// All violations are joined, each a *[Problem], at most a hundred: unknown and
// repeated keys, two forms in one object, wrong types, operators that there are
// not or with another number of values, nesting over 512. Malformed JSON is the
// only problem that is reported when there is one.
func Parse(raw json.RawMessage, externs ...string) (Node, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return Node{}, nil
	}
	if !json.Valid(raw) {
		err := json.Compact(new(bytes.Buffer), raw) // says why
		return Node{}, &Problem{Text: "malformed JSON: " + err.Error()}
	}
	if !utf8.Valid(raw) {
		return Node{}, &Problem{Text: "text is not valid UTF-8"}
	}
	p := parser{scanner: scanner{data: raw}, externs: externs}
	var n Node
	if p.peek() != 'n' {
		n = p.node(nil, 1)
	}
	if err := p.err(); err != nil {
		return Node{}, err
	}
	return n, nil
}

// A scanner walks over JSON that is known to be valid. It is there because
// decoding into a map or struct loses repeated keys, and because the tokens of a
// json.Decoder cost five times as much.
type scanner struct {
	data []byte
	pos  int
}

// peek returns the first byte of the next value or key, or the bracket that
// ends the object or list. In valid JSON commas and colons say nothing more.
func (s *scanner) peek() byte {
	for {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r', ',', ':':
			s.pos++
		default:
			return c
		}
	}
}

// more reports whether the object or list goes on, and walks past its end where
// it does not.
func (s *scanner) more() bool {
	if c := s.peek(); c != '}' && c != ']' {
		return true
	}
	s.pos++
	return false
}

// raw walks past the next value and returns it.
func (s *scanner) raw() []byte {
	s.peek()
	start := s.pos
	for depth := 0; ; {
		switch s.data[s.pos] {
		case '{', '[':
			depth++
			s.pos++
		case '}', ']':
			depth--
			s.pos++
		case '"':
			s.pos++
			for s.data[s.pos] != '"' {
				if s.data[s.pos] == '\\' {
					s.pos++
				}
				s.pos++
			}
			s.pos++
		case ' ', '\t', '\n', '\r', ',', ':':
			s.pos++
		default:
			for s.pos < len(s.data) && strings.IndexByte(" \t\n\r,:]}", s.data[s.pos]) < 0 {
				s.pos++
			}
		}
		if depth == 0 {
			return s.data[start:s.pos]
		}
	}
}

// text reads a value that is known to be a string.
func (s *scanner) text() string {
	raw := s.raw()
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		panic(err) // it is valid JSON
	}
	return text
}

// A parser makes conditions of what it scans, and goes on after a problem.
type parser struct {
	scanner
	report
	externs []string
}

func (p *parser) node(at *place, depth int) Node {
	switch {
	case p.peek() != '{':
		p.add(at, "want an object")
	case depth > maxDepth:
		p.addLimit(at, "deeper than %d", maxDepth)
	default:
		p.pos++
		o := object{parser: p, at: at, depth: depth}
		for p.more() {
			o.member(p.text())
		}
		return o.finish()
	}
	p.raw()
	return Node{}
}

// An object is a condition being read.
type object struct {
	*parser
	at     *place
	depth  int
	seen   keys
	form   Node
	leaf   Leaf
	listed bool // the value is a list
	bad    bool // a problem is reported that makes others of the form pointless
}

// keys is a set of the language's keys, and of externs' as one.
type keys uint8

const (
	seenAll keys = 1 << iota
	seenAny
	seenNot
	seenField
	seenOp
	seenValue
	seenExtern
)

func (o *object) keyOf(name string) keys {
	switch name {
	case keyAll:
		return seenAll
	case keyAny:
		return seenAny
	case keyNot:
		return seenNot
	case keyField:
		return seenField
	case keyOp:
		return seenOp
	case keyValue:
		return seenValue
	}
	if slices.Contains(o.externs, name) {
		return seenExtern
	}
	return 0
}

func (o *object) member(name string) {
	at, key := o.at.child(name), o.keyOf(name)
	switch {
	case o.full():
		o.raw()
		return
	case key == 0:
		o.reject(at, "unknown key %q", name)
		return
	case key == seenExtern && o.seen&key != 0 && o.form.Extern.Key != name:
		o.reject(at, "several conditions in one: %s", wantForm)
		return
	case o.seen&key != 0:
		o.reject(at, "repeated key %q", name)
		return
	}
	o.seen |= key
	switch key {
	case seenAll:
		o.form.All = o.nodes(at, o.depth+1)
	case seenAny:
		o.form.Any = o.nodes(at, o.depth+1)
	case seenNot:
		n := o.node(at, o.depth+1)
		o.form.Not = &n
	case seenField:
		o.leaf.Field = o.string(at)
	case seenOp:
		o.leaf.Op = Op(o.string(at))
	case seenValue:
		o.leaf.Values, o.listed = o.values(at)
	default:
		o.form.Extern = &Raw{Key: name, JSON: bytes.Clone(o.raw())}
	}
}

// reject passes over a key that should not be there.
func (o *object) reject(at *place, format string, args ...any) {
	o.add(at, format, args...)
	o.bad = true
	o.raw()
}

func (o *object) has(key keys) bool { return o.seen&key != 0 }

// finish checks that the keys make exactly one form.
func (o *object) finish() Node {
	if o.has(seenField | seenOp | seenValue) {
		leaf := o.leaf
		o.form.Leaf = &leaf
	}
	switch forms := o.form.forms(); {
	case o.bad:
	case forms == 0 && o.at != nil:
		o.add(o.at, "empty condition: %s", wantForm)
	case forms > 1:
		o.add(o.at, "several conditions in one: %s", wantForm)
	case o.form.Leaf != nil:
		o.finishLeaf()
	}
	return o.form
}

func (o *object) finishLeaf() {
	if !o.has(seenField) {
		o.add(o.at.child(keyField), "missing")
	}
	if !o.has(seenOp) {
		o.add(o.at.child(keyOp), "missing")
		return
	}
	arity := o.leaf.Op.arity()
	list := arity == twoValues || arity == listOfValues
	switch {
	case arity == unknownOp:
		o.add(o.at.child(keyOp), "unknown operator %q", o.leaf.Op)
	case o.listed != list || !arity.takes(len(o.leaf.Values)):
		o.add(o.at.child(keyValue), "%s %s", o.leaf.Op, arity.want())
	}
}

func (p *parser) nodes(at *place, depth int) []Node {
	nodes := []Node{}
	if p.peek() != '[' {
		p.add(at, "want a list of conditions")
		p.raw()
		return nodes
	}
	p.pos++
	for p.more() {
		if p.full() {
			p.raw()
			continue
		}
		nodes = append(nodes, p.node(at.element(len(nodes)), depth))
	}
	if len(nodes) == 0 {
		p.add(at, emptyList)
	}
	return nodes
}

func (p *parser) string(at *place) string {
	if p.peek() == '"' {
		return p.text()
	}
	p.add(at, "want a string")
	p.raw()
	return ""
}

func (p *parser) values(at *place) (values []Value, listed bool) {
	if p.peek() != '[' {
		return []Value{p.value(at)}, false
	}
	p.pos++
	for p.more() {
		values = append(values, p.value(at.element(len(values))))
	}
	return values, true
}

func (p *parser) value(at *place) Value {
	switch c := p.peek(); c {
	case '"':
		return Value{Text: p.text()}
	case 't', 'f':
		return Value{Text: string(p.raw()), Form: Boolean}
	case '{', '[', 'n':
		p.add(at, "want a string, an integer, true or false")
		p.raw()
		return Value{}
	default:
		number := p.raw()
		if bytes.ContainsAny(number, ".eE") {
			p.add(at, "want a plain integer, or a decimal number as a string")
		}
		return Value{Text: string(number), Form: Integer}
	}
}
