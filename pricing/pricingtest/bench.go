package pricingtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenon-go/tenon/pricing"
)

// The book of the store benchmarks, and how many rules it has.
const (
	benchBook  = "bench"
	benchRules = 100_000
)

// benchTime is the time of all nodes.
func benchTime() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// BenchmarkStore measures a store with a book of the 100,000 rules of [Workload]:
//
//   - SaveDraft/changed=10: saving a draft in which ten rules changed.
//   - Publish: making it a version.
//   - Poll: a [pricing.Source] asks, and nothing has changed.
//   - Refresh/changed=10: a source loads a version in which ten rules changed, and
//     an engine has it: parts/op are those that were fetched, at most ten.
func BenchmarkStore(b *testing.B, newStore func(b *testing.B) pricing.Store) {
	b.Helper()
	b.Run("SaveDraft/changed=10", func(b *testing.B) {
		w := newWriter(b, newStore(b))
		for b.Loop() {
			w.change(b)
			w.save(b)
		}
	})
	b.Run("Publish", func(b *testing.B) {
		w := newWriter(b, newStore(b))
		for b.Loop() {
			w.publish(b)
		}
	})
	b.Run("Poll", func(b *testing.B) {
		w := newWriter(b, newStore(b))
		w.publish(b)
		s, _ := newFollower(b, w.store)
		for b.Loop() {
			if n, err := s.Refresh(b.Context()); err != nil || n != 0 {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("Refresh", func(b *testing.B) { BenchmarkRefresh(b, newStore) })
}

// BenchmarkRefresh measures the last part of BenchmarkStore alone. Most of it is
// joining and compiling the rules.
func BenchmarkRefresh(b *testing.B, newStore func(b *testing.B) pricing.Store) {
	b.Helper()
	b.Run("changed=10", func(b *testing.B) {
		w := newWriter(b, newStore(b))
		w.publish(b)
		s, counted := newFollower(b, w.store)
		parts := 0
		for b.Loop() {
			b.StopTimer()
			w.change(b)
			w.save(b)
			w.publish(b)
			b.StartTimer()
			if n, err := s.Refresh(b.Context()); err != nil || n != 1 {
				b.Fatal(n, err)
			}
			parts += counted.Calls().Parts
		}
		b.ReportMetric(float64(parts)/float64(b.N), "parts/op")
	})
}

// A writer is the one who edits the book of a benchmark.
type writer struct {
	store    pricing.Store
	rules    pricing.RuleSet
	revision uint64
	last     uint64
	changes  int
}

func newWriter(b *testing.B, s pricing.Store) *writer {
	b.Helper()
	w := &writer{store: s}
	w.rules, _ = Workload(benchRules, 1)
	w.save(b)
	return w
}

// change relabels ten rules, others each time.
func (w *writer) change(b *testing.B) {
	b.Helper()
	w.changes++
	for i := range 10 {
		w.rules.Rules[(w.changes*7919+i*9973)%len(w.rules.Rules)].Label = fmt.Sprintf("change %d", w.changes)
	}
}

func (w *writer) save(b *testing.B) {
	b.Helper()
	d, err := w.store.SaveDraft(b.Context(), benchBook, pricing.Draft{Revision: w.revision, Rules: w.rules})
	if err != nil {
		b.Fatal(err)
	}
	w.revision = d.Revision
}

func (w *writer) publish(b *testing.B) {
	b.Helper()
	p := pricing.Publication{Revision: w.revision, After: w.last, At: benchTime(), EffectiveFrom: benchTime().Add(-time.Hour)}
	if _, err := w.store.Publish(b.Context(), benchBook, p); err != nil {
		b.Fatal(err)
	}
	w.last++
}

// newFollower returns a source that has all versions, and the store that counts
// what it asks for from now on.
func newFollower(b *testing.B, s pricing.Store) (*pricing.Source, *FaultyStore) {
	b.Helper()
	e, err := pricing.New(pricing.Config{Now: benchTime})
	if err != nil {
		b.Fatal(err)
	}
	counted := NewFaultyStore(s)
	source, err := pricing.NewSource(counted, benchBook, e, pricing.SourceConfig{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := source.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
	counted.Calls()
	return source, counted
}
