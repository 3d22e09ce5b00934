package eval

import (
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
)

// A Set is a set of promotions, compiled. The caller of [New] fills the exported fields;
// after it a Set is immutable and safe for concurrent use. Everything in it is legal: New
// and the machine check nothing again.
type Set struct {
	Policy    Policy
	Stages    []Stage // at least one, in their order
	Campaigns []Campaign
	// Promotions are in canonical order after New: stage, priority descending, id ascending.
	Promotions []Promotion
	// Carts compiles conditions on the cart, with [CartFields] and an extern that is
	// "lines"; Targets those on one line or charge, with [TargetFields]. Both are sealed.
	Carts, Targets *predicate.Schema
	// Sums are what "lines" stands for, by the index that its Compile returned.
	Sums []Sum
	// Batches are generated codes, asked in this order for what is no literal code.
	Batches []Batch

	index
}

// A Policy is how a set rounds and splits.
type Policy struct {
	Rounding   money.Rounding
	RoundPrice bool // the price after a discount is rounded, else the discount
	Allocation money.Split
	Drop       bool // what a floor refuses is lost, else spread over the others
	SkipOver   bool // a promotion above its budget is rejected, else cut
}

// A Stage is a lane of promotions.
type Stage struct {
	Name                    string
	Mode                    Mode
	ByLine                  bool
	Groups                  map[string]int // by name; one that is absent has a limit of 1
	MaxPerLine, MaxPerOrder int            // 0 is no limit

	first, end int // its promotions
}

// Mode is how the promotions of a stage go together.
type Mode uint8

// The modes, in the order of package promotions.
const (
	Sequential Mode = iota
	First
	Best
	Lowest
	Optimal
)

// A Campaign is limits that promotions share; 0 is no limit.
type Campaign struct {
	ID           string
	Currency     money.Currency // of the budget
	Budget, Uses int64

	uses, budget string // accounts
}

// A Promotion is a compiled promotion.
type Promotion struct {
	ID              string
	Stage           int // in Set.Stages
	Priority        int
	Lines, Shipping bool // what the effect acts on
	Original        bool // the base is the cart's price, else the current one
	From, Until     time.Time
	Codes           []string       // in the form of [NormalCode]
	Batches         []int          // in Set.Batches
	Currency        money.Currency // the zero Currency: for carts of any
	When, Where     *predicate.Program
	Effect          Effect // a *Discount, *BuyGet, *Bundle or *Gift
	Stack           Stack
	Limits          Limits

	compiled
}

// A Stack says with whom a promotion combines, by ids and names.
type Stack struct {
	Exclusive          Exclusive
	Excludes           []string
	Stop               bool
	Group, Class       string
	Combines           []string
	Tags, CombinesTags []string
}

// Exclusive says where a promotion stands alone.
type Exclusive uint8

// The places, in the order of package promotions.
const (
	NotExclusive Exclusive = iota
	InStage
	InCart
)

// Limits are the limits of a promotion; 0 is no limit.
type Limits struct {
	Uses, Budget, PerCustomer, PerCode, PerCodeCustomer int64
	Campaign                                            int // in Set.Campaigns, -1 for none

	KeepUses bool // when an order is reversed
}

// An Effect is what a promotion does.
type Effect interface{ complete() }

// Kind is what a [Value] means.
type Kind uint8

// The kinds, in the order of package promotions.
const (
	Percent Kind = iota
	AmountOff
	NewPrice
)

// A Value is a percentage off, an amount off or a new price.
type Value struct {
	Kind    Kind
	Percent decimal.Decimal // 0 to 100, for Percent; its exponent is -18 to 18
	Minor   int64           // for the others

	keep decimal.Decimal // 100 - Percent
}

// A Tier is a value from a measure on: minor units, or units.
type Tier struct {
	From  int64
	Value Value
}

// Per is what the value of a discount is of.
type Per uint8

// What a value is of, in the order of package promotions.
const (
	PerLine Per = iota
	PerUnit
	PerOrder
)

// Pick says which units an effect takes.
type Pick uint8

// The picks, in the order of package promotions.
const (
	Cheapest Pick = iota
	Dearest
	LargestLine
)

// NoCap is a [Discount] without a cap.
const NoCap int64 = -1

// A Discount is a value on every target. All its tiers are of one kind.
type Discount struct {
	Tiers      []Tier // ascending; a value without tiers is one from 0
	Per        Per
	ByQuantity bool // tiers measure units, else the base
	Graduated  bool // unit k of a line has the tier of k
	Cap        int64
	MaxUnits   int64 // of each line; 0 is all
	Group      int64 // full groups of so many units; 0 is no groups
	Pick       Pick  // which units are in a group
}

// A Need is a number of units of lines where a condition holds.
type Need struct {
	Where    *predicate.Program
	Quantity int64
}

// A BuyGet gives a value on units for buying others.
type BuyGet struct {
	Buy, Get  Need
	SameWhere bool // buy and get have one condition, as PerGroup requires
	NotDearer bool
	Value     Value
	Pick      Pick
	PerGroup  bool
	Max       int64 // applications; 0 is any number
}

// A Bundle gives a value on a combination of units.
type Bundle struct {
	Parts []Need
	Value Value
	Pick  Pick
	Max   int64
}

// A Gift frees units of the lines that name the promotion.
type Gift struct {
	Product  string
	Quantity int64 // at least 1
	ForEach  int64 // Quantity per so many units of the promotion's where; 0 is once
}

// complete prepares the values of an effect.
func (d *Discount) complete() {
	for i := range d.Tiers {
		d.Tiers[i].Value.complete()
	}
}

func (e *BuyGet) complete() { e.Value.complete() }
func (e *Bundle) complete() { e.Value.complete() }
func (*Gift) complete()     {}

func (v *Value) complete() { v.keep = decimal.New(100, 0).Sub(v.Percent) }

// A Sum is a condition on what some lines have together, gift lines not counted.
type Sum struct {
	JSON          string // under "lines", as Compile was given it
	Where         *predicate.Program
	Count, Amount *Bound // nil is not asked; Amount is in major units
}

// A Bound is a comparison with a number; Low and High are one but for Between.
type Bound struct {
	Op        predicate.Op
	Low, High predicate.Num
}

// Holds reports whether a number is within the bound.
func (b *Bound) Holds(n predicate.Num) bool {
	low := n.Cmp(b.Low)
	switch b.Op {
	case predicate.Eq:
		return low == 0
	case predicate.Ne:
		return low != 0
	case predicate.Lt:
		return low < 0
	case predicate.Le:
		return low <= 0
	case predicate.Gt:
		return low > 0
	case predicate.Ge:
		return low >= 0
	case predicate.Between:
		return low >= 0 && n.Cmp(b.High) <= 0
	default:
		return false
	}
}

// A Batch knows the codes of one batch. Canonical is a code's one written form; where ok is
// false, one that is not empty says that the code is mistyped.
type Batch interface {
	Check(code string) (canonical string, ok bool)
}
