package promotions

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
)

// A Set is everything that is on offer: a policy, stages, campaigns and promotions.
// [Parse] reads one, or a host builds it in Go; [Compile] judges it. The order of
// Campaigns and Promotions never matters, that of Stages does.
type Set struct {
	Policy     Policy
	Stages     []Stage // none: one sequential stage named "default"
	Campaigns  []Campaign
	Promotions []Promotion
}

// A Policy says how a set rounds and splits: the dialect of the system whose
// amounts are to be met to the cent.
type Policy struct {
	// Rounding is the mode, and the increment in minor units. Extra must be 0:
	// every amount here is settled.
	Rounding money.Rounding
	// Round says what is rounded.
	Round Round
	// Allocation is how totals are split over targets.
	Allocation money.Split
	// Refused says what happens to the part of a split that a floor refuses.
	Refused Refused
	// OverBudget says what happens to an amount above what a budget has left.
	OverBudget OverBudget
}

// Round says what a rounding acts on.
type Round uint8

// RoundDiscount rounds what is taken off; RoundPrice the price after it, and the
// discount is the difference: half up, 15 % off 10.50 is 1.58 or 1.57.
const (
	RoundDiscount Round = iota
	RoundPrice
)

// Refused says what happens to the part of a split that a floor refuses.
type Refused uint8

// Redistribute spreads it over the targets that have room; Drop forgoes it.
const (
	Redistribute Refused = iota
	Drop
)

// OverBudget says what happens to an amount above what a budget has left.
type OverBudget uint8

// CapToBudget gives what is left; SkipOverBudget gives nothing.
const (
	CapToBudget OverBudget = iota
	SkipOverBudget
)

// A Stage is a lane of promotions. Stages run in order, each on what the one
// before left.
type Stage struct {
	Name string
	Mode Mode
	// By says where Best and Lowest choose.
	By By
	// Groups are the most members of a group that may take something, by the
	// group's name, each at least 1; a group that is not named here has 1.
	Groups map[string]int
	// MaxPerLine and MaxPerOrder are how many promotions of the stage may take
	// something from one line or charge, and from the cart; 0 is no limit.
	MaxPerLine, MaxPerOrder int
}

// Mode says how the promotions of a stage go together.
type Mode uint8

// The modes. Sequential applies each in turn; First the first that fires; Best
// and Lowest the one that takes most and least; Optimal the legal combination that
// takes most.
const (
	Sequential Mode = iota
	First
	Best
	Lowest
	Optimal
)

// By says where a stage chooses: once for the cart, or for each line and charge.
type By uint8

// The places where a stage chooses.
const (
	ByCart By = iota
	ByLine
)

// A Campaign is limits that several promotions share.
type Campaign struct {
	ID string
	// Currency of the budget; the zero Currency is that of the campaign's
	// promotions, which must then agree.
	Currency money.Currency
	// Budget in major units of the currency, and orders; 0 is no limit.
	Budget decimal.Decimal
	Uses   int64
}

// A Promotion is an effect with the conditions under which it fires. Decimals
// that name money are in major units of Currency.
type Promotion struct {
	// ID is 1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen, unique.
	ID string
	// Title is shown to people; empty means the ID.
	Title string
	// Stage is a stage's name; empty is the stage "default" if there is one, else
	// the only stage.
	Stage string
	// Priority, -10^9 to 10^9: within its stage the larger comes first, then the
	// smaller ID by bytes.
	Priority int
	// Target is what the effect acts on.
	Target Target
	// Base is the amount that percents are taken of, that splits are in proportion
	// to and that tiers measure.
	Base Base
	// From (inclusive) and Until (exclusive); zero is open.
	From, Until time.Time
	// Codes and Batches: with either, the cart must bring one of the codes, or one
	// of a batch that [CompileConfig] knows.
	Codes, Batches []string
	// Currency is required when Effect or Limits name money: the promotion is
	// then for carts of it alone.
	Currency money.Currency
	// When is about the cart, Where about each line or charge; nil is always.
	When, Where *Condition
	// Effect is what it does: a *[Discount], *[BuyGet], *[Bundle] or *[FreeGift].
	Effect Effect
	Stack  Stack
	Limits Limits
}

// Target is what a promotion acts on.
type Target uint8

// The targets.
const (
	OnLines Target = iota
	OnShipping
	OnAll
)

// Base is the amount of a target that an effect starts from.
type Base uint8

// Discounted is the current price, Original the one that the cart brought.
const (
	Discounted Base = iota
	Original
)

// A Stack says with whom a promotion combines.
type Stack struct {
	// Exclusive makes the promotion stand alone in its stage or in the cart.
	Exclusive Exclusive
	// Excludes are ids it never combines with; that either side says so suffices.
	Excludes []string
	// Stop keeps whatever comes after it in its stage from firing.
	Stop bool
	// Group is a group of the stage.
	Group string
	// Class and the classes that it Combines with, which must both name the other;
	// no class combines with all.
	Class    string
	Combines []string
	// Two promotions meet on a line only if each has a tag that the other combines
	// with, or neither has any of the two.
	Tags, CombinesTags []string
}

// Exclusive says where a promotion stands alone.
type Exclusive uint8

// The places where a promotion stands alone.
const (
	NotExclusive Exclusive = iota
	InStage
	InCart
)

// Limits are what a promotion may take over all orders; 0 is no limit.
type Limits struct {
	// Uses are orders, Budget is money, PerCustomer orders of one customer.
	Uses        int64
	Budget      decimal.Decimal
	PerCustomer int64
	// PerCode are orders with one code, PerCodeCustomer those of one customer.
	PerCode, PerCodeCustomer int64
	// Campaign is one whose limits count too.
	Campaign string
	// KeepAfterCancel leaves the uses, never the money, taken when an order is
	// reversed.
	KeepAfterCancel bool
}

// Parse reads a set in its JSON form. It checks the form alone: unknown and
// repeated keys, types, the syntax of numbers and times, names and currencies; what
// the set means is for [Compile] to judge. All problems come together in an
// [*InvalidError], each with its JSON path. Absent, null and empty are the default.
// Linear in the length of the text, of which the caller bounds what it does not
// trust; an error of r is returned as it is.
func Parse(r io.Reader) (Set, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Set{}, fmt.Errorf("promotions: parse: %w", err)
	}
	var s Set
	if err := parse(data, func(f *form) { f.set(&s) }); err != nil {
		return Set{}, err
	}
	return s, nil
}

// MarshalJSON writes the form that [Parse] reads, its keys in order of their bytes,
// numbers without superfluous zeros, what is the default left out. What the form
// cannot hold is an error.
func (s Set) MarshalJSON() ([]byte, error) {
	return encode("set", func(f *form) { f.set(&s) })
}

// UnmarshalJSON reads what [Parse] reads. On an error s is unchanged.
func (s *Set) UnmarshalJSON(data []byte) error {
	var read Set
	if err := parse(data, func(f *form) { f.set(&read) }); err != nil {
		return err
	}
	*s = read
	return nil
}

const maxSize = math.MaxInt32 // of what is an int in Go, so that it is one everywhere

func (f *form) set(s *Set) {
	f.Object(func() {
		f.Field("campaigns", len(s.Campaigns) == 0, func() {
			if f.Reads() {
				strictjson.ListValue(f.Codec, &s.Campaigns, f.campaign)
				return
			}
			f.writeByID(len(s.Campaigns), func(i int) string { return s.Campaigns[i].ID }, func(i int) { f.campaign(&s.Campaigns[i]) })
		})
		f.Field("policy", s.Policy == Policy{}, func() { f.policy(&s.Policy) })
		f.Field("promotions", len(s.Promotions) == 0, func() {
			if f.Reads() {
				f.readPromotions(&s.Promotions)
				return
			}
			f.writeByID(len(s.Promotions), func(i int) string { return s.Promotions[i].ID }, func(i int) { f.promotion(&s.Promotions[i]) })
		})
		list(f, "stages", &s.Stages, f.stage)
	})
}

// writeByID writes a list, in the canonical form by id.
func (f *form) writeByID(n int, id func(int) string, value func(int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if f.canonical {
		slices.SortFunc(order, func(a, b int) int { return strings.Compare(id(a), id(b)) })
	}
	f.Writer.Open('[')
	for _, i := range order {
		if value(i); f.Err() != nil {
			f.Under(fmt.Sprintf("[%d]", i))
			return
		}
	}
	f.Writer.Close(']')
}

// readPromotions reads promotions, as many as a set may have.
func (f *form) readPromotions(v *[]Promotion) {
	f.Decoder.Array(func(i int) {
		if i < maxPromotions {
			*v = append(*v, Promotion{})
			f.promotion(&(*v)[i])
			return
		}
		if i == maxPromotions {
			f.failf("more than %d promotions: %w", maxPromotions, ErrRange)
		}
		f.Decoder.Skip()
	})
}

func (f *form) policy(p *Policy) {
	f.Object(func() {
		name(f, "allocation", splitNames, &p.Allocation)
		name(f, "over_budget", overNames, &p.OverBudget)
		name(f, "refused", refusedNames, &p.Refused)
		name(f, "round", roundNames, &p.Round)
		f.Field("rounding", p.Rounding == money.Rounding{}, func() { f.rounding(&p.Rounding) })
	})
}

// rounding is a mode, or an object of mode and increment.
func (f *form) rounding(v *money.Rounding) {
	if v.Extra != 0 {
		f.failf("extra digits: every amount is settled")
	}
	plain := v.Increment == 0
	if f.Reads() {
		plain = f.Decoder.Next() == '"'
	}
	if plain {
		nameValue(f, modeNames, &v.Mode)
		return
	}
	f.Object(func() {
		count(f, "increment", &v.Increment, 0, math.MaxInt64)
		name(f, "mode", modeNames, &v.Mode)
	})
}

func (f *form) stage(s *Stage) {
	f.Object(func() {
		name(f, "by", byNames, &s.By)
		f.Field("groups", len(s.Groups) == 0, func() { f.groups(&s.Groups) })
		small(f, "max_per_line", &s.MaxPerLine, 0, maxSize)
		small(f, "max_per_order", &s.MaxPerOrder, 0, maxSize)
		name(f, "mode", stageNames, &s.Mode)
		f.Text("name", &s.Name)
	})
}

func (f *form) groups(v *map[string]int) {
	if !f.Reads() {
		f.Writer.Open('{')
		for _, group := range slices.Sorted(maps.Keys(*v)) {
			if !f.Writer.TextKey(group) {
				f.failf("%q is not UTF-8", group)
				return
			}
			f.Writer.Int(int64((*v)[group]))
		}
		f.Writer.Close('}')
		return
	}
	*v = make(map[string]int)
	f.Decoder.Object(func(group string) bool {
		var n int64
		f.count(&n, 1, maxSize)
		(*v)[group] = int(n)
		return true
	})
}

func (f *form) campaign(c *Campaign) {
	f.Object(func() {
		f.aboveZero("budget", &c.Budget)
		f.currencyField(&c.Currency)
		f.Text("id", &c.ID)
		count(f, "uses", &c.Uses, 1, math.MaxInt64)
	})
}

func (f *form) promotion(p *Promotion) {
	f.Object(func() {
		name(f, "base", baseNames, &p.Base)
		f.texts("batches", &p.Batches)
		f.texts("codes", &p.Codes)
		f.currencyField(&p.Currency)
		f.Field("effect", p.Effect == nil, func() { f.effect(&p.Effect) })
		f.Time("from", &p.From)
		f.Text("id", &p.ID)
		f.Field("limits", p.Limits == Limits{}, func() { f.limits(&p.Limits) })
		small(f, "priority", &p.Priority, -maxPriority, maxPriority)
		f.Field("stack", isAlone(&p.Stack), func() { f.stack(&p.Stack) })
		f.Text("stage", &p.Stage)
		name(f, "target", targetNames, &p.Target)
		f.Text("title", &p.Title)
		f.Time("until", &p.Until)
		f.condition("when", &p.When)
		f.condition("where", &p.Where)
	})
}

func (f *form) limits(v *Limits) {
	f.Object(func() {
		f.aboveZero("budget", &v.Budget)
		f.Text("campaign", &v.Campaign)
		f.Bool("keep_after_cancel", &v.KeepAfterCancel)
		count(f, "per_code", &v.PerCode, 1, math.MaxInt64)
		count(f, "per_code_customer", &v.PerCodeCustomer, 1, math.MaxInt64)
		count(f, "per_customer", &v.PerCustomer, 1, math.MaxInt64)
		count(f, "uses", &v.Uses, 1, math.MaxInt64)
	})
}

// isAlone reports whether nothing is to be written of a stack.
func isAlone(s *Stack) bool {
	return s.Exclusive == NotExclusive && !s.Stop && s.Group == "" && s.Class == "" &&
		len(s.Excludes)+len(s.Combines)+len(s.Tags)+len(s.CombinesTags) == 0
}

func (f *form) stack(s *Stack) {
	f.Object(func() {
		f.Text("class", &s.Class)
		f.texts("combines", &s.Combines)
		f.texts("combines_tags", &s.CombinesTags)
		f.texts("excludes", &s.Excludes)
		name(f, "exclusive", exclusiveNames, &s.Exclusive)
		f.Text("group", &s.Group)
		f.Bool("stop", &s.Stop)
		f.texts("tags", &s.Tags)
	})
}
