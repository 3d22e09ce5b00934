package sampling_test

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
)

// archive is a sequence of traces of given numbers of spans, in which every tenth has an error.
func archive(sizes ...int) iter.Seq2[tracing.Kept, error] {
	return func(yield func(tracing.Kept, error) bool) {
		for i, size := range sizes {
			var spans []tracing.Span
			for n := range size {
				s := span(id(uint64(i)<<48), byte(n+1), time.Second)
				if i%10 == 0 {
					failed(&s)
				}
				spans = append(spans, s)
			}
			kept := tracing.Kept{ID: spans[0].TraceID, OTLP: tracing.Encode(spans)}
			kept.Decision.At = begin().Add(time.Duration(i) * time.Second)
			if !yield(kept, nil) {
				return
			}
		}
	}
}

func TestDryRunCountsWhatWouldBeDecided(t *testing.T) {
	sizes := make([]int, 256)
	for i := range sizes {
		sizes[i] = 1 + i%2
	}
	policies := []sampling.Policy{sampling.Probability{P: 0.25}, sampling.And{Of: []sampling.Policy{sampling.Errors{}, sampling.Count{Min: 1, Max: 1}}}}
	got, err := sampling.DryRun(policies, archive(sizes...))
	if err != nil {
		t.Fatal(err)
	}
	// R is the number of the trace, of 256: those from 192 on are in the quarter. All 26 traces with an error are of one span.
	want := sampling.Report{
		Traces: 256, Kept: 64 + 20, Spans: 384, KeptSpans: 96 + 20, Weight: 4*(64-6) + 26,
		Policies: []sampling.PolicyReport{{"probability", 58, 172}, {"and", 26, 0}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Share() != 84.0/256 {
		t.Errorf("Share = %v", got.Share())
	}
}

func TestDryRunNamesWhatIsMissed(t *testing.T) {
	got, err := sampling.DryRun([]sampling.Policy{sampling.Count{Min: 2}, sampling.Rate{Spans: 1}}, archive(1, 1, 2, 2, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := sampling.Report{
		Traces: 5, Kept: 5, Spans: 7, KeptSpans: 7, Weight: 5, Policies: []sampling.PolicyReport{{"count", 2, 0}, {"rate", 3, 0}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("at the pace of the traces a rate keeps them (-want +got):\n%s", diff)
	}
	got, err = sampling.DryRun([]sampling.Policy{sampling.Count{Min: 2}}, archive(1, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	want = sampling.Report{
		Traces: 3, Kept: 1, Spans: 4, KeptSpans: 2, Weight: 1, ErrorsMissed: 1, Policies: []sampling.PolicyReport{{"count", 1, 0}, {"", 0, 2}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDryRunEndsAtTheFirstError(t *testing.T) {
	lost := errors.New("disk gone")
	seq := func(yield func(tracing.Kept, error) bool) {
		archive(1)(yield)
		yield(tracing.Kept{}, lost)
	}
	got, err := sampling.DryRun(nil, seq)
	if !errors.Is(err, lost) || got.Traces != 1 || got.Kept != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = sampling.DryRun(nil, func(yield func(tracing.Kept, error) bool) { yield(tracing.Kept{ID: id(1), OTLP: []byte{0xff}}, nil) })
	if err == nil || !strings.HasPrefix(err.Error(), "sampling: dry run: trace "+id(1).String()+": tracing: request: ") {
		t.Error(err)
	}
	if _, err := sampling.DryRun([]sampling.Policy{nil}, archive(1)); !errors.Is(err, tracing.ErrConfig) {
		t.Error(err)
	}
}

// What a collector kept by a threshold stands for others, also where nobody wrote that into its spans.
func TestDryRunWeighsByTheDecisionsBefore(t *testing.T) {
	half, quarter := tracing.ThresholdOf(0.5), tracing.ThresholdOf(0.25)
	traces := func(yield func(tracing.Kept, error) bool) {
		for i, threshold := range []tracing.Threshold{0, half, quarter} {
			s := span(id(0xff<<48+uint64(i)), 1, time.Second)
			kept := tracing.Kept{ID: s.TraceID, OTLP: tracing.Encode([]tracing.Span{s}), Decision: tracing.Decision{Keep: true, Threshold: threshold}}
			if !yield(kept, nil) {
				return
			}
		}
	}
	for _, test := range []struct {
		policy sampling.Policy
		want   float64
	}{{sampling.Always{}, 1 + 2 + 4}, {sampling.Probability{P: 0.5}, 2 + 2 + 4}} {
		got, err := sampling.DryRun([]sampling.Policy{test.policy}, traces)
		if err != nil || got.Weight != test.want {
			t.Errorf("%s: weight %v, %v, want %v", test.policy.Name(), got.Weight, err, test.want)
		}
	}
	lie := span(id(0), 1, time.Second)
	got, err := sampling.DryRun(nil, func(yield func(tracing.Kept, error) bool) {
		yield(tracing.Kept{ID: lie.TraceID, OTLP: tracing.Encode([]tracing.Span{lie}), Decision: tracing.Decision{Keep: true, Threshold: half}}, nil)
	})
	if err != nil || got.Weight != 1 {
		t.Errorf("a threshold that R does not reach: weight %v, %v, want 1", got.Weight, err)
	}
}

func TestDryRunRefusesPartsOfATrace(t *testing.T) {
	parts := func(yield func(tracing.Kept, error) bool) {
		for n := range byte(2) {
			s := span(id(7), n+1, time.Second)
			if !yield(tracing.Kept{ID: s.TraceID, OTLP: tracing.Encode([]tracing.Span{s})}, nil) {
				return
			}
		}
	}
	got, err := sampling.DryRun(nil, parts)
	if err == nil || !strings.Contains(err.Error(), "trace "+id(7).String()+" comes again") || got.Traces != 1 {
		t.Errorf("%+v, %v: want one trace, and an error that names it", got, err)
	}
	whole := func(yield func(tracing.Kept, error) bool) {
		var all tracing.Kept
		for part, err := range parts {
			if err != nil {
				t.Error(err)
			}
			all.OTLP = append(all.OTLP, part.OTLP...)
		}
		yield(all, nil)
	}
	if got, err := sampling.DryRun(nil, whole); err != nil || got.Traces != 1 || got.Spans != 2 {
		t.Errorf("joined %+v, %v: want one trace of two spans", got, err)
	}
}
