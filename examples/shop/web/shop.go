package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// A Shop is an http.Handler over an orders engine. Who is logged in it believes, as
// behind a proxy that knows.
type Shop struct {
	Orders   *orders.Orders
	Currency money.Currency
	Secret   []byte // with which the bank signs what it reports
}

// Handler returns the shop's routes.
func (s *Shop) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /carts", endpoint(s.open))
	mux.Handle("POST /carts/{cart}/lines", endpoint(s.addLine))
	mux.Handle("PUT /carts/{cart}/lines/{line}", endpoint(s.setLine))
	mux.Handle("POST /carts/{cart}/quote", endpoint(s.quote))
	mux.Handle("POST /carts/{cart}/checkout", endpoint(s.checkout))
	mux.Handle("POST /checkouts/{id}/payment", endpoint(s.pay))
	mux.Handle("GET /checkouts/{id}", endpoint(s.showCheckout))
	mux.Handle("GET /orders/{id}", endpoint(s.showOrder))
	mux.Handle("POST /orders/{id}/cancel", endpoint(s.cancelOrder))
	mux.HandleFunc("POST /webhooks/bank", s.webhook)
	return mux
}

// none is the body of a request that says all in its path.
type none struct{}

func (s *Shop) open(r *http.Request, in person) (openedCart, error) {
	cart, token, err := s.Orders.OpenCart(r.Context(), in.buyer(), s.Currency)
	return openedCart{Cart: cart.ID, Token: token}, err
}

func (p person) buyer() orders.Buyer { return orders.Buyer{ID: p.Customer, Email: p.Email} }

// ref is the cart that a request is about.
func ref(r *http.Request) orders.CartRef {
	return orders.CartRef{ID: orders.CartID(r.PathValue("cart")), Token: r.Header.Get("Cart-Token"), Key: r.Header.Get("Idempotency-Key")}
}

func (s *Shop) addLine(r *http.Request, in Item) (cartContent, error) {
	return content(s.Orders.AddLine(r.Context(), ref(r), orders.CartLine{SKU: in.SKU, Quantity: in.Quantity}))
}

// setLine changes a line to a quantity; none takes it out.
func (s *Shop) setLine(r *http.Request, in Item) (cartContent, error) {
	line := r.PathValue("line")
	if in.Quantity == 0 {
		return content(s.Orders.RemoveLine(r.Context(), ref(r), line))
	}
	return content(s.Orders.SetQuantity(r.Context(), ref(r), orders.LineQty{Line: line, Quantity: in.Quantity}))
}

func content(c orders.Cart, err error) (cartContent, error) {
	return cartContent{Version: c.Version, Lines: c.Lines}, err
}

// quote says what a cart costs, promotions taken off.
func (s *Shop) quote(r *http.Request, in offer) (offer, error) {
	q, err := s.Orders.Quote(r.Context(), ref(r), orders.BeginRequest{
		Buyer: in.buyer(), Address: orders.Address{Country: in.Country}, Codes: in.Codes,
	})
	in.Version, in.Total = q.Cart.Version, q.Total
	return in, err
}

func (s *Shop) checkout(r *http.Request, in offer) (checkoutView, error) {
	cart := ref(r)
	cart.Version = in.Version
	return view(s.Orders.Place(r.Context(), cart, orders.BeginRequest{
		Buyer: in.buyer(), Address: orders.Address{Country: in.Country}, Codes: in.Codes, Expected: in.Total, Tenders: cardFor(in.Card),
	}))
}

func (s *Shop) pay(r *http.Request, in payment) (checkoutView, error) {
	return view(s.Orders.Pay(r.Context(), orders.CheckoutID(r.PathValue("id")), orders.PayRequest{
		Key: r.Header.Get("Idempotency-Key"), Tenders: cardFor(in.Card),
	}))
}

// cardFor pays the rest, which here is all, by card.
func cardFor(token string) []orders.Tender { return []orders.Tender{{Kind: "card", Token: token}} }

func (s *Shop) showCheckout(r *http.Request, _ none) (checkoutView, error) {
	return view(s.Orders.Checkout(r.Context(), orders.CheckoutID(r.PathValue("id"))))
}

func view(c orders.Checkout, err error) (checkoutView, error) {
	v := checkoutView{ID: c.ID, State: c.State}
	if c.Refusal != nil {
		v.Refusal = c.Refusal.Code
	}
	return v, err
}

func (s *Shop) showOrder(r *http.Request, _ none) (orderView, error) {
	return viewOrder(s.Orders.Order(r.Context(), orders.OrderID(r.PathValue("id"))))
}

func (s *Shop) cancelOrder(r *http.Request, _ none) (orderView, error) {
	return viewOrder(s.Orders.CancelOrder(r.Context(), orders.OrderID(r.PathValue("id")), orders.Cancellation{
		Key: r.Header.Get("Idempotency-Key"), Reason: "the buyer changed their mind",
	}))
}

func viewOrder(o orders.Order, err error) (orderView, error) {
	return orderView{ID: o.ID, State: o.State, Total: o.Total}, err
}

// webhook takes what the bank reports by itself, once its signature is seen to be right.
// The bank repeats a report that is not answered with 204.
func (s *Shop) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<16))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if got, err := hex.DecodeString(r.Header.Get("Signature")); err != nil || !hmac.Equal(got, sign(s.Secret, body)) {
		http.Error(w, "wrong signature", http.StatusForbidden)
		return
	}
	var e orders.PaymentEvent
	if err := json.Unmarshal(body, &e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if _, err := s.Orders.Observe(r.Context(), e); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func sign(secret, body []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return mac.Sum(nil)
}

// endpoint makes a handler of a function from a body to a reply, both JSON.
func endpoint[In, Out any](do func(*http.Request, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil && !errors.Is(err, io.EOF) {
			reply(w, http.StatusBadRequest, problem{Code: "bad_request", Message: err.Error()})
			return
		}
		out, err := do(r, in)
		if err != nil {
			refuse(w, err)
			return
		}
		reply(w, http.StatusOK, out)
	})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who has gone does not hear it
}

// refuse says what a caller can do about an error.
func refuse(w http.ResponseWriter, err error) {
	p := problem{Message: err.Error()}
	if short, ok := errors.AsType[*stock.ShortError](err); ok {
		for _, left := range short.Short {
			p.Short = append(p.Short, Item{SKU: left.SKU, Quantity: left.Left})
		}
	}
	for _, known := range []struct {
		err    error
		code   string
		status int
	}{
		{stock.ErrShort, soldOut, http.StatusConflict},
		{orders.ErrTotalChanged, totalChanged, http.StatusConflict},
		{orders.ErrDiscount, promotionOff, http.StatusConflict},
		{orders.ErrInProgress, underWay, http.StatusConflict},
		{orders.ErrLocked, underWay, http.StatusConflict},
		{orders.ErrBusy, underWay, http.StatusServiceUnavailable},
		{orders.ErrTransition, "not_possible", http.StatusConflict},
		{orders.ErrNotFound, "not_found", http.StatusNotFound},
		{orders.ErrInvalid, "invalid", http.StatusUnprocessableEntity},
		{err, "failed", http.StatusInternalServerError},
	} {
		if errors.Is(err, known.err) {
			p.Code = known.code
			reply(w, known.status, p)
			return
		}
	}
}
