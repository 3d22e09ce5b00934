package tracing_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/trace"
)

func TestViewsAreTheSpansThatScanFindsFine(t *testing.T) {
	var spans []tracing.Span
	for i := range byte(4) {
		spans = append(spans, tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{i}, Name: string('a' + rune(i))}) // The first has no ID.
	}
	names := func(req []byte) (got []string) {
		for v := range tracing.Views(req) {
			got = append(got, v.Name())
		}
		return got
	}
	req := tracing.Encode(spans)
	seq := tracing.Views(req)
	if diff := cmp.Diff([]string{"b", "c", "d"}, names(req)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if first, again := slices.Collect(seq), slices.Collect(seq); len(first) != 3 || len(again) != 3 {
		t.Errorf("%d spans, then %d, want 3 each time", len(first), len(again))
	}
	for v := range seq {
		if v.Name() != "b" {
			t.Errorf("after a break there is %s", v.Name())
		}
		break
	}
	bad := append(slices.Clone(req), 0xff)
	if diff := cmp.Diff([]string{"b", "c", "d"}, names(bad)); diff != "" {
		t.Errorf("before what is malformed (-want +got):\n%s", diff)
	}
	if got := names(nil); got != nil {
		t.Errorf("of nothing %v", got)
	}
}
