package otlp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/trace"
)

// A recorder is a sink that remembers which traces came.
type recorder struct {
	mu     sync.Mutex
	traces map[trace.TraceID]int
}

func (r *recorder) Ingest(_ context.Context, req []byte) (tracing.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	err := tracing.Scan(req, func(v tracing.View, _ tracing.Rejection) {
		r.traces[v.TraceID()]++
		n++
	})
	return tracing.Result{Accepted: n}, err
}

// parts returns one part for each size in spans.
func parts(sizes ...int) []tracing.Kept {
	var kept []tracing.Kept
	for i, n := range sizes {
		spans := make([]tracing.Span, n)
		for j := range spans {
			spans[j] = tracing.Span{TraceID: trace.TraceID{byte(i + 1)}, ID: trace.SpanID{byte(j + 1)}, Name: "s"}
		}
		kept = append(kept, tracing.Kept{ID: trace.TraceID{byte(i + 1)}, OTLP: tracing.Encode(spans)})
	}
	return kept
}

// What is too large for the server only together is taken in halves; a part that is too large alone fails, and only that.
func TestPutHalvesWhatIsTooLarge(t *testing.T) {
	for name, test := range map[string]struct {
		sizes  []int
		failed int64
	}{
		"together": {[]int{4, 4, 4, 4, 4, 4, 4}, 0},
		"alone":    {[]int{4, 100, 4, 4, 4}, 1},
	} {
		got := &recorder{traces: map[trace.TraceID]int{}}
		handler, err := otlp.NewHandler(got, otlp.HandlerConfig{MaxBody: 400})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(handler)
		defer server.Close()
		client, err := otlp.NewClient(server.URL, otlp.ClientConfig{HTTP: server.Client(), Uncompressed: true})
		if err != nil {
			t.Fatal(err)
		}
		err = client.Put(t.Context(), parts(test.sizes...))
		if (err == nil) != (test.failed == 0) || err != nil && !errors.Is(err, tracing.ErrPermanent) {
			t.Errorf("%s: %v", name, err)
		}
		for i, n := range test.sizes {
			if came := got.traces[trace.TraceID{byte(i + 1)}]; n < 100 && came != n {
				t.Errorf("%s: %d of %d spans of trace %d came", name, came, n, i+1)
			}
		}
		if stats := client.Stats(); stats.Failed != test.failed {
			t.Errorf("%s: %+v, want %d given up", name, stats, test.failed)
		}
	}
}

// A half that may pass later has all come again, though the other failed for good.
func TestPutThatMayPassIsNotPermanent(t *testing.T) {
	s := &server{answers: []response{{code: http.StatusRequestEntityTooLarge}, {code: http.StatusRequestEntityTooLarge}, {code: http.StatusTooManyRequests}}}
	c := s.client(t, otlp.ClientConfig{BackOff: func() otlp.BackOff { return &steps{} }})
	if err := c.Put(t.Context(), parts(1, 1)); err == nil || errors.Is(err, tracing.ErrPermanent) || !errors.Is(err, tracing.ErrOverload) {
		t.Errorf("got %v, want an overload", err)
	}
}
