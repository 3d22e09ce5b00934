package pricingtest

import (
	"fmt"
	"math/big"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// conversion is how one unit of a currency becomes factor units of another.
type conversion struct {
	factor *big.Rat
	legs   [2]pricing.Rate
	stale  bool
}

// isForeign says that a price of the rule has to be converted.
func (n *naive) isForeign(r pricing.Rule) bool {
	return !r.Currency.IsZero() && r.Currency != n.query.Currency
}

func (n *naive) needsStaleRate(r pricing.Rule) bool {
	if !n.isForeign(r) {
		return false
	}
	c, ok := n.path(r.Currency, n.query.Currency)
	return ok && c.stale
}

// conversion fails without a path, and on a stale one unless the policy lets
// stale rates count.
func (n *naive) conversion(from, to money.Currency) (conversion, error) {
	c, ok := n.path(from, to)
	if !ok || c.stale && n.policy.Stale != pricing.StaleUse {
		return c, &pricing.RateError{From: from, To: to, Stale: ok}
	}
	return c, nil
}

// path goes direct, else inverse, else over the pivot in two such legs.
func (n *naive) path(from, to money.Currency) (conversion, bool) {
	if from == to {
		return conversion{factor: big.NewRat(1, 1)}, true
	}
	if c, ok := n.leg(from, to); ok {
		return c, true
	}
	pivot := n.policy.Pivot
	if pivot.IsZero() || pivot == from || pivot == to {
		return conversion{}, false
	}
	first, ok := n.leg(from, pivot)
	if !ok {
		return conversion{}, false
	}
	second, ok := n.leg(pivot, to)
	if !ok {
		return conversion{}, false
	}
	return conversion{
		factor: mul(first.factor, second.factor),
		legs:   [2]pricing.Rate{first.legs[0], second.legs[0]},
		stale:  first.stale || second.stale,
	}, true
}

func (n *naive) leg(from, to money.Currency) (conversion, bool) {
	rate, ok := n.newest(from, to)
	factor := rate.Rate.Rat()
	if !ok {
		if rate, ok = n.newest(to, from); !ok {
			return conversion{}, false
		}
		factor = new(big.Rat).Inv(rate.Rate.Rat())
	}
	stale := n.policy.MaxAge > 0 && n.at.Sub(rate.AsOf) > n.policy.MaxAge
	return conversion{factor: factor, legs: [2]pricing.Rate{rate}, stale: stale}, true
}

// newest is the rate of this very pair that was known at the query's second.
func (n *naive) newest(from, to money.Currency) (pricing.Rate, bool) {
	var out pricing.Rate
	found := false
	for rate := range n.query.Rates.All() {
		if rate.From != from || rate.To != to || !n.at.IsZero() && rate.AsOf.After(n.at) {
			continue
		}
		if !found || rate.AsOf.After(out.AsOf) {
			out, found = rate, true
		}
	}
	return out, found
}

// cost is the query's, of one unit, in the given currency.
func (n *naive) cost(in money.Currency) (*big.Rat, error) {
	cost := n.query.Cost
	if cost.Currency().IsZero() {
		return nil, fmt.Errorf("pricingtest: naive: cost missing: %w", pricing.ErrCost)
	}
	if cost.Currency() != in && !n.policy.Convert {
		return nil, fmt.Errorf("pricingtest: naive: cost %s for a price in %s: %w", cost, in, money.ErrCurrency)
	}
	c, err := n.conversion(cost.Currency(), in)
	if err != nil {
		return nil, err
	}
	n.fx.Stale = n.fx.Stale || c.stale
	return mul(ratOf(cost), c.factor), nil
}

// nextChange is the earliest bound after the query's second of a rule in scope
// and, where the policy converts, of a rate.
func (n *naive) nextChange() time.Time {
	var next time.Time
	consider := func(t time.Time) {
		if !n.at.IsZero() && t.After(n.at) && (next.IsZero() || t.Before(next)) {
			next = t.UTC()
		}
	}
	for _, r := range n.rules {
		if n.inScope(r) {
			consider(r.From)
			consider(r.Until)
		}
	}
	if !n.policy.Convert {
		return next
	}
	for rate := range n.query.Rates.All() {
		consider(ceilSecond(rate.AsOf))
		if n.policy.MaxAge > 0 {
			// At this age a rate still counts; one second later it does not.
			consider(rate.AsOf.Add(n.policy.MaxAge).Truncate(time.Second).Add(time.Second))
		}
	}
	return next
}

// ceilSecond is the first whole second at which t has come.
func ceilSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}
