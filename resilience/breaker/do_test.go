package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
)

var errDown = errors.New("down")

// foreign is an engine that is no *Breaker, and a Judge as the one inside is.
type foreign struct{ *breaker.Breaker }

// engines returns a breaker of cfg, as such and behind another type.
func engines(t *testing.T, cfg breaker.Config) map[string]breaker.Engine {
	t.Helper()
	return map[string]breaker.Engine{"native": made(t, cfg), "foreign": foreign{made(t, cfg)}}
}

func TestDoCountsWhatAnErrorMeans(t *testing.T) {
	rejected := &breaker.OpenError{Name: "inner"}
	kind := func(k resilience.Kind) error { return resilience.WithVerdict(errDown, resilience.Verdict{Kind: k}) }
	own := func(err error) breaker.Outcome {
		switch {
		case errors.Is(err, errDown):
			return breaker.Excluded
		case errors.Is(err, breaker.ErrOpen):
			return breaker.Failure
		default:
			return 0
		}
	}
	one := map[breaker.Outcome]breaker.Counts{
		breaker.Success: {Successes: 1}, breaker.Failure: {Failures: 1, ConsecutiveFailures: 1}, breaker.Excluded: {Excluded: 1}, breaker.Unused: {},
	}
	for _, tt := range []struct {
		name string
		cfg  breaker.Config
		err  error
		want breaker.Outcome
	}{
		{"no error", breaker.Config{}, nil, breaker.Success},
		{"any error", breaker.Config{}, errDown, breaker.Failure},
		{"an answer", breaker.Config{}, resilience.Permanent(errDown), breaker.Success},
		{"no answer", breaker.Config{}, kind(resilience.KindPermanent), breaker.Failure},
		{"throttled", breaker.Config{}, kind(resilience.KindThrottled), breaker.Excluded},
		{"timeout", breaker.Config{}, context.DeadlineExceeded, breaker.Failure},
		{"ambiguous", breaker.Config{}, kind(resilience.KindAmbiguous), breaker.Failure},
		{"canceled by the caller", breaker.Config{}, context.Canceled, breaker.Excluded},
		{"rejected by another breaker", breaker.Config{}, fmt.Errorf("stock: %w", rejected), breaker.Unused},
		{"by the judge of the config", breaker.Config{Outcome: own}, errDown, breaker.Excluded},
		{"who may leave it to the verdict", breaker.Config{Outcome: own}, kindOf("throttled", resilience.KindThrottled), breaker.Excluded},
		{"but rejections are unused whatever he says", breaker.Config{Outcome: own}, rejected, breaker.Unused},
	} {
		for name, e := range engines(t, tt.cfg) {
			ctx, leave := context.WithCancel(t.Context())
			v, err := breaker.Do(ctx, e, func(context.Context) (int, error) {
				if errors.Is(tt.err, context.Canceled) {
					leave()
				}
				return 7, tt.err
			})
			leave()
			if v != 7 || !errors.Is(err, tt.err) {
				t.Errorf("%s, %s: got %v, %v; want what fn returned", tt.name, name, v, err)
			}
			if got := e.Counts(); got != one[tt.want] {
				t.Errorf("%s, %s: counted %+v, want a %v", tt.name, name, got, tt.want)
			}
		}
	}
}

// kindOf returns an error of a kind.
func kindOf(text string, k resilience.Kind) error {
	return resilience.WithVerdict(errors.New(text), resilience.Verdict{Kind: k})
}

func TestDoDoesNotCallWhenRefusedOrDone(t *testing.T) {
	done, cancel := context.WithCancelCause(t.Context())
	cancel(errDown)
	for name, e := range engines(t, breaker.Config{}) {
		ran := false
		fn := func(context.Context) (int, error) { ran = true; return 1, nil }
		if _, err := breaker.Do(done, e, fn); !errors.Is(err, errDown) || err.Error() != "breaker: down" {
			t.Errorf("%s: got %v, want the cause of the context", name, err)
		}
		commander, ok := e.(breaker.Commander)
		if !ok {
			t.Fatalf("%s is no Commander", name)
		}
		if err := commander.Command(breaker.ForcedOpen); err != nil {
			t.Fatal(err)
		}
		v, err := breaker.Do(t.Context(), e, fn)
		if v != 0 || !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("%s: got %v, %v; want 0, ErrOpen", name, v, err)
		}
		if err := breaker.Run(t.Context(), e, func(context.Context) error { ran = true; return nil }); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("%s: got %v, want ErrOpen", name, err)
		}
		if ran {
			t.Errorf("%s: fn ran", name)
		}
	}
}

func TestPanicAndGoexitPassThroughAndAreFailures(t *testing.T) {
	for name, e := range engines(t, breaker.Config{}) {
		func() {
			defer func() {
				if got := recover(); got != "on purpose" {
					t.Errorf("%s: recovered %v", name, got)
				}
			}()
			_ = breaker.Run(t.Context(), e, func(context.Context) error { panic("on purpose") })
		}()
		ended := make(chan bool)
		go func() {
			returned := false
			defer func() { ended <- !returned }()
			_ = breaker.Run(t.Context(), e, func(context.Context) error { runtime.Goexit(); return nil })
			returned = true
		}()
		if !<-ended {
			t.Errorf("%s: the goroutine went on after Goexit", name)
		}
		if got := e.Counts().Failures; got != 2 {
			t.Errorf("%s: counted %d failures, want 2", name, got)
		}
	}
}

func TestOpenErrorBringsItsVerdict(t *testing.T) {
	bubble(t, breaker.Config{MinCalls: 1}, func(b box) {
		b.calls("F")
		_, err := b.Allow()
		got := resilience.Default(t.Context(), fmt.Errorf("charge: %w", err))
		if want := (resilience.Verdict{Kind: resilience.KindRejected, After: b.Config().OpenFor, HasAfter: true}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	err := &breaker.OpenError{Name: "sms", State: breaker.HalfOpen, Err: errDown}
	if !errors.Is(err, errDown) || err.Error() != "breaker: sms: half-open: down" {
		t.Errorf("got %v", err)
	}
}
