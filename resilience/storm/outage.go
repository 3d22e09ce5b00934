package storm

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-go/tenon/resilience/retry"
)

// OutageConfig are the inputs of Outage.
type OutageConfig struct {
	Calls       int          // one after the other; nothing below 1 makes an attempt
	MaxAttempts int          // of a call; 0 = 3, as for a policy
	Budget      retry.Budget // that the calls share, used up by them; nil = none
}

// errDown is how every attempt ends.
var errDown = errors.New("down")

// Outage returns how many attempts the calls make at a service where every attempt fails, without a delay between them. A negative
// MaxAttempts counts as 1.
func Outage(cfg OutageConfig) int {
	limit := cfg.MaxAttempts
	if limit < 0 {
		limit = 1
	}
	p, err := retry.New(retry.Config{
		MaxAttempts: limit, Backoff: retry.Fixed{}, Budget: cfg.Budget, Nested: retry.Off,
		Now: func() time.Time { return time.Time{} }, Rand: func() float64 { return 0 },
	})
	if err != nil {
		panic(err) // no value of the fields above is refused
	}
	attempts := 0
	for range cfg.Calls {
		_ = retry.Run(context.Background(), p, func(context.Context) error { // fails, as it must
			attempts++
			return errDown
		})
	}
	return attempts
}
