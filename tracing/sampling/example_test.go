package sampling_test

import (
	"fmt"
	"iter"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// request is a trace of one span, as a client sends it.
func request(number byte, took time.Duration, code codes.Code, attributes ...attribute.KeyValue) []byte {
	start := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	return tracing.Encode([]tracing.Span{{
		TraceID: trace.TraceID{number, 15: number}, ID: trace.SpanID{1}, Name: "GET /", Start: start, End: start.Add(took),
		Status: tracing.Status{Code: code}, Attributes: attributes,
	}})
}

func ExampleErrors() {
	jury, err := sampling.NewJury([]sampling.Policy{
		sampling.Errors{},
		sampling.Slow{Over: time.Second},
		sampling.Probability{P: 0.1},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, req := range [][]byte{request(1, time.Millisecond, codes.Error), request(2, 2*time.Second, codes.Unset), request(3, time.Millisecond, codes.Unset)} {
		now := time.Date(2026, 11, 25, 10, 0, 5, 0, time.UTC)
		trace, err := sampling.TraceOf(req, now)
		if err != nil {
			fmt.Println(err)
			return
		}
		d, _ := jury.Decide(trace, now)
		fmt.Printf("%v by %s: %s\n", d.Keep, d.Policy, d.Reason)
	}
	// Output:
	// true by errors: status error
	// true by slow: took 1s or longer
	// false by probability: beyond a share of 0.1
}

func ExamplePerKey() {
	perKey := sampling.PerKey{Keep: 0.01, Keys: []string{"http.route"}, Every: time.Minute}
	if err := perKey.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	decider := perKey.NewDecider()
	start := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	ask := func(route string, after time.Duration) {
		trace, err := sampling.TraceOf(request(1, time.Second, codes.Unset, attribute.String("http.route", route)), start)
		if err != nil {
			fmt.Println(err)
			return
		}
		verdict := decider.Decide(trace, start.Add(after))
		if after > 0 {
			fmt.Printf("%s: a share of %.4f\n", route, verdict.Threshold.Probability())
		}
	}
	for range 9_990 {
		ask("/health", 0)
	}
	for range 10 {
		ask("/refund", 0)
	}
	ask("/health", time.Minute)
	ask("/refund", time.Minute)
	// Output:
	// /health: a share of 0.0079
	// /refund: a share of 1.0000
}

// Canary is an own policy: it keeps what a new version did.
type Canary struct{ Version string }

func (c Canary) Name() string { return "canary" }

func (c Canary) Validate() error {
	if c.Version == "" {
		return fmt.Errorf("canary: Version: want one")
	}
	return nil
}

func (c Canary) NewDecider() sampling.Decider { return c }

func (c Canary) Early(v tracing.View) bool {
	version, ok := v.Attr("version")
	return ok && version.String() == c.Version
}

func (c Canary) Decide(t sampling.Trace, _ time.Time) sampling.Verdict {
	for v := range t.Each {
		if c.Early(v) {
			return sampling.Verdict{Vote: sampling.VoteKeep, Reason: "version " + c.Version}
		}
	}
	return sampling.Verdict{}
}

func ExamplePolicy() {
	jury, err := sampling.NewJury([]sampling.Policy{Canary{Version: "2"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, version := range []string{"1", "2"} {
		trace, err := sampling.TraceOf(request(1, time.Second, codes.Unset, attribute.String("version", version)), time.Time{})
		if err != nil {
			fmt.Println(err)
			return
		}
		d, _ := jury.Decide(trace, time.Time{})
		fmt.Printf("%v: %s\n", d.Keep, d.Reason)
	}
	// Output:
	// false: no-policy
	// true: version 2
}

func ExampleDryRun() {
	var archive iter.Seq2[tracing.Kept, error] = func(yield func(tracing.Kept, error) bool) {
		for i := range byte(200) {
			code := codes.Unset
			if i%50 == 0 {
				code = codes.Error
			}
			if !yield(tracing.Kept{OTLP: request(i+1, time.Second, code)}, nil) {
				return
			}
		}
	}
	report, err := sampling.DryRun([]sampling.Policy{sampling.Slow{Over: 2 * time.Second}, sampling.Filter{Expr: `{ status = unset }`}}, archive)
	fmt.Printf("%.0f %% kept, %d with errors missed, %v\n", 100*report.Share(), report.ErrorsMissed, err)
	for _, p := range report.Policies {
		fmt.Printf("%q keeps %d, drops %d\n", p.Policy, p.Kept, p.Dropped)
	}
	// Output:
	// 98 % kept, 4 with errors missed, <nil>
	// "slow" keeps 0, drops 0
	// "filter" keeps 196, drops 0
	// "" keeps 0, drops 4
}
