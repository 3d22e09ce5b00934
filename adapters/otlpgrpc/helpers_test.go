package otlpgrpc_test

import (
	"bytes"
	"context"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/test/bufconn"
)

// A sink keeps what it takes, and counts what is charged. Its hooks, nil for none, fail a request or a charge.
type sink struct {
	ingest func(ctx context.Context, req []byte) error
	admit  func(size int64) error

	mu            sync.Mutex
	requests      [][]byte
	spans         []tracing.Span
	tries         int
	charged, most int64
}

func (s *sink) Ingest(ctx context.Context, req []byte) (tracing.Result, error) {
	s.mu.Lock()
	s.tries++
	s.mu.Unlock()
	if s.ingest != nil {
		if err := s.ingest(ctx, req); err != nil {
			return tracing.Result{}, err
		}
	}
	var result tracing.Result
	if err := tracing.Scan(req, func(_ tracing.View, rejected tracing.Rejection) {
		if rejected == tracing.Fine {
			result.Accepted++
			return
		}
		result.Rejected++
		result.Reason = string(rejected)
	}); err != nil {
		return tracing.Result{}, err
	}
	var spans []tracing.Span
	if result.Rejected == 0 {
		var err error
		if spans, err = tracing.Decode(req); err != nil {
			return tracing.Result{}, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, bytes.Clone(req))
	s.spans = append(s.spans, spans...)
	return result, nil
}

func (s *sink) Admit(size int64) (func(), error) {
	if s.admit != nil {
		if err := s.admit(size); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.charged += size
	s.most = max(s.most, s.charged)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.charged -= size
	}, nil
}

// asked returns how often the sink was asked.
func (s *sink) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// wantNoCharge waits for the charge to go: an answer is on its way a little before that.
func (s *sink) wantNoCharge(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		charged := s.charged
		s.mu.Unlock()
		if charged == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are still charged", charged)
		}
	}
}

// serve runs a server with the service of s, and returns a connection to it.
func serve(t *testing.T, s tracing.Sink, cfg otlpgrpc.Config, options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	server := grpc.NewServer(options...)
	if err := otlpgrpc.Register(server, s, cfg); err != nil {
		t.Fatal(err)
	}
	return connect(t, server)
}

func connect(t *testing.T, server *grpc.Server) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return conn
}

// some returns a request of n spans.
func some(n int) []byte {
	spans := make([]tracing.Span, n)
	resource := &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "cart")}}
	for i := range spans {
		spans[i] = tracing.Span{
			TraceID: trace.TraceID{1, byte(i >> 8), byte(i)}, ID: trace.SpanID{2, byte(i)}, Name: "span " + strconv.Itoa(i), Resource: resource,
			Start: time.Unix(1, 0).UTC(), End: time.Unix(2, 0).UTC(),
		}
	}
	return tracing.Encode(spans)
}

// both are the servers' options without the Codec and with it.
func both() map[string][]grpc.ServerOption {
	return map[string][]grpc.ServerOption{"grpc's codec": nil, "Codec": {grpc.ForceServerCodecV2(otlpgrpc.Codec{})}}
}

// A form is how a server reads and how a client sends.
type form struct {
	options    []grpc.ServerOption
	compressor string
}

// forms are all, with and without the Codec, with and without gzip.
func forms() map[string]form {
	all := map[string]form{}
	for name, options := range both() {
		all[name] = form{options, ""}
		all[name+" in gzip"] = form{options, gzip.Name}
	}
	return all
}
