package pricing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// A ruling is a rule set, a query and the price that they make.
type ruling struct {
	name string
	// policy and query are the insides of JSON objects, rules that of a list. The
	// query is for one unit of p1 in USD where it does not say otherwise.
	policy, rules, query string
	// want has fields as "unit 8.93, line 26.79, rules base s"; see fieldsOf.
	want string
	err  error
}

const (
	base100 = `{"id":"base","kind":"base","amount":"100.00","currency":"USD"}`
	perLine = `{"id":"base","kind":"base","currency":"USD","charge":{"mode":"graduated","steps":[{"up_to":"5","unit":"7.00"},{"unit":"6.00"}]}}`
	usdRate = `{"from":"EUR","to":"USD","rate":"1.10","as_of":"2026-06-01T00:00:00Z"}`
)

func (r ruling) compile(tb testing.TB) *pricing.Snapshot {
	tb.Helper()
	rs, err := pricing.ParseRules([]byte(`{"policy":{` + r.policy + `},"rules":[` + r.rules + `]}`))
	if err != nil {
		tb.Fatal(err)
	}
	s, err := pricing.Compile(rs)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func (r ruling) ask(tb testing.TB) pricing.Query {
	tb.Helper()
	text := `"product":"p1"`
	if !strings.HasPrefix(r.query, `"currency"`) {
		text += `,"currency":"USD"`
	}
	if r.query != "" {
		text += "," + r.query
	}
	q, err := pricing.ParseQuery([]byte("{" + text + "}"))
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// fieldsOf lists the fields of a quote that a ruling may want.
func fieldsOf(q pricing.Quote) map[string]string {
	var applied []string
	for _, s := range q.Steps {
		if s.Rule != "" {
			applied = append(applied, s.Rule)
		}
	}
	stale := "no"
	if q.FX.Stale {
		stale = "yes"
	}
	return map[string]string{
		"unit": q.Unit.Text(), "line": q.Line.Text(), "list": q.List.Text(), "advertised": q.Advertised.Text(), "floor": q.Floor.Text(),
		"net": q.Net.Text(), "tax": q.Tax.Text(), "gross": q.Gross.Text(), "rules": strings.Join(applied, " "), "stale": stale,
		"next": q.NextChange.Format(time.RFC3339),
	}
}

func (r ruling) check(t *testing.T, quote pricing.Quote, err error) {
	t.Helper()
	if r.err != nil {
		if !errors.Is(err, r.err) {
			t.Fatalf("error = %v, want %v", err, r.err)
		}
		if diff := cmp.Diff(pricing.Quote{Err: err}, quote, quoteOptions(), sameErrors()); diff != "" {
			t.Errorf("beside the error (-want +got):\n%s", diff)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got := fieldsOf(quote)
	for field := range strings.SplitSeq(r.want, ", ") {
		name, want, _ := strings.Cut(field, " ")
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s = %q, want %q", name, value, want)
		}
	}
	checkSteps(t, quote)
}

// sameErrors compares errors by their texts.
func sameErrors() cmp.Option {
	return cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
}

// runRulings prices each ruling on the fast path and on the exact one.
func runRulings(t *testing.T, rulings []ruling) {
	t.Helper()
	for _, r := range rulings {
		t.Run(r.name, func(t *testing.T) {
			s, q := r.compile(t), r.ask(t)
			quote, err := s.Price(q)
			r.check(t, quote, err)
			exactly, err := s.Exactly().Price(q)
			r.check(t, exactly, err)
			exactly.Exact = quote.Exact
			if diff := cmp.Diff(quote, exactly, quoteOptions(), sameErrors()); diff != "" {
				t.Errorf("fast and exact path differ (-fast +exact):\n%s", diff)
			}
		})
	}
}

func TestRankDecides(t *testing.T) {
	when := func(id, more, leaf string) string {
		return `{"id":"` + id + `","kind":"base","currency":"USD"` + more + `,"when":` + leaf + `}`
	}
	us, web := `{"field":"region","op":"=","value":"US"}`, `{"field":"channel","op":"=","value":"web"}`
	query := `"variant":"v1","categories":["near","far"],"region":"US","channel":"web","qty":"10"`
	runRulings(t, []ruling{
		{
			name: "kind comes before priority", query: query, want: "unit 7.00, rules c",
			rules: `{"id":"b","kind":"base","amount":"5.00","currency":"USD","priority":1000},{"id":"l","kind":"list","amount":"6.00","currency":"USD","priority":999},
				{"id":"c","kind":"contract","amount":"7.00","currency":"USD","priority":-5}`,
		},
		{
			name: "priority before scope", query: query, want: "unit 6.00, rules b",
			rules: `{"id":"a","kind":"base","amount":"5.00","currency":"USD","on":{"variant":"v1"}},{"id":"b","kind":"base","amount":"6.00","currency":"USD","priority":1}`,
		},
		{
			name: "variant before product", query: query, want: "unit 5.00, rules a",
			rules: `{"id":"a","kind":"base","amount":"5.00","currency":"USD","on":{"variant":"v1"}},{"id":"b","kind":"base","amount":"6.00","currency":"USD","on":{"product":"p1"}}`,
		},
		{
			name: "product before category", query: query, want: "unit 6.00, rules b",
			rules: `{"id":"a","kind":"base","amount":"5.00","currency":"USD","on":{"category":"near"}},{"id":"b","kind":"base","amount":"6.00","currency":"USD","on":{"product":"p1"}}`,
		},
		{
			name: "the nearer category", query: query, want: "unit 6.00, rules b",
			rules: `{"id":"a","kind":"base","amount":"5.00","currency":"USD","on":{"category":"far"}},{"id":"b","kind":"base","amount":"6.00","currency":"USD","on":{"category":"near"}}`,
		},
		{
			name: "category before everything", query: query, want: "unit 6.00, rules b",
			rules: `{"id":"a","kind":"base","amount":"5.00","currency":"USD"},{"id":"b","kind":"base","amount":"6.00","currency":"USD","on":{"category":"far"}}`,
		},
		{
			name: "scope before conditions", query: query, want: "unit 6.00, rules b",
			rules: when("a", `,"amount":"5.00"`, `{"all":[`+us+`,`+web+`]}`) + `,{"id":"b","kind":"base","amount":"6.00","currency":"USD","on":{"category":"far"}}`,
		},
		{
			name: "more conditions first", query: query, want: "unit 5.00, rules a",
			rules: when("a", `,"amount":"5.00"`, `{"all":[`+us+`,`+web+`]}`) + `,` + when("b", `,"amount":"6.00","min_qty":"5"`, us),
		},
		{
			name: "any counts its smallest branch", query: query, want: "unit 6.00, rules b",
			rules: when("a", `,"amount":"5.00"`, `{"any":[`+us+`,{"all":[`+us+`,`+web+`]}]}`) + `,` + when("b", `,"amount":"6.00"`, `{"all":[`+us+`,`+web+`]}`),
		},
		{
			name: "the larger min_qty last", query: query, want: "unit 6.00, rules b",
			rules: `{"id":"a","kind":"base","amount":"5.00","currency":"USD","min_qty":"5"},{"id":"b","kind":"base","amount":"6.00","currency":"USD","min_qty":"10"},
				{"id":"c","kind":"base","amount":"4.00","currency":"USD","min_qty":"10.000001"}`,
		},
		{
			name: "an id that the query lacks never matches", query: ``, want: "unit 6.00, rules b",
			rules: `{"id":"a","kind":"base","amount":"5.00","currency":"USD","on":{"variant":"v1"}},{"id":"b","kind":"base","amount":"6.00","currency":"USD"}`,
		},
		{
			name: "a category named twice counts once, where it is nearest", query: `"categories":["a","b","a"]`, want: "unit 9.00, rules base s1 s2",
			policy: `"combine":{"sale":"chain"}`,
			rules: `{"id":"base","kind":"base","amount":"10.00","currency":"USD"},{"id":"s1","kind":"sale","amount_off":"0.50","currency":"USD","on":{"category":"a"}},
				{"id":"s2","kind":"sale","amount_off":"0.50","currency":"USD","on":{"category":"b"}}`,
		},
	})
}

func TestCombineAndTies(t *testing.T) {
	gold, silver := `"when":{"field":"customer.segments","op":"any","value":["gold"]}`, `"when":{"field":"customer.segments","op":"any","value":["silver"]}`
	both := `"customer":{"id":"c","segments":["silver","gold"]}`
	tiers := base100 + `,{"id":"g","kind":"tier","percent_off":"10",` + gold + `},{"id":"s","kind":"tier","percent_off":"5",` + silver + `}`
	runRulings(t, []ruling{
		{name: "a tie that only data shows", rules: tiers, query: both, err: pricing.ErrAmbiguous},
		{name: "ties lowest", policy: `"ties":"lowest"`, rules: tiers, query: both, want: "unit 90.00, rules base g"},
		{
			name: "equal results are no tie", query: both, want: "unit 90.00, rules base g",
			rules: base100 + `,{"id":"h","kind":"tier","amount_off":"10.00","currency":"USD",` + gold + `},{"id":"g","kind":"tier","percent_off":"10",` + silver + `}`,
		},
		{
			name: "a unit and a line compare as lines", query: `"qty":"10","region":"US","channel":"web"`, want: "line 60.00, rules a",
			rules: `{"id":"a","kind":"base","currency":"USD","when":{"field":"region","op":"=","value":"US"},"charge":{"mode":"package","size":"5","unit":"30.00"}},
				{"id":"b","kind":"base","currency":"USD","when":{"field":"channel","op":"=","value":"web"},"amount":"6.00"}`,
		},
		{
			name: "best takes the lowest", policy: `"combine":{"tier":"best"}`, query: both, want: "unit 90.00, rules base g",
			rules: base100 + `,{"id":"g","kind":"tier","percent_off":"10",` + gold + `},{"id":"s","kind":"tier","percent_off":"5","priority":9,` + silver + `}`,
		},
		{
			name: "best with equal results takes the rank", policy: `"combine":{"sale":"best"}`, want: "unit 80.00, rules base b",
			rules: base100 + `,{"id":"a","kind":"sale","percent_off":"20"},{"id":"b","kind":"sale","amount_off":"20.00","currency":"USD","priority":1}`,
		},
		{
			name: "best applies even where all raise", policy: `"combine":{"sale":"best"}`, want: "unit 110.00, rules base b",
			rules: base100 + `,{"id":"a","kind":"sale","amount":"120.00","currency":"USD"},{"id":"b","kind":"sale","amount":"110.00","currency":"USD"}`,
		},
		{
			name: "chain goes by rank and then id", policy: `"combine":{"sale":"chain"}`, want: "unit 40.00, rules base c a b",
			rules: base100 + `,{"id":"b","kind":"sale","percent_off":"50"},{"id":"a","kind":"sale","amount_off":"10.00","currency":"USD"},{"id":"c","kind":"sale","percent_off":"10","priority":1}`,
		},
		{
			name: "an exclusive rule outdoes every priority", want: "unit 95.00, rules base e",
			rules: base100 + `,{"id":"a","kind":"sale","percent_off":"50","priority":9},{"id":"e","kind":"sale","percent_off":"5","exclusive":true,"priority":-9}`,
		},
		{
			name: "the first exclusive stands alone in a chain", policy: `"combine":{"sale":"chain"}`, want: "unit 70.00, rules base d",
			rules: base100 + `,{"id":"a","kind":"sale","percent_off":"50","priority":9},{"id":"d","kind":"sale","percent_off":"30","exclusive":true},
				{"id":"e","kind":"sale","percent_off":"5","exclusive":true}`,
		},
		{
			name: "the lowest exclusive is the best", policy: `"combine":{"sale":"best"}`, want: "unit 70.00, rules base e",
			rules: base100 + `,{"id":"a","kind":"sale","percent_off":"50"},{"id":"d","kind":"sale","percent_off":"5","exclusive":true,"priority":3},
				{"id":"e","kind":"sale","percent_off":"30","exclusive":true}`,
		},
		{
			name: "an exclusive rule rules its own stage only", want: "unit 81.00, rules base t s",
			rules: base100 + `,{"id":"t","kind":"tier","percent_off":"10","exclusive":true},{"id":"s","kind":"sale","percent_off":"10"}`,
		},
		{
			name: "surcharges chain by default", want: "unit 112.50, rules base a b",
			rules: base100 + `,{"id":"b","kind":"surcharge","amount_up":"2.50","currency":"USD"},{"id":"a","kind":"surcharge","percent_up":"10"}`,
		},
		{name: "no rule of the price stage", rules: `{"id":"s","kind":"sale","percent_off":"10"}`, err: pricing.ErrNoPrice},
	})
}

func TestAmbiguityNamesAllOfTheRank(t *testing.T) {
	r := ruling{
		query: `"region":"US","channel":"web","customer":{"id":"c"}`,
		rules: base100 + `,{"id":"z","kind":"sale","percent_off":"10","when":{"field":"region","op":"=","value":"US"}},
			{"id":"y","kind":"sale","percent_off":"10","when":{"field":"channel","op":"=","value":"web"}},
			{"id":"x","kind":"sale","percent_off":"20","when":{"field":"customer.id","op":"=","value":"c"}},
			{"id":"w","kind":"sale","percent_off":"90"}`,
	}
	_, err := r.compile(t).Price(r.ask(t))
	ambiguous, ok := errors.AsType[*pricing.AmbiguousError](err)
	if !ok {
		t.Fatalf("error = %v, want an *AmbiguousError", err)
	}
	want := &pricing.AmbiguousError{Stage: pricing.StageSale, Rules: []string{"x", "y", "z"}}
	if diff := cmp.Diff(want, ambiguous); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if text := "pricing: price p1: ambiguous rules in stage sale: x, y, z"; err.Error() != text {
		t.Errorf("error = %q, want %q", err, text)
	}
}

func TestCharges(t *testing.T) {
	charge := func(body string) string {
		return `{"id":"c","kind":"base","currency":"USD","charge":{` + body + `}}`
	}
	volume := charge(`"mode":"volume","steps":[{"up_to":"5","unit":"7.00"},{"up_to":"10","unit":"6.50","flat":"1.00"},{"unit":"6.00"}]`)
	graduated := charge(`"mode":"graduated","steps":[{"up_to":"5","unit":"7.00","flat":"2.00"},{"unit":"6.00","flat":"3.00"}]`)
	packs := charge(`"mode":"package","size":"10","unit":"100.00","free":"20"`)
	runRulings(t, []ruling{
		{name: "volume at the edge of a step", rules: volume, query: `"qty":"5"`, want: "unit 7.00, line 35.00, list 7.00"},
		{name: "volume just beyond", rules: volume, query: `"qty":"5.000001"`, want: "unit 6.70, line 33.50"},
		{name: "volume with a flat part is per line", rules: volume, query: `"qty":"10"`, want: "unit 6.60, line 66.00, list 6.60"},
		{name: "volume in the open step", rules: volume, query: `"qty":"1000000000000"`, want: "unit 6.00, line 6000000000000.00"},
		{name: "graduated enters a step beyond its bound", rules: graduated, query: `"qty":"5"`, want: "line 37.00"},
		{name: "graduated cuts a fraction at the bound", rules: graduated, query: `"qty":"5.5"`, want: "line 43.00"},
		{name: "graduated enters the first step at zero", rules: graduated, query: `"qty":"0"`, want: "line 2.00, unit 0.00, list 0.00"},
		{name: "packages are whole", rules: packs, query: `"qty":"30.000001"`, want: "line 200.00"},
		{name: "free packages", rules: packs, query: `"qty":"20"`, want: "line 0.00, unit 0.00"},
		{name: "percent acts on the line", rules: perLine + `,{"id":"s","kind":"sale","percent_off":"10"}`, query: `"qty":"7"`, want: "line 42.30, unit 6.04, list 6.71"},
		{name: "amounts act as amount x quantity", rules: perLine + `,{"id":"s","kind":"sale","amount_off":"0.50","currency":"USD"}`, query: `"qty":"7"`, want: "line 43.50"},
		{name: "a set price is per unit", rules: perLine + `,{"id":"s","kind":"sale","amount":"1.25","currency":"USD"}`, query: `"qty":"7"`, want: "line 8.75, unit 1.25"},
		{
			name: "guards act as amount x quantity", query: `"qty":"7"`, want: "line 49.00, floor 7.00, rules base f",
			rules: perLine + `,{"id":"f","kind":"floor","amount":"7.00","currency":"USD"}`,
		},
		{
			name: "formulas act on the unit", query: `"qty":"7"`, want: "line 47.00",
			rules: perLine + `,{"id":"s","kind":"sale","currency":"USD","formula":{"base":"current"}}`,
		},
		{
			name: "formulas do nothing at zero", query: `"qty":"0"`, want: "line 2.00",
			rules: graduated + `,{"id":"s","kind":"sale","currency":"USD","formula":{"base":"cost","surcharge":"5.00"}}`,
		},
		{
			name: "round rules act on the line", query: `"qty":"7"`, want: "line 49.99",
			rules: perLine + `,{"id":"r","kind":"round","currency":"USD","round":{"increment":"10.00","offset":"-0.01"}}`,
		},
	})
}

func TestFormulas(t *testing.T) {
	sale := func(body string) string {
		return `{"id":"base","kind":"base","amount":"147.00","currency":"USD"},{"id":"f","kind":"sale","currency":"USD","formula":{` + body + `}}`
	}
	cost := `"cost":{"amount":"60.00","currency":"USD"}`
	runRulings(t, []ruling{
		{name: "in its order", rules: sale(`"base":"list","percent_off":"10","round":"10.00","surcharge":"-0.01"`), want: "unit 129.99"},
		{name: "half a multiple goes up", rules: sale(`"base":"list","round":"6.00"`), want: "unit 150.00"},
		{name: "at least a margin above the base", rules: sale(`"base":"list","percent_off":"50","min_margin":"1.00"`), want: "unit 148.00"},
		{name: "at most a margin above the base", rules: sale(`"base":"list","percent_up":"50","max_margin":"1.00"`), want: "unit 148.00"},
		{name: "below zero is zero", rules: sale(`"base":"list","surcharge":"-200.00"`), want: "unit 0.00"},
		{
			name: "list and current differ", want: "unit 73.50",
			rules: sale(`"base":"list","percent_off":"50"`) + `,{"id":"t","kind":"tier","percent_off":"10"}`,
		},
		{
			name: "current is the running value", want: "unit 66.15",
			rules: sale(`"base":"current","percent_off":"50"`) + `,{"id":"t","kind":"tier","percent_off":"10"}`,
		},
		{name: "of cost", rules: sale(`"base":"cost","percent_up":"25"`), query: cost, want: "unit 75.00, list 147.00"},
		{name: "of a cost that is missing", rules: sale(`"base":"cost"`), err: pricing.ErrCost},
		{
			name: "of another rule, whatever its condition", want: "unit 89.95",
			rules: `{"id":"w","kind":"contract","amount":"60.00","currency":"USD","when":{"field":"customer.id","op":"=","value":"nobody"},"until":"2020-01-01T00:00:00Z"},
				{"id":"base","kind":"base","currency":"USD","formula":{"base":"rule:w","percent_up":"50","round":"5.00","surcharge":"-0.05"}}`,
			query: `"at":"2026-06-01T00:00:00Z"`,
		},
		{
			name: "of a formula of a formula", want: "unit 13.00",
			rules: `{"id":"base","kind":"base","currency":"USD","formula":{"base":"rule:b","surcharge":"1.00"}},{"id":"b","kind":"list","currency":"USD","on":{"product":"p2"},"formula":{"base":"rule:c","surcharge":"2.00"}},
				{"id":"c","kind":"list","amount":"10.00","currency":"USD","on":{"product":"p3"}}`,
		},
		{name: "markup", rules: `{"id":"c","kind":"cost_plus","markup":"40"}`, query: `"cost":{"amount":"59.99","currency":"USD"}`, want: "unit 83.99"},
		{name: "margin that ends", rules: `{"id":"c","kind":"cost_plus","margin":"25"}`, query: cost, want: "unit 80.00"},
		{name: "margin without end", rules: `{"id":"c","kind":"cost_plus","margin":"30"}`, query: cost, want: "unit 85.71"},
		{name: "a cost of zero is a cost", rules: `{"id":"c","kind":"cost_plus","margin":"30"}`, query: `"cost":{"amount":"0.00","currency":"USD"}`, want: "unit 0.00"},
		{name: "cost_plus without a cost", rules: `{"id":"c","kind":"cost_plus","markup":"40"}`, err: pricing.ErrCost},
		{name: "an explicit price needs no cost", rules: base100 + `,{"id":"c","kind":"cost_plus","markup":"40","priority":9}`, want: "unit 100.00, rules base"},
	})
}

func TestGuards(t *testing.T) {
	guard := func(id, kind, amount string) string {
		return `,{"id":"` + id + `","kind":"` + kind + `","amount":"` + amount + `","currency":"USD"}`
	}
	cost := `"cost":{"amount":"60.00","currency":"USD"}`
	charm := `,{"id":"r","kind":"round","currency":"USD","round":{"increment":"1.00","offset":"-0.01"}}`
	price := func(amount string) string {
		return `{"id":"base","kind":"base","amount":"` + amount + `","currency":"USD"}`
	}
	runRulings(t, []ruling{
		{name: "the highest floor", rules: base100 + guard("a", "floor", "110.00") + guard("b", "floor", "120.00"), want: "unit 120.00, floor 120.00, rules base b"},
		{name: "the lowest ceiling", rules: base100 + guard("a", "ceiling", "90.00") + guard("b", "ceiling", "80.00"), want: "unit 80.00, rules base b"},
		{name: "of equals the smallest id", rules: base100 + guard("b", "floor", "110.00") + guard("a", "floor", "110.00"), want: "unit 110.00, rules base a"},
		{
			name: "a floor beats a ceiling", query: `"region":"US"`, want: "unit 95.00, rules base c f",
			rules: base100 + guard("c", "ceiling", "90.00") + `,{"id":"f","kind":"floor","amount":"95.00","currency":"USD","when":{"field":"region","op":"=","value":"US"}}`,
		},
		{name: "a guard that holds anyway makes no step", rules: base100 + guard("f", "floor", "50.00"), want: "unit 100.00, floor 50.00, rules base"},
		{name: "a margin is a floor", rules: price("70.00") + `,{"id":"m","kind":"min_margin","margin":"25"}`, query: cost, want: "unit 80.00, floor 80.00, rules base m"},
		{name: "a margin without end rounds up", rules: price("70.00") + `,{"id":"m","kind":"min_margin","margin":"30"}`, query: cost, want: "unit 85.72, floor 85.714286"},
		{name: "a margin against a floor", rules: price("70.00") + guard("f", "floor", "85.72") + `,{"id":"m","kind":"min_margin","margin":"30"}`, query: cost, want: "unit 85.72, rules base f"},
		{name: "a margin without a cost fails closed", rules: base100 + `,{"id":"m","kind":"min_margin","margin":"25"}`, err: pricing.ErrCost},
		{name: "map advertises and does not change the price", rules: base100 + guard("m", "map", "120.00"), want: "unit 100.00, advertised 120.00, floor 0, rules base"},
		{name: "map below the price", rules: base100 + guard("m", "map", "80.00"), want: "advertised 100.00"},
		{name: "charm prices", rules: price("17.34") + charm, want: "unit 16.99, rules base r"},
		{name: "charm prices above a floor", rules: price("17.34") + charm + guard("f", "floor", "17.00"), want: "unit 17.99"},
		{name: "charm prices below a ceiling", rules: price("17.60") + charm + guard("c", "ceiling", "17.70"), want: "unit 16.99"},
		{name: "no grid point between the guards", rules: price("17.34") + charm + guard("c", "ceiling", "17.50") + guard("f", "floor", "17.00"), want: "unit 17.34, rules base"},
		{name: "no grid point below zero", rules: price("0.30") + charm, want: "unit 0.99"},
		{name: "zero stays zero", rules: price("0.00") + charm, want: "unit 0.00, rules base"},
		{name: "a price on the grid makes no step", rules: price("16.99") + charm, want: "unit 16.99, rules base"},
		{
			name: "a unit is not rounded below a floor", rules: price("10.00") + guard("f", "floor", "10.001"), want: "unit 10.01, floor 10.001",
		},
		{
			name: "a unit is not rounded above a ceiling", policy: `"rounding":"up"`, rules: price("20.00") + guard("c", "ceiling", "10.009"), want: "unit 10.00",
		},
		{
			name: "a unit keeps a guard by its own increment", policy: `"rounding":{"mode":"half_up","increment":5}`, rules: price("9.00") + guard("f", "floor", "10.01"), want: "unit 10.05",
		},
		{
			name: "a line is not rounded below a floor", query: `"qty":"1.001"`, want: "line 7.18, floor 7.163",
			rules: perLine + guard("f", "floor", "7.163"),
		},
		{
			name: "map is rounded up too", policy: `"rounding":{"increment":5}`, rules: base100 + guard("m", "map", "120.01"), want: "advertised 120.05",
		},
	})
}

func TestRoundingAndTax(t *testing.T) {
	price := func(amount string) string {
		return `{"id":"base","kind":"base","amount":"` + amount + `","currency":"USD"}`
	}
	off := func(percent string) string { return `,{"id":"s","kind":"sale","percent_off":"` + percent + `"}` }
	runRulings(t, []ruling{
		{name: "half even by default", rules: price("10.50") + off("15"), want: "unit 8.92, list 10.50"},
		{name: "half up", policy: `"rounding":"half_up"`, rules: price("10.50") + off("15"), want: "unit 8.93"},
		{name: "the unit before the line", policy: `"rounding":"half_up"`, rules: price("10.50") + off("15"), query: `"qty":"3"`, want: "unit 8.93, line 26.79"},
		{name: "extra digits in the unit, none in the line", policy: `"rounding":{"extra":4}`, rules: price("0.012345"), query: `"qty":"1000"`, want: "unit 0.012345, line 12.34"},
		{name: "its own line rounding", policy: `"rounding":{"extra":4},"line_rounding":"up"`, rules: price("0.012345"), query: `"qty":"1000"`, want: "line 12.35"},
		{name: "the line takes the mode of the unit", policy: `"rounding":{"mode":"up","increment":100}`, rules: price("0.30"), query: `"qty":"0.333"`, want: "unit 1.00, line 0.34"},
		{name: "each rounds after every rule", policy: `"rounding":"half_up","round_at":"each","combine":{"sale":"chain"}`, rules: price("9.99") + off("5") + `,{"id":"t","kind":"tier","percent_off":"5"}`, want: "unit 9.02"},
		{name: "end rounds once", policy: `"rounding":"half_up"`, rules: price("9.99") + off("5") + `,{"id":"t","kind":"tier","percent_off":"5"}`, want: "unit 9.02"},
		{name: "each is not end", policy: `"rounding":"half_up","round_at":"each"`, rules: price("0.50") + off("5") + `,{"id":"t","kind":"tier","percent_off":"5"}`, want: "unit 0.46"},
		{name: "end is not each", policy: `"rounding":"half_up"`, rules: price("0.50") + off("5") + `,{"id":"t","kind":"tier","percent_off":"5"}`, want: "unit 0.45"},
		{name: "discount rounds what is taken off, half up", policy: `"rounding":"half_up","round_at":"discount"`, rules: price("99.90") + off("15"), want: "unit 84.91"},
		{name: "discount rounds what is taken off, half even", policy: `"round_at":"discount"`, rules: price("99.90") + off("15"), want: "unit 84.92"},
		{name: "discount rounds no surcharge", policy: `"rounding":"half_up","round_at":"discount"`, rules: price("0.30") + `,{"id":"a","kind":"surcharge","percent_up":"15"},{"id":"b","kind":"surcharge","percent_up":"15"}`, want: "unit 0.40"},
		{name: "a tax taken out", policy: `"tax":"inclusive"`, rules: price("11.90"), query: `"tax_rate":"19"`, want: "net 10.00, tax 1.90, gross 11.90"},
		{name: "a tax added", policy: `"tax":"exclusive"`, rules: price("10.00"), query: `"tax_rate":"19","qty":"2"`, want: "net 20.00, tax 3.80, gross 23.80"},
		{name: "no tax rate", policy: `"tax":"exclusive"`, rules: price("10.00"), want: "net 0, tax 0, gross 0"},
		{name: "a tax rate and no tax", rules: price("10.00"), query: `"tax_rate":"19"`, err: pricing.ErrQuery},
		{name: "a tax rate of less than nothing", policy: `"tax":"exclusive"`, rules: price("10.00"), query: `"tax_rate":"-100"`, err: money.ErrRange},
		{name: "a line that no amount holds", rules: price("90000000000000000.00"), query: `"qty":"1000000000000"`, err: money.ErrRange},
		{name: "a chain past int64", rules: price("90000000000000000.00") + `,{"id":"t","kind":"tier","percent_off":"99.999999"}` + off("99.9999999"), want: "unit 0.90"},
	})
}

// fxRate is a rate of June 2026 in JSON, asOf from the day on.
func fxRate(from, to, value, asOf string) string {
	return `{"from":"` + from + `","to":"` + to + `","rate":"` + value + `","as_of":"2026-06-` + asOf + `Z"}`
}

func fxRates(list ...string) string { return `"rates":[` + strings.Join(list, ",") + `]` }

func TestConversionFindsARate(t *testing.T) {
	eur := `{"id":"base","kind":"base","amount":"10.00","currency":"EUR"}`
	convert := `"convert":true,"pivot":"EUR"`
	aged := convert + `,"max_age":"24h"`
	runRulings(t, []ruling{
		{name: "direct", policy: convert, rules: eur, query: fxRates(usdRate), want: "unit 11.00, stale no"},
		{name: "inverse", policy: convert, rules: eur, query: fxRates(fxRate("USD", "EUR", "0.8", "01T00:00:00")), want: "unit 12.50"},
		{name: "inverse without end", policy: convert, rules: eur, query: fxRates(fxRate("USD", "EUR", "0.9", "01T00:00:00")), want: "unit 11.11"},
		{
			name: "two legs through the pivot", policy: convert, rules: `{"id":"base","kind":"base","amount":"10.00","currency":"CHF"}`, want: "unit 12.10",
			query: fxRates(usdRate + "," + fxRate("CHF", "EUR", "1.1", "01T00:00:00")),
		},
		{
			name: "direct before inverse", policy: convert, rules: eur, want: "unit 11.00",
			query: fxRates(fxRate("USD", "EUR", "0.8", "05T00:00:00") + "," + usdRate),
		},
		{name: "no path", policy: convert, rules: eur, query: fxRates(fxRate("CHF", "USD", "1.1", "01T00:00:00")), err: pricing.ErrRate},
		{name: "no rates at all", policy: convert, rules: eur, err: pricing.ErrRate},
		{
			name: "never a lower rank for want of a rate", policy: convert, err: pricing.ErrRate,
			rules: `{"id":"c","kind":"contract","amount":"10.00","currency":"EUR"},{"id":"base","kind":"base","amount":"12.00","currency":"USD"}`,
		},
		{
			name: "the query's currency, then the pivot, then any", policy: convert, want: "unit 11.00, rules base",
			rules: eur + `,{"id":"chf","kind":"base","amount":"1.00","currency":"CHF","priority":9}`, query: fxRates(usdRate),
		},
		{
			name: "a kind comes before a currency", policy: convert, want: "unit 11.00, rules c",
			rules: `{"id":"c","kind":"contract","amount":"10.00","currency":"EUR"},{"id":"base","kind":"base","amount":"12.00","currency":"USD"}`, query: fxRates(usdRate),
		},
		{name: "without convert a foreign price is no candidate", rules: eur, query: fxRates(usdRate), err: pricing.ErrNoPrice},
		{name: "the newest rate", policy: convert, rules: eur, query: fxRates(fxRate("EUR", "USD", "1.2", "02T00:00:00") + "," + usdRate), want: "unit 12.00"},
		{
			name: "the newest that is known", policy: convert, rules: eur, want: "unit 11.00, next 2026-06-02T00:00:00Z",
			query: fxRates(fxRate("EUR", "USD", "1.2", "02T00:00:00")+","+usdRate) + `,"at":"2026-06-01T23:59:59Z"`,
		},
		{name: "none that is known yet", policy: convert, rules: eur, query: fxRates(usdRate) + `,"at":"2026-05-31T23:59:59Z"`, err: pricing.ErrRate},
		{name: "as old as it may be", policy: aged, rules: eur, query: fxRates(usdRate) + `,"at":"2026-06-02T00:00:00Z"`, want: "unit 11.00, stale no, next 2026-06-02T00:00:01Z"},
		{name: "stale", policy: aged, rules: eur, query: fxRates(usdRate) + `,"at":"2026-06-02T00:00:01Z"`, err: pricing.ErrRate},
		{name: "stale and used", policy: aged + `,"stale":"use"`, rules: eur, query: fxRates(usdRate) + `,"at":"2026-06-02T00:00:01Z"`, want: "unit 11.00, stale yes"},
		{
			name: "stale and native", policy: aged + `,"stale":"native"`, query: fxRates(usdRate) + `,"at":"2026-06-02T00:00:01Z"`, want: "unit 12.00, rules base",
			rules: `{"id":"c","kind":"contract","amount":"10.00","currency":"EUR"},{"id":"base","kind":"base","amount":"12.00","currency":"USD"}`,
		},
		{
			name: "native with a fresh rate", policy: aged + `,"stale":"native"`, query: fxRates(usdRate) + `,"at":"2026-06-01T00:00:01Z"`, want: "unit 11.00, rules c",
			rules: `{"id":"c","kind":"contract","amount":"10.00","currency":"EUR"},{"id":"base","kind":"base","amount":"12.00","currency":"USD"}`,
		},
		{
			name: "native without a price", policy: aged + `,"stale":"native"`, rules: eur, query: fxRates(usdRate) + `,"at":"2026-06-02T00:00:01Z"`, err: pricing.ErrNoPrice,
		},
		{
			name: "native rejects for a guard", policy: aged + `,"stale":"native"`, query: fxRates(usdRate) + `,"at":"2026-06-02T00:00:01Z"`, err: pricing.ErrRate,
			rules: base100 + `,{"id":"f","kind":"floor","amount":"10.00","currency":"EUR"}`,
		},
		{name: "a leg of two that is stale", policy: aged, rules: `{"id":"base","kind":"base","amount":"10.00","currency":"CHF"}`, err: pricing.ErrRate, query: fxRates(usdRate+","+fxRate("CHF", "EUR", "1.1", "02T00:00:00")) + `,"at":"2026-06-02T00:00:01Z"`},
	})
}

func TestConversionOfWhat(t *testing.T) {
	eur := `{"id":"base","kind":"base","amount":"10.00","currency":"EUR"}`
	convert := `"convert":true,"pivot":"EUR"`
	runRulings(t, []ruling{
		{name: "spread on the price", policy: convert + `,"spread":"2"`, rules: eur, query: fxRates(usdRate), want: "unit 11.22"},
		{name: "no spread on a native price", policy: convert + `,"spread":"2"`, rules: base100, query: fxRates(usdRate), want: "unit 100.00"},
		{
			name: "no spread on a cost", policy: convert + `,"spread":"2"`, rules: `{"id":"c","kind":"cost_plus","markup":"50"}`, want: "unit 99.00",
			query: fxRates(usdRate) + `,"cost":{"amount":"60.00","currency":"EUR"}`,
		},
		{
			name: "no spread on a guard", policy: convert + `,"spread":"2"`, rules: base100 + `,{"id":"f","kind":"floor","amount":"100.00","currency":"EUR"}`, want: "unit 110.00, floor 110.00",
			query: fxRates(usdRate),
		},
		{
			name: "a cost converts to the rule's currency", policy: convert, want: "unit 112.50",
			rules: `{"id":"c","kind":"cost_plus","currency":"EUR","formula":{"base":"cost","surcharge":"10.00"}}`,
			query: fxRates(fxRate("EUR", "USD", "1.25", "01T00:00:00")) + `,"cost":{"amount":"100.00","currency":"USD"}`,
		},
		{name: "a foreign cost without convert", rules: `{"id":"c","kind":"cost_plus","markup":"50"}`, query: `"cost":{"amount":"60.00","currency":"EUR"}`, err: money.ErrCurrency},
		{name: "a foreign cost that nobody needs", rules: base100, query: `"cost":{"amount":"60.00","currency":"EUR"}`, want: "unit 100.00"},
		{
			name: "adjustments in another currency do not apply", policy: convert, query: fxRates(usdRate), want: "unit 11.00, rules base",
			rules: eur + `,{"id":"s","kind":"sale","amount_off":"2.00","currency":"EUR"},{"id":"u","kind":"surcharge","amount_up":"2.00","currency":"EUR"},
				{"id":"r","kind":"round","currency":"EUR","round":{"increment":"5.00"}}`,
		},
		{
			name: "one rounding, at the end", policy: convert, want: "unit 18.96", rules: `{"id":"base","kind":"base","amount":"19.99","currency":"EUR"},{"id":"s","kind":"sale","percent_off":"12.5"}`,
			query: fxRates(fxRate("EUR", "USD", "1.0837", "01T00:00:00")),
		},
		{
			name: "a currency of one's own", policy: `"currencies":[{"code":"POINT","digits":0}]`, query: `"currency":"POINT/0","qty":"3"`, want: "unit 250, line 750",
			rules: `{"id":"base","kind":"base","amount":"250","currency":"POINT"}`,
		},
	})
}

func TestFXUsedNamesTheLegs(t *testing.T) {
	r := ruling{
		policy: `"convert":true,"pivot":"EUR"`, rules: `{"id":"base","kind":"base","amount":"10.00","currency":"CHF"}`,
		query: `"rates":[` + usdRate + `,{"from":"EUR","to":"CHF","rate":"0.8","as_of":"2026-06-02T00:00:00Z","source":"bank"}]`,
	}
	q := r.ask(t)
	quote, err := r.compile(t).Price(q)
	if err != nil {
		t.Fatal(err)
	}
	var rates []pricing.Rate
	for rate := range q.Rates.All() {
		rates = append(rates, rate)
	}
	want := pricing.FXUsed{From: isoCurrency(t, "CHF"), To: isoCurrency(t, "USD"), Rates: [2]pricing.Rate{rates[1], rates[0]}}
	if diff := cmp.Diff(want, quote.FX, quoteOptions()); diff != "" {
		t.Errorf("FX (-want +got):\n%s", diff)
	}
}

func TestTime(t *testing.T) {
	dated := `{"id":"a","kind":"base","amount":"5.00","currency":"USD","until":"2026-06-10T12:00:00Z"},{"id":"b","kind":"base","amount":"6.00","currency":"USD","from":"2026-06-10T12:00:00Z"}`
	elsewhere := `,{"id":"c","kind":"base","amount":"6.00","currency":"USD","on":{"product":"p2"},"from":"2026-01-01T00:00:00Z"}`
	runRulings(t, []ruling{
		{name: "the last second before a bound", rules: dated, query: `"at":"2026-06-10T11:59:59Z"`, want: "unit 5.00, next 2026-06-10T12:00:00Z"},
		{name: "the bound itself", rules: dated, query: `"at":"2026-06-10T12:00:00Z"`, want: "unit 6.00, next 0001-01-01T00:00:00Z"},
		{name: "in another zone", rules: dated, query: `"at":"2026-06-10T14:00:00+02:00"`, want: "unit 6.00"},
		{name: "no time where rules have dates", rules: dated, err: pricing.ErrTime},
		{name: "not even where no rule in scope has", rules: base100 + elsewhere, err: pricing.ErrTime},
		{name: "no time where rates age", policy: `"convert":true,"max_age":"1h"`, rules: base100, err: pricing.ErrTime},
		{name: "no time where it cannot matter", rules: base100, want: "unit 100.00"},
		{name: "the next bound in scope only", rules: base100 + `,{"id":"c","kind":"base","amount":"6.00","currency":"USD","on":{"product":"p2"},"from":"2027-01-01T00:00:00Z"}`, query: `"at":"2026-06-10T12:00:00Z"`, want: "next 0001-01-01T00:00:00Z"},
	})

	s := ruling{rules: dated}.compile(t)
	q := ruling{}.ask(t)
	q.At = time.Date(2026, 6, 10, 14, 0, 0, -1, time.FixedZone("", 7200))
	quote, err := s.Price(q)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 6, 10, 11, 59, 59, 0, time.UTC); quote.At != want || quote.Unit.Text() != "5.00" {
		t.Errorf("at %v the unit is %v, want it at %v to be 5.00", quote.At, quote.Unit, want)
	}
}

func TestBadQueriesAreNamed(t *testing.T) {
	usd := isoCurrency(t, "USD")
	s := ruling{rules: base100 + `,{"id":"s","kind":"sale","percent_off":"5","until":"2030-01-01T00:00:00Z"}`}.compile(t)
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	good := pricing.Query{Product: "p1", Qty: decimal.NewFromInt(1), Currency: usd, At: now}
	if _, err := s.Price(good); err != nil {
		t.Fatal(err)
	}
	many := func(n int) (list []string, texts map[string]string, numbers map[string]decimal.Decimal) {
		texts, numbers = make(map[string]string), make(map[string]decimal.Decimal)
		for i := range n {
			name := strings.Repeat("x", i+1)
			list, texts[name], numbers[name] = append(list, name), name, decimal.Zero
		}
		return list, texts, numbers
	}
	for _, tc := range []struct {
		name  string
		spoil func(q *pricing.Query)
		err   error
		text  string
	}{
		{"no product", func(q *pricing.Query) { q.Product = "" }, pricing.ErrQuery, "pricing: price: product missing: bad query"},
		{"no currency", func(q *pricing.Query) { q.Currency = money.Currency{} }, money.ErrCurrency, "pricing: price p1: currency missing: invalid currency"},
		{"quantity below zero", func(q *pricing.Query) { q.Qty = decimal.NewFromInt(-1) }, pricing.ErrQuantity, "pricing: price p1: qty -1, want 0 to 10^12 with at most 6 decimals: bad quantity"},
		{"quantity too large", func(q *pricing.Query) { q.Qty = decimal.New(1_000_000_000_001, 0) }, pricing.ErrQuantity, "qty 1000000000001"},
		{"quantity too fine", func(q *pricing.Query) { q.Qty = decimal.New(1, -7) }, pricing.ErrQuantity, "qty 0.0000001"},
		{"quantity too fine among digits", func(q *pricing.Query) { q.Qty = decimal.New(12_345_678, -7) }, pricing.ErrQuantity, "qty 1.2345678"},
		{"quantity past int64", func(q *pricing.Query) { q.Qty = decimal.New(99, 17) }, pricing.ErrQuantity, "qty"},
		{"quantity of endless digits", func(q *pricing.Query) { q.Qty = decimal.New(1, 1_000_000_000) }, pricing.ErrQuantity, "qty with 1 digits and exponent 1000000000"},
		{"categories", func(q *pricing.Query) { q.Categories, _, _ = many(65) }, pricing.ErrQuery, "categories: 65, at most 64"},
		{"segments", func(q *pricing.Query) { q.Customer.Segments, _, _ = many(257) }, pricing.ErrQuery, "customer.segments: 257, at most 256"},
		{"attributes", func(q *pricing.Query) { _, q.Attributes, _ = many(65) }, pricing.ErrQuery, "attributes: 65, at most 64"},
		{"numbers", func(q *pricing.Query) { _, _, q.Numbers = many(65) }, pricing.ErrQuery, "numbers: 65, at most 64"},
		{"negative cost", func(q *pricing.Query) { q.Cost = money.New(-1, usd) }, pricing.ErrCost, "cost -0.01 USD is negative"},
		{"no time", func(q *pricing.Query) { q.At = time.Time{} }, pricing.ErrTime, "at missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := good
			tc.spoil(&q)
			var dst pricing.Quote
			if err := s.PriceInto(&good, &dst); err != nil {
				t.Fatal(err)
			}
			err := s.PriceInto(&q, &dst)
			if !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error = %v, want %v and %q", err, tc.err, tc.text)
			}
			if diff := cmp.Diff(pricing.Quote{Steps: []pricing.Step{}, Err: err}, dst, quoteOptions(), sameErrors()); diff != "" {
				t.Errorf("beside the error (-want +got):\n%s", diff)
			}
			if x, err := s.Explain(q); !errors.Is(err, tc.err) || !errors.Is(x.Err, tc.err) {
				t.Errorf("Explain: error = %v and %v, want %v", err, x.Err, tc.err)
			}
		})
	}
}

func TestAllProblemsOfAQueryComeTogether(t *testing.T) {
	s := ruling{rules: base100 + `,{"id":"s","kind":"sale","percent_off":"5","until":"2030-01-01T00:00:00Z"}`}.compile(t)
	_, err := s.Price(pricing.Query{Qty: decimal.NewFromInt(-1)})
	for _, want := range []error{pricing.ErrQuery, money.ErrCurrency, pricing.ErrQuantity, pricing.ErrTime} {
		if !errors.Is(err, want) {
			t.Errorf("error = %v, want %v among others", err, want)
		}
	}
}

func TestQuantitiesAreTakenByValue(t *testing.T) {
	s := ruling{rules: base100}.compile(t)
	for _, tc := range []struct{ qty, line string }{
		{"0", "0.00"},
		{"1.0000000000000000000000000", "100.00"},
		{"0.000001", "0.00"},
		{"1000000000000", "100000000000000.00"},
		{"1000000000000.000000000", "100000000000000.00"},
		{"999999999999.999999", "100000000000000.00"},
	} {
		q := ruling{}.ask(t)
		q.Qty = decimal.RequireFromString(tc.qty)
		quote, err := s.Price(q)
		if err != nil || quote.Line.Text() != tc.line {
			t.Errorf("qty %s: line = %v, error %v, want %s", tc.qty, quote.Line, err, tc.line)
		}
	}
	q := ruling{}.ask(t)
	q.Qty = decimal.New(1, 12)
	if quote, err := s.Price(q); err != nil || quote.Line.Text() != "100000000000000.00" {
		t.Errorf("qty 1e12: line = %v, error %v", quote.Line, err)
	}
}

func TestRatesAreChecked(t *testing.T) {
	usd, eur := isoCurrency(t, "USD"), isoCurrency(t, "EUR")
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	good := pricing.Rate{From: eur, To: usd, Rate: decimal.RequireFromString("1.1"), AsOf: at}
	for _, tc := range []struct {
		name  string
		spoil func(r *pricing.Rate)
		err   error
		text  string
	}{
		{"zero", func(r *pricing.Rate) { r.Rate = decimal.Zero }, pricing.ErrRate, "pricing: rates: rate 1: no usable rate: 0 is not above zero"},
		{"negative", func(r *pricing.Rate) { r.Rate = r.Rate.Neg() }, pricing.ErrRate, "rate 1"},
		{"huge", func(r *pricing.Rate) { r.Rate = decimal.New(1, 19) }, pricing.ErrRate, "out of range"},
		{"fine", func(r *pricing.Rate) { r.Rate = decimal.New(1, -19) }, pricing.ErrRate, "out of range"},
		{"no currency", func(r *pricing.Rate) { r.To = money.Currency{} }, money.ErrCurrency, "rate 1"},
		{"to itself", func(r *pricing.Rate) { r.To = r.From }, pricing.ErrRate, "from EUR to itself"},
		{"same pair and time", func(r *pricing.Rate) { r.AsOf = r.AsOf.In(time.FixedZone("", 3600)) }, pricing.ErrRate, "pair and time of rate 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := good
			tc.spoil(&bad)
			rates, err := pricing.NewRates([]pricing.Rate{good, bad})
			if rates != nil || !errors.Is(err, tc.err) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("NewRates = %v, %v, want %v and %q", rates, err, tc.err, tc.text)
			}
		})
	}
}

// A rate that is known within a second counts from the next one on.
func TestRatesWithinASecond(t *testing.T) {
	usd, eur := isoCurrency(t, "USD"), isoCurrency(t, "EUR")
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	rates, err := pricing.NewRates([]pricing.Rate{
		{From: eur, To: usd, Rate: decimal.RequireFromString("1.1"), AsOf: at},
		{From: eur, To: usd, Rate: decimal.RequireFromString("1.3"), AsOf: at.Add(700 * time.Millisecond)},
		{From: eur, To: usd, Rate: decimal.RequireFromString("1.2"), AsOf: at.Add(300 * time.Millisecond)},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := ruling{policy: `"convert":true`, rules: `{"id":"base","kind":"base","amount":"10.00","currency":"EUR"}`}.compile(t)
	for _, tc := range []struct {
		at   time.Time
		want string
		next time.Time
	}{{at, "11.00", at.Add(time.Second)}, {at.Add(time.Second), "13.00", time.Time{}}, {time.Time{}, "13.00", time.Time{}}} {
		quote, err := s.Price(pricing.Query{Product: "p1", Currency: usd, Qty: decimal.NewFromInt(1), At: tc.at, Rates: rates})
		if err != nil || quote.Unit.Text() != tc.want || !quote.NextChange.Equal(tc.next) {
			t.Errorf("at %v: unit %v, next %v, error %v, want %s and %v", tc.at, quote.Unit, quote.NextChange, err, tc.want, tc.next)
		}
	}
}

func TestBatch(t *testing.T) {
	s := ruling{rules: base100 + `,{"id":"s","kind":"sale","percent_off":"5","until":"2030-01-01T00:00:00Z"}`}.compile(t)
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	query := func(at time.Time) pricing.Query {
		q := ruling{}.ask(t)
		q.At = at
		return q
	}

	t.Run("lines fail alone", func(t *testing.T) {
		qs := []pricing.Query{query(at), query(time.Time{}), query(at.Add(time.Second / 2)), query(at)}
		qs[3].Qty = decimal.NewFromInt(-1)
		dst := make([]pricing.Quote, 4)
		if err := s.PriceBatch(qs, dst); err != nil {
			t.Fatal(err)
		}
		for i, want := range []error{nil, pricing.ErrTime, nil, pricing.ErrQuantity} {
			if !errors.Is(dst[i].Err, want) {
				t.Errorf("line %d: error = %v, want %v", i, dst[i].Err, want)
			}
			if want == nil && dst[i].Unit.Text() != "95.00" {
				t.Errorf("line %d: unit = %v, want 95.00", i, dst[i].Unit)
			}
		}
	})
	t.Run("unequal lengths", func(t *testing.T) {
		if err := s.PriceBatch(make([]pricing.Query, 2), make([]pricing.Quote, 1)); !errors.Is(err, pricing.ErrQuery) {
			t.Errorf("error = %v, want ErrQuery", err)
		}
	})
	t.Run("two seconds", func(t *testing.T) {
		dst := make([]pricing.Quote, 2)
		err := s.PriceBatch([]pricing.Query{query(at), query(at.Add(time.Second))}, dst)
		if !errors.Is(err, pricing.ErrQuery) || !errors.Is(dst[0].Err, pricing.ErrQuery) || dst[0].Unit != (money.Amount{}) {
			t.Errorf("error = %v and %v, want ErrQuery", err, dst[0].Err)
		}
	})
	t.Run("empty", func(t *testing.T) {
		if err := s.PriceBatch(nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func isoCurrency(tb testing.TB, code string) money.Currency {
	tb.Helper()
	c, err := money.ISO(code)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
