package breaker_test

import (
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker"
)

// What goes wrong in breakers that are in use today, a test each.

// Elsewhere a callback runs under the lock of its breaker, and waits for itself as soon as it looks at the breaker.
func TestCallbackThatCallsTheBreakerReturns(t *testing.T) {
	var b *breaker.Breaker
	var seen []breaker.State
	b = made(t, breaker.Config{MinCalls: 1, OnChange: func(breaker.Change) {
		seen = append(seen, b.State())
		b.Counts()
		if ticket, err := b.Allow(); err == nil {
			b.Record(ticket, breaker.Failure) // opens again, within a report
		}
		if len(seen) < 4 {
			_ = b.Command(breaker.Closed)
		}
	}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if ticket, err := b.Allow(); err == nil {
			b.Record(ticket, breaker.Failure)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the callback waits for the breaker")
	}
	if len(seen) < 4 {
		t.Errorf("the callback saw %v, want each change", seen)
	}
}

// Elsewhere a probe that never ends keeps its place, and half-open with it, for ever.
func TestHungProbeDoesNotHoldHalfOpenForEver(t *testing.T) {
	bubble(t, breaker.Config{MinCalls: 1, ProbeMaxWait: 30 * time.Second}, func(b box) {
		b.calls("F")
		b.sleep(5 * time.Second)
		b.allow() // and nothing more is heard of it
		b.sleep(30 * time.Second)
		b.in(breaker.Open)
		b.sleep(10 * time.Second)
		b.calls("S")
		b.in(breaker.Closed)
	})
}

// Elsewhere all who wait run into a service at once when the breaker becomes half-open.
func TestProbesAreNotUnlimited(t *testing.T) {
	bubble(t, breaker.Config{MinCalls: 1, Probes: 2}, func(b box) {
		b.calls("F")
		b.sleep(5 * time.Second)
		var mu sync.Mutex
		passed := 0
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := b.Allow(); err == nil {
					mu.Lock()
					defer mu.Unlock()
					passed++
				}
			})
		}
		wg.Wait()
		if passed != 2 {
			t.Errorf("%d of 100 calls passed, want 2", passed)
		}
	})
}
