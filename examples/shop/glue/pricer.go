package glue

import (
	"context"
	"fmt"
	"strconv"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/pricing"
)

// parcel is the id of the one charge for shipping.
const parcel = "parcel"

// A Pricer prices carts by a price book. Its prices bear no tax.
type Pricer struct {
	Engine *pricing.Engine
	Parcel money.Amount // shipping of a cart
}

// PriceCart implements orders.Pricer: one batch, so that all lines are of one version of
// the book.
func (p Pricer) PriceCart(_ context.Context, r orders.PriceRequest) (orders.Priced, error) {
	queries := make([]pricing.Query, len(r.Cart.Lines))
	for i, l := range r.Cart.Lines {
		queries[i] = pricing.Query{
			Product: l.SKU, Qty: decimal.NewFromInt(l.Quantity), Currency: r.Cart.Currency,
			Customer: pricing.Customer{ID: r.Buyer.ID}, Channel: "shop", Region: r.Address.Country, At: r.At,
		}
	}
	quotes := make([]pricing.Quote, len(queries))
	if err := p.Engine.PriceBatch(queries, quotes); err != nil {
		return orders.Priced{}, err
	}
	var priced orders.Priced
	for i, q := range quotes {
		if q.Err != nil {
			return orders.Priced{}, fmt.Errorf("%s: %w", r.Cart.Lines[i].SKU, q.Err)
		}
		priced.Lines = append(priced.Lines, orders.PricedLine{ID: r.Cart.Lines[i].ID, Net: q.Line})
		priced.Version = strconv.FormatUint(q.Version, 10)
	}
	priced.Shipping = []orders.PricedLine{{ID: parcel, Net: p.Parcel}}
	return priced, nil
}
