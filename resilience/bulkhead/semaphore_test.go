package bulkhead_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/bulkhead"
)

// Invariant: resilience K1.
func TestNoPermitAtTheLimit(t *testing.T) {
	s := semaphore(t, 3, bulkhead.Config{})
	var permits []bulkhead.Permit
	for range 3 {
		permits = append(permits, hold(t, s))
	}
	if _, err := s.Acquire(t.Context()); !errors.Is(err, bulkhead.ErrFull) {
		t.Errorf("fourth of three: %v, want ErrFull", err)
	}
	if _, ok := s.TryAcquire(); ok {
		t.Error("fourth of three by TryAcquire")
	}
	permits[1].Release()
	p, ok := s.TryAcquire()
	if !ok {
		t.Fatal("no permit though a slot is free")
	}
	p.Release()
	permits[0].Drop()
	permits[2].Release()
	settled(t, s.Stats(), 6)
}

// Invariant: resilience K2.
func TestEveryCallerIsAccountedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := semaphore(t, 1, bulkhead.Config{Queue: 2, MaxWait: time.Second, ShedLowest: true})
		check := func(want bulkhead.Stats) {
			t.Helper()
			synctest.Wait()
			want.Limit = 1
			if diff := cmp.Diff(want, s.Stats()); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
		dead, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Acquire(dead); !errors.Is(err, context.Canceled) {
			t.Errorf("done context: %v", err)
		}
		check(bulkhead.Stats{Left: 1})
		first := hold(t, s)
		check(bulkhead.Stats{Left: 1, InUse: 1, Accepted: 1})
		leaves, leave := context.WithCancel(t.Context())
		comeTo(leaves, s, 1)
		comeTo(t.Context(), s, 1)
		check(bulkhead.Stats{Left: 1, InUse: 1, Accepted: 1, Waiting: 2})
		want(t, "full", comeTo(t.Context(), s, 1)) // the queue is full
		check(bulkhead.Stats{Left: 1, InUse: 1, Accepted: 1, Waiting: 2, Rejected: 1})
		if _, ok := s.TryAcquire(); ok {
			t.Error("TryAcquire though full")
		}
		check(bulkhead.Stats{Left: 1, InUse: 1, Accepted: 1, Waiting: 2, Rejected: 2})
		next := comeTo(t.Context(), s, 2) // sheds the second of the two
		check(bulkhead.Stats{Left: 1, InUse: 1, Accepted: 1, Waiting: 2, Rejected: 3, Shed: 1})
		leave()
		check(bulkhead.Stats{Left: 2, InUse: 1, Accepted: 1, Waiting: 1, Rejected: 3, Shed: 1})
		first.Release()
		want(t, "in", next)
		check(bulkhead.Stats{Left: 2, InUse: 1, Accepted: 2, Rejected: 3, Shed: 1})
		late := comeTo(t.Context(), s, 0)
		time.Sleep(time.Second)
		want(t, "full", late)
		check(bulkhead.Stats{Left: 2, InUse: 1, Accepted: 2, Rejected: 4, Shed: 1, WaitedOut: 1})
		next.permit.Release()
		settled(t, s.Stats(), 8)
	})
}

// Invariant: resilience K3.
func TestQueueHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := semaphore(t, 1, bulkhead.Config{Queue: 3})
		p := hold(t, s)
		var callers []*caller
		for range 50 {
			callers = append(callers, comeTo(t.Context(), s, 0))
		}
		want(t, "waits", callers[:3]...)
		want(t, "full", callers[3:]...)
		if got := s.Stats().Waiting; got != 3 {
			t.Errorf("%d wait, want 3", got)
		}
		p.Release()
		for _, c := range callers[:3] {
			want(t, "in", c)
			c.permit.Release()
		}
		settled(t, s.Stats(), 51)
	})
}

// A zero Config has no queue, and no value of Queue is without an end: where the queue grows with the outage, each of its calls fails later.
func TestQueueIsNeverUnbounded(t *testing.T) {
	s := semaphore(t, 1, bulkhead.Config{})
	hold(t, s)
	if _, err := s.Acquire(t.Context()); !errors.Is(err, bulkhead.ErrFull) {
		t.Errorf("zero Config: %v, want ErrFull at once", err)
	}
	for _, queue := range []int{-1, bulkhead.MaxLimit + 1} {
		if _, err := bulkhead.New(1, bulkhead.Config{Queue: queue}); !errors.Is(err, bulkhead.ErrConfig) {
			t.Errorf("Queue %d: %v, want ErrConfig", queue, err)
		}
	}
}

// Invariant: resilience K4.
func TestNobodyWaitsWhileASlotIsFree(t *testing.T) {
	events := []struct {
		name string
		do   func(t *testing.T, s *bulkhead.Semaphore, held []bulkhead.Permit, leave func())
	}{
		{"release", func(_ *testing.T, _ *bulkhead.Semaphore, held []bulkhead.Permit, _ func()) {
			held[0].Release()
		}},
		{"two releases at once", func(_ *testing.T, _ *bulkhead.Semaphore, held []bulkhead.Permit, _ func()) {
			held[0].Release()
			held[1].Release()
		}},
		{"growth", func(t *testing.T, s *bulkhead.Semaphore, _ []bulkhead.Permit, _ func()) {
			t.Helper()
			if err := s.Resize(4); err != nil {
				t.Fatal(err)
			}
		}},
		{"release, and the one that is woken leaves", func(_ *testing.T, _ *bulkhead.Semaphore, held []bulkhead.Permit, leave func()) {
			held[0].Release()
			leave()
		}},
		{"shrink below the use, then releases", func(t *testing.T, s *bulkhead.Semaphore, held []bulkhead.Permit, _ func()) {
			t.Helper()
			if err := s.Resize(1); err != nil {
				t.Fatal(err)
			}
			held[0].Release()
			held[1].Release()
		}},
	}
	for _, wait := range []time.Duration{0, 2 * time.Millisecond} { // woken, handed over
		for _, tt := range events {
			t.Run(tt.name+" after "+wait.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { checkNobodyWaits(t, wait, tt.do) })
			})
		}
	}
}

// checkNobodyWaits lets something happen to a semaphore of two slots with three waiters.
func checkNobodyWaits(t *testing.T, wait time.Duration, do func(*testing.T, *bulkhead.Semaphore, []bulkhead.Permit, func())) {
	t.Helper()
	s := semaphore(t, 2, bulkhead.Config{Queue: 10})
	held := []bulkhead.Permit{hold(t, s), hold(t, s)}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	callers := []*caller{comeTo(ctx, s, 0), comeTo(t.Context(), s, 0), comeTo(t.Context(), s, 0)}
	time.Sleep(wait)
	do(t, s, held, leave)
	synctest.Wait()
	if got := s.Stats(); got.Waiting > 0 && got.InUse < got.Limit {
		t.Errorf("%v", got)
	}
	for i := range held {
		held[i].Release()
	}
	for range callers { // each turn lets the next one in
		for _, c := range callers {
			if c.state() == "in" {
				c.permit.Release()
			}
		}
	}
	settled(t, s.Stats(), 5)
}

// Newcomers may overtake until the oldest waiter has waited for a millisecond: a release only wakes it, and who runs is faster.
func TestNewcomersOvertakeWhoJustCame(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // the waiter does not run before the newcomer has tried
	overtook := 0
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := semaphore(t, 1, bulkhead.Config{Queue: 1})
			p := hold(t, s)
			waiter := comeTo(t.Context(), s, 0)
			time.Sleep(time.Millisecond - 1)
			p.Release()
			if p, ok := s.TryAcquire(); ok {
				overtook++
				want(t, "waits", waiter)
				p.Release()
			}
			want(t, "in", waiter)
		})
	}
	if overtook == 0 {
		t.Error("nobody overtook")
	}
}

// After a millisecond hand-off is strict: the slot is the waiter's before anybody sees it free.
func TestNobodyOvertakesWhoWaitedForAMillisecond(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := semaphore(t, 1, bulkhead.Config{Queue: 2})
			p := hold(t, s)
			first, second := comeTo(t.Context(), s, 0), comeTo(t.Context(), s, 0)
			time.Sleep(time.Millisecond)
			p.Release()
			if _, ok := s.TryAcquire(); ok {
				t.Fatal("a newcomer overtook")
			}
			want(t, "in", first)
			first.permit.Release()
			if _, ok := s.TryAcquire(); ok {
				t.Fatal("a newcomer overtook")
			}
			want(t, "in", second)
			second.permit.Release()
			hold(t, s) // and who comes to an empty queue is let in
		})
	}
}

// Who is out of time just when slots become free takes one: it leaves only at an instant at which none is free.
func TestNobodyWaitsOutWhileASlotIsFree(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that nobody runs between the releases and the end of the wait
	const maxWait = 5 * time.Millisecond
	start := time.Now()
	for range 10 {
		s := semaphore(t, 2, bulkhead.Config{Queue: 2, MaxWait: maxWait, Now: func() time.Time { return start }}) // never late: one at a time is woken
		held := []bulkhead.Permit{hold(t, s), hold(t, s)}
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := s.Acquire(context.Background())
				errs <- err
			}()
		}
		for got := s.Stats(); got.Waiting+int(got.WaitedOut) < 2; got = s.Stats() { //nolint:gosec // at most 2
			runtime.Gosched()
		}
		held[0].Release()
		held[1].Release()
		before := s.Stats().WaitedOut                             // on a slow machine
		for since := time.Now(); time.Since(since) < 2*maxWait; { //nolint:revive // to sleep would let them run
		}
		if err := errors.Join(<-errs, <-errs); err != nil && s.Stats().WaitedOut != before {
			t.Fatal(err)
		}
	}
}

func TestResizeNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := semaphore(t, 1, bulkhead.Config{Queue: 10})
		held := []bulkhead.Permit{hold(t, s)}
		var callers []*caller
		for range 4 {
			callers = append(callers, comeTo(t.Context(), s, 0))
		}
		resize := func(limit int) {
			t.Helper()
			if err := s.Resize(limit); err != nil {
				t.Fatal(err)
			}
		}
		resize(3) // growth lets waiters go before it returns
		if got := s.Stats(); got.InUse != 3 || got.Waiting != 2 {
			t.Fatalf("after growth: %v", got)
		}
		want(t, "in", callers[:2]...)
		resize(1) // a shrink ends no call, and lets none in until enough have ended
		held[0].Release()
		want(t, "waits", callers[2:]...)
		if got := s.Stats(); got.InUse != 2 || got.Limit != 1 {
			t.Fatalf("after shrink: %v", got)
		}
		callers[0].permit.Release()
		want(t, "waits", callers[2:]...)
		callers[1].permit.Release()
		want(t, "in", callers[2])
		resize(0) // refuses newcomers, queue or not; waiters stay
		want(t, "full", comeTo(t.Context(), s, 0))
		callers[2].permit.Release()
		want(t, "waits", callers[3])
		resize(1)
		want(t, "in", callers[3])
		callers[3].permit.Release()
		settled(t, s.Stats(), 6)
	})
}

// Resilience4j's facts about changes: growth frees a waiter; a new wait bound spares those who wait.
func TestWaitersKeepTheirWaitBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := bulkhead.Config{Queue: 4, MaxWait: time.Minute}
		s := semaphore(t, 1, cfg)
		p := hold(t, s)
		old := comeTo(t.Context(), s, 0)
		cfg.MaxWait = time.Second
		if err := s.Reconfigure(1, cfg); err != nil {
			t.Fatal(err)
		}
		fresh := comeTo(t.Context(), s, 0)
		time.Sleep(time.Second)
		want(t, "full", fresh)
		want(t, "waits", old)
		time.Sleep(58 * time.Second)
		want(t, "waits", old)
		p.Release()
		want(t, "in", old)
	})
}

// A queue that is made shorter keeps who is in it, and takes and sheds nobody until enough have left.
func TestShorterQueueDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := semaphore(t, 1, bulkhead.Config{Queue: 3})
		p := hold(t, s)
		callers := []*caller{comeTo(t.Context(), s, 0), comeTo(t.Context(), s, 0), comeTo(t.Context(), s, 0)}
		if err := s.Reconfigure(1, bulkhead.Config{Queue: 1, ShedLowest: true}); err != nil {
			t.Fatal(err)
		}
		want(t, "full", comeTo(t.Context(), s, 9))
		want(t, "waits", callers...)
		p.Release()
		for _, c := range callers {
			want(t, "in", c)
			c.permit.Release()
		}
		settled(t, s.Stats(), 5)
	})
}

func TestShedLowest(t *testing.T) {
	tests := []struct {
		name     string
		waiting  []int // priorities, in order of arrival
		newcomer int
		shed     int // index of who is shed, -1 for the newcomer
	}{
		{"the lowest below the newcomer", []int{3, 1, 2}, 4, 1},
		{"the youngest of the lowest", []int{1, 2, 1, 3}, 2, 2},
		{"none of the same priority", []int{2, 2}, 2, -1},
		{"none of a higher one", []int{2, 3}, 1, -1},
		{"negative priorities are lower", []int{0, -5}, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := semaphore(t, 1, bulkhead.Config{Queue: len(tt.waiting), ShedLowest: true})
				p := hold(t, s)
				var callers []*caller
				for _, priority := range tt.waiting {
					callers = append(callers, comeTo(t.Context(), s, priority))
				}
				time.Sleep(time.Second)
				newcomer := comeTo(t.Context(), s, tt.newcomer)
				if tt.shed < 0 {
					want(t, "full", newcomer)
				} else {
					loser := callers[tt.shed]
					want(t, "full", loser)
					full := &bulkhead.FullError{InUse: 1, Limit: 1, Waiting: len(tt.waiting), Waited: time.Second, Shed: true}
					if diff := cmp.Diff(full, loser.err); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
					callers = append(slices.Delete(callers, tt.shed, tt.shed+1), newcomer)
				}
				for _, c := range callers { // the priority does not change the order
					want(t, "waits", c)
					p.Release()
					want(t, "in", c)
					p = c.permit
				}
			})
		})
	}
}

func TestOrder(t *testing.T) {
	tests := []struct {
		name  string
		order bulkhead.Order
		wait  time.Duration // of the oldest when slots become free
		want  []int
	}{
		{"in order of arrival", bulkhead.FIFO, 900 * time.Millisecond, []int{0, 1, 2}},
		{"in order of arrival up to half of MaxWait", bulkhead.LIFOWhenLate, 500 * time.Millisecond, []int{0, 1, 2}},
		{"the newest first once the oldest waited longer", bulkhead.LIFOWhenLate, 501 * time.Millisecond, []int{2, 1, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := semaphore(t, 1, bulkhead.Config{Queue: 3, MaxWait: time.Second, Order: tt.order})
				p := hold(t, s)
				start := time.Now()
				callers := []*caller{comeTo(t.Context(), s, 0), comeTo(t.Context(), s, 0)}
				time.Sleep(100 * time.Millisecond)
				callers = append(callers, comeTo(t.Context(), s, 0))
				time.Sleep(tt.wait - time.Since(start))
				for _, i := range tt.want {
					p.Release()
					want(t, "in", callers[i])
					p = callers[i].permit
				}
			})
		})
	}
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := semaphore(t, 1, bulkhead.Config{Queue: 2, MaxWait: 250 * time.Millisecond})
		p := hold(t, s)
		why := errors.New("the user went home")
		ctx, cancel := context.WithCancelCause(t.Context())
		leaves, stays := comeTo(ctx, s, 0), comeTo(t.Context(), s, 0)
		cancel(why)
		<-leaves.done
		if !errors.Is(leaves.err, why) || errors.Is(leaves.err, bulkhead.ErrFull) {
			t.Errorf("left: %v, want the cause of the context", leaves.err)
		}
		if v := resilience.Default(ctx, leaves.err); v.Kind != resilience.KindCanceled || v.Sent() {
			t.Errorf("left: verdict %+v, want canceled and unsent", v)
		}
		time.Sleep(250*time.Millisecond - 1)
		want(t, "waits", stays)
		time.Sleep(time.Nanosecond)
		want(t, "full", stays)
		full := &bulkhead.FullError{InUse: 1, Limit: 1, Waited: 250 * time.Millisecond}
		if diff := cmp.Diff(full, stays.err); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		p.Release()
		settled(t, s.Stats(), 3)

		ctx, cancel2 := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel2()
		p = hold(t, s)
		late := comeTo(ctx, s, 0)
		<-late.done
		if v := resilience.Default(ctx, late.err); v.Kind != resilience.KindTimeout || v.Sent() {
			t.Errorf("deadline: verdict %+v, want a timeout that was not sent", v)
		}
		p.Release()
	})
}

// A permit that is given back twice by the same variable is given back once; by a copy it panics as soon as there is nothing to give.
func TestPermitIsGivenBackOnce(t *testing.T) {
	s := semaphore(t, 2, bulkhead.Config{Queue: 1})
	p, other := hold(t, s), hold(t, s)
	p.Release()
	p.Release()
	p.Drop()
	if got := s.Stats().InUse; got != 1 {
		t.Fatalf("in use %d, want 1", got)
	}
	clone := other
	other.Drop()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a copy was released without a panic")
			}
		}()
		clone.Release()
	}()
	var none bulkhead.Permit
	none.Release()
	none.Drop()
	p = hold(t, s)
	p.Release()
	settled(t, s.Stats(), 3)
}

func TestPermitComesBackFromPanicAndGoexit(t *testing.T) {
	s := semaphore(t, 1, bulkhead.Config{})
	for _, end := range []func(){func() { panic("boom") }, runtime.Goexit} {
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			p, err := s.Acquire(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Release()
			end()
		}()
		<-done
		if got := s.Stats().InUse; got != 0 {
			t.Errorf("in use %d after the call", got)
		}
	}
}

// OnReject runs under no lock, once for each refusal, and gets what the caller gets.
func TestOnReject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []error
		var s *bulkhead.Semaphore
		s = semaphore(t, 1, bulkhead.Config{Queue: 1, MaxWait: time.Second, ShedLowest: true, OnReject: func(e *bulkhead.FullError) {
			got = append(got, e)
			s.Stats() // would hang under the lock
			if err := s.Resize(1); err != nil {
				t.Error(err)
			}
		}})
		hold(t, s)
		low := comeTo(t.Context(), s, 0)
		if _, ok := s.TryAcquire(); ok {
			t.Error("no room")
		}
		refused := comeTo(t.Context(), s, 0)
		high := comeTo(t.Context(), s, 1)
		time.Sleep(time.Second)
		want(t, "full", low, refused, high)
		if len(got) != 4 || !errors.Is(got[1], refused.err) || !errors.Is(got[2], low.err) || !errors.Is(got[3], high.err) {
			t.Errorf("told of %v", got)
		}
	})
}

// A refusal brings its verdict, so that a guard does not hold it against the service.
func TestRefusalIsRejected(t *testing.T) {
	s := semaphore(t, 1, bulkhead.Config{})
	hold(t, s)
	_, err := s.Acquire(t.Context())
	if v := resilience.Default(t.Context(), err); v.Kind != resilience.KindRejected || v.Sent() || v.HasAfter {
		t.Errorf("verdict %+v", v)
	}
	full, ok := errors.AsType[*bulkhead.FullError](err)
	if !ok || *full != (bulkhead.FullError{InUse: 1, Limit: 1}) {
		t.Errorf("%#v", err)
	}
}

// While a smaller limit drains, a refusal says how much more is in use.
func TestRefusalWhileDraining(t *testing.T) {
	s := semaphore(t, 3, bulkhead.Config{})
	for range 3 {
		hold(t, s)
	}
	if err := s.Resize(2); err != nil {
		t.Fatal(err)
	}
	_, err := s.Acquire(t.Context())
	if diff := cmp.Diff(error(&bulkhead.FullError{InUse: 3, Limit: 2}), err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAcquireDoesNotAllocate(t *testing.T) {
	ctx := context.Background()
	s := semaphore(t, 1, bulkhead.Config{})
	if n := testing.AllocsPerRun(1000, func() {
		p, err := s.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p.Release()
	}); n != 0 {
		t.Errorf("Acquire and Release: %v allocations", n)
	}
	hold(t, s)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Acquire(ctx); err == nil {
			t.Fatal("not full")
		}
	}); n != 0 {
		t.Errorf("refusal: %v allocations", n)
	}
}
