package orders_test

import (
	"testing"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
)

// start is when the tests begin.
func start() time.Time { return time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC) }

func eur(minor int64) money.Amount { return money.New(minor, money.MustISO("EUR")) }

// policy is what the tests run checkouts by.
func policy(capture orders.CaptureMode) orders.Policy {
	return orders.Policy{
		Capture: capture, HoldFor: 10 * time.Minute, PayFor: 15 * time.Minute, BuyerFor: 15 * time.Minute,
		UnknownFor: 15 * time.Minute, Tries: 3,
	}
}

// begin is a checkout of three units at 30.00 with 19% tax, seven units that do not divide
// evenly, and shipping, less a discount: 175.40 in all.
func begin(capture orders.CaptureMode, tenders ...orders.Tender) orders.Begin {
	tax := func(minor int64) []orders.Tax { return []orders.Tax{{Jurisdiction: "DE", Amount: eur(minor)}} }
	return orders.Begin{
		ID: "ck1", Cart: orders.Cart{
			ID: "cart1", Version: 4, Currency: money.MustISO("EUR"), Owner: orders.Buyer{ID: "b1"},
			Lines: []orders.CartLine{{ID: "l1", SKU: "A", Quantity: 3}, {ID: "l2", SKU: "B", Quantity: 7}},
		},
		Buyer: orders.Buyer{ID: "b1", Email: "b@example.com"}, Expected: eur(17540), Tenders: tenders,
		Priced: orders.Priced{
			Lines: []orders.PricedLine{
				{ID: "l1", Net: eur(9000), Taxes: tax(1710)}, {ID: "l2", Net: eur(5555), Taxes: tax(1055)},
			},
			Shipping: []orders.PricedLine{{ID: "s1", Net: eur(500), Taxes: tax(95)}}, Version: "p7",
		},
		Discounts: orders.Discounts{
			Adjustments: []orders.Adjustment{{Target: "l1", Label: "spring", Ref: "promo1", Net: eur(-315), Taxes: tax(-60)}}, Ref: "d1",
		},
		Policy: policy(capture),
	}
}

// card and gift are tenders.
func card(minor int64) orders.Tender {
	return orders.Tender{ID: "card", Kind: "card", Token: "tok", Amount: eur(minor)}
}

func gift(minor int64) orders.Tender {
	return orders.Tender{ID: "gift", Kind: "gift", Amount: eur(minor)}
}

// decide is DecideCheckout, which must have an answer.
func decide(t *testing.T, c orders.Checkout, cmd orders.Command, at time.Time) orders.Decision {
	t.Helper()
	d, err := orders.DecideCheckout(c, cmd, at)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func yen(n int64) money.Amount { return money.New(n, money.MustISO("JPY")) }
