package propagation

import (
	"context"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// maxMembers is how many members a tracestate may have.
const maxMembers = 32

// A carriedState is a tracestate that trace.TraceState cannot hold, beside what of it could be held.
type carriedState struct {
	trace     trace.TraceID
	raw, held string
}

type stateKey struct{}

// withState remembers raw, the tracestate that came with sc, if sc itself does not say the same.
func withState(ctx context.Context, sc trace.SpanContext, raw string) context.Context {
	held := sc.TraceState().String()
	if raw == held && ctx.Value(stateKey{}) == nil {
		return ctx
	}
	return context.WithValue(ctx, stateKey{}, carriedState{trace: sc.TraceID(), raw: raw, held: held})
}

// StateOf returns the tracestate that W3C would send for the span context of ctx: the extracted one, with the members that trace.TraceState
// refuses, as long as nobody changed what the span context holds of it. "" = none.
func StateOf(ctx context.Context) string { return stateOf(ctx, trace.SpanContextFromContext(ctx)) }

// stateOf returns the tracestate to send for sc: the one that came, as long as nobody changed what sc holds of it.
func stateOf(ctx context.Context, sc trace.SpanContext) string {
	own := sc.TraceState().String()
	if came, ok := ctx.Value(stateKey{}).(carriedState); ok && came.trace == sc.TraceID() && came.held == own {
		return came.raw
	}
	return own
}

// representable returns the members of a valid tracestate that trace.TraceState accepts: it has level 1's rules for keys.
func representable(raw string) trace.TraceState {
	if raw == "" {
		return trace.TraceState{}
	}
	state, err := trace.ParseTraceState(raw)
	if err == nil {
		return state
	}
	var kept []string
	for member := range strings.SplitSeq(raw, ",") {
		if _, err := trace.ParseTraceState(member); err == nil {
			kept = append(kept, member)
		}
	}
	state, err = trace.ParseTraceState(strings.Join(kept, ","))
	if err != nil { // Each member was fine alone, and there are no two of one key.
		return trace.TraceState{}
	}
	return state
}

// parseTracestate joins the lines of a tracestate to one without blanks and repeated keys. One bad member makes it empty, so do too many.
func parseTracestate(lines []string) string {
	var keys []string
	var joined strings.Builder
	members := 0
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			member = strings.Trim(member, " \t")
			if member == "" {
				continue
			}
			key, value, _ := strings.Cut(member, "=")
			if members++; members > maxMembers || !validKey(key) || !validValue(value) {
				return ""
			}
			if slices.Contains(keys, key) {
				continue
			}
			keys = append(keys, key)
			if joined.Len() > 0 {
				joined.WriteByte(',')
			}
			joined.WriteString(member)
		}
	}
	return joined.String()
}

// validKey tells whether s is a key by level 2: a letter or digit, then up to 255 letters, digits and any of _*/@-.
func validKey(s string) bool {
	if s == "" || len(s) > 256 || !letterOrDigit(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !letterOrDigit(s[i]) && strings.IndexByte("_*/@-", s[i]) < 0 {
			return false
		}
	}
	return true
}

func letterOrDigit(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// validValue tells whether s is a value: 1 to 256 printable characters without comma and equals sign, the last not a blank.
func validValue(s string) bool {
	if s == "" || len(s) > 256 || s[len(s)-1] == ' ' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}
