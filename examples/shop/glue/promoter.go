package glue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/promotions"
)

// A Promoter takes promotions off carts, and redeems them under the checkout's id: it
// holds them while the buyer pays, and commits them when the order is placed.
type Promoter struct {
	Ledger   *promotions.Ledger
	Snapshot *promotions.Snapshot
}

// Discount implements orders.Discounter: what the promotions would take now. It reserves
// nothing.
func (p Promoter) Discount(ctx context.Context, r orders.Redemption) (orders.Discounts, error) {
	cart, err := cartOf(r)
	if err != nil {
		return orders.Discounts{}, err
	}
	result, err := p.Ledger.Preview(ctx, p.Snapshot, cart, promotions.Options{WhyNot: promotions.None})
	if err != nil {
		return orders.Discounts{}, err
	}
	digest := p.Snapshot.Digest()
	adjustments, err := adjustmentsOf(result)
	return orders.Discounts{Adjustments: adjustments, Version: hex.EncodeToString(digest[:])}, err
}

// Hold implements orders.Redeemer. Since Discount others may have taken what was left of
// a budget or a code: then the buyer must see the new total first, and nothing is held.
func (p Promoter) Hold(ctx context.Context, key string, until time.Time, r orders.Redemption, d orders.Discounts) (orders.Outcome, error) {
	cart, err := cartOf(r)
	if err != nil {
		return orders.Outcome{}, err
	}
	receipt, err := p.Ledger.Redeem(ctx, key, p.Snapshot, cart, promotions.Options{WhyNot: promotions.None, Until: until})
	if err != nil {
		return orders.Outcome{}, err
	}
	adjustments, err := adjustmentsOf(receipt.Result)
	if err != nil {
		return orders.Outcome{}, err
	}
	same := func(a, b orders.Adjustment) bool { return a.Target == b.Target && a.Ref == b.Ref && a.Net == b.Net }
	if slices.EqualFunc(adjustments, d.Adjustments, same) {
		return orders.Outcome{Status: orders.Done}, nil
	}
	if _, err := p.Ledger.Release(ctx, key); err != nil {
		return orders.Outcome{}, err
	}
	return orders.Outcome{Status: orders.Refused, Code: "taken", Reason: "others were faster to take a promotion"}, nil
}

// Commit implements orders.Redeemer.
func (p Promoter) Commit(ctx context.Context, key string) (orders.Outcome, error) {
	_, err := p.Ledger.Commit(ctx, key)
	return outcomeOf(err)
}

// Release implements orders.Redeemer. What was never held is released.
func (p Promoter) Release(ctx context.Context, key string) (orders.Outcome, error) {
	_, err := p.Ledger.Release(ctx, key)
	if errors.Is(err, promotions.ErrNotFound) {
		err = nil
	}
	return outcomeOf(err)
}

// Reverse implements orders.Redeemer.
func (p Promoter) Reverse(ctx context.Context, key, part string, given []orders.Adjustment) (orders.Outcome, error) {
	amounts := map[string]money.Amount{} // not nil, which would be all that is left
	for _, a := range given {
		sum, err := amounts[a.Ref].Sub(a.Net)
		if err != nil {
			return orders.Outcome{}, err
		}
		amounts[a.Ref] = sum
	}
	_, err := p.Ledger.Reverse(ctx, key, promotions.Reversal{Key: part, Amounts: amounts})
	return outcomeOf(err)
}

// outcomeOf tells a refusal, which is final, from an error, after which orders asks again.
func outcomeOf(err error) (orders.Outcome, error) {
	for _, final := range []error{promotions.ErrExpired, promotions.ErrState, promotions.ErrNotFound, promotions.ErrAmount, promotions.ErrConflict} {
		if errors.Is(err, final) {
			return orders.Outcome{Status: orders.Refused, Reason: err.Error()}, nil
		}
	}
	if err != nil {
		return orders.Outcome{}, err
	}
	return orders.Outcome{Status: orders.Done}, nil
}

// cartOf is a priced cart as promotions see it.
func cartOf(r orders.Redemption) (promotions.Cart, error) {
	c := promotions.Cart{Currency: r.Cart.Currency, At: r.At, Codes: r.Codes}
	if r.Buyer.ID != "" {
		c.Customer = &promotions.Customer{ID: r.Buyer.ID}
	}
	costs := make(map[string]money.Amount, len(r.Priced.Lines))
	for _, p := range r.Priced.Lines {
		costs[p.ID] = p.Net
	}
	for _, l := range r.Cart.Lines {
		// The total is exact; the price of a unit is what conditions look at.
		unit, err := costs[l.ID].MulDiv(1, l.Quantity, money.Rounding{Mode: money.HalfUp})
		if err != nil {
			return c, fmt.Errorf("line %s: %w", l.ID, err)
		}
		c.Lines = append(c.Lines, promotions.Line{ID: l.ID, Product: l.SKU, Price: unit, Total: costs[l.ID], Quantity: l.Quantity})
	}
	for _, p := range r.Priced.Shipping {
		c.Shipping = append(c.Shipping, promotions.Charge{ID: p.ID, Method: "standard", Price: p.Net})
	}
	return c, nil
}

// adjustmentsOf is a result as orders writes it down: what each promotion takes from each
// line or charge. Shares of several runs of a line's units are one adjustment.
func adjustmentsOf(r promotions.Result) ([]orders.Adjustment, error) {
	var list []orders.Adjustment
	for _, a := range r.Applied {
		at := map[string]int{}
		for _, share := range a.Shares {
			i, ok := at[share.Target]
			if !ok {
				i = len(list)
				at[share.Target] = i
				list = append(list, orders.Adjustment{Target: share.Target, Label: a.Promotion, Code: a.Code, Ref: a.Promotion})
			}
			net, err := list[i].Net.Sub(share.Net) // share.Tax would be its Taxes, if prices bore any
			if err != nil {
				return nil, fmt.Errorf("promotion %s: %w", a.Promotion, err)
			}
			list[i].Net = net
		}
	}
	return list, nil
}
