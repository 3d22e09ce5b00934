package check_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/check"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// builder makes rules as the compiler hands them over: valid one by one, sorted
// by id.
type builder struct {
	t      *testing.T
	schema *predicate.Schema
}

func newBuilder(t *testing.T) *builder {
	t.Helper()
	schema, err := predicate.NewSchema([]predicate.Field{{Name: "customer", Kind: predicate.Text}, {Name: "segments", Kind: predicate.Set}}, nil, predicate.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return &builder{t: t, schema: schema}
}

func (b *builder) when(text string) *predicate.Program {
	b.t.Helper()
	node, err := predicate.Parse(json.RawMessage(text))
	if err != nil {
		b.t.Fatal(err)
	}
	program, err := b.schema.Compile(node)
	if err != nil {
		b.t.Fatal(err)
	}
	return program
}

// rule is a rule on product p1 in dollars that sets an amount of cents, always.
func (b *builder) rule(id string, kind eval.Kind, cents int64, change ...func(*eval.Rule)) eval.Rule {
	b.t.Helper()
	usd, err := money.ISO("USD")
	if err != nil {
		b.t.Fatal(err)
	}
	r := eval.Rule{
		ID: id, Kind: kind, Level: eval.Product, Scope: "p1", Currency: usd,
		From: -eval.Forever, Until: eval.Forever, MaxQty: eval.Forever,
		Effect: eval.Effect{Op: eval.OpSet, Number: eval.Dec{Coef: cents, Scale: 2}},
	}
	for _, f := range change {
		f(&r)
	}
	return r
}

func window(from, until int64) func(*eval.Rule) {
	return func(r *eval.Rule) { r.From, r.Until = from, until }
}

func quantity(from, to int64) func(*eval.Rule) {
	return func(r *eval.Rule) { r.MinQty, r.MaxQty = from*1_000_000, to*1_000_000 }
}

func priority(p int32) func(*eval.Rule) { return func(r *eval.Rule) { r.Priority = p } }

func on(level eval.Level, scope string) func(*eval.Rule) {
	return func(r *eval.Rule) { r.Level, r.Scope = level, scope }
}

func (b *builder) given(text string) func(*eval.Rule) {
	return func(r *eval.Rule) { r.When = b.when(text) }
}

func formulaOf(rule int) func(*eval.Rule) {
	return func(r *eval.Rule) {
		r.Effect = eval.Effect{Op: eval.OpFormula, Formula: &eval.Formula{Base: eval.OfRule, Rule: rule}}
	}
}

func percentOff(coef int64, scale uint8) func(*eval.Rule) {
	return func(r *eval.Rule) {
		r.Effect = eval.Effect{Op: eval.OpPercentOff, Number: eval.Dec{Coef: coef, Scale: scale}}
		r.Currency = money.Currency{}
	}
}

// defaults is the policy that the compiler makes of the zero policy.
func defaults() eval.Policy {
	p := eval.Policy{}
	for s := range p.Combine {
		p.Combine[s] = eval.CombineFirst
	}
	p.Combine[eval.StageSurcharge] = eval.CombineChain
	return p
}

// show is a finding's code and the ids of its rules.
func show(rules []eval.Rule, found []check.Finding) []string {
	out := []string{}
	for _, f := range found {
		var line strings.Builder
		line.WriteString(f.Code)
		for _, i := range f.Rules {
			line.WriteString(" " + rules[i].ID)
		}
		out = append(out, line.String())
	}
	return out
}

const (
	gold   = `{"field":"segments","op":"any","value":["gold"]}`
	silver = `{"field":"segments","op":"any","value":["silver"]}`
	ann    = `{"field":"customer","op":"=","value":"ann"}`
	bob    = `{"field":"customer","op":"=","value":"bob"}`
)

func TestErrorsNameEveryRuleConcerned(t *testing.T) {
	b := newBuilder(t)
	lowest := defaults()
	lowest.Ties = eval.TiesLowest
	best := defaults()
	best.Combine[eval.StageSale] = eval.CombineBest
	tests := []struct {
		name   string
		policy eval.Policy
		rules  []eval.Rule
		want   []string
	}{
		{"two bases of one product", defaults(), []eval.Rule{b.rule("a", eval.Base, 100), b.rule("b", eval.Base, 200)}, []string{"ambiguous a b"}},
		{"equal effects are no conflict", defaults(), []eval.Rule{b.rule("a", eval.Base, 100), b.rule("b", eval.Base, 100)}, []string{}},
		{"10 and 10.0 percent are equal", defaults(), []eval.Rule{b.rule("a", eval.Sale, 0, percentOff(10, 0)), b.rule("b", eval.Sale, 0, percentOff(100, 1))}, []string{}},
		{"ties lowest decides", lowest, []eval.Rule{b.rule("a", eval.Base, 100), b.rule("b", eval.Base, 200)}, []string{}},
		{"best decides among sales", best, []eval.Rule{b.rule("a", eval.Sale, 100), b.rule("b", eval.Sale, 200)}, []string{}},
		{"best does not decide among bases", best, []eval.Rule{b.rule("a", eval.Base, 100), b.rule("b", eval.Base, 200)}, []string{"ambiguous a b"}},
		{"surcharges chain", defaults(), []eval.Rule{b.rule("a", eval.Surcharge, 100), b.rule("b", eval.Surcharge, 200)}, []string{}},
		{"priority decides", defaults(), []eval.Rule{b.rule("a", eval.Base, 100), b.rule("b", eval.Base, 200, priority(1))}, []string{}},
		{"kind decides", defaults(), []eval.Rule{b.rule("a", eval.Base, 100), b.rule("b", eval.Contract, 200)}, []string{}},
		{"min_qty decides", defaults(), []eval.Rule{b.rule("a", eval.Base, 100), b.rule("b", eval.Base, 200, quantity(5, 9))}, []string{}},
		{"successive windows touch without overlap", defaults(), []eval.Rule{b.rule("a", eval.Base, 100, window(0, 10)), b.rule("b", eval.Base, 200, window(10, 20))}, []string{}},
		{"windows that share one second", defaults(), []eval.Rule{b.rule("a", eval.Base, 100, window(0, 11)), b.rule("b", eval.Base, 200, window(10, 20))}, []string{"ambiguous a b"}},
		{
			"a long window over short ones, and one apart", defaults(),
			[]eval.Rule{b.rule("a", eval.Base, 100, window(0, 100)), b.rule("b", eval.Base, 200, window(5, 10)), b.rule("c", eval.Base, 300, window(20, 30)), b.rule("d", eval.Base, 400, window(100, 200))},
			[]string{"ambiguous a b c"},
		},
		{
			"a rule with the same effect inside a cluster is not named", defaults(),
			[]eval.Rule{b.rule("a", eval.Base, 100, window(0, 50)), b.rule("b", eval.Base, 100, window(0, 10)), b.rule("c", eval.Base, 200, window(20, 30))},
			[]string{"ambiguous a c"},
		},
		{"conditions that differ are data's to decide", defaults(), []eval.Rule{b.rule("a", eval.Base, 100, b.given(gold)), b.rule("b", eval.Base, 200, b.given(silver))}, []string{}},
		{"equal conditions in another order", defaults(), []eval.Rule{
			b.rule("a", eval.Base, 100, b.given(`{"all":[`+gold+`,`+ann+`]}`)), b.rule("b", eval.Base, 200, b.given(`{"all":[`+ann+`,`+gold+`]}`)),
		}, []string{"ambiguous a b"}},
		{"cycle in its order", defaults(), []eval.Rule{b.rule("a", eval.Base, 0, formulaOf(2)), b.rule("b", eval.Base, 0, formulaOf(0), priority(1)), b.rule("c", eval.Base, 0, formulaOf(1), priority(2))}, []string{"cycle a c b"}},
		{"a rule that refers to itself", defaults(), []eval.Rule{b.rule("a", eval.Base, 0, formulaOf(0))}, []string{"cycle a"}},
		{"what leads into a cycle is not named", defaults(), []eval.Rule{b.rule("a", eval.Base, 0, formulaOf(1)), b.rule("b", eval.Base, 0, formulaOf(1), priority(1))}, []string{"cycle b"}},
		{"floor above ceiling", defaults(), []eval.Rule{b.rule("a", eval.Ceiling, 900), b.rule("b", eval.Floor, 901)}, []string{"floor_above_ceiling a b"}},
		{"floor at ceiling", defaults(), []eval.Rule{b.rule("a", eval.Ceiling, 900), b.rule("b", eval.Floor, 900)}, []string{}},
		{"floor above a ceiling of another condition", defaults(), []eval.Rule{b.rule("a", eval.Ceiling, 900), b.rule("b", eval.Floor, 901, b.given(gold))}, []string{}},
		{"floor above a ceiling that is over", defaults(), []eval.Rule{b.rule("a", eval.Ceiling, 900, window(0, 10)), b.rule("b", eval.Floor, 901, window(10, 20))}, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, show(tt.rules, check.Errors(tt.policy, tt.rules))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFormulaDepth(t *testing.T) {
	b := newBuilder(t)
	rules := []eval.Rule{b.rule("r00", eval.Base, 100)}
	for i := 1; i <= 9; i++ {
		rules = append(rules, b.rule(fmt.Sprintf("r%02d", i), eval.Base, 0, formulaOf(i-1), priority(int32(i))))
	}
	if diff := cmp.Diff([]string{}, show(rules[:9], check.Errors(defaults(), rules[:9]))); diff != "" {
		t.Errorf("eight references (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"depth r09"}, show(rules, check.Errors(defaults(), rules))); diff != "" {
		t.Errorf("nine references (-want +got):\n%s", diff)
	}
}

// The sweeps must mark exactly the rules that a comparison of all pairs marks.
func TestClashesEqualAllPairs(t *testing.T) {
	b := newBuilder(t)
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		rules := make([]eval.Rule, 2+r.IntN(9))
		for i := range rules {
			from := int64(r.IntN(12))
			rules[i] = b.rule(fmt.Sprintf("r%02d", i), eval.Base, int64(100+r.IntN(3)), window(from, from+1+int64(r.IntN(6))))
		}
		var want []int
		for i := range rules {
			for j := range rules {
				x, y := rules[i], rules[j]
				if x.Effect.Number != y.Effect.Number && x.From < y.Until && y.From < x.Until {
					want = append(want, i)
					break
				}
			}
		}
		var got []int
		for _, f := range check.Errors(defaults(), rules) {
			got = append(got, f.Rules...)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: (-want +got):\n%s", seed, diff)
		}
	}
}

func TestFindings(t *testing.T) {
	b := newBuilder(t)
	converting := defaults()
	converting.Convert = true
	eur := func(r *eval.Rule) {
		c, err := money.ISO("EUR")
		if err != nil {
			t.Fatal(err)
		}
		r.Currency = c
	}
	base := b.rule("base", eval.Base, 1000)
	tests := []struct {
		name   string
		policy eval.Policy
		rules  []eval.Rule
		want   []string
	}{
		{"nothing to say", defaults(), []eval.Rule{base, b.rule("s", eval.Sale, 900)}, []string{}},
		{"customers both gold and silver", defaults(), []eval.Rule{base, b.rule("g", eval.Sale, 900, b.given(gold)), b.rule("s", eval.Sale, 800, b.given(silver))}, []string{"overlap g s"}},
		{"ann is not bob", defaults(), []eval.Rule{base, b.rule("g", eval.Sale, 900, b.given(ann)), b.rule("s", eval.Sale, 800, b.given(bob))}, []string{}},
		{"a percent beside an amount", defaults(), []eval.Rule{base, b.rule("g", eval.Sale, 900), b.rule("s", eval.Sale, 0, percentOff(10, 0))}, []string{"overlap g s"}},
		{"the same rule twice", defaults(), []eval.Rule{base, b.rule("s", eval.Sale, 900), b.rule("t", eval.Sale, 900)}, []string{"duplicate s t"}},
		{"a better rank covers all of it", defaults(), []eval.Rule{base, b.rule("s", eval.Sale, 900), b.rule("t", eval.Sale, 800, priority(1))}, []string{"shadowed s t"}},
		{"a contract without condition hides the base", defaults(), []eval.Rule{b.rule("a", eval.Base, 1000), b.rule("c", eval.Contract, 900)}, []string{"shadowed a c"}},
		{"a narrower window hides nothing", defaults(), []eval.Rule{base, b.rule("s", eval.Sale, 900), b.rule("t", eval.Sale, 800, priority(1), window(110, 120))}, []string{}},
		{"a condition that contradicts itself", defaults(), []eval.Rule{base, b.rule("s", eval.Sale, 900, b.given(`{"all":[`+ann+`,`+bob+`]}`))}, []string{"unsatisfiable s"}},
		{"ended before the set is in force", defaults(), []eval.Rule{base, b.rule("s", eval.Sale, 900, window(0, 50))}, []string{"ended s"}},
		{"a sale on what has no price", defaults(), []eval.Rule{base, b.rule("s", eval.Sale, 900, on(eval.Product, "p2"))}, []string{"no_price s"}},
		{"a price on everything reaches it", defaults(), []eval.Rule{b.rule("base", eval.Base, 1000, on(eval.Everything, "")), b.rule("s", eval.Sale, 900, on(eval.Product, "p2"))}, []string{}},
		{"a sale at the list price", defaults(), []eval.Rule{base, b.rule("s", eval.Sale, 1000)}, []string{"sale_not_below base s"}},
		{"a sale below the floor", defaults(), []eval.Rule{base, b.rule("f", eval.Floor, 950), b.rule("s", eval.Sale, 900)}, []string{"sale_not_below f s"}},
		{"volume rules 5-9 and 12 up", defaults(), []eval.Rule{base, b.rule("v", eval.Volume, 900, quantity(5, 9)), b.rule("w", eval.Volume, 800, quantity(12, 99))}, []string{"gap v w"}},
		{"volume rules 5-9 and 10 up", defaults(), []eval.Rule{base, b.rule("v", eval.Volume, 900, quantity(5, 9)), b.rule("w", eval.Volume, 800, quantity(10, 99))}, []string{}},
		{"two currencies, no pivot", converting, []eval.Rule{base, b.rule("e", eval.Base, 900, eur)}, []string{"no_pivot base", "no_pivot e"}},
		{"a floor in dollars alone", defaults(), []eval.Rule{base, b.rule("e", eval.Base, 900, eur), b.rule("f", eval.Floor, 500)}, []string{"unguarded e"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if errs := check.Errors(tt.policy, tt.rules); len(errs) > 0 {
				t.Fatalf("the set has errors: %v", show(tt.rules, errs))
			}
			if diff := cmp.Diff(tt.want, show(tt.rules, check.Findings(tt.policy, tt.rules, 100))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Fifty thousand contracts on one product are compared by customer, not pair by
// pair; conditions on which nothing is known exhaust the budget, visibly.
func TestFindingsAreBounded(t *testing.T) {
	b := newBuilder(t)
	contracts := make([]eval.Rule, 50_000)
	for i := range contracts {
		id := fmt.Sprintf("c%05d", i)
		contracts[i] = b.rule(id, eval.Contract, int64(i), b.given(`{"field":"customer","op":"=","value":"`+id+`"}`))
	}
	if got := check.Findings(defaults(), contracts, 0); len(got) > 0 {
		t.Errorf("contracts of different customers: %v", got[0])
	}
	segments := make([]eval.Rule, 4000)
	for i := range segments {
		id := fmt.Sprintf("c%05d", i)
		segments[i] = b.rule(id, eval.Contract, 100, b.given(`{"field":"segments","op":"any","value":["`+id+`"]}`))
	}
	got := show(segments, check.Findings(defaults(), segments, 0))
	if diff := cmp.Diff([]string{"unfinished"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Neither thousands of guards that contradict each other nor of guards that never
// meet are compared pair by pair.
func TestGuardsAreBounded(t *testing.T) {
	b := newBuilder(t)
	const n = 20_000
	hourly := make([]eval.Rule, 0, 2*n)
	always := make([]eval.Rule, 0, 2*n)
	for i := range int64(n) {
		id := fmt.Sprintf("%06d", i)
		hourly = append(hourly, b.rule("c"+id, eval.Ceiling, 300, window(i*3600, i*3600+3600)), b.rule("f"+id, eval.Floor, 200, window(i*3600, i*3600+3600)))
		always = append(always, b.rule("c"+id, eval.Ceiling, 100), b.rule("f"+id, eval.Floor, 200))
	}
	if got := check.Errors(defaults(), hourly); len(got) > 0 {
		t.Errorf("windows that never meet: %v", show(hourly, got)[0])
	}
	if got := check.Errors(defaults(), always); len(got) < 1000 || len(got) > 1100 {
		t.Errorf("%d errors of guards that all contradict, want about 1,000", len(got))
	}
}

// The sweep finds exactly the pairs that a comparison of all pairs finds.
func TestContradictionsEqualAllPairs(t *testing.T) {
	b := newBuilder(t)
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		rules := make([]eval.Rule, 2+r.IntN(9))
		for i := range rules {
			kind := eval.Floor
			if r.IntN(2) == 0 {
				kind = eval.Ceiling
			}
			from, least := int64(r.IntN(12)), int64(r.IntN(5))
			rules[i] = b.rule(fmt.Sprintf("r%02d", i), kind, int64(100+r.IntN(5)), window(from, from+1+int64(r.IntN(6))), quantity(least, least+int64(r.IntN(4))))
		}
		want := []string{}
		for i := range rules {
			for j := range rules {
				f, c := &rules[i], &rules[j]
				if f.Kind == eval.Floor && c.Kind == eval.Ceiling && f.Effect.Number.Coef > c.Effect.Number.Coef &&
					f.From < c.Until && c.From < f.Until && f.MinQty <= c.MaxQty && c.MinQty <= f.MaxQty {
					want = append(want, fmt.Sprintf("floor_above_ceiling %s %s", rules[min(i, j)].ID, rules[max(i, j)].ID))
				}
			}
		}
		got := show(rules, check.Errors(defaults(), rules))
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: (-want +got):\n%s", seed, diff)
		}
	}
}
