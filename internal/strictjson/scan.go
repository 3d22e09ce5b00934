package strictjson

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// peek passes over white space and returns the byte that follows, 0 at the end
// and when nothing more can be read.
func (d *Decoder) peek() byte {
	for ; d.at < len(d.data); d.at++ {
		switch c := d.data[d.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// Skip passes over the value that stands next, whatever it is.
func (d *Decoder) Skip() {
	if !d.broken {
		d.skip(len(d.path))
	}
}

func (d *Decoder) skip(depth int) {
	switch c := d.peek(); {
	case c == '{' || c == '[':
		if depth >= d.limits.Depth {
			d.FailUnder(CodeDepth, fmt.Errorf("nested deeper than %d", d.limits.Depth))
			d.broken = true
			return
		}
		d.at++
		end := c + 2 // the closing brackets are two behind the opening ones
		for more := d.begins(end); more; more = d.continues(end) {
			if c == '{' {
				if _, ok := d.key(); !ok {
					return
				}
			}
			d.skip(depth + 1)
		}
	case c == '"':
		d.scanString()
	case c == '-', '0' <= c && c <= '9':
		d.scanNumber()
	default:
		d.scanWord()
	}
}

// scanString reads a string and returns what stands between its quotes.
func (d *Decoder) scanString() (raw []byte, escaped, ok bool) {
	from := d.at + 1
	for i := from; i < len(d.data); {
		switch c := d.data[i]; {
		case c == '"':
			d.at = i + 1
			return d.data[from:i], escaped, true
		case c == '\\':
			escaped = true
			i += 2
		case c < ' ':
			d.at = i
			d.syntax("control character in a string")
			return nil, false, false
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(d.data[i:])
			if r == utf8.RuneError && size == 1 {
				d.at = i
				d.syntax("text is not UTF-8")
				return nil, false, false
			}
			i += size
		}
	}
	d.at = len(d.data)
	d.syntax("string without an end")
	return nil, false, false
}

// unquote returns the text of a string.
func (d *Decoder) unquote(raw []byte, escaped bool) (string, bool) {
	if !escaped {
		return string(raw), true
	}
	text := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			text = append(text, raw[i])
			continue
		}
		i++ // scanString saw that a byte follows
		if raw[i] != 'u' {
			c, ok := unescape(raw[i])
			if !ok {
				d.syntax("unknown escape in a string")
				return "", false
			}
			text = append(text, c)
			continue
		}
		r, used, ok := unescapeRune(raw[i+1:])
		if !ok {
			d.syntax("escape of no character in a string")
			return "", false
		}
		text = utf8.AppendRune(text, r)
		i += used
	}
	return string(text), true
}

func unescape(c byte) (byte, bool) {
	switch c {
	case '"', '\\', '/':
		return c, true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	}
	return 0, false
}

// unescapeRune reads what follows \u: four digits, and the second half of a pair
// of surrogates. A half alone is no character.
func unescapeRune(raw []byte) (r rune, used int, ok bool) {
	r, ok = hex4(raw)
	if !ok || !utf16.IsSurrogate(r) {
		return r, 4, ok
	}
	if len(raw) < 10 || raw[4] != '\\' || raw[5] != 'u' {
		return 0, 0, false
	}
	low, ok := hex4(raw[6:])
	r = utf16.DecodeRune(r, low)
	return r, 10, ok && r != utf8.RuneError
}

func hex4(raw []byte) (r rune, ok bool) {
	if len(raw) < 4 {
		return 0, false
	}
	for _, c := range raw[:4] {
		r <<= 4
		switch {
		case '0' <= c && c <= '9':
			r |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			r |= rune(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			r |= rune(c - 'A' + 10)
		default:
			return 0, false
		}
	}
	return r, true
}

// scanNumber reads a JSON number and returns its text; whole reports that it is
// an integer without fraction and exponent.
func (d *Decoder) scanNumber() (text []byte, whole, ok bool) {
	from := d.at
	if d.data[d.at] == '-' {
		d.at++
	}
	zero := d.at < len(d.data) && d.data[d.at] == '0'
	if n := d.digits(); n == 0 || zero && n > 1 {
		d.syntax("malformed number")
		return nil, false, false
	}
	whole = true
	if d.at < len(d.data) && d.data[d.at] == '.' {
		whole = false
		d.at++
		if d.digits() == 0 {
			d.syntax("malformed number")
			return nil, false, false
		}
	}
	if d.at < len(d.data) && d.data[d.at]|0x20 == 'e' {
		whole = false
		d.at++
		if d.at < len(d.data) && (d.data[d.at] == '+' || d.data[d.at] == '-') {
			d.at++
		}
		if d.digits() == 0 {
			d.syntax("malformed number")
			return nil, false, false
		}
	}
	return d.data[from:d.at], whole, true
}

// digits passes over digits and returns how many there were.
func (d *Decoder) digits() int {
	from := d.at
	for d.at < len(d.data) && '0' <= d.data[d.at] && d.data[d.at] <= '9' {
		d.at++
	}
	return d.at - from
}

// scanWord reads true, false or null and returns it, or "".
func (d *Decoder) scanWord() string {
	for _, word := range [...]string{"true", "false", "null"} {
		if len(d.data)-d.at >= len(word) && string(d.data[d.at:d.at+len(word)]) == word {
			d.at += len(word)
			return word
		}
	}
	d.syntax("want a value")
	return ""
}
