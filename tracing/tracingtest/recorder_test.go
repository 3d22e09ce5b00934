package tracingtest_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/otel/trace"
)

var _ tracing.Sink = (*tracingtest.Recorder)(nil)

// names returns those of the spans that were recorded.
func names(r *tracingtest.Recorder) (names []string) {
	for _, s := range r.Spans() {
		names = append(names, s.Name)
	}
	return names
}

func TestRecorderTakesWhatASinkTakes(t *testing.T) {
	var r tracingtest.Recorder
	request := func(spans ...tracing.Span) []byte { return tracing.Encode(spans) }
	one := tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{1}, Name: "one"}
	two := tracing.Span{TraceID: trace.TraceID{2}, ID: trace.SpanID{2}, Name: "two"}
	result, err := r.Ingest(t.Context(), request(one, tracing.Span{Name: "no ID"}, two))
	if want := (tracing.Result{Accepted: 2, Rejected: 1, Reason: string(tracing.BadTraceID)}); err != nil || result != want {
		t.Errorf("%+v, %v, want %+v", result, err, want)
	}
	if _, err := r.Ingest(t.Context(), []byte{0xff}); !errors.Is(err, tracing.ErrPermanent) {
		t.Errorf("malformed: %v, want a *RequestError", err)
	}
	overload := &tracing.OverloadError{Cause: "test"}
	r.Fail(overload)
	if result, err := r.Ingest(t.Context(), request(one)); !errors.Is(err, tracing.ErrOverload) || result != (tracing.Result{}) {
		t.Errorf("while it fails: %+v, %v", result, err)
	}
	r.Fail(nil)
	if _, err := r.Ingest(t.Context(), request(one)); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"one", "two", "one"}, names(&r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r.Reset()
	if got := r.Spans(); len(got) != 0 {
		t.Errorf("after Reset %+v", got)
	}
}
