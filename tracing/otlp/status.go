package otlp

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/wire"
)

// Codes of google.rpc.Status.
const (
	codeInvalid     = 3
	codeExhausted   = 8
	codeUnavailable = 14
)

const badRequest = "type.googleapis.com/google.rpc.BadRequest"

// A status is what a handler answers where it did not take a request.
type status struct {
	http       int
	code       int
	message    string
	field      string        // what is wrong in the request; "" = not told
	reason     string        // in what way
	retryAfter time.Duration // 0 = not told
}

// statusOf returns what to answer for the error of a sink.
func statusOf(err error) status {
	if overload, ok := errors.AsType[*tracing.OverloadError](err); ok {
		s := status{http: http.StatusTooManyRequests, code: codeUnavailable, message: refused(overload), retryAfter: max(overload.RetryAfter, time.Second)}
		if errors.Is(err, tracing.ErrClosed) {
			s.http = http.StatusServiceUnavailable
		}
		return s
	}
	if broken, ok := errors.AsType[*tracing.RequestError](err); ok {
		s := status{http: http.StatusBadRequest, code: codeInvalid, message: err.Error(), field: broken.Path, reason: broken.Reason}
		if s.field == "" {
			s.field = "offset " + strconv.Itoa(broken.Offset)
		}
		return s
	}
	if errors.Is(err, tracing.ErrPermanent) {
		return status{http: http.StatusBadRequest, code: codeInvalid, message: err.Error()}
	}
	return status{http: http.StatusServiceUnavailable, code: codeUnavailable, message: err.Error(), retryAfter: time.Second}
}

// refused is what an overload is called in a message that has its delay elsewhere.
func refused(overload *tracing.OverloadError) string {
	if overload.Cause == "" {
		return "refused for now"
	}
	return "refused for now: " + overload.Cause
}

// write answers in the form of the request.
func (s status) write(w http.ResponseWriter, kind string) {
	if s.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((s.retryAfter+time.Second-1)/time.Second)))
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	var body []byte
	switch kind {
	case protobufType:
		body = s.protobuf()
	case jsonType:
		body = s.json()
	default:
		kind, body = "text/plain; charset=utf-8", []byte(s.message+"\n")
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(s.http)
	_, _ = w.Write(body) //nolint:gosec // G705: never HTML. Who does not listen any more needs no answer.
}

// protobuf returns the google.rpc.Status.
func (s status) protobuf() []byte {
	b := wire.AppendVarint(nil, 1, uint64(s.code)) //nolint:gosec // Not negative.
	b = wire.AppendText(b, 2, s.message)
	if s.field == "" {
		return b
	}
	violation := wire.AppendText(wire.AppendText(nil, 1, s.field), 2, s.reason)
	detail := wire.AppendText(nil, 1, badRequest)
	detail = wire.AppendLen(detail, 2, wire.AppendLen(nil, 1, violation))
	return wire.AppendLen(b, 3, detail)
}

func (s status) json() []byte {
	type violation struct {
		Field       string `json:"field"`
		Description string `json:"description"`
	}
	type detail struct {
		Type       string      `json:"@type"`
		Violations []violation `json:"fieldViolations"`
	}
	answer := struct {
		Code    int      `json:"code"`
		Message string   `json:"message"`
		Details []detail `json:"details,omitempty"`
	}{Code: s.code, Message: s.message}
	if s.field != "" {
		answer.Details = []detail{{badRequest, []violation{{s.field, s.reason}}}}
	}
	body, err := json.Marshal(answer)
	if err != nil { // It has nothing that could fail.
		return []byte("{}")
	}
	return body
}

// success returns an ExportTraceServiceResponse in the form of the request.
func success(result tracing.Result, kind string) []byte {
	if kind == jsonType {
		if result.Rejected == 0 && result.Reason == "" {
			return []byte("{}")
		}
		b := append([]byte(`{"partialSuccess":{"rejectedSpans":"`), strconv.Itoa(result.Rejected)...)
		return append(appendString(append(b, `","errorMessage":`...), []byte(result.Reason)), "}}"...)
	}
	if result.Rejected == 0 && result.Reason == "" {
		return nil
	}
	partial := wire.AppendVarint(nil, 1, uint64(result.Rejected)) //nolint:gosec // Not negative.
	return wire.AppendLen(nil, 1, wire.AppendText(partial, 2, result.Reason))
}
