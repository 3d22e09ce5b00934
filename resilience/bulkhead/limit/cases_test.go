package limit_test

import (
	"testing"
	"time"

	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
)

// limitCase is a case about limits.
type limitCase struct {
	Algorithm string
	Config    struct {
		Initial    int     `json:"initial_limit"`
		Min        *int    `json:"min_limit"` // absent: 20, as in Netflix' builders
		Max        int     `json:"max_limit"`
		Ratio      float64 `json:"backoff_ratio"`
		Timeout    int64   `json:"timeout_us"`
		Smoothing  float64 `json:"smoothing"`
		Alpha      *int    `json:"alpha"`
		Beta       *int    `json:"beta"`
		Probe      int     `json:"probe_multiplier"`
		Decrease   string  `json:"decrease"`
		Queue      *int    `json:"queue_size"`
		LongWindow int     `json:"long_window"`
		Tolerance  float64 `json:"rtt_tolerance"`
	}
	Samples [][4]int64 // rtt in microseconds, in flight, dropped, the limit after it
	Pairs   [][2]int   // of log10root: argument and value
}

// TestCases feeds the samples of Netflix' own tests, and others with the limits that its classes gave for them.
func TestCases(t *testing.T) {
	ours := func(name string) bool { return name == "limits.json" }
	casetest.RunIf(t, "resilience", ours, func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var in limitCase
		c.Decode(t, &in)
		if in.Algorithm == "log10root" {
			for _, pair := range in.Pairs {
				if got := limit.Log10Root(pair[0]); got != pair[1] {
					t.Errorf("Log10Root(%d) = %d, want %d", pair[0], got, pair[1])
				}
			}
			return true
		}
		alg, ok := in.build(t)
		if !ok {
			return false
		}
		for i, s := range in.Samples {
			sample := limit.Sample{RTT: time.Duration(s[0]) * time.Microsecond, InFlight: int(s[1]), Dropped: s[2] != 0}
			if got := alg.Update(sample); got != int(s[3]) || alg.Limit() != got {
				t.Fatalf("sample %d %+v: limit %d, Limit() %d, want %d", i, sample, got, alg.Limit(), s[3])
			}
		}
		return true
	})
}

// build returns the algorithm that the case is about.
func (c *limitCase) build(t *testing.T) (limit.Algorithm, bool) {
	t.Helper()
	cfg, low := &c.Config, 20
	if cfg.Min != nil {
		low = *cfg.Min
	}
	var alg limit.Algorithm
	var err error
	switch c.Algorithm {
	case "aimd":
		alg, err = limit.NewAIMD(limit.AIMDConfig{
			Initial: cfg.Initial, Min: low, Max: cfg.Max, Ratio: cfg.Ratio, Timeout: time.Duration(cfg.Timeout) * time.Microsecond,
		})
	case "vegas":
		v := limit.VegasConfig{
			Initial: cfg.Initial, Max: cfg.Max, Smoothing: cfg.Smoothing, ProbeMultiplier: cfg.Probe,
			Alpha: constant(cfg.Alpha), Beta: constant(cfg.Beta),
		}
		switch cfg.Decrease {
		case "":
		case "half":
			v.Decrease = func(limit float64) float64 { return limit / 2 }
		default:
			return nil, false
		}
		alg, err = limit.NewVegas(v)
	case "gradient2":
		alg, err = limit.NewGradient2(limit.Gradient2Config{
			Initial: cfg.Initial, Min: low, Max: cfg.Max, Smoothing: cfg.Smoothing, LongWindow: cfg.LongWindow, Tolerance: cfg.Tolerance,
			Queue: constant(cfg.Queue),
		})
	default:
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return alg, true
}

// constant returns the function that always returns *n, nil for nil.
func constant(n *int) func(int) int {
	if n == nil {
		return nil
	}
	return func(int) int { return *n }
}
