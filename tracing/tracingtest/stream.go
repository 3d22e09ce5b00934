package tracingtest

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// An Arrival is a request, and when it comes after the first.
type Arrival struct {
	At  time.Duration
	Req []byte
}

// A Stream is what to expect of random traffic: traces of 1 to Spans spans, whole or not, of which some are late, come twice, out of order, or
// over several requests. Shares are of all spans.
type Stream struct {
	Traces int           // 0 = 40
	Spans  int           // of a trace at most; 0 = 12
	Over   time.Duration // in which traces begin; 0 = 20 s
	// Quiet is that of the collector which the stream is for: spans of a trace come within half of it, or, late, after more than three times
	// it. 0 = 2 s.
	Quiet time.Duration
	// Shares of spans, in hundredths.
	Late, Twice, Lost, Errors, Slow, Stamped int
}

// Usual is a Stream with something of everything.
func Usual() Stream {
	return Stream{Late: 5, Twice: 5, Lost: 3, Errors: 3, Slow: 3, Stamped: 10}
}

// slotsPerQuiet is how many instants there are in Quiet at which requests come.
const slotsPerQuiet = 20

// Arrivals draws a stream, in order of time.
func (s Stream) Arrivals(source *rand.Rand) []Arrival {
	s.Traces, s.Spans = cmp.Or(s.Traces, 40), cmp.Or(s.Spans, 12)
	s.Over, s.Quiet = cmp.Or(s.Over, 20*time.Second), cmp.Or(s.Quiet, 2*time.Second)
	slots := map[int][]tracing.Span{}
	slot := int64(s.Quiet) / slotsPerQuiet
	services := make([]*tracing.Resource, 5)
	for i := range services {
		services[i] = &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", fmt.Sprintf("service-%d", i))}}
	}
	scopes := []*tracing.Scope{nil, {Name: "library"}, {Name: "library", Version: "2"}}
	for range s.Traces {
		at := int(source.Int64N(int64(s.Over)/slot + 1))
		for _, one := range s.trace(source) {
			one.Resource, one.Scope = services[source.IntN(len(services))], scopes[source.IntN(len(scopes))]
			if hits(source, s.Lost) {
				continue
			}
			when := at + source.IntN(slotsPerQuiet/2)
			if hits(source, s.Late) {
				when += slotsPerQuiet * (4 + source.IntN(16))
			}
			slots[when] = append(slots[when], one)
			if hits(source, s.Twice) {
				slots[when] = append(slots[when], one)
			}
		}
	}
	var arrivals []Arrival
	for when, spans := range slots {
		source.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
		for len(spans) > 0 {
			n := 1 + source.IntN(len(spans))
			arrivals = append(arrivals, Arrival{At: time.Duration(int64(when)*slot + slot/9), Req: tracing.Encode(spans[:n])})
			spans = spans[n:]
		}
	}
	slices.SortFunc(arrivals, func(a, b Arrival) int { return cmp.Or(cmp.Compare(a.At, b.At), slices.Compare(a.Req, b.Req)) })
	return arrivals
}

// trace draws a tree of spans.
func (s Stream) trace(source *rand.Rand) []tracing.Span {
	var id trace.TraceID
	binary.BigEndian.PutUint64(id[:8], source.Uint64()|1)
	binary.BigEndian.PutUint64(id[8:], source.Uint64())
	start := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC).Add(time.Duration(source.Int64N(int64(time.Hour))))
	state := ""
	if hits(source, s.Stamped) {
		state = "ot=th:" + tracing.ThresholdOf(0.25+source.Float64()/2).String()
	}
	spans := make([]tracing.Span, 1+source.IntN(s.Spans))
	for n := range spans {
		one := tracing.Span{
			TraceID: id, ID: spanID(n), Name: fmt.Sprintf("operation-%d", source.IntN(20)), TraceState: state,
			Start: start.Add(time.Duration(n) * time.Millisecond), Attributes: []attribute.KeyValue{attribute.Int("n", n)},
		}
		one.End = one.Start.Add(time.Duration(source.Int64N(int64(100 * time.Millisecond))))
		if n > 0 {
			one.Parent = spanID(source.IntN(n))
		}
		if hits(source, s.Errors) {
			one.Status = tracing.Status{Code: codes.Error, Message: "failed"}
		}
		if hits(source, s.Slow) {
			one.End = one.Start.Add(5 * time.Second)
		}
		spans[n] = one
	}
	return spans
}

// hits is true in so many of hundred cases.
func hits(source *rand.Rand, hundredths int) bool { return source.IntN(100) < hundredths }
