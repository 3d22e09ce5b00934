package eval

import (
	"cmp"
	"fmt"
	"math/bits"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
)

// Kind says what a rule does; the price kinds stand in their order of preference.
type Kind uint8

// The kinds of the price stage, the adjustments, the guards, and the grid.
const (
	Contract Kind = iota + 1
	List
	Base
	CostPlus
	Tier
	Volume
	Sale
	Surcharge
	Ceiling
	Floor
	MinMargin
	MAP
	Round
)

// Stage is where in the chain a kind acts.
type Stage uint8

// The stages in their order. StageTotal is the rounding at the end.
const (
	StagePrice Stage = iota + 1
	StageTier
	StageVolume
	StageSale
	StageSurcharge
	StageGuard
	StageRound
	StageTotal
)

// Stage returns the stage in which a kind acts.
func (k Kind) Stage() Stage {
	switch k {
	case Contract, List, Base, CostPlus:
		return StagePrice
	case Tier:
		return StageTier
	case Volume:
		return StageVolume
	case Sale:
		return StageSale
	case Surcharge:
		return StageSurcharge
	case Ceiling, Floor, MinMargin, MAP:
		return StageGuard
	case Round:
		return StageRound
	default:
		return 0
	}
}

// Level is the breadth of a rule's scope, broadest first.
type Level uint8

// The levels.
const (
	Everything Level = iota
	Category
	Product
	Variant
)

// RoundAt says where the policy's rounding acts; zero is the default, here and in
// the policy's other choices.
type RoundAt uint8

// Combine says how the candidates of a stage compete.
type Combine uint8

// Ties says what equal ranks with different results do.
type Ties uint8

// StaleMode says what a stale rate does.
type StaleMode uint8

// TaxMode says how prices and tax relate.
type TaxMode uint8

// Where the policy's rounding acts.
const (
	RoundAtEnd RoundAt = iota
	RoundAtEach
	RoundAtDiscount
)

// How the candidates of a stage compete.
const (
	CombineDefault Combine = iota
	CombineFirst
	CombineBest
	CombineChain
)

// What equal ranks with different results do.
const (
	TiesError Ties = iota
	TiesLowest
)

// What a stale rate does.
const (
	StaleReject StaleMode = iota
	StaleUse
	StaleNative
)

// How prices and tax relate.
const (
	TaxNone TaxMode = iota
	TaxInclusive
	TaxExclusive
)

// Policy is a rule set's policy, checked and with its defaults filled in:
// LineRounding is explicit and Combine has an entry for every stage.
type Policy struct {
	Rounding, LineRounding money.Rounding
	RoundAt                RoundAt
	Combine                [StageTotal + 1]Combine
	Ties                   Ties
	Convert                bool
	Pivot                  money.Currency
	MaxAge                 int64 // seconds; 0: never stale
	Stale                  StaleMode
	Spread                 Dec // percent
	Tax                    TaxMode
}

// A Dec is Coef x 10^-Scale, with Scale at most 18. Every number of a compiled
// rule has this form; what does not fit it was refused.
type Dec struct {
	Coef  int64
	Scale uint8
}

// Cmp compares exactly: -1, 0 or +1. It does not allocate.
func (d Dec) Cmp(e Dec) int {
	if (d.Coef < 0) != (e.Coef < 0) {
		return cmp.Compare(d.Coef, e.Coef)
	}
	// Of one sign: 128 bits hold each magnitude at the scale of both.
	dHi, dLo := bits.Mul64(magnitude(d.Coef), pow10[e.Scale])
	eHi, eLo := bits.Mul64(magnitude(e.Coef), pow10[d.Scale])
	c := cmp.Or(cmp.Compare(dHi, eHi), cmp.Compare(dLo, eLo))
	if d.Coef < 0 {
		return -c
	}
	return c
}

// Neg returns the number with the other sign; its coefficient is not math.MinInt64.
func (d Dec) Neg() Dec { return Dec{Coef: -d.Coef, Scale: d.Scale} }

// String returns the number without superfluous zeros.
func (d Dec) String() string {
	text := decimal.New(d.Coef, -int32(d.Scale)).String()
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// A Rule is one rule of a set, checked and ready to run. What a selection reads
// comes first, what applying a rule reads second: see entry.
type Rule struct {
	Currency money.Currency
	When     *predicate.Program // nil: always
	From     int64              // Unix second, inclusive; Forever's negative where open
	Until    int64              // Unix second, exclusive; Forever where open
	MinQty   int64              // millionths, inclusive; 0 where absent
	MaxQty   int64              // millionths, inclusive; Forever where absent

	ID, Label string
	Kind      Kind
	Exclusive bool
	Level     Level
	Priority  int32
	Effect    Effect
	Scope     string // id at Level
}

// Forever is the bound of an open window or quantity range.
const Forever = 1<<63 - 1

// Op says which effect an Effect holds.
type Op uint8

// The effects.
const (
	OpSet Op = iota + 1
	OpAmountOff
	OpAmountUp
	OpPercentOff
	OpPercentUp
	OpMarkup
	OpMargin
	OpFormula
	OpCharge
	OpGrid
)

// An Effect is a tagged union over Op: Number for an amount in the rule's
// currency or a percent, else the one pointer that is not nil.
type Effect struct {
	Op      Op
	Number  Dec
	Formula *Formula
	Charge  *Charge
	Grid    *Grid
}

// BaseOf says what a formula starts from.
type BaseOf uint8

// The bases.
const (
	OfList BaseOf = iota + 1
	OfCurrent
	OfCost
	OfRule
)

// A Formula is the program of a formula effect; a Has flag says that the step is there.
type Formula struct {
	Base                            BaseOf
	Rule                            int // index of the base's rule, with OfRule
	Percent                         Dec // signed: -10 is ten percent off
	Round                           Dec // zero Coef: none
	Surcharge, MinMargin, MaxMargin Dec
	HasPercent, HasMin, HasMax      bool
}

// ChargeMode says how a charge turns a quantity into an amount.
type ChargeMode uint8

// The modes.
const (
	ChargeVolume ChargeMode = iota + 1
	ChargeGraduated
	ChargePackage
)

// A Charge prices a whole quantity.
type Charge struct {
	Mode  ChargeMode
	Steps []ChargeStep
	Size  int64 // millionths, per package
	Free  int64 // millionths
	Unit  Dec   // per package
}

// A ChargeStep reaches up to a quantity in millionths, inclusive; Forever in the last one.
type ChargeStep struct {
	UpTo       int64
	Unit, Flat Dec
}

// A Grid is the set of prices k x Increment + Offset.
type Grid struct {
	Mode              money.Mode
	Increment, Offset Dec
}

// The names of kinds, stages and effects by value, as the JSON form has them.
//
//nolint:gochecknoglobals // immutable tables
var (
	KindNames = []string{
		"", "contract", "list", "base", "cost_plus", "tier", "volume", "sale", "surcharge",
		"ceiling", "floor", "min_margin", "map", "round",
	}
	StageNames = []string{"", "price", "tier", "volume", "sale", "surcharge", "guard", "round", "total"}
	OpNames    = []string{
		"", "amount", "amount_off", "amount_up", "percent_off", "percent_up", "markup", "margin", "formula", "charge", "round",
	}
)

// String returns the kind's name.
func (k Kind) String() string { return Name(KindNames, "Kind", k) }

// String returns the stage's name.
func (s Stage) String() string { return Name(StageNames, "Stage", s) }

// String returns the key of the effect.
func (o Op) String() string { return Name(OpNames, "Op", o) }

// Name is a value's name, and its number where it has none.
func Name[T ~uint8](names []string, of string, v T) string {
	if int(v) < len(names) && names[v] != "" {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", of, uint8(v))
}
