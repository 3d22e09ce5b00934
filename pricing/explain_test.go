package pricing_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// reasons writes rejections as "rule reason by predicate got".
func reasons(x pricing.Explanation) []string {
	var out []string
	for _, r := range x.Rejected {
		var text strings.Builder
		text.WriteString(r.Rule + " " + string(r.Reason))
		for _, more := range []string{r.By, r.Predicate, r.Got} {
			if more != "" {
				text.WriteString(" " + more)
			}
		}
		out = append(out, text.String())
	}
	return out
}

type explained struct {
	ruling
	want []string
}

// explainedRules has each reason at least once.
func explainedRules() []explained {
	return []explained{
		{
			ruling: ruling{name: "currency", rules: base100 + `,{"id":"e","kind":"base","amount":"9.00","currency":"EUR"},{"id":"s","kind":"sale","amount_off":"9.00","currency":"EUR"}`},
			want:   []string{"e currency", "s currency"},
		},
		{
			ruling: ruling{
				name: "window and quantity", query: `"at":"2026-06-01T00:00:00Z"`,
				rules: base100 + `,{"id":"a","kind":"sale","percent_off":"5","from":"2026-06-01T00:00:01Z"},{"id":"b","kind":"sale","percent_off":"6","priority":3,"until":"2026-06-01T00:00:00Z"},
					{"id":"c","kind":"sale","percent_off":"7","min_qty":"2","priority":1},{"id":"d","kind":"sale","percent_off":"8","max_qty":"0.5","priority":2}`,
			},
			want: []string{"a not_yet", "b ended", "c quantity", "d quantity"},
		},
		{
			ruling: ruling{
				name: "condition", query: `"region":"US","customer":{"id":"c","segments":["silver"]},"numbers":{"seats":"3"}`,
				rules: base100 + `,{"id":"a","kind":"tier","percent_off":"5","when":{"all":[{"field":"region","op":"=","value":"US"},{"field":"customer.segments","op":"any","value":["gold","vip"]}]}},
					{"id":"b","kind":"tier","percent_off":"5","when":{"field":"channel","op":"=","value":"web"}},
					{"id":"c","kind":"tier","percent_off":"5","when":{"not":{"field":"region","op":"=","value":"US"}}},
					{"id":"d","kind":"tier","percent_off":"5","when":{"field":"numbers.seats","op":">=","value":"10"}}`,
			},
			want: []string{
				`a condition customer.segments any gold, vip ["silver"]`, "b condition channel = web unknown",
				"c condition not region = US US", "d condition numbers.seats >= 10 3",
			},
		},
		{
			ruling: ruling{
				name:  "kind and rank",
				rules: `{"id":"c","kind":"contract","amount":"9.00","currency":"USD"},{"id":"d","kind":"contract","amount":"8.00","currency":"USD","priority":-1},` + base100,
			},
			want: []string{"base kind c", "d outranked c"},
		},
		{
			ruling: ruling{
				name:  "equal results: the larger id",
				rules: base100 + `,{"id":"a","kind":"sale","percent_off":"20"},{"id":"b","kind":"sale","percent_off":"20"}`,
			},
			want: []string{"b outranked a"},
		},
		{
			ruling: ruling{
				name: "exclusive", policy: `"combine":{"sale":"chain"}`,
				rules: base100 + `,{"id":"a","kind":"sale","percent_off":"20","priority":3},{"id":"x","kind":"sale","percent_off":"5","exclusive":true},{"id":"y","kind":"sale","percent_off":"5","exclusive":true}`,
			},
			want: []string{"a exclusive x", "y exclusive x"},
		},
		{
			ruling: ruling{
				name: "not best", policy: `"combine":{"sale":"best"}`,
				rules: base100 + `,{"id":"a","kind":"sale","percent_off":"20"},{"id":"b","kind":"sale","percent_off":"30"}`,
			},
			want: []string{"a not_best b"},
		},
		{
			ruling: ruling{
				name: "guards", query: `"cost":{"amount":"60.00","currency":"USD"}`,
				rules: base100 + `,{"id":"c1","kind":"ceiling","amount":"120.00","currency":"USD"},{"id":"c2","kind":"ceiling","amount":"130.00","currency":"USD"},
					{"id":"f1","kind":"floor","amount":"50.00","currency":"USD"},{"id":"m1","kind":"min_margin","margin":"25"},
					{"id":"a1","kind":"map","amount":"90.00","currency":"USD"},{"id":"a2","kind":"map","amount":"110.00","currency":"USD"}`,
			},
			want: []string{"a1 outranked a2", "c1 no_effect", "c2 outranked c1", "f1 outranked m1", "m1 no_effect"},
		},
		{
			ruling: ruling{name: "map below the price", rules: base100 + `,{"id":"a1","kind":"map","amount":"90.00","currency":"USD"}`}, want: []string{"a1 no_effect"},
		},
		{
			ruling: ruling{name: "on the grid", rules: base100 + `,{"id":"r","kind":"round","currency":"USD","round":{"increment":"1.00"}}`}, want: []string{"r no_effect"},
		},
		{
			ruling: ruling{
				name: "native", policy: `"convert":true,"pivot":"EUR","max_age":"24h","stale":"native"`, query: `"rates":[` + usdRate + `],"at":"2026-07-01T00:00:00Z"`,
				rules: base100 + `,{"id":"c","kind":"contract","amount":"9.00","currency":"EUR"}`,
			},
			want: []string{"c currency"},
		},
		{
			ruling: ruling{name: "what is out of scope is no news", rules: base100 + `,{"id":"o","kind":"base","amount":"9.00","currency":"USD","on":{"product":"p2"}}`},
		},
	}
}

func TestExplainNamesTheReason(t *testing.T) {
	for _, tc := range explainedRules() {
		t.Run(tc.name, func(t *testing.T) {
			s, q := tc.compile(t), tc.ask(t)
			x, err := s.Explain(q)
			if err != nil {
				t.Fatal(err)
			}
			quote, err := s.Price(q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(quote, x.Quote, quoteOptions()); diff != "" {
				t.Errorf("Price and Explain differ (-price +explain):\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, reasons(x)); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainWithoutAPrice(t *testing.T) {
	for _, tc := range []struct {
		ruling
		text string
		want []string
	}{
		{
			ruling: ruling{name: "none", rules: `{"id":"e","kind":"base","amount":"9.00","currency":"EUR"},{"id":"s","kind":"sale","percent_off":"10"}`},
			text:   "pricing: price p1: no price", want: []string{"e currency"},
		},
		{
			ruling: ruling{
				name: "ambiguous", query: `"region":"US","channel":"web"`,
				rules: base100 + `,{"id":"a","kind":"sale","percent_off":"10","when":{"field":"region","op":"=","value":"US"}},{"id":"b","kind":"sale","percent_off":"20","when":{"field":"channel","op":"=","value":"web"}},
					{"id":"c","kind":"sale","percent_off":"20","min_qty":"5"}`,
			},
			text: "pricing: price p1: ambiguous rules in stage sale: a, b", want: []string{"c quantity"},
		},
		{
			ruling: ruling{name: "no cost", rules: `{"id":"c","kind":"cost_plus","markup":"10"}`},
			text:   "pricing: price p1: rule c: cost missing: no usable cost",
		},
		{
			ruling: ruling{name: "no rate", policy: `"convert":true`, rules: `{"id":"c","kind":"base","amount":"1.00","currency":"EUR"}`},
			text:   "pricing: price p1: rule c: no usable rate from EUR to USD: missing",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x, err := tc.compile(t).Explain(tc.ask(t))
			if err != nil {
				t.Fatal(err)
			}
			if x.Err == nil || x.Err.Error() != tc.text {
				t.Errorf("Quote.Err = %v, want %q", x.Err, tc.text)
			}
			if diff := cmp.Diff(tc.want, reasons(x)); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if !strings.Contains(x.Text(), tc.text) {
				t.Errorf("Text does not tell why:\n%s", x.Text())
			}
		})
	}
}

// Every rule in scope is a step or is rejected, once; but a map that advertises
// is neither, as it acts and changes no price. Rejections are in order.
func TestExplainLeavesNoRuleOut(t *testing.T) {
	t.Parallel()
	randomSets(t, 200, func(t *testing.T, r *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot) {
		t.Helper()
		for range 50 {
			q := pricingtest.RandomQuery(r, rs)
			x, err := s.Explain(q)
			if err != nil || x.Err != nil {
				continue
			}
			if problem := explanationProblem(rs, q, x); problem != "" {
				t.Fatalf("%s\nrules: %s\nquery: %s", problem, encoded(t, rs), encoded(t, q))
			}
		}
	})
}

// explanationProblem says what an explanation leaves out, names twice or has in
// another order; "" if nothing.
func explanationProblem(rs pricing.RuleSet, q pricing.Query, x pricing.Explanation) string {
	seen := make(map[string]int)
	for _, step := range x.Steps {
		seen[step.Rule]++
	}
	last := ""
	for _, rejected := range x.Rejected {
		seen[rejected.Rule]++
		place := fmt.Sprint(stageNumber(ruleOf(rs, rejected.Rule).Kind), " ", rejected.Rule)
		if place <= last {
			return fmt.Sprintf("rejection %q comes after %q", place, last)
		}
		last = place
	}
	for _, rule := range rs.Rules {
		want := 0
		if inScope(rule, q) {
			want = 1
		}
		advertises := rule.Kind == pricing.KindMAP && x.Advertised != x.Unit
		if got := seen[rule.ID]; got != want && (got != 0 || !advertises) {
			return fmt.Sprintf("rule %s is mentioned %d times, want %d", rule.ID, got, want)
		}
	}
	return ""
}

func ruleOf(rs pricing.RuleSet, id string) pricing.Rule {
	return rs.Rules[slices.IndexFunc(rs.Rules, func(r pricing.Rule) bool { return r.ID == id })]
}

// stageNumber is where in the order of the stages a kind acts.
func stageNumber(k pricing.Kind) int {
	return slices.IndexFunc([]pricing.Kind{
		pricing.KindCostPlus, pricing.KindTier, pricing.KindVolume, pricing.KindSale, pricing.KindSurcharge, pricing.KindMAP, pricing.KindRound,
	}, func(last pricing.Kind) bool { return k <= last })
}

func inScope(r pricing.Rule, q pricing.Query) bool {
	switch r.On.Level {
	case pricing.Variant:
		return q.Variant == r.On.ID
	case pricing.Product:
		return q.Product == r.On.ID
	case pricing.Category:
		return slices.Contains(q.Categories, r.On.ID)
	default:
		return true
	}
}
