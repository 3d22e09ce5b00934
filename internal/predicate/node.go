package predicate

import (
	"bytes"
	"encoding/json"
	"slices"
)

// A Node is a condition as it is written: exactly one of its fields is set. The
// zero Node, legal only as a whole condition, is always true. A list that is
// there but empty is an error, because an empty All would be always true and an
// empty Any never, and nobody means either.
type Node struct {
	All, Any []Node
	Not      *Node
	Leaf     *Leaf
	Extern   *Raw
}

// A Leaf compares one field with values.
type Leaf struct {
	Field  string
	Op     Op
	Values []Value
}

// String returns the leaf as a line to read, such as qty >= "10".
func (l Leaf) String() string {
	text := append([]byte(l.Field+" "), l.Op...)
	if len(l.Values) > 0 {
		text = l.appendValue(append(text, ' '), Text)
	}
	return string(text)
}

// A Value is kept as it was written; the field's kind decides at Compile what
// it means. The zero Form is a JSON string, which is what texts, and numbers as
// decimal strings, are written as.
type Value struct {
	Text string
	Form Form
}

// Form is the JSON type in which a value was written.
type Form uint8

// The forms. A number field takes [String] (a decimal string such as "12.5")
// and [Integer]; a text or set field takes [String] alone, a bool field
// [Boolean] alone. A caller whose JSON has no plain integers must refuse that
// form itself.
const (
	String Form = iota
	Integer
	Boolean
)

// Raw is a condition that its owner decodes: {"<Key>": <JSON>}.
type Raw struct {
	Key  string
	JSON json.RawMessage
}

// Node returns the condition as it was written; the caller must not change what
// it points to. The zero Node for a nil Program.
func (p *Program) Node() Node {
	if p == nil {
		return Node{}
	}
	return p.root
}

// zero reports whether no form is set at all.
func (n Node) zero() bool {
	return n.All == nil && n.Any == nil && n.Not == nil && n.Leaf == nil && n.Extern == nil
}

// forms counts the forms that are set.
func (n Node) forms() int {
	count := 0
	for _, set := range [...]bool{n.All != nil, n.Any != nil, n.Not != nil, n.Leaf != nil, n.Extern != nil} {
		if set {
			count++
		}
	}
	return count
}

// MarshalJSON writes the condition as [Node.AppendJSON] does.
func (n Node) MarshalJSON() ([]byte, error) { return n.AppendJSON(nil), nil }

// AppendJSON appends the condition with its values as they were written, in the
// one order of keys and without spaces; {} for the zero Node. [Parse] reads it
// back.
func (n Node) AppendJSON(dst []byte) []byte {
	return n.append(dst, func(Leaf) Kind { return Text })
}

// AppendJSON appends the canonical form of a condition: that of
// [Node.AppendJSON], with the values of number fields as decimal strings without
// superfluous zeros. What Compile would refuse is appended as it was written.
func (s *Schema) AppendJSON(dst []byte, n Node) []byte {
	return n.append(dst, func(l Leaf) Kind {
		_, kind, _ := s.kindOf(l.Field)
		return kind
	})
}

func (n Node) append(dst []byte, kindOf func(Leaf) Kind) []byte {
	open := len(dst)
	if n.All != nil {
		dst = appendNodes(appendKey(dst, keyAll), n.All, kindOf)
	}
	if n.Any != nil {
		dst = appendNodes(appendKey(dst, keyAny), n.Any, kindOf)
	}
	if n.Not != nil {
		dst = n.Not.append(appendKey(dst, keyNot), kindOf)
	}
	if n.Leaf != nil {
		dst = n.Leaf.append(dst, kindOf(*n.Leaf))
	}
	if n.Extern != nil {
		dst = n.Extern.append(dst)
	}
	if len(dst) == open {
		return append(dst, '{', '}')
	}
	dst[open] = '{'
	return append(dst, '}')
}

// appendKey appends a comma, which the first key's object turns into a brace,
// and the key.
func appendKey(dst []byte, key string) []byte {
	return append(appendText(append(dst, ','), key), ':')
}

func appendNodes(dst []byte, nodes []Node, kindOf func(Leaf) Kind) []byte {
	dst = append(dst, '[')
	for i := range nodes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = nodes[i].append(dst, kindOf)
	}
	return append(dst, ']')
}

func (l Leaf) append(dst []byte, kind Kind) []byte {
	dst = appendText(appendKey(dst, keyField), l.Field)
	dst = appendText(appendKey(dst, keyOp), string(l.Op))
	if len(l.Values) == 0 {
		return dst
	}
	return l.appendValue(appendKey(dst, keyValue), kind)
}

func (l Leaf) appendValue(dst []byte, kind Kind) []byte {
	if l.Op.arity() == oneValue && len(l.Values) == 1 {
		return l.Values[0].append(dst, kind)
	}
	dst = append(dst, '[')
	for i, v := range l.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = v.append(dst, kind)
	}
	return append(dst, ']')
}

func (v Value) append(dst []byte, kind Kind) []byte {
	if kind == Number && v.Form != Boolean {
		if n, err := parseNum(v.Text); err == nil {
			return appendText(dst, n.String())
		}
	}
	if v.Form == String {
		return appendText(dst, v.Text)
	}
	return append(dst, v.Text...)
}

func (r *Raw) append(dst []byte) []byte {
	dst = appendKey(dst, r.Key)
	buf := bytes.NewBuffer(dst)
	if err := json.Compact(buf, r.JSON); err != nil {
		return append(dst, r.JSON...) // json.Marshal then says what is wrong with it
	}
	return buf.Bytes()
}

// appendText appends a JSON string. Unlike json.Marshal it leaves <, > and &,
// which operators are made of, readable.
func appendText(dst []byte, text string) []byte {
	special := func(c byte) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }
	if !slices.ContainsFunc([]byte(text), special) {
		return append(append(append(dst, '"'), text...), '"')
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil {
		return append(dst, `""`...) // no string fails to encode
	}
	return append(dst, bytes.TrimSuffix(buf.Bytes(), []byte{'\n'})...)
}
