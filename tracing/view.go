package tracing

import (
	"errors"
	"iter"
	"math"
	"time"
	"unsafe"

	"github.com/tenon-go/tenon/tracing/internal/wire"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// unknownService is the service of spans whose resource does not name one.
const unknownService = "unknown"

// An Origin is where spans come from, in the bytes of the messages that the spans had in common. Do not change what a View was made with.
type Origin struct {
	Resource       []byte // Resource message; empty = none
	ResourceSchema []byte // URL
	Scope          []byte // InstrumentationScope message; empty = none
	ScopeSchema    []byte // URL

	base *Origin // nil = this one
}

// Base returns the first origin that Scan made with the same Resource, whose bytes they share; o itself if it is that, or made otherwise. Who
// remembers what is in a resource can do so by it: a request may repeat a large one in many scopes without repeating its bytes.
func (o *Origin) Base() *Origin {
	if o.base == nil {
		return o
	}
	return o.base
}

// A View reads a span in the bytes of its message, without allocating; an attribute that is a list or a map is the exception. Strings that it
// returns are those bytes, or a copy where they are not UTF-8, with U+FFFD in place of what is wrong: clone what outlives them. It is a value,
// and safe for concurrent use. The zero View is a span of which nothing is known.
type View struct {
	raw                  []byte
	origin               *Origin
	start, end           uint64
	name, state, message extent
	trace                trace.TraceID
	id, parent           trace.SpanID
	kind, code, flags    uint32
}

// An extent is a part of the raw bytes. Requests are far below 4 GiB.
type extent struct{ from, to uint32 }

// NewView returns a view of a Span message that [Scan] accepted before, as when it was stored. It looks at the span's own fields only; what
// cannot be read is a *RequestError.
func NewView(origin *Origin, span []byte) (View, error) {
	v := View{raw: span, origin: origin}
	w := wire.Walk(span)
	for w.Next() {
		if err := wire.CheckWire(&w, wire.Span); err != nil {
			return View{}, requestError(err, 0)
		}
		if rejection := set(&v, &w, 0); rejection != Fine {
			return View{}, &RequestError{Reason: string(rejection)}
		}
	}
	if err := w.Err(); err != nil {
		return View{}, requestError(err, 0)
	}
	if rejection := identified(&v); rejection != Fine {
		return View{}, &RequestError{Reason: string(rejection)}
	}
	return v, nil
}

// set takes over the field that w is at, of a message that begins at base.
func set(v *View, w *wire.Walker, base int) Rejection {
	at := extent{uint32(w.From - base), uint32(w.To - base)} //nolint:gosec // Within a request. Wrong, and not used, where the field is no Len.
	switch w.Number {
	case wire.SpanTraceID:
		return setID(v.trace[:], w.Bytes(), BadTraceID)
	case wire.SpanSpanID:
		return setID(v.id[:], w.Bytes(), BadSpanID)
	case wire.SpanParentID:
		return setID(v.parent[:], w.Bytes(), BadParentID)
	case wire.SpanTraceState:
		v.state = at
	case wire.SpanName:
		v.name = at
	case wire.SpanKind:
		v.kind = uint32(w.Value) //nolint:gosec // An enum has 32 bits.
	case wire.SpanStart:
		v.start = w.Value
	case wire.SpanEnd:
		v.end = w.Value
	case wire.SpanFlags:
		v.flags = uint32(w.Value) //nolint:gosec // A fixed32.
	case wire.SpanStatus:
		setStatus(v, w.In(), base)
	}
	return Fine
}

// setStatus takes over a status. Of a repeated one the fields add up.
func setStatus(v *View, w wire.Walker, base int) {
	for w.Next() {
		switch {
		case w.Number == wire.StatusCode && w.Wire == wire.Varint:
			v.code = uint32(w.Value) //nolint:gosec // An enum has 32 bits.
		case w.Number == wire.StatusMessage && w.Wire == wire.Len:
			v.message = extent{uint32(w.From - base), uint32(w.To - base)} //nolint:gosec // Within a request.
		}
	}
}

// setID copies an ID that may be none.
func setID(dst, id []byte, bad Rejection) Rejection {
	switch len(id) {
	case 0:
		clear(dst)
	case len(dst):
		copy(dst, id)
	default:
		return bad
	}
	return Fine
}

func identified(v *View) Rejection {
	switch {
	case !v.trace.IsValid():
		return BadTraceID
	case !v.id.IsValid():
		return BadSpanID
	}
	return Fine
}

// requestError tells err of a walk to callers; at is where the message begins that err is about, if it does not say itself.
func requestError(err error, at int) error {
	if broken, ok := errors.AsType[*wire.Error](err); ok {
		return &RequestError{Offset: broken.Offset, Reason: broken.Reason}
	}
	return &RequestError{Offset: at, Reason: err.Error()}
}

// Raw returns the bytes of the Span message. Do not change them.
func (v View) Raw() []byte { return v.raw }

// Origin returns what the span has in common with others; never nil. Do not change it.
func (v View) Origin() *Origin {
	if v.origin == nil {
		return &Origin{}
	}
	return v.origin
}

// TraceID returns the ID of the trace.
func (v View) TraceID() trace.TraceID { return v.trace }

// ID returns the ID of the span.
func (v View) ID() trace.SpanID { return v.id }

// Parent returns the ID of the span's parent; zero for a root.
func (v View) Parent() trace.SpanID { return v.parent }

// Name returns what was done.
func (v View) Name() string { return shown(v.part(v.name)) }

// Kind returns the kind; of a sender's own numbers, that number.
func (v View) Kind() trace.SpanKind { return trace.SpanKind(int32(v.kind)) } //nolint:gosec // An enum.

// Status returns how the span ended; of a sender's own numbers, that number.
func (v View) Status() codes.Code { return codes.Code(statusCode(uint64(v.code))) } //nolint:gosec // It was a uint32.

// StatusMessage returns what the status says; "" = nothing.
func (v View) StatusMessage() string { return shown(v.part(v.message)) }

// Flags returns the flags; see FlagSampled.
func (v View) Flags() uint32 { return v.flags }

// Remote tells whether the flags say that the parent is in another process.
func (v View) Remote() bool {
	return v.flags&(FlagKnowsRemote|FlagRemoteIsParent) == FlagKnowsRemote|FlagRemoteIsParent
}

// TraceState returns the tracestate; "" = none.
func (v View) TraceState() string { return shown(v.part(v.state)) }

// Start returns when the span began, in UTC; zero if that is not told.
func (v View) Start() time.Time { return timeOf(v.start) }

// End returns when the span ended, in UTC; zero if that is not told.
func (v View) End() time.Time { return timeOf(v.end) }

// Duration returns the time from start to end; 0 if the end is before the start.
func (v View) Duration() time.Duration {
	if v.end <= v.start {
		return 0
	}
	return time.Duration(min(v.end-v.start, math.MaxInt64))
}

// Service returns service.name of the resource, or "unknown".
func (v View) Service() string {
	if name, ok := v.Resource("service.name"); ok && name.Type() == attribute.STRING && name.AsString() != "" {
		return name.AsString()
	}
	return unknownService
}

// Attr returns an attribute of the span, the first of its key.
func (v View) Attr(key string) (attribute.Value, bool) {
	return lookup(v.raw, wire.SpanAttributes, key)
}

// Resource returns an attribute of the span's resource, the first of its key.
func (v View) Resource(key string) (attribute.Value, bool) {
	return lookup(v.Origin().Resource, wire.ResourceAttributes, key)
}

// Scope returns an attribute of the span's scope, the first of its key.
func (v View) Scope(key string) (attribute.Value, bool) {
	return lookup(v.Origin().Scope, wire.ScopeAttributes, key)
}

// ScopeName returns the name of the library that recorded the span; "" = not told.
func (v View) ScopeName() string {
	var name []byte
	for w := wire.Walk(v.Origin().Scope); w.Next(); {
		if w.Number == wire.ScopeName && w.Wire == wire.Len {
			name = w.Bytes()
		}
	}
	return shown(name)
}

// Each calls visit for each attribute of the span, in order.
func (v View) Each(visit func(key string, value attribute.Value)) {
	for w := wire.Walk(v.raw); w.Next(); {
		if w.Number == wire.SpanAttributes && w.Wire == wire.Len {
			key, value := readPair(w.In())
			visit(shown(key), readValue(value, shown))
		}
	}
}

// EventAttrs returns the attributes of that key of the span's events, one an event at most.
func (v View) EventAttrs(key string) iter.Seq[attribute.Value] {
	return v.inner(wire.SpanEvents, wire.EventAttributes, key)
}

// LinkAttrs returns the attributes of that key of the span's links, one a link at most.
func (v View) LinkAttrs(key string) iter.Seq[attribute.Value] {
	return v.inner(wire.SpanLinks, wire.LinkAttributes, key)
}

func (v View) inner(number, attributes int32, key string) iter.Seq[attribute.Value] {
	return func(yield func(attribute.Value) bool) {
		for w := wire.Walk(v.raw); w.Next(); {
			if w.Number != number || w.Wire != wire.Len {
				continue
			}
			if value, ok := lookup(w.Bytes(), attributes, key); ok && !yield(value) {
				return
			}
		}
	}
}

// Links calls visit for each span that this one points to, in order.
func (v View) Links(visit func(trace.TraceID, trace.SpanID)) {
	for w := wire.Walk(v.raw); w.Next(); {
		if w.Number == wire.SpanLinks && w.Wire == wire.Len {
			link := readLink(w.In(), shown)
			visit(link.TraceID, link.ID)
		}
	}
}

// AdjustedCount returns how many spans this one stands for, by the th of its tracestate; 1 if that says nothing.
func (v View) AdjustedCount() float64 {
	if t, ok := ThresholdIn(v.TraceState()); ok {
		return t.AdjustedCount()
	}
	return 1
}

func (v View) part(e extent) []byte { return v.raw[e.from:e.to] }

// lookup returns the first attribute of a key, of a message whose attributes are the field of that number.
func lookup(message []byte, number int32, key string) (attribute.Value, bool) {
	for w := wire.Walk(message); w.Next(); {
		if w.Number != number || w.Wire != wire.Len {
			continue
		}
		if k, value := readPair(w.In()); string(k) == key {
			return readValue(value, shown), true
		}
	}
	return attribute.Value{}, false
}

// timeOf returns the instant of nanoseconds since 1970, of which 0 says that nobody told.
func timeOf(nanos uint64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(int64(nanos/1e9), int64(nanos%1e9)).UTC() //nolint:gosec // Far below the maximum.
}

// text returns bytes as a string without copying.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // The bytes do not change.
