package breakertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
)

// rule is something that every engine must keep.
type rule struct {
	name  string
	why   string // what its users would see otherwise
	check func(b *bench) error
}

// awake is the rule that runs outside of a bubble: there, a deadlock would last for ever.
const awake = "a callback may use the engine"

// patience is how long it may take there.
const patience = 3 * time.Second

func rules() []rule {
	return []rule{
		{"closed passes and counts", "Counts is how anybody looks into a breaker.", closedCounts},
		{"trips at the ratio", "A breaker that trips early refuses what works, one that trips late does not protect.", tripsAtRatio},
		{"trips in a row", "With few calls only the row shows that a service is down.", tripsInARow},
		{"the window lapses", "Old failures must not add up with new ones.", windowLapses},
		{"a refusal says why and for how long", "Guards and retries act on the verdict of the error.", refusalSpeaks},
		{"half-open by time", "Nobody else would end the refusals.", halfOpenByTime},
		{"probes are bounded", "A service that comes back must not be met by everybody at once.", probesAreBounded},
		{"probes close", "The breaker must find out when the service is back.", probesClose},
		{"a failed probe opens", "One answer is enough to know that the service is still down.", failedProbeOpens},
		{"an excluded or unused probe gives its place back", "Otherwise no place is left, and half-open never ends.", probePlaceReturns},
		{"a ticket counts once", "A result that is recorded by a defer and by hand must not count double.", ticketCountsOnce},
		{"strange tickets are ignored", "A mix-up must not move a breaker.", strangeTickets},
		{"results from before a change are ignored", "They speak of another time: a late success would close.", lateResults},
		{"a panic is a failure", "The ticket would be lost, and with it the place of a probe.", panicIsFailure},
		{"changes are reported once and in order", "Alerts and gauges follow them.", changesInOrder},
		{awake, "It would wait for a lock that its caller holds.", callbackUsesEngine},
		{"no result is lost", "Engines are used by many at once.", noResultIsLost},
	}
}

func closedCounts(b *bench) error {
	b.make(breaker.Config{MinCalls: 100, OpenGrowth: 1, OpenJitter: -1, ProbeMaxWait: -1})
	err := b.call(breaker.Success, breaker.Failure, breaker.Failure, breaker.Excluded)
	run := b.Counts().ConsecutiveFailures
	if run != 2 {
		err = errors.Join(err, fmt.Errorf("%d failures in a row, want 2: an exclusion does not interrupt them", run))
	}
	return errors.Join(err, b.in(breaker.Closed), b.counts(1, 2, 1))
}

func tripsAtRatio(b *bench) error {
	b.make(plain())
	err := errors.Join(b.call(breaker.Failure, breaker.Failure, breaker.Failure), b.in(breaker.Closed), // fewer than MinCalls
		b.call(breaker.Failure), b.in(breaker.Open))
	if err != nil {
		return err
	}
	b.make(plain())
	err = errors.Join(b.call(breaker.Success, breaker.Success, breaker.Success, breaker.Excluded, breaker.Failure), b.in(breaker.Closed))
	if err != nil {
		return err
	}
	return errors.Join(b.call(breaker.Failure), b.in(breaker.Closed), // 2 of 5
		b.call(breaker.Failure), b.in(breaker.Open)) // 3 of 6
}

func tripsInARow(b *bench) error {
	cfg := plain()
	cfg.FailureRatio, cfg.ConsecutiveFailures = -1, 3
	b.make(cfg)
	return errors.Join(b.call(breaker.Failure, breaker.Failure, breaker.Success, breaker.Failure, breaker.Failure), b.in(breaker.Closed),
		b.call(breaker.Excluded, breaker.Failure), b.in(breaker.Open))
}

func windowLapses(b *bench) error {
	for _, buckets := range []int{1, 5} {
		cfg := plain()
		cfg.Buckets = buckets
		b.make(cfg)
		err := b.call(breaker.Failure, breaker.Failure, breaker.Failure)
		b.pause(cfg.Window)
		err = errors.Join(err, b.call(breaker.Failure), b.in(breaker.Closed), b.counts(0, 1, 0))
		if err != nil {
			return fmt.Errorf("with %d buckets: %w", buckets, err)
		}
	}
	return nil
}

func refusalSpeaks(b *bench) error {
	b.make(plain())
	if err := b.trip(); err != nil {
		return err
	}
	b.pause(time.Second)
	err := b.call(breaker.Success)
	if err := refused(err, breaker.Open); err != nil {
		return err
	}
	v := resilience.Default(context.Background(), err)
	if v.Kind != resilience.KindRejected {
		return fmt.Errorf("the verdict is %v, want rejected", v.Kind)
	}
	if v.HasAfter && (v.After < 3*time.Second || v.After > 4*time.Second) {
		return fmt.Errorf("asks to wait %v, want 4s", v.After)
	}
	return b.counts(0, 0, 0)
}

func halfOpenByTime(b *bench) error {
	b.make(plain())
	return b.half()
}

func probesAreBounded(b *bench) error {
	b.make(plain())
	if err := b.half(); err != nil {
		return err
	}
	first, err := b.Allow()
	if err != nil {
		return err
	}
	if _, err := b.Allow(); err != nil {
		return err
	}
	if err := refused(b.call(breaker.Success), breaker.HalfOpen); err != nil {
		return err
	}
	b.Record(first, breaker.Success) // its place stays taken: one succeeded, one runs
	return refused(b.call(breaker.Success), breaker.HalfOpen)
}

func probesClose(b *bench) error {
	b.make(plain())
	return errors.Join(b.half(), b.call(breaker.Success), b.in(breaker.HalfOpen), b.counts(1, 0, 0),
		b.call(breaker.Success), b.in(breaker.Closed), b.counts(0, 0, 0))
}

func failedProbeOpens(b *bench) error {
	b.make(plain())
	err := errors.Join(b.half(), b.call(breaker.Success, breaker.Failure), b.in(breaker.Open))
	b.pause(plain().OpenFor)
	return errors.Join(err, b.in(breaker.HalfOpen))
}

func probePlaceReturns(b *bench) error {
	b.make(plain())
	err := b.half()
	for range 3 {
		err = errors.Join(err, b.call(breaker.Excluded, breaker.Unused))
	}
	return errors.Join(err, b.in(breaker.HalfOpen), b.call(breaker.Success, breaker.Success), b.in(breaker.Closed))
}

func ticketCountsOnce(b *bench) error {
	b.make(plain())
	ticket, err := b.Allow()
	if err != nil {
		return err
	}
	again := ticket
	b.Record(ticket, breaker.Success)
	b.Record(ticket, breaker.Failure)
	b.Record(again, breaker.Success)
	if err := b.counts(1, 0, 0); err != nil {
		return err
	}
	b.make(plain())
	if err := b.half(); err != nil {
		return err
	}
	ticket, err = b.Allow()
	b.Record(ticket, breaker.Success)
	b.Record(ticket, breaker.Success)
	return errors.Join(err, b.in(breaker.HalfOpen), b.counts(1, 0, 0))
}

func strangeTickets(b *bench) error {
	b.make(plain())
	other := b.Engine
	ticket, err := other.Allow()
	b.make(plain())
	for _, t := range []breaker.Ticket{{}, ticket, breaker.NewTicket("strange")} {
		b.Record(t, breaker.Failure)
	}
	if err := errors.Join(err, b.counts(0, 0, 0)); err != nil {
		return err
	}
	other.Record(ticket, breaker.Success) // the mix-up did not use it up
	b.Engine = other
	return b.counts(1, 0, 0)
}

func lateResults(b *bench) error {
	b.make(plain())
	early, err := b.Allow()
	if err != nil {
		return err
	}
	lapsed, err := b.Allow()
	if err != nil {
		return err
	}
	b.pause(plain().Window)
	b.Record(lapsed, breaker.Failure)
	if err := errors.Join(b.counts(0, 0, 0), b.half()); err != nil {
		return err
	}
	b.Record(early, breaker.Failure)
	return errors.Join(b.in(breaker.HalfOpen), b.counts(0, 0, 0))
}

func panicIsFailure(b *bench) (err error) {
	b.make(plain())
	defer func() {
		if got := recover(); got != "on purpose" {
			err = fmt.Errorf("recovered %v, want the panic of the call", got)
			return
		}
		err = b.counts(0, 1, 0)
	}()
	return breaker.Run(b.t.Context(), b.Engine, func(context.Context) error { panic("on purpose") })
}

func changesInOrder(b *bench) error {
	cfg := plain()
	cfg.Name = "orders"
	var got reports
	cfg.OnChange = func(c breaker.Change) {
		got.add(c)
		if c.Name != "orders" {
			b.t.Errorf("a change of %q was reported, want of \"orders\"", c.Name)
		}
	}
	b.make(cfg)
	err := errors.Join(b.half(), b.call(breaker.Failure), b.in(breaker.Open))
	b.pause(cfg.OpenFor)
	err = errors.Join(err, b.call(breaker.Success, breaker.Success), b.in(breaker.Closed))
	want := []string{"closed to open", "open to half-open", "half-open to open", "open to half-open", "half-open to closed"}
	if got := got.take(); !slices.Equal(got, want) {
		err = errors.Join(err, fmt.Errorf("reported %q, want %q", got, want))
	}
	return err
}

func callbackUsesEngine(b *bench) error {
	cfg := plain()
	var seen []breaker.State
	var inside []error
	cfg.OnChange = func(breaker.Change) {
		inside = append(inside, b.call(breaker.Success))
		seen = append(seen, b.State())
		b.Counts()
	}
	b.make(cfg)
	tripped := make(chan error, 1)
	go func() { tripped <- b.trip() }()
	select {
	case err := <-tripped:
		if err != nil {
			return err
		}
	case <-time.After(patience): //nolint:forbidigo // whoever waits for a lock has no time in a bubble
		return errors.New("the callback waits for ever")
	}
	if len(inside) != 1 || !errors.Is(inside[0], breaker.ErrOpen) || !slices.Equal(seen, []breaker.State{breaker.Open}) {
		return fmt.Errorf("the callback saw %v, %v; want to be refused once, and open", inside, seen)
	}
	return nil
}

func noResultIsLost(b *bench) error {
	cfg := plain()
	cfg.FailureRatio, cfg.ConsecutiveFailures, cfg.Window, cfg.Buckets = -1, 0, time.Hour, 4
	b.make(cfg)
	const workers, rounds = 4, 500
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for range rounds {
				errs[i] = errors.Join(errs[i], b.call(breaker.Success, breaker.Failure, breaker.Success, breaker.Excluded))
			}
		})
	}
	wg.Wait()
	return errors.Join(errors.Join(errs...), b.counts(2*workers*rounds, workers*rounds, workers*rounds))
}
