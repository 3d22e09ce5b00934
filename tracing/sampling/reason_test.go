package sampling_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
)

// A decision says in its own words whether the trace was kept, and by whom, also where a bucket was empty.
func TestReasonsTellKeptFromDropped(t *testing.T) {
	const low, high = 0, 1<<56 - 1
	always := sampling.Always{}
	half := sampling.Share{Policy: always, Fraction: 0.5}
	tests := []struct {
		policy                sampling.Policy
		kept, dropped, barred string
	}{
		{sampling.Probability{P: 0.1}, "a share of 0.1", "beyond a share of 0.1", ""},
		{sampling.PerKey{Keep: 0.1}, "within the share of its key", "beyond the share of its key", ""},
		{
			sampling.Rate{Spans: 1, Burst: 60},
			"within the rate of spans", "beyond its share of the rate of spans", "the bucket of the rate of spans is empty",
		},
		{
			sampling.Bytes{PerSecond: 400, Burst: 60 * 400},
			"within the rate of bytes", "beyond its share of the rate of bytes", "the bucket of the rate of bytes is empty",
		},
		{
			sampling.Composite{PerSecond: 120, Shares: []sampling.Share{half, {Policy: always}}},
			"share 0: always", "beyond share 1: always", "share 0: always: its bucket is empty",
		},
		{
			sampling.And{Of: []sampling.Policy{always, sampling.Rate{Spans: 1, Burst: 60}}},
			"all are kept", "beyond its share of the rate of spans", "the bucket of the rate of spans is empty",
		},
		{
			sampling.First{Of: []sampling.Policy{sampling.Rate{Spans: 1, Burst: 60}}},
			"within the rate of spans", "beyond its share of the rate of spans", "the bucket of the rate of spans is empty",
		},
	}
	for _, test := range tests {
		t.Run(test.policy.Name(), func(t *testing.T) {
			j := jury(t, test.policy)
			ask := func(r uint64, after time.Duration, spans int, keep, wantBiased bool, reason string) {
				t.Helper()
				got, biased := j.Decide(light(r, spans), begin().Add(after))
				if got.Keep != keep || biased != wantBiased || got.Policy != test.policy.Name() || got.Reason != reason {
					t.Errorf("%+v, biased %t: want %t by %s: %s", got, biased, keep, test.policy.Name(), reason)
				}
			}
			ask(high, 0, 60, true, false, test.kept)
			if test.barred != "" {
				ask(high, 0, 60, false, true, test.barred)
			}
			ask(low, 0, 60, false, false, test.dropped)
		})
	}
}

// Drop has one name for all that is dropped, so that its reason says by which policy within.
func TestADropSaysWhatItDrops(t *testing.T) {
	health := sampling.Drop{Policy: sampling.Attr{Label: "health", Key: "probe"}}
	got, _ := jury(t, sampling.Always{}, health).Decide(traceOf(t, span(id(1), 1, 0, with(attribute.Bool("probe", true)))), begin())
	if got.Keep || got.Policy != "drop" || got.Reason != "health: attribute probe" {
		t.Errorf("%+v, want drop by drop, and health in the reason", got)
	}
	_, err := sampling.NewJury([]sampling.Policy{health, sampling.Drop{Policy: sampling.Errors{}}})
	if err == nil || !strings.Contains(err.Error(), `two policies of the name "drop": a Label tells them apart`) {
		t.Errorf("got %v, want a hint at Label", err)
	}
}
