package otlpgrpc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tenon-go/tenon/tracing"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	serviceName = "opentelemetry.proto.collector.trace.v1.TraceService"
	methodName  = "Export"
	fullMethod  = "/" + serviceName + "/" + methodName
	protoFile   = "opentelemetry/proto/collector/trace/v1/trace_service.proto"

	defaultMaxBody = 64 << 20
)

// Fields of an ExportTraceServiceResponse and its partial success.
const (
	responsePartial protowire.Number = 1
	partialRejected protowire.Number = 1
	partialMessage  protowire.Number = 2
)

// A Config says what the service takes.
type Config struct {
	// MaxBody is how many bytes a request may have, unpacked; 0 = 64 MiB. The server's MaxRecvMsgSize, 4 MiB unless set, bounds it too.
	MaxBody int
}

// Register adds OTLP's trace service to registrar; it hands requests to sink. As with any service, that is done once, before the server
// serves. The error Is tracing.ErrConfig and names every problem; nothing is registered then.
func Register(registrar grpc.ServiceRegistrar, sink tracing.Sink, cfg Config) error {
	var errs []error
	if registrar == nil {
		errs = append(errs, fmt.Errorf("otlpgrpc: %w: no registrar", tracing.ErrConfig))
	}
	if sink == nil {
		errs = append(errs, fmt.Errorf("otlpgrpc: %w: no sink", tracing.ErrConfig))
	}
	if cfg.MaxBody < 0 {
		errs = append(errs, fmt.Errorf("otlpgrpc: %w: MaxBody %d: want 0 or more", tracing.ErrConfig, cfg.MaxBody))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	s := &service{sink: sink, maxBody: cfg.MaxBody}
	s.admitter, _ = sink.(tracing.Admitter)
	registrar.RegisterService(&grpc.ServiceDesc{
		ServiceName: serviceName,
		HandlerType: (*any)(nil), // The method below asks nothing of what is registered.
		Methods:     []grpc.MethodDesc{{MethodName: methodName, Handler: s.handle}},
		Metadata:    protoFile,
	}, s)
	return nil
}

// A service is the trace service in front of a sink.
type service struct {
	sink     tracing.Sink
	admitter tracing.Admitter // nil = none
	maxBody  int
}

// A request is an ExportTraceServiceRequest in the unknown bytes of an Empty. It is a type of its own for the Codec to tell it from the Empty of
// other services.
type request struct{ emptypb.Empty }

// handle is the handler of the method, in the form that grpc has it.
func (s *service) handle(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // context-as-argument: grpc's order.
	req := &request{}
	if err := decode(req); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return s.export(ctx, req)
	}
	return interceptor(ctx, req, &grpc.UnaryServerInfo{Server: s, FullMethod: fullMethod}, s.export)
}

// export hands a request to the sink. After an interceptor it may be another message with the same bytes.
func (s *service) export(ctx context.Context, req any) (any, error) {
	message, ok := req.(proto.Message)
	if !ok {
		return nil, status.Errorf(codes.Internal, "otlpgrpc: an interceptor made a %T of the request", req)
	}
	body := message.ProtoReflect().GetUnknown()
	if len(body) > s.maxBody {
		return nil, status.Errorf(codes.ResourceExhausted, "otlpgrpc: request of %d bytes: want at most %d", len(body), s.maxBody)
	}
	if ctx.Err() != nil {
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if s.admitter != nil {
		release, err := s.admitter.Admit(int64(len(body)))
		if errors.Is(err, tracing.ErrPermanent) {
			return nil, status.Error(codes.ResourceExhausted, valid(err.Error()))
		}
		if err != nil {
			return nil, statusOf(ctx, err)
		}
		defer release()
	}
	result, err := s.sink.Ingest(ctx, body)
	if err != nil {
		return nil, statusOf(ctx, err)
	}
	return response(result), nil
}

// response returns an ExportTraceServiceResponse, in the unknown bytes of an Empty.
func response(result tracing.Result) *emptypb.Empty {
	answer := &emptypb.Empty{}
	if result.Rejected == 0 && result.Reason == "" {
		return answer
	}
	partial := protowire.AppendTag(nil, partialRejected, protowire.VarintType)
	partial = protowire.AppendVarint(partial, uint64(result.Rejected)) //nolint:gosec // Not negative.
	partial = protowire.AppendTag(partial, partialMessage, protowire.BytesType)
	partial = protowire.AppendString(partial, valid(result.Reason))
	answer.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, responsePartial, protowire.BytesType), partial))
	return answer
}

// valid returns text as protobuf takes it.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
