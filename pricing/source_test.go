package pricing_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

func newSource(t *testing.T, store pricing.Store, e *pricing.Engine, cfg pricing.SourceConfig) *pricing.Source {
	t.Helper()
	s, err := pricing.NewSource(store, "eu", e, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run starts a source, and returns how to stop it.
func run(t *testing.T, s *pricing.Source) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		t.Helper()
		cancel(errStopped)
		if err := <-done; !errors.Is(err, errStopped) {
			t.Errorf("Run returns %v, want the cause", err)
		}
	}
}

func refresh(t *testing.T, s *pricing.Source) {
	t.Helper()
	if _, err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

var errStopped = errors.New("stopped")

// An errorList takes what OnError is told.
type errorList struct {
	mu   sync.Mutex
	list []error
}

func (l *errorList) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, err)
}

func (l *errorList) take() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

func TestNewSourceReportsAllThatIsWrong(t *testing.T) {
	e := newEngine(t, pricing.Config{})
	for _, c := range []struct {
		name  string
		store pricing.Store
		book  string
		e     *pricing.Engine
		cfg   pricing.SourceConfig
		want  []string
	}{
		{"nothing", nil, "", nil, pricing.SourceConfig{}, []string{"no store", "no engine", "name"}},
		{"below zero", pricing.NewMemoryStore(), "eu", e, pricing.SourceConfig{Every: -1, Jitter: -1, Timeout: -1, MaxBackoff: -2}, []string{"Every", "Jitter", "Timeout", "MaxBackoff"}},
		{"too much", pricing.NewMemoryStore(), strings.Repeat("x", 200), e, pricing.SourceConfig{Jitter: 1}, []string{"Jitter", "name"}},
		{"backoff", pricing.NewMemoryStore(), "eu", e, pricing.SourceConfig{Every: time.Minute, MaxBackoff: time.Second}, []string{"MaxBackoff"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := pricing.NewSource(c.store, c.book, c.e, c.cfg)
			if err == nil || s != nil {
				t.Fatal("it is accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not mention %q", err, want)
				}
			}
		})
	}
	if _, err := pricing.NewSource(pricing.NewMemoryStore(), "eu", e, pricing.SourceConfig{Every: time.Minute}); err != nil {
		t.Errorf("MaxBackoff follows a longer Every: %v", err)
	}
}

func TestASourceLoadsWhatCounts(t *testing.T) {
	c := newClock()
	store := pricing.NewMemoryStore()
	b := newBook(t, store, c.now)
	for v := uint64(1); v <= 9; v++ {
		release(t, b, v, pricing.Publication{Immediate: true})
		c.advance(time.Minute)
	}
	release(t, b, 10, pricing.Publication{EffectiveFrom: c.now().Add(time.Hour)})
	release(t, b, 11, pricing.Publication{EffectiveFrom: c.now().Add(2 * time.Hour)})
	e := newEngine(t, pricing.Config{Keep: 2, Now: c.now})
	s := newSource(t, store, e, pricing.SourceConfig{})
	if n, err := s.Refresh(t.Context()); n != 5 || err != nil { // 9 in force, 7 and 8 past, 10 and 11 armed
		t.Fatalf("the first poll loads %d, %v; want 5", n, err)
	}
	for v, want := range map[uint64]bool{6: false, 7: true, 9: true, 11: true} {
		if _, ok := e.AtVersion(v); ok != want {
			t.Errorf("version %d is here: %v, want %v", v, ok, want)
		}
	}
	if _, err := e.At(start()); !errors.Is(err, pricing.ErrNotFound) {
		t.Errorf("before the oldest version kept: %v, want ErrNotFound", err)
	}
	if n, err := s.Refresh(t.Context()); n != 0 || err != nil {
		t.Errorf("with nothing new, a poll loads %d, %v", n, err)
	}
}

func TestAPollWithNothingNewAsksOnce(t *testing.T) {
	faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
	b := newBook(t, faulty, start)
	s := newSource(t, faulty, newEngine(t, pricing.Config{Now: start}), pricing.SourceConfig{})
	poll := func(what string) {
		t.Helper()
		faulty.Calls()
		if n, err := s.Refresh(t.Context()); n != 0 || err != nil {
			t.Fatalf("%s: %d, %v", what, n, err)
		}
		if got := faulty.Calls(); got.All() != 1 || got.Heads != 1 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	poll("no book")
	release(t, b, 1, pricing.Publication{Immediate: true})
	release(t, b, 2, pricing.Publication{EffectiveFrom: start().Add(time.Hour)})
	if n, err := s.Refresh(t.Context()); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	poll("two versions")
}

func TestASourceFetchesOnlyPartsThatItLacks(t *testing.T) {
	faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
	b := newBook(t, faulty, start)
	e := newEngine(t, pricing.Config{Now: start})
	s := newSource(t, faulty, e, pricing.SourceConfig{})
	rs, _ := pricingtest.Workload(2000, 1)
	for v := range uint64(4) {
		for i := range 10 {
			rs.Rules[(int(v)*700+i*101)%len(rs.Rules)].Label = fmt.Sprintf("changed in version %d", v+1)
		}
		if _, err := b.Save(t.Context(), pricing.Draft{Revision: v, Rules: rs}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Publish(t.Context(), pricing.Publication{Revision: v + 1, After: v, Immediate: true}); err != nil {
			t.Fatal(err)
		}
		faulty.Calls()
		if n, err := s.Refresh(t.Context()); n != 1 || err != nil {
			t.Fatalf("version %d: %d, %v", v+1, n, err)
		}
		if got := faulty.Calls().Parts; v > 0 && (got == 0 || got > 10) {
			t.Errorf("ten changed rules move %d parts", got)
		}
	}
}

func TestASourceKeepsThePartsOfOneVersionOnly(t *testing.T) {
	faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
	b := newBook(t, faulty, start)
	s := newSource(t, faulty, newEngine(t, pricing.Config{Now: start}), pricing.SourceConfig{})
	for v, euros := range []uint64{1, 2, 1} {
		revision := saveNext(t, b, uint64(v), euros)
		if _, err := b.Publish(t.Context(), pricing.Publication{Revision: revision, After: uint64(v), Immediate: true}); err != nil {
			t.Fatal(err)
		}
		faulty.Calls()
		refresh(t, s)
		if got := faulty.Calls().Parts; got != 1 {
			t.Errorf("version %d moves %d parts, want 1", v+1, got)
		}
	}
}

func TestABadSetIsNeverUsedAndTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		faults pricingtest.Faults
		want   error
	}{
		"torn parts":     {pricingtest.Faults{TearParts: true}, pricing.ErrTorn},
		"missing parts":  {pricingtest.Faults{LoseParts: true}, pricing.ErrTorn},
		"another digest": {pricingtest.Faults{OtherDigests: true}, pricing.ErrTorn},
		"a newer set":    {pricingtest.Faults{NewerSets: true}, pricing.ErrConflict},
		"a store down":   {pricingtest.Faults{Err: errDown}, errDown},
	} {
		t.Run(name, func(t *testing.T) {
			faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
			e := newEngine(t, pricing.Config{Now: start})
			s := newSource(t, faulty, e, pricing.SourceConfig{})
			publishWide(t, newBook(t, faulty, start))
			faulty.Inject(c.faults)
			for range 2 {
				n, err := s.Refresh(t.Context())
				if !errors.Is(err, c.want) || n != 0 {
					t.Fatalf("got %d, %v; want %v", n, err, c.want)
				}
				if _, err := e.At(start()); !errors.Is(err, pricing.ErrState) {
					t.Fatalf("the engine has something: %v", err)
				}
			}
			faulty.Inject(pricingtest.Faults{})
			if _, err := s.Refresh(t.Context()); err != nil {
				t.Fatalf("healed: %v", err)
			}
			q, err := e.Price(ask(t, start()))
			if err != nil || q.Version != 1 || q.Unsure {
				t.Errorf("healed: version %d, unsure %v, %v", q.Version, q.Unsure, err)
			}
		})
	}
}

// publishWide publishes a version of many parts, in which p has a price, and arms
// another one.
func publishWide(t *testing.T, b *pricing.Book) {
	t.Helper()
	wide, _ := pricingtest.Workload(100, 1)
	wide.Rules = append(wide.Rules, priced(t, 1).Rules...)
	if _, err := b.Save(t.Context(), pricing.Draft{Rules: wide}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Publish(t.Context(), pricing.Publication{Revision: 1, Immediate: true}); err != nil {
		t.Fatal(err)
	}
	release(t, b, 2, pricing.Publication{EffectiveFrom: start().Add(time.Hour)})
}

// A store for one test: with Manifest and Heads that it can change.
type bentStore struct {
	pricing.Store
	manifest func(version uint64) error
	heads    func(after uint64) iter.Seq2[pricing.Head, error]
}

func (s *bentStore) Manifest(ctx context.Context, book string, version uint64) (pricing.Manifest, error) {
	if s.manifest != nil {
		if err := s.manifest(version); err != nil {
			return pricing.Manifest{}, err
		}
	}
	return s.Store.Manifest(ctx, book, version)
}

func (s *bentStore) Heads(ctx context.Context, book string, after uint64) iter.Seq2[pricing.Head, error] {
	if s.heads != nil {
		return s.heads(after)
	}
	return s.Store.Heads(ctx, book, after)
}

func TestAStoreThatWentBackIsAConflict(t *testing.T) {
	store := &bentStore{Store: pricing.NewMemoryStore()}
	b := newBook(t, store, start)
	e := newEngine(t, pricing.Config{Now: start})
	s := newSource(t, store, e, pricing.SourceConfig{})
	release(t, b, 1, pricing.Publication{Immediate: true})
	head := release(t, b, 2, pricing.Publication{Immediate: true})
	if n, err := s.Refresh(t.Context()); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	reused, later, skipped := head, head, head
	reused.Digest[0] ^= 1
	later.EffectiveFrom = later.EffectiveFrom.Add(time.Second)
	skipped.Version = 4
	for name, c := range map[string]struct {
		heads func(uint64) iter.Seq2[pricing.Head, error]
		want  error
	}{
		"a version with another digest": {listed(reused), pricing.ErrConflict},
		"a version with another time":   {listed(later), pricing.ErrConflict},
		"a version that is gone":        {listed(), pricing.ErrConflict},
		"a gap between versions":        {listed(head, skipped), pricing.ErrTorn},
		"a version twice":               {listed(head, head), pricing.ErrTorn},
		"a version that was not asked":  {func(uint64) iter.Seq2[pricing.Head, error] { return listed(pricing.Head{Version: 1})(0) }, pricing.ErrTorn},
	} {
		t.Run(name, func(t *testing.T) {
			store.heads = c.heads
			if n, err := s.Refresh(t.Context()); n != 0 || !errors.Is(err, c.want) {
				t.Errorf("got %d, %v; want %v", n, err, c.want)
			}
			if q, err := e.Price(ask(t, start())); err != nil || q.Version != 2 {
				t.Errorf("the engine has version %d, %v", q.Version, err)
			}
		})
	}
}

// listed answers with those of the heads that were asked for.
func listed(heads ...pricing.Head) func(after uint64) iter.Seq2[pricing.Head, error] {
	return func(after uint64) iter.Seq2[pricing.Head, error] {
		return func(yield func(pricing.Head, error) bool) {
			for _, h := range heads {
				if h.Version > after && !yield(h, nil) {
					return
				}
			}
		}
	}
}

func TestCatchingUpNeverPricesByAPastVersion(t *testing.T) {
	c := newClock()
	store := &bentStore{Store: pricing.NewMemoryStore()}
	b := newBook(t, store, c.now)
	e := newEngine(t, pricing.Config{Now: c.now})
	s := newSource(t, store, e, pricing.SourceConfig{})
	release(t, b, 1, pricing.Publication{Immediate: true})
	if _, err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for v := uint64(2); v <= 4; v++ {
		c.advance(time.Minute)
		release(t, b, v, pricing.Publication{Immediate: true})
	}
	store.manifest = func(loading uint64) error {
		if in, err := e.At(time.Time{}); err != nil || in.Version() != 1 {
			t.Errorf("while version %d is loaded, %d is in force, %v", loading, in.Version(), err)
		}
		return nil
	}
	if n, err := s.Refresh(t.Context()); n != 3 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if in, err := e.At(time.Time{}); err != nil || in.Version() != 4 {
		t.Errorf("in force is version %d, %v", in.Version(), err)
	}
}

func TestALostVersionStopsOnlyThoseThatNeedIt(t *testing.T) {
	minute := func(n int) time.Time { return start().Add(time.Duration(n) * time.Minute) }
	for _, c := range []struct {
		name    string
		have    bool   // whether version 1 is there before
		lost    uint64 // of 1 to 4, in force from minutes 0, 1, 2, and 60 on; it is minute 3
		loaded  int
		kept    []uint64 // then here
		unsure  bool
		noQuote error
	}{
		{"a past one, at first", false, 2, 2, []uint64{3, 4}, false, nil},
		{"the oldest, at first", false, 1, 3, []uint64{2, 3, 4}, false, nil},
		{"a past one, later", true, 2, 2, []uint64{3, 4}, false, nil},
		{"the one in force, at first", false, 3, 0, nil, false, pricing.ErrState},
		{"the one in force, later", true, 3, 0, []uint64{1}, true, nil},
		{"an armed one", false, 4, 3, []uint64{1, 2, 3}, false, nil},
		{"an armed one, later", true, 4, 2, []uint64{1, 2, 3}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := &bentStore{Store: pricing.NewMemoryStore()}
			clk := newClock()
			e := newEngine(t, pricing.Config{Now: clk.now})
			s := newSource(t, store, e, pricing.SourceConfig{})
			publishByMinute(t, newBook(t, store, clk.now), clk, func() {
				if c.have {
					refresh(t, s)
				}
			})
			store.manifest = lose(c.lost)
			if n, err := s.Refresh(t.Context()); n != c.loaded || !errors.Is(err, pricing.ErrTorn) {
				t.Fatalf("loads %d, %v; want %d and ErrTorn", n, err, c.loaded)
			}
			if kept := kept(e); fmt.Sprint(kept) != fmt.Sprint(c.kept) {
				t.Errorf("here are %v, want %v", kept, c.kept)
			}
			q, err := e.Price(ask(t, time.Time{}))
			if !errors.Is(err, c.noQuote) || q.Unsure != c.unsure {
				t.Errorf("unsure %v, %v; want %v, %v", q.Unsure, err, c.unsure, c.noQuote)
			}
			if in, err := e.At(minute(1)); c.lost == 2 && err == nil {
				t.Errorf("version %d answers for the time of the lost one", in.Version())
			}
		})
	}
}

// publishByMinute publishes versions 1 to 3 a minute apart, and arms 4; after the
// first it calls then.
func publishByMinute(t *testing.T, b *pricing.Book, clk *clock, then func()) {
	t.Helper()
	for v := uint64(1); v <= 3; v++ {
		release(t, b, v, pricing.Publication{Immediate: true})
		if v == 1 {
			then()
		}
		clk.advance(time.Minute)
	}
	release(t, b, 4, pricing.Publication{EffectiveFrom: start().Add(time.Hour)})
}

// lose has one version's manifest torn.
func lose(lost uint64) func(version uint64) error {
	return func(version uint64) error {
		if version == lost {
			return fmt.Errorf("lost: %w", pricing.ErrTorn)
		}
		return nil
	}
}

// kept returns which of the first versions an engine has.
func kept(e *pricing.Engine) []uint64 {
	var list []uint64
	for v := range uint64(6) {
		if _, ok := e.AtVersion(v); ok {
			list = append(list, v)
		}
	}
	return list
}

func TestPollsComeEveryFiveSecondsGiveOrTakeAFifth(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  pricing.SourceConfig
		fail bool
		want []time.Duration // between polls
	}{
		"by default, lowest":  {pricing.SourceConfig{Rand: func() float64 { return 0 }}, false, seconds(4, 4, 4, 4)},
		"by default, middle":  {pricing.SourceConfig{Rand: func() float64 { return 0.5 }}, false, seconds(5, 5, 5, 5)},
		"by default, highest": {pricing.SourceConfig{Rand: func() float64 { return 1 }}, false, seconds(6, 6, 6, 6)},
		"failing":             {pricing.SourceConfig{Rand: func() float64 { return 0.5 }}, true, seconds(10, 10, 10, 10)},
		"failing, lowest":     {pricing.SourceConfig{Rand: func() float64 { return 0 }}, true, seconds(8, 8, 8, 8)},
		"failing, highest":    {pricing.SourceConfig{Rand: func() float64 { return 1 }}, true, seconds(10, 10, 10, 10)},
		"failing for longer": {
			pricing.SourceConfig{Every: time.Second, MaxBackoff: 10 * time.Second, Rand: func() float64 { return 0.5 }},
			true, seconds(2, 4, 8, 10, 10),
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var polls []time.Time
				store := &bentStore{Store: pricing.NewMemoryStore(), heads: func(uint64) iter.Seq2[pricing.Head, error] {
					polls = append(polls, time.Now())
					return failing(c.fail)
				}}
				c.cfg.OnError = func(error) {}
				stop := run(t, newSource(t, store, newEngine(t, pricing.Config{}), c.cfg))
				for _, wait := range c.want {
					time.Sleep(wait)
				}
				synctest.Wait()
				stop()
				var got []time.Duration
				for i := range polls[1:] {
					got = append(got, polls[i+1].Sub(polls[i]))
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("waits (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// failing is no heads, or a failure.
func failing(fail bool) iter.Seq2[pricing.Head, error] {
	return func(yield func(pricing.Head, error) bool) {
		if fail {
			yield(pricing.Head{}, errDown)
		}
	}
}

func seconds(list ...int) []time.Duration {
	var out []time.Duration
	for _, n := range list {
		out = append(out, time.Duration(n)*time.Second)
	}
	return out
}

func TestAStoreDownForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
		b := newBook(t, faulty, nil)
		e := newEngine(t, pricing.Config{})
		release(t, b, 1, pricing.Publication{Immediate: true})
		var errs errorList
		stop := run(t, newSource(t, faulty, e, pricing.SourceConfig{OnError: errs.add}))
		time.Sleep(time.Minute)
		if q := priceNow(t, e); q.Version != 1 || q.Unsure {
			t.Fatalf("before: version %d, unsure %v", q.Version, q.Unsure)
		}

		faulty.Inject(pricingtest.Faults{Err: errDown})
		faulty.Calls()
		goesOn(t, e, time.Hour)
		told := errs.take()
		if polls := faulty.Calls(); polls.All() != len(told) || polls.Heads != len(told) {
			t.Errorf("%+v polls and %d errors", polls, len(told))
		}
		if len(told) < 3600/10 || len(told) > 3600/8+1 { // 10 s, at least 8
			t.Errorf("%d polls in an hour", len(told))
		}
		allAre(t, told, errDown)

		faulty.Inject(pricingtest.Faults{})
		release(t, b, 2, pricing.Publication{Immediate: true})
		time.Sleep(11 * time.Second)
		if q := priceNow(t, e); q.Version != 2 || q.Unsure {
			t.Errorf("afterwards: version %d, unsure %v", q.Version, q.Unsure)
		}
		if told := errs.take(); len(told) > 0 {
			t.Errorf("afterwards OnError is told %v", told)
		}
		stop()
	})
}

// goesOn checks second by second that an engine prices by version 1, and is unsure
// of it once its last poll is long ago.
func goesOn(t *testing.T, e *pricing.Engine, d time.Duration) {
	t.Helper()
	for down := time.Duration(0); down < d; down += time.Second {
		q := priceNow(t, e)
		if q.Version != 1 || down >= 20*time.Second && !q.Unsure || down <= 6*time.Second && q.Unsure {
			t.Fatalf("after %v: version %d, unsure %v", down, q.Version, q.Unsure)
		}
		time.Sleep(time.Second)
	}
}

func priceNow(t *testing.T, e *pricing.Engine) pricing.Quote {
	t.Helper()
	q, err := e.Price(ask(t, time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// allAre checks what OnError was told.
func allAre(t *testing.T, told []error, want error) {
	t.Helper()
	for _, err := range told {
		if !errors.Is(err, want) {
			t.Fatalf("OnError is told %v, want %v", err, want)
		}
	}
}

func TestOnErrorIsToldOncePerPollOfATornSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
		b := newBook(t, faulty, nil)
		e := newEngine(t, pricing.Config{})
		release(t, b, 1, pricing.Publication{Immediate: true})
		var errs errorList
		stop := run(t, newSource(t, faulty, e, pricing.SourceConfig{OnError: errs.add}))
		time.Sleep(10 * time.Second)
		faulty.Inject(pricingtest.Faults{TearParts: true})
		release(t, b, 2, pricing.Publication{Immediate: true})
		release(t, b, 3, pricing.Publication{EffectiveFrom: time.Now().Truncate(time.Second).Add(time.Hour)})
		faulty.Calls()
		time.Sleep(10 * time.Minute)
		polls, told := faulty.Calls().Heads, errs.take()
		if polls != len(told) || polls < 60 {
			t.Errorf("%d polls and %d errors", polls, len(told))
		}
		allAre(t, told, pricing.ErrTorn)
		if q := priceNow(t, e); q.Version != 1 || !q.Unsure {
			t.Errorf("version %d, unsure %v", q.Version, q.Unsure)
		}
		faulty.Inject(pricingtest.Faults{})
		time.Sleep(11 * time.Second)
		if q := priceNow(t, e); q.Version != 2 || q.Unsure {
			t.Errorf("healed: version %d, unsure %v", q.Version, q.Unsure)
		}
		stop()
	})
}

func TestASlowPollConfirmsWhenItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
		b := newBook(t, faulty, nil)
		e := newEngine(t, pricing.Config{})
		release(t, b, 1, pricing.Publication{Immediate: true})
		faulty.Inject(pricingtest.Faults{Delay: 6 * time.Second}) // heads, manifest, parts: 18 s
		s := newSource(t, faulty, e, pricing.SourceConfig{})
		if n, err := s.Refresh(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		if !priceNow(t, e).Unsure {
			t.Error("18 s after the poll began it is sure")
		}
		if n, err := s.Refresh(t.Context()); n != 0 || err != nil { // heads only: 6 s
			t.Fatalf("%d, %v", n, err)
		}
		if priceNow(t, e).Unsure {
			t.Error("6 s after the poll began it is unsure")
		}
	})
}

func TestAHangingStoreIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
		faulty.Inject(pricingtest.Faults{Delay: 24 * time.Hour})
		var errs errorList
		stop := run(t, newSource(t, faulty, newEngine(t, pricing.Config{}), pricing.SourceConfig{OnError: errs.add}))
		time.Sleep(time.Minute + time.Second)
		if told := errs.take(); len(told) != 1 || !strings.Contains(told[0].Error(), "no answer within 1m0s") {
			t.Errorf("after a minute OnError was told %v", told)
		}
		time.Sleep(20 * time.Second) // into the next poll
		began := time.Now()
		stop()
		if d := time.Since(began); d != 0 {
			t.Errorf("Run ends %v after its context", d)
		}
	})
}

func TestConcurrentRefreshesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faulty := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
		b := newBook(t, faulty, nil)
		release(t, b, 1, pricing.Publication{Immediate: true})
		e := newEngine(t, pricing.Config{})
		s := newSource(t, faulty, e, pricing.SourceConfig{})
		faulty.Inject(pricingtest.Faults{Delay: time.Second})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := s.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, errStopped)
		defer cancel()
		if _, err := s.Refresh(ctx); !errors.Is(err, errStopped) { // some are in front of it
			t.Errorf("waiting under a context that ends: %v", err)
		}
		wg.Wait()
		if c := faulty.Calls(); c.Manifests != 1 {
			t.Errorf("one version is loaded %d times", c.Manifests)
		}
	})
}

// Nodes whose clocks are off by up to a second either way, with polls at random,
// flip in the same second of theirs, and are sure of it.
func TestNodesFlipInTheSameSecond(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			store := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
			store.Inject(pricingtest.Faults{Delay: time.Duration(r.IntN(300)) * time.Millisecond})
			nodes := []node{newNode(t, store, r), newNode(t, store, r), newNode(t, store, r)}
			b := newBook(t, store, wrongClock(r))
			release(t, b, 1, pricing.Publication{Immediate: true})
			time.Sleep(10 * time.Second)
			for v := uint64(2); v <= 6; v++ {
				time.Sleep(time.Duration(r.Int64N(20e9)))
				h := release(t, b, v, pricing.Publication{})
				for _, n := range nodes {
					n.flips(t, h)
				}
			}
			for _, n := range nodes {
				n.stop()
			}
		})
	}
}

type node struct {
	engine *pricing.Engine
	now    func() time.Time
	stop   func()
}

// wrongClock is a second off at most.
func wrongClock(r *rand.Rand) func() time.Time {
	off := time.Duration(r.Int64N(2e9) - 1e9)
	return func() time.Time { return time.Now().Add(off) }
}

func newNode(t *testing.T, store pricing.Store, r *rand.Rand) node {
	t.Helper()
	n := node{now: wrongClock(r)}
	mine := rand.New(rand.NewPCG(r.Uint64(), 0))
	n.engine = newEngine(t, pricing.Config{Now: n.now})
	n.stop = run(t, newSource(t, store, n.engine, pricing.SourceConfig{Rand: mine.Float64}))
	return n
}

// flips checks what a node answers in the second before a version's time and in
// that second, when it has come by the node's clock.
func (n node) flips(t *testing.T, h pricing.Head) {
	t.Helper()
	for _, c := range []struct {
		at   time.Time
		want uint64
	}{{h.EffectiveFrom.Add(-time.Second), h.Version - 1}, {h.EffectiveFrom, h.Version}} {
		time.Sleep(c.at.Sub(n.now())) // not at all, where it is over
		q, err := n.engine.Price(ask(t, c.at))
		if err != nil || q.Version != c.want || q.Unsure {
			t.Errorf("at %v: version %d, unsure %v, %v; want version %d", c.at, q.Version, q.Unsure, err, c.want)
		}
	}
}
