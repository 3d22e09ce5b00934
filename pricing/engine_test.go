package pricing_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/pricing"
)

// start is when the clocks of engine, source and book tests begin.
func start() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// A clock is set by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: start()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// priced is a rule set in which the product p costs that many euros.
func priced(t *testing.T, euros uint64) pricing.RuleSet {
	t.Helper()
	rs, err := pricing.ParseRules(fmt.Appendf(nil,
		`{"rules": [{"id": "p", "kind": "base", "on": {"product": "p"}, "currency": "EUR", "amount": "%d.00"}]}`, euros))
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// version compiles a version in which p costs as many euros as its number.
func version(t *testing.T, number uint64, from time.Time) *pricing.Snapshot {
	t.Helper()
	rs := priced(t, number)
	rs.Version, rs.EffectiveFrom = number, from
	s, err := pricing.Compile(rs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newEngine(t *testing.T, cfg pricing.Config) *pricing.Engine {
	t.Helper()
	e, err := pricing.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ask is the query for one p at a time.
func ask(t *testing.T, at time.Time) pricing.Query {
	t.Helper()
	q, err := pricing.ParseQuery([]byte(`{"product": "p", "currency": "EUR"}`))
	if err != nil {
		t.Fatal(err)
	}
	q.At = at
	return q
}

func publishAll(t *testing.T, e *pricing.Engine, list ...*pricing.Snapshot) {
	t.Helper()
	for _, s := range list {
		if err := e.Publish(s); err != nil {
			t.Fatalf("publish version %d: %v", s.Version(), err)
		}
	}
}

func TestNewReportsAllThatIsWrongWithAConfig(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  pricing.Config
		want int
	}{
		{"zero", pricing.Config{}, 0},
		{"keep", pricing.Config{Keep: -1}, 1},
		{"skew", pricing.Config{Skew: -1}, 1},
		{"lead that is used up", pricing.Config{Lead: 7 * time.Second}, 1},
		{"lead just above", pricing.Config{Lead: 7*time.Second + 1}, 0},
		{"lead for a skew", pricing.Config{Lead: 20 * time.Second, Skew: 15 * time.Second}, 1},
		{"all", pricing.Config{Keep: -1, Skew: -1, Lead: -1}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := pricing.New(c.cfg)
			var list interface{ Unwrap() []error }
			got := 0
			if errors.As(err, &list) {
				got = len(list.Unwrap())
			}
			if got != c.want || (e == nil) != (c.want > 0) {
				t.Errorf("engine %v, %d errors, want %d: %v", e, got, c.want, err)
			}
		})
	}
}

// Invariant: pricing P8.
func TestTheHighestEffectiveVersionIsInForce(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		e := newEngine(t, pricing.Config{Keep: 100, Now: start})
		var from []time.Time // by version - 1, in any order
		for v := range 1 + r.Uint64N(8) {
			from = append(from, start().Add(time.Duration(r.IntN(20)-10)*time.Second))
			publishAll(t, e, version(t, v+1, from[v]))
		}
		for second := -12; second <= 12; second++ {
			at := start().Add(time.Duration(second)*time.Second + time.Duration(r.IntN(1e9)))
			if err := pricesByHighest(e, from, ask(t, at)); err != nil {
				t.Fatalf("seed %d: from %v, at %v: %v", seed, from, at, err)
			}
		}
	}
}

// pricesByHighest checks that a query is answered by the highest version with a
// time in from, by version - 1, that is not after the query's.
func pricesByHighest(e *pricing.Engine, from []time.Time, q pricing.Query) error {
	want := uint64(0)
	for v, f := range from {
		if !f.After(q.At) {
			want = uint64(v) + 1
		}
	}
	s, err := e.At(q.At)
	quote, priceErr := e.Price(q)
	switch {
	case want == 0 && errors.Is(err, pricing.ErrState) && errors.Is(priceErr, pricing.ErrState):
		return nil
	case want == 0 || err != nil || priceErr != nil:
		return fmt.Errorf("want version %d: %w", want, errors.Join(err, priceErr))
	case s.Version() != want || quote.Version != want || quote.Unit.Text() != fmt.Sprintf("%d.00", want):
		return fmt.Errorf("version %d, and %v of version %d; want version %d", s.Version(), quote.Unit, quote.Version, want)
	}
	return nil
}

func TestPublishTakesNewerVersionsOnly(t *testing.T) {
	e := newEngine(t, pricing.Config{Now: start})
	draft, err := pricing.Compile(priced(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	other := priced(t, 9)
	other.Version = 3
	altered, err := pricing.Compile(other)
	if err != nil {
		t.Fatal(err)
	}
	publishAll(t, e, version(t, 1, time.Time{}), version(t, 3, time.Time{}))
	for _, c := range []struct {
		name string
		s    *pricing.Snapshot
		want error
	}{
		{"none", nil, pricing.ErrState},
		{"a draft", draft, pricing.ErrState},
		{"the same again", version(t, 3, time.Time{}), nil},
		{"an older one again", version(t, 1, time.Time{}), nil},
		{"an older one that was left out", version(t, 2, time.Time{}), pricing.ErrConflict},
		{"another digest", altered, pricing.ErrConflict},
		{"another time", version(t, 3, start()), pricing.ErrConflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := e.Publish(c.s); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if s, err := e.At(start()); err != nil || s.Version() != 3 {
				t.Errorf("in force is %v, %v; want version 3", s, err)
			}
		})
	}
}

func TestAnArmedVersionFlipsByComparison(t *testing.T) {
	c := newClock()
	e := newEngine(t, pricing.Config{Now: c.now})
	flip := start().Add(time.Minute)
	if _, err := e.Price(ask(t, time.Time{})); !errors.Is(err, pricing.ErrState) {
		t.Fatalf("without a version: %v, want ErrState", err)
	}
	publishAll(t, e, version(t, 1, start()), version(t, 2, flip))
	for _, step := range []struct {
		advance time.Duration
		want    uint64
		next    time.Time
	}{
		{0, 1, flip},
		{59*time.Second + 999*time.Millisecond, 1, flip},
		{time.Millisecond, 2, time.Time{}},
	} {
		c.advance(step.advance)
		q, err := e.Price(ask(t, time.Time{})) // the clock fills in the time
		if err != nil {
			t.Fatal(err)
		}
		if at := c.now().Truncate(time.Second); q.Version != step.want || !q.NextChange.Equal(step.next) || !q.At.Equal(at) {
			t.Errorf("at %v: version %d, next change %v, at %v; want %d, %v, %v", c.now(), q.Version, q.NextChange, q.At, step.want, step.next, at)
		}
	}
	if _, err := e.Price(ask(t, start().Add(-time.Second))); !errors.Is(err, pricing.ErrState) {
		t.Errorf("before the first version: %v, want ErrState", err)
	}
}

func TestNextChangeIsTheEarliestOfTheVersionsToCome(t *testing.T) {
	e := newEngine(t, pricing.Config{Now: start})
	s := func(n int) time.Time { return start().Add(time.Duration(n) * time.Second) }
	publishAll(t, e, version(t, 1, s(0)), version(t, 2, s(30)), version(t, 3, s(20)), version(t, 4, s(40)))
	for second, want := range map[int]time.Time{0: s(20), 19: s(20), 20: s(40), 30: s(40), 39: s(40), 40: {}} {
		q, err := e.Price(ask(t, s(second)))
		if err != nil || !q.NextChange.Equal(want) {
			t.Errorf("at second %d: %v, %v; want %v", second, q.NextChange, err, want)
		}
	}
}

func TestKeepLetsGoOfOldVersions(t *testing.T) {
	c := newClock()
	e := newEngine(t, pricing.Config{Keep: 2, Now: c.now})
	for v := uint64(1); v <= 6; v++ { // one a minute, each armed when it comes
		publishAll(t, e, version(t, v, start().Add(time.Duration(v)*time.Minute)))
		c.advance(time.Minute)
	}
	publishAll(t, e, version(t, 7, start().Add(time.Hour)))
	for v, want := range map[uint64]bool{1: false, 3: false, 4: true, 5: true, 6: true, 7: true, 8: false} {
		if s, ok := e.AtVersion(v); ok != want || ok && s.Version() != v {
			t.Errorf("AtVersion(%d) = %v, %v", v, s, ok)
		}
	}
	if _, err := e.Price(ask(t, start().Add(3*time.Minute+59*time.Second))); !errors.Is(err, pricing.ErrNotFound) {
		t.Errorf("before the oldest version kept: %v, want ErrNotFound", err)
	}
	if q, err := e.Price(ask(t, start().Add(4*time.Minute))); err != nil || q.Version != 4 {
		t.Errorf("the oldest version kept: %v, %v", q.Version, err)
	}
}

func TestUnsureWithoutARecentPoll(t *testing.T) {
	// Defaults: sure when the last poll began later than 20 - 2 - 5 s before.
	for _, c := range []struct {
		name    string
		cfg     pricing.Config
		confirm time.Duration // before the query's second; 0: never
		unsure  bool
	}{
		{"fed by hand", pricing.Config{}, 0, false},
		{"at the limit", pricing.Config{}, 13 * time.Second, true},
		{"within it", pricing.Config{}, 13*time.Second - 1, false},
		{"long ago", pricing.Config{}, time.Hour, true},
		{"another lead and skew", pricing.Config{Lead: time.Minute, Skew: 10 * time.Second}, 45*time.Second - 1, false},
		{"beyond another lead and skew", pricing.Config{Lead: time.Minute, Skew: 10 * time.Second}, 45 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, refuse := range []bool{false, true} {
				c.cfg.RefuseUnsure, c.cfg.Now = refuse, start
				e := newEngine(t, c.cfg)
				publishAll(t, e, version(t, 1, time.Time{}))
				if c.confirm > 0 {
					e.Confirm(start().Add(-c.confirm))
					e.Confirm(start().Add(-24 * time.Hour)) // it never goes back
				}
				for how, quote := range everyWay(e, ask(t, start().Add(time.Second-1))) { // the second counts, not its fraction
					refused := refuse && c.unsure
					if errors.Is(quote.Err, pricing.ErrUnsure) != refused || quote.Unsure != (c.unsure && !refused) {
						t.Errorf("%s, refusing %v: unsure %v, %v; want %v", how, refuse, quote.Unsure, quote.Err, c.unsure)
					}
				}
			}
		})
	}
}

// everyWay asks an engine in all ways that it has.
func everyWay(e *pricing.Engine, q pricing.Query) map[string]pricing.Quote {
	quotes := make(map[string]pricing.Quote)
	keep := func(how string, quote pricing.Quote, err error) {
		if !errors.Is(err, quote.Err) {
			quote.Err = fmt.Errorf("the quote says %w, the call %w", quote.Err, err)
		}
		quotes[how] = quote
	}
	quote, err := e.Price(q)
	keep("Price", quote, err)
	err = e.PriceInto(&q, &quote)
	keep("PriceInto", quote, err)
	explained, err := e.Explain(q)
	keep("Explain", explained.Quote, err)
	batch := make([]pricing.Quote, 1)
	err = e.PriceBatch([]pricing.Query{q}, batch)
	keep("PriceBatch", batch[0], err)
	return quotes
}

func TestTheFutureIsUnsureOnceConfirmed(t *testing.T) {
	e := newEngine(t, pricing.Config{Now: start})
	publishAll(t, e, version(t, 1, time.Time{}))
	e.Confirm(start())
	for after, want := range map[time.Duration]bool{-time.Hour: false, 12 * time.Second: false, 13 * time.Second: true, time.Hour: true} {
		q, err := e.Price(ask(t, start().Add(after)))
		if err != nil || q.Unsure != want {
			t.Errorf("%v after the poll: unsure %v, %v; want %v", after, q.Unsure, err, want)
		}
	}
}

func TestABatchIsOfOneVersion(t *testing.T) {
	c := newClock()
	e := newEngine(t, pricing.Config{Now: c.now})
	flip := start().Add(time.Minute)
	publishAll(t, e, version(t, 1, start()), version(t, 2, flip))
	unknown := ask(t, flip)
	unknown.Product = "q"
	qs := []pricing.Query{ask(t, time.Time{}), ask(t, flip), unknown, ask(t, flip.Add(time.Second-1))}
	dst := make([]pricing.Quote, len(qs))
	if err := e.PriceBatch(qs, dst); err != nil {
		t.Fatal(err)
	}
	for i, q := range dst {
		if i == 2 {
			if !errors.Is(q.Err, pricing.ErrNoPrice) {
				t.Errorf("line %d: %v, want ErrNoPrice", i, q.Err)
			}
			continue
		}
		if q.Err != nil || q.Version != 2 || !q.At.Equal(flip) {
			t.Errorf("line %d: version %d at %v, %v", i, q.Version, q.At, q.Err)
		}
	}
	if !qs[0].At.IsZero() {
		t.Error("the batch wrote into its queries")
	}
	// Without any time, the clock's: and that of one reading.
	if err := e.PriceBatch(qs[:1], dst[:1]); err != nil || dst[0].Version != 1 || !dst[0].At.Equal(start()) {
		t.Errorf("batch without a time: version %d at %v, %v", dst[0].Version, dst[0].At, err)
	}
}

func TestAFailedBatchLeavesNoOldQuotes(t *testing.T) {
	e := newEngine(t, pricing.Config{Now: start})
	publishAll(t, e, version(t, 1, start()))
	one := ask(t, start())
	dst := make([]pricing.Quote, 2)
	fill := func() {
		if err := e.PriceBatch([]pricing.Query{one, one}, dst); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		qs   []pricing.Query
		want error
	}{
		{"lengths", []pricing.Query{one}, pricing.ErrQuery},
		{"seconds", []pricing.Query{one, ask(t, start().Add(time.Second))}, pricing.ErrQuery},
		{"no version", []pricing.Query{ask(t, start().Add(-1)), ask(t, start().Add(-1))}, pricing.ErrState},
	} {
		t.Run(c.name, func(t *testing.T) {
			fill()
			if err := e.PriceBatch(c.qs, dst); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			for i, q := range dst {
				if !errors.Is(q.Err, c.want) || q.Version != 0 || !q.Unit.IsZero() || len(q.Steps) > 0 {
					t.Errorf("line %d keeps %+v", i, q)
				}
			}
		})
	}
	if err := e.PriceBatch(nil, nil); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}

func TestEnginePricesWithoutAllocating(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector a pool drops what it holds")
	}
	e := newEngine(t, pricing.Config{Now: start})
	publishAll(t, e, version(t, 1, start()), version(t, 2, start().Add(time.Hour)))
	e.Confirm(start())
	var dst pricing.Quote
	for name, q := range map[string]pricing.Query{"with a time": ask(t, start()), "by the clock": ask(t, time.Time{})} {
		got := testing.AllocsPerRun(100, func() {
			if err := e.PriceInto(&q, &dst); err != nil {
				t.Fatal(err)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations, want none", name, got)
		}
	}
}

func TestQueriesSeeWholePublicationsOnly(t *testing.T) {
	c := newClock()
	e := newEngine(t, pricing.Config{Now: c.now})
	publishAll(t, e, version(t, 1, time.Time{}))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			last := uint64(0)
			for {
				select {
				case <-stop:
					return
				default:
				}
				q, err := e.Price(ask(t, start().Add(time.Hour)))
				if err != nil || q.Version < last || q.Unit.Text() != fmt.Sprintf("%d.00", q.Version) {
					t.Errorf("after version %d: %v of version %d, %v", last, q.Unit, q.Version, err)
					return
				}
				last = q.Version
			}
		})
	}
	for v := uint64(2); v <= 200; v++ {
		publishAll(t, e, version(t, v, start()))
		e.Confirm(c.now())
		c.advance(time.Second)
	}
	close(stop)
	wg.Wait()
}
