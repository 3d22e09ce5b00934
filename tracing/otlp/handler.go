package otlp

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/tenon-go/tenon/tracing"
)

const (
	defaultMaxBody = 64 << 20
	firstBuffer    = 64 << 10
	keptBuffer     = 4 << 20 // larger ones are not used again
)

// A HandlerConfig says what a handler takes.
type HandlerConfig struct {
	// MaxBody is how many bytes a body may have, unpacked; 0 = 64 MiB.
	MaxBody int64
}

// NewHandler returns a handler of OTLP over HTTP, whatever its path is, that hands requests to sink. The error Is tracing.ErrConfig.
//
// It takes POST of application/x-protobuf or application/json, as it is or in gzip or zstd, and answers in kind: 200, with partial_success
// where spans were rejected; 400 for what is malformed; 405, 413 and 415; 429 with Retry-After where the sink refuses for now, and 503 with it
// where the sink is closing or fails otherwise. Errors are google.rpc.Status. If the sink is a tracing.Admitter, bodies are charged before
// and while they are read.
func NewHandler(sink tracing.Sink, cfg HandlerConfig) (http.Handler, error) {
	var errs []error
	if sink == nil {
		errs = append(errs, fmt.Errorf("otlp: %w: no sink", tracing.ErrConfig))
	}
	if cfg.MaxBody < 0 {
		errs = append(errs, fmt.Errorf("otlp: %w: MaxBody %d: want 0 or more", tracing.ErrConfig, cfg.MaxBody))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	h := &handler{sink: sink, maxBody: cfg.MaxBody}
	h.admitter, _ = sink.(tracing.Admitter)
	return h, nil
}

type handler struct {
	sink     tracing.Sink
	admitter tracing.Admitter // nil = none
	maxBody  int64
	buffers  sync.Pool // of *[]byte: a sink keeps no byte of a request
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := mediaType(r.Header)
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		status{http: http.StatusMethodNotAllowed, code: codeInvalid, message: "otlp: want POST"}.write(w, kind)
		return
	case kind != protobufType && kind != jsonType:
		status{http: http.StatusUnsupportedMediaType, code: codeInvalid, message: "otlp: want " + protobufType + " or " + jsonType}.write(w, kind)
		return
	}
	charge := &charge{admitter: h.admitter}
	defer charge.release()
	buf := h.buffer()
	result, refused := h.take(r, kind, buf, charge)
	h.keep(buf)
	if refused != nil {
		refused.write(w, kind)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(success(result, kind)) //nolint:gosec // G705: never HTML. Who does not listen any more needs no answer.
}

func (h *handler) buffer() *[]byte {
	buf, ok := h.buffers.Get().(*[]byte)
	if !ok {
		buf = new(make([]byte, 0, firstBuffer))
	}
	return buf
}

func (h *handler) keep(buf *[]byte) {
	if cap(*buf) <= keptBuffer {
		h.buffers.Put(buf)
	}
}

// take reads the body into buf and hands it to the sink.
func (h *handler) take(r *http.Request, kind string, buf *[]byte, charge *charge) (tracing.Result, *status) {
	if refused := h.read(r, buf, charge); refused != nil {
		return tracing.Result{}, refused
	}
	body, err := *buf, error(nil)
	if kind == jsonType {
		if err = charge.more(int64(len(body))); err == nil { // Its protobuf is no longer.
			body, err = FromJSON(body)
		}
	}
	var result tracing.Result
	if err == nil {
		result, err = h.sink.Ingest(r.Context(), body)
	}
	if err != nil {
		s := statusOf(err)
		return tracing.Result{}, &s
	}
	return result, nil
}

// read reads and unpacks the body.
func (h *handler) read(r *http.Request, buf *[]byte, charge *charge) *status {
	if r.ContentLength > h.maxBody {
		return h.tooLarge()
	}
	if err := charge.upTo(max(r.ContentLength, int64(cap(*buf)))); err != nil {
		s := statusOf(err)
		return &s
	}
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return h.fill(buf, r.Body, charge)
	case "gzip":
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			return unreadable(err)
		}
		return h.fill(buf, unzip, charge)
	case "zstd":
		return h.zstd(r.Body, buf, charge)
	default:
		return &status{http: http.StatusUnsupportedMediaType, code: codeInvalid, message: "otlp: content encoding " + encoding + ": want gzip, zstd or none"}
	}
}

// fill reads all into buf, within the limit. What buf grows is charged before it does.
func (h *handler) fill(buf *[]byte, reader io.Reader, charge *charge) *status {
	*buf = (*buf)[:0]
	for {
		b := *buf
		if len(b) == cap(b) {
			larger := min(2*int64(cap(b)), h.maxBody+1)
			if err := charge.upTo(larger); err != nil {
				s := statusOf(err)
				return &s
			}
			b = append(make([]byte, 0, larger), b...)
		}
		n, err := reader.Read(b[len(b):cap(b)])
		*buf = b[:len(b)+n]
		switch {
		case int64(len(*buf)) > h.maxBody:
			return h.tooLarge()
		case err == io.EOF: // A Reader returns it as it is.
			return nil
		case err != nil:
			return unreadable(err)
		}
	}
}

func (h *handler) tooLarge() *status {
	return &status{http: http.StatusRequestEntityTooLarge, code: codeExhausted, message: fmt.Sprintf("otlp: body of more than %d bytes", h.maxBody)}
}

func unreadable(err error) *status {
	return &status{http: http.StatusBadRequest, code: codeInvalid, message: "otlp: body: " + err.Error()}
}

// A charge is what a request holds of its sink's memory.
type charge struct {
	admitter tracing.Admitter
	body     int64
	releases []func()
}

// upTo charges what total, the size of the body or of its buffer, is more than what was charged of that.
func (c *charge) upTo(total int64) error {
	err := c.more(total - c.body)
	if err == nil {
		c.body = max(c.body, total)
	}
	return err
}

func (c *charge) more(bytes int64) error {
	if c.admitter == nil || bytes <= 0 {
		return nil
	}
	release, err := c.admitter.Admit(bytes)
	if err != nil {
		return err
	}
	c.releases = append(c.releases, release)
	return nil
}

func (c *charge) release() {
	for _, release := range c.releases {
		release()
	}
}
