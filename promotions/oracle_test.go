package promotions_test

import (
	"fmt"
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

// The oracle itself is right where it answers as the systems of third parties do.
func TestTheOracleAnswersThirdPartyCarts(t *testing.T) {
	runCarts(t, func(set promotions.Set, cart promotions.Cart, opt promotions.Options) (promotions.Result, error) {
		return promotionstest.Naive(set, promotions.CompileConfig{}, cart, opt), nil
	})
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
			if problem := outOfRange(d, want, got); problem != "" {
				t.Errorf("seed %d: %s\n%s", seed, problem, d)
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

// In one optimal stage, effects that use units up share them as the oracle says, and keep
// off the lines where tags or a maximum forbid them to meet.
//
// Invariant: promotions P6.
func TestUnitsAreSharedAsTheOracleSays(t *testing.T) {
	t.Parallel()
	compared := 0
	for seed := range uint64(8_000) {
		d := promotionstest.NewDeal(seed)
		inOneOptimalStage(&d, int(seed%3))
		s, err := promotions.Compile(d.Set, promotions.CompileConfig{})
		if err != nil || !sharesUnits(d.Set) {
			continue
		}
		got, err := s.Evaluate(d.Cart, d.Options)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, d)
		}
		compared++
		want := promotionstest.Naive(d.Set, promotions.CompileConfig{}, d.Cart, d.Options)
		if problem := outOfRange(d, want, got); problem != "" {
			t.Errorf("seed %d: %s\n%s", seed, problem, d)
		}
	}
	if compared < 2000 {
		t.Errorf("only %d deals share units", compared)
	}
}

// Rounding to a step can make a percentage more than units cost, and no more than that is
// taken: pairs of unequal units then give more than pairs of equal ones.
func TestABundleCountsNoMoreThanItsUnitsCost(t *testing.T) {
	set, err := promotions.Parse(strings.NewReader(`{"policy": {"rounding": {"mode": "half_down", "increment": 5}}, "stages": [{"name": "s", "mode": "optimal"}],
		"promotions": [{"id": "p", "effect": {"kind": "bundle", "parts": [{"qty": 2}], "value": {"percent": "100"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	cart, err := promotions.ParseCart(strings.NewReader(`{"currency": "EUR", "lines": [{"id": "a", "price": "2.32", "qty": 4}, {"id": "b", "price": "16.53", "qty": 4}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := evaluateByEngine(set, cart, promotions.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Discount.Text(); got != "75.40" || !r.Optimal { // four times 18.85, and not 4.64 and 33.05 twice each
		t.Errorf("%s is taken, certified %v, want 75.40", got, r.Optimal)
	}
}

func inOneOptimalStage(d *promotionstest.Deal, perLine int) {
	d.Set.Stages = []promotions.Stage{{Name: "s", Mode: promotions.Optimal, MaxPerLine: perLine}}
	for i := range d.Set.Promotions {
		p := &d.Set.Promotions[i]
		p.Stage, p.Stack.Stop = "s", false
	}
}

// outOfRange says what is wrong with a result where several assignments of units give the
// same sum: which of them is taken is a convention, that tags and the promotions after it
// can tell apart.
func outOfRange(d promotionstest.Deal, want, got promotions.Result) string {
	if !got.Optimal {
		return "not certified"
	}
	if len(d.Set.Stages) > 1 || got.Discount == want.Discount {
		return ""
	}
	least, most, ok := promotionstest.NaiveRange(d.Set, promotions.CompileConfig{}, d.Cart, d.Options)
	if n := minor(got.Discount); ok && minor(least) <= n && n <= minor(most) {
		return ""
	}
	return fmt.Sprintf("%v is taken, the oracle takes %v, in any case %v to %v (known: %v)", got.Discount, want.Discount, least, most, ok)
}

func minor(a money.Amount) int64 {
	n, _ := a.Minor() // of what is paid
	return n
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
