package pricingtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// What the generators do not reach, no comparison with the oracle tests.
func TestRandomSetsReachEverything(t *testing.T) {
	seen := make(map[string]int)
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		rs := pricingtest.RandomRules(r)
		for _, rule := range rs.Rules {
			seen[fmt.Sprintf("effect %T", rule.Effect)]++
			seen[fmt.Sprintf("condition %T", rule.When)]++
			seen[fmt.Sprint("level ", rule.On.Level)]++
		}
		for range 50 {
			q := pricingtest.RandomQuery(r, rs)
			quote, err := pricingtest.Naive(rs, q)
			countErrors(seen, err)
			countQuote(seen, q, quote)
		}
	}
	want := []string{
		"effect pricing.SetTo", "effect pricing.AmountOff", "effect pricing.AmountUp", "effect pricing.PercentOff", "effect pricing.PercentUp",
		"effect pricing.Markup", "effect pricing.Margin", "effect pricing.Formula", "effect pricing.Charge", "effect pricing.Grid",
		"condition <nil>", "condition pricing.All", "condition pricing.Any", "condition pricing.Not", "condition pricing.Leaf",
		"no price", "ambiguous rules", "bad quantity", "no usable cost", "no usable rate", "time required", "bad query", "invalid currency", "out of range",
		"per line", "per line of nothing", "advertised", "floor", "tax", "converted", "two legs", "stale", "next change", "ends with a rule", "ends with a rounding",
	}
	for _, level := range []pricing.Level{pricing.Everything, pricing.Category, pricing.Product, pricing.Variant} {
		want = append(want, fmt.Sprint("level ", level))
	}
	for kind := pricing.KindContract; kind <= pricing.KindRound; kind++ {
		if kind != pricing.KindMAP { // it has no step: it shows in the advertised price
			want = append(want, fmt.Sprint("kind ", kind))
		}
	}
	for _, w := range want {
		if seen[w] < 10 {
			t.Errorf("%q: seen %d times in 10,000 quotes", w, seen[w])
		}
	}
}

func countErrors(seen map[string]int, err error) {
	for _, sentinel := range []error{
		pricing.ErrNoPrice, pricing.ErrAmbiguous, pricing.ErrQuantity, pricing.ErrCost, pricing.ErrRate, pricing.ErrTime, pricing.ErrQuery,
		money.ErrCurrency, money.ErrRange,
	} {
		if errors.Is(err, sentinel) {
			seen[sentinel.Error()]++
		}
	}
}

func countQuote(seen map[string]int, q pricing.Query, quote pricing.Quote) {
	if quote.Err != nil {
		return
	}
	for name, is := range map[string]bool{
		"per line":            quote.PerLine,
		"per line of nothing": quote.PerLine && q.Qty.IsZero(),
		"advertised":          quote.Advertised != quote.Unit,
		"floor":               quote.Floor != money.Amount{},
		"tax":                 quote.Tax.Sign() > 0,
		"converted":           !quote.FX.From.IsZero(),
		"two legs":            !quote.FX.Rates[1].From.IsZero(),
		"stale":               quote.FX.Stale,
		"next change":         !quote.NextChange.IsZero(),
	} {
		if is {
			seen[name]++
		}
	}
	for _, s := range quote.Steps {
		seen[fmt.Sprint("kind ", s.Kind)]++
	}
	if quote.Steps[len(quote.Steps)-1].Rule == "" {
		seen["ends with a rounding"]++
	} else {
		seen["ends with a rule"]++
	}
}

func TestRandomSetsRepeat(t *testing.T) {
	draw := func() string {
		r := rand.New(rand.NewPCG(7, 7))
		rs := pricingtest.RandomRules(r)
		data, err := json.Marshal([]any{rs, pricingtest.RandomQuery(r, rs)})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if first, second := draw(), draw(); first != second {
		t.Errorf("one seed drew two sets:\n%s\n%s", first, second)
	}
}
