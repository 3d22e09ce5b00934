package explain_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/explain"
)

var update = flag.Bool("update", false, "write the golden files")

// shopSet has promotions of several kinds, and some that do not fire.
const shopSet = `{
 "policy": {"rounding": "half_up"},
 "stages": [{"name": "default"}, {"name": "shipping"}],
 "promotions": [
  {"id": "three-for-two", "title": "Buy 3 shirts, pay 2", "priority": 30, "effect": {"kind": "bxgy", "value": {"percent": "100"},
   "buy": {"qty": 2, "where": {"field": "line.product", "op": "=", "value": "shirt"}}, "get": {"qty": 1, "where": {"field": "line.product", "op": "=", "value": "shirt"}}}},
  {"id": "ten", "title": "10 % off with SPRING", "priority": 20, "codes": ["SPRING"], "effect": {"kind": "percent", "value": "10"}},
  {"id": "five", "title": "5.00 off mugs & more", "priority": 10, "currency": "USD", "where": {"field": "line.categories", "op": "any", "value": ["kitchen"]},
   "effect": {"kind": "amount", "value": "5.00", "per": "order"}},
  {"id": "sticker", "effect": {"kind": "gift", "product": "sticker", "qty": 2}},
  {"id": "free", "title": "Free shipping", "stage": "shipping", "currency": "USD", "target": "shipping", "when": {"field": "cart.subtotal_now", "op": ">=", "value": "100"}, "effect": {"kind": "percent", "value": "100"}},
  {"id": "express", "stage": "shipping", "target": "shipping", "where": {"field": "shipping.method", "op": "=", "value": "express"}, "effect": {"kind": "percent", "value": "50"}},
  {"id": "vip", "stage": "shipping", "when": {"field": "customer.segments", "op": "any", "value": ["vip"]}, "effect": {"kind": "percent", "value": "3"}},
  {"id": "summer", "from": "2026-06-01T00:00:00Z", "effect": {"kind": "percent", "value": "3"}}
 ]}`

const shopCart = `{"currency": "USD", "at": "2026-05-01T00:00:00Z", "codes": ["spring", "WELCOME"], "prices_include_tax": true, "customer": {"id": "c1", "segments": ["gold"]},
 "lines": [
  {"id": "shirts", "product": "shirt", "price": "20.00", "qty": 4, "tax_rate": "19"},
  {"id": "mugs", "product": "mug", "price": "7.90", "qty": 2, "categories": ["kitchen"], "tax_rate": "19"},
  {"id": "pan", "product": "pan", "price": "24.50", "categories": ["kitchen"], "tax_rate": "19"}],
 "shipping": [{"id": "dhl", "method": "express", "price": "9.90", "tax_rate": "19"}]}`

func compiled(tb testing.TB, set string) *promotions.Snapshot {
	tb.Helper()
	parsed, err := promotions.Parse(strings.NewReader(set))
	if err != nil {
		tb.Fatal(err)
	}
	s, err := promotions.Compile(parsed, promotions.CompileConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func cartOf(tb testing.TB, text string) promotions.Cart {
	tb.Helper()
	c, err := promotions.ParseCart(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func evaluated(tb testing.TB, s *promotions.Snapshot, c promotions.Cart) promotions.Result {
	tb.Helper()
	r, err := s.Evaluate(c, promotions.Options{WhyNot: promotions.All})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func textOf(tb testing.TB, s *promotions.Snapshot, c promotions.Cart, r promotions.Result) string {
	tb.Helper()
	var b bytes.Buffer
	if err := explain.Text(&b, s, c, r); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func svgOf(tb testing.TB, s *promotions.Snapshot, c promotions.Cart, r promotions.Result) string {
	tb.Helper()
	var b bytes.Buffer
	if err := explain.SVG(&b, s, c, r); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for name, of := range map[string]struct{ set, cart string }{
		"shop":  {shopSet, shopCart},
		"empty": {`{"promotions": [{"id": "ten", "effect": {"kind": "percent", "value": "10"}}]}`, `{"currency": "JPY"}`},
		"optimal": {
			`{"stages": [{"name": "best", "mode": "optimal", "groups": {"one": 1}}], "promotions": [
			  {"id": "a", "currency": "EUR", "where": {"field": "line.product", "op": "=", "value": "pen"}, "effect": {"kind": "amount", "value": "3.00"}, "stack": {"group": "one"}},
			  {"id": "b", "effect": {"kind": "percent", "value": "15"}, "stack": {"group": "one"}},
			  {"id": "c", "effect": {"kind": "percent", "value": "5"}}]}`,
			`{"currency": "EUR", "lines": [{"id": "1", "product": "pen", "price": "12.00"}, {"id": "2", "product": "pad", "price": "0.99", "qty": 3}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := compiled(t, of.set), cartOf(t, of.cart)
			r := evaluated(t, s, c)
			golden(t, name+".txt", textOf(t, s, c, r))
			golden(t, name+".svg", svgOf(t, s, c, r))
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestWhySaysEveryReason(t *testing.T) {
	s, c := compiled(t, shopSet), cartOf(t, shopCart)
	r := evaluated(t, s, c)
	for id, want := range map[string]string{
		"three-for-two": "three-for-two: 20.00 off shirts",
		"ten":           "ten: 10.03 off shirts, mugs and pan, opened by code spring",
		"express":       "express: 4.95 off dhl",
		"sticker":       "sticker: there is nothing that it could take",
		"free":          "free: needs 100.00 after discounts, has 85.27; add 14.73",
		"vip":           `vip: needs customer.segments any vip, has ["gold"]`,
		"summer":        "summer: has not started",
		"nothing":       "nothing: not looked at; nothing in the cart leads to it, or reasons were not asked for",
	} {
		if got := explain.Why(r, id); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	for want, rejection := range map[string]promotions.Rejection{
		"p: has ended": {Reason: promotions.Ended},
		"p: needs a code that the cart does not have":                       {Reason: promotions.NoCode},
		"p: is for another currency than USD":                               {Reason: promotions.OtherCurrency},
		"p: is limited for each customer, and the cart is a guest's":        {Reason: promotions.NeedsCustomer},
		"p: is used up: promotion/p/uses has 0 of 10 left":                  {Reason: promotions.LimitReached, Field: "promotion/p/uses", Want: "10", Have: "0"},
		"p: needs more than 3 units, has 2":                                 {Reason: promotions.ConditionFailed, Field: "cart.units", Op: ">", Want: "3", Have: "2"},
		"p: needs 20.00 of its products, has 5.00":                          {Reason: promotions.ConditionFailed, Field: "lines.amount", Op: ">=", Want: "20", Have: "5"},
		"p: needs cart.subtotal between 10, 20, has 5.00":                   {Reason: promotions.ConditionFailed, Field: "cart.subtotal", Op: "between", Want: "10, 20", Have: "5.00"},
		"p: needs customer.id = x, has nothing":                             {Reason: promotions.ConditionFailed, Field: "customer.id", Op: "=", Want: "x"},
		"p: q stands alone":                                                 {Reason: promotions.ExclusiveOther, Other: "q"},
		"p: stands alone, and others fired":                                 {Reason: promotions.ExclusiveOther},
		"p: q lets nothing fire after it":                                   {Reason: promotions.Stopped, Other: "q"},
		"p: its place is taken by q":                                        {Reason: promotions.GroupFull, Other: "q"},
		"p: does not go together with q":                                    {Reason: promotions.Conflicts, Other: "q"},
		"p: takes more than is left: promotion/p/budget has 3.00 of 100.00": {Reason: promotions.BudgetExceeded, Field: "promotion/p/budget", Want: "100.00", Have: "3.00"},
		"p: others are better for the buyer":                                {Reason: promotions.NotBest},
		"p: q takes more":                                                   {Reason: promotions.NotBest, Other: "q"},
		"p: a host's own":                                                   {Reason: "a host's own"},
	} {
		rejection.Promotion = "p"
		if got := explain.Why(promotions.Result{Total: r.Total, Rejected: []promotions.Rejection{rejection}}, "p"); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// Names are a host's users'. None may forge a row of the table or anything but text in the picture.
func TestHostileNamesStayNames(t *testing.T) {
	const hostile = "</text><script>x</script>\n\x1b[31m\u202e&\xff"
	s := compiled(t, `{"promotions": [{"id": "ten", "title": "</title>\nforged", "effect": {"kind": "percent", "value": "10"}}]}`)
	c := cartOf(t, `{"currency": "USD", "codes": ["<b>"], "lines": [{"id": "a", "price": "10.00"}], "shipping": [{"id": "b", "price": "1.00"}]}`)
	c.Lines[0].Product, c.Shipping[0].Method, c.Codes[0] = strings.ToValidUTF8(hostile, "?"), "]]>", "<&\x1b"
	r := evaluated(t, s, c)
	text := textOf(t, s, c, r)
	if strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("control characters in\n%q", text)
	}
	if lines := strings.Count(text, "\n"); lines != 10 {
		t.Errorf("%d lines in\n%s", lines, text)
	}
	picture := svgOf(t, s, c, r)
	allowed := map[string]bool{"svg": true, "title": true, "style": true, "defs": true, "pattern": true, "rect": true, "line": true, "circle": true, "g": true, "text": true, "tspan": true}
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		if start, is := token.(xml.StartElement); is && !allowed[start.Name.Local] {
			t.Errorf("element %s", start.Name.Local)
		}
	}
}

func TestAResultOfAnotherCartOrSetIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	s, c := compiled(t, shopSet), cartOf(t, shopCart)
	r := evaluated(t, s, c)
	other := c
	other.Lines = append([]promotions.Line{{ID: "x"}}, c.Lines[1:]...)
	strange := r
	strange.Applied = append([]promotions.Application{{Promotion: "p", Shares: []promotions.Share{{Target: "nowhere"}}}}, r.Applied...)
	for name, of := range map[string]struct {
		s *promotions.Snapshot
		c promotions.Cart
		r promotions.Result
	}{
		"no set":             {nil, c, r},
		"another set":        {compiled(t, `{}`), c, r},
		"no cart":            {s, promotions.Cart{}, r},
		"another id":         {s, other, r},
		"a share of nothing": {s, c, strange},
	} {
		t.Run(name, func(t *testing.T) {
			for _, draw := range []func(io.Writer, *promotions.Snapshot, promotions.Cart, promotions.Result) error{explain.Text, explain.SVG} {
				var b bytes.Buffer
				if err := draw(&b, of.s, of.c, of.r); !errors.Is(err, promotions.ErrInvalid) || b.Len() > 0 {
					t.Errorf("%v and %d bytes", err, b.Len())
				}
			}
		})
	}
}

// broken fails after some bytes.
type broken struct{ left int }

var errBroken = errors.New("broken")

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestErrorsOfTheWriterAreReturned(t *testing.T) {
	s, c := compiled(t, shopSet), cartOf(t, shopCart)
	r := evaluated(t, s, c)
	for _, draw := range []func(io.Writer, *promotions.Snapshot, promotions.Cart, promotions.Result) error{explain.Text, explain.SVG} {
		for _, after := range []int{0, 1000} {
			if err := draw(&broken{after}, s, c, r); !errors.Is(err, errBroken) {
				t.Errorf("%v, want the writer's", err)
			}
		}
	}
}
