//nolint:gosec // Numbers of tests are small.
package integration_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/trace"
)

// Thresholds and randomness decide as the Collector's own do, on a million random pairs.
func TestThresholdsAgreeWithContrib(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const pairs = 1_000_000
	agreed, kept := 0, 0
	for agreed < pairs {
		p := r.Float64()
		for range r.IntN(4) {
			p *= r.Float64()
		}
		theirs, err := sampling.ProbabilityToThreshold(p)
		if err != nil {
			continue // Below what 56 bits can say.
		}
		th := tracing.ThresholdOf(p)
		if uint64(th) != theirs.Unsigned() || th.String() != theirs.TValue() || th.AdjustedCount() != theirs.AdjustedCount() || th.Probability() != theirs.Probability() {
			t.Fatalf("%v: threshold %s, count %v; contrib %s, %v", p, th, th.AdjustedCount(), theirs.TValue(), theirs.AdjustedCount())
		}
		if back, ok := tracing.ParseThreshold(theirs.TValue()); !ok || back != th {
			t.Fatalf("%q reads as %v, %t, want %v", theirs.TValue(), back, ok, th)
		}
		id, state, randomness := randomTrace(r)
		keeps := th.Keeps(tracing.Randomness(id, state))
		if keeps != theirs.ShouldSample(randomness) {
			t.Fatalf("%s with %q at %v is kept: %t; contrib says otherwise", id, state, p, keeps)
		}
		if keeps {
			kept++
		}
		agreed++
	}
	t.Logf("cases th/rv: %d pairs agree, %d of them kept", agreed, kept)
}

// randomTrace returns a trace whose randomness is in its tracestate or its ID.
func randomTrace(r *rand.Rand) (id trace.TraceID, state string, randomness sampling.Randomness) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	if r.IntN(2) == 0 {
		return id, "", sampling.TraceIDToRandomness(pcommon.TraceID(id))
	}
	randomness, err := sampling.UnsignedToRandomness(r.Uint64() >> 8)
	if err != nil {
		panic(err)
	}
	return id, "a=1,ot=x:y;rv:" + randomness.RValue(), randomness
}

// The member of a tracestate is read as contrib reads it, well formed or not.
func TestOTMemberIsReadAsContribReadsIt(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	parts := []string{"th:", "rv:", "c", "8", "0", "ffffffffffffff", "00000000000001", ";", "x:y", ":", "123456789abcde", "123456789abcdef", "g", "-"}
	valid := 0
	for range 100_000 {
		var value strings.Builder
		for range r.IntN(6) + 1 {
			value.WriteString(parts[r.IntN(len(parts))])
		}
		theirs, err := sampling.NewOpenTelemetryTraceState(value.String())
		if err != nil {
			continue // We read what can be read of it.
		}
		valid++
		got, ok := tracing.ThresholdIn("ot=" + value.String())
		want, wantOK := theirs.TValueThreshold()
		if ok != wantOK || ok && uint64(got) != want.Unsigned() {
			t.Fatalf("%q: th %v, %t; contrib %s, %t", value.String(), got, ok, want.TValue(), wantOK)
		}
		id := trace.TraceID{15: 7}
		randomness := uint64(7)
		if rnd, ok := theirs.RValueRandomness(); ok {
			randomness = rnd.Unsigned()
		}
		if got := tracing.Randomness(id, "ot="+value.String()); got != randomness {
			t.Fatalf("%q: randomness %x, want %x", value.String(), got, randomness)
		}
	}
	if valid < 1000 {
		t.Errorf("only %d were well formed: the generator proves little", valid)
	}
}
