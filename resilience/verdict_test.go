package resilience_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tenon-go/tenon/resilience"
)

func TestOnlySafeFailuresAreRetryable(t *testing.T) {
	for _, c := range []struct {
		kind               resilience.Kind
		always, repeatable bool
	}{
		{resilience.KindUndecided, false, false},
		{resilience.KindPermanent, false, false},
		{resilience.KindTransient, true, true},
		{resilience.KindThrottled, true, true},
		{resilience.KindTimeout, false, true},
		{resilience.KindAmbiguous, false, true},
		{resilience.KindCanceled, false, false},
		{resilience.KindRejected, false, false},
	} {
		v := resilience.Verdict{Kind: c.kind}
		if v.Retryable(false) != c.always || v.Retryable(true) != c.repeatable {
			t.Errorf("%v: retryable %v, repeatable %v; want %v, %v", c.kind, v.Retryable(false), v.Retryable(true), c.always, c.repeatable)
		}
		v.Stop = true
		if v.Retryable(true) {
			t.Errorf("%v: retryable though told to stop", c.kind)
		}
	}
}

func TestRejectedAndUnsentAttemptsWereNotSent(t *testing.T) {
	for v, want := range map[resilience.Verdict]bool{
		{Kind: resilience.KindTransient}:               true,
		{Kind: resilience.KindTransient, Unsent: true}: false,
		{Kind: resilience.KindRejected}:                false,
		{Kind: resilience.KindTimeout}:                 true,
	} {
		if v.Sent() != want {
			t.Errorf("%+v: sent %v", v, v.Sent())
		}
	}
}

func TestWithVerdictKeepsTheError(t *testing.T) {
	boom := errors.New("boom")
	err := resilience.Permanent(boom)
	if !errors.Is(err, boom) || err.Error() != "boom" {
		t.Errorf("got %v", err)
	}
	if resilience.Permanent(nil) != nil || resilience.WithVerdict(nil, resilience.Verdict{Stop: true}) != nil {
		t.Error("nil did not stay nil")
	}
}

func TestContextCarriesKeyAndMark(t *testing.T) {
	ctx := t.Context()
	if key := resilience.Key(ctx); key != "" {
		t.Errorf("key %q of a context without", key)
	}
	if _, ok := resilience.MarkOf(ctx); ok || resilience.Attempt(ctx) != 1 {
		t.Error("a context without a mark has one")
	}
	ctx = resilience.WithMark(resilience.WithKey(ctx, "order-7"), resilience.Mark{Attempt: 2, Max: 3})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if m, ok := resilience.MarkOf(ctx); !ok || m != (resilience.Mark{Attempt: 2, Max: 3}) || resilience.Attempt(ctx) != 2 {
		t.Errorf("mark %+v, %v", m, ok)
	}
	if key := resilience.Key(ctx); key != "order-7" {
		t.Errorf("key %q", key)
	}
	if m, _ := resilience.MarkOf(resilience.WithMark(ctx, resilience.Mark{Attempt: 3})); m.Attempt != 3 {
		t.Errorf("the innermost mark is %+v", m)
	}
	if key := resilience.Key(resilience.WithKey(ctx, "")); key != "" {
		t.Errorf("key %q below the empty key", key)
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := resilience.KindUndecided; k <= resilience.KindRejected; k++ {
		seen[k.String()] = true
	}
	if len(seen) != 8 || resilience.Kind(99).String() != "Kind(99)" {
		t.Errorf("names %v", seen)
	}
}
