package legal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
	"github.com/tenon-go/tenon/pricing/internal/legal"
)

// effects has one of each, legal by itself, in any stage after the price and, but
// for the base of the formula, in that one too.
func effects() []eval.Effect {
	return []eval.Effect{
		{Op: eval.OpSet},
		{Op: eval.OpAmountOff},
		{Op: eval.OpAmountUp},
		{Op: eval.OpPercentOff},
		{Op: eval.OpPercentUp},
		{Op: eval.OpMarkup},
		{Op: eval.OpMargin},
		{Op: eval.OpFormula, Formula: &eval.Formula{Base: eval.OfCost}},
		{Op: eval.OpCharge, Charge: &eval.Charge{Mode: eval.ChargePackage, Size: 1}},
		{Op: eval.OpGrid, Grid: &eval.Grid{Increment: eval.Dec{Coef: 1}}},
	}
}

func rule(t *testing.T, kind eval.Kind, e eval.Effect) *eval.Rule {
	t.Helper()
	r := &eval.Rule{ID: "r", Kind: kind, From: -eval.Forever, Until: eval.Forever, MinQty: 1, MaxQty: eval.Forever, Effect: e}
	if legal.NamesAmounts(e.Op) {
		usd, err := money.ISO("USD")
		if err != nil {
			t.Fatal(err)
		}
		r.Currency = usd
	}
	return r
}

// The whole matrix of kinds and effects.
func TestEffectsOfKinds(t *testing.T) {
	want := strings.Split(strings.TrimSpace(`
contract   amount formula charge
list       amount formula charge
base       amount formula charge
cost_plus  markup margin formula
tier       amount amount_off percent_off formula
volume     amount amount_off percent_off formula
sale       amount amount_off percent_off formula
surcharge  amount_up percent_up
ceiling    amount
floor      amount
min_margin margin
map        amount
round      round`), "\n")
	for i := range want {
		want[i] = strings.Join(strings.Fields(want[i]), " ")
	}
	var got []string
	for kind := eval.Contract; kind <= eval.Round; kind++ {
		var line strings.Builder
		line.WriteString(kind.String())
		for _, e := range effects() {
			if faults := legal.Rule(rule(t, kind, e)); len(faults) == 0 {
				line.WriteString(" " + e.Op.String())
			} else if len(faults) != 1 || faults[0].Code != "effect" || faults[0].Key != e.Op.String() {
				t.Errorf("%s with %s: %v", kind, e.Op, faults)
			}
		}
		got = append(got, line.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if faults := legal.Rule(rule(t, 0, eval.Effect{})); len(faults) != 1 || faults[0].Key != "kind" {
		t.Errorf("no kind: %v", faults)
	}
}

func TestExclusiveIsForAdjustments(t *testing.T) {
	var got []string
	for kind := eval.Contract; kind <= eval.Round; kind++ {
		r := rule(t, kind, eval.Effect{})
		r.Exclusive = true
		if !slices.ContainsFunc(legal.Rule(r), func(f legal.Fault) bool { return f.Code == "exclusive" }) {
			got = append(got, kind.String())
		}
	}
	if diff := cmp.Diff([]string{"tier", "volume", "sale", "surcharge"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The ends of every range are in it.
func TestRangesHaveTheirEnds(t *testing.T) {
	for op, ends := range map[eval.Op][2]eval.Dec{
		eval.OpPercentOff: {{}, {Coef: 100}},
		eval.OpPercentUp:  {{}, {Coef: 10_000, Scale: 1}},
		eval.OpMarkup:     {{}, {Coef: 10_000}},
		eval.OpMargin:     {{}, {Coef: 99_999_999_999_999_999, Scale: 15}},
	} {
		kind := map[eval.Op]eval.Kind{
			eval.OpPercentOff: eval.Sale, eval.OpPercentUp: eval.Surcharge, eval.OpMarkup: eval.CostPlus, eval.OpMargin: eval.MinMargin,
		}[op]
		for _, end := range ends {
			if faults := legal.Rule(rule(t, kind, eval.Effect{Op: op, Number: end})); len(faults) > 0 {
				t.Errorf("%s %s: %v", op, end, faults)
			}
		}
		beyond := eval.Dec{Coef: ends[1].Coef + 1, Scale: ends[1].Scale}
		if op == eval.OpMargin {
			beyond = eval.Dec{Coef: 100}
		}
		for _, out := range []eval.Dec{{Coef: -1, Scale: 18}, beyond} {
			if faults := legal.Rule(rule(t, kind, eval.Effect{Op: op, Number: out})); len(faults) != 1 || faults[0].Code != "range" {
				t.Errorf("%s %s: %v", op, out, faults)
			}
		}
	}
}
