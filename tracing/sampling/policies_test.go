package sampling_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/filter"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
)

//nolint:funlen // A table.
func TestPoliciesKeepByWhatATraceIs(t *testing.T) {
	errs, slow := sampling.Errors{}, sampling.Slow{Over: time.Second}
	attr := func(change func(*sampling.Attr)) sampling.Attr {
		p := sampling.Attr{Key: "http.status"}
		change(&p)
		return p
	}
	plain := []tracing.Span{span(id(9), 1, time.Second), span(id(9), 2, time.Millisecond)}
	bad := []tracing.Span{span(id(9), 1, time.Second), span(id(9), 2, time.Millisecond, failed)}
	coded := func(value any) []tracing.Span {
		kv := attribute.String("http.status", "")
		switch value := value.(type) {
		case string:
			kv.Value = attribute.StringValue(value)
		case int:
			kv.Value = attribute.IntValue(value)
		case float64:
			kv.Value = attribute.Float64Value(value)
		}
		return []tracing.Span{plain[0], span(id(9), 2, 0, with(kv))}
	}
	untold := span(id(9), 2, 0, func(s *tracing.Span) { s.Start = time.Time{} })
	tests := []struct {
		name   string
		policy sampling.Policy
		spans  []tracing.Span
		keeps  bool
		early  bool // by the last span
	}{
		{"always", sampling.Always{}, plain, true, false},
		{"an error", errs, bad, true, true},
		{"no error", errs, plain, false, false},
		{"as slow", slow, plain, true, false},
		{"slow span", slow, []tracing.Span{plain[1], plain[0]}, true, true},
		{"not as slow", sampling.Slow{Over: time.Second + 1}, plain, false, false},
		{"slow together", slow, []tracing.Span{span(id(9), 1, 600*time.Millisecond), span(id(9), 2, 0, func(s *tracing.Span) { s.End = s.End.Add(time.Second) })}, true, true},
		{"not too slow", sampling.Slow{Over: time.Second, Below: 2 * time.Second}, plain, true, false},
		{"too slow", sampling.Slow{Over: time.Millisecond, Below: time.Second}, plain, false, false},
		{"from a start that is not told", sampling.Slow{Over: time.Minute}, []tracing.Span{plain[0], untold}, false, false},
		{"status", sampling.Status{Codes: []codes.Code{codes.Ok, codes.Error}}, bad, true, false},
		{"no such status", sampling.Status{Codes: []codes.Code{codes.Ok}}, bad, false, false},
		{"enough spans", sampling.Count{Min: 2}, plain, true, false},
		{"few spans", sampling.Count{Min: 3}, plain, false, false},
		{"many spans", sampling.Count{Max: 1}, plain, false, false},
		{"flags", sampling.Flags{Mask: 3}, []tracing.Span{span(id(9), 1, 0, func(s *tracing.Span) { s.Flags = 7 })}, true, false},
		{"half of the flags", sampling.Flags{Mask: 3}, []tracing.Span{span(id(9), 1, 0, func(s *tracing.Span) { s.Flags = 1 })}, false, false},
		{"member", sampling.State{Key: "b", In: []string{"2", "3"}}, []tracing.Span{span(id(9), 1, 0, state("a=1, b=3"))}, true, false},
		{"any member", sampling.State{Key: "a"}, []tracing.Span{span(id(9), 1, 0, state("a=1,b=3"))}, true, false},
		{"other member", sampling.State{Key: "b", In: []string{"2"}}, []tracing.Span{span(id(9), 1, 0, state("a=2,b=3"))}, false, false},
		{"attribute is there", attr(func(*sampling.Attr) {}), coded(1), true, true},
		{"attribute is not there", attr(func(*sampling.Attr) {}), plain, false, false},
		{"attribute of the resource", sampling.Attr{Key: "service.name", In: []string{"shop"}}, plain, true, true},
		{"equal", attr(func(p *sampling.Attr) { p.Equals = attribute.IntValue(500) }), coded(500), true, true},
		{"equal but for the type", attr(func(p *sampling.Attr) { p.Equals = attribute.IntValue(500) }), coded(500.0), false, false},
		{"in", attr(func(p *sampling.Attr) { p.In = []string{"a", "b"} }), coded("b"), true, true},
		{"not in", attr(func(p *sampling.Attr) { p.In = []string{"a", "b"} }), coded("c"), false, false},
		{"match", attr(func(p *sampling.Attr) { p.Match = "5..|x" }), coded("5\n3"), true, true},
		{"match in part", attr(func(p *sampling.Attr) { p.Match = "5..|x" }), coded("500x"), false, false},
		{"match of a number", attr(func(p *sampling.Attr) { p.Match = "5.." }), coded(500), false, false},
		{"at the minimum", attr(func(p *sampling.Attr) { p.Min = new(500.0) }), coded(500), true, true},
		{"below the minimum", attr(func(p *sampling.Attr) { p.Min = new(500.0) }), coded(499.5), false, false},
		{"at the maximum", attr(func(p *sampling.Attr) { p.Max = new(0.0) }), coded(0.0), true, true},
		{"text is no number", attr(func(p *sampling.Attr) { p.Max = new(500.0) }), coded("1"), false, false},
		{"inverted", attr(func(p *sampling.Attr) { p.Invert = true }), plain, true, false},
		{"inverted and there", attr(func(p *sampling.Attr) { p.Invert = true }), coded(1), false, false},
		{"filter", sampling.Filter{Expr: `{ status = error }`}, bad, true, true},
		{"filter of the trace", sampling.Filter{Expr: `{} && root.service = "shop" && trace.errors = 1 && trace.duration = 1s`}, bad, true, false},
		{"filter without root", sampling.Filter{Expr: `root.service`}, bad[1:], false, false},
		{"and", sampling.And{Of: []sampling.Policy{errs, slow}}, bad, true, false},
		{"and but one", sampling.And{Of: []sampling.Policy{errs, slow}}, plain, false, false},
		{"not", sampling.Not{Policy: errs}, plain, true, false},
		{"not kept", sampling.Not{Policy: errs}, bad, false, false},
		{"first", sampling.First{Of: []sampling.Policy{errs, slow}}, plain, true, false},
		{"first drops", sampling.First{Of: []sampling.Policy{sampling.Drop{Policy: errs}, slow}}, bad, false, false},
		{"drop", sampling.Drop{Policy: errs}, plain, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, trace := decider(t, test.policy), traceOf(t, test.spans...)
			verdict := d.Decide(trace, begin())
			if got := verdict.Vote == sampling.VoteKeep; got != test.keeps || verdict.Threshold != 0 || verdict.Biased {
				t.Errorf("Decide = %+v, want keep: %v", verdict, test.keeps)
			}
			if test.keeps && verdict.Reason == "" {
				t.Error("no reason")
			}
			var last tracing.View
			for v := range trace.Each {
				last = v
			}
			if got := d.Early(last); got != test.early {
				t.Errorf("Early = %v, want %v", got, test.early)
			}
		})
	}
}

func TestProblemsOfPoliciesAreNamedTogether(t *testing.T) {
	errs := sampling.Errors{}
	none := []string{"attr: Equals, In, Match, Min and Max: no value satisfies those that are set"}
	tests := []struct {
		policy sampling.Policy
		want   []string
	}{
		{sampling.Slow{Label: "s", Over: -1, Below: -1, Quantile: 1}, []string{
			"s: Over -1ns: want 0 or more", "s: Below -1ns: want 0, or more than Over -1ns", "s: Quantile 1: want 0 or more, and less than 1",
		}},
		{sampling.Slow{}, []string{"slow: Over and Quantile: want one of them"}},
		{sampling.Attr{Match: "a)(b", Min: new(2.0), Max: new(1.0)}, []string{
			"attr: Key: want one", "attr: Match: error parsing regexp: unexpected ): `a)(b`", "attr: Min 2, Max 1: no number is within",
		}},
		{sampling.Attr{Key: "k", Equals: attribute.StringValue("y"), In: []string{"z"}}, none},
		{sampling.Attr{Key: "k", Equals: attribute.StringValue("y"), Match: "z"}, none},
		{sampling.Attr{Key: "k", Equals: attribute.IntValue(1), Min: new(2.0)}, none},
		{sampling.Attr{Key: "k", In: []string{"y"}, Match: "z"}, none},
		{sampling.Attr{Key: "k", In: []string{"y"}, Max: new(2.0)}, none},
		{sampling.Attr{Key: "k", Match: ".*", Min: new(2.0), Invert: true}, none},
		{sampling.Filter{Expr: "{"}, []string{"filter: Expr: filter: column 2: expected a field, ! or (, found the end"}},
		{sampling.Status{}, []string{"status: Codes: want one at least"}},
		{sampling.Status{Codes: []codes.Code{7}}, []string{"status: Codes: unknown code 7"}},
		{sampling.State{}, []string{"state: Key: want one"}},
		{sampling.Flags{}, []string{"flags: Mask: want one flag at least"}},
		{sampling.Count{}, []string{"count: Min and Max: want one of them"}},
		{sampling.Count{Min: 3, Max: 2}, []string{"count: Max 2: want 0, or Min 3 or more"}},
		{sampling.Count{Min: -1, Max: 2}, []string{"count: Min -1: want 0 or more"}},
		{sampling.Probability{}, []string{"probability: P 0: want 2^-56 or more, and at most 1"}},
		{sampling.Probability{P: 1e-18}, []string{"probability: P 1e-18: want 2^-56 or more, and at most 1"}}, // It would keep none.
		{sampling.Rate{Burst: -1}, []string{"rate: Spans 0: want more than 0", "rate: Burst -1: want 0 or more"}},
		{sampling.Bytes{}, []string{"bytes: PerSecond 0: want more than 0"}},
		{sampling.PerKey{Keep: 2, Every: -1, Keys: []string{""}}, []string{
			"perkey: Keep 2: want more than 0, and at most 1", "perkey: Every -1ns: want 0 or more", "perkey: Keys: an empty one",
		}},
		{sampling.Composite{Shares: []sampling.Share{{errs, 0.7}, {nil, 0.7}}}, []string{
			"composite: PerSecond 0: want more than 0", "composite: Shares: fractions add up to 1.4: want at most 1", "composite: Shares[1]: no policy",
		}},
		{sampling.Composite{PerSecond: 1}, []string{"composite: Shares: want one policy at least"}},
		{sampling.And{}, []string{"and: Of: want one policy at least"}},
		{sampling.And{Of: []sampling.Policy{sampling.Flags{}, sampling.Not{Policy: sampling.Slow{}}}}, []string{
			"and: flags: Mask: want one flag at least", "and: not: slow: Over and Quantile: want one of them",
		}},
		{sampling.And{Of: []sampling.Policy{sampling.Drop{Policy: errs}}}, []string{"and: Of[0]: a policy that drops never keeps: put Drop around the whole"}},
		{sampling.First{Of: []sampling.Policy{nil}}, []string{"first: Of[0]: no policy"}},
		{sampling.Not{}, []string{"not: Policy: want one"}},
		{sampling.Not{Policy: sampling.And{Of: []sampling.Policy{errs, sampling.Probability{P: 0.1}}}}, []string{
			"not: Policy: and samples, so that what it does not keep would have no weight",
		}},
		{sampling.Drop{Policy: sampling.First{Of: []sampling.Policy{sampling.Drop{Policy: errs}, sampling.Rate{Spans: 1}}}}, []string{
			"drop: Policy: one that drops never keeps", "drop: Policy: first samples, so that what it does not keep would have no weight",
		}},
	}
	for _, test := range tests {
		err := test.policy.Validate()
		if err == nil {
			t.Errorf("%+v: no error", test.policy)
			continue
		}
		if diff := cmp.Diff(test.want, strings.Split(err.Error(), "\n")); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.policy, diff)
		}
		_, err = sampling.NewJury([]sampling.Policy{test.policy})
		if !errors.Is(err, tracing.ErrConfig) || !strings.HasPrefix(err.Error(), "sampling: invalid config: "+test.want[0]) {
			t.Errorf("NewJury: %v", err)
		}
	}
	if _, ok := errors.AsType[*filter.SyntaxError](sampling.Filter{Expr: "{"}.Validate()); !ok {
		t.Error("no *filter.SyntaxError in the error of a Filter")
	}
}

func TestConditionsOfAnAttrMayOverlap(t *testing.T) {
	one, y := attribute.IntValue(1), attribute.StringValue("y")
	for _, p := range []sampling.Attr{
		{Key: "k"},
		{Key: "k", Equals: y, In: []string{"x", "y"}, Match: "[a-z]"},
		{Key: "k", Equals: one, Min: new(1.0), Max: new(1.0)},
		{Key: "k", In: []string{"1", "y"}, Match: "[a-z]"},
		{Key: "k", Equals: attribute.BoolValue(true)},
	} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestNames(t *testing.T) {
	for want, p := range map[string]sampling.Policy{
		"always": sampling.Always{}, "errors": sampling.Errors{}, "slow": sampling.Slow{}, "attr": sampling.Attr{}, "filter": sampling.Filter{},
		"status": sampling.Status{}, "state": sampling.State{}, "flags": sampling.Flags{}, "count": sampling.Count{},
		"probability": sampling.Probability{}, "rate": sampling.Rate{}, "bytes": sampling.Bytes{}, "and": sampling.And{}, "not": sampling.Not{},
		"drop": sampling.Drop{}, "first": sampling.First{}, "composite": sampling.Composite{}, "perkey": sampling.PerKey{},
		"mine": sampling.PerKey{Label: "mine"},
	} {
		if p.Name() != want {
			t.Errorf("%T: %q", p, p.Name())
		}
	}
}

func TestSlowQuantileComparesWithinAnOperation(t *testing.T) {
	d := decider(t, sampling.Slow{Quantile: 0.9, Over: 5 * time.Millisecond})
	ask := func(name string, took time.Duration) sampling.Verdict {
		return d.Decide(traceOf(t, span(id(9), 1, took, named(name))), begin())
	}
	for i := range 100 {
		if v := ask("quick", time.Duration(i+1)*time.Millisecond); (v.Vote == sampling.VoteKeep) != (i >= 4) {
			t.Fatalf("trace %d: %+v, want all kept that are over 5 ms", i, v)
		}
	}
	for ms, keeps := range map[int]bool{50: false, 80: false, 99: true, 200: true} {
		if got := ask("quick", time.Duration(ms)*time.Millisecond).Vote == sampling.VoteKeep; got != keeps {
			t.Errorf("%d ms: kept = %v", ms, got)
		}
	}
	if got := ask("other", 10*time.Millisecond); got.Vote != sampling.VoteKeep {
		t.Errorf("the first of another operation: %+v", got)
	}
	for range 1000 {
		ask("constant", time.Second)
	}
	if got := ask("constant", time.Second); got.Vote == sampling.VoteKeep {
		t.Error("where all take the same time all are slow")
	}
}

func TestSlowQuantileForgets(t *testing.T) {
	d := decider(t, sampling.Slow{Quantile: 0.5})
	trace := light(1, 1)
	for range 100_000 {
		d.Decide(trace, begin())
	}
	trace.End = trace.Start.Add(2 * time.Second)
	for range 60_000 {
		d.Decide(trace, begin())
	}
	if v := d.Decide(trace, begin()); v.Vote == sampling.VoteKeep {
		t.Error("what became the usual is still slow")
	}
}

func TestSlowQuantileSharesOneSketchBeyondItsOperations(t *testing.T) {
	d := decider(t, sampling.Slow{Quantile: 0.5})
	ask := func(i int) bool {
		return d.Decide(traceOf(t, span(id(9), 1, time.Second, named(strconv.Itoa(i)))), begin()).Vote == sampling.VoteKeep
	}
	for i := range 4096 + 100 {
		if !ask(i) {
			t.Fatalf("operation %d is new, and not kept", i)
		}
	}
	if ask(4096 + 100) {
		t.Error("an operation beyond the bound has a sketch of its own")
	}
}
