package propagation

import (
	"context"
	"strings"

	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	b3Single  = "b3"
	b3Trace   = "x-b3-traceid"
	b3Span    = "x-b3-spanid"
	b3Parent  = "x-b3-parentspanid"
	b3Sampled = "x-b3-sampled"
	b3Flags   = "x-b3-flags"
)

// B3 propagates span contexts in the fields of Zipkin. It extracts from the single field b3 if that has a valid context, else from the fields
// x-b3-traceid, x-b3-spanid, x-b3-sampled and x-b3-flags; trace IDs of 64 bits are padded left with zeros. What is said about sampling beside
// the IDs, or without them, is kept and passed on; see [SamplingOf].
type B3 struct {
	Single bool // inject the field b3 instead of the five
}

// Inject writes the span context of ctx. The parent's ID is left out, as a span context does not know it. Without a valid span context,
// what the sender said about sampling without one is passed on.
func (b B3) Inject(ctx context.Context, carrier otel.TextMapCarrier) {
	sc, sampling := trace.SpanContextFromContext(ctx), SamplingOf(ctx)
	if !sc.IsValid() && sampling == Unsaid {
		return
	}
	state := "0"
	switch {
	case sampling == Debug:
		state = "d"
	case sampling == Deferred:
		state = ""
	case sampling == Accepted || sc.IsSampled():
		state = "1"
	}
	if b.Single {
		field := state
		if sc.IsValid() {
			field = strings.TrimSuffix(sc.TraceID().String()+"-"+sc.SpanID().String()+"-"+state, "-")
		}
		carrier.Set(b3Single, field)
		return
	}
	if sc.IsValid() {
		carrier.Set(b3Trace, sc.TraceID().String())
		carrier.Set(b3Span, sc.SpanID().String())
	}
	switch state {
	case "":
	case "d": // Debug implies sampled, which then must not be sent too.
		carrier.Set(b3Flags, "1")
	default:
		carrier.Set(b3Sampled, state)
	}
}

// Extract returns ctx with the remote span context of the carrier, or ctx as it is when the carrier has none that is valid.
func (B3) Extract(ctx context.Context, carrier otel.TextMapCarrier) context.Context {
	found, ok := parseB3(strings.Trim(carrier.Get(b3Single), " \t"))
	if !ok {
		found, ok = parseB3Fields(carrier)
	}
	switch {
	case !ok:
		return ctx
	case !found.trace.IsValid():
		return withSampling(ctx, trace.SpanContext{}, found.sampling)
	}
	return found.into(ctx)
}

// Fields returns the names of the fields that Inject may set.
func (b B3) Fields() []string {
	if b.Single {
		return []string{b3Single}
	}
	return []string{b3Trace, b3Span, b3Sampled, b3Flags}
}

// A foreign context is one of a format that says more about sampling than a flag.
type foreign struct {
	trace    trace.TraceID
	span     trace.SpanID
	sampled  bool
	sampling Sampling
}

// into returns ctx with f as its remote span context.
func (f foreign) into(ctx context.Context) context.Context {
	cfg := trace.SpanContextConfig{TraceID: f.trace, SpanID: f.span, Remote: true}
	if f.sampled {
		cfg.TraceFlags = trace.FlagsSampled
	}
	sc := trace.NewSpanContext(cfg)
	return trace.ContextWithRemoteSpanContext(withSampling(ctx, sc, f.sampling), sc)
}

// parseB3 reads the single field: trace-span[-state[-parent]], or a state alone.
func parseB3(s string) (foreign, bool) {
	switch s {
	case "0":
		return foreign{sampling: Denied}, true
	case "1":
		return foreign{sampling: Accepted}, true
	case "d":
		return foreign{sampling: Debug}, true
	}
	parts := strings.Split(s, "-")
	if len(parts) < 2 || len(parts) > 4 {
		return foreign{}, false
	}
	f, ok := parseB3IDs(parts[0], parts[1])
	f.sampling = Deferred
	if len(parts) > 2 {
		switch parts[2] {
		case "0", "1":
			f.sampling, f.sampled = Unsaid, parts[2] == "1"
		case "d":
			f.sampling, f.sampled = Debug, true
		default:
			return foreign{}, false
		}
	}
	if len(parts) > 3 {
		ok = ok && validSpanID(parts[3])
	}
	return f, ok
}

// parseB3Fields reads the fields of the older form.
func parseB3Fields(carrier otel.TextMapCarrier) (foreign, bool) {
	id, span, parent := carrier.Get(b3Trace), carrier.Get(b3Span), carrier.Get(b3Parent)
	sampling, sampled := Unsaid, false
	switch strings.ToLower(carrier.Get(b3Sampled)) {
	case "":
		sampling = Deferred
	case "0", "false": // The words were used before the digits.
	case "1", "true":
		sampled = true
	default:
		return foreign{}, false
	}
	if carrier.Get(b3Flags) == "1" {
		sampling, sampled = Debug, true
	}
	if id == "" && span == "" && parent == "" {
		if sampling == Unsaid {
			sampling = Denied
			if sampled {
				sampling = Accepted
			}
		}
		return foreign{sampling: sampling}, sampling != Deferred
	}
	f, ok := parseB3IDs(id, span)
	f.sampling, f.sampled = sampling, sampled
	return f, ok && (parent == "" || validSpanID(parent))
}

func parseB3IDs(id, span string) (foreign, bool) {
	var f foreign
	wide := decodeHex(f.trace[:], id) || decodeHex(f.trace[8:], id)
	return f, wide && f.trace.IsValid() && decodeHex(f.span[:], span) && f.span.IsValid()
}

func validSpanID(s string) bool {
	var id trace.SpanID
	return decodeHex(id[:], s) && id.IsValid()
}
