package strictjson

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// A Writer appends canonical JSON to a buffer. The zero Writer is ready to use.
// It puts commas itself. What it cannot write so that a [Decoder] reads it back
// as it was (text that is not UTF-8, a fraction of a second, a decimal of more
// than [MaxDecimal] bytes) makes its method report false, and nothing is written.
type Writer struct{ buf []byte }

// NewWriter returns a writer that appends to buf.
func NewWriter(buf []byte) *Writer { return &Writer{buf: buf} }

// Bytes returns the buffer.
func (w *Writer) Bytes() []byte { return w.buf }

// Reset empties the buffer and keeps its room.
func (w *Writer) Reset() { w.buf = w.buf[:0] }

// Open begins an object ('{') or a list ('[').
func (w *Writer) Open(bracket byte) {
	w.comma()
	w.buf = append(w.buf, bracket)
}

// Close ends an object ('}') or a list (']').
func (w *Writer) Close(bracket byte) { w.buf = append(w.buf, bracket) }

// Key writes a key, which must be a plain name; its value comes next.
func (w *Writer) Key(name string) {
	w.comma()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
}

// comma separates a value from the one before it, if there is one: unless the
// buffer ends in an opening bracket or a colon. Strings end in a quote, so that
// what stands in them cannot be taken for either.
func (w *Writer) comma() {
	if n := len(w.buf); n > 0 {
		switch w.buf[n-1] {
		case '{', '[', ':':
		default:
			w.buf = append(w.buf, ',')
		}
	}
}

// Text writes a string.
func (w *Writer) Text(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	w.comma()
	w.buf = appendText(w.buf, s)
	return true
}

// TextKey writes a key that may be any text.
func (w *Writer) TextKey(key string) bool {
	if !w.Text(key) {
		return false
	}
	w.buf = append(w.buf, ':')
	return true
}

// Bool writes true or false.
func (w *Writer) Bool(v bool) {
	w.comma()
	w.buf = strconv.AppendBool(w.buf, v)
}

// Int writes an integer.
func (w *Writer) Int(v int64) {
	w.comma()
	w.buf = strconv.AppendInt(w.buf, v, 10)
}

// Uint writes an integer.
func (w *Writer) Uint(v uint64) {
	w.comma()
	w.buf = strconv.AppendUint(w.buf, v, 10)
}

// Decimal writes a decimal as a string without superfluous zeros.
func (w *Writer) Decimal(v decimal.Decimal) bool {
	var text [MaxDecimal + 2]byte
	b, ok := AppendDecimal(text[:0], v)
	if !ok {
		return false
	}
	w.comma()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, b...)
	w.buf = append(w.buf, '"')
	return true
}

// Fixed writes coef x 10^-scale as a string with all of its decimals: "12.50" for
// (1250, 2). Scale is 0 to 18.
func (w *Writer) Fixed(coef int64, scale int) {
	w.comma()
	w.buf = append(w.buf, '"')
	magnitude := uint64(coef) //nolint:gosec // two's complement
	if coef < 0 {
		w.buf = append(w.buf, '-')
		magnitude = -magnitude
	}
	unit := uint64(1)
	for range scale {
		unit *= 10
	}
	w.buf = strconv.AppendUint(w.buf, magnitude/unit, 10)
	if scale > 0 {
		// The unit, added to the fraction, keeps its leading zeros, and its 1 makes
		// room for the point.
		at := len(w.buf)
		w.buf = strconv.AppendUint(w.buf, unit+magnitude%unit, 10)
		w.buf[at] = '.'
	}
	w.buf = append(w.buf, '"')
}

// Time writes a time in UTC; see [WholeSecond].
func (w *Writer) Time(t time.Time) bool {
	if !WholeSecond(t) {
		return false
	}
	w.comma()
	w.buf = append(w.buf, '"')
	w.buf = t.UTC().AppendFormat(w.buf, time.RFC3339)
	w.buf = append(w.buf, '"')
	return true
}

// AppendDecimal appends a decimal without superfluous zeros, "12.5" for 12.50.
// It reports false, without the work that an exponent of 10^9 would cost, when the
// text would be longer than [MaxDecimal].
func AppendDecimal(b []byte, v decimal.Decimal) ([]byte, bool) {
	digits, exponent := v.NumDigits(), int64(v.Exponent())
	if v.IsZero() {
		return append(b, '0'), true
	}
	if digits > 18 {
		return appendLong(b, v, digits)
	}
	coef := v.CoefficientInt64()
	for coef%10 == 0 {
		coef /= 10
		exponent++
		digits--
	}
	if exponent > MaxDecimal || exponent < -MaxDecimal {
		return b, false
	}
	from := len(b)
	if coef < 0 {
		b = append(b, '-')
		coef = -coef
	}
	var text [20]byte
	b = appendScaled(b, strconv.AppendInt(text[:0], coef, 10), int(exponent))
	return b, len(b)-from <= MaxDecimal
}

// appendLong is AppendDecimal for coefficients beyond an int64.
func appendLong(b []byte, v decimal.Decimal, digits int) ([]byte, bool) {
	if digits > 2*MaxDecimal || v.Exponent() > MaxDecimal || v.Exponent() < -2*MaxDecimal {
		return b, false
	}
	from := len(b)
	if v.Sign() < 0 {
		b = append(b, '-')
	}
	text, exponent := v.Coefficient().Append(nil, 10), int(v.Exponent())
	if text[0] == '-' {
		text = text[1:]
	}
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
		exponent++
	}
	b = appendScaled(b, text, exponent)
	return b, len(b)-from <= MaxDecimal
}

// appendScaled appends digits x 10^exponent, digits without trailing zeros.
func appendScaled(b, digits []byte, exponent int) []byte {
	point := len(digits) + exponent // digits before the point
	switch {
	case exponent >= 0:
		b = append(b, digits...)
		for range exponent {
			b = append(b, '0')
		}
		return b
	case point > 0:
		b = append(b, digits[:point]...)
		b = append(b, '.')
		return append(b, digits[point:]...)
	}
	b = append(b, '0', '.')
	for range -point {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// appendText appends a string, of which only what must be is escaped.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		if short := strings.IndexByte("\b\t\n\f\r\"\\", c); short >= 0 {
			b = append(b, '\\', "btnfr\"\\"[short])
			continue
		}
		b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
