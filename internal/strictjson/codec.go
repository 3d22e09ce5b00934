package strictjson

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// A Codec goes over a value to read it or to write it: one description of the
// fields of an object serves both, so that what is written is what is read. The
// description names the fields in their canonical order; what a field means may
// depend on those named before it, in whatever order they stand in the text.
//
//	func person(c *strictjson.Codec, p *Person) {
//		c.Object(func() {
//			c.Text("name", &p.Name)
//			c.Time("born", &p.Born)
//		})
//	}
//
// Reading leaves a field alone that is not in the text; writing leaves out one
// that has its default, and changes nothing. The first thing that cannot be written ends the writing:
// see [Codec.Err].
type Codec struct {
	Decoder *Decoder // nil: it writes
	Writer  *Writer  // nil: it reads
	err     error

	members []member // of the objects that are being read
	first   int      // where those of the innermost begin
}

// A member of an object stands at a position of the text.
type member struct {
	key   string
	at    int
	asked bool
}

// NewReader returns a codec that reads.
func NewReader(d *Decoder) *Codec { return &Codec{Decoder: d} }

// NewWriterCodec returns a codec that writes.
func NewWriterCodec(w *Writer) *Codec { return &Codec{Writer: w} }

// Reads reports whether the codec reads.
func (c *Codec) Reads() bool { return c.Decoder != nil }

// Err says what could not be written, and where; nil when all could, and always
// for a codec that reads.
func (c *Codec) Err() error { return c.err }

// Fail reports a problem with the value at hand: to the decoder, or as Err.
func (c *Codec) Fail(code string, err error) {
	switch {
	case c.Reads():
		c.Decoder.Fail(code, err)
	case c.err == nil:
		c.err = err
	}
}

// Under puts a place before what Err says.
func (c *Codec) Under(place string) {
	if c.err != nil {
		c.err = fmt.Errorf("%s: %w", place, c.err)
	}
}

var errUnwritable = errors.New("cannot be written so that it reads back the same")

func (c *Codec) wrote(ok bool) {
	if !ok {
		c.Fail("", errUnwritable)
	}
}

// Object reads or writes an object. The function asks for its fields; a key of
// the text that it does not ask for is unknown. It reports false when it reads and
// there is no object.
func (c *Codec) Object(fields func()) bool {
	if !c.Reads() {
		c.Writer.Open('{')
		fields()
		c.Writer.Close('}')
		return true
	}
	d, first := c.Decoder, len(c.members)
	ok := d.Object(func(key string) bool {
		d.peek()
		c.members = append(c.members, member{key: key, at: d.at})
		d.Skip()
		return true
	})
	if ok {
		outer, end := c.first, d.at
		c.first = first
		fields()
		c.first, d.at = outer, end
		for _, m := range c.members[first:] {
			if !m.asked {
				d.FailUnder(CodeUnknown, errors.New("unknown key"), m.key)
			}
		}
	}
	c.members = c.members[:first]
	return ok && !d.broken
}

// Has reports whether the object that is being read has a key.
func (c *Codec) Has(key string) bool { return c.find(key) >= 0 }

func (c *Codec) find(key string) int {
	for i := c.first; i < len(c.members); i++ {
		if c.members[i].key == key {
			return i
		}
	}
	return -1
}

// Field reads or writes a field of the object at hand. When it writes, it does
// not where the value is the default; when it reads, where there is no such key.
func (c *Codec) Field(key string, isDefault bool, value func()) {
	if c.Reads() {
		if i := c.find(key); i >= 0 {
			c.members[i].asked = true
			c.Decoder.Return(Mark{at: c.members[i].at, step: step{key: key, isKey: true}}, value)
		}
		return
	}
	if isDefault || c.err != nil {
		return
	}
	c.Writer.Key(key)
	value()
	c.Under(key)
}

// Text is a field of text; the default is "".
func (c *Codec) Text(key string, v *string) {
	c.Field(key, *v == "", func() { c.TextValue(v) })
}

// TextValue is a text.
func (c *Codec) TextValue(v *string) {
	if !c.Reads() {
		c.wrote(c.Writer.Text(*v))
		return
	}
	if text, ok := c.Decoder.Text(); ok {
		*v = text
	}
}

// Texts is a field of texts; the default is none.
func (c *Codec) Texts(key string, v *[]string) {
	c.Field(key, len(*v) == 0, func() { ListValue(c, v, c.TextValue) })
}

// Bool is a field that is true or, by default, false.
func (c *Codec) Bool(key string, v *bool) {
	c.Field(key, !*v, func() {
		if !c.Reads() {
			c.Writer.Bool(*v)
			return
		}
		*v, _ = c.Decoder.Bool()
	})
}

// Integer is a field of an integer from least to most that is left out where it
// is def.
func Integer[T ~int | ~int64 | ~uint8](c *Codec, key string, v *T, least, most int64, def T) {
	c.Field(key, *v == def, func() { IntegerValue(c, v, least, most) })
}

// IntegerValue is an integer from least to most.
func IntegerValue[T ~int | ~int64 | ~uint8](c *Codec, v *T, least, most int64) {
	if !c.Reads() {
		n := int64(*v)
		c.wrote(least <= n && n <= most)
		c.Writer.Int(n)
		return
	}
	if n, ok := c.Decoder.Int(least, most); ok {
		*v = T(n)
	}
}

// Uint is a field of an integer that is not negative; the default is 0.
func (c *Codec) Uint(key string, v *uint64) {
	c.Field(key, *v == 0, func() {
		if !c.Reads() {
			c.Writer.Uint(*v)
			return
		}
		*v, _ = c.Decoder.Uint()
	})
}

// Name is a field of one of names, by its index, that is left out where it is
// def. An empty name is none.
func Name[T ~uint8](c *Codec, key string, names []string, v *T, def T) {
	c.Field(key, *v == def, func() { NameValue(c, names, v) })
}

// NameValue is one of names, by its index. An empty name is none.
func NameValue[T ~uint8](c *Codec, names []string, v *T) {
	if !c.Reads() {
		if int(*v) >= len(names) || names[*v] == "" {
			c.Fail("", fmt.Errorf("%d has no name", uint8(*v)))
			return
		}
		c.Writer.Text(names[*v])
		return
	}
	skip := 0
	if names[0] == "" {
		skip = 1
	}
	if i, ok := c.Decoder.Names(names[skip:]...); ok {
		*v = T(i + skip)
	}
}

// Decimal is a field of a decimal string; the default is 0.
func (c *Codec) Decimal(key string, v *decimal.Decimal) {
	c.Field(key, v.IsZero(), func() { c.DecimalValue(v) })
}

// NullDecimal is a field of a decimal string; the default is none.
func (c *Codec) NullDecimal(key string, v *decimal.NullDecimal) {
	c.Field(key, !v.Valid, func() { c.NullDecimalValue(v) })
}

// NullDecimalValue is a decimal string, which is there.
func (c *Codec) NullDecimalValue(v *decimal.NullDecimal) {
	if c.DecimalValue(&v.Decimal); c.Reads() {
		v.Valid = true
	}
}

// DecimalValue is a decimal string.
func (c *Codec) DecimalValue(v *decimal.Decimal) {
	if !c.Reads() {
		c.wrote(c.Writer.Decimal(*v))
		return
	}
	if d, ok := c.Decoder.Decimal(); ok {
		*v = d
	}
}

// Time is a field of a time at a whole second; the default is the zero Time.
func (c *Codec) Time(key string, v *time.Time) {
	c.Field(key, v.IsZero(), func() {
		if !c.Reads() {
			c.wrote(c.Writer.Time(*v))
			return
		}
		*v, _ = c.Decoder.Time()
	})
}

// Map is a field of an object with any keys; the default is none. It is written
// by key.
func Map[T any](c *Codec, key string, v *map[string]T, value func(*T)) {
	c.Field(key, len(*v) == 0, func() {
		if c.Reads() {
			*v = make(map[string]T)
			c.Decoder.Object(func(name string) bool {
				var one T
				value(&one)
				(*v)[name] = one
				return true
			})
			return
		}
		c.Writer.Open('{')
		for _, name := range slices.Sorted(maps.Keys(*v)) {
			one := (*v)[name]
			if c.wrote(c.Writer.TextKey(name)); c.err == nil {
				value(&one)
			}
		}
		c.Writer.Close('}')
	})
}

// ListValue is a list. Read values are appended.
func ListValue[T any](c *Codec, v *[]T, value func(*T)) {
	if c.Reads() {
		c.Decoder.Array(func(int) {
			var zero T
			*v = append(*v, zero)
			value(&(*v)[len(*v)-1])
		})
		return
	}
	c.Writer.Open('[')
	for i := range *v {
		if value(&(*v)[i]); c.err != nil {
			c.Under(fmt.Sprintf("[%d]", i))
			return
		}
	}
	c.Writer.Close(']')
}
