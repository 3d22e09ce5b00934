package breaker_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/resilience/breaker"
)

func TestConfigNamesEveryProblem(t *testing.T) {
	_, err := breaker.New(breaker.Config{
		FailureRatio: 1.5, MinCalls: -1, ConsecutiveFailures: -2, Window: -time.Second, Buckets: -3, SlowCall: -time.Second, SlowRatio: 2,
		OpenFor: -time.Second, OpenMax: -time.Minute, OpenGrowth: 0.5, OpenJitter: 1, Probes: -1,
	})
	if !errors.Is(err, breaker.ErrConfig) {
		t.Fatalf("got %v, want ErrConfig", err)
	}
	want := []string{
		"breaker: invalid config: FailureRatio 1.5: want more than 0, up to 1, or negative for none",
		"MinCalls -1: want at least 1, or 0 for 20",
		"ConsecutiveFailures -2: want at least 1, or 0 for none",
		"Buckets -3: want 1 to 1024, or 0 for 10",
		"Window -1s: want more than 0, up to 24h0m0s, or 0 for 10s",
		"SlowCall -1s: want more than 0, or 0 for off",
		"SlowRatio 2: want more than 0, up to 1, or 0 for 0.5",
		"OpenFor -1s: want more than 0, or 0 for 5s",
		"OpenMax -1m0s: want at least OpenFor, -1s",
		"OpenGrowth 0.5: want at least 1, or 0 for 2",
		"OpenJitter 1: want more than 0, less than 1, or negative for none",
		"Probes -1: want at least 1, or 0 for 1",
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfigRefusesWhatMakesNoSense(t *testing.T) {
	for want, cfg := range map[string]breaker.Config{
		"SlowRatio 0.5 without SlowCall":                        {SlowRatio: 0.5},
		"Window 5ms of 10 Buckets: want at least 1ms for each":  {Window: 5 * time.Millisecond},
		"Window 25h0m0s: want more than 0, up to 24h0m0s":       {Window: 25 * time.Hour},
		"Buckets 2000: want 1 to 1024":                          {Buckets: 2000},
		"OpenMax 4s: want at least OpenFor, 5s":                 {OpenMax: 4 * time.Second},
		"FailureRatio NaN: want":                                {FailureRatio: math.NaN()},
		"OpenGrowth +Inf: want":                                 {OpenGrowth: math.Inf(1)},
		"OpenJitter NaN: want":                                  {OpenJitter: math.NaN()},
		"SlowRatio -1: want more than 0, up to 1, or 0 for 0.5": {SlowRatio: -1, SlowCall: time.Second},
	} {
		if _, err := breaker.New(cfg); !errors.Is(err, breaker.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestZeroConfigStandsForThese(t *testing.T) {
	ignore := cmpopts.IgnoreFields(breaker.Config{}, "Now", "Rand")
	want := breaker.Config{
		FailureRatio: 0.5, MinCalls: 20, Window: 10 * time.Second, Buckets: 10,
		OpenFor: 5 * time.Second, OpenMax: time.Minute, OpenGrowth: 2, OpenJitter: 0.1, Probes: 1, ProbeMaxWait: 5 * time.Second,
	}
	if diff := cmp.Diff(want, made(t, breaker.Config{}).Config(), ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want.SlowCall, want.SlowRatio, want.OpenFor, want.OpenMax, want.ProbeMaxWait = time.Second, 0.5, time.Hour, time.Hour, time.Hour
	if diff := cmp.Diff(want, made(t, breaker.Config{SlowCall: time.Second, OpenFor: time.Hour}).Config(), ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOpenTimeDoesNotOverflow(t *testing.T) {
	cfg := breaker.Config{
		MinCalls: 1, OpenFor: math.MaxInt64, OpenGrowth: 1e300, OpenJitter: 0.9, ProbeMaxWait: time.Second, Rand: func() float64 { return 0.99 },
	}
	bubble(t, cfg, func(b box) {
		for range 3 {
			b.calls("F")
			b.in(breaker.Open)
			b.sleep(time.Hour)
			b.in(breaker.Open)
			b.command(breaker.HalfOpen)
		}
	})
}
