package limit_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
)

// must returns an algorithm, or fails.
func must[A limit.Algorithm](t *testing.T) func(A, error) A {
	t.Helper()
	return func(alg A, err error) A {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return alg
	}
}

// step is one sample and the limit that it must lead to.
type step struct {
	limit.Sample
	want int
}

// ms is a sample of a call of so many milliseconds.
func ms(rtt float64, inFlight int) limit.Sample {
	return limit.Sample{RTT: time.Duration(rtt * float64(time.Millisecond)), InFlight: inFlight}
}

// dropped is the sample of a call that was dropped.
func dropped(rtt float64, inFlight int) limit.Sample {
	s := ms(rtt, inFlight)
	s.Dropped = true
	return s
}

func check(t *testing.T, alg limit.Algorithm, steps []step) {
	t.Helper()
	for i, s := range steps {
		if got := alg.Update(s.Sample); got != s.want || alg.Limit() != s.want {
			t.Fatalf("step %d %+v: limit %d, want %d", i, s.Sample, got, s.want)
		}
	}
}

func TestAIMDRules(t *testing.T) {
	cfg := limit.AIMDConfig{Initial: 20, Min: 15, Max: 22, Ratio: 0.9, Timeout: time.Second}
	tests := []struct {
		rule  string
		steps []step
	}{
		{"half in use adds one", []step{{ms(1, 10), 21}}},
		{"less than half in use holds", []step{{ms(1, 9), 20}}},
		{"a drop takes the integer part of the ratio", []step{{dropped(1, 20), 18}, {dropped(1, 20), 16}}},
		{"a call at the timeout is no drop", []step{{ms(1000, 20), 21}}},
		{"a call over the timeout is a drop", []step{{ms(1001, 20), 18}}},
		{"the limit does not leave its bounds", []step{
			{ms(1, 20), 21},
			{ms(1, 20), 22},
			{ms(1, 20), 22},
			{dropped(1, 1), 19},
			{dropped(1, 1), 17},
			{dropped(1, 1), 15},
			{dropped(1, 1), 15},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			check(t, must[*limit.AIMD](t)(limit.NewAIMD(cfg)), tt.steps)
		})
	}
}

func TestVegasRules(t *testing.T) {
	tests := []struct {
		rule  string
		cfg   limit.VegasConfig
		steps []step
	}{
		{
			"the first rtt and each lower one become the best and change nothing",
			limit.VegasConfig{Initial: 10},
			[]step{{ms(10, 10), 10}, {ms(9, 10), 10}, {dropped(8, 10), 10}},
		},
		{"a drop decreases by l", limit.VegasConfig{Initial: 100}, []step{{ms(10, 100), 100}, {dropped(10, 1), 98}}},
		{"less than half in use holds", limit.VegasConfig{Initial: 10}, []step{{ms(10, 1), 10}, {ms(10, 4), 10}, {ms(10, 5), 16}}},
		{"a queue up to l grows by beta, 6l", limit.VegasConfig{Initial: 10}, []step{{ms(10, 10), 10}, {ms(11, 10), 16}}},
		{"a queue under alpha, 3l, grows by l", limit.VegasConfig{Initial: 10}, []step{{ms(10, 10), 10}, {ms(12, 10), 11}}},
		{"a queue from alpha to beta holds", limit.VegasConfig{Initial: 10}, []step{{ms(10, 10), 10}, {ms(14, 10), 10}, {ms(25, 10), 10}}},
		{"a queue over beta decreases by l", limit.VegasConfig{Initial: 10}, []step{{ms(10, 10), 10}, {ms(26, 10), 9}}},
		{
			"the limit stays from 1 to Max",
			limit.VegasConfig{Initial: 2, Max: 4},
			[]step{{ms(10, 2), 2}, {dropped(10, 2), 1}, {dropped(10, 2), 1}, {ms(10, 2), 4}},
		},
		{"smoothing follows in part", limit.VegasConfig{Initial: 10, Smoothing: 0.5}, []step{{ms(10, 10), 10}, {ms(10, 10), 13}, {ms(10, 13), 16}}},
		{"a sample without a time changes nothing", limit.VegasConfig{Initial: 10}, []step{{dropped(0, 10), 10}, {ms(10, 10), 10}, {dropped(0, 10), 10}}},
		{"the functions of the config are asked", limit.VegasConfig{
			Initial:   100,
			Threshold: func(int) int { return 10 },
			Alpha:     func(int) int { return 20 },
			Beta:      func(int) int { return 30 },
			Increase:  func(limit float64) float64 { return 2 * limit },
			Decrease:  func(limit float64) float64 { return limit - 7 },
		}, []step{{ms(90, 100), 100}, {ms(100, 100), 130}, {ms(100, 100), 260}, {ms(200, 260), 253}}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			tt.cfg.ProbeMultiplier = 1e6
			check(t, must[*limit.Vegas](t)(limit.NewVegas(tt.cfg)), tt.steps)
		})
	}
}

// A probe is due after uniform(.5, 1)·multiplier·limit samples, and forgets the best rtt.
func TestVegasProbes(t *testing.T) {
	draws := []float64{0.5, 0} // 0.75·2·10 = 15 samples, then 0.5·2·10 = 10
	v := must[*limit.Vegas](t)(limit.NewVegas(limit.VegasConfig{Initial: 10, ProbeMultiplier: 2, Rand: func() float64 {
		u := draws[0]
		draws = append(draws[1:], 0)
		return u
	}}))
	v.Update(ms(10, 1))
	for i := 2; i <= 15; i++ {
		v.Update(ms(20, 1)) // under half of the limit: nothing moves
	}
	// The probe made 20 ms the best: there is no queue, and the limit grows.
	check(t, v, []step{{ms(20, 10), 16}})
	for i := 2; i <= 15; i++ {
		v.Update(ms(40, 1))
	}
	// 0.5·2·16 = 16 samples: the second probe is not due before this one, which therefore moves nothing but the best rtt.
	check(t, v, []step{{ms(40, 16), 16}, {ms(40, 16), 22}})
}

func TestGradient2Rules(t *testing.T) {
	cfg := limit.Gradient2Config{Initial: 20, Min: 10, Max: 40, Smoothing: 1, Tolerance: 1}
	tests := []struct {
		rule  string
		steps []step
	}{
		{"steady calls grow the limit by the queue", []step{{ms(10, 20), 24}, {ms(10, 24), 28}}},
		{"a drop does not matter", []step{{dropped(10, 20), 24}}},
		{"under half in use holds", []step{{ms(10, 9), 20}, {ms(10, 10), 24}}},
		{"the average moves while the limit holds", []step{{ms(10, 1), 20}, {ms(30, 20), 17}}}, // long (10+30)/2 = 20: 20·20/30+4
		{"a gradient is at least a half", []step{{ms(10, 1), 20}, {ms(1000, 20), 14}}},         // 505/1000
		{"a gradient is at most 1", []step{{ms(30, 1), 20}, {ms(20, 20), 24}}},                 // 25/20
		{"the limit stays between Min and Max", []step{{ms(10, 1), 20}, {ms(1e4, 20), 14}, {ms(1e5, 14), 11}, {ms(1e6, 11), 10}, {ms(1e7, 10), 10}}},
		{"a sample without a time changes nothing", []step{{ms(0, 20), 20}, {ms(10, 20), 24}}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			check(t, must[*limit.Gradient2](t)(limit.NewGradient2(cfg)), tt.steps)
		})
	}
}

func TestZeroConfigs(t *testing.T) {
	algs := []limit.Algorithm{
		must[*limit.AIMD](t)(limit.NewAIMD(limit.AIMDConfig{})),
		must[*limit.Vegas](t)(limit.NewVegas(limit.VegasConfig{})),
		must[*limit.Gradient2](t)(limit.NewGradient2(limit.Gradient2Config{})),
	}
	for _, alg := range algs {
		if got := alg.Limit(); got != 20 {
			t.Errorf("%T: limit %d, want 20", alg, got)
		}
		for range 1000 {
			alg.Update(ms(5, alg.Limit()))
		}
		want := 200
		if _, ok := alg.(*limit.Vegas); ok {
			want = 1000
		}
		if got := alg.Limit(); got != want {
			t.Errorf("%T: limit %d after 1000 good samples, want %d", alg, got, want)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	nan := math.NaN()
	_, aimd := limit.NewAIMD(limit.AIMDConfig{Initial: 5, Min: 10, Max: 1 << 20, Ratio: 1, Timeout: -1})
	_, vegas := limit.NewVegas(limit.VegasConfig{Initial: -1, Max: -1, Smoothing: nan, ProbeMultiplier: -1})
	_, gradient := limit.NewGradient2(limit.Gradient2Config{Initial: 300, Min: -1, Smoothing: 1.5, LongWindow: -1, Tolerance: 0.5})
	_, window := limit.NewWindow(limit.WindowConfig{Span: -1, MinSamples: -1})
	tests := []struct {
		err  error
		want []string
	}{
		{aimd, []string{
			"Max 1048576: want 1 to 1048575", "Initial 5: want Min 10 to Max 1048576",
			"Ratio 1: want a part in (0, 1), or 0 for 0.9", "Timeout -1ns: want more than 0, or 0 for 5s",
		}},
		{vegas, []string{
			"Max -1: want 1 to 1048575", "Initial -1: want Min 1 to Max -1",
			"Smoothing NaN: want a part in (0, 1], or 0 for 1", "ProbeMultiplier -1: want at least 1, or 0 for 30",
		}},
		{gradient, []string{
			"Min -1: want 0 to 1048575", "Initial 300: want Min -1 to Max 200", "Smoothing 1.5: want a part in (0, 1], or 0 for 0.2",
			"LongWindow -1: want at least 1, or 0 for 600", "Tolerance 0.5: want at least 1, or 0 for 1.5",
		}},
		{window, []string{"Span -1ns: want more than 0, or 0 for 1s", "MinSamples -1: want at least 1, or 0 for 10"}},
	}
	for _, tt := range tests {
		if !errors.Is(tt.err, limit.ErrConfig) {
			t.Errorf("%v: want an ErrConfig", tt.err)
			continue
		}
		got := strings.Split(strings.TrimPrefix(tt.err.Error(), "limit: invalid config: "), "\n")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
	}
}

func TestWindow(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w, err := limit.NewWindow(limit.WindowConfig{Span: time.Second, MinSamples: 3})
	if err != nil {
		t.Fatal(err)
	}
	add := func(at time.Duration, s limit.Sample, want *limit.Sample) {
		t.Helper()
		mean, closed := w.Add(s, start.Add(at))
		if closed != (want != nil) {
			t.Fatalf("at %v: closed %v", at, closed)
		}
		if want != nil {
			if diff := cmp.Diff(*want, mean); diff != "" {
				t.Errorf("at %v (-want +got):\n%s", at, diff)
			}
		}
	}
	add(0, ms(10, 3), nil)
	add(time.Second, ms(20, 9), nil) // long enough, but of two calls
	add(3*time.Second, ms(60, 4), &limit.Sample{RTT: 30 * time.Millisecond, InFlight: 9})

	add(3100*time.Millisecond, ms(1, 1), nil)
	add(3200*time.Millisecond, dropped(1, 1), nil)
	add(3999*time.Millisecond, ms(1, 1), nil) // enough calls, but not long enough: the window began when the last one closed
	add(4*time.Second, ms(1, 1), &limit.Sample{RTT: time.Millisecond, InFlight: 1, Dropped: true})

	w.Drop() // a call that nobody timed
	add(5*time.Second, ms(0, 1), nil)
	add(5*time.Second, ms(0, 1), nil)
	add(5*time.Second, ms(0, 1), &limit.Sample{RTT: 1, InFlight: 1, Dropped: true}) // no call takes no time

	add(6*time.Second, ms(2, 1), nil)
	add(6*time.Second, ms(2, 1), nil)
	add(6*time.Second, ms(2, 1), &limit.Sample{RTT: 2 * time.Millisecond, InFlight: 1})
}
