package guard_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

func TestStatsAsText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := made(t, guard.Config{
			Name: "payments",
			Retry: must(retry.New(retry.Config{
				MaxAttempts: 2, Backoff: retry.Fixed{}, Budget: must(budget.NewToken(10, 0.1)), Idempotent: true,
			})),
			Breaker:        foreign{must(breaker.New(breaker.Config{}))},
			Pool:           must(bulkhead.NewPool(3, bulkhead.Config{})),
			AttemptTimeout: time.Second,
		})
		_ = guard.Run(t.Context(), g, func(context.Context) error { time.Sleep(time.Minute); return nil })
		const want = `guard     payments
attempts  retries 1, hedges 0, budget 8
breaker   closed, successes 0, failures 2, excluded 0, in a row 2, late 0
bulkhead  in use 2 of 3, waiting 0, accepted 2, rejected 0 (shed 0, waited out 0), left 0, abandoned 2
`
		same(t, "text", want, g.Stats().String())
		time.Sleep(time.Minute)
	})
	g := made(t, guard.Config{
		Partitioned: must(bulkhead.NewPartitioned(4, map[string]int{"gold": 3, "*": 1}, bulkhead.Config{})),
		Partition:   func(context.Context) string { return "gold" },
	})
	_ = guard.Run(t.Context(), g, fail)
	const want = `guard     
attempts  retries 0, hedges 0
bulkhead  in use 0 of 4, waiting 0, accepted 1, rejected 0 (shed 0, waited out 0), left 0
  *       in use 0 of 1, waiting 0, accepted 0, rejected 0 (shed 0, waited out 0), left 0
  gold    in use 0 of 3, waiting 0, accepted 1, rejected 0 (shed 0, waited out 0), left 0
`
	same(t, "text", want, g.Stats().String())
}
