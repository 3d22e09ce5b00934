package pricingtest

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// Naive prices a query by looking at every rule of the set and computing with
// exact fractions: slowly, and as plainly as the rules of pricing can be
// written down. It shares no code with the engine, so that where the two agree
// neither is likely to be wrong.
//
// The set must be one that [pricing.Compile] accepts; on another one the answer
// means nothing. The quote is that of [pricing.Snapshot.Price] in every field
// but two: Digest, which Naive leaves zero, and Exact, which is false although
// all arithmetic is exact. NextChange is the earliest bound of a rule in scope
// or, where the policy converts, start or expiry of any rate of the query: an
// engine that knows more may give a later one. The errors are those of the
// engine; with one, the quote holds Err alone.
func Naive(rs pricing.RuleSet, q pricing.Query) (pricing.Quote, error) {
	n := &naive{
		policy: rs.Policy, rules: rs.Rules,
		query: q, qty: q.Qty.Rat(), at: q.At.UTC().Truncate(time.Second),
		value: new(big.Rat),
	}
	quote, err := n.price()
	if err != nil {
		return pricing.Quote{Err: err}, err
	}
	quote.Version = rs.Version
	return quote, nil
}

// naive is one query on its way through the stages.
type naive struct {
	policy pricing.Policy
	rules  []pricing.Rule
	query  pricing.Query
	qty    *big.Rat
	at     time.Time

	// value is the running value: the price of one unit or, if perLine, of all.
	value   *big.Rat
	perLine bool
	list    *big.Rat // value after the price stage
	steps   []naiveStep
	fx      pricing.FXUsed

	// The strongest guards, for one unit; nil is none.
	ceiling, floor, advertised *big.Rat
}

// naiveStep is a step before its values are rounded for show.
type naiveStep struct {
	rule          pricing.Rule
	before, after *big.Rat
}

// naiveResult is what the running value would be after a rule.
type naiveResult struct {
	rule    pricing.Rule
	value   *big.Rat
	perLine bool
	fx      pricing.FXUsed
}

func (n *naive) price() (pricing.Quote, error) {
	if err := n.checkQuery(); err != nil {
		return pricing.Quote{}, err
	}
	if err := n.priceStage(); err != nil {
		return pricing.Quote{}, err
	}
	for _, stage := range []pricing.Stage{pricing.StageTier, pricing.StageVolume, pricing.StageSale, pricing.StageSurcharge} {
		if err := n.adjustStage(stage); err != nil {
			return pricing.Quote{}, err
		}
	}
	if err := n.guardStage(); err != nil {
		return pricing.Quote{}, err
	}
	if err := n.roundStage(); err != nil {
		return pricing.Quote{}, err
	}
	return n.quote()
}

// checkQuery refuses what no rule set could price, and what this one cannot.
func (n *naive) checkQuery() error {
	q := n.query
	bad := func(sentinel error, what string) error {
		return fmt.Errorf("pricingtest: naive: %s: %w", what, sentinel)
	}
	var problems []error
	if q.Product == "" {
		problems = append(problems, bad(pricing.ErrQuery, "product missing"))
	}
	if q.Currency.IsZero() {
		problems = append(problems, bad(money.ErrCurrency, "currency missing"))
	}
	micro := new(big.Rat).Mul(n.qty, big.NewRat(1_000_000, 1))
	if n.qty.Sign() < 0 || n.qty.Cmp(big.NewRat(1_000_000_000_000, 1)) > 0 || !micro.IsInt() {
		problems = append(problems, bad(pricing.ErrQuantity, "qty "+q.Qty.String()))
	}
	if len(q.Categories) > 64 || len(q.Customer.Segments) > 256 || len(q.Attributes) > 64 || len(q.Numbers) > 64 {
		problems = append(problems, bad(pricing.ErrQuery, "too many categories, segments or attributes"))
	}
	if q.Cost.Sign() < 0 {
		problems = append(problems, bad(pricing.ErrCost, "cost "+q.Cost.String()))
	}
	if q.TaxRate.Valid && n.policy.Tax == pricing.TaxNone {
		problems = append(problems, bad(pricing.ErrQuery, "tax rate without a tax mode"))
	}
	if q.At.IsZero() && (n.policy.MaxAge > 0 || slices.ContainsFunc(n.rules, dated)) {
		problems = append(problems, bad(pricing.ErrTime, "at missing"))
	}
	return errors.Join(problems...)
}

func dated(r pricing.Rule) bool { return !r.From.IsZero() || !r.Until.IsZero() }

// candidates returns the rules of a stage that hold for the query, by id.
func (n *naive) candidates(stage pricing.Stage) []pricing.Rule {
	var out []pricing.Rule
	for _, r := range n.rules {
		if stageOf(r.Kind) == stage && n.inScope(r) && n.inWindow(r) && n.inQuantity(r) && n.inCurrency(r) && n.eval(r.When) == isTrue {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b pricing.Rule) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// inScope needs an id on both sides: what the query lacks never matches.
func (n *naive) inScope(r pricing.Rule) bool {
	switch r.On.Level {
	case pricing.Variant:
		return n.query.Variant != "" && r.On.ID == n.query.Variant
	case pricing.Product:
		return r.On.ID == n.query.Product
	case pricing.Category:
		return slices.Contains(n.query.Categories, r.On.ID)
	default:
		return true
	}
}

func (n *naive) inWindow(r pricing.Rule) bool {
	return (r.From.IsZero() || !n.at.Before(r.From)) && (r.Until.IsZero() || n.at.Before(r.Until))
}

func (n *naive) inQuantity(r pricing.Rule) bool {
	return (!r.MinQty.Valid || n.qty.Cmp(r.MinQty.Decimal.Rat()) >= 0) && (!r.MaxQty.Valid || n.qty.Cmp(r.MaxQty.Decimal.Rat()) <= 0)
}

// inCurrency lets prices and guards convert, if the policy does. Adjustments
// and grids never do: 2.00 EUR off is not 2.17 USD off.
func (n *naive) inCurrency(r pricing.Rule) bool {
	stage := stageOf(r.Kind)
	converts := n.policy.Convert && (stage == pricing.StagePrice || stage == pricing.StageGuard)
	return r.Currency.IsZero() || r.Currency == n.query.Currency || converts
}

func stageOf(k pricing.Kind) pricing.Stage {
	switch k {
	case pricing.KindTier:
		return pricing.StageTier
	case pricing.KindVolume:
		return pricing.StageVolume
	case pricing.KindSale:
		return pricing.StageSale
	case pricing.KindSurcharge:
		return pricing.StageSurcharge
	case pricing.KindCeiling, pricing.KindFloor, pricing.KindMinMargin, pricing.KindMAP:
		return pricing.StageGuard
	case pricing.KindRound:
		return pricing.StageRound
	default:
		return pricing.StagePrice
	}
}

func (n *naive) combine(stage pricing.Stage) pricing.Combine {
	switch c := n.policy.Combine[stage]; {
	case c != pricing.CombineDefault:
		return c
	case stage == pricing.StageSurcharge:
		return pricing.CombineChain
	default:
		return pricing.CombineFirst
	}
}

// compareRank is negative where a ranks before b. Kind and currency count in
// the price stage alone.
func (n *naive) compareRank(a, b pricing.Rule) int {
	if stageOf(a.Kind) == pricing.StagePrice {
		if c := cmp.Or(cmp.Compare(kindOrder(a.Kind), kindOrder(b.Kind)), cmp.Compare(n.currencyOrder(a), n.currencyOrder(b))); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(b.Priority, a.Priority); c != 0 {
		return c
	}
	if c := cmp.Compare(n.scopeOrder(a), n.scopeOrder(b)); c != 0 {
		return c
	}
	if c := cmp.Compare(leaves(b.When), leaves(a.When)); c != 0 {
		return c
	}
	return b.MinQty.Decimal.Rat().Cmp(a.MinQty.Decimal.Rat()) // absent is zero
}

func kindOrder(k pricing.Kind) int {
	return slices.Index([]pricing.Kind{pricing.KindContract, pricing.KindList, pricing.KindBase, pricing.KindCostPlus}, k)
}

func (n *naive) currencyOrder(r pricing.Rule) int {
	switch r.Currency {
	case n.query.Currency, money.Currency{}:
		return 0
	case n.policy.Pivot:
		return 1
	default:
		return 2
	}
}

// scopeOrder is 0 for a variant, 1 for a product, then the categories from the
// nearest on, then everything.
func (n *naive) scopeOrder(r pricing.Rule) int {
	switch r.On.Level {
	case pricing.Variant:
		return 0
	case pricing.Product:
		return 1
	case pricing.Category:
		return 2 + slices.Index(n.query.Categories, r.On.ID)
	default:
		return 2 + len(n.query.Categories)
	}
}

// top returns the candidates of the highest rank, still by id.
func (n *naive) top(candidates []pricing.Rule) []pricing.Rule {
	best := slices.MinFunc(candidates, n.compareRank)
	return slices.DeleteFunc(slices.Clone(candidates), func(r pricing.Rule) bool { return n.compareRank(best, r) != 0 })
}

// settle picks from the results of rules of one rank, which are in the order of
// their ids: the first where all are equal, else what the policy says of ties.
func (n *naive) settle(stage pricing.Stage, results []naiveResult) (naiveResult, error) {
	asLine := slices.ContainsFunc(results, func(r naiveResult) bool { return r.perLine })
	compare := func(a, b naiveResult) int { return n.comparable(a, asLine).Cmp(n.comparable(b, asLine)) }
	lowest := slices.MinFunc(results, compare) // the first of equals
	conflict := slices.ContainsFunc(results, func(r naiveResult) bool { return compare(lowest, r) != 0 })
	if !conflict || n.policy.Ties == pricing.TiesLowest {
		return lowest, nil
	}
	ids := make([]string, len(results))
	for i, r := range results {
		ids[i] = r.rule.ID
	}
	return naiveResult{}, &pricing.AmbiguousError{Stage: stage, Rules: ids}
}

// comparable is a result as a line where one of those compared is a line.
func (n *naive) comparable(r naiveResult, asLine bool) *big.Rat {
	if asLine && !r.perLine {
		return new(big.Rat).Mul(r.value, n.qty)
	}
	return r.value
}
