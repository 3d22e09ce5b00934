package otlpgrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

const export = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// send sends any bytes as a request.
func send(ctx context.Context, conn grpc.ClientConnInterface, body []byte, options ...grpc.CallOption) (*collector.ExportTraceServiceResponse, error) {
	req, resp := &emptypb.Empty{}, &collector.ExportTraceServiceResponse{}
	req.ProtoReflect().SetUnknown(body)
	return resp, conn.Invoke(ctx, export, req, resp, options...)
}

func TestSinkGetsTheBytesThatWereSent(t *testing.T) {
	unknown := append(some(3), "\xfa\x7f\x02hi"...) // A field of a later version.
	for name, form := range forms() {
		t.Run(name, func(t *testing.T) {
			for _, body := range [][]byte{some(3), some(2000), unknown, nil} {
				s := &sink{}
				resp, err := send(t.Context(), serve(t, s, otlpgrpc.Config{}, form.options...), body, grpc.UseCompressor(form.compressor))
				if err != nil || resp.GetPartialSuccess() != nil {
					t.Fatalf("got %v, %v", resp, err)
				}
				if len(s.requests) != 1 || !bytes.Equal(s.requests[0], body) {
					t.Errorf("%d requests, that were not sent so", len(s.requests))
				}
				s.wantNoCharge(t)
				if s.most != int64(len(body)) {
					t.Errorf("%d bytes were charged for a body of %d", s.most, len(body))
				}
			}
		})
	}
}

// What the client that protoc generates for OTLP sends and reads.
func TestRejectedSpansAreAPartialSuccess(t *testing.T) {
	s := &sink{}
	client := collector.NewTraceServiceClient(serve(t, s, otlpgrpc.Config{}))
	var req collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(append(some(2), tracing.Encode([]tracing.Span{{}})...), &req); err != nil {
		t.Fatal(err)
	}
	resp, err := client.Export(t.Context(), &req)
	if err != nil {
		t.Fatal(err)
	}
	want := &collector.ExportTracePartialSuccess{RejectedSpans: 1, ErrorMessage: string(tracing.BadTraceID)}
	if got := resp.GetPartialSuccess(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A spoiler is a sink whose reason is no text.
type spoiler struct{}

func (spoiler) Ingest(context.Context, []byte) (tracing.Result, error) {
	return tracing.Result{Rejected: 1, Reason: "a\xff"}, nil
}

func TestReasonsAreText(t *testing.T) {
	resp, err := send(t.Context(), serve(t, spoiler{}, otlpgrpc.Config{}), some(1))
	if got := resp.GetPartialSuccess().GetErrorMessage(); err != nil || got != "a\uFFFD" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestServiceSaysWhyItRefuses(t *testing.T) {
	tests := []struct {
		name    string
		body    []byte
		sink    error
		admit   error
		code    codes.Code
		retry   time.Duration // 0 = no RetryInfo
		field   string        // of BadRequest; "" = none
		message string
	}{
		{"overload", some(1), &tracing.OverloadError{RetryAfter: 70 * time.Millisecond, Cause: "output"}, nil, codes.Unavailable, 70 * time.Millisecond, "", "output"},
		{"overload, wrapped", some(1), fmt.Errorf("x: %w", &tracing.OverloadError{Cause: "queue"}), nil, codes.Unavailable, time.Second, "", "queue"},
		{"memory", some(1), nil, &tracing.OverloadError{RetryAfter: 2 * time.Second, Cause: "memory"}, codes.Unavailable, 2 * time.Second, "", "memory"},
		{"closing", some(1), &tracing.OverloadError{RetryAfter: time.Minute, Cause: tracing.Closing}, nil, codes.Unavailable, time.Minute, "", "closing"},
		{"another failure", some(1), errors.New("disk \xff"), nil, codes.Unavailable, time.Second, "", "disk \uFFFD"},
		{"for good", some(1), fmt.Errorf("no: %w", tracing.ErrPermanent), nil, codes.InvalidArgument, 0, "", "permanent"},
		{"never", some(1), nil, fmt.Errorf("buffer: %w", tracing.ErrPermanent), codes.ResourceExhausted, 0, "", "buffer"},
		{"malformed", []byte("\x0a\x02\x0a\x01"), nil, nil, codes.InvalidArgument, 0, "offset 2", "offset 2"},
		{"malformed JSON before", some(1), &tracing.RequestError{Path: "a[0]", Reason: "b"}, nil, codes.InvalidArgument, 0, "a[0]", "b"},
		{"too large", some(2000), nil, nil, codes.ResourceExhausted, 0, "", "at most 50000"},
		{"too large for grpc", some(5000), nil, nil, codes.ResourceExhausted, 0, "", "larger than max"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, options := range both() {
				s := &sink{
					ingest: func(context.Context, []byte) error { return test.sink },
					admit:  func(int64) error { return test.admit },
				}
				conn := serve(t, s, otlpgrpc.Config{MaxBody: 50_000}, append(options, grpc.MaxRecvMsgSize(200_000))...)
				_, err := send(t.Context(), conn, test.body)
				got := status.Convert(err)
				if got.Code() != test.code || !strings.Contains(got.Message(), test.message) {
					t.Fatalf("got %v, want %v and %q", err, test.code, test.message)
				}
				if retry, field := details(got); retry != test.retry || field != test.field || len(s.spans) > 0 {
					t.Errorf("retry after %v, field %q, %d spans taken; want %v, %q, none", retry, field, len(s.spans), test.retry, test.field)
				}
				s.wantNoCharge(t)
			}
		})
	}
}

// details returns the delay of a RetryInfo and the field of a BadRequest.
func details(s *status.Status) (retry time.Duration, field string) {
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.RetryInfo:
			retry = detail.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			field = detail.GetFieldViolations()[0].GetField()
		}
	}
	return retry, field
}

// Bytes that are not even fields get to the sink only if grpc does not look.
func TestGarbageIsRefusedForGood(t *testing.T) {
	for name, want := range map[string]codes.Code{"grpc's codec": codes.Internal, "Codec": codes.InvalidArgument} {
		s := &sink{}
		if _, err := send(t.Context(), serve(t, s, otlpgrpc.Config{}, both()[name]...), []byte{0x0a}); status.Code(err) != want || len(s.requests) > 0 {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}

func TestInterceptorsSeeAMessage(t *testing.T) {
	for name, options := range both() {
		s, method := &sink{}, ""
		conn := serve(t, s, otlpgrpc.Config{}, append(options, grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			method = info.FullMethod
			message, ok := req.(proto.Message)
			if !ok {
				t.Errorf("%s: got a %T", name, req)
				return next(ctx, "no message")
			}
			return next(ctx, proto.Clone(message))
		}))...)
		if _, err := send(t.Context(), conn, some(3)); err != nil || len(s.requests) != 1 || !bytes.Equal(s.requests[0], some(3)) {
			t.Errorf("%s: got %v, and %d requests", name, err, len(s.requests))
		}
		if method != export {
			t.Errorf("%s: method %q", name, method)
		}
	}
	spoiling := grpc.UnaryInterceptor(func(ctx context.Context, _ any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		return next(ctx, "no message")
	})
	s := &sink{}
	if _, err := send(t.Context(), serve(t, s, otlpgrpc.Config{}, spoiling), some(1)); status.Code(err) != codes.Internal || s.asked() > 0 {
		t.Errorf("got %v, want INTERNAL", err)
	}
}

// The codec is that of the whole server.
func TestOtherServicesLiveBesideTheCodec(t *testing.T) {
	server := grpc.NewServer(grpc.ForceServerCodecV2(otlpgrpc.Codec{}))
	if err := otlpgrpc.Register(server, &sink{}, otlpgrpc.Config{}); err != nil {
		t.Fatal(err)
	}
	checks := health.NewServer()
	checks.SetServingStatus("cart", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, checks)
	conn := connect(t, server)
	resp, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: "cart"})
	if err != nil || resp.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("got %v, %v", resp, err)
	}
	if _, err := send(t.Context(), conn, some(1)); err != nil {
		t.Error(err)
	}
}

func TestSinkHearsThatTheCallEnded(t *testing.T) {
	for _, want := range []codes.Code{codes.Canceled, codes.DeadlineExceeded} {
		ctx, cancel := context.WithCancel(t.Context())
		if want == codes.DeadlineExceeded {
			ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
		}
		defer cancel()
		s := &sink{ingest: func(call context.Context, _ []byte) error {
			if want == codes.Canceled {
				cancel()
			}
			<-call.Done()
			return context.Cause(call)
		}}
		if _, err := send(ctx, serve(t, s, otlpgrpc.Config{}), some(1)); status.Code(err) != want {
			t.Errorf("got %v, want %v", err, want)
		}
		s.wantNoCharge(t)
		if len(s.spans) > 0 {
			t.Error("spans were taken")
		}
	}
}

// The client will send it again, so that it must not be taken now.
func TestNothingIsTakenForACallThatEnded(t *testing.T) {
	s := &sink{}
	late := grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return next(ctx, req)
	})
	if _, err := send(t.Context(), serve(t, s, otlpgrpc.Config{}, late), some(1)); status.Code(err) != codes.Canceled || s.asked() > 0 {
		t.Errorf("got %v, and the sink was asked %d times", err, s.asked())
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	const clients, requests = 8, 20
	for name, form := range forms() {
		t.Run(name, func(t *testing.T) {
			s := &sink{}
			conn := serve(t, s, otlpgrpc.Config{}, form.options...)
			var wg sync.WaitGroup
			for i := range clients * requests {
				wg.Go(func() {
					if _, err := send(t.Context(), conn, some(i%clients+1), grpc.UseCompressor(form.compressor)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			s.wantNoCharge(t)
			if want := requests * clients * (clients + 1) / 2; len(s.spans) != want {
				t.Errorf("%d spans, want %d", len(s.spans), want)
			}
			for _, req := range s.requests {
				if !bytes.Equal(req, some(bytes.Count(req, []byte("span ")))) {
					t.Fatal("a request came mixed up with others")
				}
			}
		})
	}
}

// A registrar is any that grpc's generated code works on.
type registrar struct{ desc *grpc.ServiceDesc }

func (r *registrar) RegisterService(desc *grpc.ServiceDesc, _ any) { r.desc = desc }

func TestAnyRegistrarWillDo(t *testing.T) {
	r, s := &registrar{}, &sink{}
	if err := otlpgrpc.Register(r, s, otlpgrpc.Config{}); err != nil {
		t.Fatal(err)
	}
	want := collector.TraceService_ServiceDesc
	got := []any{r.desc.ServiceName, r.desc.Methods[0].MethodName, r.desc.Metadata}
	if diff := cmp.Diff([]any{want.ServiceName, want.Methods[0].MethodName, want.Metadata}, got); diff != "" {
		t.Errorf("-protoc +ours:\n%s", diff)
	}
	_, err := r.desc.Methods[0].Handler(nil, t.Context(), func(into any) error {
		message, ok := into.(proto.Message)
		if !ok {
			return fmt.Errorf("a %T", into)
		}
		return proto.Unmarshal(some(2), message)
	}, nil)
	if err != nil || len(s.spans) != 2 {
		t.Errorf("got %v, and %d spans", err, len(s.spans))
	}
	if _, err := r.desc.Methods[0].Handler(nil, t.Context(), func(any) error { return errors.New("torn") }, nil); err == nil || s.asked() != 1 {
		t.Errorf("a request that could not be read: got %v, and the sink was asked %d times", err, s.asked())
	}
}

// Whatever the sink makes of it: a client would come back from UNAVAILABLE.
func TestCallThatEndsInTheSinkIsAnsweredSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, s := &registrar{}, &sink{ingest: func(context.Context, []byte) error {
		cancel()
		return errors.New("torn")
	}}
	if err := otlpgrpc.Register(r, s, otlpgrpc.Config{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.desc.Methods[0].Handler(nil, ctx, func(any) error { return nil }, nil); status.Code(err) != codes.Canceled {
		t.Errorf("got %v, want CANCELLED", err)
	}
}

func TestRegisterNamesEveryProblem(t *testing.T) {
	err := otlpgrpc.Register(nil, nil, otlpgrpc.Config{MaxBody: -1})
	for _, part := range []string{"no registrar", "no sink", "MaxBody -1"} {
		if !errors.Is(err, tracing.ErrConfig) || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want ErrConfig and %q", err, part)
		}
	}
	r := &registrar{}
	if err := otlpgrpc.Register(r, nil, otlpgrpc.Config{}); err == nil || r.desc != nil {
		t.Errorf("got %v, registered %v", err, r.desc)
	}
}
