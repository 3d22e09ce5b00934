package promotionstest

import (
	"fmt"
	"math/rand/v2"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// Workload is a set of n promotions, at least 100, in one sequential stage, and a cart of
// ten lines: what BenchmarkEvaluate measures. 20 promotions are for every cart, a tenth
// each by segment and by code, the rest by product or category. The cart's keys reach 12
// beside the 20, and 6 fire.
func Workload(n int) (promotions.Set, promotions.Cart) {
	usd := money.MustISO("USD")
	percent := func(p int64) promotions.Effect {
		return &promotions.Discount{Value: decimal.NewNullDecimal(decimal.New(p, 0))}
	}
	set := promotions.Set{Policy: promotions.Policy{Rounding: money.Rounding{Mode: money.HalfUp}}}
	for i := range n {
		p := promotions.Promotion{ID: fmt.Sprintf("p%06d", i), Priority: n - i, Effect: percent(int64(1 + i%9))}
		switch {
		case i < 20:
			p.Currency = usd
			p.When = leaf("cart.subtotal", ">=", fmt.Sprint(400+1000*(i%10)))
		case i%10 == 0:
			p.When = leaf("customer.segments", "any", []string{fmt.Sprintf("s%d", i)})
		case i%10 == 1:
			p.Codes = []string{fmt.Sprintf("CODE%d", i)}
		case i%2 == 0:
			p.Where = leaf("line.product", "=", fmt.Sprintf("sku%d", i))
			p.When = leaf("cart.units", ">=", "100")
		default:
			p.Where = leaf("line.categories", "any", []string{fmt.Sprintf("c%d", i)})
		}
		set.Promotions = append(set.Promotions, p)
	}
	cart := promotions.Cart{
		Currency: usd, Customer: &promotions.Customer{ID: "c1", Segments: []string{"s20", "s30"}}, Codes: []string{"CODE21"},
	}
	for i := range 10 {
		l := promotions.Line{
			ID: fmt.Sprintf("l%d", i), Product: fmt.Sprintf("sku%d", 22+2*i), Price: money.New(int64(1999+100*i), usd),
			Quantity: int64(1 + i%3), Categories: []string{"other", "main"}, TaxRate: decimal.New(20, 0),
		}
		cart.Lines = append(cart.Lines, l)
	}
	cart.Lines[0].Categories = []string{"c23"}
	cart.Shipping = []promotions.Charge{{ID: "std", Method: "standard", Price: money.New(499, usd)}}
	return set, cart
}

// OptimalWorkload is one optimal stage of n candidates on a cart of ten lines, the same for
// the same seed: what BenchmarkOptimal measures. Percents and amounts in equal parts are on
// one to four lines or on the order, in random priority; four fifths are in four groups, of
// which one member each may fire; there are ten pairs that exclude each other, and a fifth
// ask for a subtotal at their turn.
func OptimalWorkload(seed uint64, n int) (promotions.Set, promotions.Cart) {
	r := rand.New(rand.NewPCG(seed, 25))
	usd := money.MustISO("USD")
	cart := promotions.Cart{Currency: usd}
	for i := range 10 {
		cart.Lines = append(cart.Lines, promotions.Line{
			ID: fmt.Sprintf("l%d", i), Product: fmt.Sprintf("sku%d", i), Price: money.New(500+r.Int64N(9500), usd), Quantity: 1 + r.Int64N(3),
		})
	}
	set := promotions.Set{Stages: []promotions.Stage{{Name: "best", Mode: promotions.Optimal}}}
	for i := range n {
		p := promotions.Promotion{ID: fmt.Sprintf("p%02d", i), Priority: r.IntN(1000), Currency: usd}
		d := &promotions.Discount{Kind: promotions.Percent, Value: decimal.NewNullDecimal(decimal.NewFromInt(5 + r.Int64N(26)))}
		if i%2 == 1 {
			d.Kind, d.Value = promotions.AmountOff, decimal.NewNullDecimal(decimal.New(200+r.Int64N(2800), -2))
		}
		p.Effect = d
		if lines := r.IntN(5); lines == 0 {
			d.Per = promotions.PerOrder
		} else {
			var skus []string
			for _, at := range r.Perm(10)[:lines] {
				skus = append(skus, fmt.Sprintf("sku%d", at))
			}
			p.Where = leaf("line.product", "in", skus)
		}
		if i < n*4/5 {
			p.Stack.Group = fmt.Sprintf("g%d", i*5/n)
		}
		if i%5 == 2 {
			p.When = leaf("cart.subtotal_now", ">=", fmt.Sprintf("%d", 100+r.IntN(300)))
		}
		set.Promotions = append(set.Promotions, p)
	}
	for pairs := map[[2]int]bool{}; len(pairs) < 10; {
		a, b := r.IntN(n), r.IntN(n)
		if a < b && !pairs[[2]int{a, b}] {
			pairs[[2]int{a, b}] = true
			set.Promotions[a].Stack.Excludes = append(set.Promotions[a].Stack.Excludes, set.Promotions[b].ID)
		}
	}
	return set, cart
}
