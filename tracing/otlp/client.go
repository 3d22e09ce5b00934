package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

const (
	defaultTimeout = 10 * time.Second
	tracesPath     = "/v1/traces"
	maxAnswer      = 64 << 10 // bytes of an answer that are read
	longestWait    = 5 * time.Minute
)

// A BackOff says how long to wait before the next try; below 0 = give up. The types of github.com/cenkalti/backoff are such.
type BackOff interface{ NextBackOff() time.Duration }

// A ClientConfig says how requests are sent.
type ClientConfig struct {
	// HTTP sends the requests; nil = a client of its own without limits but Timeout.
	HTTP *http.Client
	// Header is sent with each request, for authentication above all.
	Header http.Header
	// Uncompressed leaves requests as they are; else they are sent with gzip.
	Uncompressed bool
	// Timeout bounds a single try; 0 = 10 s.
	Timeout time.Duration
	// BackOff makes the waits of one request, where the server does not say when to come back; nil = 1 s, doubled up to 30 s, half of it at
	// random, for about a minute.
	BackOff func() BackOff
}

// ClientStats count what a client did.
type ClientStats struct {
	Tries     int64  // requests sent, each time
	Requests  int64  // that were taken
	Failed    int64  // that were given up
	Accepted  int64  // spans
	Rejected  int64  // spans that the server rejected though it took their request
	LastError string // of the last try that failed, or what the server said of spans that it rejected; "" = nothing went wrong so far
}

// A StatusError is an answer that says that the request is of no use. It Is tracing.ErrPermanent.
type StatusError struct {
	Code    int    // of HTTP
	Message string // of the server; "" = none that could be read
}

// Error names status and message.
func (e *StatusError) Error() string {
	text := "otlp: status " + strconv.Itoa(e.Code) + " " + http.StatusText(e.Code)
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// Is matches tracing.ErrPermanent.
func (e *StatusError) Is(target error) bool { return target == tracing.ErrPermanent }

// A Client sends requests to an OTLP server over HTTP. It is a tracing.Sink, and an output of a collector. [NewClient] makes it; it is safe for
// concurrent use, and has no goroutine of its own.
type Client struct {
	url     string
	cfg     ClientConfig
	writers sync.Pool // of *gzip.Writer, which are large

	mu    sync.Mutex
	stats ClientStats
}

// NewClient returns a client for a server's URL; /v1/traces is added to one without a path.
func NewClient(server string, cfg ClientConfig) (*Client, error) {
	var errs []error
	u, err := url.Parse(server)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("otlp: %w: %w", tracing.ErrConfig, err))
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		errs = append(errs, fmt.Errorf("otlp: %w: URL %q: want http or https and a host", tracing.ErrConfig, server))
	case u.Path == "" || u.Path == "/":
		u.Path = tracesPath
	}
	if cfg.Timeout < 0 {
		errs = append(errs, fmt.Errorf("otlp: %w: Timeout %v: want 0 or more", tracing.ErrConfig, cfg.Timeout))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{}
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.BackOff == nil {
		cfg.BackOff = func() BackOff { return &exponential{next: time.Second} }
	}
	cfg.Header = cfg.Header.Clone()
	return &Client{url: u.String(), cfg: cfg}, nil
}

// Stats returns what the client did so far.
func (c *Client) Stats() ClientStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Ingest sends a request and waits for the answer. Without one, and where the answer is 429, 502, 503 or 504, it tries again, by the server's
// Retry-After, which counts up to 5 minutes, or BackOff, whichever is later. It gives up when BackOff does, with a *tracing.OverloadError if
// there was an answer, or when ctx ends, with context.Cause(ctx), wrapped. Other answers are a *StatusError at once.
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
	body, err := c.encode(req)
	if err != nil {
		return tracing.Result{}, fmt.Errorf("otlp: %w", err)
	}
	backOff := c.cfg.BackOff()
	var last error // of the tries before
	for {
		answer, err := c.try(ctx, body)
		if err == nil {
			rejected := min(max(answer.rejected, 0), spansIn(req))
			return c.taken(tracing.Result{Accepted: spansIn(req) - rejected, Rejected: rejected, Reason: answer.message}), nil
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
	cut := errors.Is(last, ctx.Err()) || errors.Is(last, context.Cause(ctx))
	if cut && before != nil {
		last = before
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !cut || c.stats.LastError == "" {
		c.stats.LastError = last.Error()
	}
	return fmt.Errorf("otlp: %w (last try: %w)", context.Cause(ctx), last)
}

// encode returns the body of a request. It is a copy also without compression: a transport may read on after its answer came.
func (c *Client) encode(req []byte) ([]byte, error) {
	if c.cfg.Uncompressed {
		return bytes.Clone(req), nil
	}
	var body bytes.Buffer
	w, ok := c.writers.Get().(*gzip.Writer)
	if !ok {
		var err error
		if w, err = gzip.NewWriterLevel(nil, gzip.BestSpeed); err != nil {
			return nil, err
		}
	}
	defer c.writers.Put(w)
	w.Reset(&body)
	if _, err := w.Write(req); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// try sends the request once.
func (c *Client) try(ctx context.Context, body []byte) (answer, error) {
	c.mu.Lock()
	c.stats.Tries++
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body)) //nolint:gosec // G704: the URL is the configured one.
	if err != nil {
		return answer{}, err
	}
	maps.Copy(req.Header, c.cfg.Header)
	req.Header.Set("Content-Type", protobufType)
	if !c.cfg.Uncompressed {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.cfg.HTTP.Do(req) //nolint:gosec // G704: likewise.
	if err != nil {
		return answer{}, fmt.Errorf("otlp: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // Only read from.
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode/100 == 2 {
		if err != nil { // Taken, but of the answer's details nothing is known.
			return answer{message: "answer: " + err.Error()}, nil
		}
		return readAnswer(resp.Header, text), nil
	}
	refusal := &StatusError{Code: resp.StatusCode, Message: readStatus(resp.Header, text)}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		cause := strings.TrimPrefix(refusal.Error(), "otlp: ")
		return answer{}, &tracing.OverloadError{RetryAfter: retryAfter(resp.Header), Cause: cause}
	}
	return answer{}, refusal
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
