package guard

import (
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

// takeOver puts what the old parts have in the place of what was built, reconfigured, and reports whether anything counted is lost.
//
// The configurations have been accepted when the parts were built. Were one refused, the new part would serve.
func (p *parts) takeOver(old *parts) (restarted bool) {
	if p.policy != nil && old.policy != nil && p.rules.Budget != nil && old.rules.Budget != nil {
		kept, anew := takeBalance(p.rules.Budget, old.rules.Budget, p.spec.Retry.Budget, old.spec.Retry.Budget)
		p.rules.Budget, restarted = kept, anew
		p.policy = policyOf(p.rules)
	}
	if p.breaker != nil && old.breaker != nil {
		anew, err := old.breaker.Reload(p.breaker.Config())
		if err == nil {
			p.breaker = old.breaker
		}
		restarted = restarted || anew || err != nil
	}
	switch limit := p.spec.Bulkhead; {
	case p.semaphore != nil && old.semaphore != nil:
		if old.semaphore.Reconfigure(limit.Limit, p.slots) == nil {
			p.semaphore = old.semaphore
		}
	case p.partitioned != nil && old.partitioned != nil:
		if old.partitioned.Reconfigure(limit.Limit, limit.Weights, p.slots) == nil {
			p.partitioned = old.partitioned
		}
	case p.spec.Bulkhead != nil && old.spec.Bulkhead != nil:
		restarted = true
	}
	return restarted
}

// takeBalance returns the budget to go on with, and whether its balance begins anew: one that did not change itself, else the fresh one as
// full in proportion as the old one was.
func takeBalance(fresh, old retry.Budget, is, was *BudgetSpec) (kept retry.Budget, anew bool) {
	if *is == *was {
		return old, false
	}
	type limited interface { // token and quota
		Max() float64
		Fill(tokens float64)
	}
	from, ok := old.(limited)
	if to, both := fresh.(limited); ok && both {
		if from.Max() > 0 {
			to.Fill(old.Balance() / from.Max() * to.Max())
		}
		return fresh, false
	}
	to, ok := fresh.(*budget.Ratio)
	if _, both := old.(*budget.Ratio); ok && both {
		to.Fill(rescaled(old.Balance(), is, was))
		return fresh, false
	}
	return fresh, true
}

// rescaled returns the balance of a ratio budget by another spec: its reserve as full as it was, and what calls earned beyond that in the new
// ratio.
func rescaled(balance float64, is, was *BudgetSpec) float64 {
	reserve := func(s *BudgetSpec) float64 { return s.PerSecond * s.TTL.Seconds() }
	earned := balance - reserve(was)
	switch {
	case earned < 0:
		return balance / reserve(was) * reserve(is)
	case was.Ratio > 0:
		earned *= is.Ratio / was.Ratio
	}
	return reserve(is) + earned
}
