package resilience

import "context"

// keyKey finds the idempotency key in a context.
type keyKey struct{}

// WithKey returns a context whose calls carry an idempotency key: the name under which the other side executes at most once. All attempts
// and hedges of a call see the same key, and with one a call is safe to repeat. The empty key is none.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyKey{}, key)
}

// Key returns the idempotency key of ctx, "" for none.
func Key(ctx context.Context) string {
	key, _ := ctx.Value(keyKey{}).(string)
	return key
}
