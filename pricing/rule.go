package pricing

import (
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// A RuleSet is a policy and its rules: a draft until it is published, and the
// input of [Compile]. The order of Rules never matters.
type RuleSet struct {
	// Version is 0 in a draft; a store gives 1, 2, 3 and so on when it publishes.
	Version uint64
	// EffectiveFrom is the whole second from which the set is in force.
	EffectiveFrom time.Time
	Policy        Policy
	Rules         []Rule
}

// A Rule changes or limits the price of what it is on, when its condition,
// window, quantity and currency hold.
type Rule struct {
	// ID names the rule in the set: 1 to 128 bytes, unique.
	ID string
	// Label is shown to people; empty means the ID.
	Label string
	// Kind says what the rule does and in which stage.
	Kind Kind
	// On is what the rule is for; the zero Scope is everything.
	On Scope
	// When must be true, not merely unknown; nil always is.
	When Condition
	// Priority, -10^6 to 10^6, comes first in the rank; larger wins.
	Priority int
	// Exclusive, for tier, volume, sale and surcharge: where this rule is a
	// candidate, the rest of its stage drops out.
	Exclusive bool
	// From (inclusive) and Until (exclusive) are whole seconds; zero is open.
	From, Until time.Time
	// MinQty and MaxQty are inclusive bounds of the query's quantity.
	MinQty, MaxQty decimal.NullDecimal
	// Currency is required with an effect that names amounts, and refused with
	// one that does not.
	Currency money.Currency
	// Effect is what the rule does; which effects a kind takes stands at Kind.
	Effect Effect
}

// Kind says what a rule does. Every kind belongs to one [Stage].
type Kind uint8

// The kinds, in the order in which the price stage prefers the first four.
const (
	// KindContract is a price agreed with one customer: SetTo, Charge or Formula.
	// It is a list price like the others: tiers, volume rules and sales whose
	// conditions hold go on from it. Those that must not say so in their condition.
	KindContract = Kind(eval.Contract)
	// KindList is a price list's price: SetTo, Charge or Formula.
	KindList = Kind(eval.List)
	// KindBase is the ordinary price: SetTo, Charge or Formula.
	KindBase = Kind(eval.Base)
	// KindCostPlus derives the price from the query's cost: Markup, Margin or
	// Formula of cost. It comes last: an explicit price is an exception to it.
	KindCostPlus = Kind(eval.CostPlus)
	// KindTier is a customer class's adjustment: PercentOff, AmountOff, SetTo or Formula.
	KindTier = Kind(eval.Tier)
	// KindVolume is a whole quantity's adjustment and needs MinQty: PercentOff,
	// AmountOff, SetTo or Formula.
	KindVolume = Kind(eval.Volume)
	// KindSale is a temporary adjustment: PercentOff, AmountOff, SetTo or Formula.
	// Of several the highest rank applies, so that one on a product comes before a
	// larger one on everything; Policy.Combine can ask for the lowest price instead.
	KindSale = Kind(eval.Sale)
	// KindSurcharge adds: PercentUp or AmountUp.
	KindSurcharge = Kind(eval.Surcharge)
	// KindCeiling is the most that a unit may cost: SetTo.
	KindCeiling = Kind(eval.Ceiling)
	// KindFloor is the least that a unit may cost: SetTo.
	KindFloor = Kind(eval.Floor)
	// KindMinMargin is the least part of the price that is not cost: Margin.
	KindMinMargin = Kind(eval.MinMargin)
	// KindMAP is the least price that may be advertised: SetTo. It never
	// changes the price.
	KindMAP = Kind(eval.MAP)
	// KindRound puts the price on a grid (charm prices): Grid. Of a charge that is
	// priced per line it is the line that goes there.
	KindRound = Kind(eval.Round)
)

// Stage is where in the chain a kind acts.
type Stage uint8

// The stages, in the order in which they act. StageTotal marks the last step of
// a quote where it is the policy's rounding and no rule's.
const (
	StagePrice     = Stage(eval.StagePrice)
	StageTier      = Stage(eval.StageTier)
	StageVolume    = Stage(eval.StageVolume)
	StageSale      = Stage(eval.StageSale)
	StageSurcharge = Stage(eval.StageSurcharge)
	StageGuard     = Stage(eval.StageGuard)
	StageRound     = Stage(eval.StageRound)
	StageTotal     = Stage(eval.StageTotal)
)

// A Scope is what a rule is on: a variant, a product, a category, or everything
// (the zero value, with no ID).
type Scope struct {
	Level Level
	ID    string
}

// Level is the breadth of a scope; a narrower one ranks higher.
type Level uint8

// The levels, broadest first.
const (
	Everything = Level(eval.Everything)
	Category   = Level(eval.Category)
	Product    = Level(eval.Product)
	Variant    = Level(eval.Variant)
)

// An Effect is what a rule does: one of [SetTo], [AmountOff], [AmountUp],
// [PercentOff], [PercentUp], [Markup], [Margin], [Formula], [Charge] and [Grid].
type Effect interface{ effect() }

// SetTo makes the price of a unit this amount; in a guard it is the bound.
type SetTo struct{ Amount money.Amount }

// AmountOff takes an amount off each unit; below zero is zero.
type AmountOff struct{ Amount money.Amount }

// AmountUp adds an amount to each unit.
type AmountUp struct{ Amount money.Amount }

// PercentOff takes 0 to 100 percent off.
type PercentOff struct{ Percent decimal.Decimal }

// PercentUp adds 0 to 1,000 percent.
type PercentUp struct{ Percent decimal.Decimal }

// Markup is 0 to 10,000 percent of the cost on top of it.
type Markup struct{ Percent decimal.Decimal }

// Margin is the part of the price, 0 ≤ Percent < 100, that is not cost.
type Margin struct{ Percent decimal.Decimal }

// A Formula derives a price from another one, in this order: base, percent,
// Round to the nearest multiple (half up), Surcharge, at least base + MinMargin,
// at most base + MaxMargin. The zero Amount leaves a step out.
type Formula struct {
	Base FormulaBase
	// PercentOff (0 to 100) or PercentUp (0 to 1,000), at most one of them.
	PercentOff, PercentUp decimal.NullDecimal
	// Round is a multiple above zero.
	Round money.Amount
	// Surcharge is added and may be negative.
	Surcharge money.Amount
	// MinMargin and MaxMargin are amounts above the base.
	MinMargin, MaxMargin money.Amount
}

// FormulaBase is what a formula starts from. Rules of the price stage use
// BaseCost or BaseRule only.
type FormulaBase string

// The bases: the list price of one unit, the running value, the query's cost.
const (
	BaseList    FormulaBase = "list"
	BaseCurrent FormulaBase = "current"
	BaseCost    FormulaBase = "cost"
)

// BaseRule is the amount or formula of the rule with this id, which is in the
// same currency; its condition, window and scope are not asked.
func BaseRule(id string) FormulaBase { return FormulaBase("rule:" + id) }

// A Charge prices a whole quantity. Volume and graduated use Steps; package
// uses Size, Unit (the price of a package) and Free (a quantity).
type Charge struct {
	Mode  ChargeMode
	Steps []ChargeStep
	Size  decimal.Decimal
	Unit  money.Amount
	Free  decimal.Decimal
}

// A ChargeStep reaches up to a quantity, inclusive; the last one, and only the
// last, has no UpTo. The zero Flat is none; Unit is required, zero of the
// currency for units that are free.
type ChargeStep struct {
	UpTo decimal.NullDecimal
	Unit money.Amount
	Flat money.Amount
}

// ChargeMode says how a charge turns a quantity into an amount.
type ChargeMode uint8

// The modes; there is no default.
const (
	// ChargeVolume prices the whole quantity at the step that it falls in.
	ChargeVolume = ChargeMode(eval.ChargeVolume)
	// ChargeGraduated prices each step's share of the quantity at that step.
	ChargeGraduated = ChargeMode(eval.ChargeGraduated)
	// ChargePackage prices started packages beyond the free quantity.
	ChargePackage = ChargeMode(eval.ChargePackage)
)

// A Grid is the set of prices k x Increment + Offset: 1.00 and -0.01 give
// prices that end in .99. Offset is smaller than the increment, and signed. The
// zero Mode is money.HalfEven, as everywhere; in JSON an absent mode is half_up.
type Grid struct {
	Mode              money.Mode
	Increment, Offset money.Amount
}

func (SetTo) effect()      {}
func (AmountOff) effect()  {}
func (AmountUp) effect()   {}
func (PercentOff) effect() {}
func (PercentUp) effect()  {}
func (Markup) effect()     {}
func (Margin) effect()     {}
func (Formula) effect()    {}
func (Charge) effect()     {}
func (Grid) effect()       {}

// Policy is what a whole rule set shares. Its zero value rounds half even to
// the minor unit at the end, refuses ties and converts nothing.
type Policy struct {
	// Rounding rounds the price of a unit, once.
	Rounding money.Rounding
	// LineRounding rounds a line; nil is the mode of Rounding to the minor unit.
	LineRounding *money.Rounding
	// RoundAt says where Rounding acts.
	RoundAt RoundAt
	// Combine says how the candidates of a stage compete: tier, volume and sale
	// (default CombineFirst) and surcharge (default CombineChain).
	Combine map[Stage]Combine
	// Ties says what happens where equal ranks give different results.
	Ties Ties
	// Convert makes price rules, guards and costs in other currencies count.
	Convert bool
	// Pivot is the currency of the second leg where no direct rate is known.
	Pivot money.Currency
	// MaxAge is the age beyond which a rate is stale, in whole seconds; zero is never.
	MaxAge time.Duration
	// Stale says what a stale rate does.
	Stale StaleMode
	// Spread, in percent, raises converted prices once, not costs or guards.
	Spread decimal.Decimal
	// Tax says whether prices include tax, where a query has a rate.
	Tax TaxMode
	// Currencies are those of the set that ISO 4217 does not know.
	Currencies []money.Currency
}

// RoundAt says where the policy's rounding acts.
type RoundAt uint8

// RoundAtEnd rounds the finished unit; RoundAtEach after every rule of price to
// surcharge; RoundAtDiscount rounds what a tier, volume or sale rule takes off.
const (
	RoundAtEnd      = RoundAt(eval.RoundAtEnd)
	RoundAtEach     = RoundAt(eval.RoundAtEach)
	RoundAtDiscount = RoundAt(eval.RoundAtDiscount)
)

// Combine says how the candidates of a stage compete.
type Combine uint8

// CombineDefault is the stage's own default, CombineFirst applies the highest
// rank, CombineBest the one with the lowest result, CombineChain all in rank
// order, each on the result of the one before.
const (
	CombineDefault = Combine(eval.CombineDefault)
	CombineFirst   = Combine(eval.CombineFirst)
	CombineBest    = Combine(eval.CombineBest)
	CombineChain   = Combine(eval.CombineChain)
)

// Ties says what happens where candidates of equal rank give different results.
type Ties uint8

// TiesError answers with an [*AmbiguousError]; TiesLowest takes the lowest
// result, then the smallest id.
const (
	TiesError  = Ties(eval.TiesError)
	TiesLowest = Ties(eval.TiesLowest)
)

// StaleMode says what a rate older than Policy.MaxAge does.
type StaleMode uint8

// StaleReject answers with a [*RateError], StaleUse prices and flags Quote.FX,
// StaleNative lets only prices in the query's currency compete.
const (
	StaleReject = StaleMode(eval.StaleReject)
	StaleUse    = StaleMode(eval.StaleUse)
	StaleNative = StaleMode(eval.StaleNative)
)

// TaxMode says how prices and tax relate.
type TaxMode uint8

// TaxNone refuses a query with a tax rate; TaxInclusive takes the tax out of
// the line; TaxExclusive adds it.
const (
	TaxNone      = TaxMode(eval.TaxNone)
	TaxInclusive = TaxMode(eval.TaxInclusive)
	TaxExclusive = TaxMode(eval.TaxExclusive)
)

// The names of the enumerations, by value: those of the JSON form.
//
//nolint:gochecknoglobals // immutable tables
var (
	levelNames      = []string{"everything", "category", "product", "variant"}
	chargeModeNames = []string{"", "volume", "graduated", "package"}
	roundAtNames    = []string{"end", "each", "discount"}
	combineNames    = []string{"", "first", "best", "chain"}
	tiesNames       = []string{"error", "lowest"}
	staleNames      = []string{"reject", "use", "native"}
	taxNames        = []string{"none", "inclusive", "exclusive"}

	// modeNames are those of money.Mode.
	modeNames = []string{"half_even", "half_up", "half_down", "up", "down", "ceil", "floor"}
)

// String returns the kind's name in the JSON form: contract, cost_plus, map and so on.
func (k Kind) String() string { return eval.Kind(k).String() }

// String returns the stage's name: price, tier, volume, sale, surcharge, guard,
// round or total.
func (s Stage) String() string { return eval.Stage(s).String() }

// String returns everything, category, product or variant.
func (l Level) String() string { return eval.Name(levelNames, "Level", l) }

// String returns volume, graduated or package.
func (m ChargeMode) String() string { return eval.Name(chargeModeNames, "ChargeMode", m) }

// String returns end, each or discount.
func (r RoundAt) String() string { return eval.Name(roundAtNames, "RoundAt", r) }

// String returns first, best or chain, and "" for CombineDefault.
func (c Combine) String() string {
	if c == CombineDefault {
		return ""
	}
	return eval.Name(combineNames, "Combine", c)
}

// String returns error or lowest.
func (t Ties) String() string { return eval.Name(tiesNames, "Ties", t) }

// String returns reject, use or native.
func (m StaleMode) String() string { return eval.Name(staleNames, "StaleMode", m) }

// String returns none, inclusive or exclusive.
func (m TaxMode) String() string { return eval.Name(taxNames, "TaxMode", m) }

// effectName is the key of an effect, "" for nil and for a pointer to one.
func effectName(e Effect) string {
	switch e.(type) {
	case SetTo:
		return "amount"
	case AmountOff:
		return "amount_off"
	case AmountUp:
		return "amount_up"
	case PercentOff:
		return "percent_off"
	case PercentUp:
		return "percent_up"
	case Markup:
		return "markup"
	case Margin:
		return "margin"
	case Formula:
		return "formula"
	case Charge:
		return "charge"
	case Grid:
		return "round"
	default:
		return ""
	}
}

// liftRule makes a compiled rule public again: the rule that compiled to it, but
// for what its canonical form does not tell apart either.
func liftRule(set *eval.Set, i int) Rule {
	in := set.Rule(i)
	out := Rule{
		ID: in.ID, Label: in.Label, Kind: Kind(in.Kind), On: Scope{Level(in.Level), in.Scope}, Priority: int(in.Priority),
		Exclusive: in.Exclusive, Currency: in.Currency, Effect: liftEffect(set, in),
	}
	if in.When != nil {
		out.When = conditionOf(in.When.Node())
	}
	if in.From != -eval.Forever {
		out.From = time.Unix(in.From, 0).UTC()
	}
	if in.Until != eval.Forever {
		out.Until = time.Unix(in.Until, 0).UTC()
	}
	if in.MinQty != 0 {
		out.MinQty = decimal.NewNullDecimal(liftQty(in.MinQty))
	}
	if in.MaxQty != eval.Forever {
		out.MaxQty = decimal.NewNullDecimal(liftQty(in.MaxQty))
	}
	return out
}

func liftQty(millionths int64) decimal.Decimal { return decimal.New(millionths, -6) }

func liftDec(d eval.Dec) decimal.Decimal { return decimal.New(d.Coef, -int32(d.Scale)) }

// liftAmount cannot fail: the number was an amount of the currency.
func liftAmount(d eval.Dec, c money.Currency) money.Amount {
	a, _ := money.FromUnscaled(d.Coef, int(d.Scale), c)
	return a
}

func liftEffect(set *eval.Set, r *eval.Rule) Effect {
	e := &r.Effect
	amount, percent := liftAmount(e.Number, r.Currency), liftDec(e.Number)
	switch e.Op {
	case eval.OpSet:
		return SetTo{amount}
	case eval.OpAmountOff:
		return AmountOff{amount}
	case eval.OpAmountUp:
		return AmountUp{amount}
	case eval.OpPercentOff:
		return PercentOff{percent}
	case eval.OpPercentUp:
		return PercentUp{percent}
	case eval.OpMarkup:
		return Markup{percent}
	case eval.OpMargin:
		return Margin{percent}
	case eval.OpFormula:
		return liftFormula(set, e.Formula, r.Currency)
	case eval.OpCharge:
		return liftCharge(e.Charge, r.Currency)
	default:
		return Grid{Mode: e.Grid.Mode, Increment: liftAmount(e.Grid.Increment, r.Currency), Offset: liftAmount(e.Grid.Offset, r.Currency)}
	}
}

func liftFormula(set *eval.Set, f *eval.Formula, c money.Currency) Formula {
	var out Formula
	switch f.Base {
	case eval.OfList:
		out.Base = BaseList
	case eval.OfCurrent:
		out.Base = BaseCurrent
	case eval.OfCost:
		out.Base = BaseCost
	default:
		out.Base = BaseRule(set.Rule(f.Rule).ID)
	}
	switch percent := liftDec(f.Percent); {
	case f.Percent.Coef < 0:
		out.PercentOff = decimal.NewNullDecimal(percent.Neg())
	case f.Percent.Coef > 0:
		out.PercentUp = decimal.NewNullDecimal(percent)
	}
	if f.Round.Coef != 0 {
		out.Round = liftAmount(f.Round, c)
	}
	if f.Surcharge.Coef != 0 {
		out.Surcharge = liftAmount(f.Surcharge, c)
	}
	if f.HasMin {
		out.MinMargin = liftAmount(f.MinMargin, c)
	}
	if f.HasMax {
		out.MaxMargin = liftAmount(f.MaxMargin, c)
	}
	return out
}

func liftCharge(in *eval.Charge, c money.Currency) Charge {
	out := Charge{Mode: ChargeMode(in.Mode)}
	if in.Mode == eval.ChargePackage {
		out.Size, out.Free, out.Unit = liftQty(in.Size), liftQty(in.Free), liftAmount(in.Unit, c)
		return out
	}
	for _, s := range in.Steps {
		step := ChargeStep{Unit: liftAmount(s.Unit, c), Flat: liftAmount(s.Flat, c)}
		if s.UpTo != eval.Forever {
			step.UpTo = decimal.NewNullDecimal(liftQty(s.UpTo))
		}
		out.Steps = append(out.Steps, step)
	}
	return out
}
