package sonybreaker_test

import (
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/breaker/breakertest"
	"github.com/tenon-go/tenon/resilience/breaker/sonybreaker"
)

// like returns a gobreaker that behaves as cfg says.
func like(t *testing.T, cfg breaker.Config) breaker.Engine {
	t.Helper()
	native, err := breaker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg = native.Config() // without zeros that stand for something else
	st := gobreaker.Settings{
		MaxRequests: uint32(cfg.Probes), //nolint:gosec // a small number
		Interval:    cfg.Window, Timeout: cfg.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			calls := int(c.TotalSuccesses + c.TotalFailures)
			return cfg.ConsecutiveFailures > 0 && int(c.ConsecutiveFailures) >= cfg.ConsecutiveFailures ||
				cfg.FailureRatio > 0 && calls >= cfg.MinCalls && float64(c.TotalFailures)/float64(calls) >= cfg.FailureRatio
		},
	}
	if cfg.Buckets > 1 {
		st.BucketPeriod = cfg.Window / time.Duration(cfg.Buckets)
	}
	e, err := sonybreaker.New(st, breaker.Config{Name: cfg.Name, OnChange: cfg.OnChange})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestBothEnginesAgree(t *testing.T) { breakertest.Run(t, like) }
