package orderstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/tenon-go/tenon/orders"
)

// GatewayHandler serves a [Gateway] over HTTP: POST /authorise, /capture, /void and /refund
// with the JSON of an orders.PaymentRequest, and GET /lookup?key=, are answered with that of
// an orders.Outcome. Where an answer is lost, the connection ends without one.
func GatewayHandler(g *Gateway) http.Handler {
	mux := http.NewServeMux()
	for name, call := range map[string]func(context.Context, orders.PaymentRequest) (orders.Outcome, error){
		"authorise": g.Authorise, "capture": g.Capture, "void": g.Void, "refund": g.Refund,
	} {
		mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
			var req orders.PaymentRequest
			if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			o, err := call(r.Context(), req)
			answerHTTP(w, o, err)
		})
	}
	mux.HandleFunc("GET /lookup", func(w http.ResponseWriter, r *http.Request) {
		o, err := g.Lookup(r.Context(), r.URL.Query().Get("key"))
		answerHTTP(w, o, err)
	})
	return mux
}

func answerHTTP(w http.ResponseWriter, o orders.Outcome, err error) {
	if err != nil {
		panic(http.ErrAbortHandler) // how a server hangs up
	}
	body, err := json.Marshal(o)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // who does not hear it has no answer
}

// A GatewayClient is an orders.Gateway that is somewhere else: see [GatewayHandler]. A
// connection that could not be made is orders.NotSent; all else that is no answer is an
// error. It is safe for concurrent use.
type GatewayClient struct {
	base   string
	client *http.Client
}

var _ orders.Gateway = (*GatewayClient)(nil)

// NewGatewayClient returns the gateway at a URL without a slash at its end; a nil client is
// http.DefaultClient.
func NewGatewayClient(base string, client *http.Client) *GatewayClient {
	if client == nil {
		client = http.DefaultClient
	}
	return &GatewayClient{base: base, client: client}
}

// Authorise implements orders.Gateway.
func (c *GatewayClient) Authorise(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return c.post(ctx, "/authorise", r)
}

// Capture implements orders.Gateway.
func (c *GatewayClient) Capture(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return c.post(ctx, "/capture", r)
}

// Void implements orders.Gateway.
func (c *GatewayClient) Void(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return c.post(ctx, "/void", r)
}

// Refund implements orders.Gateway.
func (c *GatewayClient) Refund(ctx context.Context, r orders.PaymentRequest) (orders.Outcome, error) {
	return c.post(ctx, "/refund", r)
}

// Lookup implements orders.Gateway.
func (c *GatewayClient) Lookup(ctx context.Context, key string) (orders.Outcome, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/lookup?key="+url.QueryEscape(key), http.NoBody)
	if err != nil {
		return orders.Outcome{}, err
	}
	o, err := c.do(req)
	if o.Status == orders.NotSent {
		return orders.Outcome{}, errors.New("lookup: not sent")
	}
	return o, err
}

func (c *GatewayClient) post(ctx context.Context, path string, r orders.PaymentRequest) (orders.Outcome, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return orders.Outcome{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return orders.Outcome{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	return c.do(req)
}

func (c *GatewayClient) do(req *http.Request) (o orders.Outcome, err error) {
	resp, err := c.client.Do(req)
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		return orders.Outcome{Status: orders.NotSent}, nil
	case err != nil:
		return o, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return o, fmt.Errorf("gateway answers %s", resp.Status)
	}
	err = json.NewDecoder(resp.Body).Decode(&o)
	return o, err
}
