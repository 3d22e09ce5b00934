package otlp

import (
	"bytes"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/wire"
	"go.opentelemetry.io/otel/trace"
)

// A Builder puts a request together of spans that were read from others, byte for byte: Span, resource and scope messages and the URLs of
// their schemas stay what they are. Neighbours that have them in common share them. The zero value is an empty request; it is not safe for
// concurrent use.
type Builder struct {
	req      []byte
	origin   *tracing.Origin
	resource int // where ResourceSpans begins; 0 = none is open
	scope    int // where ScopeSpans begins
	spans    int
}

// Add appends a span.
func (b *Builder) Add(v tracing.View) {
	origin := v.Origin()
	switch {
	case b.resource == 0:
		b.begin(origin)
	case origin == b.origin:
	case !bytes.Equal(origin.Resource, b.origin.Resource) || !bytes.Equal(origin.ResourceSchema, b.origin.ResourceSchema):
		b.end()
		b.begin(origin)
	case !bytes.Equal(origin.Scope, b.origin.Scope) || !bytes.Equal(origin.ScopeSchema, b.origin.ScopeSchema):
		b.req = wire.End(b.req, b.scope)
		b.beginScope(origin)
	}
	b.origin = origin
	b.req = wire.AppendLen(b.req, wire.ScopeSpansSpans, v.Raw())
	b.spans++
}

func (b *Builder) begin(origin *tracing.Origin) {
	b.req, b.resource = wire.Begin(b.req, wire.RequestResourceSpans)
	b.req = wire.AppendText(b.req, wire.ResourceSpansResource, origin.Resource)
	b.req = wire.AppendText(b.req, wire.ResourceSpansSchemaURL, origin.ResourceSchema)
	b.beginScope(origin)
}

func (b *Builder) beginScope(origin *tracing.Origin) {
	b.req, b.scope = wire.Begin(b.req, wire.ResourceSpansScopeSpans)
	b.req = wire.AppendText(b.req, wire.ScopeSpansScope, origin.Scope)
	b.req = wire.AppendText(b.req, wire.ScopeSpansSchemaURL, origin.ScopeSchema)
}

func (b *Builder) end() {
	if b.resource > 0 {
		b.req = wire.End(wire.End(b.req, b.scope), b.resource)
		b.resource = 0
	}
}

// Spans returns how many spans were added.
func (b *Builder) Spans() int { return b.spans }

// Bytes returns the request. Later spans of the builder begin with their resource anew, and may move it: take it when it is whole.
func (b *Builder) Bytes() []byte {
	b.end()
	return b.req
}

// Reset empties the builder, whose memory is used again.
func (b *Builder) Reset() { *b = Builder{req: b.req[:0]} }

// Split divides a request into parts, by the trace of its spans: of returns the part of a trace, from 0 to parts-1. A part without spans is
// empty. Rejected spans are in none, and counted in the result; a malformed request is a *tracing.RequestError.
func Split(req []byte, parts int, of func(trace.TraceID) int) ([][]byte, tracing.Result, error) {
	builders := make([]Builder, parts)
	var result tracing.Result
	err := tracing.Scan(req, func(v tracing.View, rejected tracing.Rejection) {
		if rejected == tracing.Fine {
			builders[of(v.TraceID())].Add(v)
			result.Accepted++
			return
		}
		if result.Rejected == 0 {
			result.Reason = string(rejected)
		}
		result.Rejected++
	})
	if err != nil {
		return nil, tracing.Result{}, err
	}
	all := make([][]byte, parts)
	for i := range builders {
		all[i] = builders[i].Bytes()
	}
	return all, result, nil
}
