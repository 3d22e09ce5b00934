package retry_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/tenon-go/tenon/resilience/retry"
)

func TestAValueOfCenkaltiBackoffWorksAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, retry.Config{MaxAttempts: 99, NewBackOff: func() retry.BackOff {
			b := backoff.NewExponentialBackOff()
			b.InitialInterval, b.Multiplier, b.RandomizationFactor, b.MaxElapsedTime = time.Second, 2, 0, 10*time.Second
			return b
		}})
		for range 2 { // one value for each call
			begin := time.Now()
			fn, starts := failing(errDown)
			err := retry.Run(t.Context(), p, fn)
			// It waits 1, 2 and 4 s; another 8 would end after its 10.
			if took := time.Since(begin); took != 7*time.Second || len(*starts) != 4 || !errors.Is(err, retry.ErrStopped) || !errors.Is(err, errDown) {
				t.Errorf("%d attempts in %v, then %v", len(*starts), took, err)
			}
		}
	})
}
