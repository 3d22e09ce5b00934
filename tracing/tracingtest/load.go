package tracingtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A Load says what the requests of a [Replay] look like. The zero Load is 1,000 spans with 8 attributes of 383 bytes in all: 100 whole traces,
// from 10 services.
type Load struct {
	Traces     int // in a request; 0 = 100
	Spans      int // in a trace, of which the first is the root; 0 = 10
	Attributes int // of a span; 0 = 8, negative = none
	Services   int // 0 = 10
	// Change is called for each span; nil = nothing changes.
	Change func(trace, span int, s *tracing.Span)
	// Skip leaves spans out, which another request of the same traces may have; nil = none.
	Skip func(trace, span int) bool
}

func (l Load) withDefaults() Load {
	for _, d := range []struct {
		field *int
		value int
	}{{&l.Traces, 100}, {&l.Spans, 10}, {&l.Attributes, 8}, {&l.Services, 10}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// A Replay is one request that is sent again and again, of other traces each time. It is not safe for concurrent use.
type Replay struct {
	req    []byte
	places [][]int // of the IDs of each trace
	ids    []trace.TraceID
	salt   uint64
	number uint64
}

// NewReplay encodes the request of a load, with spans that start at start. The traces of replays with different salts differ; those of one salt,
// and of as many traces, are the same, request by request.
func NewReplay(load Load, salt uint64, start time.Time) *Replay {
	load = load.withDefaults()
	resources := make([]*tracing.Resource, load.Services)
	for i := range resources {
		resources[i] = &tracing.Resource{Attributes: []attribute.KeyValue{
			attribute.String("service.name", fmt.Sprintf("service-%d", i)), attribute.String("host.name", fmt.Sprintf("host-%d.example.com", i)),
		}}
	}
	scope := &tracing.Scope{Name: "example.com/instrumentation", Version: "1.0.0"}
	r := &Replay{ids: make([]trace.TraceID, load.Traces), places: make([][]int, load.Traces), salt: salt << 32}
	var spans []tracing.Span
	for service := range load.Services { // Spans of one service come together, as from a batch.
		for t := service; t < load.Traces; t += load.Services {
			for n := range load.Spans {
				if load.Skip == nil || !load.Skip(t, n) {
					spans = append(spans, load.span(t, n, start, resources[service], scope))
				}
			}
		}
	}
	r.req = tracing.Encode(spans)
	prefix := placeholder(0)
	for from := 0; ; {
		at := bytes.Index(r.req[from:], prefix[:8])
		if at < 0 {
			return r
		}
		from += at
		t := binary.BigEndian.Uint32(r.req[from+12:])
		r.places[t] = append(r.places[t], from)
		from += len(prefix)
	}
}

// placeholder is a trace ID that occurs nowhere else: its first half does not, and the last four bytes are the number of the trace.
func placeholder(t int) trace.TraceID {
	id := trace.TraceID{0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}
	binary.BigEndian.PutUint64(id[8:], 0xf0f0f0f0_00000000+uint64(t)) //nolint:gosec // Not negative.
	return id
}

func (l Load) span(t, n int, start time.Time, resource *tracing.Resource, scope *tracing.Scope) tracing.Span {
	s := tracing.Span{
		TraceID: placeholder(t), ID: spanID(n), Name: fmt.Sprintf("GET /resource/%d", n), Kind: trace.SpanKindServer, Flags: tracing.FlagSampled,
		Start: start.Add(time.Duration(n) * time.Millisecond), End: start.Add(50 * time.Millisecond), Resource: resource, Scope: scope,
	}
	if n > 0 {
		s.Parent = spanID((n - 1) / 2)
	}
	for a := range l.Attributes {
		s.Attributes = append(s.Attributes, attribute.String(fmt.Sprintf("attribute.key.%d", a), fmt.Sprintf("some value %d-%02d", a, n)))
	}
	if l.Change != nil {
		l.Change(t, n, &s)
	}
	return s
}

func spanID(n int) trace.SpanID {
	var id trace.SpanID
	binary.BigEndian.PutUint64(id[:], uint64(n)+1) //nolint:gosec // Not negative.
	return id
}

// Next returns the request with other trace IDs, of which both halves are new. It is good until the next call.
func (r *Replay) Next() []byte { return r.At(r.number) }

// At returns the request that is the nth, from 0 on; Next goes on from there. It is good until the next call.
func (r *Replay) At(n uint64) []byte {
	r.number = n + 1
	for t, places := range r.places {
		count := r.salt + n*uint64(len(r.places)) + uint64(t) + 1
		var id trace.TraceID
		binary.BigEndian.PutUint64(id[:8], mix(count))
		binary.BigEndian.PutUint64(id[8:], mix(count+1<<60))
		for _, at := range places {
			copy(r.req[at:], id[:])
		}
		r.ids[t] = id
	}
	return r.req
}

// IDs returns those of the traces of the last request, by their number in the load. They are good until the next request.
func (r *Replay) IDs() []trace.TraceID { return r.ids }

// mix spreads a count over 64 bits, each another (the finalizer of SplitMix64).
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
