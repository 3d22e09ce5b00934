package promotions_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// full is a set with every key of the form, written canonically.
const full = `{"campaigns":[{"budget":"100","currency":"USD","id":"spring","uses":1000}],
"policy":{"allocation":"first_lines","over_budget":"skip","refused":"drop","round":"price","rounding":{"increment":5,"mode":"half_up"}},
"promotions":[
{"base":"original","batches":["spring"],"codes":["TEN"],"currency":"USD",
 "effect":{"cap":"50","graduated":true,"kind":"amount","max_units":4,"per":"unit","tier_by":"quantity","tiers":[{"from":"1","value":"1.5"},{"from":"3","value":"2"}]},
 "from":"2026-06-01T00:00:00Z","id":"ten",
 "limits":{"budget":"99.5","campaign":"spring","keep_after_cancel":true,"per_code":3,"per_code_customer":1,"per_customer":2,"uses":10},
 "priority":-5,
 "stack":{"class":"order","combines":["product"],"combines_tags":["b"],"excludes":["buy"],"exclusive":"stage","group":"g","stop":true,"tags":["a"]},
 "stage":"one","target":"all","title":"Ten off","until":"2026-07-01T00:00:00.5Z",
 "when":{"all":[{"field":"cart.subtotal","op":">=","value":"50.00"},
  {"any":[{"field":"customer.segments","op":"any","value":["gold","vip"]},{"not":{"field":"customer.orders","op":"<","value":3}}]},
  {"lines":{"amount":{"op":"between","value":["10",20]},"count":{"op":">","value":1},"where":{"field":"line.discounted","op":"=","value":true}}}]},
 "where":{"field":"line.product","op":"exists"}},
{"effect":{"group":3,"kind":"price","per":"unit","pick":"largest_line","value":"1"},"currency":"USD","id":"group"},
{"effect":{"kind":"percent","per":"order","value":"12.5"},"id":"percent","target":"shipping"},
{"effect":{"buy":{"qty":2,"where":{"field":"line.tags","op":"all","value":["t"]}},"get":{"not_dearer":true,"qty":1},"kind":"bxgy","max":2,"pick":"dearest","value":{"percent":"100"}},"id":"buy"},
{"effect":{"buy":{"qty":2},"get":{"qty":1},"kind":"bxgy","pairing":"per_group","value":{"price":"0"}},"currency":"USD","id":"free"},
{"effect":{"kind":"bundle","parts":[{"qty":1},{"qty":2}],"pick":"dearest","value":{"amount":"5"}},"currency":"USD","id":"bundle"},
{"effect":{"for_each":2,"kind":"gift","product":"cup","qty":3},"id":"gift"}],
"stages":[{"groups":{"g":2},"max_per_line":1,"max_per_order":3,"name":"default"},{"by":"line","mode":"best","name":"one"}]}`

// fullCart is a cart with every key of the form, written canonically.
const fullCart = `{"at":"2026-06-10T12:00:00.25Z","attributes":{"channel":"web"},"codes":["ten","B"],"currency":"USD",
"customer":{"attributes":{"tier":"1"},"id":"c1","orders":0,"segments":["vip","gold"]},
"lines":[{"attributes":{"size":"L"},"categories":["shirts"],"floor":"1.00","gift":"gift","id":"a","list":"12.00","price":"10.00","product":"p","qty":3,"tags":["new"],"tax_rate":"20","total":"29.99"},
{"id":"b","price":"0.00"}],"prices_include_tax":true,
"shipping":[{"attributes":{"zone":"1"},"id":"s","method":"post","price":"4.90","tax_rate":"5.5"}]}`

func compact(text string) string { return strings.NewReplacer("\n ", "", "\n", "").Replace(text) }

// same compares values as the form sees them: decimals by value, empty as nil.
func same() cmp.Options {
	return cmp.Options{
		cmpopts.EquateEmpty(), cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
		cmp.Comparer(func(a, b money.Amount) bool { return a == b }), cmp.Comparer(func(a, b money.Currency) bool { return a == b }),
	}
}

func mustParse(tb testing.TB, text string) promotions.Set {
	tb.Helper()
	set, err := promotions.Parse(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func mustCart(tb testing.TB, text string) promotions.Cart {
	tb.Helper()
	cart, err := promotions.ParseCart(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return cart
}

func encode(tb testing.TB, v json.Marshaler) string {
	tb.Helper()
	b, err := v.MarshalJSON()
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestEveryKeyOfASetIsReadAndWritten(t *testing.T) {
	set := mustParse(t, full)
	again := mustParse(t, encode(t, set))
	if diff := cmp.Diff(set, again, same()); diff != "" {
		t.Errorf("read back (-first +again):\n%s", diff)
	}
	p := set.Promotions[0]
	if p.Title != "Ten off" || p.Target != promotions.OnAll || p.Stack.Exclusive != promotions.InStage || !p.Limits.KeepAfterCancel || p.Limits.PerCodeCustomer != 1 {
		t.Errorf("promotion = %+v", p)
	}
	var keys, written any
	if err := json.Unmarshal([]byte(full), &keys); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(encode(t, set)), &written); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(keys, written); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

func TestEveryKeyOfACartIsReadAndWritten(t *testing.T) {
	cart := mustCart(t, fullCart)
	if got, want := encode(t, cart), compact(fullCart); got != want {
		t.Errorf("written:\n%s\nwant:\n%s", got, want)
	}
	if l := cart.Lines[1]; l.Quantity != 1 || l.Total != (money.Amount{}) {
		t.Errorf("defaults of a line: %+v", l)
	}
}

func TestWrittenKeysAreSorted(t *testing.T) {
	for _, text := range []string{encode(t, mustParse(t, full)), encode(t, mustCart(t, fullCart))} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		sorted, err := json.Marshal(v) // maps by key
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.NewReplacer(`\u003e`, ">", `\u003c`, "<").Replace(string(sorted)); got != text {
			t.Errorf("written:\n%s\nsorted:\n%s", text, got)
		}
	}
}

func TestNullAndEmptyAreTheDefault(t *testing.T) {
	set := mustParse(t, `{"policy":null,"stages":[],"campaigns":null,"promotions":[{"id":"a","title":"","stage":"","target":"","base":null,"from":"",
		"codes":[],"currency":"","when":{},"where":null,"effect":{"kind":"percent","value":"5","cap":"","tiers":[],"per":"","max_units":null},"stack":{},"limits":{"budget":"","campaign":""}}]}`)
	want := promotions.Set{Promotions: []promotions.Promotion{{
		ID: "a", Effect: &promotions.Discount{Value: decimal.NewNullDecimal(decimal.NewFromInt(5))},
	}}}
	if diff := cmp.Diff(want, set, same()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	cart := mustCart(t, `{"currency":"USD","at":null,"customer":{},"codes":null,"lines":[{"id":"a","price":"1.00","list":"","qty":null,"product":""}]}`)
	if cart.Customer != nil || !cart.At.IsZero() || cart.Lines[0].Quantity != 1 || cart.Lines[0].List != (money.Amount{}) {
		t.Errorf("cart = %+v", cart)
	}
}

func TestCountsAreIntegersOrDecimalStrings(t *testing.T) {
	a := mustParse(t, `{"promotions":[{"id":"a","effect":{"kind":"percent","value":"5","per":"unit","max_units":"3"},"limits":{"uses":"10.0"},"priority":"-2"}]}`)
	if d, ok := a.Promotions[0].Effect.(*promotions.Discount); !ok || d.MaxUnits != 3 || a.Promotions[0].Limits.Uses != 10 || a.Promotions[0].Priority != -2 {
		t.Errorf("promotion = %+v", a.Promotions[0])
	}
}

func TestParseRefusesWithPath(t *testing.T) {
	const one = `{"promotions":[{"id":"a","effect":{"kind":"percent","value":"5"},`
	for name, c := range map[string]struct{ text, path string }{
		"unknown key":             {`{"rules":[]}`, "rules"},
		"unknown key in effect":   {`{"promotions":[{"effect":{"kind":"percent","valu":"5"}}]}`, "promotions[0].effect.valu"},
		"key of another effect":   {`{"promotions":[{"effect":{"kind":"gift","cap":"5"}}]}`, "promotions[0].effect.cap"},
		"repeated key":            {`{"stages":[],"stages":[]}`, "stages"},
		"number for money":        {`{"promotions":[{"effect":{"kind":"percent","value":5}}]}`, "promotions[0].effect.value"},
		"number out of form":      {`{"promotions":[{"effect":{"kind":"percent","value":"1e3"}}]}`, "promotions[0].effect.value"},
		"fraction of a count":     {one + `"limits":{"uses":"1.5"}}]}`, "promotions[0].limits.uses"},
		"zero uses":               {one + `"limits":{"uses":0}}]}`, "promotions[0].limits.uses"},
		"zero budget":             {one + `"limits":{"budget":"0"}}]}`, "promotions[0].limits.budget"},
		"zero buy":                {`{"promotions":[{"effect":{"kind":"bxgy","buy":{"qty":0},"get":{"qty":1},"value":{"percent":"1"}}}]}`, "promotions[0].effect.buy.qty"},
		"no get":                  {`{"promotions":[{"effect":{"kind":"bxgy","buy":{"qty":1},"value":{"percent":"1"}}}]}`, "promotions[0].effect.get"},
		"two values":              {`{"promotions":[{"effect":{"kind":"bundle","parts":[{"qty":1}],"value":{"percent":"1","price":"1"}}}]}`, "promotions[0].effect.value"},
		"unknown kind":            {`{"promotions":[{"effect":{"kind":"free","cap":"5"}}]}`, "promotions[0].effect.kind"},
		"no kind":                 {`{"promotions":[{"effect":{"value":"5"}}]}`, "promotions[0].effect.kind"},
		"largest_line of bxgy":    {`{"promotions":[{"effect":{"kind":"bundle","parts":[{"qty":1}],"pick":"largest_line","value":{"percent":"1"}}}]}`, "promotions[0].effect.pick"},
		"unknown mode":            {`{"stages":[{"mode":"worst"}]}`, "stages[0].mode"},
		"zero group":              {`{"stages":[{"groups":{"g":0}}]}`, "stages[0].groups.g"},
		"time out of form":        {one + `"from":"2026-06-01"}]}`, "promotions[0].from"},
		"currency in lower case":  {one + `"currency":"usd"}]}`, "promotions[0].currency"},
		"extra digits":            {`{"policy":{"rounding":{"mode":"up","extra":1}}}`, "policy.rounding.extra"},
		"two forms of condition":  {one + `"when":{"field":"cart.units","op":"=","value":1,"not":{}}}]}`, "promotions[0].when"},
		"empty part":              {one + `"when":{"all":[{}]}}]}`, "promotions[0].when.all[0]"},
		"unknown key of a leaf":   {one + `"when":{"fild":"cart.units"}}]}`, "promotions[0].when.fild"},
		"priority out of range":   {one + `"priority":1000000001}]}`, "promotions[0].priority"},
		"data after it":           {`{} {}`, ""},
		"no object":               {`[]`, ""},
		"fraction in a condition": {one + `"when":{"field":"cart.units","op":"=","value":1.5}}]}`, "promotions[0].when.value"},
	} {
		_, err := promotions.Parse(strings.NewReader(c.text))
		checkProblem(t, name, err, c.path, nil)
	}
}

// checkProblem checks that an error has a problem at a path, and is of a cause.
func checkProblem(t *testing.T, name string, err error, path string, cause error) {
	t.Helper()
	invalid, ok := errors.AsType[*promotions.InvalidError](err)
	if !ok || !errors.Is(err, promotions.ErrInvalid) {
		t.Errorf("%s: error = %v, want an InvalidError", name, err)
		return
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("%s: error %v is not %v", name, err, cause)
	}
	var paths []string
	for _, p := range invalid.Problems {
		if paths = append(paths, p.Path); p.Path == path && p.Text != "" {
			return
		}
	}
	t.Errorf("%s: problems at %q, want one at %q: %v", name, paths, path, err)
}

func TestParseReportsAllProblemsAtOnce(t *testing.T) {
	_, err := promotions.Parse(strings.NewReader(`{"x":1,"stages":[{"mode":"y"}],"promotions":[{"priority":"z"},{"limits":{"uses":-1}}]}`))
	for _, path := range []string{"x", "stages[0].mode", "promotions[0].priority", "promotions[1].limits.uses"} {
		checkProblem(t, "all", err, path, nil)
	}
}

func TestParseCartRefusesWithPath(t *testing.T) {
	many := func(n int, one string) string { return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]" }
	for name, c := range map[string]struct {
		text, path string
		cause      error
	}{
		"no currency":      {`{"lines":[]}`, "currency", nil},
		"unknown currency": {`{"currency":"NOPE"}`, "currency", money.ErrCurrency},
		"no price":         {`{"currency":"USD","lines":[{"id":"a"}]}`, "lines[0].price", nil},
		"number":           {`{"currency":"USD","lines":[{"id":"a","price":1}]}`, "lines[0].price", nil},
		"unknown key":      {`{"currency":"USD","lines":[{"id":"a","price":"1","quantity":2}]}`, "lines[0].quantity", nil},
		"half a unit":      {`{"currency":"USD","lines":[{"id":"a","price":"1","qty":"1.5"}]}`, "lines[0].qty", nil},
		"5001 lines":       {`{"currency":"USD","lines":` + many(5001, `{"id":"a","price":"1"}`) + `}`, "lines[5000]", promotions.ErrRange},
		"101 codes":        {`{"currency":"USD","codes":` + many(101, `"A"`) + `}`, "codes[100]", promotions.ErrRange},
		"deep":             {`{"currency":"USD","lines":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "lines", nil},
	} {
		_, err := promotions.ParseCart(strings.NewReader(c.text))
		checkProblem(t, name, err, c.path, c.cause)
	}
	_, err := promotions.ParseCart(strings.NewReader(strings.Repeat(" ", 17<<20)))
	checkProblem(t, "17 MiB", err, "", promotions.ErrRange)
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestReadErrorsComeThrough(t *testing.T) {
	broken := brokenReader{os.ErrDeadlineExceeded}
	if _, err := promotions.Parse(broken); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Parse: %v", err)
	}
	if _, err := promotions.ParseCart(broken); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ParseCart: %v", err)
	}
}

func TestWhatTheFormCannotHoldIsNotWritten(t *testing.T) {
	usd, eur := money.MustISO("USD"), money.MustISO("EUR")
	loop := &promotions.Condition{}
	loop.Not = loop
	for name, v := range map[string]json.Marshaler{
		"invalid UTF-8":  promotions.Set{Promotions: []promotions.Promotion{{Title: "\xff"}}},
		"no effect kind": promotions.Set{Promotions: []promotions.Promotion{{Effect: (*promotions.Discount)(nil)}}},
		"unknown choice": promotions.Set{Stages: []promotions.Stage{{Mode: 99}}},
		"endless":        promotions.Set{Promotions: []promotions.Promotion{{When: loop}}},
		"extra digits":   promotions.Set{Policy: promotions.Policy{Rounding: money.Rounding{Extra: 1}}},
		"huge decimal":   promotions.Set{Campaigns: []promotions.Campaign{{Budget: decimal.New(1, 1<<30)}}},
		"value":          promotions.Set{Promotions: []promotions.Promotion{{When: &promotions.Condition{Field: "cart.units", Value: 1.5}}}},
		"other currency": promotions.Cart{Currency: usd, Lines: []promotions.Line{{Price: money.New(1, eur)}}},
		"year 10000":     promotions.Cart{Currency: usd, At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"two currencies": promotions.Result{Subtotal: money.New(1, usd), Tax: money.New(1, eur)},
	} {
		if b, err := v.MarshalJSON(); err == nil {
			t.Errorf("%s: written as %s", name, b)
		}
	}
}

func TestUnmarshalLeavesTheOldValueOnError(t *testing.T) {
	set, cart, result := mustParse(t, full), mustCart(t, fullCart), promotions.Result{Nodes: 3}
	for _, v := range []json.Unmarshaler{&set, &cart, &result} {
		if err := v.UnmarshalJSON([]byte(`{"nodes":7,"x":1}`)); err == nil {
			t.Errorf("%T: no error", v)
		}
	}
	if result.Nodes != 3 || len(set.Promotions) == 0 || len(cart.Lines) == 0 {
		t.Error("changed")
	}
}

func TestResultRoundTrips(t *testing.T) {
	usd := money.MustISO("USD")
	m := func(minor int64) money.Amount { return money.New(minor, usd) }
	r := promotions.Result{
		Applied:  []promotions.Application{{Promotion: "p", Stage: "default", Code: "TEN", Amount: m(300), Times: 2, Shares: []promotions.Share{{Target: "a", From: 1, To: 3, Amount: m(300), Net: m(250), Tax: m(50)}, {Target: "s", Amount: m(0)}}}},
		Rejected: []promotions.Rejection{{Promotion: "q", Reason: promotions.ConditionFailed, Path: "all[0]", Field: "cart.subtotal", Op: ">=", Want: "50", Have: "<10", Other: "o"}},
		Lines:    []promotions.LineResult{{ID: "a", Before: m(1000), Discount: m(300), After: m(700), Net: m(700), Tax: m(0), Gross: m(700), Runs: []promotions.Run{{From: 0, To: 3, Before: m(1000), After: m(700)}}}},
		Shipping: []promotions.ChargeResult{{ID: "s", Before: m(5), After: m(5), Net: m(5), Gross: m(5)}},
		Gifts:    []promotions.Gift{{Promotion: "g", Product: "cup", Entitled: 2, InCart: 1}},
		Near:     []promotions.NearMiss{{Promotion: "q", Field: "cart.subtotal", Have: "40", Need: "50", Gap: "10"}},
		Codes:    []promotions.CodeStatus{{Code: "ten", Status: promotions.CodeUsed}},
		Subtotal: m(1005), Discount: m(300), Total: m(705), Net: m(705), Tax: m(0), Gross: m(705), Optimal: true, Bound: m(300), Nodes: 17,
		Debits:     []promotions.Debit{{Promotion: "p", Account: "promotion/p/uses", Unit: "uses", Amount: 1, Limit: 10}},
		NextChange: time.Date(2026, 7, 1, 0, 0, 0, 500, time.UTC), Digest: [32]byte{1}, Fingerprint: [32]byte{31: 2},
	}
	for _, r := range []promotions.Result{r, {}, {Subtotal: m(0)}} {
		text := encode(t, r)
		var again promotions.Result
		if err := again.UnmarshalJSON([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again, same()); diff != "" {
			t.Errorf("read back (-first +again):\n%s", diff)
		}
		if encode(t, again) != text {
			t.Errorf("written again: %s, first %s", encode(t, again), text)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "{}", "null", `{"promotions":[null]}`, `{"policy":{"rounding":"up"}}`, percent(`,"when":{"all":[]}`), full} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := promotions.Parse(strings.NewReader(string(data)))
		if err != nil {
			if !errors.Is(err, promotions.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		again := mustParse(t, encode(t, set))
		if diff := cmp.Diff(set, again, same()); diff != "" {
			t.Fatalf("read back (-first +again):\n%s", diff)
		}
		s, err := promotions.Compile(set, promotions.CompileConfig{})
		if err != nil {
			if !errors.Is(err, promotions.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		if diff := cmp.Diff(set, s.Set(), same()); diff != "" {
			t.Fatalf("Set (-compiled +kept):\n%s", diff)
		}
	})
}

func FuzzParseCart(f *testing.F) {
	for _, text := range []string{"", "{}", "null", `{"currency":"JPY","lines":[{"price":"1","qty":"0"}]}`, fullCart} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cart, err := promotions.ParseCart(strings.NewReader(string(data)))
		if err != nil {
			if !errors.Is(err, promotions.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
			return
		}
		again := mustCart(t, encode(t, cart))
		if diff := cmp.Diff(cart, again, same()); diff != "" {
			t.Fatalf("read back (-first +again):\n%s", diff)
		}
	})
}

func FuzzCondition(f *testing.F) {
	for _, text := range []string{
		`{"field":"cart.subtotal","op":">=","value":"50"}`, `{"lines":{"count":{"op":"between","value":[1,"2"]}}}`, `{"all":[]}`,
		`{"not":{"any":[{"field":"customer.id","op":"in","value":["a"]}]}}`, `{"field":"line.product","op":"exists"}`, `{"lines":{"where":{"lines":{}}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, key := range []string{"when", "where"} {
			text := `{"promotions":[{"id":"p","effect":{"kind":"percent","value":"5"},"` + key + `":` + string(data) + `}]}`
			set, err := promotions.Parse(strings.NewReader(text))
			if err != nil {
				continue
			}
			again := mustParse(t, encode(t, set))
			if diff := cmp.Diff(set, again, same()); diff != "" {
				t.Fatalf("read back (-first +again):\n%s", diff)
			}
			if _, err := promotions.Compile(set, promotions.CompileConfig{}); err != nil && !errors.Is(err, promotions.ErrInvalid) {
				t.Fatalf("error %v is not ErrInvalid", err)
			}
		}
	})
}
