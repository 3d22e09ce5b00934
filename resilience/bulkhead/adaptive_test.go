package bulkhead_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
)

// script is an algorithm that gives limits from a list, and keeps the samples that it was fed.
type script struct {
	limits  []int // the first is the present one
	samples []limit.Sample
}

func (s *script) Limit() int { return s.limits[0] }

func (s *script) Update(sample limit.Sample) int {
	s.samples = append(s.samples, sample)
	s.limits = s.limits[1:]
	return s.limits[0]
}

// adaptive returns an adaptive semaphore, or fails.
func adaptive(tb testing.TB, alg limit.Algorithm, cfg bulkhead.AdaptiveConfig) *bulkhead.Semaphore {
	tb.Helper()
	s, err := bulkhead.NewAdaptive(alg, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// One call in Every is timed; a window closes when it has lasted for Window and has MinSamples, and feeds mean rtt and highest in flight.
func TestAdaptiveFeedsOneSamplePerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alg := &script{limits: []int{10, 7}}
		s := adaptive(t, alg, bulkhead.AdaptiveConfig{Window: time.Second, MinSamples: 3, Every: 2})
		call := func(rtt time.Duration, beside int) {
			var others []bulkhead.Permit
			for range beside {
				others = append(others, hold(t, s))
			}
			p := hold(t, s)
			time.Sleep(rtt)
			p.Release()
			for i := range others {
				others[i].Release()
			}
		}
		// Calls 2, 4, 6 ... are timed.
		call(time.Hour, 0)
		call(100*time.Millisecond, 0) // 2
		call(time.Hour, 2)            // 3, 4, 5: 4 is among the others, with 2 in flight, for an hour
		call(200*time.Millisecond, 0) // 6
		want := []limit.Sample{{RTT: (time.Hour + 300*time.Millisecond) / 3, InFlight: 2}}
		if diff := cmp.Diff(want, alg.samples); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := s.Stats().Limit; got != 7 {
			t.Errorf("limit %d, want 7", got)
		}
	})
}

func TestAdaptiveDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alg := &script{limits: []int{10, 11, 12}}
		s := adaptive(t, alg, bulkhead.AdaptiveConfig{})
		// One in eight is timed. Call 8 begins the window, which ends with the first timed one after a second: 96, 88 calls and 1056 ms later.
		for call := 1; call <= 200; call++ {
			p := hold(t, s)
			time.Sleep(12 * time.Millisecond)
			p.Release()
			if got, want := len(alg.samples), max(0, (call-8)/88); got != want {
				t.Fatalf("after %d calls %d samples, want %d", call, got, want)
			}
		}
		if want := (limit.Sample{RTT: 12 * time.Millisecond, InFlight: 1}); len(alg.samples) != 2 || alg.samples[0] != want || alg.samples[1] != want {
			t.Errorf("samples %v", alg.samples)
		}
	})
}

// Any permit that is given back by Drop makes its window one with a drop, timed or not.
func TestDropCountsWhetherTimedOrNot(t *testing.T) {
	for _, dropped := range []int{1, 2} { // call 2 is timed
		synctest.Test(t, func(t *testing.T) {
			alg := &script{limits: []int{10, 9, 9}}
			s := adaptive(t, alg, bulkhead.AdaptiveConfig{Window: time.Millisecond, MinSamples: 1, Every: 2})
			for call := 1; call <= 6; call++ {
				p := hold(t, s)
				time.Sleep(time.Millisecond)
				if call == dropped {
					p.Drop()
				} else {
					p.Release()
				}
			}
			if len(alg.samples) != 2 || !alg.samples[0].Dropped || alg.samples[1].Dropped {
				t.Errorf("call %d dropped: samples %v", dropped, alg.samples)
			}
		})
	}
}

// A limit of 0 would let no call in that could raise it.
func TestAdaptiveLimitIsAtLeastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := adaptive(t, &script{limits: []int{0, -5, 1 << 30, 3}}, bulkhead.AdaptiveConfig{Window: 1, MinSamples: 1, Every: 1})
		for _, want := range []int{1, 1, 1, bulkhead.MaxLimit, 3} {
			if got := s.Stats().Limit; got != want {
				t.Errorf("limit %d, want %d", got, want)
			}
			if want == 3 {
				return
			}
			p := hold(t, s) // the first one begins the window
			time.Sleep(time.Second)
			p.Release()
		}
	})
}

// Waiters go at once when the algorithm raises the limit.
func TestAdaptiveGrowthFreesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := bulkhead.AdaptiveConfig{Config: bulkhead.Config{Queue: 5}, Window: 1, MinSamples: 1, Every: 1}
		s := adaptive(t, &script{limits: []int{1, 3}}, cfg)
		p := hold(t, s)
		time.Sleep(time.Second)
		p.Release() // begins the window
		p = hold(t, s)
		callers := []*caller{comeTo(t.Context(), s, 0), comeTo(t.Context(), s, 0), comeTo(t.Context(), s, 0), comeTo(t.Context(), s, 0)}
		time.Sleep(time.Second)
		p.Release()
		want(t, "in", callers[:3]...)
		want(t, "waits", callers[3])
	})
}

// With a service that serves ten at once, the limit finds its place from too low and from too high.
func TestAdaptiveFindsTheLimit(t *testing.T) {
	vegas, err := limit.NewVegas(limit.VegasConfig{Initial: 2, Max: 100, ProbeMultiplier: 1000})
	if err != nil {
		t.Fatal(err)
	}
	aimd, err := limit.NewAIMD(limit.AIMDConfig{Initial: 80, Max: 100, Timeout: 150 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []limit.Algorithm{vegas, aimd} {
		synctest.Test(t, func(t *testing.T) {
			s := adaptive(t, alg, bulkhead.AdaptiveConfig{Config: bulkhead.Config{Queue: 200}, Every: 1})
			service := semaphore(t, 10, bulkhead.Config{Queue: 200})
			for range 120 {
				go useFor(t, 3*time.Minute, s, service)
			}
			time.Sleep(2 * time.Minute)
			if got := s.Stats().Limit; got < 10 || got > 25 {
				t.Errorf("%T: limit %d, want it near 10", alg, got)
			}
			time.Sleep(2 * time.Minute)
			if got := s.Stats(); got.InUse != 0 || got.Waiting != 0 {
				t.Errorf("at the end: %v", got)
			}
		})
	}
}

// useFor calls a service again and again, with a permit.
func useFor(t *testing.T, d time.Duration, permits, service *bulkhead.Semaphore) {
	t.Helper()
	for deadline := time.Now().Add(d); time.Now().Before(deadline); {
		p, err := permits.Acquire(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		slot := hold(t, service)
		time.Sleep(100 * time.Millisecond)
		slot.Release()
		p.Release()
	}
}

// A panic of the algorithm reaches the caller, and neither the permit nor a lock is lost.
func TestPanicOfAnAlgorithm(t *testing.T) {
	s := adaptive(t, &script{limits: []int{1}}, bulkhead.AdaptiveConfig{Window: 1, MinSamples: 1, Every: 1})
	panics := 0
	for range 5 {
		func() {
			defer func() {
				if _, ok := recover().(runtime.Error); ok {
					panics++
				}
			}()
			p := hold(t, s)
			defer p.Release()
			time.Sleep(time.Millisecond)
		}()
	}
	if panics == 0 {
		t.Error("no panic")
	}
	settled(t, s.Stats(), 5)
}

func TestBadConfigs(t *testing.T) {
	_, sem := bulkhead.New(-1, bulkhead.Config{Queue: -1, MaxWait: -1, Order: 2})
	_, contradiction := bulkhead.New(1<<20, bulkhead.Config{MaxWait: 1, ShedLowest: true})
	_, order := bulkhead.New(1, bulkhead.Config{Queue: 1, Order: bulkhead.LIFOWhenLate})
	_, pool := bulkhead.NewPool(-1, bulkhead.Config{})
	_, none := bulkhead.NewPartitioned(1, nil, bulkhead.Config{MaxWait: -1})
	_, weights := bulkhead.NewPartitioned(1, map[string]int{"b": 1<<30 + 1, "a": 0, "c": 1}, bulkhead.Config{})
	_, adaptive := bulkhead.NewAdaptive(nil, bulkhead.AdaptiveConfig{Config: bulkhead.Config{Queue: -1}, Window: -1, MinSamples: -1, Every: -1})
	tests := []struct {
		err  error
		want []string
	}{
		{sem, []string{
			"limit -1: want 0 to 1048575", "Queue -1: want 0 to 1048575", "MaxWait -1ns: want at least 0", "Order 2: want FIFO or LIFOWhenLate",
		}},
		{contradiction, []string{
			"limit 1048576: want 0 to 1048575", "MaxWait 1ns without a Queue: nobody would wait", "ShedLowest without a Queue: nobody could be shed",
		}},
		{order, []string{"LIFOWhenLate without a MaxWait: nobody would be late"}},
		{pool, []string{"limit -1: want 0 to 1048575"}},
		{none, []string{"MaxWait -1ns: want at least 0", "MaxWait -1ns without a Queue: nobody would wait", "weights: want at least one"}},
		{weights, []string{`weight of "a" 0: want 1 to 1073741824`, `weight of "b" 1073741825: want 1 to 1073741824`}},
		{adaptive, []string{
			"Queue -1: want 0 to 1048575", "Window -1ns: want more than 0, or 0 for 1s", "MinSamples -1: want at least 1, or 0 for 10",
			"Every -1: want at least 1, or 0 for 8", "algorithm nil: want one",
		}},
	}
	for _, tt := range tests {
		if !errors.Is(tt.err, bulkhead.ErrConfig) {
			t.Errorf("%v: want an ErrConfig", tt.err)
			continue
		}
		got := strings.Split(strings.TrimPrefix(tt.err.Error(), "bulkhead: invalid config: "), "\n")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
	}
}

// A change that is refused changes nothing.
func TestBadChangeChangesNothing(t *testing.T) {
	s := semaphore(t, 2, bulkhead.Config{})
	p := partitioned(t, 2, map[string]int{"a": 1}, bulkhead.Config{})
	for _, err := range []error{
		s.Resize(-1), s.Reconfigure(5, bulkhead.Config{Queue: -1}),
		p.Resize(5, map[string]int{"a": 0}), p.Reconfigure(5, map[string]int{"b": 1}, bulkhead.Config{Queue: -1}),
	} {
		if !errors.Is(err, bulkhead.ErrConfig) {
			t.Errorf("%v, want ErrConfig", err)
		}
	}
	if got := s.Stats(); got != (bulkhead.Stats{Limit: 2}) {
		t.Errorf("semaphore: %v", got)
	}
	want := bulkhead.PartitionedStats{
		Stats: bulkhead.Stats{Limit: 2}, Parts: []bulkhead.PartStats{{Name: "a", Weight: 1, Stats: bulkhead.Stats{Limit: 2}}},
	}
	if diff := cmp.Diff(want, p.Stats()); diff != "" {
		t.Errorf("partitioned (-want +got):\n%s", diff)
	}
}
