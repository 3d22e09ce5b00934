package money

import (
	"bytes"
	"encoding"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	_ encoding.TextMarshaler   = Amount{}
	_ encoding.TextUnmarshaler = (*Amount)(nil)
	_ encoding.TextMarshaler   = Currency{}
	_ encoding.TextUnmarshaler = (*Currency)(nil)
)

// Parse reads an amount of c in major units: ASCII digits with an optional minus sign before and an
// optional point and more digits after, nothing else: no plus sign, no exponent, no grouping, no
// spaces. Digits beyond the minor unit are kept, trailing zeros beyond it are dropped. ErrSyntax
// with the text and the position; ErrRange when there are more than 18 decimals as written or no
// Amount holds the value; ErrCurrency when c is the zero Currency and the value is not 0. It
// allocates only on an error.
func Parse(text string, c Currency) (Amount, error) {
	whole, fraction, negative, bad := scan(text)
	if bad >= 0 {
		return Amount{}, syntaxError(text, bad)
	}
	if len(fraction) > maxScale {
		return Amount{}, fmt.Errorf("money: parse %s: %w: %d decimals, want at most %d", quoted(text), ErrRange, len(fraction), maxScale)
	}
	digits := c.Digits()
	for len(fraction) > digits && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	coef, ok := digitsOf(0, whole)
	if ok {
		coef, ok = digitsOf(coef, fraction)
	}
	if missing := digits - len(fraction); ok && missing > 0 {
		coef, ok = mul64(coef, pow10[missing])
	}
	if !ok || coef > math.MaxInt64 {
		return Amount{}, fmt.Errorf("money: parse %s: %w", quoted(text), ErrRange)
	}
	if coef != 0 && c.bits == 0 {
		return Amount{}, noCurrency(text)
	}
	extra := max(len(fraction)-digits, 0)
	return Amount{signed(coef, negative), c.bits | uint64(extra)}, nil
}

// Text returns the value in major units with at least the digits of the minor unit: "12.34",
// "1200", "0.012345". Parse reads it.
func (a Amount) Text() string {
	var buf [textSize]byte
	return string(a.appendText(buf[:0]))
}

// String returns the text and the currency, "12.34 USD", and "0" for the zero Amount.
func (a Amount) String() string {
	var buf [textSize]byte
	return string(a.appendString(buf[:0]))
}

// MarshalText returns String. It never fails.
func (a Amount) MarshalText() ([]byte, error) { return a.appendString(nil), nil }

// UnmarshalText reads what MarshalText writes. Its errors are those of Parse, ISO and NewCurrency,
// and leave a unchanged.
func (a *Amount) UnmarshalText(text []byte) error {
	if string(text) == "0" {
		*a = Amount{}
		return nil
	}
	at := bytes.LastIndexByte(text, ' ')
	if at < 0 {
		return fmt.Errorf("money: amount %s: %w: want a number, a space and a currency", quoted(string(text)), ErrSyntax)
	}
	c, err := parseCurrency(string(text[at+1:]))
	if err != nil {
		return err
	}
	v, err := Parse(string(text[:at]), c)
	if err != nil {
		return err
	}
	*a = v
	return nil
}

// String returns the code, with the digits after a slash for a currency of your own: "USD",
// "POINT/0". It is "" for the zero Currency.
func (c Currency) String() string {
	code := c.Code()
	if _, iso := isoDigits(code); iso || code == "" {
		return code
	}
	return code + "/" + strconv.Itoa(c.Digits())
}

// MarshalText returns String. It never fails.
func (c Currency) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText writes, the empty text of the zero Currency too. Other text
// that is no currency is ErrCurrency and leaves c unchanged.
func (c *Currency) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = Currency{}
		return nil
	}
	v, err := parseCurrency(string(text))
	if err != nil {
		return err
	}
	*c = v
	return nil
}

// parseCurrency reads the String of a currency that is not zero.
func parseCurrency(text string) (Currency, error) {
	code, digits, own := strings.Cut(text, "/")
	if !own {
		return ISO(text)
	}
	n, err := strconv.Atoi(digits)
	if err != nil || strconv.Itoa(n) != digits {
		return Currency{}, fmt.Errorf("money: currency %s: %w: want digits after the slash", quoted(text), ErrCurrency)
	}
	return NewCurrency(code, n)
}

// textSize holds any String: a sign, 19 digits, a point, a space, a code, a slash and two digits of
// the currency.
const textSize = 32

// appendText appends Text.
func (a Amount) appendText(b []byte) []byte {
	if a.coef < 0 {
		b = append(b, '-')
	}
	m, scale := magnitude(a.coef), a.scale()
	b = strconv.AppendUint(b, m/pow10[scale], 10)
	if scale == 0 {
		return b
	}
	// Ten to the scale, added to the fraction, keeps its leading zeros: 5 of 100 becomes 105, and
	// the 1 makes room for the point.
	at := len(b)
	b = strconv.AppendUint(b, pow10[scale]+m%pow10[scale], 10)
	b[at] = '.'
	return b
}

// appendString appends String.
func (a Amount) appendString(b []byte) []byte {
	b = a.appendText(b)
	if a.meta == 0 {
		return b
	}
	b = append(b, ' ')
	return append(b, a.Currency().String()...)
}

// scan cuts the text of a number into its parts; bad is the position of the first byte that does
// not belong, or -1.
func scan(text string) (whole, fraction string, negative bool, bad int) {
	at := 0
	if text != "" && text[0] == '-' {
		negative, at = true, 1
	}
	start := at
	at = skipDigits(text, at)
	whole = text[start:at]
	if whole == "" {
		return "", "", false, at
	}
	if at < len(text) && text[at] == '.' {
		start = at + 1
		at = skipDigits(text, start)
		fraction = text[start:at]
		if fraction == "" {
			return "", "", false, at
		}
	}
	if at < len(text) {
		return "", "", false, at
	}
	return whole, fraction, negative, -1
}

// skipDigits returns the position of the first byte from at that is no digit.
func skipDigits(text string, at int) int {
	for at < len(text) && '0' <= text[at] && text[at] <= '9' {
		at++
	}
	return at
}

// digitsOf appends digits to the number n; ok is false when it needs more than 64 bits.
func digitsOf(n uint64, digits string) (m uint64, ok bool) {
	for i := range len(digits) {
		hi, lo := bits.Mul64(n, 10)
		sum, carry := bits.Add64(lo, uint64(digits[i]-'0'), 0)
		if hi|carry != 0 {
			return 0, false
		}
		n = sum
	}
	return n, true
}

// syntaxError says what stands at the position where a digit or the end should be.
func syntaxError(text string, at int) error {
	if at == len(text) {
		return fmt.Errorf("money: parse %s: %w: a digit is missing at byte %d", quoted(text), ErrSyntax, at)
	}
	r, _ := utf8.DecodeRuneInString(text[at:])
	return fmt.Errorf("money: parse %s: %w: %q at byte %d", quoted(text), ErrSyntax, r, at)
}
