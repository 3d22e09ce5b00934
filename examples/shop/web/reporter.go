package web

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tenon-go/tenon/orders"
)

// A Reporter tells a shop what happened at its bank: signed, and again until it is heard.
type Reporter struct {
	Shop   string // the shop's address
	Client *http.Client
	Secret []byte
}

// tries is after how many attempts a report is given up: a real bank has a day, and a desk
// that looks at what is left.
const tries = 1000

// Report tells the shop of one event.
func (r Reporter) Report(ctx context.Context, e orders.PaymentEvent) error {
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	for range tries {
		if err = r.post(ctx, body); err == nil {
			return nil
		}
		if gone := wait(ctx); gone != nil {
			return gone
		}
	}
	return fmt.Errorf("report %s: %w", e.ID, err)
}

func (r Reporter) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Shop+"/webhooks/bank", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Signature", hex.EncodeToString(sign(r.Secret, body)))
	resp, err := r.Client.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the shop answers %s", resp.Status)
	}
	return nil
}
