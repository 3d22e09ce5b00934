package predicate

import (
	"slices"

	"github.com/shopspring/decimal"
)

// Values are what one query has for the fields of a schema. A caller fills them
// once, by field number, and evaluates any number of programs against them;
// Reset makes them empty for the next query. Filling allocates nothing once the
// buffers have grown, unless a number is outside what [NumFromDecimal] holds
// without. Not safe for concurrent use; evaluation only reads.
//
// A setter panics when the field is of another kind. Setting a field again
// replaces its value. Texts and lists are kept until Reset, for [Program.Why]:
// the caller must not change a list before that.
type Values struct {
	schema  *Schema
	slots   []slot              // by field number
	written []written           // by field number
	exact   []decimal.Decimal   // numbers with an odd key
	members []Symbol            // of the sets, sorted within each
	ask     []func(int) Verdict // by number of the extern
}

// A slot is what evaluation reads of a field.
type slot struct {
	bits  uint64 // symbol of a text; key of a number; 1 for a true bool; symbols 1 to 64 of a set
	at, n uint32 // number: index in exact; set: range in members
	known bool   // whether other operators than exists have an answer
	some  bool   // the answer of exists
}

type written struct {
	text string
	set  []string
}

// NewValues returns empty values. It panics when the schema is not sealed,
// because a field added later would have no place in them.
func (s *Schema) NewValues() *Values {
	if !s.sealed {
		panic("predicate: NewValues before Seal")
	}
	v := &Values{
		schema:  s,
		slots:   slices.Clone(s.blank),
		written: make([]written, len(s.fields)),
		ask:     make([]func(int) Verdict, len(s.externs)),
	}
	return v
}

// Reset makes every field absent again and lets go of the texts and lists. The
// functions of the externs stay.
func (v *Values) Reset() {
	copy(v.slots, v.schema.blank)
	clear(v.written)
	clear(v.exact)
	v.exact, v.members = v.exact[:0], v.members[:0]
}

// SetText sets a text field. The empty text is a text; absent is not being set.
func (v *Values) SetText(number int, text string) {
	f := v.field(number, Text)
	v.slots[number] = slot{bits: uint64(f.symbols[text]), known: true, some: true}
	v.written[number].text = text
}

// SetNumber sets a number field.
func (v *Values) SetNumber(number int, n Num) {
	v.field(number, Number)
	s := slot{bits: uint64(n.key), known: true, some: true} //nolint:gosec // the bits are kept
	if n.key&1 != 0 {
		s.at = uint32(len(v.exact)) //nolint:gosec // fewer than the setter's calls
		v.exact = append(v.exact, n.exact)
	}
	v.slots[number] = s
}

// SetBool sets a bool field.
func (v *Values) SetBool(number int, b bool) {
	v.field(number, Bool)
	v.slots[number] = slot{bits: bit(b), known: true, some: true}
}

// SetMembers sets a set field, in any order, repeated or not. No members are the
// same as a field that is not set: an empty set, which does not exist.
func (v *Values) SetMembers(number int, members []string) {
	f := v.field(number, Set)
	at := len(v.members)
	for _, m := range members {
		if sym, ok := f.symbols[m]; ok {
			v.members = append(v.members, sym)
		}
	}
	slices.Sort(v.members[at:])
	v.members = v.members[:at+len(slices.Compact(v.members[at:]))]
	s := slot{at: uint32(at), n: uint32(len(v.members) - at), known: true, some: len(members) > 0} //nolint:gosec // far below 2^32
	for _, sym := range v.members[at:] {
		s.bits |= maskOf(sym)
	}
	v.slots[number] = s
	v.written[number].set = members
}

// SetUnknown makes a field one of which nothing is known, a set too, which otherwise is
// never: of nobody in particular even the absence of members is not known.
func (v *Values) SetUnknown(number int) { v.slots[number] = slot{} }

// SetExtern sets the function that evaluates the conditions of an extern, by its
// number in the schema's list; index is what the extern's Compile returned. A
// nil function, as at first, makes them Unknown. The answer must not change while
// the query does not: Eval may ask twice, and Why asks again.
func (v *Values) SetExtern(extern int, ask func(index int) Verdict) { v.ask[extern] = ask }

// Symbol returns the symbol of a text field, and false when it is not set. With
// [Program.Required] it is the key of an index.
func (v *Values) Symbol(number int) (Symbol, bool) {
	v.field(number, Text)
	s := &v.slots[number]
	return Symbol(s.bits), s.known //nolint:gosec // a text's bits are a symbol
}

// Members returns the symbols of a set field that conditions name, ascending.
// They are valid until the next Reset or SetMembers.
func (v *Values) Members(number int) []Symbol {
	v.field(number, Set)
	return v.membersOf(&v.slots[number])
}

func (v *Values) membersOf(s *slot) []Symbol { return v.members[s.at : s.at+s.n] }

// num is the number in a slot.
func (v *Values) num(s *slot) Num {
	n := Num{key: int64(s.bits)} //nolint:gosec // the bits are kept
	if n.key&1 != 0 {
		n.exact = v.exact[s.at]
	}
	return n
}

func (v *Values) field(number int, kind Kind) *field {
	f := &v.schema.fields[number]
	if f.Kind != kind || f.Prefix {
		panic("predicate: field " + f.Name + " is not a " + kind.String() + " field")
	}
	return f
}

// maskOf is the bit of a symbol from 1 to 64, and 0 for those beyond, which are
// found in the sorted list.
func maskOf(sym Symbol) uint64 { return 1 << (sym - 1) }

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
