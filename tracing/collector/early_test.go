package collector_test

import (
	"fmt"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
)

// TestAPolicyThatPanicsOnASpanKeepsItsTrace has a row for each way to the decision.
func TestAPolicyThatPanicsOnASpanKeepsItsTrace(t *testing.T) {
	const panicked = sampling.Panicked + ": on this one"
	mad := &policyOf{name: "mad", early: func(v tracing.View) bool {
		if v.Status() > 0 {
			panic("on this one")
		}
		return false
	}}
	rare := sampling.Probability{P: 1e-9}
	drop := &policyOf{name: "drop", decide: func(sampling.Trace) sampling.Verdict { return sampling.Verdict{Vote: sampling.VoteDrop, Reason: "so"} }}
	for _, row := range []struct {
		name     string
		policies []sampling.Policy
		late     bool // the span comes after its trace was dropped
		keep     bool
		policy   string
		reason   string
	}{
		{"nobody votes", []sampling.Policy{mad}, false, true, "mad", panicked},
		{"another does not reach its threshold", []sampling.Policy{rare, mad}, false, true, "mad", panicked},
		{"another keeps it as surely", []sampling.Policy{sampling.Always{}, mad}, false, true, "always", ""},
		{"another drops it", []sampling.Policy{mad, drop}, false, false, "drop", "so"},
		{"a late span", []sampling.Policy{mad}, true, true, "mad", panicked},
	} {
		for _, early := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, EarlyKeep %v", row.name, early), func(t *testing.T) {
				d, panics := errorUnder(t, collector.Config{EarlyKeep: early, Policies: row.policies}, row.late)
				if d.Keep != row.keep || d.Policy != row.policy || d.Reason != row.reason && row.reason != "" || panics != 1 {
					t.Errorf("%+v, %d panics", d, panics)
				}
			})
		}
	}
}

// errorUnder returns the decision about a trace with an error, which may come after the decision about the rest, and how many policies panicked.
func errorUnder(t *testing.T, cfg collector.Config, late bool) (tracing.Decision, int64) {
	t.Helper()
	c := start(t, &taker{}, cfg)
	if late {
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	take(t, c, tracing.Encode([]tracing.Span{span(1, 2, failed)}))
	panics := c.Stats().Panics
	finish(t, c)
	decision, _ := c.Explain(id(1))
	return decision, panics
}

// keys are policies that keep what has their attribute, and marked a span that one of them keeps.
func keys(count int) (policies []sampling.Policy) {
	for i := range count {
		policies = append(policies, sampling.Attr{Label: fmt.Sprintf("policy %d", i), Key: fmt.Sprintf("key %d", i)})
	}
	return policies
}

func marked(key int) func(*tracing.Span) {
	return func(s *tracing.Span) {
		s.Attributes = []attribute.KeyValue{attribute.Bool(fmt.Sprintf("key %d", key), true)}
	}
}

// TestManyPoliciesAreNamed has more policies than what is remembered for long can name: records name all, and each keeps its word.
func TestManyPoliciesAreNamed(t *testing.T) {
	const many = 70
	c := start(t, &taker{}, collector.Config{EarlyKeep: true, Policies: keys(many)})
	take(t, c, tracing.Encode([]tracing.Span{span(200, 1)}))
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range many {
		take(t, c, tracing.Encode([]tracing.Span{span(byte(i), 1, marked(i))}))
	}
	take(t, c, tracing.Encode([]tracing.Span{span(200, 2, marked(many-1))}))
	if d, _ := c.Explain(id(200)); d.Policy != fmt.Sprintf("policy %d", many-1) {
		t.Errorf("revived: %+v", d)
	}
	own := &policyOf{name: "own", early: func(v tracing.View) bool { return v.Status() > 0 }}
	if err := c.SetPolicies([]sampling.Policy{own}); err != nil {
		t.Fatal(err)
	}
	take(t, c, tracing.Encode([]tracing.Span{span(201, 1, failed)}))
	if d, _ := c.Explain(id(201)); !d.Keep || d.Policy != "own" {
		t.Errorf("kept by its word alone: %+v", d)
	}
	finish(t, c)
}
