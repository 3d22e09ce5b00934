package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
)

// A breaker around a gateway that is down: after a few failures calls are refused before they leave, and the caller learns for how long.
func ExampleDo() {
	payments, err := breaker.New(breaker.Config{Name: "payments", ConsecutiveFailures: 3, OpenFor: 5 * time.Second, OpenJitter: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	charge := func(context.Context) (string, error) { return "", errors.New("connection refused") }
	for range 4 {
		_, err := breaker.Do(context.Background(), payments, charge)
		if refusal, ok := errors.AsType[*breaker.OpenError](err); ok {
			fmt.Println("not sent; again in", refusal.RetryAfter().Round(time.Second))
			continue
		}
		fmt.Println(err)
	}
	// Output:
	// connection refused
	// connection refused
	// connection refused
	// not sent; again in 5s
}

// An answer that blames the caller speaks for the service, and a request to slow down says nothing of its health.
func ExampleDo_verdicts() {
	search, err := breaker.New(breaker.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, err := range []error{
		nil,
		resilience.Permanent(errors.New("404 no such page")),
		resilience.WithVerdict(errors.New("429 slow down"), resilience.Verdict{Kind: resilience.KindThrottled}),
		errors.New("503 overloaded"),
	} {
		_ = breaker.Run(context.Background(), search, func(context.Context) error { return err }) // it is the error of above
	}
	c := search.Counts()
	fmt.Println(c.Successes, "successes,", c.Failures, "failure,", c.Excluded, "excluded")
	// Output: 2 successes, 1 failure, 1 excluded
}

// An operator takes a service out for maintenance, and has it probed before all calls return.
func ExampleBreaker_Command() {
	stock, err := breaker.New(breaker.Config{Name: "stock", OnChange: func(c breaker.Change) { fmt.Println(c.Name, c.From, "to", c.To) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	ping := func() error {
		return breaker.Run(context.Background(), stock, func(context.Context) error { return nil })
	}
	fmt.Println(stock.Command(breaker.ForcedOpen), ping())
	fmt.Println(stock.Command(breaker.HalfOpen), ping())
	fmt.Println(stock.Command(breaker.HalfOpen))
	// Output:
	// stock closed to forced-open
	// <nil> breaker: stock: forced-open
	// stock forced-open to half-open
	// stock half-open to closed
	// <nil> <nil>
	// breaker: command: closed to half-open: not allowed
}

// Ticket and result can be apart: here the result of a call is known only when its answer has been read.
func ExampleBreaker_Record() {
	feed, err := breaker.New(breaker.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ticket, err := feed.Allow()
	if err != nil {
		fmt.Println(err)
		return
	}
	feed.Record(ticket, breaker.Failure)
	feed.Record(ticket, breaker.Failure) // counts once
	fmt.Println(feed.Counts().Failures, feed.Stats().Late)
	// Output: 1 1
}
