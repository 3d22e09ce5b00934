package bulkhead_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead"
	"pgregory.net/rapid"
)

// drawWeights draws the weights of a few partitions.
func drawWeights(t *rapid.T, most int) map[string]int {
	return rapid.MapOfN(rapid.StringMatching(`[a-f]`), rapid.IntRange(1, most), 1, 6).Draw(t, "weights")
}

// Shares are those of the largest remainder, by exact fractions and sorting.
func TestSharesFollowTheLargestRemainder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(0, bulkhead.MaxLimit)).Draw(t, "limit")
		weights := drawWeights(t, rapid.SampledFrom([]int{3, 100, 1 << 30}).Draw(t, "most"))
		p, err := bulkhead.NewPartitioned(limit, weights, bulkhead.Config{})
		if err != nil {
			t.Fatal(err)
		}
		want, sum := largestRemainder(limit, weights), 0
		for _, part := range p.Stats().Parts {
			if part.Limit != want[part.Name] {
				t.Errorf("share of %s: %d, want %d", part.Name, part.Limit, want[part.Name])
			}
			sum += part.Limit
		}
		if sum != limit {
			t.Errorf("shares add up to %d, want %d", sum, limit)
		}
	})
}

// largestRemainder divides a limit by exact fractions and sorting.
func largestRemainder(limit int, weights map[string]int) map[string]int {
	var total int64
	for _, weight := range weights {
		total += int64(weight)
	}
	shares, rests := make(map[string]int), make(map[string]*big.Rat)
	missing := limit
	for name, weight := range weights {
		quota := big.NewRat(int64(weight), total)
		quota.Mul(quota, big.NewRat(int64(limit), 1))
		whole := new(big.Int).Quo(quota.Num(), quota.Denom())
		shares[name] = int(whole.Int64())
		rests[name] = quota.Sub(quota, new(big.Rat).SetInt(whole))
		missing -= shares[name]
	}
	names := slices.SortedFunc(maps.Keys(weights), func(a, b string) int {
		return cmp.Or(rests[b].Cmp(rests[a]), strings.Compare(a, b))
	})
	for _, name := range names[:missing] {
		shares[name]++
	}
	return shares
}

// guest is one caller of a Partitioned, as the oracle sees it.
type guest struct {
	name   string
	number int // by arrival
	leave  context.CancelFunc
	result chan error
	permit bulkhead.Permit
}

// oracle is a Partitioned made of lists and sorting.
type oracle struct {
	limit   int
	weights map[string]int
	shares  map[string]int
	waits   []*guest
	in      []*guest
}

// use returns how many slots a partition uses.
func (o *oracle) use(name string) (n int) {
	for _, g := range o.in {
		if g.name == name {
			n++
		}
	}
	return n
}

// admit lets in who is to be next, while a slot is free.
func (o *oracle) admit() {
	for len(o.in) < o.limit && len(o.waits) > 0 {
		slices.SortFunc(o.waits, func(a, b *guest) int {
			if a.name == b.name {
				return a.number - b.number
			}
			below := func(g *guest) bool { return o.use(g.name) < o.shares[g.name] }
			if below(a) != below(b) {
				return map[bool]int{true: -1, false: 1}[below(a)]
			}
			ratio := func(g *guest) *big.Rat { return big.NewRat(int64(o.use(g.name)), int64(o.weights[g.name])) }
			if c := ratio(a).Cmp(ratio(b)); c != 0 {
				return c
			}
			return o.oldest(a.name) - o.oldest(b.name)
		})
		o.in = append(o.in, o.waits[0])
		o.waits = o.waits[1:]
	}
}

// oldest returns the number of who has waited longest in a partition.
func (o *oracle) oldest(name string) int {
	oldest := int(^uint(0) >> 1)
	for _, g := range o.waits {
		if g.name == name {
			oldest = min(oldest, g.number)
		}
	}
	return oldest
}

// house is a Partitioned beside its oracle.
type house struct {
	*rapid.T
	p      *bulkhead.Partitioned
	o      oracle
	queue  int
	number int
}

// come lets a caller come, and waits until it is in, refused or in the queue.
func (h *house) come(name string) {
	ctx, leave := context.WithCancel(context.Background())
	h.number++
	g := &guest{name: name, number: h.number, leave: leave, result: make(chan error, 1)}
	waiting := 0
	for _, w := range h.o.waits {
		if w.name == name {
			waiting++
		}
	}
	before := h.p.Stats().Waiting
	go func() {
		var err error
		g.permit, err = h.p.Acquire(ctx, name)
		g.result <- err
	}()
	switch {
	case len(h.o.in) < h.o.limit:
		h.o.in = append(h.o.in, g)
		h.entered(g)
	case h.o.limit == 0 || waiting == h.queue:
		if err := <-g.result; !errors.Is(err, bulkhead.ErrFull) {
			h.Fatalf("%s came to a full queue: %v", name, err)
		}
		leave()
	default:
		for h.p.Stats().Waiting == before {
			runtime.Gosched()
		}
		h.o.waits = append(h.o.waits, g)
	}
}

// entered checks that a caller is in.
func (h *house) entered(g *guest) {
	select {
	case err := <-g.result:
		if err != nil {
			h.Fatalf("%s %d: %v, want in", g.name, g.number, err)
		}
	case <-time.After(10 * time.Second):
		h.Fatalf("%s %d waits, want in", g.name, g.number)
	}
}

// after checks that those got in whom the oracle admits, and nobody else.
func (h *house) after() {
	before := len(h.o.in)
	h.o.admit()
	for _, g := range h.o.in[before:] {
		h.entered(g)
	}
	got, use := h.p.Stats(), ""
	for _, part := range got.Parts {
		if part.InUse != h.o.use(part.Name) {
			use += fmt.Sprintf(" %s %d want %d", part.Name, part.InUse, h.o.use(part.Name))
		}
	}
	if use != "" || got.InUse != len(h.o.in) || got.Waiting != len(h.o.waits) {
		h.Fatalf("in use%s; want %d in, %d waiting:\n%v", use, len(h.o.in), len(h.o.waits), got)
	}
}

// resize changes limit and weights, but not which partitions there are.
func (h *house) resize(limit int, most int) {
	for _, name := range slices.Sorted(maps.Keys(h.o.weights)) {
		h.o.weights[name] = rapid.IntRange(1, most).Draw(h.T, "weight of "+name)
	}
	h.o.limit = limit
	if err := h.p.Resize(limit, h.o.weights); err != nil {
		h.Fatal(err)
	}
	h.o.shares = make(map[string]int)
	for _, part := range h.p.Stats().Parts {
		h.o.shares[part.Name] = part.Limit
	}
}

// A Partitioned lets in who an oracle of lists and sorting lets in, through calls that come, end and leave, and changes of limit and weights.
//
// Invariant: resilience K5.
func TestPartitionedFollowsItsOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &house{T: t, queue: rapid.IntRange(1, 4).Draw(t, "queue")}
		h.o.weights = drawWeights(t, 5)
		names := slices.Sorted(maps.Keys(h.o.weights))
		var ticks atomic.Int64
		clock := func() time.Time { return time.Unix(0, ticks.Add(1)) } // no two come at the same time
		var err error
		if h.p, err = bulkhead.NewPartitioned(1, h.o.weights, bulkhead.Config{Queue: h.queue, Now: clock}); err != nil {
			t.Fatal(err)
		}
		h.resize(rapid.IntRange(0, 5).Draw(t, "limit"), 5)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch k := rapid.IntRange(0, 9).Draw(t, "step"); {
			case k < 5:
				h.come(rapid.SampledFrom(names).Draw(t, "name"))
			case k < 8 && len(h.o.in) > 0:
				i := rapid.IntRange(0, len(h.o.in)-1).Draw(t, "who")
				g := h.o.in[i]
				h.o.in = slices.Delete(h.o.in, i, i+1)
				g.permit.Release()
				g.leave()
			case k < 9 && len(h.o.waits) > 0:
				i := rapid.IntRange(0, len(h.o.waits)-1).Draw(t, "who")
				g := h.o.waits[i]
				h.o.waits = slices.Delete(h.o.waits, i, i+1)
				g.leave()
				if err := <-g.result; !errors.Is(err, context.Canceled) {
					t.Fatalf("left: %v", err)
				}
			case k == 9:
				h.resize(rapid.IntRange(0, 5).Draw(t, "limit"), 5)
			}
			h.after()
		}
		for _, g := range append(h.o.in, h.o.waits...) {
			g.leave()
		}
	})
}
