package fleet

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A Witness is a SpanProcessor of all services that notes which spans ended, so that what a collector says can be compared
// with what was.
type Witness struct {
	mu     sync.Mutex
	traces map[trace.TraceID]Seen
}

// Seen is what there was of a trace.
type Seen struct {
	Spans      map[trace.SpanID]bool
	Errors     int // spans of status error
	Start, End time.Time
}

// Took returns how long it took from the first start to the last end.
func (s Seen) Took() time.Duration { return s.End.Sub(s.Start) }

// Traces returns what there was of each trace. Ask when all services are closed.
func (w *Witness) Traces() map[trace.TraceID]Seen {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.traces)
}

// OnEnd implements the SDK's SpanProcessor.
func (w *Witness) OnEnd(s sdk.ReadOnlySpan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := s.SpanContext()
	seen, ok := w.traces[id.TraceID()]
	if !ok {
		seen = Seen{Spans: map[trace.SpanID]bool{}, Start: s.StartTime(), End: s.EndTime()}
	}
	seen.Spans[id.SpanID()] = true
	if s.Status().Code == codes.Error {
		seen.Errors++
	}
	if s.StartTime().Before(seen.Start) {
		seen.Start = s.StartTime()
	}
	if s.EndTime().After(seen.End) {
		seen.End = s.EndTime()
	}
	if w.traces == nil {
		w.traces = map[trace.TraceID]Seen{}
	}
	w.traces[id.TraceID()] = seen
}

// OnStart implements the SDK's SpanProcessor.
func (w *Witness) OnStart(context.Context, sdk.ReadWriteSpan) {}

// Shutdown implements the SDK's SpanProcessor.
func (w *Witness) Shutdown(context.Context) error { return nil }

// ForceFlush implements the SDK's SpanProcessor.
func (w *Witness) ForceFlush(context.Context) error { return nil }
