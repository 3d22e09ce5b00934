package resilience

import "context"

// Mark says which attempt of an enclosing call a context belongs to. A policy that finds one makes a single attempt, so that layers of
// retries add up instead of multiplying.
type Mark struct {
	Attempt int // counts from 1
	Max     int // how many the call makes at most; 0 where it is not known
}

// WithMark returns a context that carries m. It costs one allocation.
func WithMark(ctx context.Context, m Mark) context.Context { return &marked{ctx, m} }

// MarkOf returns the mark of ctx, and whether it has one.
func MarkOf(ctx context.Context) (Mark, bool) {
	if m, ok := ctx.Value(markKey{}).(*Mark); ok {
		return *m, true
	}
	return Mark{}, false
}

// Attempt returns which attempt of a call ctx belongs to, 1 where the context is unmarked.
func Attempt(ctx context.Context) int {
	if m, ok := MarkOf(ctx); ok {
		return m.Attempt
	}
	return 1
}

// markKey finds the mark in a context.
type markKey struct{}

// marked is a context with a mark. context.WithValue would allocate the mark beside the context.
type marked struct {
	context.Context //nolint:containedctx // it is a context
	mark            Mark
}

func (m *marked) Value(key any) any {
	if _, ok := key.(markKey); ok {
		return &m.mark
	}
	return m.Context.Value(key)
}
