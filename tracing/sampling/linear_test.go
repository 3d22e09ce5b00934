package sampling_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// crowd returns views of n spans of one trace, as a request has them, trace by trace: their resources, of n attributes between them, take
// turns, and so do their scopes.
func crowd(t *testing.T, n, resources, scopes int) []tracing.View {
	t.Helper()
	shared := make([]*tracing.Resource, resources)
	for i := range shared {
		shared[i] = &tracing.Resource{}
		for k := range n / resources {
			shared[i].Attributes = append(shared[i].Attributes, attribute.Int(fmt.Sprint("k", k), k))
		}
		shared[i].Attributes = append(shared[i].Attributes, attribute.String("text", strings.Repeat("x", 2*n/resources)))
	}
	var spans []tracing.Span
	for i := range n {
		s := span(id(1), 1, 0)
		s.ID, s.Resource, s.Scope = trace.SpanID{1, byte(i >> 8), byte(i)}, shared[i*resources/n], &tracing.Scope{Name: fmt.Sprint(i * scopes / n)}
		spans = append(spans, s)
	}
	var views []tracing.View
	if err := tracing.Scan(tracing.Encode(spans), func(v tracing.View, _ tracing.Rejection) { views = append(views, v) }); err != nil {
		t.Fatal(err)
	}
	mixed := make([]tracing.View, 0, n)
	for i := range n / resources {
		for r := range resources {
			mixed = append(mixed, views[r*(n/resources)+i])
		}
	}
	return mixed
}

// Spans name what they have in common once, so a small request can have many spans with a large resource: what looks at all of both would take
// the product of them. The measure is reading the same spans one by one.
func TestPoliciesAreLinearInResources(t *testing.T) {
	const n = 3000
	for _, shape := range []struct{ resources, scopes int }{{1, 1}, {3, 3}, {1, n}} {
		views := crowd(t, n, shape.resources, shape.scopes)
		from := time.Now()
		for _, v := range views {
			v.Each(func(string, attribute.Value) {})
			v.Status()
		}
		once := max(time.Since(from), time.Millisecond)
		for _, p := range []sampling.Policy{
			sampling.Attr{Key: "tenant"},
			sampling.Attr{Key: "text", Match: ".*y"},
			sampling.Filter{Expr: `{ resource.tenant = 1 }`},
			sampling.Filter{Expr: `{ any.text =~ ".*y" }`},
			sampling.Filter{Expr: `{ scope.tenant || service = "y" }`},
		} {
			took := judging(t, p, views)
			for range 2 { // Something else may have had the machine.
				if took > 100*once {
					took = judging(t, p, views)
				}
			}
			if took > 100*once {
				t.Errorf("%+v, %+v: takes %v, reading the spans %v", shape, p, took, once)
			}
		}
	}
}

// judging returns how long a policy, which must not keep, takes for all spans and for their trace.
func judging(t *testing.T, p sampling.Policy, views []tracing.View) time.Duration {
	t.Helper()
	whole := light(1, len(views))
	whole.Each = slices.Values(views)
	d := decider(t, p)
	from := time.Now()
	for _, v := range views {
		if d.Early(v) {
			t.Fatalf("%+v keeps", p)
		}
	}
	if d.Decide(whole, begin()).Vote != sampling.VoteAbstain {
		t.Errorf("%+v keeps", p)
	}
	return time.Since(from)
}
