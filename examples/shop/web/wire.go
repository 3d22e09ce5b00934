package web

import (
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
)

// What shoppers and shop send each other. A guest's secret goes along in the header
// Cart-Token, an idempotency key in Idempotency-Key.

// An Item is units of a product that go into a cart.
type Item struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// A person is who buys, and where the parcel goes; a guest has no customer number.
type person struct {
	Customer string `json:"customer"`
	Email    string `json:"email"`
	Country  string `json:"country"`
}

// openedCart is a new cart, with its secret when it is a guest's.
type openedCart struct {
	Cart  orders.CartID `json:"cart"`
	Token string        `json:"token"`
}

// cartContent is a cart as it is now.
type cartContent struct {
	Version int64             `json:"version"`
	Lines   []orders.CartLine `json:"lines"`
}

// An offer asks what a cart costs; with what was answered and a card it asks for a checkout.
type offer struct {
	person

	Codes   []string     `json:"codes"`
	Version int64        `json:"version"`
	Total   money.Amount `json:"total"`
	Card    string       `json:"card"`
}

// checkoutView is what a buyer may see of a checkout. Its id is that of the order too.
type checkoutView struct {
	ID      orders.CheckoutID `json:"id"`
	State   orders.State      `json:"state"`
	Refusal string            `json:"refusal"` // of the last payment
}

// orderView is what a buyer may see of an order.
type orderView struct {
	ID    orders.OrderID    `json:"id"`
	State orders.OrderState `json:"state"`
	Total money.Amount      `json:"total"`
}

// payment is another card for a checkout whose last one was refused.
type payment struct {
	Card string `json:"card"`
}

// problem is why a request was refused.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Short   []Item `json:"short,omitempty"` // sold_out: what is left of what there is too little of
}

// Error implements error.
func (p *problem) Error() string { return p.Code + ": " + p.Message }

// The codes of problems that a shopper can do something about.
const (
	soldOut      = "sold_out"
	totalChanged = "total_changed"
	promotionOff = "promotion_taken"
	underWay     = "under_way" // ask again later
)
