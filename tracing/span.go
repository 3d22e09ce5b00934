package tracing

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A Span is one timed operation, taken apart. Its canonical form is the Span message of OTLP that [Decode] read it from; fields that OTLP does
// not know are not in it.
type Span struct {
	TraceID    trace.TraceID
	ID         trace.SpanID
	Parent     trace.SpanID // zero = a root
	TraceState string
	Flags      uint32 // FlagSampled and others
	Name       string
	Kind       trace.SpanKind // of a sender's own numbers, that number
	Start, End time.Time      // UTC; zero = not told
	Attributes []attribute.KeyValue
	Events     []Event
	Links      []Link
	Status     Status
	Dropped    Dropped
	Resource   *Resource // shared by the spans that had it in common; nil = none
	Scope      *Scope    // likewise
}

// Flags of a span. The lower 8 bits are those of W3C Trace Context.
const (
	FlagSampled        uint32 = 1 << 0
	FlagRandom         uint32 = 1 << 1
	FlagKnowsRemote    uint32 = 1 << 8 // the next flag says something
	FlagRemoteIsParent uint32 = 1 << 9 // the parent is in another process
)

// Dropped counts what a span had beyond the limits of who recorded it.
type Dropped struct{ Attributes, Events, Links uint32 }

// An Event is a moment of a span.
type Event struct {
	Time       time.Time // UTC; zero = not told
	Name       string
	Attributes []attribute.KeyValue
	Dropped    uint32 // attributes
}

// A Link points to a span of this or another trace.
type Link struct {
	TraceID    trace.TraceID
	ID         trace.SpanID
	TraceState string
	Flags      uint32
	Attributes []attribute.KeyValue
	Dropped    uint32 // attributes
}

// A Status is how a span ended.
type Status struct {
	Code    codes.Code // of a sender's own numbers, that number
	Message string
}

// A Resource is what spans come from: a process, a pod.
type Resource struct {
	Attributes []attribute.KeyValue
	Dropped    uint32 // attributes
	Entities   []Entity
	SchemaURL  string
}

// An Entity names the attributes of a resource that are one thing.
type Entity struct {
	SchemaURL, Type         string
	IDKeys, DescriptionKeys []string
}

// A Scope is the library that recorded spans.
type Scope struct {
	Name, Version string
	Attributes    []attribute.KeyValue
	Dropped       uint32 // attributes
	SchemaURL     string
}

// statusCode turns OTLP's numbers into the API's and back: OK and Error are the other way round.
func statusCode(code uint64) uint64 {
	switch code {
	case 1:
		return 2
	case 2:
		return 1
	}
	return code
}
