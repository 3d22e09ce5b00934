package pricing_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// fault is a problem without its text, which has to have a part.
type fault struct {
	code, path, rule, text string
	is                     error
}

// faultyRules are rule sets that do not parse, by what is wrong with them.
func faultyRules() map[string][]fault {
	return map[string][]fault{
		`{"rules":[{"id":"r","kind":"base","amount":12.5,"currency":"USD"}]}`: {
			{code: "type", path: "rules[0].amount", rule: "r", text: `want a decimal string such as "12.5", not a number`},
		},
		`{"rules":[{"id":"r","kind":"base","amount":"1e9","currency":"USD"}]}`: {{code: "number", path: "rules[0].amount", rule: "r", is: money.ErrSyntax}},
		`{"rules":[{"id":"r","kind":"base","amount":"NaN","currency":"USD"}]}`: {{code: "number", path: "rules[0].amount", rule: "r", is: money.ErrSyntax}},
		`{"rules":[{"id":"r","kind":"sale","percent_off":"1e9"}]}`:             {{code: "number", path: "rules[0].percent_off", rule: "r", text: `"1e9" is no decimal`}},
		`{"rules":[{"id":"r","kind":"sale","percent_off":"NaN"}]}`:             {{code: "number", path: "rules[0].percent_off", rule: "r"}},
		`{"rules":[{"id":"r","kind":"base","amount":"99999999999999999999","currency":"USD"}]}`: {
			{code: "number", path: "rules[0].amount", rule: "r", is: money.ErrRange},
		},
		`{"rules":[{"id":"r","kind":"base","amount":"0.0000000000000000001","currency":"USD"}]}`: {
			{code: "number", path: "rules[0].amount", rule: "r", is: money.ErrRange},
		},
		`{"rules":[{"kind":"base","amount":"1","currency":"usd"}]}`: {{code: "currency", path: "rules[0].currency", text: "usd", is: money.ErrCurrency}},
		`{"rules":[{"kind":"base","amount":"1","currency":"ZZZ"}]}`: {{code: "currency", path: "rules[0].currency", is: money.ErrCurrency}},
		`{"rules":[{"kind":"base","amount":"1","currency":""}]}`:    {{code: "currency", path: "rules[0].currency", is: money.ErrCurrency}},
		`{"rules":[{"kind":"base","amount":"1"}]}`:                  {{code: "currency", path: "rules[0].currency", text: "amount needs one", is: money.ErrCurrency}},
		`{"rules":[{"id":"r","kind":"base","charge":{"mode":"volume","steps":[{"up_to":5,"unit":"x"}]},"currency":"EURO"}]}`: {
			{code: "currency", path: "rules[0].currency", rule: "r", is: money.ErrCurrency},
			{code: "type", path: "rules[0].charge.steps[0].up_to", rule: "r"},
			{code: "number", path: "rules[0].charge.steps[0].unit", rule: "r", is: money.ErrSyntax},
		},
		`{"rules":[{"id":"a"},{"id":"b","kind":"basis"}]}`:   {{code: "name", path: "rules[1].kind", rule: "b", text: `unknown "basis": want contract, list`}},
		`{"rules":[{"id":"r","knd":"base"}]}`:                {{code: "unknown_key", path: "rules[0].knd", rule: "r"}},
		`{"rules":[{"id":"r","kind":"base","kind":"sale"}]}`: {{code: "repeated_key", path: "rules[0].kind", rule: "r"}},
		`{"rules":[{"id":"r","kind":"sale","amount":"1","percent_off":"2","currency":"USD"}]}`: {
			{code: "effect", path: "rules[0]", rule: "r", text: "several effects: amount, percent_off"},
		},
		`{"rules":[{"id":"r","on":{}}]}`:                            {{code: "scope", path: "rules[0].on", rule: "r"}},
		`{"rules":[{"id":"r","on":{"product":"p","variant":"v"}}]}`: {{code: "scope", path: "rules[0].on", rule: "r"}},
		`{"rules":[{"id":"r","on":{"everything":""}}]}`:             {{code: "unknown_key", path: "rules[0].on.everything"}, {code: "scope", path: "rules[0].on"}},
		`{"rules":[{"id":"r","from":"2026-06-01T00:00:00.5Z"}]}`:    {{code: "time", path: "rules[0].from", rule: "r"}},
		`{"rules":[{"id":"r","until":"yesterday"}]}`:                {{code: "time", path: "rules[0].until", rule: "r"}},
		`{"rules":[{"id":"r","min_qty":1,"priority":"1"}]}`:         {{code: "type", path: "rules[0].priority"}, {code: "type", path: "rules[0].min_qty"}},
		`{"rules":[{"id":"r","priority":1.5}]}`:                     {{code: "number", path: "rules[0].priority"}},
		`{"rules":[{"id":"r","when":{}}]}`:                          {{code: "condition", path: "rules[0].when"}},
		`{"rules":[{"id":"r","when":{"all":[],"field":"qty"}}]}`:    {{code: "condition", path: "rules[0].when"}},
		`{"rules":[{"id":"r","when":{"all":[{"not":{"any":[{"field":"qty","op":">","value":5}]}}]}}]}`: {
			{code: "type", path: "rules[0].when.all[0].not.any[0].value", rule: "r", text: "want a string, not a number"},
		},
		`{"rules":[{"id":"r","when":{"field":"region","op":"in","value":["US",1]}}]}`: {{code: "type", path: "rules[0].when.value[1]", rule: "r"}},
		`{"rules":[{"id":"r","formula":{"base":"list","precent_off":"1"},"currency":"USD"}]}`: {
			{code: "unknown_key", path: "rules[0].formula.precent_off", rule: "r"},
		},
		`{"rules":[{"id":"r","round":{"mode":"nearest","increment":"1"},"currency":"USD"}]}`: {{code: "name", path: "rules[0].round.mode", rule: "r"}},
		`{"rules":[{"id":"r","charge":{"mode":"tiered"},"currency":"USD"}]}`:                 {{code: "name", path: "rules[0].charge.mode", rule: "r"}},
		`{"rules":{}}`:                      {{code: "type", path: "rules"}},
		`{"rules":[null]}`:                  {{code: "type", path: "rules[0]", text: "not null"}},
		`[]`:                                {{code: "type", path: ""}},
		`{"rules":[]} x`:                    {{code: "syntax", path: ""}},
		`{"version":-1}`:                    {{code: "number", path: "version"}},
		`{"effective_from":"2026"}`:         {{code: "time", path: "effective_from"}},
		`{"policy":{"rounding":"bankers"}}`: {{code: "name", path: "policy.rounding"}},
		`{"policy":{"rounding":{"increment":0}}}`:                   {{code: "number", path: "policy.rounding.increment"}},
		`{"policy":{"line_rounding":{"extra":19}}}`:                 {{code: "number", path: "policy.line_rounding.extra"}},
		`{"policy":{"combine":{"guard":"first"}}}`:                  {{code: "unknown_key", path: "policy.combine.guard"}},
		`{"policy":{"combine":{"sale":"most"}}}`:                    {{code: "name", path: "policy.combine.sale"}},
		`{"policy":{"max_age":"-24h"}}`:                             {{code: "time", path: "policy.max_age"}},
		`{"policy":{"max_age":"1.5s"}}`:                             {{code: "time", path: "policy.max_age"}},
		`{"policy":{"max_age":"` + strings.Repeat("1h", 17) + `"}}`: {{code: "time", path: "policy.max_age"}},
		`{"policy":{"pivot":"eur"}}`:                                {{code: "currency", path: "policy.pivot", is: money.ErrCurrency}},
		`{"policy":{"currencies":[{"code":"USD","digits":3}]}}`:     {{code: "currency", path: "policy.currencies[0]", is: money.ErrCurrency}},
		`{"policy":{"currencies":[{"code":"POINT"}]}}`:              {{code: "currency", path: "policy.currencies[0]", is: money.ErrCurrency}},
		`{"policy":{"currencies":[{"code":"points","digits":0}]}}`:  {{code: "currency", path: "policy.currencies[0]", is: money.ErrCurrency}},
		`{"policy":{"convert":"yes","tax":"vat"}}`:                  {{code: "type", path: "policy.convert"}, {code: "name", path: "policy.tax"}},
		strings.Repeat(`{"rules":[`, 50):                            {{code: "depth", path: "rules"}},
	}
}

func TestParseRulesNamesEveryProblem(t *testing.T) {
	for data, want := range faultyRules() {
		rs, err := pricing.ParseRules([]byte(data))
		checkFaults(t, data, err, want)
		if !reflect.DeepEqual(rs, pricing.RuleSet{}) {
			t.Errorf("%s: a rule set beside the error", data)
		}
	}
}

// checkFaults compares the problems of a *ParseError.
func checkFaults(t *testing.T, data string, err error, want []fault) {
	t.Helper()
	data = fmt.Sprintf("%.100s", data)
	parse, ok := errors.AsType[*pricing.ParseError](err)
	if !ok {
		t.Errorf("%s: error %v", data, err)
		return
	}
	if len(parse.Problems) != len(want) {
		t.Errorf("%s: problems\n%v\nwant %v", data, err, want)
		return
	}
	for i, w := range want {
		p := parse.Problems[i]
		if p.Code != w.code || w.path != "" && p.Path != w.path || w.rule != "" && !slices.Equal(p.Rules, []string{w.rule}) || !strings.Contains(p.Text, w.text) {
			t.Errorf("%s: problem %+v, want %+v", data, p, w)
		}
		if !strings.Contains(p.Text, p.Path) || !strings.Contains(p.Text, w.rule) || !strings.Contains(err.Error(), p.Text) {
			t.Errorf("%s: %q does not say where", data, p.Text)
		}
		if w.is != nil && !errors.Is(err, w.is) {
			t.Errorf("%s: %v is not %v", data, err, w.is)
		}
	}
}

func TestParseQueryNamesEveryProblem(t *testing.T) {
	rates := func(r string) string { return `{"product":"p","currency":"USD","rates":[` + r + `]}` }
	tests := map[string][]fault{
		`{"product":"p"}`:                                                                  {{code: "currency", path: "currency", is: money.ErrCurrency}},
		`{"product":"p","currency":"usd"}`:                                                 {{code: "currency", path: "currency", is: money.ErrCurrency}},
		`{"product":"p","currency":"POINT"}`:                                               {{code: "currency", path: "currency", is: money.ErrCurrency}},
		`{"product":"p","currency":"USD/3"}`:                                               {{code: "currency", path: "currency", is: money.ErrCurrency}},
		`{"currency":"USD"}`:                                                               {{code: "query", path: "product", text: "missing", is: pricing.ErrQuery}},
		`{"product":"","currency":"USD"}`:                                                  {{code: "query", path: "product", is: pricing.ErrQuery}},
		`{"product":1,"currency":"USD"}`:                                                   {{code: "type", path: "product", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","qty":"-1"}`:                                      {{code: "quantity", path: "qty", is: pricing.ErrQuantity}},
		`{"product":"p","currency":"USD","qty":"0.0000001"}`:                               {{code: "quantity", path: "qty", is: pricing.ErrQuantity}},
		`{"product":"p","currency":"USD","qty":"1000000000001"}`:                           {{code: "quantity", path: "qty", is: pricing.ErrQuantity}},
		`{"product":"p","currency":"USD","qty":"9500000000000"}`:                           {{code: "quantity", path: "qty", is: pricing.ErrQuantity}},
		`{"product":"p","currency":"USD","qty":1}`:                                         {{code: "type", path: "qty", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","qty":"1e3"}`:                                     {{code: "number", path: "qty", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","cost":{"amount":"-0.01","currency":"USD"}}`:      {{code: "cost", path: "cost.amount", is: pricing.ErrCost}},
		`{"product":"p","currency":"USD","cost":{"amount":"1"}}`:                           {{code: "currency", path: "cost.currency", is: money.ErrCurrency}},
		`{"product":"p","currency":"USD","cost":{"currency":"USD"}}`:                       {{code: "cost", path: "cost.amount", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","cost":"1.00"}`:                                   {{code: "type", path: "cost", is: pricing.ErrQuery}},
		rates(`{"from":"EUR","to":"USD","rate":"0"}`):                                      {{code: "rate", path: "rates", text: "rate 0", is: pricing.ErrRate}},
		rates(`{"from":"EUR","to":"USD","rate":"1"},{"from":"EUR","to":"USD","rate":"2"}`): {{code: "rate", path: "rates", text: "rate 1", is: pricing.ErrRate}},
		rates(`{"from":"EUR","rate":"1"}`):                                                 {{code: "rate", path: "rates", is: money.ErrCurrency}},
		rates(`{"from":"EUR","to":"USD","rate":1.1}`):                                      {{code: "type", path: "rates[0].rate", is: pricing.ErrQuery}},
		rates(`{"from":"EUR","to":"USD","rate":"1","as_of":"now"}`):                        {{code: "time", path: "rates[0].as_of", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","at":"2026-06-01"}`:                               {{code: "time", path: "at", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","attributes":{"a":1}}`:                            {{code: "type", path: "attributes.a", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","numbers":{"age":18}}`:                            {{code: "type", path: "numbers.age", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","attributes":{"a":"1","a":"2"}}`:                  {{code: "repeated_key", path: "attributes.a", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","customer":{"name":"x"}}`:                         {{code: "unknown_key", path: "customer.name", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","tax_rate":19}`:                                   {{code: "type", path: "tax_rate", is: pricing.ErrQuery}},
		`{"product":"p","currency":"USD","quantity":"1"}`:                                  {{code: "unknown_key", path: "quantity", is: pricing.ErrQuery}},
		`{"product":"p"`: {{code: "syntax", is: pricing.ErrQuery}},
		`"p"`:            {{code: "type", is: pricing.ErrQuery}},
	}
	for data, want := range tests {
		_, err := pricing.ParseQuery([]byte(data))
		checkFaults(t, data, err, want)
		for _, sentinel := range []error{money.ErrCurrency, pricing.ErrQuantity, pricing.ErrCost, pricing.ErrRate, pricing.ErrQuery} {
			if errors.Is(err, sentinel) != errors.Is(want[0].is, sentinel) {
				t.Errorf("%s: %v is %v as well", data, err, sentinel)
			}
		}
	}
}

// goldenRules has every key of the form in its canonical order, and goldenText
// the same in another order and with defaults written out.
const (
	goldenRules = `{"policy":{"currencies":[{"code":"POINT","digits":0}],"rounding":{"mode":"half_up","increment":5,"extra":2},"line_rounding":"half_even",` +
		`"round_at":"discount","combine":{"sale":"best","surcharge":"first"},"ties":"lowest","convert":true,"pivot":"POINT","max_age":"1h30m",` +
		`"stale":"native","spread":"0.5","tax":"inclusive"},"rules":[` +
		`{"id":"a","kind":"base","label":"A <&> é","on":{"product":"p"},"when":{"all":[{"not":{"any":[{"field":"region","op":"=","value":"US"},` +
		`{"field":"customer.segments","op":"any","value":["gold"]}]}},{"field":"numbers.age","op":"between","value":["18","65.5"]},` +
		`{"field":"channel","op":"exists"}]},"priority":-3,"from":"2026-06-01T00:00:00Z","until":"2026-07-01T00:00:00Z","min_qty":"1.5","max_qty":"10",` +
		`"currency":"USD","amount":"12.50"},` +
		`{"id":"b","kind":"contract","on":{"category":"c"},"currency":"POINT","charge":{"mode":"graduated","steps":[{"up_to":"10","unit":"3"},{"unit":"2.5","flat":"1"}]}},` +
		`{"id":"c","kind":"list","currency":"USD","charge":{"mode":"package","size":"12","unit":"9.90","free":"0.5"}},` +
		`{"id":"d","kind":"cost_plus","margin":"33.3"},` +
		`{"id":"e","kind":"sale","exclusive":true,"currency":"USD","formula":{"base":"list","percent_off":"10","round":"10.00","surcharge":"-0.01",` +
		`"min_margin":"0.00","max_margin":"5.00"}},` +
		`{"id":"f","kind":"round","currency":"USD","round":{"mode":"floor","increment":"1.00","offset":"-0.01"}},` +
		`{"id":"g","kind":"round","currency":"USD","round":{"increment":"0.05"}}],"version":7,"effective_from":"2026-06-01T00:00:00Z"}`
	goldenText = `{"effective_from":"2026-06-01T02:00:00+02:00","version":7,"rules":[
		{"round":{"increment":"0.050","mode":"half_up","offset":"0"},"currency":"USD","id":"g","kind":"round","priority":0,"exclusive":false,"min_qty":"0"},
		{"id":"f","kind":"round","currency":"USD","round":{"mode":"floor","increment":"1","offset":"-0.010"}},
		{"id":"e","kind":"sale","exclusive":true,"currency":"USD","formula":{"base":"list","percent_off":"10.0","round":"10","surcharge":"-0.01","min_margin":"0","max_margin":"5"}},
		{"id":"d","kind":"cost_plus","margin":"33.30"},
		{"id":"c","kind":"list","currency":"USD","charge":{"unit":"9.9","free":"0.50","size":"12.000","mode":"package"}},
		{"id":"b","charge":{"steps":[{"unit":"3","up_to":"10","flat":"0"},{"unit":"2.5","flat":"1"}],"mode":"graduated"},"kind":"contract","on":{"category":"c"},"currency":"POINT/0"},
		{"amount":"12.5","id":"a","kind":"base","label":"A \u003c\u0026\u003e \u00e9","on":{"product":"p"},"when":{"all":[
			{"not":{"any":[{"value":"US","op":"=","field":"region"},{"field":"customer.segments","op":"any","value":["gold"]}]}},
			{"field":"numbers.age","op":"between","value":["18.0","65.50"]},{"field":"channel","op":"exists"}]},
		"priority":-3,"from":"2026-06-01T00:00:00Z","until":"2026-07-01T00:00:00Z","min_qty":"1.50","max_qty":"10","currency":"USD"}],
		"policy":{"tax":"inclusive","spread":"0.50","stale":"native","max_age":"90m","pivot":"POINT","convert":true,"ties":"lowest",
		"combine":{"surcharge":"first","sale":"best","tier":"first"},"round_at":"discount","line_rounding":{"mode":"half_even"},
		"rounding":{"extra":2,"increment":5,"mode":"half_up"},"currencies":[{"digits":0,"code":"POINT"}]}}`
)

// Invariant: pricing P10.
func TestCanonicalFormIsGolden(t *testing.T) {
	for _, text := range []string{goldenRules, goldenText} {
		rs, err := pricing.ParseRules([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := rs.MarshalJSON()
		if err != nil || string(got) != goldenRules {
			t.Fatalf("%v\n got %s\nwant %s", err, got, goldenRules)
		}
		if s := compileSet(t, rs); s.Len() != 7 || !s.EffectiveFrom().Equal(rs.EffectiveFrom) || s.Version() != 7 {
			t.Errorf("snapshot of %d rules, version %d, from %v", s.Len(), s.Version(), s.EffectiveFrom())
		}
	}
	if got := encoded(t, pricing.RuleSet{Policy: pricing.Policy{Combine: map[pricing.Stage]pricing.Combine{pricing.StageSurcharge: pricing.CombineChain}}}); string(got) != "{}" {
		t.Errorf("a rule set of defaults is %s", got)
	}
}

// A set passes through encoding/json, which escapes what MarshalJSON does not.
func TestRuleSetRoundTripsThroughEncodingJSON(t *testing.T) {
	type file struct{ Rules pricing.RuleSet }
	in := file{parsedSet(t, goldenRules)}
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out file
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in.Rules, out.Rules, ruleOptions()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if compileSet(t, in.Rules).Digest() != compileSet(t, out.Rules).Digest() {
		t.Error("another digest")
	}
	before := out
	if err := json.Unmarshal([]byte(`{"Rules":{"rules":[{"id":1}]}}`), &out); err == nil || !cmp.Equal(before, out, ruleOptions()) {
		t.Errorf("error %v, or a changed rule set", err)
	}
}

const goldenQuery = `{"product":"p","variant":"v","categories":["near","far"],"qty":"2.5","currency":"POINT/0","customer":{"id":"c","segments":["gold"]},` +
	`"channel":"web","region":"US","attributes":{"a":"","b c":"1"},"numbers":{"age":"18"},"at":"2026-06-01T00:00:00Z",` +
	`"cost":{"currency":"POINT/0","amount":"3"},"rates":[{"from":"EUR","to":"USD","rate":"1.0837","as_of":"2026-06-01T00:00:00Z","source":"ecb"},` +
	`{"from":"USD","to":"POINT/0","rate":"100"}],"tax_rate":"0"}`

func TestQueryRoundTrips(t *testing.T) {
	for in, want := range map[string]string{
		goldenQuery: goldenQuery,
		`{"currency":"USD","product":"p","qty":"1.000","categories":[],"attributes":{},"customer":{}}`: `{"product":"p","currency":"USD"}`,
		`{"currency":"USD","product":"p","qty":"0","rates":[]}`:                                        `{"product":"p","qty":"0","currency":"USD"}`,
	} {
		q, err := pricing.ParseQuery([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got := encoded(t, q); string(got) != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	q, err := pricing.ParseQuery([]byte(`{"product":"p","currency":"USD"}`))
	if err != nil || !q.Qty.Equal(decimal.New(1, 0)) {
		t.Errorf("quantity %v, %v: want 1", q.Qty, err)
	}
	q.At = time.Date(2026, 6, 1, 0, 0, 0, 999, time.UTC)
	if got := encoded(t, q); !strings.Contains(string(got), `"at":"2026-06-01T00:00:00Z"`) {
		t.Errorf("At is not cut: %s", got)
	}
	before := q
	if err := q.UnmarshalJSON([]byte(`{}`)); err == nil || q.Product != before.Product {
		t.Errorf("error %v, query %v", err, q)
	}
}

// What the form does not hold is an error and never something else in its stead.
func TestUnwritableSetsAreRefused(t *testing.T) {
	usd, eur := isoCurrency(t, "USD"), isoCurrency(t, "EUR")
	self := pricing.All{nil}
	self[0] = self
	wide := make(pricing.Any, 5000)
	for i := range wide {
		wide[i] = pricing.Leaf{Field: "qty", Op: "=", Values: []string{"1"}}
	}
	dollar := pricing.SetTo{Amount: money.New(100, usd)}
	for want, r := range map[string]pricing.Rule{
		"kind: 99":                               {ID: "r", Kind: 99},
		"id: ":                                   {ID: "\xff"},
		"on: level 9":                            {ID: "r", On: pricing.Scope{Level: 9, ID: "x"}},
		"on: level 0":                            {ID: "r", On: pricing.Scope{ID: "x"}},
		"from: ":                                 {ID: "r", From: time.Unix(0, 1)},
		"min_qty: ":                              {ID: "r", MinQty: decimal.NewNullDecimal(decimal.New(1, 1e9))},
		"amount: 1.00 USD in a rule of currency": {ID: "r", Currency: eur, Effect: dollar},
		"effect: *pricing.SetTo":                 {ID: "r", Currency: usd, Effect: &dollar},
		"when: ":                                 {ID: "r", When: self},
		"over 4096 parts":                        {ID: "r", When: pricing.All{wide}},
		"when: not: <nil>":                       {ID: "r", When: pricing.Not{}},
		"when: *pricing.Leaf":                    {ID: "r", When: &pricing.Leaf{}},
		"priority: ":                             {ID: "r", Priority: 1 << 40},
	} {
		_, err := json.Marshal(pricing.RuleSet{Rules: []pricing.Rule{{ID: "fine"}, r}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		if _, _, cutErr := pricing.Cut(pricing.RuleSet{Rules: []pricing.Rule{r}}); cutErr == nil {
			t.Errorf("Cut takes what has %s", want)
		}
	}
	for want, p := range map[string]pricing.Policy{
		"policy: max_age":  {MaxAge: time.Millisecond},
		"policy: ties":     {Ties: 7},
		"policy: rounding": {Rounding: money.Rounding{Extra: 200}},
		"policy: combine":  {Combine: map[pricing.Stage]pricing.Combine{pricing.StageGuard: pricing.CombineBest}},
		"policy: spread":   {Spread: decimal.New(1, -1e9)},
	} {
		if _, err := json.Marshal(pricing.RuleSet{Policy: p}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestQuotesAndFindingsMarshal(t *testing.T) {
	s := compileSet(t, parsedSet(t, `{"policy":{"rounding":"half_up","convert":true},"version":3,"rules":[
		{"id":"b","kind":"base","label":"Base","on":{"product":"p"},"currency":"EUR","amount":"19.99"},
		{"id":"s","kind":"sale","percent_off":"12.5","until":"2027-01-01T00:00:00Z"},{"id":"t","kind":"tier","percent_off":"5","when":{"field":"region","op":"=","value":"US"}}]}`))
	q, err := pricing.ParseQuery([]byte(`{"product":"p","currency":"USD","region":"DE","at":"2026-06-01T00:00:00Z",
		"rates":[{"from":"EUR","to":"USD","rate":"1.0837","source":"ecb"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	x, err := s.Explain(q)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"unit":"18.96","line":"18.96","list":"21.66","advertised":"18.96","currency":"USD","steps":[` +
		`{"rule":"b","label":"Base","kind":"base","stage":"price","before":"0.00","after":"21.663163","delta":"21.663163"},` +
		`{"rule":"s","label":"s","kind":"sale","stage":"sale","before":"21.663163","after":"18.955268","delta":"-2.707895"},` +
		`{"stage":"total","before":"18.955268","after":"18.96","delta":"0.004732"}],` +
		`"fx":{"from":"EUR","to":"USD","rates":[{"from":"EUR","to":"USD","rate":"1.0837","source":"ecb"}]},` +
		`"at":"2026-06-01T00:00:00Z","version":3,"digest":"` + s.Digest().String() + `","next_change":"2027-01-01T00:00:00Z",` +
		`"rejected":[{"rule":"t","reason":"condition","predicate":"region = US","got":"DE"}]}`
	got, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("explanation (-want +got):\n%s", diff)
	}
	quote := encoded(t, x.Quote)
	if want, _, _ := strings.Cut(want, `,"rejected"`); string(quote) != want+"}" {
		t.Errorf("quote %s", quote)
	}
	if got := encoded(t, pricing.Quote{Err: pricing.ErrNoPrice}); string(got) != `{"error":"no price"}` {
		t.Errorf("a quote without a price is %s", got)
	}
	finding := pricing.Finding{Code: "ended", Rules: []string{"s"}, Path: "rules[1]", Text: "it ended"}
	if got := encoded(t, finding); string(got) != `{"code":"ended","rules":["s"],"path":"rules[1]","text":"it ended"}` {
		t.Errorf("finding %s", got)
	}
	_, err = pricing.Compile(parsedSet(t, `{"rules":[{"id":"r","kind":"base"}]}`))
	if got := encoded(t, err); string(got) != `{"problems":[{"code":"effect","rules":["r"],"path":"rules[0].effect","text":"rule \"r\": effect: base takes one of amount, charge, formula"}]}` {
		t.Errorf("compile error %s", got)
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add([]byte(goldenRules))
	f.Add([]byte(goldenText))
	for data := range faultyRules() {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rs, err := pricing.ParseRules(data)
		if err != nil {
			if !reflect.DeepEqual(rs, pricing.RuleSet{}) {
				t.Fatalf("%q: a rule set beside %v", data, err)
			}
			return
		}
		canonical, err := rs.MarshalJSON()
		if err != nil {
			t.Fatalf("%q is read and not written: %v", data, err)
		}
		again, err := pricing.ParseRules(canonical)
		if err != nil {
			t.Fatalf("%q is written %q, which is not read: %v", data, canonical, err)
		}
		if diff := cmp.Diff(rs, again, ruleOptions()); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", data, diff)
		}
		if second, err := again.MarshalJSON(); err != nil || string(second) != string(canonical) {
			t.Fatalf("%q is not canonical: %v\n%s\n%s", data, err, canonical, second)
		}
	})
}

func FuzzParseQuery(f *testing.F) {
	f.Add([]byte(goldenQuery))
	f.Add([]byte(`{"product":"p","currency":"USD","qty":"1000000000000","cost":{"amount":"0","currency":"JPY"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := pricing.ParseQuery(data)
		if err != nil {
			return
		}
		canonical := encoded(t, q)
		again, err := pricing.ParseQuery(canonical)
		if err != nil {
			t.Fatalf("%q is written %q, which is not read: %v", data, canonical, err)
		}
		if second := encoded(t, again); string(second) != string(canonical) {
			t.Fatalf("%q is not canonical:\n%s\n%s", data, canonical, second)
		}
	})
}

func parsedSet(tb testing.TB, data string) pricing.RuleSet {
	tb.Helper()
	rs, err := pricing.ParseRules([]byte(data))
	if err != nil {
		tb.Fatal(err)
	}
	return rs
}

func compileSet(tb testing.TB, rs pricing.RuleSet) *pricing.Snapshot {
	tb.Helper()
	s, err := pricing.Compile(rs)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// A value that a form cannot hold is an error at once, whatever the exponent of a
// decimal would cost to write out.
func TestWhatReadsBackDifferentlyIsNotWritten(t *testing.T) {
	t.Parallel()
	for _, exp := range []int32{1_000_000_000, -1_000_000_000, math.MaxInt32, math.MinInt32} {
		q := pricing.Query{Product: "p", Currency: money.MustISO("USD"), Qty: decimal.New(1, exp)}
		if b, err := json.Marshal(q); err == nil {
			t.Errorf("exponent %d is written as %s", exp, b)
		}
	}
	for _, p := range []pricing.Policy{{Rounding: money.Rounding{Increment: -5}}, {LineRounding: &money.Rounding{Increment: -5}}} {
		if b, err := json.Marshal(pricing.RuleSet{Policy: p}); err == nil {
			t.Errorf("an increment of -5 is written as %s", b)
		}
	}
}
