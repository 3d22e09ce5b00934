package strictjson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Text reads a string.
func (d *Decoder) Text() (string, bool) {
	if d.broken {
		return "", false
	}
	if d.peek() != '"' {
		d.wrongType("a string")
		return "", false
	}
	raw, escaped, ok := d.scanString()
	if !ok {
		return "", false
	}
	return d.unquote(raw, escaped)
}

// Bool reads true or false.
func (d *Decoder) Bool() (value, ok bool) {
	if d.broken {
		return false, false
	}
	if c := d.peek(); c != 't' && c != 'f' {
		d.wrongType("true or false")
		return false, false
	}
	word := d.scanWord()
	return word == "true", word != ""
}

// Int reads a JSON integer from least to most, without fraction and exponent.
func (d *Decoder) Int(least, most int64) (int64, bool) {
	text, ok := d.integer()
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < least || n > most {
		d.Fail(CodeNumber, fmt.Errorf("%s is not %d to %d", shortened(text), least, most))
		return 0, false
	}
	return n, true
}

// Uint reads a JSON integer of 64 bits that is not negative.
func (d *Decoder) Uint() (uint64, bool) {
	text, ok := d.integer()
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		d.Fail(CodeNumber, fmt.Errorf("%s is not 0 to 2^64-1", shortened(text)))
		return 0, false
	}
	return n, true
}

func (d *Decoder) integer() ([]byte, bool) {
	if d.broken {
		return nil, false
	}
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		d.wrongType("an integer")
		return nil, false
	}
	text, whole, ok := d.scanNumber()
	if ok && !whole {
		d.Fail(CodeNumber, fmt.Errorf("%s is no integer", shortened(text)))
	}
	return text, ok && whole
}

func shortened(text []byte) string {
	if len(text) > maxQuoted {
		return fmt.Sprintf("a number of %d bytes", len(text))
	}
	return string(text)
}

// Decimal reads a decimal in a string; see [ParseDecimal].
func (d *Decoder) Decimal() (decimal.Decimal, bool) {
	text, ok := d.DecimalText()
	if !ok {
		return decimal.Decimal{}, false
	}
	v, err := ParseDecimal(text)
	if err != nil {
		d.Fail(CodeNumber, err)
		return decimal.Decimal{}, false
	}
	return v, true
}

// DecimalText reads a string that is to hold a decimal, for a caller with a parser
// of its own.
func (d *Decoder) DecimalText() (string, bool) {
	if !d.broken && d.peek() != '"' {
		d.wrongType(`a decimal string such as "12.5"`)
		return "", false
	}
	return d.Text()
}

// MaxDecimal is how many bytes a decimal may have.
const MaxDecimal = 64

// ParseDecimal reads -?digits[.digits] of at most [MaxDecimal] bytes: no sign +,
// no exponent, no spaces, no NaN.
func ParseDecimal(text string) (decimal.Decimal, error) {
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if len(text) > MaxDecimal || !allDigits(whole) || point && !allDigits(fraction) {
		return decimal.Decimal{}, fmt.Errorf(`%s is no decimal such as "12.5"`, quoted(text))
	}
	if len(digits) <= 18 {
		coef := int64(0)
		for _, part := range [...]string{whole, fraction} {
			for i := range len(part) {
				coef = 10*coef + int64(part[i]-'0')
			}
		}
		if len(digits) < len(text) {
			coef = -coef
		}
		return decimal.New(coef, -int32(len(fraction))), nil //nolint:gosec // at most 18
	}
	v, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Decimal{}, fmt.Errorf("%s: %w", quoted(text), err)
	}
	return v, nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Time reads a time: RFC 3339, whole seconds, after the first second of year 1,
// which is the zero Time, and to the end of year 9999. It is returned in UTC.
func (d *Decoder) Time() (time.Time, bool) {
	text, ok := d.Text()
	if !ok {
		return time.Time{}, false
	}
	t, err := parseTime(text)
	if err != nil {
		d.Fail(CodeTime, err)
		return time.Time{}, false
	}
	return t, true
}

var errTime = errors.New("want RFC 3339 at whole seconds, such as 2026-06-01T00:00:00Z")

func parseTime(text string) (time.Time, error) {
	// time.Parse also takes an hour of one digit and a fraction, which the shape rules out.
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || text[len("2006-01-02T15")] != ':' || !strings.Contains("Z+-", text[len("2006-01-02T15:04:05"):][:1]) || !WholeSecond(t) {
		return time.Time{}, fmt.Errorf("%s: %w", quoted(text), errTime)
	}
	return t.UTC(), nil
}

// WholeSecond reports whether a Writer can write t so that a Decoder reads it
// back: a whole second, not the zero Time, of year 1 to 9999 in UTC.
func WholeSecond(t time.Time) bool {
	year := t.UTC().Year()
	return t.Nanosecond() == 0 && !t.IsZero() && year >= 1 && year <= 9999
}

// Names reads a string that must be one of names, and returns its index.
func (d *Decoder) Names(names ...string) (int, bool) {
	text, ok := d.Text()
	if !ok {
		return 0, false
	}
	for i, name := range names {
		if name == text {
			return i, true
		}
	}
	d.Fail(CodeName, fmt.Errorf("unknown %s: want %s", quoted(text), strings.Join(names, ", ")))
	return 0, false
}
