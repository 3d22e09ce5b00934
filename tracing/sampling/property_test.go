package sampling_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"pgregory.net/rapid"
)

// mixes are lists of policies of all kinds.
func mixes() map[string][]sampling.Policy {
	errs, slow, half, tenth := sampling.Errors{}, sampling.Slow{Over: 2 * time.Second}, sampling.Probability{P: 0.5}, sampling.Probability{Label: "tenth", P: 0.1}
	large := sampling.Count{Min: 4}
	return map[string][]sampling.Policy{
		"probability":        {tenth},
		"errors and share":   {errs, slow, tenth},
		"two shares":         {half, tenth},
		"share of slow":      {sampling.And{Of: []sampling.Policy{slow, half}}, tenth},
		"first":              {sampling.First{Of: []sampling.Policy{errs, sampling.And{Of: []sampling.Policy{large, tenth}}, half}}},
		"rate":               {errs, sampling.Rate{Spans: 300}},
		"rate of few":        {sampling.And{Of: []sampling.Policy{half, large, sampling.Rate{Spans: 200}}}, tenth},
		"bytes":              {sampling.Bytes{PerSecond: 30_000}, sampling.And{Label: "e", Of: []sampling.Policy{errs, half}}},
		"per key":            {errs, sampling.PerKey{Keep: 0.05, Every: time.Second}},
		"composite":          {sampling.Composite{PerSecond: 500, Shares: []sampling.Share{{errs, 0.2}, {slow, 0.3}, {half, 0.5}}}},
		"composite and rate": {sampling.Rate{Spans: 100}, sampling.Composite{PerSecond: 200, Shares: []sampling.Share{{large, 0.5}, {sampling.Always{}, 0.5}}}},
		"dropping":           {sampling.Drop{Policy: sampling.Count{Max: 1}}, tenth, sampling.Not{Policy: sampling.Slow{Label: "s", Over: time.Second}}},
	}
}

// A sum is what came of one kind of traces.
type sum struct{ came, weight, variance, biased float64 }

func (s *sum) add(d tracing.Decision, biased bool) {
	s.came++
	if biased {
		s.biased++
	}
	if count := d.Threshold.AdjustedCount(); d.Keep {
		s.weight += count
		s.variance += count * (count - 1)
	}
}

// check fails if a weight is off by more than 4 sigma and what the biased ones would weigh, which is what the others do on average.
func check(t *testing.T, sums map[string]*sum) {
	t.Helper()
	for kind, s := range sums {
		mean := 1 + s.variance/max(s.weight, 1)
		if off, most := math.Abs(s.weight-s.came), 4*math.Sqrt(s.variance)+s.biased*mean+1e-6; off > most {
			t.Errorf("%s: %v traces, weight %v: off by %.0f, at most %.0f, %v biased", kind, s.came, s.weight, off, most, s.biased)
		}
		if s.biased > 0.02*s.came {
			t.Errorf("%s: %v of %v are biased", kind, s.biased, s.came)
		}
	}
}

func kindsOf(t sampling.Trace) []string {
	return []string{"all", fmt.Sprint("errors ", t.Errors), fmt.Sprint("spans ", t.Spans), fmt.Sprint("slow ", t.Duration() > 2*time.Second)}
}

// TestWeightsAreRightUnderAnyMix: of each kind of traces the adjusted counts of those kept add up to how many came, but for the biased. The
// variance of one is its adjusted count less 1.
//
// Invariant: tracing 7.
func TestWeightsAreRightUnderAnyMix(t *testing.T) {
	for name, policies := range mixes() {
		t.Run(name, func(t *testing.T) {
			j, source := jury(t, policies...), seeded(uint64(len(name)))
			sums := map[string]*sum{}
			for i := range 60_000 {
				trace := light(randomness(source), 1+source.IntN(6))
				trace.End = trace.Start.Add(time.Duration(source.IntN(2500)) * time.Millisecond)
				trace.Errors = max(source.IntN(20)-18, 0)
				d, biased := j.Decide(trace, begin().Add(time.Duration(i)*time.Millisecond))
				if d.Policy == "drop" { // Those weigh nothing, on purpose.
					continue
				}
				for _, kind := range kindsOf(trace) {
					if sums[kind] == nil {
						sums[kind] = &sum{}
					}
					sums[kind].add(d, biased)
				}
			}
			check(t, sums)
		})
	}
}

func TestTheSameTracesAreDecidedAlike(t *testing.T) {
	for name, policies := range mixes() {
		a, b, source := jury(t, policies...), jury(t, policies...), seeded(23)
		for i := range 5_000 {
			trace := light(randomness(source), 1+source.IntN(6))
			at := begin().Add(time.Duration(i) * time.Millisecond)
			first, _ := a.Decide(trace, at)
			again, _ := b.Decide(trace, at)
			if first != again {
				t.Fatalf("%s: trace %d: %+v, and then %+v", name, i, first, again)
			}
		}
	}
}

func TestErrorsKeepsWhateverOthersSayButDrop(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		policies := []sampling.Policy{sampling.Errors{}}
		for i := range rapid.IntRange(0, 4).Draw(rt, "policies") {
			p := relabel{genPolicy(rt, 2), fmt.Sprint(i)}
			if p.Validate() == nil && !p.Drops() {
				policies = append(policies, p)
			}
		}
		tr := traceOf(t, genTrace(rt)...)
		if d, _ := jury(t, policies...).Decide(tr, begin()); tr.Errors > 0 && (!d.Keep || d.Threshold != 0) {
			rt.Fatalf("%+v", d)
		}
	})
}

func genTrace(t *rapid.T) []tracing.Span {
	r := rapid.Uint64Max(1<<56-1).Draw(t, "R")
	var spans []tracing.Span
	for i := range rapid.IntRange(1, 4).Draw(t, "spans") {
		spans = append(spans, span(id(r), byte(i+1), time.Duration(rapid.IntRange(0, 3).Draw(t, "seconds"))*time.Second,
			func(s *tracing.Span) { s.Status.Code = codes.Code(rapid.Uint32Max(2).Draw(t, "status")) },
			with(attribute.Int("n", rapid.IntRange(0, 3).Draw(t, "n")))))
	}
	return spans
}

// genPolicy returns a policy without a state, so that asking it twice does not matter.
func genPolicy(t *rapid.T, depth int) sampling.Policy {
	kinds := 7
	if depth > 0 {
		kinds = 11
	}
	members := func() []sampling.Policy {
		var all []sampling.Policy
		for range rapid.IntRange(1, 3).Draw(t, "members") {
			all = append(all, genPolicy(t, depth-1))
		}
		return all
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return sampling.Errors{}
	case 1:
		return sampling.Slow{Over: time.Duration(rapid.IntRange(1, 3).Draw(t, "over")) * time.Second}
	case 2:
		return sampling.Attr{Key: "n", Min: new(float64(rapid.IntRange(0, 3).Draw(t, "min"))), Invert: rapid.Bool().Draw(t, "invert")}
	case 3:
		return sampling.Filter{Expr: rapid.SampledFrom([]string{
			`{ span.n > 1 }`, `!{ span.n > 1 }`, `{ status = ok } && { span.n = 0 }`, `{ duration > 1s } || trace.spans < 2`,
		}).Draw(t, "filter")}
	case 4:
		return sampling.Count{Min: rapid.IntRange(1, 4).Draw(t, "count")}
	case 5:
		return sampling.Probability{P: rapid.SampledFrom([]float64{0.1, 0.5, 1}).Draw(t, "P")}
	case 6:
		return sampling.Status{Codes: []codes.Code{codes.Code(rapid.Uint32Max(2).Draw(t, "code"))}}
	case 7:
		return sampling.And{Of: members()}
	case 8:
		return sampling.First{Of: members()}
	case 9:
		return sampling.Not{Policy: genPolicy(t, depth-1)}
	default:
		return sampling.Drop{Policy: genPolicy(t, depth-1)}
	}
}

// means is what the combinations of policies mean, said once more.
func means(p sampling.Policy, tr sampling.Trace) (vote sampling.Vote, threshold tracing.Threshold) {
	keeps := func(p sampling.Policy) bool {
		vote, threshold := means(p, tr)
		return vote == sampling.VoteKeep && threshold.Keeps(tr.R)
	}
	switch p := p.(type) {
	case sampling.And:
		for _, p := range p.Of {
			vote, th := means(p, tr)
			if vote != sampling.VoteKeep {
				return sampling.VoteAbstain, 0
			}
			threshold = max(threshold, th)
		}
		return sampling.VoteKeep, threshold
	case sampling.First:
		for _, p := range p.Of {
			if vote, threshold = means(p, tr); vote != sampling.VoteAbstain {
				return vote, threshold
			}
		}
		return sampling.VoteAbstain, 0
	case sampling.Not:
		if keeps(p.Policy) {
			return sampling.VoteAbstain, 0
		}
		return sampling.VoteKeep, 0
	case sampling.Drop:
		if keeps(p.Policy) {
			return sampling.VoteDrop, 0
		}
		return sampling.VoteAbstain, 0
	}
	v := p.NewDecider().Decide(tr, begin())
	return v.Vote, v.Threshold
}

func TestCombinationsMeanWhatTheySay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, tr := genPolicy(rt, 3), traceOf(t, genTrace(rt)...)
		if p.Validate() != nil {
			rt.Skip("not allowed")
		}
		got := p.NewDecider().Decide(tr, begin())
		vote, threshold := means(p, tr)
		// Behind a member of And that R does not reach, nobody is asked.
		unreached := !threshold.Keeps(tr.R) || vote != sampling.VoteKeep
		kept := got.Vote == sampling.VoteKeep && got.Threshold.Keeps(tr.R)
		if kept != (vote == sampling.VoteKeep && threshold.Keeps(tr.R)) || (got.Vote == sampling.VoteDrop) != (vote == sampling.VoteDrop) || !unreached && got.Threshold != threshold {
			rt.Fatalf("%#v: %+v, want %v by %v, R %x", p, got, vote, threshold, tr.R)
		}
	})
}

func TestWhatIsKeptEarlyIsKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var policies []sampling.Policy
		for i := range rapid.IntRange(1, 4).Draw(rt, "policies") {
			if p := genPolicy(rt, 2); p.Validate() == nil {
				policies = append(policies, relabel{p, fmt.Sprint(i)})
			}
		}
		j, tr := jury(t, policies...), traceOf(t, genTrace(rt)...)
		decision, _ := j.Decide(tr, begin())
		for v := range tr.Each {
			if policy, _ := j.Early(v); policy != "" && (!decision.Keep || decision.Threshold != 0) {
				rt.Fatalf("%s keeps it early, and then: %+v", policy, decision)
			}
		}
	})
}

// relabel gives a policy a name of its own, and says of itself what a foreign one can.
type relabel struct {
	sampling.Policy
	name string
}

func (r relabel) Name() string { return r.name }

func (r relabel) Drops() bool {
	switch p := r.Policy.(type) {
	case sampling.Drop:
		return true
	case sampling.First:
		for _, p := range p.Of {
			if (relabel{p, ""}).Drops() {
				return true
			}
		}
	}
	return false
}
