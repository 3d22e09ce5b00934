package collector_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
)

// What Ingest does grows with the bytes of a request, not with scopes times the resource that they share.
func TestManyScopesOfALargeResource(t *testing.T) {
	c := start(t, &taker{}, collector.Config{})
	took := func(bytes int) time.Duration {
		r := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("big", strings.Repeat("r", bytes))}}
		spans := make([]tracing.Span, 5000)
		for i := range spans {
			spans[i] = span(1, 1)
			spans[i].Resource, spans[i].Scope = r, &tracing.Scope{Name: fmt.Sprint(i)}
		}
		req := tracing.Encode(spans)
		least := time.Hour
		for range 2 {
			from := time.Now()
			_, _ = c.Ingest(t.Context(), req) // It is refused where the resource is large, as each scope would take a copy of it.
			least = min(least, time.Since(from))
		}
		return least
	}
	if small, large := took(1), took(1<<20); large > 20*small+50*time.Millisecond {
		t.Errorf("with a resource of 1 MiB it takes %v, with one of a byte %v", large, small)
	}
	finish(t, c)
}

// A resource that all traces of a request share is charged once for each shard, as that is what it takes, however traces end meanwhile.
//
// Invariant: tracing 5.
func TestSharedResourceIsChargedOnce(t *testing.T) {
	const most = 16 << 20
	for name, cfg := range map[string]collector.Config{
		"held":    {MaxBytes: most},
		"one":     {MaxBytes: most, Shards: 1},
		"dropped": {MaxBytes: most, MaxTraceSpans: 1, Shards: 1, Policies: []sampling.Policy{sampling.Errors{}}},
	} {
		c := start(t, collector.OutputFunc(func(context.Context, []tracing.Kept) error { return errors.New("down") }), cfg)
		for range 3 { // With repeats, and late ones.
			req := oneResource(0, 512, 20<<10)
			if _, err := c.Ingest(t.Context(), append(req, req...)); err != nil {
				t.Fatalf("%s: a request of %d KiB into 16 MiB: %v", name, len(req)>>10, err)
			}
			if used := c.Stats().Used; used > most || name == "dropped" && used != 0 {
				t.Errorf("%s: used %d", name, used)
			}
		}
		balanced(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = c.Close(ctx) // The output is down.
		if used := c.Stats().Used; used != 0 {
			t.Errorf("%s: after Close %d bytes are used", name, used)
		}
	}
}
