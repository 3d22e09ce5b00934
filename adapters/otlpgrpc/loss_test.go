package otlpgrpc_test

import (
	"context"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// A strait is an output that takes 1 MB a second until it is set free.
type strait struct {
	free chan struct{}
	mu   sync.Mutex // held while it takes
	left map[trace.TraceID]bool
}

func (o *strait) Put(_ context.Context, kept []tracing.Kept) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := 0
	for i := range kept {
		size += len(kept[i].OTLP)
		o.left[kept[i].ID] = true
	}
	select {
	case <-o.free:
	case <-time.After(time.Duration(size) * time.Microsecond):
	}
	return nil
}

// TestNoErrorIsLostOverGRPC sends three times what a collector takes, whose output is slow: what failed or was slow, and was acknowledged, leaves, and
// each refusal says when to come back. By default it is a small load for a second; TENON_LOSS_TRACES=15000 is three times 15,000 traces a second for
// 20 s, held in 256 MiB.
func TestNoErrorIsLostOverGRPC(t *testing.T) {
	t.Parallel()
	rate, limit, length, full := 1500, int64(2<<20), time.Second, false
	if text := os.Getenv("TENON_LOSS_TRACES"); text != "" {
		var err error
		if rate, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		limit, length, full = 256<<20, 20*time.Second, true
	}
	traces := 50
	if full {
		traces = 200
	}
	out := &strait{free: make(chan struct{}), left: map[trace.TraceID]bool{}}
	c, err := collector.New(out, collector.Config{
		MaxBytes: limit, Quiet: 5 * time.Second,
		Policies: []sampling.Policy{sampling.Errors{}, sampling.Slow{Over: 4 * time.Second}, sampling.Probability{P: 0.1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := serve(t, c, otlpgrpc.Config{}, grpc.ForceServerCodecV2(otlpgrpc.Codec{}))
	toll := tracingtest.Storm{Rate: 3 * rate, For: length, Traces: traces, Send: func(ctx context.Context, req []byte) error {
		_, err := send(ctx, conn, req)
		return refusal(err)
	}}.Run(t.Context())
	close(out.free)
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	ledger := c.Ledger()
	if err := ledger.Check(); err != nil {
		t.Error(err)
	}
	missed := 0
	for id := range toll.Must {
		if !out.left[id] {
			missed++
		}
	}
	t.Logf("%d traces sent, %d of %d requests refused, %d traces had to leave", toll.Traces, toll.Refused, toll.Requests, len(toll.Must))
	if toll.Failed != nil || missed > 0 || toll.Undelayed > 0 || len(toll.Must) == 0 || ledger.Received.Spans != int64(toll.Spans) || ledger.Loss() > 0 {
		t.Errorf("%d traces missed, %d refusals without a delay, error %v, ledger %+v", missed, toll.Undelayed, toll.Failed, ledger)
	}
	if full && toll.Refused == 0 {
		t.Error("nothing was refused: that is no overload")
	}
}

// refusal returns an error as a refusal, if it says when to come back.
func refusal(err error) error {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return &tracing.OverloadError{RetryAfter: info.GetRetryDelay().AsDuration()}
		}
	}
	return err
}
