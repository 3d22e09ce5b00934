package limit_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
	"pgregory.net/rapid"
)

// exact is arithmetic in which each operation rounds by itself to 53 bits, as a float64 does where nothing is fused.
type exact struct{ *big.Float }

func num(x float64) exact { return exact{new(big.Float).SetPrec(53).SetFloat64(x)} }

func (x exact) add(y exact) exact { return exact{new(big.Float).SetPrec(53).Add(x.Float, y.Float)} }
func (x exact) sub(y exact) exact { return exact{new(big.Float).SetPrec(53).Sub(x.Float, y.Float)} }
func (x exact) mul(y exact) exact { return exact{new(big.Float).SetPrec(53).Mul(x.Float, y.Float)} }
func (x exact) quo(y exact) exact { return exact{new(big.Float).SetPrec(53).Quo(x.Float, y.Float)} }
func (x exact) less(y exact) bool { return x.Cmp(y.Float) < 0 }
func (x exact) within(low, high exact) exact {
	if high.less(x) {
		x = high
	}
	if x.less(low) {
		x = low
	}
	return x
}

func (x exact) whole() int { n, _ := x.Int64(); return int(n) }

// samples draws what a service may show.
func samples(t *rapid.T) []limit.Sample {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) limit.Sample {
		return limit.Sample{
			RTT:      time.Duration(rapid.Int64Range(1, 1e12).Draw(t, "rtt")),
			InFlight: rapid.IntRange(0, 400).Draw(t, "in flight"),
			Dropped:  rapid.IntRange(0, 9).Draw(t, "dropped") == 0,
		}
	}), 1, 60).Draw(t, "samples")
}

// Every limit of Gradient2 is that of the formulas in arithmetic that rounds each operation by itself.
func TestGradient2RoundsEachOperation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := limit.Gradient2Config{
			Initial: rapid.IntRange(20, 200).Draw(t, "initial"), Min: rapid.IntRange(0, 20).Draw(t, "min"),
			Smoothing:  rapid.Float64Range(0.01, 1).Draw(t, "smoothing"),
			LongWindow: rapid.IntRange(1, 1000).Draw(t, "window"),
			Tolerance:  rapid.Float64Range(1, 3).Draw(t, "tolerance"),
		}
		g, err := limit.NewGradient2(cfg)
		if err != nil {
			t.Fatal(err)
		}
		one, smoothing, factor := num(1), num(cfg.Smoothing), num(2).quo(num(float64(cfg.LongWindow+1)))
		estimate, long, sum := num(float64(cfg.Initial)), num(0), num(0)
		for i, s := range samples(t) {
			rtt := num(float64(s.RTT))
			if i < 10 {
				sum = sum.add(rtt)
				long = sum.quo(num(float64(i + 1)))
			} else {
				long = long.mul(one.sub(factor)).add(rtt.mul(factor))
			}
			average := long
			if num(2).less(long.quo(rtt)) {
				long = long.mul(num(0.95))
			}
			if !num(float64(s.InFlight)).less(estimate.quo(num(2))) {
				gradient := num(cfg.Tolerance).mul(average).quo(rtt).within(num(0.5), one)
				next := estimate.mul(gradient).add(num(4))
				next = estimate.mul(one.sub(smoothing)).add(next.mul(smoothing))
				estimate = next.within(num(float64(cfg.Min)), num(200))
			}
			if got := g.Update(s); got != estimate.whole() {
				t.Fatalf("sample %d: limit %d, want the integer part of %v", i, got, estimate)
			}
		}
	})
}

// Every limit of Vegas is that of the formulas in arithmetic that rounds each operation by itself.
func TestVegasRoundsEachOperation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := limit.VegasConfig{
			Initial: rapid.IntRange(1, 400).Draw(t, "initial"), Max: 400, Smoothing: rapid.Float64Range(0.01, 1).Draw(t, "smoothing"),
			ProbeMultiplier: 1e6,
		}
		v, err := limit.NewVegas(cfg)
		if err != nil {
			t.Fatal(err)
		}
		one, smoothing, estimate := num(1), num(cfg.Smoothing), num(float64(cfg.Initial))
		noload := time.Duration(0)
		for i, s := range samples(t) {
			if noload == 0 || s.RTT < noload {
				noload = s.RTT
			} else {
				queue := estimate.mul(one.sub(num(float64(noload)).quo(num(float64(s.RTT)))))
				if next, ok := vegas(estimate, queue, s); ok {
					next = next.within(one, num(400))
					estimate = one.sub(smoothing).mul(estimate).add(smoothing.mul(next))
				}
			}
			if got := v.Update(s); got != estimate.whole() {
				t.Fatalf("sample %d: limit %d, want the integer part of %v", i, got, estimate)
			}
		}
	})
}

// vegas returns the next limit by the default functions, if the sample moves it.
func vegas(estimate, queue exact, s limit.Sample) (exact, bool) {
	l := num(float64(max(1, len(big.NewInt(int64(estimate.whole())).String())-1)))
	up := func(x exact, by float64) bool { return !num(by).mul(l).less(x) } // x at most by·l; whole numbers, so its ceiling too
	switch {
	case s.Dropped:
		return estimate.sub(l), true
	case num(float64(2 * s.InFlight)).less(estimate):
		return exact{}, false
	case up(queue, 1):
		return estimate.add(num(6).mul(l)), true
	case up(queue.add(num(1)), 3): // its ceiling is below 3l
		return estimate.add(l), true
	case !up(queue, 6):
		return estimate.sub(l), true
	}
	return exact{}, false
}
