package budget_test

import (
	"fmt"
	"time"

	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

// outage tells a budget of so many failures, and returns how many retries it allowed.
func outage(b retry.Budget, calls int) (retries int) {
	for range calls {
		if _, ok := b.Charge(retry.Charge{Attempt: 1}); ok {
			retries++
		}
	}
	return retries
}

// Ten tokens: retries end when half of them are gone, until successes have paid them back.
func ExampleNewToken() {
	tokens, err := budget.NewToken(10, 0.1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(outage(tokens, 100), "retries,", tokens.Balance(), "tokens left")
	for range 60 {
		tokens.Settle(1, 0)
	}
	fmt.Println(tokens.Balance(), "tokens after 60 successes")
	// Output:
	// 4 retries, 0 tokens left
	// 6 tokens after 60 successes
}

// A quota sells retries, those of throttled calls at a discount.
func ExampleNewQuota() {
	quota, err := budget.NewQuota(500, budget.QuotaConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(outage(quota, 100), "retries,", quota.Balance(), "tokens left")
	// Output: 35 retries, 10 tokens left
}

// One retry for five calls of the last ten seconds, and one a second beside.
func ExampleNewRatio() {
	ratio, err := budget.NewRatio(10*time.Second, 1, 0.2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(outage(ratio, 100), "retries")
	// Output: 30 retries
}
