package promotions_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// run evaluates a cart in its JSON form under a set in its own.
func run(t *testing.T, rules, cart string, opt promotions.Options) promotions.Result {
	t.Helper()
	set, err := promotions.Parse(strings.NewReader(rules))
	if err != nil {
		t.Fatal(err)
	}
	s, err := promotions.Compile(set, promotions.CompileConfig{Batches: []promotions.CodeChecker{batch("gen")}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := promotions.ParseCart(strings.NewReader(cart))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Evaluate(c, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A batch has all codes that begin with its name; those that end in a question mark are
// mistyped.
type batch string

func (b batch) Batch() string { return string(b) }

func (b batch) Check(code string) (string, bool) {
	if !strings.HasPrefix(code, string(b)) {
		return "", false
	}
	return strings.ToUpper(code), !strings.HasSuffix(code, "?")
}

// fate is what became of each promotion: what it took, or the reason, and who was in the way.
func fate(r promotions.Result) map[string]string {
	m := map[string]string{}
	for _, a := range r.Applied {
		m[a.Promotion] = a.Amount.Text()
	}
	for _, x := range r.Rejected {
		m[x.Promotion] = strings.TrimSpace(string(x.Reason) + " " + x.Other)
	}
	return m
}

const (
	tenPercent = `"effect":{"kind":"percent","value":"10"}`
	fiveOff    = `"currency":"USD","effect":{"kind":"amount","per":"order","value":"5.00"}`
	twoLines   = `{"currency":"USD","lines":[{"id":"x","price":"100.00","categories":["x"]},{"id":"y","price":"40.00"}]}`
)

// Each row is one reason, over the ones that are looked for after it.
func TestReasonsInTheirOrder(t *testing.T) {
	const shut = `,"when":{"field":"cart.units","op":">","value":"99"}`
	tests := map[string]struct{ promotion, cart, want string }{
		"not started, before the code":  {`"from":"2030-01-01T00:00:00Z","codes":["A"],` + tenPercent, `"at":"2029-12-31T23:59:59Z"`, "not_started"},
		"from is inclusive":             {`"from":"2030-01-01T00:00:00Z",` + tenPercent, `"at":"2030-01-01T00:00:00Z"`, "10.00"},
		"until is exclusive":            {`"until":"2030-01-01T00:00:00Z",` + tenPercent, `"at":"2030-01-01T00:00:00Z"`, "ended"},
		"without a time nothing starts": {`"from":"2030-01-01T00:00:00Z",` + tenPercent, `"codes":[]`, "not_started"},
		"without a time nothing lasts":  {`"until":"2030-01-01T00:00:00Z",` + tenPercent, `"codes":[]`, "ended"},
		"code, before the currency":     {`"codes":["A"],"currency":"EUR",` + tenPercent, `"codes":["B"]`, "code"},
		"code in another writing":       {`"codes":["SAVE-10"],` + tenPercent, `"codes":["sa ve10"]`, "10.00"},
		"generated code":                {`"batches":["gen"],` + tenPercent, `"codes":["gen1"]`, "10.00"},
		"mistyped code":                 {`"batches":["gen"],` + tenPercent, `"codes":["gen1?"]`, "code"},
		"currency, before the customer": {`"currency":"EUR","limits":{"per_customer":1},` + tenPercent, `"codes":[]`, "currency"},
		"customer, before the limit":    {`"limits":{"per_customer":1,"uses":1},` + tenPercent, `"codes":[]`, "customer"},
		"limit, before the condition":   {`"limits":{"uses":1}` + shut + `,` + tenPercent, `"codes":[]`, "limit"},
		"budget gone is a limit":        {`"currency":"USD","limits":{"budget":"9.00"}` + shut + `,` + tenPercent, `"codes":[]`, "limit"},
		"condition, before no effect":   {`"where":{"field":"line.product","op":"=","value":"none"}` + shut + `,` + tenPercent, `"codes":[]`, "condition"},
		"nothing matches":               {`"where":{"field":"line.product","op":"=","value":"none"},` + tenPercent, `"codes":[]`, "no_effect"},
		"nothing taken":                 {`"effect":{"kind":"percent","value":"0"}`, `"codes":[]`, "no_effect"},
		"below the first tier":          {`"currency":"USD","effect":{"kind":"percent","tier_by":"amount","tiers":[{"from":"100.01","value":"10"}]}`, `"codes":[]`, "no_effect"},
		"unknown is not true":           {`"when":{"not":{"field":"customer.id","op":"=","value":"staff"}},` + tenPercent, `"codes":[]`, "condition"},
		"nor is a guest's segment":      {`"when":{"field":"customer.segments","op":"none","value":["staff"]},` + tenPercent, `"codes":[]`, "condition"},
		"no segment is none":            {`"when":{"field":"customer.segments","op":"none","value":["staff"]},` + tenPercent, `"customer":{"id":"c"}`, "10.00"},
		"a line's field on a charge":    {`"target":"all","where":{"field":"line.tags","op":"none","value":["new"]},` + tenPercent, `"codes":[]`, "10.00"},
		"a charge's field":              {`"target":"all","where":{"field":"shipping.method","op":"=","value":"post"},` + tenPercent, `"codes":[]`, "0.50"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			opt := promotions.Options{WhyNot: promotions.All, Left: map[string]promotions.Left{"promotion/p/uses": {}, "promotion/p/budget": {}}}
			r := run(t, `{"promotions":[{"id":"p",`+tt.promotion+`}]}`,
				`{"currency":"USD","lines":[{"id":"x","price":"100.00"}],"shipping":[{"id":"s","method":"post","price":"5.00"}],`+tt.cart+`}`, opt)
			if got := fate(r)["p"]; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Promotions are in canonical order: a, b, c.
func TestStackingRules(t *testing.T) {
	set := func(stage, a, b, c string) string {
		return fmt.Sprintf(`{"stages":[{"name":"s"%s}],"promotions":[{"id":"a"%s},{"id":"b"%s},{"id":"c"%s}]}`, stage, a, b, c)
	}
	const (
		ten  = `,"priority":3,` + tenPercent
		five = `,"priority":2,` + fiveOff
		last = `,"priority":1,"where":{"field":"line.categories","op":"any","value":["x"]},"effect":{"kind":"percent","value":"50"}`
	)
	tests := map[string]struct {
		rules string
		want  map[string]string
	}{
		"sequential compounds":              {set("", ten, five, last), map[string]string{"a": "14.00", "b": "5.00", "c": "43.22"}},
		"first":                             {set(`,"mode":"first"`, ten, five, last), map[string]string{"a": "14.00", "b": "stopped a", "c": "stopped a"}},
		"best":                              {set(`,"mode":"best"`, ten, five, last), map[string]string{"a": "not_best c", "b": "not_best c", "c": "50.00"}},
		"lowest":                            {set(`,"mode":"lowest"`, ten, five, last), map[string]string{"a": "not_best b", "b": "5.00", "c": "not_best b"}},
		"best by line":                      {set(`,"mode":"best","by":"line"`, ten, five, last), map[string]string{"a": "4.00", "b": "not_best", "c": "50.00"}},
		"lowest by line":                    {set(`,"mode":"lowest","by":"line"`, ten, five, last), map[string]string{"a": "not_best", "b": "5.00", "c": "not_best"}},
		"winners of two lines in one group": {set(`,"mode":"best","by":"line"`, ten+`,"stack":{"group":"g"}`, five, last+`,"stack":{"group":"g"}`), map[string]string{"a": "14.00", "b": "not_best", "c": "group a"}},
		"stop":                              {set("", ten+`,"stack":{"stop":true}`, five, last), map[string]string{"a": "14.00", "b": "stopped a", "c": "stopped a"}},
		"exclusive in the stage":            {set("", ten, five+`,"stack":{"exclusive":"stage"}`, last), map[string]string{"a": "exclusive b", "b": "5.00", "c": "exclusive b"}},
		"exclusive that does not fire":      {set("", ten, five+`,"when":{"field":"cart.units","op":">","value":"9"},"stack":{"exclusive":"cart"}`, last), map[string]string{"a": "14.00", "b": "condition", "c": "45.00"}},
		"the first exclusive":               {set("", ten, five+`,"stack":{"exclusive":"stage"}`, last+`,"stack":{"exclusive":"stage"}`), map[string]string{"a": "exclusive b", "b": "5.00", "c": "exclusive b"}},
		"condition before exclusive":        {set("", ten+`,"when":{"field":"cart.units","op":">","value":"9"}`, five+`,"stack":{"exclusive":"cart"}`, last), map[string]string{"a": "condition", "b": "5.00", "c": "exclusive b"}},
		"group of two":                      {set(`,"groups":{"g":2}`, ten+`,"stack":{"group":"g"}`, five+`,"stack":{"group":"g"}`, last+`,"stack":{"group":"g"}`), map[string]string{"a": "14.00", "b": "5.00", "c": "group b"}},
		"slots are for those that take":     {set("", `,"priority":3,"effect":{"kind":"percent","value":"0"},"stack":{"group":"g"}`, five+`,"stack":{"group":"g"}`, last), map[string]string{"a": "no_effect", "b": "5.00", "c": "48.22"}},
		"two per order":                     {set(`,"max_per_order":2`, ten, five, last), map[string]string{"a": "14.00", "b": "5.00", "c": "group b"}},
		"one per line":                      {set(`,"max_per_line":1`, `,"priority":5,`+last[len(`,"priority":1,`):], five, `,"priority":1,`+tenPercent), map[string]string{"a": "50.00", "b": "5.00", "c": "conflict b"}},
		"excludes from the other side":      {set("", ten, five, last+`,"stack":{"excludes":["a"]}`), map[string]string{"a": "14.00", "b": "5.00", "c": "conflict a"}},
		"classes must both agree":           {set("", ten+`,"stack":{"class":"k"}`, five+`,"stack":{"class":"l","combines":["k"]}`, last), map[string]string{"a": "14.00", "b": "conflict a", "c": "45.00"}},
		"a class with itself":               {set("", ten+`,"stack":{"class":"k","combines":["k"]}`, five+`,"stack":{"class":"k","combines":["k"]}`, last), map[string]string{"a": "14.00", "b": "5.00", "c": "43.22"}},
		"tags against none":                 {set("", last, ten+`,"stack":{"tags":["t"]}`, five), map[string]string{"b": "14.00", "c": "conflict b", "a": "conflict b"}},
		"tags leave the other line":         {set("", `,"priority":5,`+last[len(`,"priority":1,`):], ten+`,"stack":{"tags":["t"]}`, five), map[string]string{"a": "50.00", "b": "4.00", "c": "5.00"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := run(t, tt.rules, twoLines, promotions.Options{WhyNot: promotions.All})
			if diff := cmp.Diff(tt.want, fate(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExclusiveCartOverStages(t *testing.T) {
	r := run(t, `{"stages":[{"name":"one"},{"name":"two"}],"promotions":[
		{"id":"a","stage":"one",`+tenPercent+`},
		{"id":"late","priority":1,"stage":"two","when":{"field":"cart.subtotal_now","op":"<","value":"130"},"stack":{"exclusive":"cart"},`+fiveOff+`},
		{"id":"alone","stage":"two","stack":{"exclusive":"cart"},`+fiveOff+`},
		{"id":"b","stage":"two",`+tenPercent+`}]}`, twoLines, promotions.Options{WhyNot: promotions.All})
	want := map[string]string{"a": "exclusive alone", "alone": "5.00", "b": "exclusive alone", "late": "condition"}
	if diff := cmp.Diff(want, fate(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAmounts(t *testing.T) {
	const three = `{"id":"x","price":"10.50","qty":3}`
	tests := map[string]struct{ policy, effect, lines, want string }{
		"line, half up":               {`"rounding":"half_up"`, `"kind":"percent","value":"15"`, three, "4.73"},
		"unit, half up":               {`"rounding":"half_up"`, `"kind":"percent","value":"15","per":"unit"`, three, "4.74"},
		"price is rounded":            {`"rounding":"half_up","round":"price"`, `"kind":"percent","value":"15","per":"unit"`, three, "4.71"},
		"to five cents":               {`"rounding":{"mode":"half_up","increment":5}`, `"kind":"percent","value":"15","per":"unit"`, three, "4.80"},
		"many digits":                 {`"rounding":"down"`, `"kind":"percent","value":"33.333333333333333333"`, three, "10.49"},
		"amount per line":             {``, `"kind":"amount","value":"2.00"`, three + `,{"id":"y","price":"1.00"}`, "3.00"},
		"amount per unit":             {``, `"kind":"amount","value":"2.00","per":"unit"`, three, "6.00"},
		"price per unit":              {``, `"kind":"price","value":"9.99","per":"unit"`, three, "1.53"},
		"price per order":             {``, `"kind":"price","value":"30.00","per":"order"`, three, "1.50"},
		"a price above":               {``, `"kind":"price","value":"99.00"`, three, ""},
		"first units":                 {``, `"kind":"percent","value":"100","per":"unit","max_units":2`, three, "21.00"},
		"a line that does not divide": {``, `"kind":"percent","value":"50","per":"unit"`, `{"id":"x","price":"3.33","qty":3,"total":"10.00"}`, "4.99"},
		"floor":                       {``, `"kind":"percent","value":"50"`, `{"id":"x","price":"10.00","floor":"8.00"}`, "2.00"},
		"floor above the price":       {``, `"kind":"percent","value":"50"`, `{"id":"x","price":"10.00","floor":"18.00"}`, ""},
		"redistributed":               {``, `"kind":"amount","value":"10.00","per":"order"`, `{"id":"x","price":"10.00","floor":"9.00"},{"id":"y","price":"10.00"}`, "10.00"},
		"dropped":                     {`"refused":"drop"`, `"kind":"amount","value":"10.00","per":"order"`, `{"id":"x","price":"10.00","floor":"9.00"},{"id":"y","price":"10.00"}`, "6.00"},
		"capped":                      {``, `"kind":"percent","value":"50","cap":"4.00"`, three, "4.00"},
		"a cap of nothing":            {``, `"kind":"percent","value":"50","cap":"0"`, three, ""},
		"groups of the cheapest":      {``, `"kind":"percent","value":"100","per":"unit","group":2`, three + `,{"id":"y","price":"1.00"},{"id":"z","price":"2.00"}`, "24.00"},
		"one group of the dearest":    {``, `"kind":"percent","value":"100","per":"unit","group":3,"pick":"dearest"`, `{"id":"y","price":"1.00"},{"id":"z","price":"2.00","qty":2},{"id":"u","price":"3.00"}`, "7.00"},
		"tier of all targets":         {``, `"kind":"percent","tier_by":"quantity","tiers":[{"from":"1","value":"10"},{"from":"4","value":"20"}]`, three + `,{"id":"y","price":"1.00"}`, "6.50"},
		"graduated":                   {``, `"kind":"amount","per":"unit","graduated":true,"tier_by":"quantity","tiers":[{"from":"2","value":"1.00"},{"from":"3","value":"2.00"}]`, three, "3.00"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := run(t, `{"policy":{`+tt.policy+`},"promotions":[{"id":"p","currency":"USD","effect":{`+tt.effect+`}}]}`,
				`{"currency":"USD","lines":[`+tt.lines+`]}`, promotions.Options{})
			got := ""
			if len(r.Applied) > 0 {
				got = r.Applied[0].Amount.Text()
			}
			if got != tt.want {
				t.Errorf("took %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSplitsAreThoseOfThePolicy(t *testing.T) {
	tests := map[string][]string{
		"largest_remainder": {"3.33", "3.33", "3.34"}, "first_lines": {"3.34", "3.33", "3.33"}, "nearest_first": {"3.34", "3.33", "3.33"},
		"last_line": {"3.33", "3.33", "3.34"}, "cascade": {"3.33", "3.34", "3.33"},
	}
	for split, want := range tests {
		r := run(t, `{"policy":{"allocation":"`+split+`"},"promotions":[{"id":"p","currency":"USD","effect":{"kind":"amount","per":"order","value":"10.00"}}]}`,
			`{"currency":"USD","lines":[{"id":"a","price":"33.33"},{"id":"b","price":"33.33"},{"id":"c","price":"33.34"}]}`, promotions.Options{})
		var got []string
		for _, l := range r.Lines {
			got = append(got, l.Discount.Text())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", split, diff)
		}
	}
}

func TestBudgets(t *testing.T) {
	rules := func(policy string) string {
		return `{"policy":{"over_budget":"` + policy + `"},"campaigns":[{"id":"c","budget":"100.00","uses":9}],"promotions":[
			{"id":"a","priority":2,"currency":"USD","limits":{"campaign":"c"},"effect":{"kind":"amount","per":"order","value":"90.00"}},
			{"id":"b","priority":1,"currency":"USD","limits":{"campaign":"c"},"effect":{"kind":"amount","per":"order","value":"90.00"}}]}`
	}
	const cart = `{"currency":"USD","lines":[{"id":"x","price":"500.00"}]}`
	left := func(budget int64, uses int64) promotions.Options {
		return promotions.Options{Left: map[string]promotions.Left{"campaign/c/budget": {Amount: usd(budget)}, "campaign/c/uses": {Uses: uses}}}
	}
	tests := map[string]struct {
		policy string
		opt    promotions.Options
		want   map[string]string
	}{
		"nothing known":             {"cap", promotions.Options{}, map[string]string{"a": "90.00", "b": "90.00"}},
		"one cart adds up":          {"cap", left(10000, 9), map[string]string{"a": "90.00", "b": "10.00"}},
		"skipped":                   {"skip", left(10000, 9), map[string]string{"a": "90.00", "b": "budget"}},
		"gone in this cart":         {"cap", left(9000, 9), map[string]string{"a": "90.00", "b": "limit"}},
		"one use in this cart":      {"cap", left(10000, 1), map[string]string{"a": "90.00", "b": "limit"}},
		"an account of other money": {"cap", promotions.Options{Left: map[string]promotions.Left{"campaign/c/budget": {Amount: money.New(1, money.MustISO("EUR"))}}}, map[string]string{"a": "currency", "b": "currency"}},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, fate(run(t, rules(tt.policy), cart, tt.opt))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestDebitsNameTheAccountsOfWhatFired(t *testing.T) {
	r := run(t, `{"campaigns":[{"id":"c","uses":5}],"promotions":[
		{"id":"a","priority":2,"codes":["SAVE"],"currency":"USD","limits":{"uses":10,"budget":"100.00","per_customer":1,"per_code":3,"per_code_customer":2,"campaign":"c","keep_after_cancel":true},"effect":{"kind":"percent","value":"10"}},
		{"id":"b","priority":1,"codes":["SAVE"],"target":"shipping","limits":{"per_code":3,"campaign":"c"},"effect":{"kind":"percent","value":"100"}},
		{"id":"idle","when":{"field":"cart.units","op":">","value":"9"},"limits":{"uses":1},`+tenPercent+`}]}`,
		`{"currency":"USD","codes":["save"],"customer":{"id":"a/b"},"lines":[{"id":"x","price":"100.00"}],"shipping":[{"id":"s","price":"5.00"}]}`, promotions.Options{})
	want := []promotions.Debit{
		{"a", "campaign/c/uses", "uses", 1, 5, true},
		{"b", "campaign/c/uses", "uses", 1, 5, false},
		{"a", "code/SAVE/customer/a%2Fb/uses", "uses", 1, 2, true},
		{"a", "code/SAVE/uses", "uses", 1, 3, true},
		{"a", "promotion/a/budget", "USD", 1000, 10000, false},
		{"a", "promotion/a/customer/a%2Fb/uses", "uses", 1, 1, true},
		{"a", "promotion/a/uses", "uses", 1, 10, true},
	}
	if diff := cmp.Diff(want, r.Debits); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := r.Applied[0].Code; got != "save" {
		t.Errorf("code %q", got)
	}
}

func TestRejectionsNameWhatFailed(t *testing.T) {
	r := run(t, `{"promotions":[
		{"id":"amount","when":{"all":[{"field":"cart.units","op":">=","value":"1"},{"field":"cart.subtotal","op":">=","value":"500"}]},`+tenPercent+`},
		{"id":"leaf","when":{"field":"cart.subtotal_now","op":"between","value":["500","600"]},`+tenPercent+`},
		{"id":"limit","currency":"USD","limits":{"budget":"50.00"},`+tenPercent+`},
		{"id":"lines","when":{"lines":{"where":{"field":"line.categories","op":"any","value":["x"]},"count":{"op":">=","value":"3"}}},`+tenPercent+`},
		{"id":"not","when":{"not":{"field":"customer.segments","op":"any","value":["new"]}},`+tenPercent+`},
		{"id":"who","when":{"field":"customer.id","op":"in","value":["a","b"]},`+tenPercent+`}]}`,
		`{"currency":"USD","customer":{"id":"c","segments":["new"]},"lines":[{"id":"x","price":"140.00","categories":["x"]}]}`,
		promotions.Options{Left: map[string]promotions.Left{"promotion/limit/budget": {}}})
	want := []promotions.Rejection{
		{Promotion: "amount", Reason: promotions.ConditionFailed, Path: "when.all[1]", Field: "cart.subtotal", Op: ">=", Want: "500", Have: "140.00"},
		{Promotion: "leaf", Reason: promotions.ConditionFailed, Path: "when", Field: "cart.subtotal_now", Op: "between", Want: "500, 600", Have: "140.00"},
		{Promotion: "limit", Reason: promotions.LimitReached, Field: "promotion/limit/budget", Want: "50.00", Have: "0.00"},
		{Promotion: "lines", Reason: promotions.ConditionFailed, Path: "when", Field: "lines.count", Op: ">=", Want: "3", Have: "1"},
		{Promotion: "not", Reason: promotions.ConditionFailed, Path: "when.not", Field: "customer.segments", Op: "not any", Want: "new", Have: `["new"]`},
		{Promotion: "who", Reason: promotions.ConditionFailed, Path: "when", Field: "customer.id", Op: "in", Want: "a, b", Have: "c"},
	}
	if diff := cmp.Diff(want, r.Rejected); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNearMisses(t *testing.T) {
	near := func(id, when string) string { return `{"id":"` + id + `","when":` + when + `,` + tenPercent + `}` }
	rules := `{"promotions":[` + strings.Join([]string{
		near("any", `{"any":[{"field":"cart.subtotal","op":">=","value":"150"},{"field":"cart.units","op":">","value":"99"}]}`),
		near("far", `{"field":"cart.subtotal","op":">=","value":"300"}`),
		near("lines", `{"lines":{"where":{"field":"line.categories","op":"any","value":["x"]},"amount":{"op":">=","value":"120.5"}}}`),
		near("other", `{"all":[{"field":"cart.subtotal","op":">=","value":"150"},{"field":"customer.id","op":"=","value":"me"}]}`),
		near("two", `{"all":[{"field":"cart.subtotal_now","op":">=","value":"150"},{"field":"cart.units","op":">","value":"2"}]}`),
		near("under", `{"field":"cart.subtotal","op":"<","value":"100"}`),
		near("units", `{"field":"cart.units","op":">","value":"2"}`),
	}, ",") + `]}`
	want := []promotions.NearMiss{
		{"units", "cart.units", "2", "2", "0"},
		{"any", "cart.subtotal", "140.00", "150.00", "10.00"},
		{"lines", "lines.amount", "100.00", "120.50", "20.50"},
	}
	if diff := cmp.Diff(want, run(t, rules, twoLines, promotions.Options{}).Near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := run(t, rules, twoLines, promotions.Options{NearPercent: 1}).Near; len(got) != 1 {
		t.Errorf("within 1 percent: %v", got)
	}
	if got := run(t, rules, twoLines, promotions.Options{NearPercent: -1}).Near; len(got) != 0 {
		t.Errorf("none: %v", got)
	}
}

func TestCodesSayWhatBecameOfThem(t *testing.T) {
	r := run(t, `{"promotions":[
		{"id":"a","codes":["USED"],`+tenPercent+`},{"id":"b","batches":["gen"],`+tenPercent+`},
		{"id":"c","codes":["KNOWN"],"when":{"field":"cart.units","op":">","value":"9"},`+tenPercent+`}]}`,
		`{"currency":"USD","codes":["used","gen7","KNOWN","gen7?","made-up"],"lines":[{"id":"x","price":"140.00"}]}`, promotions.Options{})
	want := []promotions.CodeStatus{{"used", "used"}, {"gen7", "used"}, {"KNOWN", "known"}, {"gen7?", "mistyped"}, {"made-up", "unknown"}}
	if diff := cmp.Diff(want, r.Codes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestGiftsAreFreeAndNeverEarnThemselves(t *testing.T) {
	const rules = `{"promotions":[{"id":"g","when":{"field":"cart.units","op":">=","value":"2"},"where":{"field":"line.product","op":"=","value":"tea"},"effect":{"kind":"gift","product":"cup","qty":1,"for_each":2}}]}`
	tests := map[string]struct {
		lines string
		fate  string
		gifts []promotions.Gift
	}{
		"not yet in the cart": {`{"id":"t","product":"tea","price":"5.00","qty":4}`, "no_effect", []promotions.Gift{{"g", "cup", 2, 0}}},
		"one too many":        {`{"id":"t","product":"tea","price":"5.00","qty":4},{"id":"c","product":"cup","gift":"g","price":"3.00","qty":3}`, "6.00", []promotions.Gift{{"g", "cup", 2, 3}}},
		"down to its floor":   {`{"id":"t","product":"tea","price":"5.00","qty":2},{"id":"c","product":"cup","gift":"g","price":"3.00","floor":"1.00"}`, "2.00", []promotions.Gift{{"g", "cup", 1, 1}}},
		"no longer earned":    {`{"id":"t","product":"tea","price":"5.00"},{"id":"c","product":"cup","gift":"g","price":"3.00","qty":5}`, "condition", []promotions.Gift{{"g", "cup", 0, 5}}},
	}
	for name, tt := range tests {
		r := run(t, rules, `{"currency":"USD","lines":[`+tt.lines+`]}`, promotions.Options{})
		if got := fate(r)["g"]; got != tt.fate {
			t.Errorf("%s: %q, want %q", name, got, tt.fate)
		}
		if diff := cmp.Diff(tt.gifts, r.Gifts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNextChangeIsTheNextEdge(t *testing.T) {
	const rules = `{"promotions":[{"id":"a","from":"2030-01-01T00:00:00Z","until":"2031-01-01T00:00:00+01:00",` + tenPercent + `},{"id":"b","until":"2030-06-01T00:00:00Z",` + tenPercent + `}]}`
	var got []string
	for _, at := range []string{"2029-01-01", "2030-01-01", "2030-07-01", "2031-01-01"} {
		next := run(t, rules, `{"currency":"USD","at":"`+at+`T00:00:00Z"}`, promotions.Options{}).NextChange
		got = append(got, next.Format(time.RFC3339))
	}
	want := []string{"2030-01-01T00:00:00Z", "2030-06-01T00:00:00Z", "2030-12-31T23:00:00Z", "0001-01-01T00:00:00Z"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestScopesOfRejections(t *testing.T) {
	const rules = `{"promotions":[{"id":"far","where":{"field":"line.product","op":"=","value":"z"},` + tenPercent + `},{"id":"near","when":{"field":"cart.units","op":">","value":"9"},` + tenPercent + `}]}`
	for scope, want := range map[promotions.Scope][]string{promotions.Candidates: {"near"}, promotions.All: {"far", "near"}, promotions.None: nil} {
		if got := slices.Sorted(maps.Keys(fate(run(t, rules, twoLines, promotions.Options{WhyNot: scope})))); !slices.Equal(got, want) {
			t.Errorf("scope %d: %v, want %v", scope, got, want)
		}
	}
}

func TestBadOptionsAndCartsChangeNothing(t *testing.T) {
	s, err := promotions.Compile(promotions.Set{}, promotions.CompileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	cart := promotions.Cart{Currency: money.MustISO("USD"), Lines: []promotions.Line{{ID: "x", Price: usd(1 << 62), Quantity: 1}}}
	taxed := cart
	taxed.Lines = []promotions.Line{{ID: "x", Price: usd(1 << 62), Quantity: 1, TaxRate: decimal.New(200, 0)}}
	tests := map[string]struct {
		cart promotions.Cart
		opt  promotions.Options
		want error
	}{
		"nodes":       {cart, promotions.Options{Nodes: 10_000_001}, promotions.ErrRange},
		"near":        {cart, promotions.Options{NearPercent: 101}, promotions.ErrRange},
		"scope":       {cart, promotions.Options{WhyNot: 3}, promotions.ErrInvalid},
		"no currency": {promotions.Cart{}, promotions.Options{}, promotions.ErrInvalid},
		"tax":         {taxed, promotions.Options{}, promotions.ErrRange},
	}
	for name, tt := range tests {
		r := promotions.Result{Nodes: 7}
		if err := s.EvaluateInto(tt.cart, tt.opt, &r); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if diff := cmp.Diff(promotions.Result{Nodes: 7}, r, cmp.Comparer(func(a, b money.Amount) bool { return a == b })); diff != "" {
			t.Errorf("%s changed the result:\n%s", name, diff)
		}
	}
}
