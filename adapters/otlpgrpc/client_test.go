package otlpgrpc_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

func newClient(t *testing.T, conn grpc.ClientConnInterface, cfg otlpgrpc.ClientConfig) *otlpgrpc.Client {
	t.Helper()
	c, err := otlpgrpc.NewClient(conn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// never gives up at once.
type never struct{}

func (never) NextBackOff() time.Duration { return -1 }

func once() otlp.BackOff { return never{} }

// A client and the service understand each other, whatever happens.
func TestClientAndService(t *testing.T) {
	tests := []struct {
		name      string
		req       []byte
		sink      error
		want      tracing.Result
		permanent bool
		retry     time.Duration // of an OverloadError; 0 = none
		code      codes.Code    // of another error
	}{
		{"taken", some(3), nil, tracing.Result{Accepted: 3}, false, 0, 0},
		{"empty", nil, nil, tracing.Result{}, false, 0, 0},
		{"rejected", append(some(2), tracing.Encode([]tracing.Span{{}})...), nil, tracing.Result{Accepted: 2, Rejected: 1, Reason: string(tracing.BadTraceID)}, false, 0, 0},
		{"malformed", []byte("\x0a\x02\x0a\x01"), nil, tracing.Result{}, true, 0, codes.InvalidArgument},
		{"garbage", []byte{0x0a}, nil, tracing.Result{}, true, 0, codes.Internal},
		{"too large", some(2000), nil, tracing.Result{}, true, 0, codes.ResourceExhausted},
		{"overload", some(1), &tracing.OverloadError{RetryAfter: time.Minute, Cause: "memory"}, tracing.Result{}, false, time.Minute, 0},
		{"failure", some(1), errors.New("disk"), tracing.Result{}, false, time.Second, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &sink{ingest: func(context.Context, []byte) error { return test.sink }}
			conn := serve(t, s, otlpgrpc.Config{MaxBody: 50_000})
			for _, uncompressed := range []bool{false, true} {
				c := newClient(t, conn, otlpgrpc.ClientConfig{Uncompressed: uncompressed, BackOff: once})
				result, err := c.Ingest(t.Context(), test.req)
				if result != test.want || errors.Is(err, tracing.ErrPermanent) != test.permanent {
					t.Errorf("got %+v, %v; want %+v", result, err, test.want)
				}
				if retry, code := meaning(err); retry != test.retry || code != test.code {
					t.Errorf("got %v, want to come back after %v, or %v", err, test.retry, test.code)
				}
				if diff := cmp.Diff(statsOf(test.want, err), c.Stats()); diff != "" {
					t.Errorf("stats -want +got:\n%s", diff)
				}
			}
		})
	}
}

// statsOf returns those of a client that sent one request.
func statsOf(result tracing.Result, err error) otlp.ClientStats {
	if err != nil {
		return otlp.ClientStats{Tries: 1, Failed: 1, LastError: err.Error()}
	}
	return otlp.ClientStats{Tries: 1, Requests: 1, Accepted: int64(result.Accepted), Rejected: int64(result.Rejected), LastError: result.Reason}
}

// meaning returns the delay of an OverloadError, the code of any other error.
func meaning(err error) (retry time.Duration, code codes.Code) {
	if overload, ok := errors.AsType[*tracing.OverloadError](err); ok {
		return overload.RetryAfter, codes.OK
	}
	return 0, status.Code(err)
}

// answers is a connection whose calls are answered one after the other, the last one for ever.
type answers struct {
	errs []error
	body []byte // of an answer that is no error

	mu      sync.Mutex
	calls   []time.Time
	options []grpc.CallOption
	md      metadata.MD
}

func (a *answers) Invoke(ctx context.Context, _ string, _, reply any, options ...grpc.CallOption) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.errs[min(len(a.calls), len(a.errs)-1)]
	a.calls = append(a.calls, time.Now())
	a.options = options
	a.md, _ = metadata.FromOutgoingContext(ctx)
	if errors.Is(err, errHangs) {
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	}
	if err == nil && len(a.body) > 0 {
		message, ok := reply.(proto.Message)
		if !ok {
			return errors.New("no message")
		}
		return proto.Unmarshal(a.body, message)
	}
	return err
}

func (*answers) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("no streams")
}

var errHangs = errors.New("the server does not answer")

// waits returns the times between the calls.
func (a *answers) waits() (waits []time.Duration) {
	for i := 1; i < len(a.calls); i++ {
		waits = append(waits, a.calls[i].Sub(a.calls[i-1]))
	}
	return waits
}

func retryLater(code codes.Code, delay time.Duration) error {
	s, err := status.New(code, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
	if err != nil {
		return err
	}
	return s.Err()
}

// list is a BackOff of set waits.
type list struct{ waits []time.Duration }

func (l *list) NextBackOff() time.Duration {
	if len(l.waits) == 0 {
		return -1
	}
	wait := l.waits[0]
	l.waits = l.waits[1:]
	return wait
}

// Whichever is later, the server's delay or the client's own.
func TestClientComesBackWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &answers{errs: []error{
			retryLater(codes.Unavailable, 7*time.Second), retryLater(codes.ResourceExhausted, time.Second), status.Error(codes.Unavailable, "x"),
			status.Error(codes.Aborted, "x"), status.Error(codes.OutOfRange, "x"), status.Error(codes.DataLoss, "x"), status.Error(codes.Canceled, "x"), nil,
		}}
		c := newClient(t, conn, otlpgrpc.ClientConfig{BackOff: func() otlp.BackOff {
			return &list{[]time.Duration{2 * time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Second, 7 * time.Second}}
		}})
		result, err := c.Ingest(t.Context(), some(2))
		if err != nil || result.Accepted != 2 {
			t.Fatalf("got %+v, %v", result, err)
		}
		want := []time.Duration{7 * time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second, 6 * time.Second, 7 * time.Second}
		if diff := cmp.Diff(want, conn.waits()); diff != "" {
			t.Errorf("waits -want +got:\n%s", diff)
		}
		if got := c.Stats(); got.Tries != 8 || got.Requests != 1 || got.Failed != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestClientWaitsNoLongerThanFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &answers{errs: []error{retryLater(codes.Unavailable, 10_000*time.Hour), nil}}
		if _, err := newClient(t, conn, otlpgrpc.ClientConfig{}).Ingest(t.Context(), some(1)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]time.Duration{5 * time.Minute}, conn.waits()); diff != "" {
			t.Errorf("waits -want +got:\n%s", diff)
		}
	})
}

func TestClientGivesUpAfterAboutAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &answers{errs: []error{status.Error(codes.Unavailable, "no server")}}
		c := newClient(t, conn, otlpgrpc.ClientConfig{})
		began := time.Now()
		_, err := c.Ingest(t.Context(), some(1))
		if status.Code(err) != codes.Unavailable || errors.Is(err, tracing.ErrPermanent) || errors.Is(err, tracing.ErrOverload) {
			t.Errorf("got %v, want UNAVAILABLE that is neither permanent nor an overload", err)
		}
		if took := time.Since(began); took < 30*time.Second || took > 61*time.Second || len(conn.calls) != 7 {
			t.Errorf("%d tries in %v", len(conn.calls), took)
		}
		if got := c.Stats(); got.Failed != 1 || !strings.Contains(got.LastError, "no server") {
			t.Errorf("got %+v", got)
		}
	})
}

func TestClientGivesUpAtOnceWhereTryingIsOfNoUse(t *testing.T) {
	for _, code := range []codes.Code{
		codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.Internal, codes.NotFound, codes.Unknown,
		codes.ResourceExhausted, codes.FailedPrecondition, codes.AlreadyExists,
	} {
		conn := &answers{errs: []error{status.Error(code, "x")}}
		_, err := newClient(t, conn, otlpgrpc.ClientConfig{}).Ingest(t.Context(), some(1))
		if !errors.Is(err, tracing.ErrPermanent) || status.Code(err) != code || len(conn.calls) != 1 {
			t.Errorf("%v: got %v after %d tries", code, err, len(conn.calls))
		}
	}
}

func TestClientSaysWhyNothingWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &answers{errs: []error{status.Error(codes.Unavailable, "no server"), status.Error(codes.Canceled, "cancelled")}}
		c := newClient(t, conn, otlpgrpc.ClientConfig{})
		stop := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() {
			_, err := c.Ingest(ctx, some(1))
			done <- err
		}()
		synctest.Wait()
		if got := c.Stats(); got.Tries != 1 || got.Failed != 0 || !strings.Contains(got.LastError, "no server") {
			t.Errorf("while it tries: %+v", got)
		}
		cancel(stop)
		if err := <-done; !errors.Is(err, stop) || status.Code(err) != codes.Unavailable {
			t.Errorf("got %v, want both why it ends and why it failed", err)
		}
		if _, err := c.Ingest(ctx, some(1)); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
		if got := c.Stats(); got.Failed != 2 || !strings.Contains(got.LastError, "no server") {
			t.Errorf("after it: %+v", got)
		}
	})
}

func TestClientStopsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("shutdown")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, cause)
		defer cancel()
		began := time.Now()
		_, err := newClient(t, &answers{errs: []error{retryLater(codes.Unavailable, time.Hour)}}, otlpgrpc.ClientConfig{}).Ingest(ctx, some(1))
		if !errors.Is(err, cause) || !errors.Is(err, tracing.ErrOverload) || time.Since(began) != 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

func TestTimeoutBoundsASingleTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &answers{errs: []error{errHangs, nil}}
		c := newClient(t, conn, otlpgrpc.ClientConfig{Timeout: 3 * time.Second, BackOff: func() otlp.BackOff { return &list{[]time.Duration{time.Second}} }})
		if _, err := c.Ingest(t.Context(), some(1)); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]time.Duration{4 * time.Second}, conn.waits()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestClientSendsMetadataBesideTheCallers(t *testing.T) {
	conn := &answers{errs: []error{nil}}
	c := newClient(t, conn, otlpgrpc.ClientConfig{Metadata: metadata.Pairs("authorization", "secret")})
	if _, err := c.Ingest(metadata.AppendToOutgoingContext(t.Context(), "tenant", "a"), some(1)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(metadata.Pairs("authorization", "secret", "tenant", "a"), conn.md); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestClientSendsGzipUnlessToldNotTo(t *testing.T) {
	for _, uncompressed := range []bool{false, true} {
		conn := &answers{errs: []error{nil}}
		if _, err := newClient(t, conn, otlpgrpc.ClientConfig{Uncompressed: uncompressed}).Ingest(t.Context(), some(1)); err != nil {
			t.Fatal(err)
		}
		if zipped := slices.Contains(conn.options, grpc.UseCompressor(gzip.Name)); zipped == uncompressed {
			t.Errorf("uncompressed %v: options %v", uncompressed, conn.options)
		}
	}
}

// A server may say anything.
func TestClientBelievesNoImpossibleAnswer(t *testing.T) {
	tests := map[string]struct {
		body string
		want tracing.Result
	}{
		"more than there were": {"\x0a\x02\x08\x07", tracing.Result{Rejected: 2}},
		"fewer than none":      {"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", tracing.Result{Accepted: 2}},
		"a warning":            {"\x0a\x04\x12\x02a\xff", tracing.Result{Accepted: 2, Reason: "a\uFFFD"}},
		"malformed":            {"\x0a\x02\x12\x07", tracing.Result{Accepted: 2}},
		"a torn number":        {"\x0a\x02\x08\xff", tracing.Result{Accepted: 2}},
		"a torn tag":           {"\x0a\x01\xff", tracing.Result{Accepted: 2}},
		"fields of later days": {"\x12\x02\x08\x01\x0a\x0b\x19\x00\x00\x00\x00\x00\x00\x00\x00\x08\x01", tracing.Result{Accepted: 1, Rejected: 1}},
	}
	for name, test := range tests {
		result, err := newClient(t, &answers{errs: []error{nil}, body: []byte(test.body)}, otlpgrpc.ClientConfig{}).Ingest(t.Context(), some(2))
		if err != nil || result != test.want {
			t.Errorf("%s: got %+v, %v; want %+v", name, result, err, test.want)
		}
	}
}

func TestPutSendsOneRequest(t *testing.T) {
	s := &sink{}
	c := newClient(t, serve(t, s, otlpgrpc.Config{}), otlpgrpc.ClientConfig{})
	if err := c.Put(t.Context(), []tracing.Kept{{OTLP: some(2)}, {OTLP: some(3)}}); err != nil {
		t.Fatal(err)
	}
	if len(s.requests) != 1 || len(s.spans) != 5 {
		t.Errorf("%d spans in %d requests, want 5 in one", len(s.spans), len(s.requests))
	}
}

func TestNewClientNamesEveryProblem(t *testing.T) {
	_, err := otlpgrpc.NewClient(nil, otlpgrpc.ClientConfig{Timeout: -1})
	for _, part := range []string{"no connection", "Timeout -1"} {
		if !errors.Is(err, tracing.ErrConfig) || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want ErrConfig and %q", err, part)
		}
	}
}
