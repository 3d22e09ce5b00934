package bulkhead_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead"
)

// The results that an operation of a history can have. They say all that the caller could see.
const (
	tryIn     = "try: in"
	tryFull   = "try: full"
	in        = "acquire: in"
	full      = "acquire: full"
	waitedOut = "acquire: waited out"
	leftEarly = "acquire: left"
	release   = "release"
	resize    = "resize"
)

// op is one operation of a history, with the moments between which it took effect.
type op struct {
	what     string
	limit    int // that resize set
	from, to int64
}

func (o op) String() string {
	if o.what == resize {
		return fmt.Sprintf("%d-%d resize to %d", o.from, o.to, o.limit)
	}
	return fmt.Sprintf("%d-%d %s", o.from, o.to, o.what)
}

// model is the sequential semaphore that a history has to agree with, and how far a search has got.
type model struct {
	inUse, limit int
	done, queued uint32 // sets of operations: those that have taken effect, and those that wait
}

// search looks for an order of operations, within the moments of each, in which a sequential semaphore gives the same results.
type search struct {
	ops     []op
	queue   int
	visited map[model]bool
}

// linearisable reports whether there is such an order, for a semaphore that starts with limit.
func linearisable(ops []op, limit, queue int) bool {
	s := search{ops: ops, queue: queue, visited: make(map[model]bool)}
	return s.from(model{limit: limit})
}

// from searches on from a state.
func (s *search) from(m model) bool {
	if m.done == 1<<len(s.ops)-1 {
		return true
	}
	if s.visited[m] {
		return false
	}
	s.visited[m] = true
	for i := range s.ops {
		if m.done&(1<<i) != 0 || !s.may(m, i) {
			continue
		}
		if slices.ContainsFunc(s.steps(m, i), s.from) {
			return true
		}
	}
	return false
}

// may reports whether an operation can take effect now: every one that had ended before it began has done so.
func (s *search) may(m model, i int) bool {
	for j := range s.ops {
		if m.done&(1<<j) == 0 && s.ops[j].to < s.ops[i].from {
			return false
		}
	}
	return true
}

// steps returns the states to which an operation can lead. An Acquire that waits takes two steps; what it sees of the other operations is that
// no slot was free when it began to wait, and none when it had waited for too long.
func (s *search) steps(m model, i int) []model {
	bit, isFull := uint32(1)<<i, m.inUse >= m.limit
	then := func(ok bool, inUse, limit int) []model {
		if !ok {
			return nil
		}
		return []model{{inUse: inUse, limit: limit, done: m.done | bit, queued: m.queued &^ bit}}
	}
	waits, waiting := m.queued&bit != 0, 0
	for q := m.queued; q != 0; q &= q - 1 {
		waiting++
	}
	var next []model
	switch o := s.ops[i]; o.what {
	case tryIn:
		return then(!isFull, m.inUse+1, m.limit)
	case tryFull:
		return then(isFull, m.inUse, m.limit)
	case release:
		return then(true, m.inUse-1, m.limit)
	case resize:
		return then(true, m.inUse, o.limit)
	case full:
		return then(isFull && (waiting >= s.queue || m.limit == 0), m.inUse, m.limit)
	case in:
		next = then(!isFull, m.inUse+1, m.limit)
	case waitedOut:
		next = then(waits && isFull, m.inUse, m.limit)
	case leftEarly:
		next = then(true, m.inUse, m.limit)
	}
	if !waits && isFull && m.limit > 0 && waiting < s.queue {
		m.queued |= bit
		next = append(next, m)
	}
	return next
}

// The checker must refuse what no sequential semaphore does.
func TestCheckerRefuses(t *testing.T) {
	tests := []struct {
		name  string
		queue int
		ops   []op
		want  bool
	}{
		{"one after the other", 1, []op{
			{what: in, from: 1, to: 2}, {what: tryFull, from: 3, to: 4}, {what: release, from: 5, to: 6}, {what: tryIn, from: 7, to: 8},
		}, true},
		{"two of one", 1, []op{{what: in, from: 1, to: 2}, {what: tryIn, from: 3, to: 4}}, false},
		{"full though free", 0, []op{{what: in, from: 1, to: 2}, {what: release, from: 3, to: 4}, {what: full, from: 5, to: 6}}, false},
		{"full while it was released", 0, []op{{what: in, from: 1, to: 2}, {what: release, from: 3, to: 6}, {what: full, from: 4, to: 5}}, true},
		{"full though there was room to wait", 1, []op{{what: in, from: 1, to: 2}, {what: full, from: 3, to: 4}}, false},
		{"the second has no room to wait", 1, []op{{what: in, from: 1, to: 2}, {what: waitedOut, from: 3, to: 6}, {what: full, from: 4, to: 5}}, true},
		{"waited out though it was released before", 1, []op{
			{what: in, from: 1, to: 2}, {what: waitedOut, from: 3, to: 8}, {what: release, from: 4, to: 5}, {what: tryIn, from: 6, to: 7},
		}, true},
		{"waited out though free", 1, []op{{what: in, from: 1, to: 2}, {what: release, from: 3, to: 4}, {what: waitedOut, from: 5, to: 6}}, false},
		{"in after a shrink", 0, []op{{what: resize, from: 1, to: 2}, {what: tryIn, from: 3, to: 4}}, false},
		{"in before a shrink", 0, []op{{what: resize, from: 1, to: 4}, {what: tryIn, from: 2, to: 3}}, true},
		{"in after growth", 0, []op{
			{what: in, from: 1, to: 2}, {what: resize, limit: 2, from: 3, to: 4}, {what: tryIn, from: 5, to: 6}, {what: tryFull, from: 7, to: 8},
		}, true},
	}
	for _, tt := range tests {
		if got := linearisable(tt.ops, 1, tt.queue); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// history is one history in the making.
type history struct {
	sem   *bulkhead.Semaphore
	clock atomic.Int64

	mu  sync.Mutex
	ops []op
}

// record does an operation and notes when, and what became of it.
func (r *history) record(limit int, do func() string) {
	from := r.clock.Add(1)
	what := do()
	to := r.clock.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op{what: what, limit: limit, from: from, to: to})
}

// acquire acquires with a context that may end soon.
func (r *history) acquire(rnd *rand.Rand, held *[]bulkhead.Permit) {
	ctx := context.Background()
	if rnd.IntN(2) == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rnd.IntN(60))*time.Microsecond)
		defer cancel()
	}
	r.record(0, func() string {
		p, err := r.sem.Acquire(ctx)
		e, isFull := errors.AsType[*bulkhead.FullError](err)
		switch {
		case err == nil:
			*held = append(*held, p)
			return in
		case !isFull:
			return leftEarly
		case e.Waited > 0:
			return waitedOut
		default:
			return full
		}
	})
}

// goroutine does n random operations, and gives back what it still holds.
func (r *history) goroutine(rnd *rand.Rand, n int) {
	var held []bulkhead.Permit
	giveBack := func() {
		r.record(0, func() string {
			held[0].Release()
			return release
		})
		held = held[1:]
	}
	for range n {
		if rnd.IntN(4) == 0 {
			runtime.Gosched()
		}
		switch k := rnd.IntN(10); {
		case k < 3 && len(held) > 0:
			giveBack()
		case k < 6:
			r.acquire(rnd, &held)
		case k < 8:
			r.record(0, func() string {
				p, ok := r.sem.TryAcquire()
				if !ok {
					return tryFull
				}
				held = append(held, p)
				return tryIn
			})
		default:
			limit := rnd.IntN(4)
			r.record(limit, func() string {
				if err := r.sem.Resize(limit); err != nil {
					panic(err)
				}
				return resize
			})
		}
	}
	for len(held) > 0 {
		giveBack()
	}
}

// Invariant: resilience K1, K3, K4.
//
// Short histories of three goroutines, with waits that end in time or not, contexts that end, and a limit that changes between 0 and 3, each have an
// order in which a sequential semaphore does the same. The clock leaps, so that both ways to the next waiter are taken.
func TestSemaphoreIsLinearisable(t *testing.T) {
	histories := 6000
	if testing.Short() {
		histories = 500
	}
	seen := make(map[string]int)
	for seed := range histories {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		limit, queue := 1+rnd.IntN(2), rnd.IntN(3)
		cfg := bulkhead.Config{Queue: queue}
		if queue > 0 {
			cfg.MaxWait = time.Duration(1+rnd.IntN(50)) * time.Microsecond
			cfg.Order = []bulkhead.Order{bulkhead.FIFO, bulkhead.LIFOWhenLate}[rnd.IntN(2)]
		}
		var now atomic.Int64
		leap := rnd.Int64N(int64(time.Millisecond)) * int64(seed%2) // every other clock stands, and nobody is ever late
		cfg.Now = func() time.Time { return time.Unix(0, now.Add(leap+1)) }
		r := &history{sem: semaphore(t, limit, cfg)}
		var wg sync.WaitGroup
		for g := range 3 {
			own := rand.New(rand.NewPCG(uint64(seed), uint64(2+g)))
			wg.Go(func() { r.goroutine(own, 4) })
		}
		wg.Wait()
		for _, o := range r.ops {
			seen[o.what]++
		}
		if !linearisable(r.ops, limit, queue) {
			lines := make([]string, len(r.ops))
			for i, o := range r.ops {
				lines[i] = o.String()
			}
			t.Fatalf("seed %d, limit %d, queue %d: not linearisable:\n%s", seed, limit, queue, strings.Join(lines, "\n"))
		}
		if got := r.sem.Stats(); got.InUse != 0 || got.Waiting != 0 {
			t.Fatalf("seed %d: at the end %v", seed, got)
		}
	}
	for _, what := range []string{tryIn, tryFull, in, full, waitedOut, leftEarly, release, resize} {
		if seen[what] == 0 {
			t.Errorf("no history had %q", what)
		}
	}
	t.Logf("%d histories: %v", histories, seen)
}
