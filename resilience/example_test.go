package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

// An adapter tells what an answer means; policies and breakers act on it.
func ExampleWithVerdict() {
	err := resilience.WithVerdict(errors.New("429 Too Many Requests"), resilience.Verdict{
		Kind: resilience.KindThrottled, Code: "429", After: 2 * time.Second, HasAfter: true, Answered: true,
	})
	v := resilience.Default(context.Background(), fmt.Errorf("charge card: %w", err))
	fmt.Println(v.Kind, v.Code, v.After, v.Retryable(false))
	// Output: throttled 429 2s true
}

// A table of codes overrides what an adapter says, and leaves the rest to it.
func ExampleChain() {
	classify := resilience.Chain(
		resilience.Codes(map[string]resilience.Kind{"409": resilience.KindTransient}),
		resilience.Default,
	)
	ctx := context.Background()
	for _, code := range []string{"409", "404"} {
		err := resilience.WithVerdict(errors.New(code), resilience.Verdict{Kind: resilience.KindPermanent, Code: code, Answered: true})
		fmt.Println(code, classify(ctx, err).Kind)
	}
	// Output:
	// 409 transient
	// 404 permanent
}

// A keyed call is safe to repeat: the other side executes a key at most once.
func ExampleWithKey() {
	ctx := resilience.WithKey(context.Background(), "order-7-charge")
	v := resilience.Default(ctx, context.DeadlineExceeded)
	fmt.Println(v.Kind, v.Retryable(resilience.Key(ctx) != ""))
	// Output: timeout true
}
