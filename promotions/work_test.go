package promotions_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// wideCart has so many lines of unlike prices.
func wideCart(lines int, quantity func(line int) int64) promotions.Cart {
	c := promotions.Cart{Currency: money.MustISO("EUR")}
	for i := range lines {
		c.Lines = append(c.Lines, promotions.Line{
			ID: fmt.Sprint("l", i), Price: money.New(int64(1000+i*7%911), c.Currency), Quantity: quantity(i),
			Tags: []string{fmt.Sprint("t", i%13)}, Floor: money.New(int64(i%300), c.Currency),
		})
	}
	return c
}

// No cart of many lines, units and promotions holds a caller for long, however much there
// would be to search: the budget of nodes counts all work, whatever it is for.
func TestAWideStageIsSearchedInBoundedTime(t *testing.T) {
	few := func(line int) int64 { return int64(1 + line%5) }
	need := func(r *rand.Rand) promotions.Need {
		return promotions.Need{Quantity: 1 + r.Int64N(4), Where: &promotions.Condition{Field: "line.tags", Op: "any", Value: []string{fmt.Sprint("t", r.IntN(13))}}}
	}
	value := func(percent int) promotions.Value { return promotions.Value{Value: decimal.NewFromInt(int64(percent))} }
	for _, tt := range []struct {
		name   string
		number int
		cart   promotions.Cart
		make   func(i int, r *rand.Rand, p *promotions.Promotion)
	}{
		{"bundles of four parts", 120, wideCart(300, few), func(i int, r *rand.Rand, p *promotions.Promotion) {
			p.Effect = &promotions.Bundle{Parts: []promotions.Need{need(r), need(r), need(r), need(r)}, Value: value(1 + i%90)}
		}},
		{"what is got is not dearer", 100, wideCart(300, func(int) int64 { return 1e11 }), func(i int, _ *rand.Rand, p *promotions.Promotion) {
			p.Effect = &promotions.BuyGet{Buy: promotions.Need{Quantity: 2}, Get: promotions.Need{Quantity: 1}, NotDearer: true, Value: value(1 + i%90)}
		}},
		{"two large bundles on many lines", 2, wideCart(5000, few), func(i int, _ *rand.Rand, p *promotions.Promotion) {
			p.Effect = &promotions.Bundle{Parts: []promotions.Need{{Quantity: 50}, {Quantity: 50}}, Value: value(10 + i)}
		}},
		{"percentages with thresholds on many lines", 25, wideCart(5000, few), func(_ int, r *rand.Rand, p *promotions.Promotion) {
			p.Effect = &promotions.Discount{Kind: promotions.Percent, Value: decimal.NewNullDecimal(decimal.NewFromInt(1 + r.Int64N(30))), Per: promotions.PerUnit}
			p.When = &promotions.Condition{Field: "cart.subtotal_now", Op: ">=", Value: fmt.Sprint(r.Int64N(100_000))}
		}},
	} {
		set := promotions.Set{Stages: []promotions.Stage{{Name: "default", Mode: promotions.Optimal}}}
		r := rand.New(rand.NewPCG(1, 2))
		for i := range tt.number {
			p := promotions.Promotion{ID: fmt.Sprint("p", i), Priority: r.IntN(5), Currency: tt.cart.Currency}
			tt.make(i, r, &p)
			set.Promotions = append(set.Promotions, p)
		}
		s, err := promotions.Compile(set, promotions.CompileConfig{})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		start := time.Now()
		got, err := s.Evaluate(tt.cart, promotions.Options{})
		took := time.Since(start)
		if err != nil || got.Discount.Sign() <= 0 || got.Optimal {
			t.Errorf("%s: %v off, certified %v, %v", tt.name, got.Discount, got.Optimal, err)
		}
		if took > 5*time.Second && !raceEnabled { // it is well below one; uncounted work took tens of them
			t.Errorf("%s: %v, %d nodes", tt.name, took, got.Nodes)
		}
		t.Logf("%s: %v, %d nodes", tt.name, took, got.Nodes)
	}
}
