package breaker_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/breaker"
)

// Invariant: resilience B1.
func TestTicketCountsOnceAndOnlyInItsEpoch(t *testing.T) {
	states := []breaker.State{breaker.Closed, breaker.MetricsOnly, breaker.HalfOpen, breaker.Disabled}
	for _, from := range states {
		bubble(t, breaker.Config{Probes: 3}, func(b box) { // twice
			b.enter(from)
			ticket := b.allow()
			again := ticket
			b.record(ticket, 'S')
			once := b.Counts()
			for _, letter := range "SFXU" {
				b.record(ticket, letter)
				b.record(again, letter)
			}
			b.counted(once)
			b.late(8)
			b.in(from)
		})
		for to := breaker.Closed; to <= breaker.MetricsOnly; to++ {
			bubble(t, breaker.Config{Probes: 3}, func(b box) { // after a change
				b.enter(from)
				tickets := map[rune]breaker.Ticket{'S': b.allow(), 'F': b.allow(), 'X': b.allow()}
				if b.Command(to) != nil {
					return
				}
				for letter, ticket := range tickets {
					b.record(ticket, letter)
				}
				b.counted(breaker.Counts{})
				b.in(to)
				b.late(3)
			})
		}
	}
	bubble(t, breaker.Config{}, func(b box) { // of another, and none
		other := made(t, breaker.Config{})
		ticket, err := other.Allow()
		if err != nil {
			t.Fatal(err)
		}
		b.record(ticket, 'S')
		b.record(breaker.Ticket{}, 'F')
		b.record(breaker.NewTicket(b.Breaker), 'F')
		b.counted(breaker.Counts{})
		b.late(3)
		other.Record(ticket, breaker.Success)
		if got := other.Counts().Successes; got != 1 {
			t.Errorf("the owner counted %d successes, want 1", got)
		}
	})
	bubble(t, breaker.Config{}, func(b box) { // an unused ticket that comes late is no result
		ticket := b.allow()
		b.command(breaker.Closed)
		b.record(ticket, 'U')
		b.late(0)
	})
}

// enter commands the breaker into a state from wherever that is possible.
func (b box) enter(s breaker.State) {
	b.t.Helper()
	b.command(breaker.ForcedOpen)
	b.command(s)
}

// Invariant: resilience B2.
func TestProbesThatRunAndSucceededNeverExceedProbes(t *testing.T) {
	t.Parallel()
	const probes = 3
	b := made(t, breaker.Config{Probes: probes, ProbeMaxWait: -1})
	for _, to := range []breaker.State{breaker.ForcedOpen, breaker.HalfOpen} {
		if err := b.Command(to); err != nil {
			t.Fatal(err)
		}
	}
	var running, succeeded, most atomic.Int64
	probe := func(o breaker.Outcome) {
		ticket, err := b.Allow()
		if err != nil {
			runtime.Gosched()
			return
		}
		raise(&most, running.Add(1)+succeeded.Load())
		runtime.Gosched()
		running.Add(-1)
		if o == breaker.Success && !succeeded.CompareAndSwap(0, 1) { // one of three: its place stays taken
			o = breaker.Excluded
		}
		b.Record(ticket, o)
	}
	var wg sync.WaitGroup
	for i := range uint64(8) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(i, 1))
			outcomes := append(slices.Repeat([]breaker.Outcome{breaker.Excluded, breaker.Unused}, 50), breaker.Success)
			for range 4000 {
				probe(outcomes[rng.IntN(len(outcomes))])
			}
		})
	}
	wg.Wait()
	if got := most.Load(); got != probes {
		t.Errorf("up to %d probes ran or had succeeded, want %d", got, probes)
	}
	if got := b.Counts(); b.State() != breaker.HalfOpen || got.Successes != 1 {
		t.Errorf("%v with %+v, want half-open with a success", b.State(), got)
	}
}

// raise makes n the value of most if it is more.
func raise(most *atomic.Int64, n int64) {
	for old := most.Load(); n > old; old = most.Load() {
		if most.CompareAndSwap(old, n) {
			return
		}
	}
}

// Invariant: resilience B3.
func TestNoResultIsLost(t *testing.T) {
	t.Parallel()
	var ledger breaker.Counts // of the states that were left; reports never come two at once
	b := made(t, breaker.Config{
		MinCalls: 50, FailureRatio: 0.3, Window: time.Hour, OpenFor: 100 * time.Microsecond, OpenMax: 200 * time.Microsecond, Probes: 2,
		OnChange: func(c breaker.Change) {
			ledger.Successes += c.Counts.Successes
			ledger.Failures += c.Counts.Failures
			ledger.Excluded += c.Counts.Excluded
		},
	})
	var recorded atomic.Int64
	call := func(o breaker.Outcome, dawdle bool) {
		ticket, err := b.Allow()
		if err != nil || dawdle {
			runtime.Gosched()
		}
		if err == nil {
			recorded.Add(1)
			b.Record(ticket, o)
		}
	}
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(i, 2))
			outcomes := append(slices.Repeat([]breaker.Outcome{breaker.Success}, 7), breaker.Failure, breaker.Failure, breaker.Excluded)
			for round := range 30_000 {
				if i == 0 && round%1000 == 0 {
					_ = b.Command([]breaker.State{breaker.Closed, breaker.MetricsOnly, breaker.HalfOpen}[rng.IntN(3)])
				}
				call(outcomes[rng.IntN(len(outcomes))], rng.IntN(4) == 0)
			}
		})
	}
	wg.Wait()
	if err := b.Command(breaker.ForcedOpen); err != nil { // what is counted now goes to the ledger
		t.Fatal(err)
	}
	total := int64(ledger.Successes + ledger.Failures + ledger.Excluded)
	late := int64(b.Stats().Late) //nolint:gosec // at most recorded
	if total+late != recorded.Load() {
		t.Errorf("%d in the ledger (%+v) and %d late, but %d were recorded", total, ledger, late, recorded.Load())
	}
	if ledger.Failures == 0 || late == 0 {
		t.Errorf("the run was too tame: %+v, %d late", ledger, late)
	}
}

// Invariant: resilience B3.
func TestRecordThatIsInterruptedBeforeItCountsIsNotLost(t *testing.T) {
	bubble(t, breaker.Config{}, func(b box) { // by a change
		ticket := b.allow()
		b.calls("S")
		b.command(breaker.Closed)
		breaker.SucceedLate(b.Breaker, ticket)
		b.counted(breaker.Counts{})
		b.late(1)
	})
	bubble(t, breaker.Config{}, func(b box) { // until its bucket has lapsed
		ticket := b.allow()
		b.calls("S")
		b.sleep(10 * time.Second)
		b.calls("S") // drops the bucket
		breaker.SucceedLate(b.Breaker, ticket)
		b.counted(breaker.Counts{Successes: 1})
		b.late(1)
	})
	bubble(t, breaker.Config{}, func(b box) { // until the window rests
		ticket := b.allow()
		b.sleep(5 * time.Second)
		breaker.SucceedLate(b.Breaker, ticket)
		b.counted(breaker.Counts{Successes: 1})
		b.sleep(5 * time.Second)
		b.counted(breaker.Counts{})
		b.late(0)
	})
}

func TestTimerOfTheStateBeforeChangesNothing(t *testing.T) {
	for from := breaker.Closed; from <= breaker.MetricsOnly; from++ {
		bubble(t, breaker.Config{}, func(b box) {
			b.enter(from)
			b.command(breaker.Closed)
			b.calls("SSF")
			before := b.Stats()
			breaker.FireLast(b.Breaker)
			if diff := cmp.Diff(before, b.Stats()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			b.command(breaker.Open)
			breaker.FireLast(b.Breaker)
			b.in(breaker.Open)
		})
	}
}

// Invariant: resilience B3.
func TestRestingWindowLosesNoResult(t *testing.T) {
	t.Parallel()
	// Buckets of a millisecond rest and wake all the time. Each result is seen in the window, or was late, or lapsed: so the window is empty
	// once all have had time to lapse, and counts the next one.
	b := made(t, breaker.Config{FailureRatio: -1, Window: 2 * time.Millisecond, Buckets: 2})
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(i, 3))
			for range 300 {
				ticket, err := b.Allow()
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(rng.IntN(1500)) * time.Microsecond)
				b.Record(ticket, breaker.Success)
			}
		})
	}
	wg.Wait()
	for deadline := time.Now().Add(5 * time.Second); b.Counts() != (breaker.Counts{}); {
		if time.Now().After(deadline) {
			t.Fatalf("%+v never lapsed", b.Counts())
		}
		time.Sleep(time.Millisecond)
	}
}

// Invariant: resilience B4.
func TestEachChangeIsReportedOnceInOrderUnderNoLock(t *testing.T) {
	t.Parallel()
	var b *breaker.Breaker
	var reports []breaker.Change
	var inside atomic.Int32
	cfg := breaker.Config{Name: "stock", OnChange: func(c breaker.Change) {
		if inside.Add(1) != 1 {
			t.Error("two reports at once")
		}
		defer inside.Add(-1)
		reports = append(reports, c)
		_, _ = b.State(), b.Counts() // would wait for a lock that is held
		if len(reports)%7 == 0 {
			_ = b.Command(breaker.Closed) // a change within a report
		}
	}}
	b = made(t, cfg)
	var commands atomic.Int64
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(i, 4))
			for range 300 {
				if b.Command(breaker.State(rng.IntN(int(breaker.MetricsOnly)+1))) == nil { //nolint:gosec // a small number
					commands.Add(1)
				}
			}
		})
	}
	wg.Wait()
	from := breaker.Closed
	for i, c := range reports {
		if c.From != from || c.Name != "stock" || i > 0 && c.At.Before(reports[i-1].At) {
			t.Fatalf("report %d is %+v, want one that goes on from %v", i, c, from)
		}
		from = c.To
	}
	if from != b.State() {
		t.Errorf("the last report is of %v, the state is %v", from, b.State())
	}
	if got, want := len(reports), int(commands.Load()); got < want || got > want+want/6 {
		t.Errorf("%d reports of %d commands and those of every seventh report", got, want)
	}
}

// Invariant: resilience B4.
func TestWhoMakesAChangeReportsIt(t *testing.T) {
	var reports journal
	cfg := breaker.Config{Name: "card", MinCalls: 2, OnChange: reports.add}
	bubble(t, cfg, func(b box) {
		start := time.Now()
		b.sleep(time.Second)
		b.calls("SXF")
		want := []breaker.Change{{
			Name: "card", From: breaker.Closed, To: breaker.Open, At: start.Add(time.Second),
			Counts: breaker.Counts{Successes: 1, Failures: 1, Excluded: 1, ConsecutiveFailures: 1},
		}}
		if diff := cmp.Diff(want, reports.all()); diff != "" { // before Record returned
			t.Errorf("(-want +got):\n%s", diff)
		}
		b.sleep(5 * time.Second)
		b.calls("XF")
		want = append(want, breaker.Change{Name: "card", From: breaker.Open, To: breaker.HalfOpen, At: start.Add(6 * time.Second)},
			breaker.Change{
				Name: "card", From: breaker.HalfOpen, To: breaker.Open, At: start.Add(6 * time.Second),
				Counts: breaker.Counts{Failures: 1, Excluded: 1, ConsecutiveFailures: 1},
			})
		if diff := cmp.Diff(want, reports.all()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Invariant: resilience B5.
func TestNoStateNeedsTrafficToBeLeftAndNoWindowToLapse(t *testing.T) {
	var reports journal
	cfg := breaker.Config{MinCalls: 2, OnChange: reports.add}
	bubble(t, cfg, func(b box) {
		b.calls("FF")                                                                        // and no call from here on
		b.sleep(5*time.Second + 5*time.Second + 5*time.Second + 5*time.Second + time.Second) // without a probe the wait does not grow
		want := []string{"closed to open", "open to half-open", "half-open to open", "open to half-open", "half-open to open"}
		if diff := cmp.Diff(want, reports.moves()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	for _, cfg := range []breaker.Config{rolling(), fixed()} {
		bubble(t, cfg, func(b box) {
			b.calls("SFX")
			b.sleep(10 * time.Second)
			b.counted(breaker.Counts{})
		})
	}
}

// Invariant: resilience B5.
func TestBreakerThatNobodyRefersToIsCollected(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*breaker.Breaker){
		"closed":    func(b *breaker.Breaker) { _, _ = b.Allow() },
		"open":      func(b *breaker.Breaker) { _ = b.Command(breaker.Open) },
		"half-open": func(b *breaker.Breaker) { _, _ = b.Command(breaker.Open), b.Command(breaker.HalfOpen) },
	} {
		collected := make(chan struct{})
		b := made(t, breaker.Config{OpenFor: time.Hour})
		prepare(b)
		runtime.AddCleanup(b, func(done chan struct{}) { close(done) }, collected)
		b = nil
		_ = b
		for deadline := time.After(10 * time.Second); ; {
			runtime.GC()
			select {
			case <-collected:
			case <-time.After(time.Millisecond):
				continue
			case <-deadline:
				t.Errorf("%s: a timer keeps the breaker alive", name)
			}
			break
		}
	}
}
