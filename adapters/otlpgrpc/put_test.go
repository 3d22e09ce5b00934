package otlpgrpc_test

import (
	"errors"
	"testing"

	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What is too large for the server only together is taken in halves; a part that is too large alone fails, and only that.
func TestPutHalvesWhatIsTooLarge(t *testing.T) {
	for name, test := range map[string]struct {
		sizes         []int
		taken, failed int
	}{
		"together": {[]int{10, 10, 10, 10, 10, 10, 10}, 70, 0},
		"alone":    {[]int{10, 100, 10, 10, 10}, 40, 1},
	} {
		s := &sink{}
		c := newClient(t, serve(t, s, otlpgrpc.Config{MaxBody: 2000}), otlpgrpc.ClientConfig{Uncompressed: true, BackOff: once})
		var kept []tracing.Kept
		for _, n := range test.sizes {
			kept = append(kept, tracing.Kept{OTLP: some(n)})
		}
		err := c.Put(t.Context(), kept)
		if (err == nil) != (test.failed == 0) || err != nil && !errors.Is(err, tracing.ErrPermanent) {
			t.Errorf("%s: %v", name, err)
		}
		if len(s.spans) != test.taken || c.Stats().Failed != int64(test.failed) {
			t.Errorf("%s: %d spans were taken, want %d; %+v, want %d given up", name, len(s.spans), test.taken, c.Stats(), test.failed)
		}
	}
}

// A half that may pass later has all come again, though the other failed for good.
func TestPutThatMayPassIsNotPermanent(t *testing.T) {
	tooLarge := status.Error(codes.ResourceExhausted, "too large")
	conn := &answers{errs: []error{tooLarge, tooLarge, status.Error(codes.Unavailable, "later")}}
	c := newClient(t, conn, otlpgrpc.ClientConfig{BackOff: once})
	if err := c.Put(t.Context(), []tracing.Kept{{OTLP: some(1)}, {OTLP: some(1)}}); err == nil || errors.Is(err, tracing.ErrPermanent) {
		t.Errorf("got %v, want an error that is not permanent", err)
	}
}
