package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/otlp"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
)

// collectorLimit is MaxBytes of the collector that a process of this program is, in the environment; its output takes outputRate bytes a second,
// 0 = all.
const (
	collectorLimit = "TENON_BENCH_COLLECTOR_LIMIT"
	outputRate     = "TENON_BENCH_OUTPUT_RATE"
)

// TestMain is a collector's process where the environment says so: what is measured is not in the process of who sends.
func TestMain(m *testing.M) {
	limit := os.Getenv(collectorLimit)
	if limit == "" {
		os.Exit(m.Run())
	}
	log.SetFlags(0)
	if err := serveCollector(limit); err != nil {
		log.Fatal(err)
	}
}

// A sluice is an output that takes so many bytes a second until it is set free, and notes which traces left.
type sluice struct {
	rate int
	free chan struct{}

	turn, mu sync.Mutex
	left     map[trace.TraceID]bool
}

func (o *sluice) Put(_ context.Context, kept []tracing.Kept) error {
	size := 0
	for i := range kept {
		size += len(kept[i].OTLP)
	}
	if o.rate > 0 {
		o.turn.Lock()
		select {
		case <-o.free:
		case <-time.After(time.Duration(size) * time.Second / time.Duration(o.rate)):
		}
		o.turn.Unlock()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range kept {
		o.left[kept[i].ID] = true
	}
	return nil
}

// serveCollector prints the addresses for HTTP and gRPC, and serves until a line comes in; then it sets its output free, closes, and prints which
// traces left.
func serveCollector(limit string) error {
	out := &sluice{free: make(chan struct{}), left: map[trace.TraceID]bool{}}
	cfg := collector.Config{Quiet: held, Policies: []sampling.Policy{sampling.Errors{}, sampling.Slow{Over: 4 * time.Second}, sampling.Probability{P: 0.1}}}
	if _, err := fmt.Sscan(limit, &cfg.MaxBytes); err != nil {
		return err
	}
	out.rate, _ = strconv.Atoi(os.Getenv(outputRate)) // Not set is 0.
	c, err := collector.New(out, cfg)
	if err != nil {
		return err
	}
	handler, err := otlp.NewHandler(c, otlp.HandlerConfig{})
	if err != nil {
		return err
	}
	overGRPC := grpc.NewServer(grpc.ForceServerCodecV2(otlpgrpc.Codec{}))
	if err := otlpgrpc.Register(overGRPC, c, otlpgrpc.Config{}); err != nil {
		return err
	}
	for _, one := range []struct {
		name  string
		serve func(net.Listener) error
	}{
		{"http", (&http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}).Serve},
		{"grpc", overGRPC.Serve},
	} {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		go func() { log.Fatal(one.serve(listener)) }() // It ends with the process.
		fmt.Println(one.name, listener.Addr())
	}
	bufio.NewScanner(os.Stdin).Scan()
	close(out.free)
	if err := c.Close(context.Background()); err != nil {
		return err
	}
	if err := c.Ledger().Check(); err != nil {
		return err
	}
	var answer bytes.Buffer
	for id := range out.left {
		answer.WriteString("left " + id.String() + "\n")
	}
	fmt.Fprintln(&answer, "received", c.Ledger().Received.Spans)
	_, err = answer.WriteTo(os.Stdout)
	return err
}
