package otlp

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxSkip is how deep values may be nested that are not of OTLP and therefore skipped.
const maxSkip = 256

// A scanner reads JSON text. The first thing that is wrong stays in err, and everything after it fails.
type scanner struct {
	text []byte
	at   int
	err  error
}

func (s *scanner) fail(reason string) {
	if s.err == nil {
		s.err = errors.New(reason)
	}
}

// peek returns the next byte that is no blank; 0 at the end or after an error.
func (s *scanner) peek() byte {
	for s.err == nil && s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// accept reads c if it comes next.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

// null reads a null if it comes next.
func (s *scanner) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.literal("null")
	return true
}

func (s *scanner) literal(want string) {
	if !strings.HasPrefix(string(s.text[s.at:min(s.at+len(want), len(s.text))]), want) {
		s.fail("no JSON value")
		return
	}
	s.at += len(want)
}

// members reads an object and calls member behind each key.
func (s *scanner) members(member func(key []byte)) {
	if !s.accept('{') {
		s.fail("want an object")
		return
	}
	if s.accept('}') {
		return
	}
	for s.err == nil {
		key := s.str()
		if !s.accept(':') {
			s.fail("want a colon")
			return
		}
		member(key)
		if !s.accept(',') {
			break
		}
	}
	if s.err == nil && !s.accept('}') {
		s.fail("want a comma or the end of the object")
	}
}

// elements reads an array and calls element before each value.
func (s *scanner) elements(element func(i int)) {
	if !s.accept('[') {
		s.fail("want an array")
		return
	}
	if s.accept(']') {
		return
	}
	for i := 0; s.err == nil; i++ {
		element(i)
		if !s.accept(',') {
			break
		}
	}
	if s.err == nil && !s.accept(']') {
		s.fail("want a comma or the end of the array")
	}
}

// str reads a string, which is a part of the text if it has no escapes. Bytes that are not UTF-8 stay as they are.
func (s *scanner) str() []byte {
	if !s.accept('"') {
		s.fail("want a string")
		return nil
	}
	begin := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[begin : s.at-1]
		case c == '\\':
			return s.escaped(begin)
		case c < ' ':
			s.fail("control character in a string")
			return nil
		default:
			s.at++
		}
	}
	s.fail("string without an end")
	return nil
}

// escaped reads on a string that began at begin and has an escape here.
func (s *scanner) escaped(begin int) []byte {
	b := append([]byte(nil), s.text[begin:s.at]...)
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return b
		case c < ' ':
			s.fail("control character in a string")
			return nil
		case c != '\\':
			b = append(b, c)
		default:
			b = s.escape(b)
		}
		if s.err != nil {
			return nil
		}
	}
	s.fail("string without an end")
	return nil
}

// escape reads what follows a backslash. Half a surrogate pair is U+FFFD.
func (s *scanner) escape(b []byte) []byte {
	if s.at >= len(s.text) {
		s.fail("string without an end")
		return b
	}
	c := s.text[s.at]
	s.at++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return append(b, "\"\\/\b\f\n\r\t"[i])
	}
	if c != 'u' {
		s.fail("unknown escape in a string")
		return b
	}
	r := s.hex4()
	if utf16.IsSurrogate(r) && s.at+1 < len(s.text) && s.text[s.at] == '\\' && s.text[s.at+1] == 'u' {
		back := s.at
		s.at += 2
		if r = utf16.DecodeRune(r, s.hex4()); r == utf8.RuneError {
			s.at = back // The other half was none: it is read for itself.
		}
	}
	return utf8.AppendRune(b, r)
}

func (s *scanner) hex4() rune {
	if s.at+4 > len(s.text) {
		s.fail("string without an end")
		return 0
	}
	v, err := strconv.ParseUint(string(s.text[s.at:s.at+4]), 16, 16)
	if err != nil {
		s.fail("unknown escape in a string")
		return 0
	}
	s.at += 4
	return rune(v)
}

// number reads a number as its text.
func (s *scanner) number() []byte {
	s.peek()
	begin := s.at
	digits := func() bool {
		from := s.at
		for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
			s.at++
		}
		return s.at > from
	}
	next := func(set string) bool {
		if s.at < len(s.text) && strings.IndexByte(set, s.text[s.at]) >= 0 {
			s.at++
			return true
		}
		return false
	}
	next("-")
	ok := next("0") || digits()
	if ok && next(".") {
		ok = digits()
	}
	if ok && next("eE") {
		next("+-")
		ok = digits()
	}
	if !ok {
		s.fail("want a number")
		return nil
	}
	return s.text[begin:s.at]
}

// boolean reads true or false.
func (s *scanner) boolean() bool {
	switch s.peek() {
	case 't':
		s.literal("true")
		return true
	case 'f':
		s.literal("false")
	default:
		s.fail("want true or false")
	}
	return false
}

// skip reads any value.
func (s *scanner) skip(depth int) {
	if depth > maxSkip {
		s.fail("nested too deep")
		return
	}
	switch s.peek() {
	case '{':
		s.members(func([]byte) { s.skip(depth + 1) })
	case '[':
		s.elements(func(int) { s.skip(depth + 1) })
	case '"':
		s.str()
	case 't', 'f':
		s.boolean()
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
}
