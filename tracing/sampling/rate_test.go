package sampling_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
	"pgregory.net/rapid"
)

// An answer is what became of a trace.
type answer struct {
	sampling.Verdict
	spans float64
	kept  bool
}

// ask asks about a trace, at a time after the beginning.
func ask(d sampling.Decider, trace sampling.Trace, after time.Duration) answer {
	v := d.Decide(trace, begin().Add(after))
	return answer{v, float64(trace.Spans), v.Vote == sampling.VoteKeep && v.Threshold.Keeps(trace.R)}
}

// sizes adds up the spans of a stream.
type sizes struct{ offered, kept, weight, biased float64 }

func (s *sizes) add(a answer) {
	s.offered += a.spans
	if a.Biased {
		s.biased += a.spans
	}
	if a.kept {
		s.kept += a.spans
		s.weight += a.spans * a.Threshold.AdjustedCount()
	}
}

// stream asks about traces at an even pace, for warm seconds that are left out and for as many seconds more.
func stream(d sampling.Decider, perSecond float64, spans int, warm, seconds float64, seed uint64) (got sizes) {
	source := seeded(seed)
	for i := range int(perSecond * (warm + seconds)) {
		since := float64(i) / perSecond
		a := ask(d, light(randomness(source), spans), time.Duration(since*1e9))
		if since >= warm {
			got.add(a)
		}
	}
	return got
}

func TestRateMeetsItsLimitWithRightWeights(t *testing.T) {
	for _, load := range []float64{0.5, 1.2, 3, 100} {
		t.Run(fmt.Sprintf("load=%v", load), func(t *testing.T) {
			const limit, spans, seconds = 1000.0, 5, 60
			got := stream(decider(t, sampling.Rate{Spans: limit}), limit*load/spans, spans, 5, seconds, 1)
			want := min(load, 1) * limit * seconds
			if got.kept < 0.93*want || got.kept > 1.02*want {
				t.Errorf("kept %v, want about %v", got.kept, want)
			}
			if got.biased > got.offered*0.001 {
				t.Errorf("biased %v of %v", got.biased, got.offered)
			}
			if sigma := 4 * math.Sqrt(got.weight*max(load, 1)*spans); math.Abs(got.weight+got.biased-got.offered) > sigma+0.001*got.offered {
				t.Errorf("weight %v of %v", got.weight, got.offered)
			}
		})
	}
}

func TestNoRateIsExceededBeyondItsBurst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit, burst := rapid.Float64Range(1, 100).Draw(t, "limit"), rapid.Float64Range(1, 100).Draw(t, "burst")
		largest := rapid.IntRange(1, 50).Draw(t, "largest")
		policies := []sampling.Policy{
			sampling.Rate{Spans: limit, Burst: burst},
			sampling.Bytes{PerSecond: 400 * limit, Burst: 400 * burst},
			sampling.And{Of: []sampling.Policy{sampling.Probability{P: 0.5}, sampling.Rate{Spans: limit, Burst: burst}}},
			sampling.Composite{PerSecond: limit, Shares: []sampling.Share{{sampling.Count{Min: 3}, 0.5}, {sampling.Always{}, 0.4}}},
		}
		var deciders []sampling.Decider
		for _, p := range policies {
			deciders = append(deciders, p.NewDecider())
		}
		kept := make([]float64, len(policies))
		source, now := seeded(rapid.Uint64().Draw(t, "seed")), begin()
		for range 500 {
			now = now.Add(time.Duration(source.Int64N(int64(50 * time.Millisecond))))
			trace := light(randomness(source), 1+source.IntN(largest))
			for i, d := range deciders {
				v := d.Decide(trace, now)
				if v.Vote == sampling.VoteKeep && v.Threshold.Keeps(trace.R) {
					kept[i] += float64(trace.Spans)
				}
				bound := now.Sub(begin()).Seconds()*limit + max(burst, limit) + 2*float64(largest) // Each of two shares may go into debt by a trace.
				if kept[i] > bound+1e-6*bound {
					t.Fatalf("%s kept %v spans in %v, at a limit of %v and burst of %v", policies[i].Name(), kept[i], now.Sub(begin()), limit, burst)
				}
			}
		}
	})
}

func TestRateBehindAProbabilityMeetsItsLimit(t *testing.T) {
	const limit, load, seconds = 200.0, 4000.0, 60
	d := decider(t, sampling.And{Of: []sampling.Policy{sampling.Probability{P: 0.1}, sampling.Rate{Spans: limit}}})
	got := stream(d, load, 1, 5, seconds, 3)
	if got.kept < 0.9*limit*seconds || got.kept > 1.05*limit*seconds {
		t.Errorf("kept %v a second, want %v", got.kept/seconds, limit)
	}
	if math.Abs(got.weight-got.offered) > 0.05*got.offered {
		t.Errorf("weight %v of %v", got.weight, got.offered)
	}
}

func TestRateFollowsASurge(t *testing.T) {
	d := decider(t, sampling.Rate{Spans: 100})
	source, kept := seeded(5), 0
	for i := range 40_000 {
		at := time.Duration(i) * 10 * time.Millisecond // 100 a second, for 100 s
		if i > 10_000 {
			at = 100*time.Second + time.Duration(i-10_000)*time.Millisecond // then 1,000
		}
		trace := light(randomness(source), 1)
		v := d.Decide(trace, begin().Add(at))
		if i > 20_000 && v.Vote == sampling.VoteKeep && v.Threshold.Keeps(trace.R) {
			kept++
		}
	}
	if kept < 1700 || kept > 2300 {
		t.Errorf("kept %d in 20 s at 100 a second", kept)
	}
}

func TestALargeTraceNeedsAFullBucketAndLeavesADebt(t *testing.T) {
	d := decider(t, sampling.Rate{Spans: 10})
	ask := func(spans int, after time.Duration) bool {
		v := d.Decide(light(1<<56-1, spans), begin().Add(after))
		return v.Vote == sampling.VoteKeep
	}
	if !ask(50, 0) {
		t.Error("refused by a full bucket")
	}
	if ask(1, 4*time.Second) {
		t.Error("kept before the debt was paid")
	}
	if !ask(1, 4200*time.Millisecond) {
		t.Error("refused after it was")
	}
}

// mixed asks about traces of 1 and of 2 spans, as many a second as it says of each, as stream does.
func mixed(d sampling.Decider, small, big, warm, seconds float64) (came [2]sizes) {
	source, total := seeded(11), small+big
	for i := range int(total * (warm + seconds)) {
		spans := 1
		if source.Float64()*total < big {
			spans = 2
		}
		since := float64(i) / total
		got := ask(d, light(randomness(source), spans), time.Duration(since*1e9))
		if since >= warm {
			came[spans-1].add(got)
		}
	}
	return came
}

func TestCompositeSharesFlowOn(t *testing.T) {
	shares := []sampling.Share{{sampling.Count{Min: 2}, 0.5}, {sampling.Count{Max: 1}, 0.3}, {sampling.Always{Label: "rest"}, 0}}
	tests := []struct {
		name       string
		small, big float64 // traces of 1 and of 2 spans a second
		want       [2]float64
	}{
		{"all fit", 200, 200, [2]float64{200, 400}},
		{"each has its own", 2000, 2000, [2]float64{300, 500}},
		{"what the first leaves flows on", 5000, 100, [2]float64{600, 200}},
		{"of what the second leaves the rest takes", 100, 2000, [2]float64{100, 700}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const seconds = 40
			d := decider(t, sampling.Composite{PerSecond: 1000, Shares: shares})
			came := mixed(d, test.small, test.big, 5, seconds)
			for i, want := range test.want {
				if kept := came[i].kept / seconds; math.Abs(kept-want) > 0.1*want {
					t.Errorf("kept %v spans a second of traces of %d, want %v", kept, i+1, want)
				}
				if math.Abs(came[i].weight-came[i].offered) > 0.05*came[i].offered {
					t.Errorf("traces of %d: weight %v of %v", i+1, came[i].weight, came[i].offered)
				}
			}
		})
	}
}

func TestCompositeKeepsNoMoreThanItsPoliciesDo(t *testing.T) {
	tenth, third := sampling.Probability{P: 0.1}, sampling.Probability{P: 0.3}
	tests := []struct {
		shares []sampling.Share
		want   float64
	}{
		{[]sampling.Share{{tenth, 1}}, 0.1},
		{[]sampling.Share{{tenth, 0.5}, {third, 0.5}}, 0.3},
		{[]sampling.Share{{third, 0.5}, {tenth, 0.5}}, 0.3},
	}
	for _, test := range tests {
		v := decider(t, sampling.Composite{PerSecond: 1e6, Shares: test.shares}).Decide(light(1, 1), begin())
		if v.Vote != sampling.VoteKeep || v.Threshold != tracing.ThresholdOf(test.want) {
			t.Errorf("%v: %+v, want threshold %v", test.shares, v, tracing.ThresholdOf(test.want))
		}
	}
}

func TestCompositeDoesNotChargeAShareWithWhatNeverReachesIt(t *testing.T) {
	const seconds = 40
	d := decider(t, sampling.Composite{PerSecond: 1000, Shares: []sampling.Share{{sampling.Count{Min: 2}, 0.9}, {sampling.Always{}, 0.1}}})
	came := mixed(d, 90, 450, 5, seconds)
	for i, sizes := range came {
		if sizes.kept < 0.99*sizes.offered {
			t.Errorf("traces of %d: kept %v spans of %v, which fit", i+1, sizes.kept, sizes.offered)
		}
	}
}

// together is a policy whose decider is slow until two ask it at once.
type together struct{ votes }

func (p together) NewDecider() sampling.Decider {
	return &pair{votes: p.votes, both: make(chan struct{})}
}

type pair struct {
	votes
	asked atomic.Int32
	both  chan struct{}
}

func (p *pair) Decide(sampling.Trace, time.Time) sampling.Verdict {
	if p.asked.Add(1) == 2 {
		close(p.both)
	}
	select {
	case <-p.both:
		return p.verdict
	case <-time.After(5 * time.Second):
		return sampling.Verdict{}
	}
}

func TestCompositeAsksUnderNoLock(t *testing.T) {
	d := decider(t, sampling.Composite{PerSecond: 10, Shares: []sampling.Share{{together{keep("own", 0)}, 1}}})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if ask(d, light(1, 1), 0).Vote != sampling.VoteKeep {
				t.Error("a slow policy stops all other decisions")
			}
		})
	}
	wg.Wait()
}

func TestPerKeyDividesByTheLogarithm(t *testing.T) {
	const intervals = 8
	counts := map[string]int{"rare": 1, "some": 10, "many": 1000, "most": 9000}
	d := decider(t, sampling.PerKey{Keep: 0.01, Keys: []string{"route"}})
	source := seeded(13)
	shares, came := map[string]float64{}, map[string]*sizes{}
	for route := range counts {
		came[route] = &sizes{}
	}
	for interval := range intervals {
		for route, n := range counts {
			for range n {
				trace := traceOf(t, span(id(randomness(source)), 1, 0, with(attribute.String("route", route))))
				got := ask(d, trace, time.Duration(interval)*10*time.Second)
				if interval > 0 {
					came[route].add(got)
				}
				shares[route] = got.Threshold.Probability()
			}
		}
	}
	budget, logs, kept := 0.0, 0.0, 0.0
	for _, n := range counts {
		budget += 0.01 * float64(n)
		logs += math.Log10(float64(n) + 1)
	}
	for route, n := range counts {
		want := min(max(1, budget*math.Log10(float64(n)+1)/logs)/float64(n), 1)
		if math.Abs(shares[route]-want) > 1e-9 {
			t.Errorf("%s: share %v, want %v", route, shares[route], want)
		}
		kept += came[route].kept
	}
	if got := came["rare"].kept; got != intervals-1 {
		t.Errorf("kept %v of the rare ones", got)
	}
	if want := budget * (intervals - 1); kept > 1.2*want {
		t.Errorf("kept %v of a budget of %v", kept, want)
	}
}

func TestPerKeyBeginsWithKeepAndBoundsASurge(t *testing.T) {
	d := decider(t, sampling.PerKey{Keep: 0.25, Every: time.Second})
	ask := func(name string, after time.Duration) float64 {
		return d.Decide(traceOf(t, span(id(9), 1, 0, named(name))), begin().Add(after)).Threshold.Probability()
	}
	for range 100 {
		if got := ask("a", 0); got != 0.25 {
			t.Fatalf("first interval: share %v", got)
		}
	}
	if got := ask("b", time.Second); got != 1 {
		t.Errorf("a new key: share %v", got)
	}
	for range 8 {
		ask("b", time.Second)
	}
	if got, want := ask("b", time.Second), 25*math.Log10(11)/(math.Log10(101)+math.Log10(11))/10; math.Abs(got-want) > 1e-9 {
		t.Errorf("the tenth of a new key: share %v, want %v", got, want)
	}
	for range 10_000 {
		ask("b", time.Second)
	}
	if got := ask("b", time.Second); got > 0.005 {
		t.Errorf("a key that surges: share %v of more than 10,000", got)
	}
}

func TestPerKeySharesOneTallyBeyondItsKeys(t *testing.T) {
	d := decider(t, sampling.PerKey{Keep: 0.001, Keys: []string{"k"}})
	ask := func(i int, after time.Duration) float64 {
		return d.Decide(traceOf(t, span(id(9), 1, 0, with(attribute.Int("k", i)))), begin().Add(after)).Threshold.Probability()
	}
	for i := range 15_000 {
		ask(i, 0)
	}
	if got := ask(5, 10*time.Second); got != 1 {
		t.Errorf("a key of its own: share %v", got)
	}
	if got := ask(14_000, 10*time.Second); got > 0.1 {
		t.Errorf("one of 5,000 beyond: share %v", got)
	}
	long := traceOf(t, span(id(9), 1, 0, with(attribute.String("k", strings.Repeat("x", 2000)))))
	if got := d.Decide(long, begin().Add(10*time.Second)).Threshold.Probability(); got > 0.1 {
		t.Errorf("a key too long to remember: share %v", got)
	}
	if got := ask(20_000, 10*time.Minute); math.Abs(got-0.001) > 1e-12 {
		t.Errorf("after all was forgotten: share %v, want that of the beginning", got)
	}
}

func TestFloorsWeighInRates(t *testing.T) {
	d := decider(t, sampling.Rate{Spans: 100})
	source, floor := seeded(17), tracing.ThresholdOf(0.1)
	kept, offered, weight := 0.0, 0.0, 0.0
	for i := range 200_000 { // 10,000 a second, of which 1,000 come
		r := randomness(source)
		if !floor.Keeps(r) {
			continue
		}
		trace := light(r, 1)
		trace.Floor = floor
		v := d.Decide(trace, begin().Add(time.Duration(i)*100*time.Microsecond))
		offered += floor.AdjustedCount()
		if v.Vote == sampling.VoteKeep && v.Threshold.Keeps(r) {
			kept++
			weight += max(v.Threshold, floor).AdjustedCount()
		}
	}
	if kept < 1800 || kept > 2300 {
		t.Errorf("kept %v in 20 s at 100 a second", kept)
	}
	if math.Abs(weight-offered) > 0.1*offered {
		t.Errorf("weight %v of %v", weight, offered)
	}
}
