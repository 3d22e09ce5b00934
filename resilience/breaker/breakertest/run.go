package breakertest

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker"
)

// Factory makes an engine that behaves as cfg says, and nothing is taken back when the test ends.
//
// FailureRatio, MinCalls, ConsecutiveFailures, Window, Buckets, OpenFor, Probes, Name and OnChange are set or mean what the zero Config means.
// The open time neither grows nor has jitter, half-open has no end, and calls are not timed: OpenGrowth is 1, OpenJitter and
// ProbeMaxWait are negative. The factory is called in a bubble of testing/synctest, but once.
type Factory func(t *testing.T, cfg breaker.Config) breaker.Engine

// Steps is how many steps the random calls take, over all configurations.
const Steps = 100_000

// Run checks an engine. Each rule and each configuration is a subtest.
func Run(t *testing.T, factory Factory) {
	t.Helper()
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			check := func(t *testing.T) {
				t.Helper()
				if err := r.check(&bench{t: t, factory: factory}); err != nil {
					t.Errorf("%v\n%s", err, r.why)
				}
			}
			if r.name == awake {
				check(t)
				return
			}
			synctest.Test(t, check)
		})
	}
	const scripts = 40
	for seed := range uint64(scripts) {
		t.Run(fmt.Sprintf("script=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { rival(t, factory, seed, Steps/scripts) })
		})
	}
}

// plain is the configuration that rules begin with. It trips at two failures of four calls.
func plain() breaker.Config {
	return breaker.Config{
		FailureRatio: 0.5, MinCalls: 4, Window: 10 * time.Second, Buckets: 1, OpenFor: 5 * time.Second, Probes: 2,
		OpenGrowth: 1, OpenJitter: -1, ProbeMaxWait: -1,
	}
}

// bench is where a rule is checked.
type bench struct {
	t       *testing.T
	factory Factory
	breaker.Engine
}

// make puts a new engine on the bench.
func (b *bench) make(cfg breaker.Config) { b.Engine = b.factory(b.t, cfg) }

// call makes one call for each outcome, and returns the first refusal.
func (b *bench) call(outcomes ...breaker.Outcome) error {
	for _, o := range outcomes {
		ticket, err := b.Allow()
		if err != nil {
			return err
		}
		b.Record(ticket, o)
	}
	return nil
}

// trip opens the engine.
func (b *bench) trip() error {
	if err := b.call(breaker.Failure, breaker.Failure, breaker.Failure, breaker.Failure); err != nil {
		return err
	}
	return b.in(breaker.Open)
}

// half opens the engine and lets OpenFor pass.
func (b *bench) half() error {
	if err := b.trip(); err != nil {
		return err
	}
	b.pause(plain().OpenFor)
	return b.in(breaker.HalfOpen)
}

// pause lets d pass, and a little more for those who notice time just after the boundary.
func (b *bench) pause(d time.Duration) {
	time.Sleep(d + time.Millisecond) //nolint:forbidigo // the time of the bubble
	synctest.Wait()
}

// in says whether the engine is in a state.
func (b *bench) in(want breaker.State) error {
	if got := b.State(); got != want {
		return fmt.Errorf("the state is %v, want %v", got, want)
	}
	return nil
}

// counts says whether the engine has counted so many.
func (b *bench) counts(successes, failures, excluded int) error {
	c := b.Counts()
	if c.Successes != successes || c.Failures != failures || c.Excluded != excluded {
		return fmt.Errorf("counted %d successes, %d failures, %d excluded; want %d, %d, %d",
			c.Successes, c.Failures, c.Excluded, successes, failures, excluded)
	}
	return nil
}

// refused says whether err is a refusal in a state.
func refused(err error, in breaker.State) error {
	if err == nil {
		return errors.New("not refused")
	}
	refusal, ok := errors.AsType[*breaker.OpenError](err)
	if !ok || !errors.Is(err, breaker.ErrOpen) {
		return fmt.Errorf("refused, but not with an *OpenError that is ErrOpen: %w", err)
	}
	if refusal.State != in {
		return fmt.Errorf("the refusal says %v, want %v", refusal.State, in)
	}
	return nil
}
