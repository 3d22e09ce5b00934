package promotions_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
)

// answered is what the oracle answers of a result. Which units of a line an application
// takes is a matter of taste where they cost the same, and so are the runs: shares are
// summed up by line.
func answered(r promotions.Result) promotions.Result {
	r.Nodes, r.Digest, r.Fingerprint, r.Near = 0, [32]byte{}, [32]byte{}, nil
	r.Rejected = slices.Clone(r.Rejected)
	for i, j := range r.Rejected {
		r.Rejected[i] = promotions.Rejection{Promotion: j.Promotion, Reason: j.Reason}
	}
	r.Applied = slices.Clone(r.Applied)
	for i := range r.Applied {
		a := &r.Applied[i]
		a.Code = strings.ToUpper(strings.ReplaceAll(a.Code, "-", "")) // as it was typed, or in normal form
		a.Shares = byTarget(a.Shares)
	}
	r.Lines = slices.Clone(r.Lines)
	for i := range r.Lines {
		r.Lines[i].Runs = nil
	}
	return r
}

func byTarget(shares []promotions.Share) []promotions.Share {
	var sums []promotions.Share
	for _, s := range shares {
		s.Net, s.Tax = money.Amount{}, money.Amount{} // those of the line are compared
		at := slices.IndexFunc(sums, func(o promotions.Share) bool { return o.Target == s.Target })
		if at < 0 {
			s.From, s.To = 0, 0
			sums = append(sums, s)
			continue
		}
		sums[at].Amount, _ = sums[at].Amount.Add(s.Amount) // of one cart
	}
	slices.SortFunc(sums, func(a, b promotions.Share) int { return strings.Compare(a.Target, b.Target) })
	return sums
}

func sameResults() []cmp.Option {
	return []cmp.Option{
		cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b money.Amount) bool { return a == b }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
	}
}

// The engine is right where an oracle that shares no code with it, and tries every unit
// and every subset, says the same.
//
// Invariant: promotions P6.
func TestTheEngineAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	const deals = 12_000
	compared, failed := 0, 0
	for seed := range uint64(deals) {
		d := promotionstest.NewDeal(seed)
		s, err := promotions.Compile(d.Set, promotions.CompileConfig{})
		if err != nil {
			continue
		}
		got, err := s.Evaluate(d.Cart, d.Options)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, d)
		}
		compared++
		want := promotionstest.Naive(d.Set, promotions.CompileConfig{}, d.Cart, d.Options)
		if sharesUnits(d.Set) {
			// Several assignments of units give the same sum, which later promotions can
			// tell apart: what one optimal stage takes is the same in all of them.
			if len(d.Set.Stages) == 1 && want.Discount != got.Discount || !got.Optimal {
				t.Errorf("seed %d: %v is taken, the oracle takes %v, certified %v\n%s", seed, got.Discount, want.Discount, got.Optimal, d)
			}
			continue
		}
		if diff := cmp.Diff(answered(want), answered(got), sameResults()...); diff != "" {
			t.Errorf("seed %d (-oracle +engine):\n%s\n%s", seed, diff, d)
			if failed++; failed == 3 {
				t.FailNow()
			}
		}
	}
	if compared < deals/2 {
		t.Errorf("only %d of %d deals are legal", compared, deals)
	}
}

// sharesUnits reports whether an optimal stage has effects that use units up.
func sharesUnits(set promotions.Set) bool {
	for _, p := range set.Promotions {
		switch p.Effect.(type) {
		case *promotions.BuyGet, *promotions.Bundle:
			if slices.ContainsFunc(set.Stages, func(s promotions.Stage) bool { return s.Name == p.Stage && s.Mode == promotions.Optimal }) {
				return true
			}
		}
	}
	return false
}
