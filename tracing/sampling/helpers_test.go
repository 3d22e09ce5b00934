package sampling_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// begin is when traces of tests start.
func begin() time.Time { return time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC) }

// id returns a trace ID of a randomness.
func id(r uint64) trace.TraceID {
	got := trace.TraceID{1}
	binary.BigEndian.PutUint64(got[8:], r&(1<<56-1))
	return got
}

// span returns a span of a trace that took so long; number 1 is a root, the others its children.
func span(id trace.TraceID, number byte, took time.Duration, change ...func(*tracing.Span)) tracing.Span {
	s := tracing.Span{TraceID: id, ID: trace.SpanID{number}, Name: "GET /", Start: begin(), End: begin().Add(took)}
	if number > 1 {
		s.Parent = trace.SpanID{1}
	}
	s.Resource = &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}}
	for _, c := range change {
		c(&s)
	}
	return s
}

func failed(s *tracing.Span) { s.Status.Code = codes.Error }

func named(name string) func(*tracing.Span) { return func(s *tracing.Span) { s.Name = name } }

func with(attributes ...attribute.KeyValue) func(*tracing.Span) {
	return func(s *tracing.Span) { s.Attributes = append(s.Attributes, attributes...) }
}

func state(tracestate string) func(*tracing.Span) {
	return func(s *tracing.Span) { s.TraceState = tracestate }
}

// traceOf makes a trace of spans.
func traceOf(tb testing.TB, spans ...tracing.Span) sampling.Trace {
	tb.Helper()
	t, err := sampling.TraceOf(tracing.Encode(spans), begin())
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// decider returns that of a policy which has to be valid.
func decider(tb testing.TB, p sampling.Policy) sampling.Decider {
	tb.Helper()
	if err := p.Validate(); err != nil {
		tb.Fatal(err)
	}
	return p.NewDecider()
}

// jury returns one of policies which have to be valid.
func jury(tb testing.TB, policies ...sampling.Policy) *sampling.Jury {
	tb.Helper()
	j, err := sampling.NewJury(policies)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// light is a trace without bytes, for streams of many.
func light(r uint64, spans int) sampling.Trace {
	return sampling.Trace{ID: id(r), R: r, Spans: spans, Bytes: 400 * spans, Start: begin(), End: begin().Add(time.Second), Each: func(func(tracing.View) bool) {}}
}

func randomness(source *rand.Rand) uint64 { return source.Uint64() & (1<<56 - 1) }

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// votes is a policy whose decider gives one verdict.
type votes struct {
	name    string
	verdict sampling.Verdict
	early   bool
	drops   bool
	panics  bool
}

func (p votes) Name() string                                      { return p.name }
func (p votes) Validate() error                                   { return nil }
func (p votes) NewDecider() sampling.Decider                      { return p }
func (p votes) Drops() bool                                       { return p.drops }
func (p votes) Early(tracing.View) bool                           { p.fail(); return p.early }
func (p votes) Decide(sampling.Trace, time.Time) sampling.Verdict { p.fail(); return p.verdict }

func (p votes) fail() {
	if p.panics {
		panic("out of order")
	}
}

func keep(name string, threshold tracing.Threshold) votes {
	return votes{name: name, verdict: sampling.Verdict{Vote: sampling.VoteKeep, Threshold: threshold}}
}
