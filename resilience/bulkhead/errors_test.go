package bulkhead_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead"
)

func TestErrorTexts(t *testing.T) {
	tests := []struct {
		err  error
		is   error
		want string
	}{
		{&bulkhead.FullError{InUse: 64, Limit: 64, Waiting: 32}, bulkhead.ErrFull, "bulkhead: full: 64 of 64 in use, 32 waiting"},
		{
			&bulkhead.FullError{InUse: 70, Limit: 64, Waited: 250 * time.Millisecond}, bulkhead.ErrFull,
			"bulkhead: full: 70 of 64 in use, 0 waiting (waited 250ms)",
		},
		{
			&bulkhead.FullError{InUse: 1, Limit: 1, Waiting: 2, Waited: time.Second, Shed: true, Partition: "acme"}, bulkhead.ErrFull,
			`bulkhead: full for partition "acme": 1 of 1 in use, 2 waiting (shed after 1s)`,
		},
		{
			&bulkhead.AbandonedError{Ran: time.Second, Cause: context.DeadlineExceeded}, bulkhead.ErrAbandoned,
			"bulkhead: abandoned after 1s: context deadline exceeded",
		},
		{bulkhead.ErrStopped, bulkhead.ErrStopped, "bulkhead: stopped"},
		{&bulkhead.PanicError{Value: errBoom, Stack: []byte("goroutine 7")}, errBoom, "bulkhead: panic in a pool: boom\n\ngoroutine 7"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want || !errors.Is(tt.err, tt.is) {
			t.Errorf("got %q, want %q, which is %v", got, tt.want, tt.is)
		}
	}
	if err := (&bulkhead.PanicError{Value: "boom"}).Unwrap(); err != nil {
		t.Errorf("a value that is no error unwraps to %v", err)
	}
}
