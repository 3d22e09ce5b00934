package pricing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// randomSets calls check for sets of random rules and their compiled form, in
// parallel and each under a source of its own; a tenth of them under -short and
// -race. A failure names the seed: put it in place of the loop's to see it alone.
func randomSets(t *testing.T, sets uint64, check func(t *testing.T, r *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot)) {
	t.Helper()
	if testing.Short() || underRace() {
		sets /= 10
	}
	const shards = uint64(8)
	for shard := range shards {
		t.Run(fmt.Sprintf("shard=%d", shard), func(t *testing.T) {
			t.Parallel()
			for seed := shard; seed < sets && !t.Failed(); seed += shards {
				r := rand.New(rand.NewPCG(seed, 0))
				rs := pricingtest.RandomRules(r)
				s, err := pricing.Compile(rs)
				if err != nil {
					t.Fatalf("seed %d: %v\nrules: %s", seed, err, encoded(t, rs))
				}
				check(t, r, rs, s)
				if t.Failed() {
					t.Logf("seed %d", seed)
				}
			}
		})
	}
}

// underRace reports whether the test was built with -race.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// One run of the engine and the oracle on a million pairs of a set and a query.
// The oracle rounds once and only where it must, keeps guards by its own means,
// and knows no fast path: what it agrees with has these properties.
//
// Invariant: pricing P2.
// Invariant: pricing P3.
// Invariant: pricing P4.
// Invariant: pricing P5.
func TestEngineAgreesWithNaive(t *testing.T) {
	t.Parallel()
	randomSets(t, 2000, func(t *testing.T, r *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot) {
		t.Helper()
		var got pricing.Quote
		for i := range 500 {
			q := pricingtest.RandomQuery(r, rs)
			if disagreement(rs, s, q, &got) != "" {
				rs, problem := shrunk(rs, q)
				t.Errorf("query %d: %s\nrules: %s\nquery: %s", i, problem, encoded(t, rs), encoded(t, q))
				return
			}
		}
	})
}

// disagreement says how engine and oracle differ on a query, "" if they do not.
func disagreement(rs pricing.RuleSet, s *pricing.Snapshot, q pricing.Query, got *pricing.Quote) string {
	err := s.PriceInto(&q, got)
	if problem := quoteProblem(*got, err); problem != "" {
		return problem
	}
	want, wantErr := pricingtest.Naive(rs, q)
	if problem := difference(want, wantErr, *got, err, !rs.Policy.Convert); problem != "" {
		return problem
	}
	// Naive counts the start and end of every rate; only later can be right.
	if next := got.NextChange; !next.IsZero() && (want.NextChange.IsZero() || next.Before(want.NextChange)) {
		return fmt.Sprintf("next change is %v, but nothing changes before %v", next, want.NextChange)
	}
	return ""
}

// shrunk leaves out of a set what a disagreement does not need.
func shrunk(rs pricing.RuleSet, q pricing.Query) (smaller pricing.RuleSet, problem string) {
	for i := -1; i < len(rs.Rules); i++ {
		try := rs
		if i >= 0 {
			try.Rules = slices.Delete(slices.Clone(rs.Rules), i, i+1)
		}
		s, err := pricing.Compile(try)
		if err != nil {
			continue
		}
		if p := disagreement(try, s, q, new(pricing.Quote)); p != "" {
			problem = p
			if i >= 0 {
				rs = try
				i--
			}
		}
	}
	return rs, problem
}

// quoteProblem says what is wrong with a quote by itself, "" if nothing is.
func quoteProblem(q pricing.Quote, err error) string {
	if err != nil {
		if q.Err == nil || len(q.Steps) != 0 || q.Unit != (money.Amount{}) || q.Line != (money.Amount{}) || !q.NextChange.IsZero() {
			return fmt.Sprintf("beside the error %v the quote is %+v", err, q)
		}
		return ""
	}
	if problem := stepProblem(q); problem != "" {
		return problem
	}
	for _, a := range []money.Amount{q.Unit, q.Line, q.List, q.Advertised} {
		if a.Sign() < 0 {
			return fmt.Sprintf("negative price %v in %+v", a, q)
		}
	}
	if !q.PerLine && q.Unit.Decimal().LessThan(q.Floor.Decimal()) {
		return fmt.Sprintf("unit %v below floor %v", q.Unit, q.Floor)
	}
	if q.Advertised.Decimal().LessThan(q.Unit.Decimal()) {
		return fmt.Sprintf("advertised %v below unit %v", q.Advertised, q.Unit)
	}
	return ""
}

// stepProblem says why the steps do not sum to the price, "" if they do.
func stepProblem(q pricing.Quote) string {
	total := q.Unit
	if q.PerLine {
		total = q.Line
	}
	var sum decimal.Decimal
	for i, s := range q.Steps {
		if !s.Before.Decimal().Equal(sum) {
			return fmt.Sprintf("step %d starts at %v, the one before ended at %v", i, s.Before, sum)
		}
		sum = sum.Add(s.Delta.Decimal())
		if !s.After.Decimal().Equal(sum) {
			return fmt.Sprintf("step %d ends at %v, its deltas at %v", i, s.After, sum)
		}
	}
	if !total.Decimal().Equal(sum) {
		return fmt.Sprintf("deltas sum to %v, price is %v", sum, total)
	}
	return ""
}

func checkSteps(t *testing.T, q pricing.Quote) {
	t.Helper()
	if problem := stepProblem(q); problem != "" {
		t.Error(problem)
	}
}

// difference says how two answers differ, "" if they do not. Digest and Exact are
// the engine's alone; NextChange counts where the caller says so.
func difference(want pricing.Quote, wantErr error, got pricing.Quote, err error, nextChange bool) string {
	if w, g := errorNames(wantErr), errorNames(err); w != g {
		return fmt.Sprintf("error is %v (%s), want %v (%s)", err, g, wantErr, w)
	}
	if err != nil {
		return ""
	}
	want.Digest, want.Exact = got.Digest, got.Exact
	if !nextChange {
		want.NextChange = got.NextChange
	}
	if sameQuote(want, got) {
		return ""
	}
	if diff := cmp.Diff(want, got, quoteOptions()); diff != "" {
		return "quote (-want +got):\n" + diff
	}
	return fmt.Sprintf("quote is %+v, want %+v", got, want)
}

// sameQuote is cmp.Equal for quotes at a hundredth of its cost.
func sameQuote(a, b pricing.Quote) bool {
	sameRate := func(a, b pricing.Rate) bool {
		return a.From == b.From && a.To == b.To && a.Rate.Equal(b.Rate) && a.AsOf.Equal(b.AsOf) && a.Source == b.Source
	}
	return a.Unit == b.Unit && a.Line == b.Line && a.List == b.List && a.Advertised == b.Advertised && a.Floor == b.Floor &&
		a.Net == b.Net && a.Tax == b.Tax && a.Gross == b.Gross && a.PerLine == b.PerLine && slices.Equal(a.Steps, b.Steps) &&
		a.FX.From == b.FX.From && a.FX.To == b.FX.To && a.FX.Stale == b.FX.Stale &&
		sameRate(a.FX.Rates[0], b.FX.Rates[0]) && sameRate(a.FX.Rates[1], b.FX.Rates[1]) &&
		a.At.Equal(b.At) && a.Version == b.Version && a.Digest == b.Digest && a.NextChange.Equal(b.NextChange) &&
		a.Unsure == b.Unsure && a.Exact == b.Exact && errors.Is(a.Err, b.Err)
}

func quoteOptions() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b money.Amount) bool { return a == b }),
		cmp.Comparer(func(a, b money.Currency) bool { return a == b }),
		cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
	}
}

// errorNames lists what a caller can test an error for.
func errorNames(err error) string {
	var out []string
	for _, s := range []error{
		pricing.ErrNoPrice, pricing.ErrAmbiguous, pricing.ErrQuantity, pricing.ErrCost, pricing.ErrRate, pricing.ErrTime, pricing.ErrQuery,
		money.ErrCurrency, money.ErrRange,
	} {
		if errors.Is(err, s) {
			out = append(out, s.Error())
		}
	}
	if ambiguous, ok := errors.AsType[*pricing.AmbiguousError](err); ok {
		out = append(out, fmt.Sprint(ambiguous.Stage, ambiguous.Rules))
	}
	if rate, ok := errors.AsType[*pricing.RateError](err); ok {
		out = append(out, fmt.Sprint(rate.From, rate.To, rate.Stale))
	}
	if err != nil && len(out) == 0 {
		out = append(out, err.Error())
	}
	return fmt.Sprint(out)
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
