package otelsdk

import (
	"math"
	"sync"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// mostShared bounds each map of shared, for a process that makes providers without end.
const mostShared = 1024

// shared has the resources and scopes that spans have in common.
type shared struct {
	mu        sync.Mutex
	resources map[*resource.Resource]*tracing.Resource // A provider has one. By value they are hard to tell apart: Equivalent is a mere hash.
	scopes    map[instrumentation.Scope]*tracing.Scope
}

// span returns what the SDK says of a span, in the form of package tracing.
func (h *shared) span(s sdk.ReadOnlySpan) tracing.Span {
	sc, parent, status := s.SpanContext(), s.Parent(), s.Status()
	r, scope := h.origin(s)
	return tracing.Span{
		TraceID: sc.TraceID(), ID: sc.SpanID(), Parent: parent.SpanID(), TraceState: sc.TraceState().String(), Flags: flags(sc, parent),
		Name: s.Name(), Kind: s.SpanKind(), Start: s.StartTime(), End: s.EndTime(),
		Attributes: s.Attributes(), Events: events(s.Events()), Links: links(s.Links()),
		Status:   tracing.Status{Code: status.Code, Message: status.Description},
		Dropped:  tracing.Dropped{Attributes: count(s.DroppedAttributes()), Events: count(s.DroppedEvents()), Links: count(s.DroppedLinks())},
		Resource: r, Scope: scope,
	}
}

// origin returns what a span has in common with others; nil = nothing.
func (h *shared) origin(s sdk.ReadOnlySpan) (r *tracing.Resource, scope *tracing.Scope) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if from := s.Resource(); from != nil {
		r = lookUp(&h.resources, from, func() *tracing.Resource {
			return &tracing.Resource{Attributes: from.Attributes(), SchemaURL: from.SchemaURL()}
		})
	}
	if from := s.InstrumentationScope(); from != (instrumentation.Scope{}) {
		scope = lookUp(&h.scopes, from, func() *tracing.Scope {
			return &tracing.Scope{Name: from.Name, Version: from.Version, SchemaURL: from.SchemaURL, Attributes: from.Attributes.ToSlice()}
		})
	}
	return r, scope
}

// lookUp returns the value of key, made where there is none.
func lookUp[K comparable, V any](values *map[K]*V, key K, newValue func() *V) *V {
	if v, ok := (*values)[key]; ok {
		return v
	}
	if *values == nil || len(*values) >= mostShared {
		*values = map[K]*V{}
	}
	v := newValue()
	(*values)[key] = v
	return v
}

func events(from []sdk.Event) []tracing.Event {
	if len(from) == 0 {
		return nil
	}
	list := make([]tracing.Event, len(from))
	for i, e := range from {
		list[i] = tracing.Event{Time: e.Time, Name: e.Name, Attributes: e.Attributes, Dropped: count(e.DroppedAttributeCount)}
	}
	return list
}

func links(from []sdk.Link) []tracing.Link {
	if len(from) == 0 {
		return nil
	}
	list := make([]tracing.Link, len(from))
	for i, l := range from {
		sc := l.SpanContext
		list[i] = tracing.Link{
			TraceID: sc.TraceID(), ID: sc.SpanID(), TraceState: sc.TraceState().String(), Flags: flags(sc, sc),
			Attributes: l.Attributes, Dropped: count(l.DroppedAttributeCount),
		}
	}
	return list
}

// flags returns those of sc, and whether the span pointed to, its parent or the link's, is in another process.
func flags(sc, pointed trace.SpanContext) uint32 {
	flags := uint32(sc.TraceFlags()) | tracing.FlagKnowsRemote
	if pointed.IsRemote() {
		flags |= tracing.FlagRemoteIsParent
	}
	return flags
}

func count(n int) uint32 {
	return uint32(min(max(n, 0), math.MaxUint32))
}
