package otlpgrpc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"
)

const defaultTimeout = 10 * time.Second

// A ClientConfig says how requests are sent.
type ClientConfig struct {
	// Metadata is sent with each request, for authentication above all.
	Metadata metadata.MD
	// Uncompressed leaves requests as they are; else they are sent with gzip.
	Uncompressed bool
	// Timeout bounds a single try; 0 = 10 s.
	Timeout time.Duration
	// BackOff makes the waits of one request, where the server does not say when to come back; nil = 1 s, doubled up to 30 s, half of it at
	// random, for about a minute.
	BackOff func() otlp.BackOff
}

// A Client sends requests to an OTLP server over gRPC. It is a tracing.Sink, and an output of a collector. [NewClient] makes it; it is safe for
// concurrent use, and has no goroutine of its own.
type Client struct {
	conn    grpc.ClientConnInterface
	cfg     ClientConfig
	options []grpc.CallOption

	mu    sync.Mutex
	stats otlp.ClientStats
}

// NewClient returns a client that sends over conn, which it does not close. The error Is tracing.ErrConfig and names every problem.
func NewClient(conn grpc.ClientConnInterface, cfg ClientConfig) (*Client, error) {
	var errs []error
	if conn == nil {
		errs = append(errs, fmt.Errorf("otlpgrpc: %w: no connection", tracing.ErrConfig))
	}
	if cfg.Timeout < 0 {
		errs = append(errs, fmt.Errorf("otlpgrpc: %w: Timeout %v: want 0 or more", tracing.ErrConfig, cfg.Timeout))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.BackOff == nil {
		cfg.BackOff = func() otlp.BackOff { return &exponential{next: time.Second} }
	}
	cfg.Metadata = cfg.Metadata.Copy()
	c := &Client{conn: conn, cfg: cfg}
	if !cfg.Uncompressed {
		c.options = append(c.options, grpc.UseCompressor(gzip.Name))
	}
	return c, nil
}

// Stats returns what the client did so far.
func (c *Client) Stats() otlp.ClientStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Ingest sends a request and waits for the answer. Where the status says that it may pass (UNAVAILABLE and those that OTLP names beside it, and
// RESOURCE_EXHAUSTED with RetryInfo) it tries again, by the server's RetryInfo, which counts up to 5 minutes, or BackOff, whichever is later. It
// gives up when BackOff does, with a *tracing.OverloadError if the last answer had a RetryInfo, else with the status, wrapped; or when ctx
// ends, with context.Cause(ctx), wrapped. Other statuses are returned at once, wrapped in an error that Is tracing.ErrPermanent.
//
// A try whose answer was lost may have been taken: the spans are then sent twice.
func (c *Client) Ingest(ctx context.Context, req []byte) (tracing.Result, error) {
	result, err := c.send(ctx, req)
	if err != nil {
		return tracing.Result{}, c.failed(ctx, err)
	}
	return result, nil
}

// send is Ingest, but for the count of requests that were given up.
func (c *Client) send(ctx context.Context, req []byte) (tracing.Result, error) {
	backOff := c.cfg.BackOff()
	var last error // of the tries before
	for {
		result, err := c.try(ctx, req)
		if err == nil {
			return c.taken(result), nil
		}
		if ctx.Err() != nil {
			return tracing.Result{}, c.cutShort(ctx, last, err)
		}
		wait := time.Duration(-1)
		if !errors.Is(err, tracing.ErrPermanent) {
			wait = backOff.NextBackOff()
		}
		if wait < 0 {
			return tracing.Result{}, err
		}
		c.note(err)
		last = err
		if overload, ok := errors.AsType[*tracing.OverloadError](err); ok {
			wait = max(wait, overload.RetryAfter)
		}
		pause(ctx, wait)
	}
}

// pause waits, no longer than ctx lasts.
func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (c *Client) taken(result tracing.Result) tracing.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Requests++
	c.stats.Accepted += int64(result.Accepted)
	c.stats.Rejected += int64(result.Rejected)
	if result.Reason != "" {
		c.stats.LastError = result.Reason
	}
	return result
}

// failed counts a request that was given up, and returns why.
func (c *Client) failed(ctx context.Context, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Failed++
	if ctx.Err() == nil { // Else it was noted.
		c.stats.LastError = err.Error()
	}
	return err
}

// note says why a try failed, though others follow.
func (c *Client) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.LastError = err.Error()
}

// cutShort returns the error of a request whose ctx ended. That the last try ended with it says less than why those before failed.
func (c *Client) cutShort(ctx context.Context, before, last error) error {
	code := status.Code(last)
	cut := code == codes.Canceled || code == codes.DeadlineExceeded
	if cut && before != nil {
		last = before
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !cut || c.stats.LastError == "" {
		c.stats.LastError = last.Error()
	}
	return fmt.Errorf("otlpgrpc: %w (last try: %w)", context.Cause(ctx), last)
}

// try sends the request once.
func (c *Client) try(ctx context.Context, req []byte) (tracing.Result, error) {
	c.mu.Lock()
	c.stats.Tries++
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	if len(c.cfg.Metadata) > 0 {
		outgoing, _ := metadata.FromOutgoingContext(ctx) // Not there is empty.
		ctx = metadata.NewOutgoingContext(ctx, metadata.Join(outgoing, c.cfg.Metadata))
	}
	question, answer := &emptypb.Empty{}, &emptypb.Empty{}
	question.ProtoReflect().SetUnknown(req) // grpc copies it before it sends.
	if err := c.conn.Invoke(ctx, fullMethod, question, answer, c.options...); err != nil {
		return tracing.Result{}, refusalOf(err)
	}
	var result tracing.Result
	fields(answer.ProtoReflect().GetUnknown(), func(number protowire.Number, _ uint64, partial []byte) {
		if number == responsePartial {
			readPartial(partial, &result)
		}
	})
	total := spansIn(req)
	result.Rejected = min(max(result.Rejected, 0), total)
	result.Accepted = total - result.Rejected
	return result, nil
}

func readPartial(partial []byte, result *tracing.Result) {
	fields(partial, func(number protowire.Number, value uint64, text []byte) {
		switch number { //nolint:exhaustive // Its named values are bounds.
		case partialRejected:
			result.Rejected = int(int64(value)) //nolint:gosec // Two's complement.
		case partialMessage:
			result.Reason = valid(string(text))
		}
	})
}

// fields calls visit for the fields of a message: value is that of a varint, content that of text or a message. It ends where the message is
// malformed.
func fields(message []byte, visit func(number protowire.Number, value uint64, content []byte)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		message = message[n:]
		var value uint64
		var content []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			content, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return
		}
		visit(number, value, content)
		message = message[n:]
	}
}

// spansIn counts the spans of a request.
func spansIn(req []byte) int {
	n := 0
	_ = tracing.Scan(req, func(tracing.View, tracing.Rejection) { n++ }) // That it is well-formed is the server's to say.
	return n
}

// An exponential is the default BackOff.
type exponential struct {
	next  time.Duration
	tries int
}

// NextBackOff returns between half and all of 1, 2, 4, 8, 16 and 30 seconds, then gives up.
func (e *exponential) NextBackOff() time.Duration {
	const tries, longest = 6, 30 * time.Second
	if e.tries++; e.tries > tries {
		return -1
	}
	wait := e.next/2 + time.Duration(rand.Float64()*float64(e.next/2)) //nolint:forbidigo,gosec // The default of Config.BackOff; not a secret.
	e.next = min(2*e.next, longest)
	return wait
}
