package tracingtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
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
	count  uint64
}

// NewReplay encodes the request of a load, with spans that start at start. The traces of replays with different salts differ.
func NewReplay(load Load, salt uint64, start time.Time) *Replay {
	load = load.withDefaults()
	resources := make([]*tracing.Resource, load.Services)
	for i := range resources {
		resources[i] = &tracing.Resource{Attributes: []attribute.KeyValue{
			attribute.String("service.name", fmt.Sprintf("service-%d", i)), attribute.String("host.name", fmt.Sprintf("host-%d.example.com", i)),
		}}
	}
	scope := &tracing.Scope{Name: "example.com/instrumentation", Version: "1.0.0"}
	r := &Replay{ids: make([]trace.TraceID, load.Traces), places: make([][]int, load.Traces), count: salt << 32}
	var spans []tracing.Span
	for service := range load.Services { // Spans of one service come together, as from a batch.
		for t := service; t < load.Traces; t += load.Services {
			for n := range load.Spans {
				spans = append(spans, load.span(t, n, start, resources[service], scope))
			}
		}
	}
	r.req = tracing.Encode(spans)
	for t := range load.Traces {
		r.ids[t] = placeholder(t)
		for from := 0; ; {
			at := bytes.Index(r.req[from:], r.ids[t][:])
			if at < 0 {
				break
			}
			r.places[t] = append(r.places[t], from+at)
			from += at + len(r.ids[t])
		}
	}
	return r
}

// placeholder is a trace ID that occurs nowhere else.
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
func (r *Replay) Next() []byte {
	for t, places := range r.places {
		r.count++
		var id trace.TraceID
		binary.BigEndian.PutUint64(id[:8], mix(r.count))
		binary.BigEndian.PutUint64(id[8:], mix(r.count+1<<60))
		for _, at := range places {
			copy(r.req[at:], id[:])
		}
		r.ids[t] = id
	}
	return r.req
}

// IDs returns those of the traces of the last request, by their number in the load. They are good until the next call of Next.
func (r *Replay) IDs() []trace.TraceID { return r.ids }

// mix spreads a count over 64 bits, each another (the finalizer of SplitMix64).
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// Halves returns spans of traces of 10: all children, and all roots, as two requests of two processes have them. In 1 of 100 a child failed, 1 of
// 200 roots took 5 s.
func Halves(source *rand.Rand, traces int) (children, roots []tracing.Span) {
	load := Load{}.withDefaults()
	resource, scope := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}}, &tracing.Scope{Name: "library"}
	start := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	for range traces {
		var id trace.TraceID
		binary.BigEndian.PutUint64(id[:8], source.Uint64()|1)
		binary.BigEndian.PutUint64(id[8:], source.Uint64())
		for n := range load.Spans {
			s := load.span(0, n, start, resource, scope)
			s.TraceID = id
			switch {
			case n == 1 && source.IntN(100) == 0:
				s.Status.Code = codes.Error
			case n == 0 && source.IntN(200) == 0:
				s.End = s.Start.Add(5 * time.Second)
			}
			if n == 0 {
				roots = append(roots, s)
			} else {
				children = append(children, s)
			}
		}
	}
	return children, roots
}
