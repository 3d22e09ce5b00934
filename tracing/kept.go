package tracing

import (
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Closed says why a trace was closed.
type Closed uint8

// Why traces are closed.
const (
	ClosedUnknown        Closed = iota
	ClosedComplete              // root seen, every parent present, quiet
	ClosedMissingParents        // root seen, a parent missing, quiet for longer
	ClosedEarly                 // a policy kept it before it closed
	ClosedAge                   // older than MaxAge
	ClosedSize                  // over MaxTraceBytes or MaxTraceSpans
	ClosedPressure              // memory was short
	ClosedFlush                 // Flush or Close
)

// String returns the reason in a word or two, as in "missing parents".
func (c Closed) String() string {
	names := [...]string{"unknown", "complete", "missing parents", "early", "age", "size", "pressure", "flush"}
	if int(c) >= len(names) {
		return names[0]
	}
	return names[c]
}

// A Decision is what was decided about a trace, and why.
type Decision struct {
	Trace     trace.TraceID
	Keep      bool
	Policy    string    // that decided; "" = none did
	Reason    string    // in the policy's words
	Threshold Threshold // that the policy kept it by
	At        time.Time // UTC
	Closed    Closed
	Missing   int  // spans named as parents that had not come
	Reopened  bool // a decision was made before, and forgotten
}

// A Part says which spans of a trace leave together.
type Part uint8

// Parts of a trace.
const (
	PartWhole Part = iota // all spans, when the trace closed
	PartEarly             // those that had come before it closed
	PartLate              // one or more that came after
)

// String returns "whole", "early" or "late".
func (p Part) String() string {
	names := [...]string{"whole", "early", "late"}
	if int(p) >= len(names) {
		return "unknown"
	}
	return names[p]
}

// Kept is what a collector hands on at once for a trace.
type Kept struct {
	ID       trace.TraceID
	OTLP     []byte // an ExportTraceServiceRequest with spans of this trace only, as they came, for Views to read; requests concatenate
	Part     Part
	Partial  bool // spans of the trace are known to be missing from all parts
	Decision Decision
	Summary  Summary // of the spans in OTLP, which may be only a part of the trace
}

// A Summary is what lists of traces show.
type Summary struct {
	RootService, RootName string // "" = no root was seen
	Start                 time.Time
	Duration              time.Duration // from the first start to the last end
	Spans, Errors         int
	Services              []string // sorted, each once
	Bytes                 int      // of Span messages
	// Tier and Expires are for archives, which say there where they have a trace and until when. A collector leaves them empty.
	Tier    string
	Expires time.Time
}
