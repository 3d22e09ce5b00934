package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/otlp"
	"github.com/tenon-go/tenon/tracing/sampling"
	"google.golang.org/grpc"
)

// A Collector is a collector that others reach over HTTP and gRPC, on two addresses of this machine.
type Collector struct {
	*collector.Collector

	Kept *collector.Recent // what it keeps

	url, address string // of OTLP/HTTP and of OTLP/gRPC
	clock        *clock
	closers      closers
}

// quiet is how long nothing has to come for a trace to be decided, on the collector's clock.
const quiet = 2 * time.Second

// openCollector starts a collector and its two servers.
func openCollector(ctx context.Context, policies []sampling.Policy) (c *Collector, err error) {
	c = &Collector{Kept: collector.NewRecent(0), clock: &clock{at: time.Now()}}
	c.Collector, err = collector.New(c.Kept, collector.Config{Policies: policies, Quiet: quiet, Now: c.clock.now}) //nolint:contextcheck // it lives longer than ctx
	if err != nil {
		return nil, err
	}
	c.closers.add(c.Collector.Close)
	if err := c.serve(); err != nil {
		return nil, errors.Join(err, c.Close(context.WithoutCancel(ctx)))
	}
	return c, nil
}

func (c *Collector) serve() error {
	handler, err := otlp.NewHandler(c, otlp.HandlerConfig{})
	if err != nil {
		return err
	}
	url, stop, err := serveHTTP(handler)
	if err != nil {
		return err
	}
	c.url = url
	c.closers.add(stop)

	server := grpc.NewServer(grpc.ForceServerCodecV2(otlpgrpc.Codec{}), grpc.MaxRecvMsgSize(64<<20))
	if err := otlpgrpc.Register(server, c, otlpgrpc.Config{}); err != nil {
		return err
	}
	listener, err := listen()
	if err != nil {
		return err
	}
	c.address = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	c.closers.add(func(context.Context) error {
		server.GracefulStop()
		return <-served
	})
	return nil
}

// Close stops the servers, lets the clock go on until every trace has been quiet for long enough, and closes the collector.
// What it says of traces and spans can be asked after that too.
func (c *Collector) Close(ctx context.Context) error {
	err := c.closers.close(ctx, 1)
	c.clock.move(3 * quiet) // also of traces of which spans are missing
	return errors.Join(err, c.wait(ctx), c.closers.close(ctx, 0))
}

// wait waits until all is decided.
func (c *Collector) wait(ctx context.Context) error {
	for {
		open := c.Ledger().Open
		if open == 0 {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d traces are not decided: %w", open, context.Cause(ctx))
		}
	}
}

// A clock stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// listen takes an address of this machine.
func listen() (net.Listener, error) {
	return net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing to wait for
}
