package budget

import (
	"sync/atomic"

	"github.com/tenon-go/tenon/resilience/retry"
)

// Quota is the budget of the AWS SDKs: a retry is bought with tokens, and success pays them back.
type Quota struct {
	balance      atomic.Int64 // milli-tokens, in [0, limit]
	limit        int64
	cost         int64
	throttled    int64
	firstSuccess int64
}

var _ retry.Budget = (*Quota)(nil)

// QuotaConfig are the prices of a Quota, in tokens of at least 0.001.
type QuotaConfig struct {
	Cost          float64 // of a retry; 0 = 14
	ThrottledCost float64 // of a retry after an attempt that was asked to slow down; 0 = 5
	FirstSuccess  float64 // given back when a call succeeds at once; 0 = 1
}

// maxTokens keeps sums of milli-tokens within an int64 and exact in a float64.
const maxTokens = 1e9

// NewQuota returns a full budget of tokens, from 0 to 10^9; with 0 it never allows a retry. The AWS SDKs use 500.
func NewQuota(tokens int, cfg QuotaConfig) (*Quota, error) {
	cfg = QuotaConfig{or(cfg.Cost, 14), or(cfg.ThrottledCost, 5), or(cfg.FirstSuccess, 1)}
	var p problems
	p.check(tokens >= 0 && tokens <= maxTokens, "tokens %d: want 0 to %d", tokens, int(maxTokens))
	p.check(inRange(cfg.Cost, 0.001, maxTokens), "Cost %v: want 0.001 to %d", cfg.Cost, int(maxTokens))
	p.check(inRange(cfg.ThrottledCost, 0.001, maxTokens), "ThrottledCost %v: want 0.001 to %d", cfg.ThrottledCost, int(maxTokens))
	p.check(inRange(cfg.FirstSuccess, 0.001, maxTokens), "FirstSuccess %v: want 0.001 to %d", cfg.FirstSuccess, int(maxTokens))
	if err := p.err("quota"); err != nil {
		return nil, err
	}
	b := &Quota{
		limit:        int64(tokens) * milli,
		cost:         thousandths(cfg.Cost),
		throttled:    thousandths(cfg.ThrottledCost),
		firstSuccess: thousandths(cfg.FirstSuccess),
	}
	b.balance.Store(b.limit)
	return b, nil
}

// Charge takes the price of the retry, or nothing when there is less left or the call ends in any case.
func (b *Quota) Charge(c retry.Charge) (retry.Tokens, bool) {
	if c.Last {
		return 0, false
	}
	cost := b.cost
	if c.Throttled {
		cost = b.throttled
	}
	if !take(&b.balance, cost, 0) {
		return 0, false
	}
	return retry.Tokens(cost), true
}

// Settle gives back the price of the last retry, or FirstSuccess to a call that needed none. A full budget costs one load.
func (b *Quota) Settle(attempt int, spent retry.Tokens) {
	if attempt <= 1 {
		give(&b.balance, b.firstSuccess, b.limit)
		return
	}
	give(&b.balance, int64(max(0, spent)), b.limit)
}

// Balance returns the tokens that are left.
func (b *Quota) Balance() float64 { return float64(b.balance.Load()) / milli }

// Max returns the tokens of a full budget.
func (b *Quota) Max() float64 { return float64(b.limit) / milli }

// Fill sets the balance, within its bounds. A policy that replaces another takes its balance along by
// Fill(old.Balance()/old.Max()*b.Max()).
func (b *Quota) Fill(tokens float64) { fill(&b.balance, tokens, b.limit) }

// take subtracts tokens from a balance unless that would leave it below least.
func take(balance *atomic.Int64, tokens, least int64) bool {
	for {
		old := balance.Load()
		if old-tokens < least {
			return false
		}
		if balance.CompareAndSwap(old, old-tokens) {
			return true
		}
	}
}

// or returns x, or its default for 0.
func or(x, value float64) float64 {
	if x == 0 {
		return value
	}
	return x
}
