package promotions

import (
	"math"
	"strings"

	"github.com/shopspring/decimal"
)

// An Effect is what a promotion does.
type Effect interface{ effect() }

// A Discount is a percentage, an amount off, or a new price.
type Discount struct {
	Kind DiscountKind
	// Value: 0 to 100 for Percent, else at least 0. With Tiers there is none.
	Value decimal.NullDecimal
	// Tiers ascend by From; the last one at or below the measure holds.
	Tiers []Tier
	// Per is what Value is of.
	Per Per
	// Cap is the most that the promotion takes from the cart; not valid: no cap.
	Cap decimal.NullDecimal
	// TierBy is the measure: over all targets, of the base.
	TierBy TierBy
	// Graduated, with PerUnit and TierByQuantity: unit k of a line has its own tier.
	Graduated bool
	// MaxUnits, with PerUnit: the first so many units of each line; 0 is all.
	MaxUnits int64
	// Group, with PerUnit: full groups of so many units over all targets, chosen by
	// Pick; 0 is no groups.
	Group int64
	Pick  Pick
}

// DiscountKind is what the value of a [Discount] means.
type DiscountKind uint8

// The kinds of discount.
const (
	Percent DiscountKind = iota
	AmountOff
	NewPrice
)

// Per is what the value of a discount is of.
type Per uint8

// PerLine is each target, PerUnit each unit (rounded there), PerOrder all targets
// together, rounded once and then split.
const (
	PerLine Per = iota
	PerUnit
	PerOrder
)

// A Tier is a value from a measure on.
type Tier struct{ From, Value decimal.Decimal }

// TierBy is what tiers measure.
type TierBy uint8

// The measures.
const (
	TierByAmount TierBy = iota
	TierByQuantity
)

// Pick says which units a consuming effect takes.
type Pick uint8

// The picks; LargestLine is for a [Discount] with a Group alone.
const (
	Cheapest Pick = iota
	Dearest
	LargestLine
)

// A BuyGet gives a price on some units for buying others: three for the price of two is Buy 2, Get 1.
type BuyGet struct {
	Buy, Get Need
	// NotDearer: no got unit is dearer than any bought one of its application.
	NotDearer bool
	Value     Value
	Pick      Pick
	Pairing   Pairing
	// Max is the most applications; 0 is any number.
	Max int64
}

// A Need is a number of units, at least 1, of lines where the condition holds.
type Need struct {
	Where    *Condition
	Quantity int64
}

// Pairing says how bought and got units go together.
type Pairing uint8

// Global picks over all units; PerGroup cuts the units, dearest first, into groups
// of one application each and picks within them.
const (
	Global Pairing = iota
	PerGroup
)

// A Value is a percentage off, an amount off, or a new price.
type Value struct {
	Kind  DiscountKind
	Value decimal.Decimal
}

// A Bundle gives a price on a combination of units.
type Bundle struct {
	Parts []Need // 1 to 8
	Value Value  // of the whole bundle
	Pick  Pick
	Max   int64
}

// A FreeGift makes units of the line whose Gift names the promotion free.
type FreeGift struct {
	Product  string
	Quantity int64 // 0 is 1
	// ForEach n: Quantity per n full units where the promotion's Where holds, gift
	// lines not counted; 0 is once for the cart.
	ForEach int64
}

func (*Discount) effect() {}
func (*BuyGet) effect()   {}
func (*Bundle) effect()   {}
func (*FreeGift) effect() {}

// The kinds of effect beside those of a discount, by their place in effectNames.
const (
	kindBuyGet = iota + 3
	kindBundle
	kindGift
	noKind
)

// effectKeys are all that some effect has, beside its kind.
const effectKeys = "buy cap for_each get graduated group max max_units pairing parts per pick product qty tier_by tiers value"

func kindOf(e Effect) (kind uint8, ok bool) {
	switch e := e.(type) {
	case *Discount:
		if e == nil || e.Kind > NewPrice {
			return 0, false
		}
		return uint8(e.Kind), true
	case *BuyGet:
		return kindBuyGet, e != nil
	case *Bundle:
		return kindBundle, e != nil
	case *FreeGift:
		return kindGift, e != nil
	default:
		return 0, false
	}
}

// effect is an effect, whose kind says which keys it has.
func (f *form) effect(v *Effect) {
	kind := uint8(noKind)
	if !f.Reads() {
		var ok bool
		if kind, ok = kindOf(*v); !ok {
			f.failf("%T of no kind", *v)
			return
		}
	}
	f.Object(func() {
		kindField := func() {
			f.required("kind", func() { nameValue(f, effectNames, &kind) })
		}
		f.early(kindField)
		switch kind {
		case noKind: // a problem already; which keys there are is not known
			for key := range strings.FieldsSeq(effectKeys) {
				f.Field(key, false, f.Decoder.Skip)
			}
		case kindBuyGet:
			effectOf(f, v, &BuyGet{}, func(e *BuyGet) { f.buyGet(e, kindField) })
		case kindBundle:
			effectOf(f, v, &Bundle{}, func(e *Bundle) { f.bundle(e, kindField) })
		case kindGift:
			effectOf(f, v, &FreeGift{}, func(e *FreeGift) { f.gift(e, kindField) })
		default:
			effectOf(f, v, &Discount{Kind: DiscountKind(kind)}, func(e *Discount) { f.discount(e, kindField) })
		}
	})
}

// effectOf goes over an effect, which when it reads is fresh.
func effectOf[E Effect](f *form, v *Effect, fresh E, fields func(E)) {
	f.early(func() { *v = fresh })
	if e, ok := (*v).(E); ok {
		fields(e)
	}
}

func (f *form) discount(d *Discount, kind func()) {
	f.NullDecimal("cap", &d.Cap)
	f.Bool("graduated", &d.Graduated)
	count(f, "group", &d.Group, 0, math.MaxInt64)
	f.late(kind)
	count(f, "max_units", &d.MaxUnits, 0, math.MaxInt64)
	name(f, "per", perNames, &d.Per)
	name(f, "pick", pickNames, &d.Pick)
	name(f, "tier_by", tierByNames, &d.TierBy)
	list(f, "tiers", &d.Tiers, func(t *Tier) {
		f.Object(func() {
			f.required("from", func() { f.number(&t.From) })
			f.required("value", func() { f.DecimalValue(&t.Value) })
		})
	})
	f.NullDecimal("value", &d.Value)
}

func (f *form) buyGet(b *BuyGet, kind func()) {
	f.required("buy", func() { f.need(&b.Buy, nil) })
	f.required("get", func() { f.need(&b.Get, &b.NotDearer) })
	f.late(kind)
	count(f, "max", &b.Max, 0, math.MaxInt64)
	name(f, "pairing", pairingNames, &b.Pairing)
	name(f, "pick", pickNames[:LargestLine], &b.Pick)
	f.required("value", func() { f.value(&b.Value) })
}

func (f *form) bundle(b *Bundle, kind func()) {
	f.late(kind)
	count(f, "max", &b.Max, 0, math.MaxInt64)
	list(f, "parts", &b.Parts, func(n *Need) { f.need(n, nil) })
	name(f, "pick", pickNames[:LargestLine], &b.Pick)
	f.required("value", func() { f.value(&b.Value) })
}

func (f *form) gift(g *FreeGift, kind func()) {
	count(f, "for_each", &g.ForEach, 0, math.MaxInt64)
	f.late(kind)
	f.Text("product", &g.Product)
	count(f, "qty", &g.Quantity, 1, math.MaxInt64)
}

// need is a number of units; notDearer is nil where there is no such key.
func (f *form) need(n *Need, notDearer *bool) {
	f.Object(func() {
		if notDearer != nil {
			f.Bool("not_dearer", notDearer)
		}
		f.required("qty", func() { f.count(&n.Quantity, 1, math.MaxInt64) })
		f.condition("where", &n.Where)
	})
}

// value is an object with one of amount, percent and price.
func (f *form) value(v *Value) {
	if !f.Reads() && int(v.Kind) >= len(kindNames) {
		f.failf("%d is no kind", v.Kind)
		return
	}
	keys := 0
	f.Object(func() {
		for _, kind := range []DiscountKind{AmountOff, Percent, NewPrice} { // as their names are sorted
			f.Field(kindNames[kind], v.Kind != kind, func() {
				f.early(func() { v.Kind, keys = kind, keys+1 })
				f.DecimalValue(&v.Value)
			})
		}
	})
	if f.Reads() && keys != 1 {
		f.failf("want exactly one of percent, amount and price")
	}
}
