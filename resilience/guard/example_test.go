package guard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/sony/gobreaker/v2"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/breaker/sonybreaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

// gateway is a service that fails so many times.
func gateway(failures int) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		if failures--; failures >= 0 {
			return "", resilience.WithVerdict(errors.New("gateway: unavailable"), resilience.Verdict{Kind: resilience.KindTransient, Code: "503"})
		}
		return "receipt 17", nil
	}
}

// All parts around a call to a payment gateway. They are made once and shared by all calls.
func ExampleDo() {
	tokens, errTokens := budget.NewToken(100, 0.1)
	policy, errPolicy := retry.New(retry.Config{Backoff: retry.Exponential{Base: time.Millisecond}, Budget: tokens})
	circuit, errCircuit := breaker.New(breaker.Config{Name: "payments"})
	slots, errSlots := bulkhead.New(64, bulkhead.Config{Queue: 32, MaxWait: 250 * time.Millisecond})
	payments, err := guard.New(guard.Config{Name: "payments", Retry: policy, Breaker: circuit, Semaphore: slots, AttemptTimeout: time.Second})
	if err := errors.Join(errTokens, errPolicy, errCircuit, errSlots, err); err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := guard.Do(context.Background(), payments, gateway(2))
	fmt.Println(receipt, err)
	fmt.Print(payments.Stats())
	// Output:
	// receipt 17 <nil>
	// guard     payments
	// attempts  retries 2, hedges 0, budget 98.1
	// breaker   closed, successes 1, failures 2, excluded 0, in a row 0, late 0
	// bulkhead  in use 0 of 64, waiting 0, accepted 3, rejected 0 (shed 0, waited out 0), left 0
}

// A fallback serves while the breaker is open, at once and without the service.
func ExampleDoOr() {
	circuit, err := breaker.New(breaker.Config{Name: "rates", ConsecutiveFailures: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	rates, err := guard.New(guard.Config{Name: "rates", Breaker: circuit})
	if err != nil {
		fmt.Println(err)
		return
	}
	stale := func(_ context.Context, err error) (string, error) {
		return fmt.Sprintf("yesterday's rate (open: %v)", errors.Is(err, breaker.ErrOpen)), nil
	}
	for range 3 {
		rate, err := guard.DoOr(context.Background(), rates, gateway(9), stale)
		fmt.Println(rate, err)
	}
	// Output:
	// yesterday's rate (open: false) <nil>
	// yesterday's rate (open: false) <nil>
	// yesterday's rate (open: true) <nil>
}

// Guards by name, changed while calls go on: what the breaker has counted stays, and specs that are wrong change nothing.
func ExampleRegistry() {
	registry, err := guard.NewRegistry(guard.RegistryConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	payments := registry.Guard("payments")
	for _, file := range []string{
		`{"payments": {"breaker": {"consecutive_failures": 5}}}`,
		`{"payments": {"breaker": {"consecutive_failures": 3}, "attempt_timeout": "2s"}}`,
		`{"payments": {"breaker": {"probes": "all"}, "attempt_timeout": "2"}}`,
	} {
		specs, err := guard.ParseSpecs(strings.NewReader(file))
		if err == nil {
			_, err = registry.Apply(specs)
		}
		fmt.Println("reload:", err)
		for range 2 {
			_, err = guard.Do(context.Background(), payments, gateway(9))
			fmt.Println("open:", errors.Is(err, breaker.ErrOpen))
		}
	}
	// Output:
	// reload: <nil>
	// open: false
	// open: false
	// reload: <nil>
	// open: false
	// open: true
	// reload: guard: invalid spec: payments.breaker.probes: "all": want an integer
	// payments.attempt_timeout: "2": want a duration such as "250ms"
	// open: true
	// open: true
}

// A file of specs that is looked at again every ten seconds.
func ExampleRegistry_Follow() {
	load := func(context.Context) (map[string]guard.Spec, error) {
		file, err := os.ReadFile("testdata/guards.json")
		if err != nil {
			return nil, err
		}
		return guard.ParseSpecs(bytes.NewReader(file))
	}
	ctx, cancel := context.WithCancel(context.Background())
	registry, err := guard.NewRegistry(guard.RegistryConfig{OnFollow: func(diff guard.Diff, err error) {
		fmt.Println("changed:", diff.Changed, err)
		cancel()
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(registry.Follow(ctx, load, 10*time.Second))
	// Output:
	// changed: [payments search] <nil>
	// guard: follow: context canceled
}

// What a spec means, before traffic finds out.
func ExampleSpec_Explain() {
	specs, err := guard.ParseSpecs(strings.NewReader(`{"payments": {
		"retry":    {"max_attempts": 3, "hint_cap": "1s", "backoff": {"kind": "fixed", "base": "500ms"}},
		"bulkhead": {"limit": 64, "queue": 32, "max_wait": "250ms"},
		"attempt_timeout": "2s"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(specs["payments"].Explain())
	// Output:
	// attempts       3
	// elapsed        9.75s
	// amplification  x3 in a lasting outage
	// warning        retry has no budget: in an outage every call makes 3 attempts
}

// tenant finds whose a call is.
type tenant struct{}

// A share for each tenant: one that floods the service takes what nobody else uses.
func ExampleConfig_tenants() {
	shares, err := bulkhead.NewPartitioned(3, map[string]int{"gold": 2, "*": 1}, bulkhead.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	search, err := guard.New(guard.Config{
		Name:        "search",
		Partitioned: shares,
		Partition: func(ctx context.Context) string {
			name, _ := ctx.Value(tenant{}).(string)
			return name
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.WithValue(context.Background(), tenant{}, "acme")
	result, err := guard.Do(ctx, search, func(context.Context) (string, error) {
		fmt.Print(shares.Stats())
		return "found", nil
	})
	fmt.Println(result, err)
	// Output:
	//   partition  weight  share  in use  waiting  accepted  rejected  left
	//           *       1      1       1        0         1         0     0
	//        gold       2      2       0        0         0         0     0
	//         all              3       1        0         1         0     0
	// found <nil>
}

// The breaker of sony/gobreaker as the engine.
func ExampleConfig_gobreaker() {
	engine, err := sonybreaker.New(gobreaker.Settings{
		Name:        "payments",
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 2 },
	}, breaker.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	payments, err := guard.New(guard.Config{Name: "payments", Breaker: engine})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		_, err = guard.Do(context.Background(), payments, gateway(9))
		fmt.Println(errors.Is(err, breaker.ErrOpen), errors.Is(err, gobreaker.ErrOpenState))
	}
	// Output:
	// false false
	// false false
	// true true
}

// A backoff of cenkalti/backoff v4 that a service has tuned already, as it is: one value for each call.
func ExampleConfig_backoff() {
	policy, err := retry.New(retry.Config{
		MaxAttempts: 5,
		NewBackOff: func() retry.BackOff {
			b := backoff.NewExponentialBackOff()
			b.InitialInterval = time.Millisecond
			return backoff.WithMaxRetries(b, 2)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	payments, err := guard.New(guard.Config{Name: "payments", Retry: policy})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = guard.Do(context.Background(), payments, gateway(9))
	fmt.Println(err)
	// Output: retry: told to stop after 3 attempts: gateway: unavailable
}
