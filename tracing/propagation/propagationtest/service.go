package propagationtest

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"

	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A service answers each request by calls of its own to another server, which keeps their headers.
type service struct {
	propagator otel.TextMapPropagator
	calls      int
	ids        atomic.Uint64

	in, out *httptest.Server
	mu      sync.Mutex
	got     []http.Header
	err     error
}

func newService(p otel.TextMapPropagator, calls int) *service {
	s := &service{propagator: p, calls: calls}
	s.out = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, r.Header.Clone())
	}))
	s.in = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx := s.propagator.Extract(r.Context(), otel.HeaderCarrier(r.Header))
		for range s.calls {
			if err := s.call(ctx); err != nil {
				s.mu.Lock()
				s.err = err
				s.mu.Unlock()
			}
		}
	}))
	return s
}

func (s *service) close() {
	s.in.Close()
	s.out.Close()
}

// call makes an outgoing call under a span of its own, in the trace of ctx or in a new one.
func (s *service) call(ctx context.Context) error {
	var id trace.SpanID
	binary.BigEndian.PutUint64(id[:], s.ids.Add(1))
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		var fresh trace.TraceID
		binary.BigEndian.PutUint64(fresh[8:], s.ids.Add(1))
		sc = trace.NewSpanContext(trace.SpanContextConfig{TraceID: fresh, TraceFlags: trace.FlagsSampled})
	}
	ctx = trace.ContextWithSpanContext(ctx, sc.WithSpanID(id).WithRemote(false))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.out.URL, http.NoBody)
	if err != nil {
		return err
	}
	s.propagator.Inject(ctx, otel.HeaderCarrier(req.Header))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// ask sends a request with lines as its header, byte by byte as they are, and returns the headers of the calls that came of it.
func (s *service) ask(ctx context.Context, lines []string) ([]http.Header, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.in.Listener.Addr().String())
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // Only read from after the request.
	header := strings.Join(append([]string{"GET / HTTP/1.1", "Host: localhost", "Connection: close"}, lines...), "\r\n")
	if _, err = io.WriteString(conn, header+"\r\n\r\n"); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err
	}
	if err = resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answer %s: %w", resp.Status, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || len(s.got) != s.calls {
		return nil, fmt.Errorf("%d calls of %d: %w", len(s.got), s.calls, s.err)
	}
	got := s.got
	s.got = nil
	return got, nil
}
