package budget

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/resilience/retry"
)

// Ratio is the budget of Finagle: each call deposits a part of a retry, a retry withdraws a whole one, and a reserve of retries per second
// serves what is called seldom. Deposits and withdrawals lapse after a time to live.
//
// They are kept in ten slices of the time to live, turned by a timer that the first call after idleness arms. It is disarmed when all has
// lapsed: an unused budget holds no timer.
type Ratio struct {
	balance atomic.Int64 // sum of slices and changes on their way there; may fall below 0 when a deposit lapses before what it paid for
	slices  [sliceCount]atomic.Int64
	current atomic.Uint32 // the slice that changes go to
	armed   atomic.Bool

	mu    sync.Mutex // guards what follows
	timer *time.Timer

	deposit int64 // of a call
	cost    int64 // of a retry
	reserve int64 // always there beside the balance, in the same unit
	every   time.Duration
}

var _ retry.Budget = (*Ratio)(nil)

// sliceCount is in how many steps a time to live passes.
const sliceCount = 10

// NewRatio returns a budget where retries may be ratio of the calls of the last ttl, and perSecond more for each second of it. All three
// are required, and 0 is 0: ttl is 1 s to 60 s, perSecond 0 to 10^6, and ratio 0 or 10^-6 to 1000, where 1 allows a retry for each call.
// A deposit is 1000 and a retry costs the integer part of 1000/ratio, so that ratios beyond 30 are coarse. Finagle uses 10 s, 10, 0.2.
func NewRatio(ttl time.Duration, perSecond, ratio float64) (*Ratio, error) {
	var p problems
	p.check(ttl >= time.Second && ttl <= time.Minute, "ttl %v: want 1s to 1m", ttl)
	p.check(inRange(perSecond, 0, 1e6), "perSecond %v: want 0 to 1000000", perSecond)
	p.check(ratio == 0 || inRange(ratio, 1e-6, milli), "ratio %v: want 0, or 0.000001 to 1000", ratio)
	if err := p.err("ratio"); err != nil {
		return nil, err
	}
	b := &Ratio{cost: 1, every: ttl / sliceCount}
	if ratio > 0 {
		b.deposit = milli
		b.cost = int64(milli / ratio)
	}
	b.reserve = int64(math.Round(perSecond * ttl.Seconds() * float64(b.cost)))
	return b, nil
}

// Charge makes the deposit of the call at its first failure, and withdraws a retry unless the call ends in any case.
func (b *Ratio) Charge(c retry.Charge) (retry.Tokens, bool) {
	if c.Attempt <= 1 {
		b.add(b.deposit)
	}
	if c.Last || !take(&b.balance, b.cost, -b.reserve) {
		return 0, false
	}
	b.record(-b.cost)
	return retry.Tokens(b.cost), true
}

// Settle makes the deposit of a call that succeeded at once.
func (b *Ratio) Settle(attempt int, _ retry.Tokens) {
	if attempt <= 1 {
		b.add(b.deposit)
	}
}

// Balance returns how many retries are left, the reserve included.
func (b *Ratio) Balance() float64 {
	return max(0, float64(b.balance.Load()+b.reserve)/float64(b.cost))
}

// Fill sets the balance, for a policy that replaces another and takes its balance along. It lapses like a deposit of now.
func (b *Ratio) Fill(retries float64) {
	want := int64(min(max(retries, 0), maxTokens)*float64(b.cost)) - b.reserve
	b.add(want - b.balance.Load())
}

// add changes the balance.
func (b *Ratio) add(n int64) {
	if n == 0 {
		return
	}
	b.balance.Add(n)
	b.record(n)
}

// record notes a change of the balance so that it lapses. The note comes before the look at the timer: turn disarms first and then looks
// for notes, so that one of the two sees the other.
func (b *Ratio) record(n int64) {
	b.slices[b.current.Load()].Add(n)
	if !b.armed.Load() {
		b.arm()
	}
}

// arm starts the timer unless it runs.
func (b *Ratio) arm() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.armed.Swap(true) {
		return
	}
	if b.timer == nil {
		b.timer = time.AfterFunc(b.every, b.turn) //nolint:forbidigo // a timer, which tests run in a bubble of package synctest
		return
	}
	b.timer.Reset(b.every)
}

// turn makes the oldest slice the current one, so that what it holds lapses. It is called by the timer.
func (b *Ratio) turn() {
	next := (b.current.Load() + 1) % sliceCount
	b.balance.Add(-b.slices[next].Swap(0))
	b.current.Store(next)
	b.armed.Store(false)
	for i := range b.slices {
		if b.slices[i].Load() != 0 {
			b.arm()
			return
		}
	}
}
