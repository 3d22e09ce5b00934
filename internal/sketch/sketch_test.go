package sketch_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tenon-go/tenon/internal/sketch"
	"pgregory.net/rapid"
)

// durations of all sizes, among them the ends of buckets.
func durations() *rapid.Generator[time.Duration] {
	return rapid.Custom(func(t *rapid.T) time.Duration {
		power := rapid.IntRange(0, 62).Draw(t, "power")
		return time.Duration(1)<<power + time.Duration(rapid.Int64Range(-1, 1<<power-1).Draw(t, "more"))
	})
}

// quantile returns the exact answer.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
}

func near(got, want time.Duration) bool {
	return math.Abs(float64(got)-float64(want)) <= float64(want)/64
}

func TestQuantileIsWithinABucketOfTheExactOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(durations(), 1, 1000).Draw(t, "durations")
		var s sketch.Sketch
		for _, d := range all {
			s.Add(d)
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.999, 1} {
			if got, want := s.Quantile(q), quantile(all, q); !near(got, want) {
				t.Fatalf("Quantile(%v) = %d, want %d within 1.6 %%", q, got, want)
			}
		}
		if got := s.Count(); got != uint64(len(all)) {
			t.Fatalf("Count = %d of %d", got, len(all))
		}
		d := rapid.SampledFrom(all).Draw(t, "d")
		i, _ := slices.BinarySearch(all, d)
		low, _ := slices.BinarySearch(all, d-d/32)
		if got := int(s.Below(d)); got > i || got < low { //nolint:gosec // At most 1,000.
			t.Fatalf("Below(%d) = %d, of %d that are, %d clearly", d, got, i, low)
		}
	})
}

func TestMergeIsAddingAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b, both sketch.Sketch
		for i, d := range rapid.SliceOfN(durations(), 0, 1000).Draw(t, "durations") {
			both.Add(d)
			if i%3 == 0 {
				a.Add(d)
			} else {
				b.Add(d)
			}
		}
		a.Merge(&b)
		if a.Count() != both.Count() {
			t.Fatalf("Count = %d, want %d", a.Count(), both.Count())
		}
		for q := 0.0; q <= 1; q += 1.0 / 64 {
			if got, want := a.Quantile(q), both.Quantile(q); got != want {
				t.Fatalf("Quantile(%v) = %v, want %v", q, got, want)
			}
		}
	})
}

func TestMergeWithItselfDoubles(t *testing.T) {
	var s sketch.Sketch
	s.Add(1)
	s.Add(time.Hour)
	s.Merge(&s)
	if s.Count() != 4 || s.Below(time.Hour) != 2 {
		t.Errorf("%d, %d of them below an hour", s.Count(), s.Below(time.Hour))
	}
}

func TestHalveKeepsQuantilesOfWhatIsMany(t *testing.T) {
	var s sketch.Sketch
	for range 1000 {
		s.Add(time.Millisecond)
	}
	for range 100 {
		s.Add(time.Second)
	}
	s.Add(time.Hour)
	s.Halve()
	if got := s.Count(); got != 550 {
		t.Errorf("Count = %d, want 550", got)
	}
	if got := s.Quantile(0.5); !near(got, time.Millisecond) {
		t.Errorf("median %v", got)
	}
	if got := s.Quantile(1); !near(got, time.Second) {
		t.Errorf("longest %v: one of an hour was not forgotten", got)
	}
}

func TestEdges(t *testing.T) {
	var s sketch.Sketch
	if got := s.Quantile(0.5); got != 0 {
		t.Errorf("empty: %v", got)
	}
	s.Add(-time.Second)
	s.Add(math.MaxInt64)
	if got := s.Quantile(-1); got != 0 {
		t.Errorf("shortest = %v, want 0", got)
	}
	if got := s.Quantile(2); !near(got, math.MaxInt64) || got < 0 {
		t.Errorf("longest = %d", got)
	}
	for d := range time.Duration(64) {
		var s sketch.Sketch
		s.Add(d)
		if got := s.Quantile(0.5); got != d {
			t.Errorf("%d: got %d, want it exactly", d, got)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	source := rand.New(rand.NewPCG(1, 2))
	for _, test := range []struct {
		name   string
		spread float64 // natural logarithms
	}{{"sparse", 1}, {"dense", 4}} {
		b.Run(test.name, func(b *testing.B) {
			all := make([]time.Duration, 1<<14)
			var s sketch.Sketch
			for i := range all {
				all[i] = time.Duration(1e7 * math.Exp(source.NormFloat64()*test.spread))
				s.Add(all[i])
			}
			i := 0
			for b.Loop() {
				s.Add(all[i%len(all)])
				i++
			}
		})
	}
}
