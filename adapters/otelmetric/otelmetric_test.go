package otelmetric_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/adapters/otelmetric"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

var errDown = errors.New("down")

// collector is an SDK with a reader that is asked.
type collector struct {
	reader *sdk.ManualReader
	meter  metric.Meter
}

func newCollector(t *testing.T) collector {
	t.Helper()
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	t.Cleanup(func() {
		if err := provider.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return collector{reader, provider.Meter("test")}
}

// read returns all values as lines of name, attributes and value, sorted.
func (c collector) read(t *testing.T) (lines []string) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := c.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Description == "" {
				t.Errorf("%s has no description", m.Name)
			}
			lines = append(lines, values(t, m)...)
		}
	}
	slices.Sort(lines)
	return lines
}

// values returns the lines of an instrument.
func values(t *testing.T, m metricdata.Metrics) (lines []string) {
	t.Helper()
	line := func(set attribute.Set, value any) {
		var text strings.Builder
		text.WriteString(m.Name + m.Unit)
		for _, kv := range set.ToSlice() {
			fmt.Fprintf(&text, " %s=%s", kv.Key, kv.Value.AsString())
		}
		lines = append(lines, fmt.Sprint(text.String(), " ", value))
	}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		if up := m.Name == "tenon.call.hedges" || m.Name == "tenon.bulkhead.rejected"; data.IsMonotonic != up {
			t.Errorf("%s: monotonic is %v", m.Name, data.IsMonotonic)
		}
		for _, p := range data.DataPoints {
			line(p.Attributes, p.Value)
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			line(p.Attributes, p.Value)
		}
	case metricdata.Histogram[int64]:
		for _, p := range data.DataPoints {
			line(p.Attributes, fmt.Sprintf("%d of %d", p.Count, p.Sum))
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			line(p.Attributes, fmt.Sprintf("%d of %v", p.Count, p.Sum))
		}
	default:
		t.Errorf("%s is a %T", m.Name, data)
	}
	return lines
}

// same fails unless got is want.
func same(t *testing.T, want string, got []string) {
	t.Helper()
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(strings.Join(got, "\n"))); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, strings.Join(got, "\n"))
	}
}

// registry returns a registry with specs.
func registry(t *testing.T, cfg guard.RegistryConfig, specs string) *guard.Registry {
	t.Helper()
	r, err := guard.NewRegistry(cfg)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, r, specs)
	return r
}

func apply(t *testing.T, r *guard.Registry, text string) {
	t.Helper()
	specs, err := guard.ParseSpecs(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(specs); err != nil {
		t.Fatal(err)
	}
}

// register registers all guards of a registry.
func register(t *testing.T, c collector, guards ...*guard.Guard) metric.Registration {
	t.Helper()
	registration, err := otelmetric.Register(c.meter, guards...)
	if err != nil {
		t.Fatal(err)
	}
	return registration
}

func TestRegisteredGuardsShowTheirStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(t)
		r := registry(t, guard.RegistryConfig{}, `{
			"bare": {},
			"payments": {"breaker": {"consecutive_failures": 2}, "bulkhead": {"limit": 1, "queue": 1, "max_wait": "1s"}},
			"search": {"bulkhead": {"limit": 3}}}`)
		registration := register(t, c, r.All()...)
		payments := r.Guard("payments")
		release := make(chan struct{})
		call := func() {
			_ = guard.Run(t.Context(), payments, func(context.Context) error { <-release; return errDown })
		}
		go call()
		synctest.Wait()
		go call() // waits
		synctest.Wait()
		call() // is refused
		want := func(hedges, state, inUse, waiting, full, waitedOut int) string {
			return fmt.Sprintf(`
				tenon.breaker.state name=payments %[2]d
				tenon.bulkhead.in_use{call} name=payments %[3]d
				tenon.bulkhead.in_use{call} name=search 0
				tenon.bulkhead.limit{call} name=payments 1
				tenon.bulkhead.limit{call} name=search 3
				tenon.bulkhead.rejected{call} name=payments outcome=full %[5]d
				tenon.bulkhead.rejected{call} name=payments outcome=shed 0
				tenon.bulkhead.rejected{call} name=payments outcome=waited_out %[6]d
				tenon.bulkhead.rejected{call} name=search outcome=full 0
				tenon.bulkhead.rejected{call} name=search outcome=shed 0
				tenon.bulkhead.rejected{call} name=search outcome=waited_out 0
				tenon.bulkhead.waiting{call} name=payments %[4]d
				tenon.bulkhead.waiting{call} name=search 0
				tenon.call.hedges{hedge} name=bare 0
				tenon.call.hedges{hedge} name=payments %[1]d
				tenon.call.hedges{hedge} name=search 0`, hedges, state, inUse, waiting, full, waitedOut)
		}
		same(t, want(0, 0, 1, 1, 1, 0), c.read(t))
		time.Sleep(time.Second)
		synctest.Wait() // it has waited out
		close(release)
		synctest.Wait()
		call()
		same(t, want(0, 1, 0, 0, 1, 1), c.read(t))
		if s := payments.Stats(); s.Breaker.State != breaker.Open || s.Bulkhead.Rejected != 2 || s.Bulkhead.WaitedOut != 1 {
			t.Errorf("the guard says %v", s)
		}
		apply(t, r, `{"bare": {"bulkhead": {"limit": 9}}}`)
		same(t, `
			tenon.bulkhead.in_use{call} name=bare 0
			tenon.bulkhead.limit{call} name=bare 9
			tenon.bulkhead.rejected{call} name=bare outcome=full 0
			tenon.bulkhead.rejected{call} name=bare outcome=shed 0
			tenon.bulkhead.rejected{call} name=bare outcome=waited_out 0
			tenon.bulkhead.waiting{call} name=bare 0
			tenon.call.hedges{hedge} name=bare 0
			tenon.call.hedges{hedge} name=payments 0
			tenon.call.hedges{hedge} name=search 0`, c.read(t))
		if err := registration.Unregister(); err != nil {
			t.Fatal(err)
		}
		same(t, ``, c.read(t))
	})
}

func TestHedgesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hedger, err := retry.NewHedger(retry.HedgeConfig{Max: 3, Delay: time.Second, Idempotent: true})
		if err != nil {
			t.Fatal(err)
		}
		g, err := guard.New(guard.Config{Name: "search", Hedge: hedger})
		if err != nil {
			t.Fatal(err)
		}
		c := newCollector(t)
		register(t, c, g)
		for range 2 {
			if err := guard.Run(t.Context(), g, func(ctx context.Context) error {
				if resilience.Attempt(ctx) < 3 {
					<-ctx.Done()
				}
				return ctx.Err()
			}); err != nil {
				t.Fatal(err)
			}
		}
		same(t, `tenon.call.hedges{hedge} name=search 4`, c.read(t))
	})
}

func TestHooksRecordCallsThatWereRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCollector(t)
		onRetry, onDone, err := otelmetric.Hooks(c.meter)
		if err != nil {
			t.Fatal(err)
		}
		const spec = `{"retry": {"max_attempts": 3, "backoff": {"kind": "fixed", "base": "500ms"}}}`
		r := registry(t, guard.RegistryConfig{OnRetry: onRetry, OnDone: onDone}, `{"payments": `+spec+`, "search": `+spec+`}`)
		for _, c := range []struct {
			guard string
			fails int
			with  error
		}{
			{"payments", 0, nil},
			{"payments", 1, errDown},
			{"payments", 1, resilience.Permanent(errDown)},
			{"payments", 2, errDown},
			{"payments", 2, errDown},
			{"search", 9, errDown},
		} {
			_ = guard.Run(t.Context(), r.Guard(c.guard), func(context.Context) error {
				if c.fails--; c.fails >= 0 {
					return c.with
				}
				return nil
			})
		}
		policy, err := retry.New(retry.Config{
			MaxAttempts: 2, Backoff: retry.Fixed{}, OnRetry: onRetry.For("alone"), OnDone: onDone.For("alone"),
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = retry.Run(t.Context(), policy, func(context.Context) error { return errDown })
		same(t, `
			tenon.call.retries{retry} name=alone outcome=attempts_used_up 1 of 1
			tenon.call.retries{retry} name=payments outcome=success 3 of 5
			tenon.call.retries{retry} name=search outcome=attempts_used_up 1 of 2
			tenon.call.retry_delays name=alone 1 of 0
			tenon.call.retry_delays name=payments 5 of 2.5
			tenon.call.retry_delays name=search 2 of 1`, c.read(t))
	})
}

//go:noinline
func succeed(context.Context) (int, error) { return 1, nil }

func TestARegisteredGuardAllocatesNothingPerCall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c := newCollector(t)
	onRetry, onDone, err := otelmetric.Hooks(c.meter)
	if err != nil {
		t.Fatal(err)
	}
	r := registry(t, guard.RegistryConfig{OnRetry: onRetry, OnDone: onDone}, `{"payments": {
		"retry": {"budget": {"kind": "token", "tokens": 10, "ratio": 0.1}}, "breaker": {}, "bulkhead": {"limit": 64}}}`)
	register(t, c, r.All()...)
	c.read(t)
	ctx, g, fn := t.Context(), r.Guard("payments"), succeed
	if got := testing.AllocsPerRun(1000, func() {
		if _, err := guard.Do(ctx, g, fn); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	c.read(t)
}

// brokenMeter makes no instruments.
type brokenMeter struct{ metric.Meter }

var errBroken = errors.New("no more instruments")

func (brokenMeter) Int64ObservableGauge(string, ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	return nil, errBroken
}

func (brokenMeter) Int64Histogram(string, ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	return nil, errBroken
}

func TestTheErrorsOfAMeterAreReturned(t *testing.T) {
	meter := brokenMeter{noop.NewMeterProvider().Meter("")}
	if registration, err := otelmetric.Register(meter); !errors.Is(err, errBroken) || registration != nil {
		t.Errorf("got %v, %v", registration, err)
	}
	if onRetry, onDone, err := otelmetric.Hooks(meter); !errors.Is(err, errBroken) || onRetry != nil || onDone != nil {
		t.Error(err)
	}
}
