package otlpgrpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// comeBack is what clients are told where the sink does not know when to come back.
const comeBack = time.Second

// statusOf returns what to answer for the error of a sink.
func statusOf(ctx context.Context, err error) error {
	if ctx.Err() != nil { // Whoever would have to come back is gone.
		return status.FromContextError(ctx.Err()).Err()
	}
	message := valid(err.Error())
	if broken, ok := errors.AsType[*tracing.RequestError](err); ok {
		field := broken.Path
		if field == "" {
			field = fmt.Sprint("offset ", broken.Offset)
		}
		violation := &errdetails.BadRequest_FieldViolation{Field: valid(field), Description: valid(broken.Reason)}
		return detailed(codes.InvalidArgument, message, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation}})
	}
	if errors.Is(err, tracing.ErrPermanent) {
		return status.Error(codes.InvalidArgument, message)
	}
	delay := comeBack
	if overload, ok := errors.AsType[*tracing.OverloadError](err); ok {
		message = refused(overload)
		if overload.RetryAfter > 0 {
			delay = overload.RetryAfter
		}
	}
	return detailed(codes.Unavailable, message, &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
}

// refused is what an overload is called in a message that has its delay elsewhere.
func refused(overload *tracing.OverloadError) string {
	if overload.Cause == "" {
		return "refused for now"
	}
	return valid("refused for now: " + overload.Cause)
}

func detailed(code codes.Code, message string, detail protoadapt.MessageV1) error {
	plain := status.New(code, message)
	with, err := plain.WithDetails(detail)
	if err != nil { // It has nothing that could fail.
		return plain.Err()
	}
	return with.Err()
}

// longestWait is what a server can ask for.
const longestWait = 5 * time.Minute

// refusalOf returns what the error of a call means: an *tracing.OverloadError where the server says when to come back, an error that Is
// tracing.ErrPermanent where it is of no use, another one for what may pass.
func refusalOf(err error) error {
	s := status.Convert(err)
	delay, told := retryInfo(s)
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
	case codes.ResourceExhausted:
		if !told {
			return permanent(err)
		}
	default:
		return permanent(err)
	}
	if told {
		return &tracing.OverloadError{RetryAfter: delay, Cause: s.Code().String() + ": " + s.Message()}
	}
	return fmt.Errorf("otlpgrpc: %w", err)
}

func permanent(err error) error { return fmt.Errorf("otlpgrpc: %w: %w", tracing.ErrPermanent, err) }

func retryInfo(s *status.Status) (delay time.Duration, told bool) {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return min(max(info.GetRetryDelay().AsDuration(), 0), longestWait), true
		}
	}
	return 0, false
}
