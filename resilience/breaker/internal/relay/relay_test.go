package relay_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/tenon-go/tenon/resilience/breaker/internal/relay"
)

func TestRunHandsOnWhatIsAddedMeanwhile(t *testing.T) {
	var r relay.Relay[int]
	var got []int
	var hand func(int)
	hand = func(v int) {
		got = append(got, v)
		if v >= 10 {
			return
		}
		before := len(got)
		r.Add(v * 10)
		r.Run(hand) // returns at once: the Run outside goes on with it
		if len(got) != before {
			t.Errorf("%v was handed on within %d", got[before:], v)
		}
	}
	r.Add(1)
	r.Add(2)
	r.Run(hand)
	if want := []int{1, 2, 10, 20}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	r.Run(hand)
	if len(got) != 4 {
		t.Errorf("got %v, want nothing new", got)
	}
}

func TestPanicLeavesTheRestToTheNextRun(t *testing.T) {
	var r relay.Relay[int]
	for v := range 3 {
		r.Add(v)
	}
	var got []int
	hand := func(v int) {
		got = append(got, v)
		if v == 0 {
			panic("on purpose")
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not pass through")
			}
		}()
		r.Run(hand)
	}()
	r.Run(hand)
	if want := []int{0, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestManyRunsHandOnOneAtATimeInOrder(t *testing.T) {
	const workers, each = 4, 1000
	var r relay.Relay[int]
	var order sync.Mutex
	next := 0
	var got []int // written without a lock: hand never runs twice at once
	hand := func(v int) { got = append(got, v) }
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				order.Lock()
				r.Add(next)
				next++
				order.Unlock()
				r.Run(hand)
			}
		})
	}
	wg.Wait()
	r.Run(hand)
	if len(got) != workers*each || !slices.IsSorted(got) {
		t.Errorf("%d handed on, in order: %v; want %d, true", len(got), slices.IsSorted(got), workers*each)
	}
}
