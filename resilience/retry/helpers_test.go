package retry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
)

// errDown is what most attempts of these tests end with: transient for Default.
var errDown = errors.New("down")

// policy returns the policy of a good config.
func policy(tb testing.TB, cfg retry.Config) *retry.Policy {
	tb.Helper()
	p, err := retry.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// failure returns an error of the kind.
func failure(kind resilience.Kind) error {
	return resilience.WithVerdict(errors.New(kind.String()), resilience.Verdict{Kind: kind})
}

// asks returns a transient error that asks for a wait.
func asks(after time.Duration) error {
	return resilience.WithVerdict(errors.New("busy"), resilience.Verdict{Kind: resilience.KindTransient, After: after, HasAfter: true})
}

// failing returns an fn that always fails with err, and the times of its attempts.
func failing(err error) (func(context.Context) error, *[]time.Time) {
	var starts []time.Time
	return func(context.Context) error {
		starts = append(starts, time.Now())
		return err
	}, &starts
}

// asError returns the *retry.Error in err.
func asError(tb testing.TB, err error) *retry.Error {
	tb.Helper()
	var e *retry.Error
	if !errors.As(err, &e) {
		tb.Fatalf("%v is no *retry.Error", err)
	}
	return e
}

// ledger is a budget that writes down what it is told, and allows so many retries.
type ledger struct {
	allows  int
	charges []retry.Charge
	settled []int
	onTold  func()
}

func (l *ledger) Charge(c retry.Charge) (retry.Tokens, bool) {
	l.charges = append(l.charges, c)
	if l.onTold != nil {
		l.onTold()
	}
	if c.Last || l.allows == 0 {
		return 0, false
	}
	l.allows--
	return 1000, true
}

func (l *ledger) Settle(attempt int, spent retry.Tokens) {
	l.settled = append(l.settled, attempt, int(spent))
}

func (l *ledger) Balance() float64 { return float64(l.allows) }
