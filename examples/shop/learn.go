package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// learn makes the rules of a price book from the prices that were paid: a base
// rule for each stock code, the price paid most often (of two the higher), and
// a volume rule for each lower price that was paid at larger quantities, from
// the smallest quantity at which it was paid. Larger means that this quantity is
// above the smallest one at which the base was paid: a price that was given for
// a single unit too is no volume price but an exception, and stays one.
func learn(lines []Line) []pricing.Rule {
	paid := map[string]map[money.Amount]*payments{}
	names := map[string]string{}
	for _, l := range lines {
		if paid[l.Code] == nil {
			paid[l.Code] = map[money.Amount]*payments{}
			names[l.Code] = l.Name
		}
		p := paid[l.Code][l.Price]
		if p == nil {
			p = &payments{price: l.Price, smallest: l.Quantity}
			paid[l.Code][l.Price] = p
		}
		p.times++
		p.smallest = decimal.Min(p.smallest, l.Quantity)
	}
	var rules []pricing.Rule
	for code, prices := range paid {
		rules = append(rules, learnOne(code, names[code], prices)...)
	}
	slices.SortFunc(rules, func(a, b pricing.Rule) int { return strings.Compare(a.ID, b.ID) })
	return rules
}

// payments is how often, and from which quantity on, one price was paid.
type payments struct {
	price    money.Amount
	times    int
	smallest decimal.Decimal
}

func learnOne(code, name string, prices map[money.Amount]*payments) []pricing.Rule {
	var base *payments
	for _, p := range prices {
		if base == nil || p.times > base.times || p.times == base.times && above(p.price, base.price) {
			base = p
		}
	}
	on := pricing.Scope{Level: pricing.Product, ID: code}
	rules := []pricing.Rule{{
		ID: "base/" + code, Label: name, Kind: pricing.KindBase, On: on,
		Currency: base.price.Currency(), Effect: pricing.SetTo{Amount: base.price},
	}}
	// Where two lower prices begin at one quantity the lower one stands.
	from := map[string]*payments{}
	for _, p := range prices {
		if !above(base.price, p.price) || !p.smallest.GreaterThan(base.smallest) {
			continue
		}
		key := p.smallest.String()
		if other := from[key]; other == nil || above(other.price, p.price) {
			from[key] = p
		}
	}
	for key, p := range from {
		rules = append(rules, pricing.Rule{
			ID: fmt.Sprintf("volume/%s/%s", code, key), Label: key + " or more", Kind: pricing.KindVolume, On: on,
			MinQty: decimal.NewNullDecimal(p.smallest), Currency: p.price.Currency(), Effect: pricing.SetTo{Amount: p.price},
		})
	}
	return rules
}

// above compares two prices of the shop's one currency.
func above(a, b money.Amount) bool {
	c, err := a.Cmp(b)
	return err == nil && c > 0
}
