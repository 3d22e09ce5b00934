package promotions

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
)

func parse(data []byte, value func(*form)) error {
	f := &form{Codec: strictjson.NewReader(strictjson.NewDecoder(data, strictjson.Limits{})), parts: maxParts}
	value(f)
	return f.problems()
}

func encode(what string, value func(*form)) ([]byte, error) {
	f := &form{Codec: strictjson.NewWriterCodec(strictjson.NewWriter(nil)), parts: maxParts}
	if value(f); f.Err() != nil {
		return nil, fmt.Errorf("promotions: encode %s: %w", what, f.Err())
	}
	return f.Writer.Bytes(), nil
}

// A form describes the JSON form once, for reading and for writing. Its methods
// hide those of the codec, for which null is an error.
type form struct {
	*strictjson.Codec
	// canonical leaves out the time of a cart and sorts lists that have no order, so
	// that carts for which the promotions are the same are written the same.
	canonical bool
	currency  money.Currency // of the amounts that are at hand
	parts     int            // of a condition that there may still be
	depth     int            // of the part of a condition at hand
	keys      []string       // what is written at hand, sorted
}

// problems are what is wrong with what was read, as one error.
func (f *form) problems() error {
	found, more := f.Decoder.End()
	if len(found) == 0 {
		return nil
	}
	e := &InvalidError{}
	for _, p := range found {
		err := p.Err
		if p.Code == strictjson.CodeDepth {
			err = fmt.Errorf("%w: %w", ErrRange, err)
		}
		e.add(p.Path, err)
	}
	if more > 0 {
		e.add("", fmt.Errorf("and %d more", more))
	}
	return e
}

func (f *form) failf(format string, args ...any) { f.Fail("", fmt.Errorf(format, args...)) }

// missing reports a key that is not there in what is read.
func (f *form) missing(key string) {
	if f.Reads() {
		f.Decoder.FailUnder("", errors.New("required"), key)
	}
}

// Field is a field for which null is as good as absent.
func (f *form) Field(key string, isDefault bool, value func()) {
	f.Codec.Field(key, isDefault, func() {
		if f.Reads() && f.Decoder.Next() == 'n' {
			f.Decoder.Skip()
			return
		}
		value()
	})
}

// early reads a field ahead of its turn in the order of keys, because others
// depend on it; its turn then comes only when the form writes.
func (f *form) early(value func()) {
	if f.Reads() {
		value()
	}
}

func (f *form) late(value func()) {
	if !f.Reads() {
		value()
	}
}

// Text is a text; the default is "".
func (f *form) Text(key string, v *string) {
	f.Field(key, *v == "", func() { f.TextValue(v) })
}

// Texts is a list of texts; the default is none.
func (f *form) Texts(key string, v *[]string) {
	list(f, key, v, f.TextValue)
}

// Bool is true or, by default, false.
func (f *form) Bool(key string, v *bool) {
	f.Field(key, !*v, func() {
		if !f.Reads() {
			f.Writer.Bool(*v)
			return
		}
		*v, _ = f.Decoder.Bool()
	})
}

// Decimal is a decimal string; the default is 0.
func (f *form) Decimal(key string, v *decimal.Decimal) {
	f.Field(key, v.IsZero(), func() { f.decimal(v) })
}

// NullDecimal is a decimal string; the default is none.
func (f *form) NullDecimal(key string, v *decimal.NullDecimal) {
	f.Field(key, !v.Valid, func() {
		if read := f.decimal(&v.Decimal); f.Reads() { // a writer must not write to a set that others read
			v.Valid = read
		}
	})
}

// decimal is a decimal string, and reports whether it reads one. Empty is absent.
func (f *form) decimal(v *decimal.Decimal) bool {
	if !f.Reads() {
		f.DecimalValue(v)
		return false
	}
	text, ok := f.Decoder.DecimalText()
	if !ok || text == "" {
		return false
	}
	d, err := strictjson.ParseDecimal(text)
	if err != nil {
		f.Fail(strictjson.CodeNumber, err)
		return false
	}
	*v = d
	return true
}

// Time is a time of RFC 3339, read in UTC; the default is the zero Time.
func (f *form) Time(key string, v *time.Time) {
	f.Field(key, v.IsZero(), func() {
		if !f.Reads() {
			text, err := v.UTC().MarshalText()
			if err != nil {
				f.Fail("", err)
			}
			f.Writer.Text(string(text))
			return
		}
		text, ok := f.Decoder.Text()
		if !ok || text == "" {
			return
		}
		var at time.Time
		if err := at.UnmarshalText([]byte(text)); err != nil {
			f.failf("want a time of RFC 3339, such as 2026-06-10T12:00:00Z")
			return
		}
		*v = at.UTC()
	})
}

// list is a list; the default is none.
func list[T any](f *form, key string, v *[]T, value func(*T)) {
	f.Field(key, len(*v) == 0, func() { strictjson.ListValue(f.Codec, v, value) })
}

// texts is a list of texts whose order means nothing.
func (f *form) texts(key string, v *[]string) {
	f.Texts(key, f.sorted(v))
}

// sorted is a list in the order in which the canonical form has it.
func (f *form) sorted(v *[]string) *[]string {
	if !f.canonical || slices.IsSorted(*v) {
		return v
	}
	f.keys = append(f.keys[:0], *v...)
	slices.Sort(f.keys)
	return &f.keys
}

// attributes are texts by any keys; the default is none.
func (f *form) attributes(v *map[string]string) {
	f.Field("attributes", len(*v) == 0, func() {
		if f.Reads() {
			*v = make(map[string]string)
			f.Decoder.Object(func(name string) bool {
				(*v)[name], _ = f.Decoder.Text()
				return true
			})
			return
		}
		f.Writer.Open('{')
		f.keys = f.keys[:0]
		for name := range *v {
			f.keys = append(f.keys, name)
		}
		slices.Sort(f.keys)
		for _, name := range f.keys {
			if !f.Writer.TextKey(name) || !f.Writer.Text((*v)[name]) {
				f.failf("%q is not UTF-8", name)
			}
		}
		f.Writer.Close('}')
	})
}

// name is one of names, by its index; the default is the first.
func name[T ~uint8](f *form, key string, names []string, v *T) {
	f.Field(key, *v == 0, func() { nameValue(f, names, v) })
}

func nameValue[T ~uint8](f *form, names []string, v *T) {
	if !f.Reads() {
		strictjson.NameValue(f.Codec, names, v)
		return
	}
	text, ok := f.Decoder.Text()
	if !ok || text == "" {
		return
	}
	i := slices.Index(names, text)
	if i < 0 {
		f.failf("%q is none of %s", text[:min(len(text), maxID)], strings.TrimPrefix(strings.Join(names, ", "), ", "))
		return
	}
	*v = T(i)
}

// count is an integer from least to most, or a decimal string of one; the default
// is 0.
func count(f *form, key string, v *int64, least, most int64) {
	f.Field(key, *v == 0, func() { f.count(v, least, most) })
}

func (f *form) count(v *int64, least, most int64) {
	if !f.Reads() || f.Decoder.Next() != '"' {
		strictjson.IntegerValue(f.Codec, v, least, most)
		return
	}
	n, ok := f.Decoder.Decimal()
	switch {
	case !ok:
	case !n.IsInteger() || n.LessThan(decimal.NewFromInt(least)) || n.GreaterThan(decimal.NewFromInt(most)):
		f.Fail(strictjson.CodeNumber, fmt.Errorf("%s is not a whole number from %d to %d", n, least, most))
	default:
		*v = n.IntPart()
	}
}

// small is count for an int.
func small(f *form, key string, v *int, least, most int64) {
	n := int64(*v)
	count(f, key, &n, least, most)
	if f.Reads() {
		*v = int(n)
	}
}

// aboveZero is a decimal string above zero; the default, 0, is none.
func (f *form) aboveZero(key string, v *decimal.Decimal) {
	f.Field(key, v.IsZero(), func() {
		if f.decimal(v) && v.Sign() <= 0 {
			f.failf("%s is not above 0", shown(*v))
		}
	})
}

func (f *form) currencyField(v *money.Currency) {
	f.Field("currency", v.IsZero(), func() {
		if !f.Reads() {
			f.Writer.Text(v.String())
			return
		}
		if text, ok := f.Decoder.Text(); ok {
			if err := v.UnmarshalText([]byte(text)); err != nil {
				f.Fail("", err)
			}
		}
	})
}

// amount is money of the currency at hand; the default is the zero Amount.
func (f *form) amount(key string, v *money.Amount) {
	f.Field(key, *v == money.Amount{}, func() { f.amountValue(v, true) })
}

// price is an amount that must be there.
func (f *form) price(v *money.Amount) {
	f.required("price", func() { f.amountValue(v, false) })
}

// amountValue is money of the currency at hand, where empty may be as good as absent. Where that is missing when it
// reads, which is a problem already, the syntax alone is checked.
func (f *form) amountValue(v *money.Amount, mayBeEmpty bool) {
	c := f.currency
	if !f.Reads() {
		coef, scale := v.Unscaled()
		switch {
		case *v == money.Amount{}:
			scale = c.Digits()
		case v.Currency() != c:
			f.failf("%s in %q: %w", v, c.String(), money.ErrCurrency)
		}
		f.Writer.Fixed(coef, scale)
		return
	}
	text, ok := f.Decoder.DecimalText()
	if !ok || text == "" && mayBeEmpty {
		return
	}
	if c.IsZero() {
		c, _ = money.ISO("XXX") // its own "no currency"
	}
	a, err := money.Parse(text, c)
	if err != nil {
		f.Fail("", err)
	}
	*v = a
}

// shown is a decimal for a message, of bounded length.
func shown(d decimal.Decimal) string {
	text, ok := strictjson.AppendDecimal(nil, d)
	if !ok {
		return "a number of over 64 digits"
	}
	return string(text)
}

// The names of choices, in the order of their constants.
//
//nolint:gochecknoglobals // immutable tables
var (
	modeNames      = []string{"half_even", "half_up", "half_down", "up", "down", "ceil", "floor"}
	roundNames     = []string{"discount", "price"}
	splitNames     = []string{"largest_remainder", "first_lines", "nearest_first", "last_line", "cascade"}
	refusedNames   = []string{"redistribute", "drop"}
	overNames      = []string{"cap", "skip"}
	stageNames     = []string{"sequential", "first", "best", "lowest", "optimal"}
	byNames        = []string{"cart", "line"}
	targetNames    = []string{"lines", "shipping", "all"}
	baseNames      = []string{"discounted", "original"}
	exclusiveNames = []string{"", "stage", "cart"}
	kindNames      = []string{"percent", "amount", "price"}
	effectNames    = []string{"percent", "amount", "price", "bxgy", "bundle", "gift"}
	perNames       = []string{"line", "unit", "order"}
	tierByNames    = []string{"amount", "quantity"}
	pickNames      = []string{"cheapest", "dearest", "largest_line"}
	pairingNames   = []string{"global", "per_group"}
)

// required is a field that must be there.
func (f *form) required(key string, value func()) {
	if f.Reads() && !f.Has(key) {
		f.missing(key)
	}
	f.Field(key, false, value)
}

// number is money or a count: a decimal string, or an integer.
func (f *form) number(v *decimal.Decimal) {
	if next := f.next(); next != '"' && f.Reads() {
		if n, ok := f.Decoder.Int(math.MinInt64, math.MaxInt64); ok {
			*v = decimal.NewFromInt(n)
		}
		return
	}
	f.DecimalValue(v)
}

// next is the first byte of what is to be read.
func (f *form) next() byte {
	if f.Reads() {
		return f.Decoder.Next()
	}
	return 0
}
