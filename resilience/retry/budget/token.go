package budget

import (
	"sync/atomic"

	"github.com/tenon-go/tenon/resilience/retry"
)

// Token is the budget of gRPC (gRFC A6): each failure takes a token, each success gives a part of one back, and there are no retries while
// half of the tokens or fewer are left.
type Token struct {
	balance atomic.Int64 // milli-tokens, in [0, limit]
	limit   int64
	ratio   int64
}

var _ retry.Budget = (*Token)(nil)

// NewToken returns a full budget of tokens, from 1 to 1000, where a success gives ratio of a token back. Ratio is more than 0 and has three
// decimals: it is rounded to 0.001, and less is refused. 10 tokens and a ratio of 0.1 are gRPC's own example.
func NewToken(tokens int, ratio float64) (*Token, error) {
	var p problems
	p.check(tokens >= 1 && tokens <= 1000, "tokens %d: want 1 to 1000", tokens)
	p.check(inRange(ratio, 0.001, 1000), "ratio %v: want 0.001 to 1000", ratio)
	if err := p.err("token"); err != nil {
		return nil, err
	}
	b := &Token{limit: int64(tokens) * milli, ratio: thousandths(ratio)}
	b.balance.Store(b.limit)
	return b, nil
}

// Charge takes a token, for a failure that ends its call too, and allows a retry when more than half of the tokens are left.
func (b *Token) Charge(retry.Charge) (retry.Tokens, bool) {
	for {
		old := b.balance.Load()
		left := max(0, old-milli)
		if b.balance.CompareAndSwap(old, left) {
			return retry.Tokens(old - left), left > b.limit/2
		}
	}
}

// Settle gives the ratio back. A full budget costs one load.
func (b *Token) Settle(int, retry.Tokens) { give(&b.balance, b.ratio, b.limit) }

// Balance returns the tokens that are left.
func (b *Token) Balance() float64 { return float64(b.balance.Load()) / milli }

// Max returns the tokens of a full budget.
func (b *Token) Max() float64 { return float64(b.limit) / milli }

// Fill sets the balance, within its bounds. A policy that replaces another takes its balance along by
// Fill(old.Balance()/old.Max()*b.Max()).
func (b *Token) Fill(tokens float64) { fill(&b.balance, tokens, b.limit) }

// give adds tokens to a balance up to its limit.
func give(balance *atomic.Int64, tokens, limit int64) {
	for {
		old := balance.Load()
		if old == limit || balance.CompareAndSwap(old, min(limit, old+tokens)) {
			return
		}
	}
}

// fill sets a balance, within 0 and its limit. NaN is 0.
func fill(balance *atomic.Int64, tokens float64, limit int64) {
	switch {
	case !(tokens > 0):
		balance.Store(0)
	case tokens >= float64(limit)/milli:
		balance.Store(limit)
	default:
		balance.Store(thousandths(tokens))
	}
}
