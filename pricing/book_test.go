package pricing_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

func newBook(t *testing.T, store pricing.Store, now func() time.Time) *pricing.Book {
	t.Helper()
	b, err := pricing.NewBook(store, "eu", pricing.BookConfig{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// saveNext saves a draft in which p costs that many euros over the one that is there.
func saveNext(t *testing.T, b *pricing.Book, revision, euros uint64) uint64 {
	t.Helper()
	d, err := b.Save(t.Context(), pricing.Draft{Revision: revision, Rules: priced(t, euros)})
	if err != nil {
		t.Fatal(err)
	}
	return d.Revision
}

// release saves and publishes version v, in which p costs v euros.
func release(t *testing.T, b *pricing.Book, v uint64, p pricing.Publication) pricing.Head {
	t.Helper()
	p.Revision, p.After = saveNext(t, b, v-1, v), v-1
	h, err := b.Publish(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// noVersions checks that nothing was published.
func noVersions(t *testing.T, store pricing.Store) {
	t.Helper()
	for h, err := range store.Heads(t.Context(), "eu", 0) {
		t.Errorf("version %d is published, %v", h.Version, err)
	}
}

func TestNewBookReportsAllThatIsWrong(t *testing.T) {
	_, err := pricing.NewBook(nil, "", pricing.BookConfig{Lead: 5 * time.Second})
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) || len(list.Unwrap()) != 3 {
		t.Errorf("got %v, want three problems", err)
	}
	for _, name := range []string{strings.Repeat("x", 129), "a\x00", "\xff"} {
		if _, err := pricing.NewBook(pricing.NewMemoryStore(), name, pricing.BookConfig{}); err == nil {
			t.Errorf("a book named %q is accepted", name)
		}
	}
}

func TestAPublicationTakesEffectALeadAhead(t *testing.T) {
	at := start().Add(300 * time.Millisecond)
	second := func(n int) time.Time { return start().Add(time.Duration(n) * time.Second) }
	for _, c := range []struct {
		name      string
		from      time.Time
		immediate bool
		want      time.Time
		err       error
	}{
		{"of itself, rounded up", time.Time{}, false, second(21), nil},
		{"at the earliest", second(21), false, second(21), nil},
		{"later", second(3600), false, second(3600), nil},
		{"nearer than the lead", second(20), false, time.Time{}, pricing.ErrState},
		{"in the past", second(-1), false, time.Time{}, pricing.ErrState},
		{"at once", time.Time{}, true, second(0), nil},
		{"nearer, on purpose", second(5), true, second(5), nil},
		{"in the past, on purpose", second(-1), true, time.Time{}, pricing.ErrState},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := pricing.NewMemoryStore()
			b := newBook(t, store, func() time.Time { return at })
			revision := saveNext(t, b, 0, 1)
			got, err := b.Publish(t.Context(), pricing.Publication{
				Revision: revision, EffectiveFrom: c.from, Immediate: c.immediate, By: "ann", Note: "first", At: start().Add(-time.Hour),
			})
			if !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if c.err != nil {
				noVersions(t, store)
				return
			}
			s, err := b.Snapshot(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			want := pricing.Head{
				Version: 1, Digest: s.Digest(), EffectiveFrom: c.want, PublishedAt: at, By: "ann", Note: "first", Immediate: c.immediate,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("head (-want +got):\n%s", diff)
			}
			if s.Version() != 1 || !s.EffectiveFrom().Equal(c.want) {
				t.Errorf("snapshot is version %d from %v", s.Version(), s.EffectiveFrom())
			}
		})
	}
}

func TestAFractionOfASecondIsRefused(t *testing.T) {
	b := newBook(t, pricing.NewMemoryStore(), start)
	revision := saveNext(t, b, 0, 1)
	for _, p := range []pricing.Publication{
		{EffectiveFrom: start().Add(time.Minute + 1)},
		{By: strings.Repeat("x", 129)},
		{Note: strings.Repeat("x", 1025)},
	} {
		p.Revision = revision
		if _, err := b.Publish(t.Context(), p); err == nil {
			t.Errorf("%+v is published", p)
		}
	}
	if _, err := b.Snapshot(t.Context(), 1); !errors.Is(err, pricing.ErrNotFound) {
		t.Errorf("the refused version: %v, want ErrNotFound", err)
	}
}

func TestNoVersionIsPublishedInFrontOfAnArmedOneByAccident(t *testing.T) {
	c := newClock()
	b := newBook(t, pricing.NewMemoryStore(), c.now)
	release(t, b, 1, pricing.Publication{Immediate: true})
	release(t, b, 2, pricing.Publication{EffectiveFrom: start().Add(time.Hour)})
	revision := saveNext(t, b, 2, 3)
	in := func(d time.Duration) pricing.Publication {
		return pricing.Publication{Revision: revision, After: 2, EffectiveFrom: start().Add(d)}
	}
	for _, p := range []pricing.Publication{
		in(time.Minute), in(time.Hour), // together is in front as well: the higher number wins
		{Revision: revision, After: 2},
		{Revision: revision, After: 2, Immediate: true},
	} {
		if _, err := b.Publish(t.Context(), p); !errors.Is(err, pricing.ErrState) {
			t.Errorf("%+v in front of an armed version: %v, want ErrState", p, err)
		}
	}
	behind := in(2 * time.Hour)
	if _, err := b.Publish(t.Context(), behind); err != nil {
		t.Fatalf("behind it: %v", err)
	}
	// Version 4 in front of 2 and 3, on purpose; after that they are in nobody's way.
	release4 := pricing.Publication{Revision: revision, After: 3, EffectiveFrom: start().Add(time.Minute), Supersede: true}
	if _, err := b.Publish(t.Context(), release4); err != nil {
		t.Fatalf("superseding: %v", err)
	}
	release5 := pricing.Publication{Revision: revision, After: 4, EffectiveFrom: start().Add(90 * time.Minute)}
	if _, err := b.Publish(t.Context(), release5); err != nil {
		t.Errorf("behind a version that superseded others: %v", err)
	}
	c.advance(3 * time.Hour)
	release6 := pricing.Publication{Revision: revision, After: 5}
	if _, err := b.Publish(t.Context(), release6); err != nil {
		t.Errorf("with none armed any more: %v", err)
	}
}

func TestWhatDoesNotCompileIsNotPublished(t *testing.T) {
	store := pricing.NewMemoryStore()
	b := newBook(t, store, start)
	twice := priced(t, 1)
	other := priced(t, 2)
	other.Rules[0].ID = "q"
	twice.Rules = append(twice.Rules, other.Rules...) // two prices of one product
	d, err := b.Save(t.Context(), pricing.Draft{Rules: twice})
	if err != nil {
		t.Fatalf("a draft need not compile: %v", err)
	}
	_, err = b.Publish(t.Context(), pricing.Publication{Revision: d.Revision})
	var compile *pricing.CompileError
	if !errors.As(err, &compile) || !errors.Is(err, pricing.ErrAmbiguous) {
		t.Errorf("got %v, want a CompileError that is ErrAmbiguous", err)
	}
	noVersions(t, store)
}

func TestAPublicationOfAnotherStateThanReviewedIsAConflict(t *testing.T) {
	b := newBook(t, pricing.NewMemoryStore(), start)
	if _, err := b.Publish(t.Context(), pricing.Publication{}); !errors.Is(err, pricing.ErrNotFound) {
		t.Errorf("without a draft: %v, want ErrNotFound", err)
	}
	release(t, b, 1, pricing.Publication{Immediate: true})
	saveNext(t, b, 1, 2)
	for _, p := range []pricing.Publication{{Revision: 1, After: 1}, {Revision: 3, After: 1}, {Revision: 2}, {Revision: 2, After: 2}} {
		if _, err := b.Publish(t.Context(), p); !errors.Is(err, pricing.ErrConflict) {
			t.Errorf("%+v: %v, want ErrConflict", p, err)
		}
	}
	if _, err := b.Save(t.Context(), pricing.Draft{Revision: 1, Rules: priced(t, 3)}); !errors.Is(err, pricing.ErrConflict) {
		t.Errorf("a draft over an old revision: %v, want ErrConflict", err)
	}
}

func TestAnOldVersionPricesAsItDid(t *testing.T) {
	c := newClock()
	b := newBook(t, pricing.NewMemoryStore(), c.now)
	for v := uint64(1); v <= 3; v++ {
		release(t, b, v, pricing.Publication{Immediate: true})
		c.advance(time.Hour)
	}
	for v := uint64(1); v <= 3; v++ {
		s, err := b.Snapshot(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		want, err := version(t, v, start()).Price(ask(t, start()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Price(ask(t, start()))
		if err != nil || got.Unit != want.Unit || got.Digest != want.Digest || got.Version != want.Version {
			t.Errorf("version %d: %v of version %d, %v; want %v", v, got.Unit, got.Version, err, want.Unit)
		}
	}
	for _, v := range []uint64{0, 4, 1 << 63} {
		if _, err := b.Snapshot(t.Context(), v); !errors.Is(err, pricing.ErrNotFound) {
			t.Errorf("version %d: %v, want ErrNotFound", v, err)
		}
	}
}

func TestASnapshotOfATornStoreIsRefused(t *testing.T) {
	inner := pricing.NewMemoryStore()
	faulty := pricingtest.NewFaultyStore(inner)
	b := newBook(t, faulty, start)
	release(t, b, 1, pricing.Publication{Immediate: true})
	release(t, b, 2, pricing.Publication{EffectiveFrom: start().Add(time.Hour)})
	for name, c := range map[string]struct {
		faults pricingtest.Faults
		want   error
	}{
		"torn part":    {pricingtest.Faults{TearParts: true}, pricing.ErrTorn},
		"other digest": {pricingtest.Faults{OtherDigests: true}, pricing.ErrTorn},
		"newer set":    {pricingtest.Faults{NewerSets: true}, pricing.ErrConflict},
		"down":         {pricingtest.Faults{Err: errDown}, errDown},
	} {
		t.Run(name, func(t *testing.T) {
			faulty.Inject(c.faults)
			if _, err := b.Snapshot(t.Context(), 1); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAPublicationIsGivenUpAfterFiveSeconds(t *testing.T) {
	for delay, fails := range map[time.Duration]bool{4 * time.Second: false, 6 * time.Second: true, time.Hour: true} {
		synctest.Test(t, func(t *testing.T) {
			inner := pricing.NewMemoryStore()
			slow := pricingtest.NewFaultyStore(inner)
			b := newBook(t, slow, nil)
			revision := saveNext(t, b, 0, 1)
			slow.Inject(pricingtest.Faults{Delay: delay})
			h, err := b.Publish(t.Context(), pricing.Publication{Revision: revision})
			if fails {
				noVersions(t, inner)
				if err == nil || !strings.Contains(err.Error(), "not committed within 5s") {
					t.Errorf("a store that takes %v: %v", delay, err)
				}
				return
			}
			if err != nil || time.Since(h.PublishedAt) > 5*time.Second { // reading before took as long again
				t.Errorf("a store that takes %v: published %v ago, %v", delay, time.Since(h.PublishedAt), err)
			}
		})
	}
}

func TestPublishFailsAtEachCallAndChangesNothing(t *testing.T) {
	inner := pricing.NewMemoryStore()
	faulty := pricingtest.NewFaultyStore(inner)
	b := newBook(t, faulty, start)
	revision := saveNext(t, b, 0, 1)
	for n := 1; ; n++ {
		faulty.FailAt(n)
		_, err := b.Publish(t.Context(), pricing.Publication{Revision: revision})
		if err == nil {
			if n < 4 { // the draft, the heads, the publication
				t.Errorf("a failure at call %d went unnoticed", n)
			}
			return
		}
		if !errors.Is(err, pricingtest.ErrInjected) {
			t.Fatalf("failure at call %d: %v", n, err)
		}
		noVersions(t, inner)
	}
}

var errDown = errors.New("store is down")
