package sampling_test

import (
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// collected is what a collector with these policies hands on of 256 traces, of which every sixteenth has an error, in two parts each.
func collected(policies ...sampling.Policy) (kept []tracing.Kept) {
	jury, err := sampling.NewJury(policies)
	if err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	for i := range 256 {
		span := tracing.Span{TraceID: trace.TraceID{1, 9: byte(i * 167 % 256)}, ID: trace.SpanID{1}, Name: "GET /"} // Byte 9 is the first of the randomness.
		if i%16 == 0 {
			span.Status.Code = codes.Error
		}
		t, err := sampling.TraceOf(tracing.Encode([]tracing.Span{span}), now)
		if err != nil {
			log.Fatal(err)
		}
		if d, _ := jury.Decide(t, now); d.Keep {
			kept = append(kept, tracing.Kept{ID: t.ID, Part: tracing.PartEarly, Decision: d}, tracing.Kept{ID: t.ID, Part: tracing.PartLate, Decision: d})
		}
	}
	return kept
}

// What came is estimated from what was kept: a trace stands for as many as its decision's threshold says, once, however many parts of it leave.
// Who sees spans only, behind a collector with StampThreshold, adds up View.AdjustedCount instead; of spans that nobody stamped it is 1. What was
// counted as biased is in neither sum.
func ExampleJury_totals() {
	traces, failed := 0.0, 0.0
	seen := map[trace.TraceID]bool{}
	for _, k := range collected(sampling.Errors{}, sampling.Probability{P: 0.25}) {
		if seen[k.ID] {
			continue
		}
		seen[k.ID] = true
		weight := k.Decision.Threshold.AdjustedCount()
		traces += weight
		if k.Decision.Policy == "errors" {
			failed += weight
		}
	}
	fmt.Printf("%d traces were kept of about %.0f, of which about %.0f failed\n", len(seen), traces, failed)
	// Output: 76 traces were kept of about 256, of which about 16 failed
}
