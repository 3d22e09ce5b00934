package otlp

import (
	"context"
	"errors"
	"net/http"

	"github.com/tenon-go/tenon/tracing"
)

// Put sends the spans of kept as one request. One that is too large for the server is halved until it is taken, or has a single part. What the
// server rejects of it is counted in Stats, and no error. The error Is tracing.ErrPermanent if every request that failed did so for good; others
// may have been taken then.
func (c *Client) Put(ctx context.Context, kept []tracing.Kept) error {
	size := 0
	for i := range kept {
		size += len(kept[i].OTLP)
	}
	req := make([]byte, 0, size)
	for i := range kept {
		req = append(req, kept[i].OTLP...)
	}
	_, err := c.send(ctx, req)
	switch {
	case err == nil:
		return nil
	case len(kept) < 2 || !tooLarge(err):
		return c.failed(ctx, err)
	}
	var permanent []error
	for _, half := range [][]tracing.Kept{kept[:len(kept)/2], kept[len(kept)/2:]} {
		switch err := c.Put(ctx, half); {
		case err == nil:
		case errors.Is(err, tracing.ErrPermanent):
			permanent = append(permanent, err)
		default:
			return err // All comes again.
		}
	}
	return errors.Join(permanent...)
}

// tooLarge tells whether a server refused a request for its size.
func tooLarge(err error) bool {
	refusal, ok := errors.AsType[*StatusError](err)
	return ok && refusal.Code == http.StatusRequestEntityTooLarge
}
