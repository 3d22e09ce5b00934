package money

import "fmt"

//go:generate go run ./internal/geniso

// Currency is a code and the digits of its minor unit. It is 8 bytes, comparable with ==, ordered
// by code under Compare, and safe to share. ISO and NewCurrency make one; the zero Currency is that
// of the zero Amount and stands for "none".
type Currency struct {
	// bits holds the code, six bits a character from the top so that numbers order as codes do,
	// then the digits, then extraBits zeros: the room in which an Amount keeps its digits beyond
	// the minor unit.
	bits uint64
}

const (
	maxScale    = 18 // digits after the point of any amount; 10^18 is the largest power of ten in an int64
	minCode     = 3
	maxCode     = 6
	charBits    = 6
	extraBits   = 5
	extraMask   = 1<<extraBits - 1
	digitsMask  = 1<<5 - 1
	digitsShift = extraBits
	codeShift   = digitsShift + 5

	isoCodeLen = 3
	isoWidth   = isoCodeLen + 1
)

// ISO returns a currency of ISO 4217 list one. Codes are upper case: "usd", "" and an unknown code
// are ErrCurrency.
func ISO(code string) (Currency, error) {
	if digits, ok := isoDigits(code); ok {
		return pack(code, digits), nil
	}
	return Currency{}, fmt.Errorf("money: currency %s: %w: not an ISO 4217 code", quoted(code), ErrCurrency)
}

// MustISO is ISO for codes that stand in a program: it panics where ISO has an error.
func MustISO(code string) Currency {
	c, err := ISO(code)
	if err != nil {
		panic(err)
	}
	return c
}

// NewCurrency returns a currency of your own, points or a token say: a code of 3 to 6 characters
// A-Z and 0-9, and 0 to 18 digits. An ISO code with the digits that ISO gives it is the ISO
// currency; with other digits it is refused. Every refusal is ErrCurrency.
func NewCurrency(code string, digits int) (Currency, error) {
	if len(code) < minCode || len(code) > maxCode {
		return Currency{}, fmt.Errorf("money: currency %s: %w: a code has %d to %d characters", quoted(code), ErrCurrency, minCode, maxCode)
	}
	for i := range len(code) {
		if charValue(code[i]) == 0 {
			return Currency{}, fmt.Errorf("money: currency %s: %w: character %q at byte %d is not A-Z or 0-9", quoted(code), ErrCurrency, code[i], i)
		}
	}
	if digits < 0 || digits > maxScale {
		return Currency{}, fmt.Errorf("money: currency %s: %w: digits %d, want 0 to %d", quoted(code), ErrCurrency, digits, maxScale)
	}
	if iso, ok := isoDigits(code); ok && iso != digits {
		return Currency{}, fmt.Errorf("money: currency %s: %w: digits %d, ISO 4217 has %d", quoted(code), ErrCurrency, digits, iso)
	}
	return pack(code, digits), nil
}

// Code returns the code, "" for the zero Currency. An ISO code costs no allocation.
func (c Currency) Code() string {
	var buf [maxCode]byte
	n := 0
	for shift := codeShift + charBits*(maxCode-1); shift >= codeShift; shift -= charBits {
		v := byte(c.bits >> shift & (1<<charBits - 1))
		if v == 0 {
			break
		}
		buf[n] = charOf(v)
		n++
	}
	if n == isoCodeLen {
		if i := isoSearch(string(buf[:n])); i >= 0 {
			return isoTable[i : i+isoCodeLen]
		}
	}
	return string(buf[:n])
}

// Digits returns the number of decimals of the minor unit: 2 for USD, 0 for JPY and the zero
// Currency.
func (c Currency) Digits() int { return int(c.bits >> digitsShift & digitsMask) }

// IsZero reports whether c is the zero Currency.
func (c Currency) IsZero() bool { return c == Currency{} }

// Compare orders currencies by code, and those of one code by digits; the zero Currency is first.
func (c Currency) Compare(d Currency) int {
	switch {
	case c.bits < d.bits:
		return -1
	case c.bits > d.bits:
		return 1
	}
	return 0
}

// Cash returns how cash of the currency is rounded in practice, always half up: 0.05 for CHF, CAD
// and AUD, 0.10 for NZD, 0.50 for DKK, 1 for SEK, NOK and CZK, 5 for HUF, the minor unit for every
// other. A shop that rounds otherwise writes its own Rounding.
func (c Currency) Cash() Rounding {
	r := Rounding{Mode: HalfUp, Increment: 1}
	switch c.Code() {
	case "CHF", "CAD", "AUD":
		r.Increment = 5
	case "NZD":
		r.Increment = 10
	case "DKK":
		r.Increment = 50
	case "SEK", "NOK", "CZK":
		r.Increment = 100
	case "HUF":
		r.Increment = 500
	}
	return r
}

// pack builds a currency of a code and digits that are known to be legal.
func pack(code string, digits int) Currency {
	var bits uint64
	for i := range maxCode {
		bits <<= charBits
		if i < len(code) {
			bits |= uint64(charValue(code[i]))
		}
	}
	return Currency{bits<<codeShift | uint64(digits)<<digitsShift} //nolint:gosec // digits is 0 to 18
}

// charValue numbers the characters of a code from 1, in byte order; 0 is no such character, and the
// end of a packed code.
func charValue(b byte) byte {
	switch {
	case '0' <= b && b <= '9':
		return b - '0' + 1
	case 'A' <= b && b <= 'Z':
		return b - 'A' + 11
	}
	return 0
}

// charOf is the inverse of charValue.
func charOf(v byte) byte {
	if v <= 10 {
		return v - 1 + '0'
	}
	return v - 11 + 'A'
}

// isoDigits returns the digits that ISO 4217 gives to code, and whether it lists it.
func isoDigits(code string) (int, bool) {
	if i := isoSearch(code); i >= 0 {
		return int(isoTable[i+isoCodeLen] - '0'), true
	}
	return 0, false
}

// isoSearch returns where the record of code begins in isoTable, or -1.
func isoSearch(code string) int {
	if len(code) != isoCodeLen {
		return -1
	}
	low, high := 0, len(isoTable)/isoWidth
	for low < high {
		mid := (low + high) / 2
		at := mid * isoWidth
		switch listed := isoTable[at : at+isoCodeLen]; {
		case listed == code:
			return at
		case listed < code:
			low = mid + 1
		default:
			high = mid
		}
	}
	return -1
}
