package otlp

import (
	"bytes"
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
// where spans were rejected; 400 for what is malformed; 405 and 415; 413 for what is larger than MaxBody, or than the sink can ever hold; 429 with Retry-After where the sink refuses for now, and 503 with it
// where the sink is closing or fails otherwise. Errors are google.rpc.Status. If the sink is a tracing.Admitter, bodies are charged before
// and while they are read.
func NewHandler(sink tracing.Sink, cfg HandlerConfig) (*Handler, error) {
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
	h := &Handler{sink: sink, maxBody: cfg.MaxBody}
	h.admitter, _ = sink.(tracing.Admitter)
	return h, nil
}

// A Handler is an http.Handler that takes OTLP. [NewHandler] makes it; it is safe for concurrent use.
type Handler struct {
	sink     tracing.Sink
	admitter tracing.Admitter // nil = none
	maxBody  int64
	buffers  sync.Pool // of *[]byte: a sink keeps no byte of a request

	mu    sync.Mutex
	stats HandlerStats
}

// HandlerStats count the requests that were refused without the sink, which knows of all others.
type HandlerStats struct {
	Malformed   int64 // could not be read or unpacked, or are no JSON of OTLP
	TooLarge    int64 // of more than MaxBody
	Unsupported int64 // by another method than POST, of another media type or encoding
}

// Stats returns what was refused so far.
func (h *Handler) Stats() HandlerStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stats
}

// count counts one more in a field of stats.
func (h *Handler) count(field *int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*field++
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := mediaType(r.Header)
	switch {
	case r.Method != http.MethodPost:
		h.count(&h.stats.Unsupported)
		w.Header().Set("Allow", http.MethodPost)
		status{http: http.StatusMethodNotAllowed, code: codeInvalid, message: "otlp: want POST"}.write(w, kind)
		return
	case kind != protobufType && kind != jsonType:
		h.count(&h.stats.Unsupported)
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

func (h *Handler) buffer() *[]byte {
	buf, ok := h.buffers.Get().(*[]byte)
	if !ok {
		buf = new(make([]byte, 0, firstBuffer))
	}
	return buf
}

func (h *Handler) keep(buf *[]byte) {
	if cap(*buf) <= keptBuffer {
		h.buffers.Put(buf)
	}
}

// take reads the body into buf and hands it to the sink.
func (h *Handler) take(r *http.Request, kind string, buf *[]byte, charge *charge) (tracing.Result, *status) {
	if refused := h.read(r, buf, charge); refused != nil {
		return tracing.Result{}, refused
	}
	body, err := *buf, error(nil)
	if kind == jsonType {
		if err = charge.more(int64(len(body))); err != nil { // Its protobuf is no longer.
			return tracing.Result{}, unaffordable(err)
		}
		if body, err = FromJSON(body); err != nil {
			h.count(&h.stats.Malformed)
		}
	}
	var result tracing.Result
	if err == nil {
		result, err = h.sink.Ingest(r.Context(), body)
	}
	if err != nil {
		s := statusOf(err)
		if kind == protobufType && s.field != "" && bytes.HasPrefix(bytes.TrimSpace(*buf), []byte("{")) {
			s.message += "; is this JSON?"
		}
		return tracing.Result{}, &s
	}
	return result, nil
}

// read reads and unpacks the body.
func (h *Handler) read(r *http.Request, buf *[]byte, charge *charge) *status {
	if r.ContentLength > h.maxBody {
		return h.tooLarge()
	}
	if err := charge.upTo(max(r.ContentLength, int64(cap(*buf)))); err != nil {
		return unaffordable(err)
	}
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return h.fill(buf, r.Body, charge)
	case "gzip":
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			return h.unreadable(err)
		}
		return h.fill(buf, unzip, charge)
	case "zstd":
		return h.zstd(r.Body, buf, charge)
	default:
		h.count(&h.stats.Unsupported)
		return &status{http: http.StatusUnsupportedMediaType, code: codeInvalid, message: "otlp: content encoding " + encoding + ": want gzip, zstd or none"}
	}
}

// fill reads all into buf, within the limit. What buf grows is charged before it does.
func (h *Handler) fill(buf *[]byte, reader io.Reader, charge *charge) *status {
	*buf = (*buf)[:0]
	for {
		b := *buf
		if len(b) == cap(b) {
			larger := min(2*int64(cap(b)), h.maxBody+1)
			if err := charge.upTo(larger); err != nil {
				return unaffordable(err)
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
			return h.unreadable(err)
		}
	}
}

func (h *Handler) tooLarge() *status {
	h.count(&h.stats.TooLarge)
	return &status{http: http.StatusRequestEntityTooLarge, code: codeExhausted, message: fmt.Sprintf("otlp: body of more than %d bytes", h.maxBody)}
}

func (h *Handler) unreadable(err error) *status {
	h.count(&h.stats.Malformed)
	return &status{http: http.StatusBadRequest, code: codeInvalid, message: "otlp: body: " + err.Error()}
}

// unaffordable returns what to answer where the sink has no room for a body: for now, or ever.
func unaffordable(err error) *status {
	s := statusOf(err)
	if errors.Is(err, tracing.ErrPermanent) {
		s.http, s.code = http.StatusRequestEntityTooLarge, codeExhausted
	}
	return &s
}

// A charge is what a request holds of its sink's memory.
type charge struct {
	admitter tracing.Admitter
	body     int64
	total    int64
	giveBack func() // nil = nothing is charged
}

// upTo charges what total, the size of the body or of its buffer, is more than what was charged of that.
func (c *charge) upTo(total int64) error {
	err := c.more(total - c.body)
	if err == nil {
		c.body = max(c.body, total)
	}
	return err
}

// more asks for all anew: only so can the sink tell what does not fit now from what never will.
func (c *charge) more(bytes int64) error {
	if c.admitter == nil || bytes <= 0 {
		return nil
	}
	c.release()
	release, err := c.admitter.Admit(c.total + bytes)
	if err != nil {
		return err
	}
	c.total, c.giveBack = c.total+bytes, release
	return nil
}

func (c *charge) release() {
	if c.giveBack != nil {
		c.giveBack()
		c.giveBack = nil
	}
}
