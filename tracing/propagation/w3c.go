package propagation

import (
	"context"
	"encoding/hex"
	"strings"

	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	traceparent = "traceparent"
	tracestate  = "tracestate"

	// knownFlags are the flags of Trace Context that have a meaning; others must not be passed on.
	knownFlags = trace.FlagsSampled | trace.FlagsRandom

	traceparentLength = 2 + 1 + 32 + 1 + 16 + 1 + 2
)

// W3C propagates span contexts as the fields traceparent and tracestate of W3C Trace Context. The zero value is ready.
//
// Exactly one traceparent is accepted; a carrier tells of several by otel's ValuesGetter, as all carriers of this package do. Lines of
// tracestate are joined.
type W3C struct{}

// Inject writes traceparent and, unless it is empty, tracestate. Without a valid span context in ctx it writes nothing.
//
// The tracestate is the extracted one, with the members that trace.TraceState refuses, until somebody changes the TraceState of the span
// context: from there on it is that one.
func (W3C) Inject(ctx context.Context, carrier otel.TextMapCarrier) {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return
	}
	if state := stateOf(ctx, sc); state != "" {
		carrier.Set(tracestate, state)
	}
	id, span := sc.TraceID(), sc.SpanID()
	field := make([]byte, 0, traceparentLength)
	field = append(field, "00-"...)
	field = hex.AppendEncode(field, id[:])
	field = append(field, '-')
	field = hex.AppendEncode(field, span[:])
	field = append(field, '-')
	field = hex.AppendEncode(field, []byte{byte(sc.TraceFlags() & knownFlags)})
	carrier.Set(traceparent, string(field))
}

// Extract returns ctx with the remote span context of the carrier, or ctx as it is when the carrier has none that is valid.
func (W3C) Extract(ctx context.Context, carrier otel.TextMapCarrier) context.Context {
	lines := values(carrier, traceparent)
	if len(lines) != 1 {
		return ctx
	}
	cfg, ok := parseTraceparent(strings.Trim(lines[0], " \t"))
	if !ok {
		return ctx
	}
	raw := parseTracestate(values(carrier, tracestate))
	cfg.TraceState = representable(raw)
	cfg.Remote = true
	sc := trace.NewSpanContext(cfg)
	return trace.ContextWithRemoteSpanContext(withState(ctx, sc, raw), sc)
}

// Fields returns the names of the fields that Inject sets.
func (W3C) Fields() []string { return []string{traceparent, tracestate} }

// parseTraceparent reads a trimmed traceparent. A version after 00 may have more fields, all else must be exact.
func parseTraceparent(s string) (trace.SpanContextConfig, bool) {
	var cfg trace.SpanContextConfig
	var version, flags [1]byte
	if len(s) < traceparentLength || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return cfg, false
	}
	if !decodeHex(version[:], s[:2]) || !decodeHex(cfg.TraceID[:], s[3:35]) || !decodeHex(cfg.SpanID[:], s[36:52]) || !decodeHex(flags[:], s[53:55]) {
		return cfg, false
	}
	if longer := len(s) > traceparentLength; longer && (version[0] == 0 || s[traceparentLength] != '-') {
		return cfg, false
	}
	cfg.TraceFlags = trace.TraceFlags(flags[0]) & knownFlags
	return cfg, version[0] != 0xff && cfg.TraceID.IsValid() && cfg.SpanID.IsValid()
}

// decodeHex reads lower-case hex that fills dst exactly. Upper case is refused: by rule in traceparent, and in the other formats as contrib's
// propagators do.
func decodeHex(dst []byte, s string) bool {
	if len(s) != 2*len(dst) || strings.ContainsAny(s, "ABCDEF") {
		return false
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}
