package propagation

import (
	"context"

	"go.opentelemetry.io/otel/trace"
)

// Sampling is what a sender said about sampling beyond the sampled flag.
type Sampling uint8

// What B3 and Jaeger can say and the sampled flag cannot.
const (
	Unsaid   Sampling = iota // the flag says it all
	Denied                   // no IDs, but whatever starts here is not to be sampled (b3: 0)
	Deferred                 // IDs, and the receiver is to decide (B3 without a sampling state)
	Debug                    // sampled, and to be kept by all means (b3: ...-d, x-b3-flags: 1, the debug flag of Jaeger); without IDs, what starts here
	Accepted                 // no IDs, but whatever starts here is to be sampled (b3: 1)
)

// String returns the name in lower case.
func (s Sampling) String() string {
	names := [...]string{"unsaid", "denied", "deferred", "debug", "accepted"}
	if int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// said is a Sampling and the span context that it came with.
type said struct {
	sampling Sampling
	trace    trace.TraceID
	span     trace.SpanID
}

type saidKey struct{}

// withSampling remembers s for sc. Unsaid takes back what an earlier extraction said.
func withSampling(ctx context.Context, sc trace.SpanContext, s Sampling) context.Context {
	if s == Unsaid && ctx.Value(saidKey{}) == nil {
		return ctx
	}
	return context.WithValue(ctx, saidKey{}, said{s, sc.TraceID(), sc.SpanID()})
}

// WithDebug says Debug of the trace of the span in ctx. Who starts that trace where SamplingOf was Debug without IDs says so, as a
// tracing.Provider does; extracting says it of the others.
func WithDebug(ctx context.Context) context.Context {
	return withSampling(ctx, trace.SpanContextFromContext(ctx), Debug)
}

// SamplingOf returns what was extracted into ctx beyond the sampled flag. Debug holds for all spans of the trace, Deferred until a span
// below the remote one decides, and what came without IDs while there is no span.
func SamplingOf(ctx context.Context) Sampling {
	s, ok := ctx.Value(saidKey{}).(said)
	sc := trace.SpanContextFromContext(ctx)
	if !ok || s.trace != sc.TraceID() || s.sampling == Deferred && s.span != sc.SpanID() {
		return Unsaid
	}
	return s.sampling
}
