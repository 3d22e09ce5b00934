package integration_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/integration/medusatest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// needMedusa skips where nobody asked for a peer that has to be fetched.
func needMedusa(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") != "true" && os.Getenv("TENON_MEDUSA") == "" {
		t.Skip("no Medusa: it is fetched from npm only with CI=true, or with TENON_MEDUSA naming a folder for it")
	}
}

func medusaSet(t *testing.T, text string) promotions.Set {
	t.Helper()
	set, err := promotions.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func medusaCart(t *testing.T, text string) promotions.Cart {
	t.Helper()
	cart, err := promotions.ParseCart(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return cart
}

// Each of the four defects that package promotions has a test for is really there.
func TestMedusaHasTheDefectsThatItIsSaidToHave(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	needMedusa(t)
	for _, tt := range []struct {
		name, set, cart string
		want            map[string]string
	}{
		{
			"a budget is checked line by line",
			`{"promotions": [{"id": "p", "currency": "USD", "limits": {"budget": "100"}, "effect": {"kind": "amount", "value": "90.00"}}]}`,
			`{"currency": "USD", "lines": [{"id": "a", "price": "200.00"}, {"id": "b", "price": "200.00"}]}`,
			map[string]string{"a": "90", "b": "90"},
		},
		{
			"ten over three lines is no amount of money",
			`{"promotions": [{"id": "p", "currency": "USD", "effect": {"kind": "amount", "value": "10.00", "per": "order"}}]}`,
			`{"currency": "USD", "lines": [{"id": "a", "price": "50.00"}, {"id": "b", "price": "50.00"}, {"id": "c", "price": "50.00"}]}`,
			map[string]string{"a": "3.333", "b": "3.333", "c": "3.333"},
		},
		{
			"a thousand rounds are all",
			`{"promotions": [{"id": "p", "effect": {"kind": "bxgy", "buy": {"qty": 1, "where": {"field": "line.product", "op": "=", "value": "x"}}, "get": {"qty": 1, "where": {"field": "line.product", "op": "=", "value": "x"}}, "value": {"percent": "100"}}}]}`,
			`{"currency": "USD", "lines": [{"id": "a", "product": "x", "price": "1.00", "qty": 3000}]}`,
			map[string]string{"a": "1000"},
		},
		{
			"the dearest line is taken for the dearest unit",
			`{"promotions": [{"id": "p", "effect": {"kind": "bxgy", "max": 1, "buy": {"qty": 1, "where": {"field": "line.product", "op": "=", "value": "pen"}}, "get": {"qty": 1, "where": {"field": "line.categories", "op": "any", "value": ["gift"]}}, "value": {"percent": "100"}}}]}`,
			`{"currency": "USD", "lines": [{"id": "ten", "price": "1.00", "qty": 10, "categories": ["gift"]}, {"id": "one", "price": "9.00", "categories": ["gift"]}, {"id": "pen", "product": "pen", "price": "2.00"}]}`,
			map[string]string{"ten": "1"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := medusatest.Run(t, medusatest.Job{Set: medusaSet(t, tt.set), Carts: []promotions.Cart{medusaCart(t, tt.cart)}}).Carts[0].Lines
			if len(got) != len(tt.want) {
				t.Errorf("it takes %v, want %v", got, tt.want)
			}
			for id, want := range tt.want {
				if !strings.HasPrefix(got[id], want) {
					t.Errorf("line %s: it takes %s, want %s", id, got[id], want)
				}
			}
		})
	}
}

// On carts without those defects the two agree to the cent on every line.
func TestPercentFixedAndShippingAgreeWithMedusa(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	needMedusa(t)
	const seed, sets, carts = 20260601, 12, 40
	r := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	for range sets {
		set, several := medusaDeal(r)
		job := medusatest.Job{Set: set}
		for range carts {
			job.Carts = append(job.Carts, medusaDealCart(r))
		}
		snapshot, err := promotions.Compile(set, promotions.CompileConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for i, theirs := range medusatest.Run(t, job).Carts {
			ours, err := snapshot.Evaluate(job.Carts[i], promotions.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range ours.Lines {
				agree(t, l.ID, l.Discount, theirs.Lines[l.ID], several)
			}
			for _, s := range ours.Shipping {
				agree(t, s.ID, s.Discount, theirs.Shipping[s.ID], several)
			}
		}
	}
}

// agree compares what is taken: to the cent, for each promotion that can have rounded.
func agree(t *testing.T, id string, ours money.Amount, theirs string, promotions int64) {
	t.Helper()
	if theirs == "" {
		theirs = "0"
	}
	want, err := decimal.NewFromString(theirs)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := ours.Minor()
	if want.Shift(2).Sub(decimal.NewFromInt(got)).Abs().GreaterThan(decimal.NewFromInt(promotions)) {
		t.Errorf("%s: ours is %v, theirs %s", id, ours, theirs)
	}
}

// medusaDeal is one to three promotions, each of another kind.
func medusaDeal(r *rand.Rand) (promotions.Set, int64) {
	usd := money.MustISO("USD")
	set := promotions.Set{Policy: promotions.Policy{Rounding: money.Rounding{Mode: money.HalfUp}}}
	n := 1 + r.IntN(3)
	for i := range n {
		d := &promotions.Discount{Value: decimal.NewNullDecimal(decimal.NewFromInt(1 + r.Int64N(40)))}
		p := promotions.Promotion{ID: fmt.Sprintf("p%d", i), Priority: 10 - i, Currency: usd, Effect: d}
		if r.IntN(2) == 0 {
			d.Kind = promotions.AmountOff
			if d.Per = promotions.PerUnit; r.IntN(2) == 0 {
				d.Per = promotions.PerOrder
			}
		}
		if r.IntN(3) == 0 {
			p.Target = promotions.OnShipping
			d.Per = promotions.PerLine
		} else if r.IntN(2) == 0 {
			p.Where = &promotions.Condition{Field: "line.product", Op: "in", Value: []string{"A", "B"}}
		}
		if r.IntN(3) == 0 {
			p.When = &promotions.Condition{Field: "cart.subtotal", Op: ">=", Value: "100"}
		}
		set.Promotions = append(set.Promotions, p)
	}
	return set, int64(n)
}

func medusaDealCart(r *rand.Rand) promotions.Cart {
	usd := money.MustISO("USD")
	c := promotions.Cart{Currency: usd, Shipping: []promotions.Charge{{ID: "post", Method: "post", Price: money.New(500+r.Int64N(1000), usd)}}}
	for i := range 1 + r.IntN(5) {
		c.Lines = append(c.Lines, promotions.Line{
			ID: fmt.Sprintf("l%d", i), Product: []string{"A", "B", "C"}[r.IntN(3)], Price: money.New(100+r.Int64N(9900), usd), Quantity: 1 + r.Int64N(4),
		})
	}
	return c
}
