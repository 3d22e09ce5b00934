package collector

import (
	"context"
	"slices"
	"sync"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/trace"
)

const defaultRecent = 64 << 20

// A Recent is an Output that holds the parts that came last, in memory. [NewRecent] makes it; it is safe for concurrent use.
type Recent struct {
	most int64

	mu    sync.Mutex
	parts []tracing.Kept // from first on
	first int
	bytes int64
}

// NewRecent returns an Output that holds about so many bytes; 0 = 64 MiB. A single part that is larger is held alone.
func NewRecent(bytes int64) *Recent {
	if bytes <= 0 {
		bytes = defaultRecent
	}
	return &Recent{most: bytes}
}

// Put takes parts, and lets the oldest go where there is no room.
func (r *Recent) Put(_ context.Context, kept []tracing.Kept) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, kept...)
	for i := range kept {
		r.bytes += weight(&kept[i])
	}
	for r.bytes > r.most && len(r.parts)-r.first > 1 {
		r.bytes -= weight(&r.parts[r.first])
		r.parts[r.first] = tracing.Kept{}
		r.first++
	}
	if r.first > len(r.parts)/2 {
		r.parts, r.first = slices.Clone(r.parts[r.first:]), 0
	}
	return nil
}

// weight is about what a part takes in memory.
func weight(kept *tracing.Kept) int64 { return int64(len(kept.OTLP)) + headerCharge }

// Trace returns the parts of a trace that are held, in the order in which they came; none if there are none. It looks at all parts.
func (r *Recent) Trace(id trace.TraceID) []tracing.Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	var parts []tracing.Kept
	for i := range r.parts[r.first:] {
		if one := &r.parts[r.first+i]; one.ID == id {
			parts = append(parts, *one)
		}
	}
	return parts
}

// All returns all parts that are held, in the order in which they came. Do not change their bytes.
func (r *Recent) All() []tracing.Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.parts[r.first:])
}
