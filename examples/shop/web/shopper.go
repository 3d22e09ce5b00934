package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tenon-go/tenon/orders"
)

// A Shopper buys at a shop. It looks at the total before it pays, takes what is left where
// there is too little, and tries another card when one is refused. It may buy several
// baskets at once.
type Shopper struct {
	Shop   string // the shop's address
	Client *http.Client
	Clicks int // how often it clicks on "buy", all at once
}

// A Basket is what somebody wants.
type Basket struct {
	Form     string // the order form's id: however often it is sent, it is one order
	Customer string // empty: a guest
	Email    string
	Country  string
	Items    []Item
}

// A Purchase is what somebody got.
type Purchase struct {
	Order   orders.OrderID // empty: nothing
	Short   int            // how often there were fewer units of a product than wanted
	Refused int            // cards
}

// patience is how long a shopper waits before it asks again.
const patience = 2 * time.Millisecond

// Buy buys a basket. That something is sold out, or a card refused, is no error.
func (s Shopper) Buy(ctx context.Context, b Basket) (Purchase, error) {
	v := &visit{Shopper: s, Basket: b}
	if err := v.fill(ctx); err != nil {
		return Purchase{}, err
	}
	for len(v.lines) > 0 {
		checkout, err := v.buy(ctx)
		p, ok := errors.AsType[*problem](err)
		switch {
		case ok && p.Code == soldOut:
			err = v.take(ctx, p.Short)
		case ok && (p.Code == totalChanged || p.Code == promotionOff):
			err = nil // look at the total again
		case err == nil:
			return v.pay(ctx, checkout)
		}
		if err != nil {
			return Purchase{}, err
		}
	}
	return v.got, nil
}

// Cancel gives an order back before it leaves the warehouse, as soon as it is paid.
func (s Shopper) Cancel(ctx context.Context, id orders.OrderID) error {
	path := "/orders/" + string(id)
	for {
		order, err := send[orderView](ctx, s, http.MethodGet, path, nil, none{})
		if err == nil && order.State == orders.OrderCapturing {
			if err = wait(ctx); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		_, err = send[orderView](ctx, s, http.MethodPost, path+"/cancel", http.Header{"Idempotency-Key": {"cancel-" + string(id)}}, none{})
		return err
	}
}

// A visit is a basket on its way.
type visit struct {
	Shopper
	Basket

	cart   openedCart
	lines  map[string]string // a product's line in the cart
	header http.Header
	got    Purchase
}

func (v *visit) person() person {
	return person{Customer: v.Customer, Email: v.Email, Country: v.Country}
}

// fill opens a cart and puts the items into it.
func (v *visit) fill(ctx context.Context) (err error) {
	if v.cart, err = send[openedCart](ctx, v.Shopper, http.MethodPost, "/carts", nil, v.person()); err != nil {
		return err
	}
	v.header = http.Header{"Cart-Token": {v.cart.Token}}
	for _, item := range v.Items {
		content, err := send[cartContent](ctx, v.Shopper, http.MethodPost, v.path("/lines"), v.header, item)
		if err != nil {
			return err
		}
		v.lines = make(map[string]string, len(content.Lines))
		for _, l := range content.Lines {
			v.lines[l.SKU] = l.ID
		}
	}
	v.header.Set("Idempotency-Key", v.Form)
	return nil
}

func (v *visit) path(rest string) string { return "/carts/" + string(v.cart.Cart) + rest }

// buy looks at the total and clicks.
func (v *visit) buy(ctx context.Context) (checkoutView, error) {
	shown, err := send[offer](ctx, v.Shopper, http.MethodPost, v.path("/quote"), http.Header{"Cart-Token": {v.cart.Token}}, offer{person: v.person()})
	if err != nil {
		return checkoutView{}, err
	}
	shown.Card = "card-1"
	answers, errs := make([]checkoutView, v.Clicks), make([]error, v.Clicks)
	var clicks sync.WaitGroup
	for i := range v.Clicks {
		clicks.Go(func() {
			answers[i], errs[i] = sendUntilDone[checkoutView](ctx, v.Shopper, v.path("/checkout"), v.header, shown)
		})
	}
	clicks.Wait()
	var checkout checkoutView
	for i, answer := range answers {
		switch {
		case errs[i] != nil:
		case checkout.ID == "":
			checkout = answer
		case checkout.ID != answer.ID:
			return checkout, fmt.Errorf("form %s: one form, checkouts %s and %s", v.Form, checkout.ID, answer.ID)
		}
	}
	if checkout.ID == "" {
		return checkout, errs[0]
	}
	return checkout, nil
}

// take changes the cart to what is left.
func (v *visit) take(ctx context.Context, left []Item) error {
	for _, item := range left {
		v.got.Short++
		if _, err := send[cartContent](ctx, v.Shopper, http.MethodPut, v.path("/lines/"+v.lines[item.SKU]), http.Header{"Cart-Token": {v.cart.Token}}, item); err != nil {
			return err
		}
		if item.Quantity == 0 {
			delete(v.lines, item.SKU)
		}
	}
	return nil
}

// pay waits for the bank, and shows another card as long as the shop asks for one.
func (v *visit) pay(ctx context.Context, c checkoutView) (Purchase, error) {
	path := "/checkouts/" + string(c.ID)
	for {
		var err error
		switch c.State {
		case orders.StatePlaced:
			v.got.Order = orders.OrderID(c.ID)
			return v.got, nil
		case orders.StateCancelled:
			return v.got, nil
		case orders.StateLocked:
			v.got.Refused++
			again := http.Header{"Idempotency-Key": {fmt.Sprintf("%s/%d", v.Form, v.got.Refused)}}
			c, err = sendUntilDone[checkoutView](ctx, v.Shopper, path+"/payment", again, payment{Card: fmt.Sprintf("card-%d", v.got.Refused+1)})
		default: // nobody knows yet
			if err = wait(ctx); err == nil {
				c, err = send[checkoutView](ctx, v.Shopper, http.MethodGet, path, nil, none{})
			}
		}
		if err != nil {
			return Purchase{}, err
		}
	}
}

func wait(ctx context.Context) error {
	select {
	case <-time.After(patience):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sendUntilDone sends a request again as long as the first one is under way.
func sendUntilDone[Out any](ctx context.Context, s Shopper, path string, h http.Header, in any) (Out, error) {
	for {
		out, err := send[Out](ctx, s, http.MethodPost, path, h, in)
		if p, ok := errors.AsType[*problem](err); !ok || p.Code != underWay {
			return out, err
		}
		if err := wait(ctx); err != nil {
			return out, err
		}
	}
}

// send asks the shop. A refusal is a *problem.
func send[Out any](ctx context.Context, s Shopper, method, path string, h http.Header, in any) (out Out, err error) {
	body, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Shop+path, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	req.Header = h.Clone()
	resp, err := s.Client.Do(req)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		var p problem
		if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
			return out, fmt.Errorf("%s %s: %s: %w", method, path, resp.Status, err)
		}
		return out, fmt.Errorf("%s %s: %w", method, path, &p)
	}
	return out, json.NewDecoder(resp.Body).Decode(&out)
}
