package orders_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
)

// A bank is a payment API behind HTTP, as an orders.Gateway. It keeps nothing: the API knows
// what it did under each key.
type bank struct {
	base   string
	client *http.Client // without retries of its own: they would hide what is unknown
}

// An answer is what the API says about one movement of money.
type answer struct {
	ID       string `json:"id"`
	Status   string `json:"status"` // "done", "pending", "declined", "expired"
	Minor    int64  `json:"minor"`  // what was done; a gift card may have less than was asked
	Currency string `json:"currency"`
	Redirect string `json:"redirect"` // of pending: where the buyer has to go
	Message  string `json:"message"`
	Last4    string `json:"last4"`
}

func (b bank) Authorise(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return b.post(ctx, "authorisations", r)
}

func (b bank) Capture(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return b.post(ctx, "captures", r)
}

func (b bank) Refund(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return b.post(ctx, "refunds", r)
}

func (b bank) Void(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return b.post(ctx, "voids", r)
}

// Lookup finds by the idempotency key alone: of a lost answer there is no reference.
func (b bank) Lookup(ctx context.Context, key string) (orders.Outcome, error) {
	return b.send(ctx, http.MethodGet, "movements?key="+url.QueryEscape(key), "", nil)
}

// post sends the key as the API's idempotency key, and names what is captured, voided or
// refunded by its key too: a void must also reach an authorisation whose answer was lost.
func (b bank) post(ctx context.Context, path string, r orders.PaymentRequest) (orders.Outcome, error) {
	minor, ok := r.Amount.Minor()
	if !ok {
		return orders.Outcome{}, fmt.Errorf("%s: %s is not in minor units", path, r.Amount)
	}
	body, err := json.Marshal(map[string]any{"of": r.OfKey, "token": r.Tender.Token, "minor": minor, "currency": r.Amount.Currency()})
	if err != nil {
		return orders.Outcome{}, err
	}
	return b.send(ctx, http.MethodPost, path, r.Key, body)
}

func (b bank) send(ctx context.Context, method, path, key string, body []byte) (o orders.Outcome, err error) {
	req, err := http.NewRequestWithContext(ctx, method, b.base+"/"+path, bytes.NewReader(body))
	if err != nil {
		return o, err
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := b.client.Do(req)
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return orders.Outcome{Status: orders.NotSent}, nil // there was no connection to send it on
	}
	if err != nil {
		return o, err // a time-out or a reset: it may have happened
	}
	defer func() { err = cmp.Or(err, resp.Body.Close()) }()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPaymentRequired:
		return read(resp)
	case http.StatusNotFound:
		return orders.Outcome{Status: orders.NotFound}, nil // to a lookup; to anything else the engine takes it for unknown
	case http.StatusTooManyRequests:
		return orders.Outcome{Status: orders.NotSent}, nil // turned away unread, as this API documents
	default:
		return o, fmt.Errorf("%s: %s", path, resp.Status) // a 500 may come after the money has moved
	}
}

// read makes an outcome of an answer that was understood. All else is no outcome.
func read(resp *http.Response) (orders.Outcome, error) {
	var m answer
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		return orders.Outcome{}, err
	}
	switch m.Status {
	case "done":
		c, err := money.ISO(m.Currency)
		return orders.Outcome{Status: orders.Done, Ref: m.ID, Amount: money.New(m.Minor, c), Details: map[string]string{"last4": m.Last4}}, err
	case "pending":
		return orders.Outcome{Status: orders.Waiting, Ref: m.ID, Action: &orders.BuyerAction{Kind: "redirect", URL: m.Redirect}}, nil
	case "declined":
		return orders.Outcome{Status: orders.Refused, Ref: m.ID, Code: m.Status, Reason: m.Message}, nil
	case "expired": // of a capture that came too late: the engine then authorises anew
		return orders.Outcome{Status: orders.Refused, Ref: m.ID, Code: orders.CodeLapsed, Reason: m.Message}, nil
	default:
		return orders.Outcome{}, fmt.Errorf("status %q", m.Status)
	}
}

// payments is the API, as far as it is needed here: what it does depends on the card.
func payments() http.HandlerFunc {
	known := map[string]string{} // by idempotency key
	cards := map[string]string{
		"tok_visa":   `{"id": "au_1", "status": "done", "minor": 3000, "currency": "EUR", "last4": "4242"}`,
		"tok_lost":   `{"id": "au_2", "status": "done", "minor": 3000, "currency": "EUR", "last4": "0259"}`,
		"tok_secure": `{"id": "au_3", "status": "pending", "redirect": "https://bank.example/3ds"}`,
		"tok_empty":  `{"id": "au_4", "status": "declined", "message": "insufficient funds"}`,
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Token string }
		key := cmp.Or(r.Header.Get("Idempotency-Key"), r.URL.Query().Get("key"))
		if err := json.NewDecoder(r.Body).Decode(&asked); err == nil && known[key] == "" {
			known[key] = cards[asked.Token]
		}
		switch {
		case asked.Token == "tok_lost":
			panic(http.ErrAbortHandler) // the money has moved, and the connection breaks
		case asked.Token == "tok_ill":
			w.WriteHeader(http.StatusInternalServerError)
		case known[key] == "":
			w.WriteHeader(http.StatusNotFound)
		case asked.Token == "tok_empty":
			w.WriteHeader(http.StatusPaymentRequired)
			fallthrough
		default:
			_, _ = fmt.Fprint(w, known[key])
		}
	}
}

// A gateway of your own is an adapter that says of each answer whether it was done, refused, or
// cannot be known. The engine does the rest: it looks up what is unknown, under the same key.
func Example_ownGateway() {
	ctx := context.Background()
	server := httptest.NewServer(payments())
	var gateway orders.Gateway = bank{base: server.URL, client: server.Client()}
	authorise := func(key, card string) {
		o, err := gateway.Authorise(ctx, orders.PaymentRequest{
			Key: key, Tender: orders.Tender{Kind: "card", Token: card}, Amount: money.New(30_00, money.MustISO("EUR")),
		})
		fmt.Printf("%s: %s, error: %t\n", card, o.Status, err != nil)
	}
	authorise("c1/authorise/1", "tok_visa")
	authorise("c2/authorise/1", "tok_empty")
	authorise("c3/authorise/1", "tok_secure")
	authorise("c4/authorise/1", "tok_ill")
	authorise("c5/authorise/1", "tok_lost")
	for _, key := range []string{"c5/authorise/1", "c6/authorise/1"} {
		o, err := gateway.Lookup(ctx, key)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("lookup %s: %s\n", key, o.Status)
	}
	server.Close()
	authorise("c7/authorise/1", "tok_visa")
	// Output:
	// tok_visa: done, error: false
	// tok_empty: refused, error: false
	// tok_secure: waiting, error: false
	// tok_ill: unknown, error: true
	// tok_lost: unknown, error: true
	// lookup c5/authorise/1: done
	// lookup c6/authorise/1: not_found
	// tok_visa: not_sent, error: false
}
