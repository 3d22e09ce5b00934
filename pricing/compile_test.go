package pricing_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// problem is what a test checks of a pricing.Problem: its code, its path without
// the rule's index, and a part of its text.
type problem struct{ code, key, text string }

// What the rules of the tables below begin with.
const (
	baseRule    = `"kind":"base","on":{"product":"p"},"currency":"USD",`
	saleRule    = `"kind":"sale","currency":"USD",`
	formulaRule = saleRule + `"formula":`
	chargeRule  = baseRule + `"charge":`
)

// checkIllegal compiles rules, each of which is illegal by itself, in a set of
// legal ones.
func checkIllegal(t *testing.T, tests map[string][]problem) {
	t.Helper()
	for rule, want := range tests {
		data := `{"rules":[{"id":"base","kind":"base","currency":"USD","amount":"1"},{"id":"euro","kind":"base","currency":"EUR","amount":"1"},
			{"id":"percent","kind":"tier","percent_off":"1"},{"id":"oflist","kind":"tier","currency":"USD","on":{"product":"t"},"formula":{"base":"list"}},
			{"id":"ofoflist","kind":"tier","currency":"USD","on":{"product":"u"},"formula":{"base":"rule:oflist"}},{"id":"x",` + rule + `}]}`
		checkProblems(t, rule, parsedSet(t, data), "rules[5].", `rule "x": `, []string{"x"}, want)
	}
}

func TestIllegalNumbersAreRefused(t *testing.T) {
	checkIllegal(t, map[string][]problem{
		`"currency":"USD","amount":"1"`:                        {{"kind", "kind", "missing or unknown"}},
		baseRule[:len(baseRule)-1]:                             {{"effect", "effect", "base takes one of amount, charge, formula"}},
		baseRule + `"amount":"-0.01"`:                          {{"range", "amount", "-0.01 is negative"}},
		`"kind":"sale","percent_off":"100.01"`:                 {{"range", "percent_off", "100.01 is not 0 to 100"}},
		`"kind":"sale","percent_off":"-1"`:                     {{"range", "percent_off", "-1 is not 0 to 100"}},
		`"kind":"sale","percent_off":"0.0000000000000000001"`:  {{"range", "percent_off", "out of range"}},
		`"kind":"surcharge","percent_up":"1000.0000000000001"`: {{"range", "percent_up", "is not 0 to 1000"}},
		`"kind":"cost_plus","markup":"10001"`:                  {{"range", "markup", "10001 is not 0 to 10000"}},
		`"kind":"cost_plus","margin":"100"`:                    {{"range", "margin", "100 is not below 100"}},
		`"kind":"min_margin","margin":"100.0"`:                 {{"range", "margin", "100 is not below 100"}},
		`"kind":"min_margin","margin":"101"`:                   {{"range", "margin", "101 is not 0 to 100"}},
		saleRule + `"amount_off":"-1"`:                         {{"range", "amount_off", "negative"}},
		`"kind":"surcharge","currency":"USD","amount_up":"-1"`: {{"range", "amount_up", "negative"}},
	})
}

func TestIllegalEffectsAreRefused(t *testing.T) {
	checkIllegal(t, map[string][]problem{
		baseRule + `"amount_off":"1"`:                                  {{"effect", "amount_off", "base takes one of amount, charge, formula"}},
		`"kind":"contract","percent_off":"1"`:                          {{"effect", "percent_off", "contract takes one of"}},
		`"kind":"list","currency":"USD","round":{"increment":"1"}`:     {{"effect", "round", "list takes one of"}},
		`"kind":"cost_plus","currency":"USD","amount":"1"`:             {{"effect", "amount", "cost_plus takes one of markup, margin, formula"}},
		`"kind":"tier","percent_up":"1"`:                               {{"effect", "percent_up", "tier takes one of percent_off, amount_off, amount, formula"}},
		`"kind":"volume","min_qty":"1","markup":"1"`:                   {{"effect", "markup", "volume takes one of"}},
		saleRule + `"charge":{"mode":"package","size":"1","unit":"1"}`: {{"effect", "charge", "sale takes one of"}},
		`"kind":"surcharge","percent_off":"1"`:                         {{"effect", "percent_off", "surcharge takes one of percent_up, amount_up"}},
		`"kind":"floor","margin":"1"`:                                  {{"effect", "margin", "floor takes one of amount"}},
		`"kind":"ceiling","percent_off":"1"`:                           {{"effect", "percent_off", "ceiling takes"}},
		`"kind":"map","currency":"USD","amount_off":"1"`:               {{"effect", "amount_off", "map takes"}},
		`"kind":"min_margin","currency":"USD","amount":"1"`:            {{"effect", "amount", "min_margin takes one of margin"}},
		`"kind":"round","currency":"USD","amount":"1"`:                 {{"effect", "amount", "round takes one of round"}},
	})
}

func TestIllegalBoundsAreRefused(t *testing.T) {
	checkIllegal(t, map[string][]problem{
		`"kind":"sale","currency":"USD","percent_off":"1"`:                                             {{"currency", "currency", "percent_off has none"}},
		baseRule + `"amount":"1","priority":1000001`:                                                   {{"priority", "priority", "1000001 is not -10^6 to 10^6"}},
		baseRule + `"amount":"1","exclusive":true`:                                                     {{"exclusive", "exclusive", "not base"}},
		`"kind":"floor","currency":"USD","amount":"1","exclusive":true`:                                {{"exclusive", "exclusive", "not floor"}},
		`"kind":"sale","percent_off":"1","on":{"product":""}`:                                          {{"scope", "on.product", "empty id"}},
		`"kind":"sale","percent_off":"1","from":"2026-06-01T00:00:00Z","until":"2026-06-01T00:00:00Z"`: {{"window", "until", "empty"}},
		`"kind":"sale","percent_off":"1","from":"2026-06-02T00:00:00Z","until":"2026-06-01T00:00:00Z"`: {{"window", "until", "empty"}},
		`"kind":"sale","percent_off":"1","min_qty":"5","max_qty":"4.999999"`:                           {{"quantity", "max_qty", "4.999999 is below min_qty 5"}},
		`"kind":"sale","percent_off":"1","min_qty":"-1"`:                                               {{"quantity", "min_qty", "-1 is not 0 to 10^12"}},
		`"kind":"sale","percent_off":"1","max_qty":"1000000000000.000001"`:                             {{"quantity", "max_qty", "is not 0 to 10^12"}},
		`"kind":"sale","percent_off":"1","min_qty":"0.0000001"`:                                        {{"quantity", "min_qty", "with at most 6 decimals"}},
		`"kind":"volume","percent_off":"1"`:                                                            {{"quantity", "min_qty", "a volume rule needs one above zero"}},
		`"kind":"volume","percent_off":"1","min_qty":"0"`:                                              {{"quantity", "min_qty", "a volume rule needs one above zero"}},
		`"kind":"sale","percent_off":"120","priority":2000000,"min_qty":"-1","from":"2027-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z","when":{"any":[]}`: {
			{"priority", "priority", ""}, {"quantity", "min_qty", ""}, {"condition", "when.any", ""}, {"window", "until", ""}, {"range", "percent_off", ""},
		},
	})
}

func TestIllegalChargesAreRefused(t *testing.T) {
	steps := func(s string) string { return chargeRule + `{"mode":"graduated","steps":[` + s + `]}` }
	checkIllegal(t, map[string][]problem{
		chargeRule + `{}`:                  {{"charge", "charge.mode", "want volume, graduated or package"}},
		chargeRule + `{"mode":"volume"}`:   {{"charge", "charge.steps", "at least one step"}},
		steps(`{"up_to":"5","unit":"1"}`):  {{"charge", "charge.steps[0].up_to", "above 5 would have no price"}},
		steps(`{"unit":"1"},{"unit":"1"}`): {{"charge", "charge.steps[0].up_to", "only the last step is open"}},

		steps(`{"up_to":"5","unit":"1"},{"up_to":"5","unit":"1"},{"unit":"1"}`): {{"charge", "charge.steps[1].up_to", "5 is not above the step before"}},
		steps(`{"up_to":"9","unit":"1"},{"up_to":"5","unit":"1"},{"unit":"1"}`): {{"charge", "charge.steps[1].up_to", "5 is not above the step before"}},
		steps(`{"up_to":"0","unit":"1"},{"unit":"1"}`):                          {{"charge", "charge.steps[0].up_to", "0 is not above"}},

		steps(`{"up_to":"-1","unit":"-1","flat":"-2"},{"flat":"1"}`): {
			{"quantity", "charge.steps[0].up_to", "-1 is not 0"},
			{"effect", "charge.steps[1].unit", "missing"},
			{"range", "charge.steps[0].unit", "-1 is negative"},
			{"range", "charge.steps[0].flat", "-2 is negative"},
		},

		chargeRule + `{"mode":"volume","steps":[{"unit":"1"}],"size":"2"}`:             {{"charge", "charge", "go with package, not volume"}},
		chargeRule + `{"mode":"package","size":"2","unit":"1","steps":[{"unit":"1"}]}`: {{"charge", "charge.steps", "not package"}},
		chargeRule + `{"mode":"package","unit":"1"}`:                                   {{"charge", "charge.size", "above zero"}},
		chargeRule + `{"mode":"package","size":"2"}`:                                   {{"effect", "charge.unit", "missing"}},
		chargeRule + `{"mode":"package","size":"-2","unit":"-1","free":"-1"}`: {
			{"quantity", "charge.size", "-2 is not"}, {"quantity", "charge.free", "-1 is not"}, {"range", "charge.unit", "-1 is negative"},
		},
	})
}

func TestIllegalFormulasAndGridsAreRefused(t *testing.T) {
	checkIllegal(t, map[string][]problem{
		formulaRule + `{}`:               {{"formula", "formula.base", "want list, current, cost or rule:<id>"}},
		formulaRule + `{"base":"price"}`: {{"formula", "formula.base", "want list"}},
		formulaRule + `{"base":"list","percent_off":"1","percent_up":"1"}`: {{"formula", "formula.percent_up", "beside percent_off"}},
		formulaRule + `{"base":"list","percent_off":"101"}`:                {{"range", "formula.percent_off", "101 is not 0 to 100"}},
		formulaRule + `{"base":"list","percent_off":"-1"}`:                 {{"range", "formula.percent_off", "-1 is negative"}},
		formulaRule + `{"base":"list","percent_up":"1001"}`:                {{"range", "formula.percent_up", "1001 is not 0 to 1000"}},
		formulaRule + `{"base":"list","percent_up":"-1"}`:                  {{"range", "formula.percent_up", "-1 is negative"}},
		formulaRule + `{"base":"list","round":"0"}`:                        {{"range", "formula.round", "0 is not above zero"}},
		formulaRule + `{"base":"list","round":"-5"}`:                       {{"range", "formula.round", "-5 is negative"}},
		formulaRule + `{"base":"list","min_margin":"-1","max_margin":"-2"}`: {
			{"range", "formula.min_margin", "-1 is negative"}, {"range", "formula.max_margin", "-2 is negative"},
		},
		formulaRule + `{"base":"list","min_margin":"2","max_margin":"1"}`:             {{"formula", "formula.max_margin", "1 is below min_margin 2"}},
		baseRule + `"formula":{"base":"list"}`:                                        {{"formula", "formula.base", "no price yet in the price stage"}},
		baseRule + `"formula":{"base":"current"}`:                                     {{"formula", "formula.base", "no price yet in the price stage"}},
		`"kind":"cost_plus","currency":"USD","formula":{"base":"rule:base"}`:          {{"formula", "formula.base", "cost_plus is of cost only"}},
		formulaRule + `{"base":"rule:nowhere"}`:                                       {{"formula", "formula.base", `there is no rule "nowhere"`}},
		formulaRule + `{"base":"rule:"}`:                                              {{"formula", "formula.base", `there is no rule ""`}},
		formulaRule + `{"base":"rule:percent"}`:                                       {{"formula", "formula.base", `rule "percent" has neither an amount nor a formula`}},
		formulaRule + `{"base":"rule:euro"}`:                                          {{"currency", "formula.base", `rule "euro" is in EUR, this one in USD`}},
		baseRule + `"formula":{"base":"rule:oflist"}`:                                 {{"formula", "formula.base", `rule "oflist" starts from list or current`}},
		baseRule + `"formula":{"base":"rule:ofoflist"}`:                               {{"formula", "formula.base", `rule "ofoflist" starts from list or current`}},
		`"kind":"round","currency":"USD","round":{}`:                                  {{"effect", "round.increment", "missing"}},
		`"kind":"round","currency":"USD","round":{"increment":"0"}`:                   {{"range", "round.increment", "0 is not above zero"}},
		`"kind":"round","currency":"USD","round":{"increment":"1","offset":"1"}`:      {{"range", "round.offset", "1 is not smaller"}},
		`"kind":"round","currency":"USD","round":{"increment":"1","offset":"-1.001"}`: {{"range", "round.offset", "-1.001 is not smaller"}},
	})
}

func TestIllegalConditionsAreRefused(t *testing.T) {
	const when = `"kind":"sale","percent_off":"1","when":`
	deep := strings.Repeat(`{"not":`, 8) + `{"field":"qty","op":"=","value":"1"}` + strings.Repeat(`}`, 8)
	leaves := strings.Repeat(`{"field":"qty","op":"=","value":"1"},`, 64) + `{"field":"qty","op":"=","value":"1"}`
	values := strings.Repeat(`"x",`, 1000) + `"x"`
	checkIllegal(t, map[string][]problem{
		when + `{"field":"country","op":"=","value":"US"}`:        {{"condition", "when.field", `unknown field "country"`}},
		when + `{"field":"region","op":"like","value":"U"}`:       {{"condition", "when.op", `unknown operator "like"`}},
		when + `{"field":"region","op":"<","value":"U"}`:          {{"condition", "when.op", "is not for the text field region"}},
		when + `{"field":"categories","op":"=","value":"c"}`:      {{"condition", "when.op", "is not for the set field"}},
		when + `{"all":[{"field":"qty","op":">","value":"1e3"}]}`: {{"condition", "when.all[0].value", "want a decimal"}},
		when + `{"field":"qty","op":"between","value":["5","4"]}`: {{"condition", "when.value", "low 5 is above high 4"}},
		when + `{"field":"region","op":"=","value":["a","b"]}`:    {{"condition", "when.value", "takes one value"}},
		when + `{"field":"region","op":"exists","value":"a"}`:     {{"condition", "when.value", "takes no value"}},
		when + `{"any":[]}`:                            {{"condition", "when.any", "at least one"}},
		when + `{"field":"attributes.","op":"exists"}`: {{"condition", "when.field", "unknown field"}},
		when + deep:                       {{"condition", "when", "deeper than 8"}},
		when + `{"all":[` + leaves + `]}`: {{"condition", "when", "more than 64 leaves"}},
		when + `{"field":"region","op":"in","value":[` + values + `]}`: {{"condition", "when", "more than 1000 values"}},
	})
}

// checkProblems compiles a set and compares its problems.
func checkProblems(t *testing.T, name string, rs pricing.RuleSet, prefix, where string, rules []string, want []problem) {
	t.Helper()
	s, err := pricing.Compile(rs)
	compile, ok := errors.AsType[*pricing.CompileError](err)
	if !ok || s != nil {
		t.Errorf("%.300s: snapshot %v, error %v", name, s, err)
		return
	}
	if len(compile.Problems) != len(want) {
		t.Errorf("%.300s: %v\nwant %v", name, err, want)
		return
	}
	for i, w := range want {
		p := compile.Problems[i]
		if p.Code != w.code || p.Path != prefix+w.key || !slices.Equal(p.Rules, rules) || !strings.HasPrefix(p.Text, where+w.key+": ") || !strings.Contains(p.Text, w.text) {
			t.Errorf("%.300s: problem %+v, want %+v", name, p, w)
		}
		if w.code == "currency" && !errors.Is(err, money.ErrCurrency) {
			t.Errorf("%.300s: %v is not money.ErrCurrency", name, err)
		}
	}
}

// What the JSON form cannot say, a rule set in Go still can.
func TestIllegalGoValuesAreRefused(t *testing.T) {
	usd, eur, kwd := isoCurrency(t, "USD"), isoCurrency(t, "EUR"), isoCurrency(t, "KWD")
	point, err := money.NewCurrency("POINT", 0)
	if err != nil {
		t.Fatal(err)
	}
	dollar := pricing.SetTo{Amount: money.New(100, usd)}
	off := pricing.PercentOff{Percent: decimal.New(1, 0)}
	tests := map[string]struct {
		rule pricing.Rule
		want []problem
	}{
		"no id":            {pricing.Rule{Kind: pricing.KindSale, Effect: off}, []problem{{"id", "id", "want 1 to 128 bytes"}}},
		"a long id":        {pricing.Rule{ID: strings.Repeat("x", 129), Kind: pricing.KindSale, Effect: off}, []problem{{"id", "id", "want 1 to 128 bytes"}}},
		"an id of no text": {pricing.Rule{ID: "\xff", Kind: pricing.KindSale, Effect: off}, []problem{{"id", "id", "UTF-8"}}},
		"a label":          {pricing.Rule{ID: "x", Label: "\xff", Kind: pricing.KindSale, Effect: off}, []problem{{"label", "label", "UTF-8"}}},
		"a kind":           {pricing.Rule{ID: "x", Kind: 14, Effect: off}, []problem{{"kind", "kind", "unknown"}}},
		"a level":          {pricing.Rule{ID: "x", On: pricing.Scope{Level: 4, ID: "p"}, Kind: pricing.KindSale, Effect: off}, []problem{{"scope", "on", "unknown level 4"}}},
		"everything":       {pricing.Rule{ID: "x", On: pricing.Scope{ID: "p"}, Kind: pricing.KindSale, Effect: off}, []problem{{"scope", "on", "an id needs a level"}}},
		"a scope":          {pricing.Rule{ID: "x", On: pricing.Scope{Level: pricing.Product, ID: "\xff"}, Kind: pricing.KindSale, Effect: off}, []problem{{"scope", "on.product", "UTF-8"}}},
		"a fraction of a second": {
			pricing.Rule{ID: "x", Kind: pricing.KindSale, Effect: off, From: time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC)},
			[]problem{{"window", "from", "2026-01-01T00:00:00.000000001Z is no whole second"}},
		},
		"a year": {
			pricing.Rule{ID: "x", Kind: pricing.KindSale, Effect: off, Until: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
			[]problem{{"window", "until", "of the years 1 to 9999"}},
		},
		"a huge exponent": {
			pricing.Rule{ID: "x", Kind: pricing.KindSale, Effect: pricing.PercentOff{Percent: decimal.New(1, math.MaxInt32)}},
			[]problem{{"range", "percent_off", "out of range"}},
		},
		"a tiny exponent": {
			pricing.Rule{ID: "x", Kind: pricing.KindSale, Effect: off, MinQty: decimal.NewNullDecimal(decimal.New(1, math.MinInt32))},
			[]problem{{"quantity", "min_qty", "exponent -2147483648"}},
		},
		"an amount of another currency": {
			pricing.Rule{ID: "x", Kind: pricing.KindBase, Currency: eur, Effect: dollar}, []problem{{"currency", "amount", "1.00 USD in a rule of EUR"}},
		},
		"a step of another currency": {
			pricing.Rule{ID: "x", Kind: pricing.KindBase, Currency: usd, Effect: pricing.Charge{
				Mode: pricing.ChargeVolume, Steps: []pricing.ChargeStep{{Unit: money.New(1, usd), Flat: money.New(1, kwd)}},
			}},
			[]problem{{"currency", "charge.steps[0].flat", "0.001 KWD in a rule of USD"}},
		},
		"no currency": {
			pricing.Rule{ID: "x", Kind: pricing.KindBase, Effect: dollar}, []problem{{"currency", "currency", "amount needs one"}},
		},
		"no amount": {pricing.Rule{ID: "x", Kind: pricing.KindBase, Currency: usd, Effect: pricing.SetTo{}}, []problem{{"effect", "amount", "missing"}}},
		"a currency that the policy lacks": {
			pricing.Rule{ID: "x", Kind: pricing.KindBase, Currency: point, Effect: pricing.SetTo{Amount: money.New(1, point)}},
			[]problem{{"currency", "currency", "POINT/0 is neither of ISO 4217 nor one of the policy's"}},
		},
		"a pointer":     {pricing.Rule{ID: "x", Kind: pricing.KindBase, Currency: usd, Effect: &dollar}, []problem{{"effect", "effect", "*pricing.SetTo: want an effect by value"}}},
		"a mode":        {pricing.Rule{ID: "x", Kind: pricing.KindRound, Currency: usd, Effect: pricing.Grid{Mode: 7, Increment: money.New(1, usd)}}, []problem{{"range", "round.mode", "unknown mode"}}},
		"a charge mode": {pricing.Rule{ID: "x", Kind: pricing.KindBase, Currency: usd, Effect: pricing.Charge{Mode: 4}}, []problem{{"charge", "charge.mode", "want volume"}}},
	}
	for name, tt := range tests {
		checkIllegalRule(t, name, tt.rule, tt.want)
	}
}

func TestIllegalGoConditionsAreRefused(t *testing.T) {
	self := pricing.All{nil, nil}
	self[0], self[1] = self, self
	for name, tt := range map[string]struct {
		when pricing.Condition
		text string
	}{
		"a condition in itself":  {self, "over 64 leaves or deeper than 8"},
		"a nil part":             {pricing.Not{}, "a part is nil"},
		"a condition by pointer": {&pricing.Leaf{}, "want All, Any, Not or Leaf by value"},
		"a field of no text":     {pricing.Leaf{Field: "attributes.\xff", Op: "exists"}, "a field is not UTF-8"},
		"very many values":       {pricing.Leaf{Field: "region", Op: "in", Values: make([]string, 1<<20)}, "more than 1000 values"},
		"very many parts":        {pricing.Any(make([]pricing.Condition, 1<<20)), "a part is nil"},
	} {
		off := pricing.PercentOff{Percent: decimal.New(1, 0)}
		checkIllegalRule(t, name, pricing.Rule{ID: "x", Kind: pricing.KindSale, Effect: off, When: tt.when}, []problem{{"condition", "when", tt.text}})
	}
	noText := pricing.Leaf{Field: "region", Op: "=", Values: []string{"\xff"}}
	checkIllegalRule(t, "a value of no text", pricing.Rule{
		ID: "x", Kind: pricing.KindSale, Effect: pricing.PercentOff{}, When: noText,
	}, []problem{{"condition", "when.value", "UTF-8"}})
}

// checkIllegalRule compiles one rule alone.
func checkIllegalRule(t *testing.T, name string, r pricing.Rule, want []problem) {
	t.Helper()
	where, rules := "rules[0]: ", []string(nil)
	if r.ID != "" {
		where, rules = fmt.Sprintf("rule %q: ", r.ID), []string{r.ID}
	}
	if len(r.ID) > 128 {
		where = fmt.Sprintf("rule %q...: ", r.ID[:128])
	}
	checkProblems(t, name, pricing.RuleSet{Rules: []pricing.Rule{r}}, "rules[0].", where, rules, want)
}

func TestIllegalPoliciesAreRefused(t *testing.T) {
	usd := isoCurrency(t, "USD")
	point := func(digits int) money.Currency {
		c, err := money.NewCurrency("POINT", digits)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for name, tt := range map[string]struct {
		policy pricing.Policy
		want   []problem
	}{
		"rounding":      {pricing.Policy{Rounding: money.Rounding{Mode: 7}}, []problem{{"policy", "rounding", "mode 7"}}},
		"increment":     {pricing.Policy{LineRounding: &money.Rounding{Increment: -1}}, []problem{{"policy", "line_rounding", "increment -1"}}},
		"extra":         {pricing.Policy{Rounding: money.Rounding{Extra: 17}}, []problem{{"policy", "rounding", "together at most 18"}}},
		"extra digits":  {pricing.Policy{Rounding: money.Rounding{Extra: 15}, Currencies: []money.Currency{point(4)}}, []problem{{"policy", "rounding", "POINT/4 has 4 digits"}}},
		"round_at":      {pricing.Policy{RoundAt: 3}, []problem{{"policy", "round_at", "unknown"}}},
		"ties":          {pricing.Policy{Ties: 2}, []problem{{"policy", "ties", "unknown"}}},
		"stale":         {pricing.Policy{Stale: 3}, []problem{{"policy", "stale", "unknown"}}},
		"tax":           {pricing.Policy{Tax: 3}, []problem{{"policy", "tax", "unknown"}}},
		"a stage":       {pricing.Policy{Combine: map[pricing.Stage]pricing.Combine{pricing.StagePrice: pricing.CombineBest}}, []problem{{"policy", "combine.price", "in tier, volume, sale and surcharge only"}}},
		"combine":       {pricing.Policy{Combine: map[pricing.Stage]pricing.Combine{pricing.StageSale: 4}}, []problem{{"policy", "combine.sale", "want first, best or chain"}}},
		"pivot":         {pricing.Policy{Pivot: point(0)}, []problem{{"currency", "pivot", "POINT/0 is neither"}}},
		"another pivot": {pricing.Policy{Pivot: point(0), Currencies: []money.Currency{point(2)}}, []problem{{"currency", "pivot", "POINT/0 is neither"}}},
		"a currency":    {pricing.Policy{Currencies: []money.Currency{{}}}, []problem{{"currency", "currencies[0]", "missing"}}},
		"twice":         {pricing.Policy{Currencies: []money.Currency{point(0), point(2)}}, []problem{{"currency", "currencies[1]", "POINT is there before"}}},
		"max_age":       {pricing.Policy{MaxAge: -time.Hour}, []problem{{"policy", "max_age", "-1h"}}},
		"milliseconds":  {pricing.Policy{MaxAge: time.Millisecond}, []problem{{"policy", "max_age", "1ms"}}},
		"spread":        {pricing.Policy{Spread: decimal.New(-1, 0)}, []problem{{"policy", "spread", "-1 is not 0 to 1000"}}},
		"huge spread":   {pricing.Policy{Spread: decimal.New(1, 1e9)}, []problem{{"range", "spread", "out of range"}}},
	} {
		rs := pricing.RuleSet{Policy: tt.policy, Rules: []pricing.Rule{{ID: "r", Kind: pricing.KindBase, Currency: usd, Effect: pricing.SetTo{Amount: money.New(1, usd)}}}}
		checkProblems(t, name, rs, "policy.", "policy: ", nil, tt.want)
	}
}

// relation is what a test checks of a problem between rules.
type relation struct {
	code  string
	rules []string
	text  string
}

func TestRelationsBetweenRulesAreRefused(t *testing.T) {
	of := func(id, base string) string {
		return `{"id":"` + id + `","kind":"base","on":{"product":"` + id + `"},"currency":"USD","formula":{"base":"` + base + `"}}`
	}
	var chain strings.Builder
	chain.WriteString(of("c0", "cost"))
	for i := range 9 {
		chain.WriteString("," + of(fmt.Sprint("c", i+1), fmt.Sprint("rule:c", i)))
	}
	base := func(id, amount, more string) string {
		return `{"id":"` + id + `","kind":"base","on":{"product":"p"},"currency":"USD","amount":"` + amount + `"` + more + `}`
	}
	guard := func(id, kind, amount string) string {
		return `{"id":"` + id + `","kind":"` + kind + `","currency":"USD","amount":"` + amount + `"}`
	}
	const june, july = `,"until":"2026-07-01T00:00:00Z"`, `,"from":"2026-07-01T00:00:00Z"`
	for rules, want := range map[string][]relation{
		base("a", "1", "") + "," + base("b", "2", ""):                              {{"ambiguous", []string{"a", "b"}, "a, b"}},
		base("b", "1", "") + "," + base("c", "2", "") + "," + base("a", "1.0", ""): {{"ambiguous", []string{"a", "b", "c"}, "a, b, c"}},
		base("a", "1", june) + "," + base("b", "2", july):                          nil,
		base("a", "1", "") + "," + base("b", "1.00", ""):                           nil,
		base("a", "1", "") + "," + base("b", "2", `,"priority":1`):                 nil,
		of("a", "rule:b") + "," + of("b", "rule:c") + "," + of("c", "rule:a"):      {{"cycle", []string{"a", "b", "c"}, "a -> b -> c -> a"}},
		of("c", "rule:b") + "," + of("b", "rule:c") + "," + of("a", "rule:c"):      {{"cycle", []string{"b", "c"}, "b -> c -> b"}},
		of("a", "rule:a"): {{"cycle", []string{"a"}, "a -> a"}},
		chain.String():    {{"depth", []string{"c9"}, "more than 8"}},
		guard("f", "floor", "2") + "," + guard("c", "ceiling", "1"): {{"floor_above_ceiling", []string{"c", "f"}, "floor f is above ceiling c"}},
		guard("f", "floor", "2") + "," + guard("c", "ceiling", "2"): nil,
		base("a", "1", "") + "," + base("a", "2", ""):               {{"duplicate_id", []string{"a"}, "rules[0] has the same"}},
		base("a", "1", "") + "," + base("b", "2", "") + `,{"id":"aa","kind":"sale","percent_off":"101"}`: {
			{"ambiguous", []string{"a", "b"}, ""}, {"range", []string{"aa"}, ""},
		},
	} {
		checkRelations(t, rules, want)
	}
}

func checkRelations(t *testing.T, rules string, want []relation) {
	t.Helper()
	_, err := pricing.Compile(parsedSet(t, `{"rules":[`+rules+`]}`))
	compile, ok := errors.AsType[*pricing.CompileError](err)
	if !ok {
		compile = &pricing.CompileError{}
	}
	if len(compile.Problems) != len(want) || ok != (err != nil) {
		t.Errorf("%s: %v, want %v", rules, err, want)
		return
	}
	for i, w := range want {
		p := compile.Problems[i]
		if p.Code != w.code || !slices.Equal(p.Rules, w.rules) || !strings.Contains(p.Text, w.text) || !strings.HasPrefix(p.Text, fmt.Sprintf("rule %q: ", w.rules[0])) {
			t.Errorf("%s: %+v, want %+v", rules, p, w)
		}
	}
	ambiguous, ok := errors.AsType[*pricing.AmbiguousError](err)
	if ok != (len(want) > 0 && want[0].code == "ambiguous") || ok && (!slices.Equal(ambiguous.Rules, want[0].rules) || ambiguous.Stage != pricing.StagePrice) {
		t.Errorf("%s: %v", rules, ambiguous)
	}
}

// All that is wrong comes by rule id, whatever the order of the rules, the first
// thousand of it, and how much more there is.
func TestProblemsComeByRuleAndAreCounted(t *testing.T) {
	var rules []pricing.Rule
	for i := range 1500 {
		rules = append(rules, pricing.Rule{ID: fmt.Sprintf("r%04d", i), Kind: pricing.KindSale, Effect: pricing.PercentOff{Percent: decimal.New(101, 0)}})
	}
	var first *pricing.CompileError
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		_, err := pricing.Compile(pricing.RuleSet{Policy: pricing.Policy{Ties: 9}, Rules: rules})
		compile, ok := errors.AsType[*pricing.CompileError](err)
		if !ok || len(compile.Problems) != 1000 || compile.More != 501 {
			t.Fatalf("%d problems, %d more", len(compile.Problems), compile.More)
		}
		if !strings.Contains(err.Error(), "1501 problems") || !strings.Contains(err.Error(), "and 501 more") {
			t.Errorf("error %.200s", err)
		}
		if compile.Problems[0].Path != "policy.ties" || compile.Problems[999].Rules[0] != "r0998" {
			t.Errorf("from %v to %v", compile.Problems[0], compile.Problems[999])
		}
		for i := range compile.Problems {
			compile.Problems[i].Path = ""
		}
		if first == nil {
			first = compile
		}
		if diff := cmp.Diff(first.Problems, compile.Problems); diff != "" {
			t.Errorf("another order gives other problems (-want +got):\n%s", diff)
		}
	}
}

func TestEffectiveFromIsAWholeSecond(t *testing.T) {
	_, err := pricing.Compile(pricing.RuleSet{EffectiveFrom: time.Date(2026, 6, 1, 0, 0, 0, 5e8, time.UTC)})
	compile, ok := errors.AsType[*pricing.CompileError](err)
	if !ok || len(compile.Problems) != 1 || compile.Problems[0].Path != "effective_from" || !strings.Contains(err.Error(), "2026-06-01T00:00:00.5Z is no whole second") {
		t.Errorf("error %v", err)
	}
}

func TestAMillionRulesAreTheLimit(t *testing.T) {
	_, err := pricing.Compile(pricing.RuleSet{Rules: make([]pricing.Rule, 1_000_001)})
	compile, ok := errors.AsType[*pricing.CompileError](err)
	if !ok || len(compile.Problems) != 1 || compile.Problems[0].Code != "limit" || compile.Problems[0].Text != "rules: 1000001, at most 1000000" {
		t.Errorf("error %.200v", err)
	}
	if found := pricing.Analyse(pricing.RuleSet{Rules: make([]pricing.Rule, 1_000_001)}); found != nil {
		t.Errorf("findings %v", found)
	}
}

// Compile keeps nothing of its input, and changes nothing in it.
func TestCompileCopiesAndChangesNothing(t *testing.T) {
	rs := parsedSet(t, goldenRules)
	before := encoded(t, rs)
	s := compileSet(t, rs)
	if after := encoded(t, rs); string(after) != string(before) {
		t.Error("the rule set has changed")
	}
	charge, ok := rs.Rules[1].Effect.(pricing.Charge)
	if !ok {
		t.Fatalf("effect %T", rs.Rules[1].Effect)
	}
	rs.Rules[0].ID, charge.Steps[0].Unit = "other", money.Amount{}
	rs.Policy.LineRounding.Mode, rs.Policy.Combine[pricing.StageSale], rs.Policy.Currencies[0] = money.Up, pricing.CombineFirst, money.Currency{}
	got := pricing.RuleSet{Version: s.Version(), EffectiveFrom: s.EffectiveFrom(), Policy: s.Policy(), Rules: slices.Collect(s.Rules())}
	if data := encoded(t, got); string(data) != string(before) {
		t.Errorf("the snapshot has changed:\n%s\n%s", data, before)
	}
}

func TestNamesAreThoseOfTheJSONForm(t *testing.T) {
	for want, v := range map[string]fmt.Stringer{
		"cost_plus": pricing.KindCostPlus, "map": pricing.KindMAP, "Kind(14)": pricing.Kind(14), "Kind(0)": pricing.Kind(0),
		"guard": pricing.StageGuard, "total": pricing.StageTotal, "Stage(9)": pricing.Stage(9),
		"everything": pricing.Everything, "variant": pricing.Variant, "graduated": pricing.ChargeGraduated, "ChargeMode(0)": pricing.ChargeMode(0),
		"discount": pricing.RoundAtDiscount, "chain": pricing.CombineChain, "": pricing.CombineDefault, "Combine(4)": pricing.Combine(4),
		"lowest": pricing.TiesLowest, "native": pricing.StaleNative, "exclusive": pricing.TaxExclusive, "TaxMode(3)": pricing.TaxMode(3),
	} {
		if v.String() != want {
			t.Errorf("%#v is %s, want %s", v, v, want)
		}
	}
}

// A snapshot's rules are those that were compiled: the same canonical form, so
// the same digest, and the same quotes.
//
// Invariant: pricing P10.
func TestRulesOfASnapshotCompileToItsDigest(t *testing.T) {
	t.Parallel()
	randomSets(t, 400, func(t *testing.T, _ *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot) {
		t.Helper()
		lifted := pricing.RuleSet{Version: rs.Version, EffectiveFrom: rs.EffectiveFrom, Policy: s.Policy(), Rules: slices.Collect(s.Rules())}
		if diff := cmp.Diff(rs, lifted, ruleOptions()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if again := compileSet(t, lifted); again.Digest() != s.Digest() {
			t.Fatalf("digest %v became %v", s.Digest(), again.Digest())
		}
	})
}

func TestAnalyseFindsWhatIsProbablyNotMeant(t *testing.T) {
	found := pricing.Analyse(parsedSet(t, `{"effective_from":"2026-06-01T00:00:00Z","rules":[
		{"id":"z","kind":"sale","percent_off":"120"},
		{"id":"old","kind":"sale","percent_off":"10","until":"2026-06-01T00:00:00Z"},
		{"id":"a","kind":"base","on":{"product":"p"},"currency":"USD","amount":"1"},
		{"id":"b","kind":"base","on":{"product":"p"},"currency":"USD","amount":"1"},
		{"id":"gold","kind":"tier","percent_off":"5","when":{"field":"customer.segments","op":"any","value":["gold"]}},
		{"id":"silver","kind":"tier","percent_off":"3","when":{"field":"customer.segments","op":"any","value":["silver"]}},
		{"id":"never","kind":"tier","percent_off":"3","priority":5,"when":{"all":[{"field":"region","op":"=","value":"US"},{"field":"region","op":"=","value":"DE"}]}},
		{"id":"deep","kind":"sale","priority":1,"currency":"USD","formula":{"base":"rule:z"}}]}`))
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprintf("%s %s %v", f.Code, f.Path, f.Rules))
		if f.Text == "" {
			t.Errorf("no text: %+v", f)
		}
	}
	want := []string{"duplicate  [a b]", "overlap  [gold silver]", "unsatisfiable rules[6] [never]", "ended rules[1] [old]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if found := pricing.Analyse(pricing.RuleSet{}); len(found) != 1 || found[0].Code != "empty" {
		t.Errorf("findings of a set without rules: %v", found)
	}
}

// What compiles answers every query: with a quote that adds up, or an error.
func FuzzCompilePrice(f *testing.F) {
	f.Add([]byte(goldenRules), []byte(`{"product":"p","currency":"USD","qty":"2","cost":{"amount":"1","currency":"USD"},"at":"2026-06-02T00:00:00Z"}`))
	f.Add([]byte(`{"rules":[{"id":"a","kind":"base","currency":"JPY","charge":{"mode":"graduated","steps":[{"up_to":"3","unit":"9.5"},{"unit":"0.1","flat":"7"}]}}]}`),
		[]byte(`{"product":"p","currency":"JPY","qty":"1000000000000","tax_rate":"19"}`))
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		rs := pricingtest.RandomRules(r)
		rules, err := rs.MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		if query, err := pricingtest.RandomQuery(r, rs).MarshalJSON(); err == nil {
			f.Add(rules, query)
		}
	}
	f.Fuzz(func(t *testing.T, rules, query []byte) {
		rs, err := pricing.ParseRules(rules)
		if err != nil {
			return
		}
		pricing.Analyse(rs)
		s, err := pricing.Compile(rs)
		if err != nil {
			if _, ok := errors.AsType[*pricing.CompileError](err); !ok {
				t.Fatalf("%q: an error of another kind: %v", rules, err)
			}
			return
		}
		q, err := pricing.ParseQuery(query)
		if err != nil {
			return
		}
		if x, err := s.Explain(q); err == nil && x.Err == nil {
			checkSum(t, x.Quote)
		}
	})
}

// checkSum checks that a quote's steps add up to it, and that it is not negative.
func checkSum(t *testing.T, q pricing.Quote) {
	t.Helper()
	var sum money.Sum
	for _, step := range q.Steps {
		sum.Add(step.Delta)
	}
	want := q.Unit
	if q.PerLine {
		want = q.Line
	}
	got, err := sum.Amount()
	if c, cmpErr := got.Cmp(want); err != nil || cmpErr != nil || c != 0 || q.Unit.Sign() < 0 || q.Line.Sign() < 0 {
		t.Fatalf("unit %v, line %v, steps sum to %v; %v", q.Unit, q.Line, got, err)
	}
}
