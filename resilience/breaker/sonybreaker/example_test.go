package sonybreaker_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/breaker/sonybreaker"
)

// Settings that a service has already keep working; one breaker serves calls of every result type, and its callback may use it.
func ExampleNew() {
	settings := gobreaker.Settings{
		Name:        "mail",
		Timeout:     30 * time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 2 },
	}
	mail, err := sonybreaker.New(settings, breaker.Config{
		OnChange: func(c breaker.Change) { fmt.Println(c.Name, "is", c.To, "after", c.Counts.Failures, "failures") },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	send := func(context.Context) (int, error) { return 0, errors.New("connection refused") }
	for range 3 {
		_, err := breaker.Do(context.Background(), mail, send)
		fmt.Println(errors.Is(err, breaker.ErrOpen), errors.Is(err, gobreaker.ErrOpenState))
	}
	// Output:
	// false false
	// mail is open after 2 failures
	// false false
	// true true
}
