package sampling_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
)

func TestDecideByVotes(t *testing.T) {
	const low, mid, high = tracing.Threshold(1) << 53, tracing.Threshold(1) << 54, tracing.Threshold(1) << 55
	abstain := func(name string, biased bool) votes {
		return votes{name: name, verdict: sampling.Verdict{Biased: biased}}
	}
	drop := votes{name: "drop", drops: true, verdict: sampling.Verdict{Vote: sampling.VoteDrop, Reason: "no use"}}
	tests := []struct {
		name      string
		policies  []sampling.Policy
		floor     tracing.Threshold
		keep      bool
		policy    string
		threshold tracing.Threshold
		biased    bool
	}{
		{"none votes", []sampling.Policy{abstain("a", false)}, 0, false, "", tracing.MaxThreshold, false},
		{"one keeps", []sampling.Policy{abstain("a", false), keep("b", mid)}, 0, true, "b", mid, false},
		{"the smallest threshold", []sampling.Policy{keep("a", mid), keep("b", low), keep("c", low)}, 0, true, "b", low, false},
		{"R does not reach it", []sampling.Policy{keep("a", tracing.MaxThreshold), keep("b", high)}, 0, false, "b", high, false},
		{"drop beats keep", []sampling.Policy{keep("a", 0), drop}, 0, false, "drop", tracing.MaxThreshold, false},
		{"who drops and keeps", []sampling.Policy{keep("a", low), votes{name: "b", drops: true, verdict: keep("", low).verdict}}, 0, true, "a", low, false},
		{"sampled before", []sampling.Policy{keep("a", 0), keep("b", mid)}, low, true, "a", low, false},
		{"all below the floor", []sampling.Policy{keep("a", low), keep("b", 0)}, mid, true, "a", mid, false},
		{"refused by a rate", []sampling.Policy{abstain("a", false), abstain("b", true), abstain("c", true)}, 0, false, "b", tracing.MaxThreshold, true},
		{"refused by a rate, kept by another", []sampling.Policy{abstain("a", true), keep("b", low)}, 0, true, "b", low, false},
		{"no policies", nil, 0, true, "always", 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trace := light(uint64(mid)+1, 3)
			trace.Floor, trace.Missing, trace.Closed = test.floor, 2, tracing.ClosedAge
			got, biased := jury(t, test.policies...).Decide(trace, begin())
			want := tracing.Decision{
				Trace: trace.ID, Keep: test.keep, Policy: test.policy, Threshold: test.threshold, At: begin(), Closed: tracing.ClosedAge, Missing: 2,
				Reason: got.Reason,
			}
			if diff := cmp.Diff(want, got); diff != "" || biased != test.biased {
				t.Errorf("biased %v (-want +got):\n%s", biased, diff)
			}
			if test.policy == "" && got.Reason != sampling.NoPolicy || test.policy == "drop" && got.Reason != "no use" {
				t.Errorf("reason %q", got.Reason)
			}
		})
	}
}

func TestEarlyIsOffWhileAPolicyMayDrop(t *testing.T) {
	var bad tracing.View
	for v := range traceOf(t, span(id(1), 1, 0, failed)).Each {
		bad = v
	}
	errs := sampling.Errors{}
	for _, p := range []sampling.Policy{
		sampling.Drop{Policy: sampling.Slow{Over: 1}}, sampling.First{Of: []sampling.Policy{sampling.Drop{Policy: sampling.Slow{Over: 1}}}}, votes{name: "v", drops: true},
	} {
		if policy, _ := jury(t, errs, p).Early(bad); policy != "" {
			t.Errorf("%T: kept early by %q", p, policy)
		}
	}
	if policy, reason := jury(t, votes{name: "v"}, errs).Early(bad); policy != "errors" || reason == "" {
		t.Errorf("kept early by %q: %q", policy, reason)
	}
}

func TestAPolicyThatPanicsKeepsTheTrace(t *testing.T) {
	j := jury(t, sampling.Probability{P: 1e-9}, votes{name: "mad", panics: true})
	got, _ := j.Decide(light(0, 1), begin())
	if !got.Keep || got.Policy != "mad" || got.Reason != "policy-panic: out of order" {
		t.Errorf("%+v", got)
	}
	if policy, reason := j.Early(tracing.View{}); policy != "mad" || !strings.HasPrefix(reason, sampling.Panicked) {
		t.Errorf("early: %q, %q", policy, reason)
	}
}

func TestRatesDoNotCountWhatIsDropped(t *testing.T) {
	j := jury(t, sampling.Rate{Spans: 1}, sampling.Drop{Policy: sampling.Count{Min: 2}})
	for range 10 {
		j.Decide(light(1<<55, 2), begin())
	}
	if got, _ := j.Decide(light(1<<55, 1), begin()); !got.Keep {
		t.Errorf("%+v: dropped traces used up the rate", got)
	}
}

func TestPoliciesThatDoNotChangeKeepTheirState(t *testing.T) {
	j := jury(t, sampling.Rate{Spans: 10})
	full := light(1<<56-1, 10)
	if got, _ := j.Decide(full, begin()); !got.Keep {
		t.Fatalf("%+v", got)
	}
	same, err := j.With([]sampling.Policy{sampling.Errors{}, sampling.Rate{Spans: 10}})
	if err != nil {
		t.Fatal(err)
	}
	if got, biased := same.Decide(full, begin()); got.Keep || !biased {
		t.Errorf("%+v: the bucket was full again", got)
	}
	other, err := same.With([]sampling.Policy{sampling.Rate{Spans: 11}})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := other.Decide(full, begin()); !got.Keep {
		t.Errorf("%+v: other settings, old state", got)
	}
	if diff := cmp.Diff([]string{"errors", "rate"}, same.Policies()); diff != "" {
		t.Error(diff)
	}
}

func TestJuryRefusesListsAsAWhole(t *testing.T) {
	_, err := sampling.NewJury([]sampling.Policy{sampling.Errors{}, nil, sampling.Errors{}, sampling.Flags{Label: "f"}, votes{}})
	want := strings.Join([]string{
		`sampling: invalid config: policy 1: none`,
		`sampling: invalid config: two policies of the name "errors": a Label tells them apart`,
		`sampling: invalid config: f: Mask: want one flag at least`,
		`sampling: invalid config: policy 4: no name`,
	}, "\n")
	if err == nil || err.Error() != want || !errors.Is(err, tracing.ErrConfig) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestDecidingDoesNotAllocate(t *testing.T) {
	j := jury(t, sampling.Errors{}, sampling.Slow{Over: time.Hour}, sampling.Rate{Spans: 1e9}, sampling.Probability{P: 0.1})
	trace := traceOf(t, span(id(1), 1, time.Second), span(id(1), 2, time.Second))
	if got := testing.AllocsPerRun(100, func() { j.Decide(trace, begin()) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	j := jury(b, sampling.Errors{}, sampling.Slow{Over: 4 * time.Second}, sampling.Probability{P: 0.1})
	trace := traceOf(b, span(id(1), 1, time.Second), span(id(1), 2, time.Second))
	b.ReportAllocs()
	for b.Loop() {
		j.Decide(trace, begin())
	}
}

func TestAJuryIsSafeForConcurrentUse(t *testing.T) {
	j := jury(t, sampling.Slow{Quantile: 0.5}, sampling.Rate{Spans: 100}, sampling.Bytes{PerSecond: 1000}, sampling.PerKey{Keep: 0.1},
		sampling.Composite{PerSecond: 100, Shares: []sampling.Share{{sampling.Filter{Expr: `{ name =~ "GET.*" }`}, 0.5}, {sampling.Always{}, 0.5}}})
	trace := traceOf(t, span(id(1<<55), 1, time.Second))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 500 {
				if d, _ := j.Decide(trace, begin().Add(time.Duration(n*i)*time.Millisecond)); strings.HasPrefix(d.Reason, sampling.Panicked) {
					t.Error(d.Reason)
				}
			}
		})
	}
	wg.Wait()
}
