package pricingtest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// everyCall calls each method of a store once.
func everyCall(ctx context.Context, s pricing.Store) map[string]error {
	errs := make(map[string]error)
	_, errs["Draft"] = s.Draft(ctx, "eu")
	_, errs["SaveDraft"] = s.SaveDraft(ctx, "eu", pricing.Draft{Revision: 1})
	_, errs["Publish"] = s.Publish(ctx, "eu", pricing.Publication{Revision: 1})
	for _, err := range s.Heads(ctx, "eu", 0) {
		errs["Heads"] = err
	}
	_, errs["Manifest"] = s.Manifest(ctx, "eu", 1)
	for _, err := range s.Parts(ctx, "eu", make([]pricing.Digest, 3)) {
		errs["Parts"] = err
	}
	_, errs["Prune"] = s.Prune(ctx, "eu", 0, time.Time{})
	return errs
}

func TestAFaultyStoreFailsEveryCall(t *testing.T) {
	down := errors.New("down")
	f := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
	f.Inject(pricingtest.Faults{Err: down})
	for method, err := range everyCall(t.Context(), f) {
		if !errors.Is(err, down) {
			t.Errorf("%s: %v, want %v", method, err, down)
		}
	}
	want := pricingtest.Calls{Drafts: 1, Saves: 1, Publications: 1, Heads: 1, Manifests: 1, Prunes: 1, Parts: 3}
	if got := f.Calls(); got != want || got.All() != 9 {
		t.Errorf("calls are %+v, want %+v", got, want)
	}
	if got := f.Calls(); got.All() != 0 {
		t.Errorf("calls since are %+v", got)
	}
}

func TestAFaultyStoreFailsOneCall(t *testing.T) {
	f := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
	for n := 1; n <= 7; n++ {
		f.FailAt(n)
		failed := 0
		for _, err := range everyCall(t.Context(), f) {
			if errors.Is(err, pricingtest.ErrInjected) {
				failed++
			}
		}
		if failed != 1 {
			t.Errorf("told to fail at call %d, %d calls fail", n, failed)
		}
	}
}

func TestAFaultyStoreDelaysUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := pricingtest.NewFaultyStore(pricing.NewMemoryStore())
		f.Inject(pricingtest.Faults{Delay: time.Second})
		began := time.Now()
		if _, err := f.Draft(t.Context(), "eu"); !errors.Is(err, pricing.ErrNotFound) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began = time.Now()
		if _, err := f.Draft(ctx, "eu"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 300*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
