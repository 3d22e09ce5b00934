package pricing_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
	"pgregory.net/rapid"
)

// A set that went through its JSON form is the same set, has the same digest,
// and gives the same quotes to the last bit.
//
// Invariant: pricing P1.
// Invariant: pricing P10.
func TestJSONRoundTripKeepsSetAndQuotes(t *testing.T) {
	t.Parallel()
	randomSets(t, 400, func(t *testing.T, r *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot) {
		t.Helper()
		data := encoded(t, rs)
		again, err := pricing.ParseRules(data)
		if err != nil {
			t.Fatalf("rules do not parse: %v\n%s", err, data)
		}
		if diff := cmp.Diff(rs, again, ruleOptions()); diff != "" {
			t.Fatalf("rules after a round trip (-want +got):\n%s", diff)
		}
		if second := encoded(t, again); !bytes.Equal(data, second) {
			t.Fatalf("encoding is not canonical:\n%s\n%s", data, second)
		}
		s2, err := pricing.Compile(again)
		if err != nil {
			t.Fatal(err)
		}
		if s.Digest() != s2.Digest() {
			t.Fatalf("digest %x became %x", s.Digest(), s2.Digest())
		}
		for range 50 {
			checkRoundTrip(t, s, s2, pricingtest.RandomQuery(r, rs))
		}
	})
}

// checkRoundTrip asks one snapshot a query, and the other what became of it on
// its way through JSON.
func checkRoundTrip(t *testing.T, s, s2 *pricing.Snapshot, q pricing.Query) {
	t.Helper()
	want, wantErr := s.Price(q)
	data := encoded(t, q)
	q2, err := pricing.ParseQuery(data)
	if err != nil {
		if wantErr == nil {
			t.Fatalf("query does not parse: %v\n%s", err, data)
		}
		return // a bad query is refused earlier
	}
	got, err := s2.Price(q2)
	if problem := difference(want, wantErr, got, err, true); problem != "" {
		t.Fatalf("%s\nquery: %s", problem, data)
	}
	if got.Exact != want.Exact || got.Digest != want.Digest {
		t.Fatalf("exact and digest are %v %x, were %v %x", got.Exact, got.Digest, want.Exact, want.Digest)
	}
}

// Rules come in no order, and so do the parts of conditions and maps.
//
// Invariant: pricing P6.
func TestOrderOfRulesDoesNotMatter(t *testing.T) {
	t.Parallel()
	randomSets(t, 400, func(t *testing.T, r *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot) {
		t.Helper()
		r.Shuffle(len(rs.Rules), func(i, j int) { rs.Rules[i], rs.Rules[j] = rs.Rules[j], rs.Rules[i] })
		shuffled, err := pricing.Compile(rs)
		if err != nil {
			t.Fatal(err)
		}
		if s.Digest() != shuffled.Digest() {
			t.Fatal("the digest depends on the order of the rules")
		}
		for range 100 {
			q := pricingtest.RandomQuery(r, rs)
			want, wantErr := s.Price(q)
			got, err := shuffled.Price(q)
			if problem := difference(want, wantErr, got, err, true); problem != "" {
				t.Fatalf("%s\nrules: %s\nquery: %s", problem, encoded(t, rs), encoded(t, q))
			}
		}
	})
}

// Until NextChange the same query costs the same.
//
// Invariant: pricing P7.
func TestNothingChangesBeforeNextChange(t *testing.T) {
	t.Parallel()
	randomSets(t, 1000, func(t *testing.T, r *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot) {
		t.Helper()
		for range 40 {
			q := pricingtest.RandomQuery(r, rs)
			want, err := s.Price(q)
			if err != nil || want.At.IsZero() {
				continue
			}
			until := want.NextChange
			if until.IsZero() {
				until = want.At.AddDate(0, 1, 0)
			}
			seconds := int64(until.Sub(want.At) / time.Second)
			for _, ahead := range []int64{seconds - 1, r.Int64N(seconds), r.Int64N(seconds)} {
				q.At = want.At.Add(time.Duration(ahead) * time.Second)
				got, err := s.Price(q)
				got.At, got.NextChange = want.At, want.NextChange
				if problem := difference(want, nil, got, err, false); problem != "" {
					t.Fatalf("%d s later, before %v: %s\nrules: %s\nquery: %s", ahead, want.NextChange, problem, encoded(t, rs), encoded(t, q))
				}
			}
		}
	})
}

// Where 64 bits are enough they give what big rationals give, errors too.
//
// Invariant: pricing P5.
func TestFastPathEqualsExactPath(t *testing.T) {
	t.Parallel()
	randomSets(t, 1000, func(t *testing.T, r *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot) {
		t.Helper()
		exact := s.Exactly()
		for range 100 {
			q := pricingtest.RandomQuery(r, rs)
			want, wantErr := exact.Price(q)
			got, err := s.Price(q)
			if problem := difference(want, wantErr, got, err, true); problem != "" {
				t.Fatalf("%s\nrules: %s\nquery: %s", problem, encoded(t, rs), encoded(t, q))
			}
			if err == nil && !want.Exact {
				t.Fatal("the exact path was not taken")
			}
		}
	})
}

// A graduated charge is what the units cost one by one, each at the step that
// it falls in, and the flat parts of the steps that were entered.
func TestGraduatedChargeIsTheSumOfItsUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		usd := currency(t, "USD")
		minor := rapid.Int64Range(0, 1_000)
		charge := pricing.Charge{Mode: pricing.ChargeGraduated}
		var upTo []int64
		for range rapid.IntRange(0, 4).Draw(t, "bounds") {
			last := int64(0)
			if len(upTo) > 0 {
				last = upTo[len(upTo)-1]
			}
			upTo = append(upTo, last+rapid.Int64Range(1, 30).Draw(t, "width"))
		}
		for i := range len(upTo) + 1 {
			step := pricing.ChargeStep{Unit: money.New(minor.Draw(t, "unit"), usd), Flat: money.New(minor.Draw(t, "flat"), usd)}
			if i < len(upTo) {
				step.UpTo = decimal.NewNullDecimal(decimal.NewFromInt(upTo[i]))
			}
			charge.Steps = append(charge.Steps, step)
		}
		quantity := rapid.Int64Range(0, 150).Draw(t, "quantity")

		first, _ := charge.Steps[0].Flat.Minor()
		total, entered := first, 0
		for unit := int64(1); unit <= quantity; unit++ {
			if entered < len(upTo) && unit > upTo[entered] {
				entered++
				flat, _ := charge.Steps[entered].Flat.Minor()
				total += flat
			}
			price, _ := charge.Steps[entered].Unit.Minor()
			total += price
		}

		rs := pricing.RuleSet{Rules: []pricing.Rule{{ID: "g", Kind: pricing.KindBase, Currency: usd, Effect: charge}}}
		quote, err := priceByEngine(rs, pricing.Query{Product: "p", Qty: decimal.NewFromInt(quantity), Currency: usd})
		if err != nil {
			t.Fatal(err)
		}
		if want := money.New(total, usd); quote.Line != want {
			t.Fatalf("line = %v, want %v", quote.Line, want)
		}
	})
}

// Whatever price, guards, grid and rounding: the unit is between ceiling and
// floor, and where those contradict each other, not below the floor.
//
// Invariant: pricing P4.
func TestNoRoundingBreaksAGuard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		usd := currency(t, "USD")
		amount := func(name string) money.Amount {
			a, err := money.FromUnscaled(rapid.Int64Range(0, 50_000).Draw(t, name), rapid.IntRange(2, 4).Draw(t, name+" scale"), usd)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		modes := rapid.SampledFrom([]money.Mode{money.HalfEven, money.HalfUp, money.HalfDown, money.Up, money.Down, money.Ceil, money.Floor})
		increment := money.New(rapid.Int64Range(2, 500).Draw(t, "increment"), usd)
		offset := money.New(rapid.Int64Range(-1, 1).Draw(t, "offset"), usd)
		floor, ceiling := amount("floor"), amount("ceiling")
		rule := func(id string, kind pricing.Kind, on pricing.Scope, effect pricing.Effect) pricing.Rule {
			return pricing.Rule{ID: id, Kind: kind, On: on, Currency: usd, Effect: effect}
		}
		product := pricing.Scope{Level: pricing.Product, ID: "p"}
		rs := pricing.RuleSet{
			Policy: pricing.Policy{Rounding: money.Rounding{
				Mode: modes.Draw(t, "rounding"), Increment: rapid.SampledFrom([]int64{1, 5, 100}).Draw(t, "rounding increment"),
			}},
			Rules: []pricing.Rule{
				rule("base", pricing.KindBase, product, pricing.SetTo{Amount: amount("base")}),
				rule("ceiling", pricing.KindCeiling, product, pricing.SetTo{Amount: ceiling}),
				rule("floor", pricing.KindFloor, pricing.Scope{}, pricing.SetTo{Amount: floor}),
				rule("charm", pricing.KindRound, product, pricing.Grid{Mode: modes.Draw(t, "charm"), Increment: increment, Offset: offset}),
			},
		}
		q := pricing.Query{Product: "p", Qty: decimal.NewFromInt(1), Currency: usd}
		quote, err := priceByEngine(rs, q)
		if err != nil {
			t.Fatal(err)
		}
		unit := quote.Unit.Decimal()
		if unit.LessThan(floor.Decimal()) {
			t.Fatalf("unit %v is below the floor %v", quote.Unit, floor)
		}
		// Between two guards there may be no multiple of the increment: then the
		// ceiling yields as far as the next one above the floor.
		step := decimal.New(max(rs.Policy.Rounding.Increment, 1), -2)
		highest := decimal.Max(ceiling.Decimal(), floor.Decimal().Div(step).Ceil().Mul(step))
		if unit.GreaterThan(highest) {
			t.Fatalf("unit %v is above the ceiling %v (floor %v)", quote.Unit, ceiling, floor)
		}
		want, wantErr := pricingtest.Naive(rs, q)
		if problem := difference(want, wantErr, quote, err, true); problem != "" {
			t.Fatal(problem)
		}
	})
}

func currency(t *rapid.T, code string) money.Currency {
	c, err := money.ISO(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ruleOptions compare rule sets by what they say: rules in any order, numbers in
// any form, and what is the default written or not.
func ruleOptions() cmp.Option {
	return cmp.Options{
		// Zero of a currency is not always absent: a margin of zero is a bound.
		cmp.FilterPath(isOptional, cmp.Comparer(func(a, b money.Amount) bool { return a == b || a.IsZero() && b.IsZero() })),
		cmp.FilterPath(func(p cmp.Path) bool { return !isOptional(p) }, cmp.Comparer(func(a, b money.Amount) bool { return a == b })),
		cmp.FilterPath(isOptional, cmp.Comparer(func(a, b decimal.NullDecimal) bool { return a.Decimal.Equal(b.Decimal) })),
		cmp.Comparer(func(a, b money.Currency) bool { return a == b }),
		cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
		cmp.Comparer(func(a, b money.Rounding) bool {
			a.Increment, b.Increment = max(a.Increment, 1), max(b.Increment, 1)
			return a == b
		}),
		cmp.Comparer(func(a, b map[pricing.Stage]pricing.Combine) bool { return maps.Equal(explicit(a), explicit(b)) }),
		cmpopts.SortSlices(func(a, b pricing.Rule) bool { return a.ID < b.ID }),
		cmpopts.SortSlices(func(a, b money.Currency) bool { return a.Compare(b) < 0 }),
	}
}

func isOptional(p cmp.Path) bool {
	switch p.Last().String() {
	case ".Flat", ".Offset", ".Surcharge", ".PercentOff", ".PercentUp":
		return true
	}
	return false
}

// explicit is a policy's way to combine without what is the default anyway.
func explicit(m map[pricing.Stage]pricing.Combine) map[pricing.Stage]pricing.Combine {
	out := maps.Clone(m)
	maps.DeleteFunc(out, func(stage pricing.Stage, c pricing.Combine) bool {
		return c == pricing.CombineDefault || c == pricing.CombineFirst && stage != pricing.StageSurcharge ||
			c == pricing.CombineChain && stage == pricing.StageSurcharge
	})
	return out
}
