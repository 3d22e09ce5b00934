package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
)

// A sink checks requests as a collector does, unless err says what to answer. It counts what is charged.
type sink struct {
	err   error
	limit int64 // 0 = none
	bound int64 // above which nothing fits, ever; 0 = none

	mu            sync.Mutex
	spans         int
	charged, most int64
}

func (s *sink) Ingest(_ context.Context, req []byte) (tracing.Result, error) {
	if s.err != nil {
		return tracing.Result{}, s.err
	}
	var groups otlp.Groups
	result, err := groups.Read(req)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spans += result.Accepted
	return result, err
}

func (s *sink) Admit(size int64) (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound > 0 && size > s.bound {
		return nil, fmt.Errorf("%d bytes: %w", size, tracing.ErrPermanent)
	}
	if s.limit > 0 && s.charged+size > s.limit {
		return nil, &tracing.OverloadError{RetryAfter: 1500 * time.Millisecond, Cause: "memory"}
	}
	s.charged += size
	s.most = max(s.most, s.charged)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.charged -= size
	}, nil
}

// post sends a body to a handler of s, as of unknown length if chunked.
func post(t *testing.T, s *sink, kind, encoding string, body []byte, chunked bool) *httptest.ResponseRecorder {
	t.Helper()
	h, err := otlp.NewHandler(s, otlp.HandlerConfig{MaxBody: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var reader io.Reader = bytes.NewReader(body)
	if chunked {
		reader = struct{ io.Reader }{reader}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/traces", reader)
	r.Header.Set("Content-Type", kind)
	if encoding != "" {
		r.Header.Set("Content-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if s.charged != 0 {
		t.Errorf("%d bytes are still charged", s.charged)
	}
	return w
}

func gzipped(body []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body)
	_ = w.Close()
	return b.Bytes()
}

func zstandard(t *testing.T, body []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(body, nil)
}

const (
	protobuf = "application/x-protobuf"
	jsonBody = "application/json"
)

func TestHandlerTakesEveryForm(t *testing.T) {
	req := some(3)
	text, err := otlp.AppendJSON(nil, req)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, kind, encoding string
		body                 []byte
		want                 string
		spans                int
	}{
		{"protobuf", protobuf, "", req, "", 3},
		{"identity", protobuf, "identity", req, "", 3},
		{"gzip", protobuf, "gzip", gzipped(req), "", 3},
		{"zstd", protobuf, "zstd", zstandard(t, req), "", 3},
		{"JSON", jsonBody + "; charset=utf-8", "", text, "{}", 3},
		{"JSON in gzip", jsonBody, "GZIP", gzipped(text), "{}", 3},
		{"empty", protobuf, "", nil, "", 0},
		{"rejected", protobuf, "", append(some(1), tracing.Encode([]tracing.Span{{}})...), "\x0a\x29\x08\x01\x12\x25" + string(tracing.BadTraceID), 1},
		{"rejected in JSON", jsonBody, "", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"aa"}]}]}]}`), `{"partialSuccess":{"rejectedSpans":"1","errorMessage":"` + string(tracing.BadTraceID) + `"}}`, 0},
	}
	for _, test := range tests {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, " chunked ", chunked), func(t *testing.T) {
				s := &sink{}
				resp := post(t, s, test.kind, test.encoding, test.body, chunked)
				if body := resp.Body.String(); resp.Code != 200 || body != test.want || s.spans != test.spans {
					t.Errorf("status %d, body %q, %d spans; want 200, %q, %d spans", resp.Code, body, s.spans, test.want, test.spans)
				}
				if got := resp.Header().Get("Content-Type"); !strings.HasPrefix(test.kind, got) {
					t.Errorf("answered in %s", got)
				}
			})
		}
	}
}

func TestHandlerSaysWhyItRefuses(t *testing.T) {
	big := bytes.Repeat([]byte{0x12, 0}, 1<<20) // An unknown field, many times.
	tests := []struct {
		name, kind, encoding string
		body                 []byte
		err                  error
		limit                int64
		status               int
		retry                string
		parts                []string
	}{
		{"malformed", protobuf, "", []byte{0x0a}, nil, 0, 400, "", []string{"\x08\x03\x12", "field longer", "google.rpc.BadRequest", "offset 0"}},
		{"JSON as protobuf", protobuf, "", []byte(` {"resourceSpans":[]}`), nil, 0, 400, "", []string{"is this JSON?"}},
		{"malformed JSON", jsonBody, "", []byte(`{"resourceSpans":1}`), nil, 0, 400, "", []string{`"code":3`, `"field":"resourceSpans"`, "want an array", "google.rpc.BadRequest"}},
		{"not gzip", protobuf, "gzip", []byte("x"), nil, 0, 400, "", []string{"body"}},
		{"half of gzip", protobuf, "gzip", gzipped(big[:1<<10])[:20], nil, 0, 400, "", []string{"body"}},
		{"not zstd", protobuf, "zstd", []byte("xxxxxxxx"), nil, 0, 400, "", []string{"body"}},
		{"too large", protobuf, "", big, nil, 0, 413, "", []string{"1048576 bytes"}},
		{"a gzip bomb", protobuf, "gzip", gzipped(big), nil, 0, 413, "", []string{"\x08\x08", "1048576 bytes"}},
		{"a zstd bomb", protobuf, "zstd", zstandard(t, big), nil, 0, 413, "", []string{"1048576 bytes"}},
		{"encoding", protobuf, "br", nil, nil, 0, 415, "", []string{"br"}},
		{"media type", "text/html", "", nil, nil, 0, 415, "", []string{"want application/x-protobuf"}},
		{"no media type", "", "", nil, nil, 0, 415, "", nil},
		{"memory", protobuf, "", some(1), nil, 1, 429, "2", []string{"memory"}},
		{"memory, when unpacked", protobuf, "gzip", gzipped(big[:1<<20]), nil, 128 << 10, 429, "2", []string{"memory"}},
		{"memory, for the window of zstd", protobuf, "zstd", windowed(t, some(1)), nil, 1 << 20, 429, "2", []string{"memory"}},
		{"memory, for a later window", protobuf, "zstd", append(zstandard(t, some(1)), windowed(t, some(1))...), nil, 1 << 20, 429, "2", []string{"memory"}},
		{"half of zstd", protobuf, "zstd", windowed(t, some(1))[:12], nil, 0, 400, "", []string{"body"}},
		{"overload", protobuf, "", some(1), &tracing.OverloadError{Cause: "queue"}, 0, 429, "1", []string{"\x08\x0e", "queue"}},
		{"overload in JSON", jsonBody, "", []byte(`{}`), &tracing.OverloadError{Cause: "queue"}, 0, 429, "1", []string{`"code":14`, "queue"}},
		{"closing", protobuf, "", some(1), &tracing.OverloadError{RetryAfter: time.Minute, Cause: tracing.Closing}, 0, 503, "60", []string{"closing"}},
		{"another failure", protobuf, "", some(1), errors.New("disk"), 0, 503, "1", []string{"disk"}},
		{"for good", protobuf, "", some(1), fmt.Errorf("no: %w", tracing.ErrPermanent), 0, 400, "", []string{"permanent"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &sink{err: test.err, limit: test.limit}
			for _, chunked := range []bool{false, true} {
				resp := post(t, s, test.kind, test.encoding, test.body, chunked)
				if retry := resp.Header().Get("Retry-After"); resp.Code != test.status || retry != test.retry {
					t.Fatalf("status %d, retry after %q: %q; want %d, %q", resp.Code, retry, resp.Body, test.status, test.retry)
				}
				wantParts(t, resp.Body.String(), test.parts)
			}
			if s.spans > 0 || s.most > 11<<20 {
				t.Errorf("%d spans taken, %d bytes charged", s.spans, s.most)
			}
		})
	}
}

// TestBodiesThatNeverFitAreRefusedForGood has a sink that holds less than the body, whichever way that comes.
func TestBodiesThatNeverFitAreRefusedForGood(t *testing.T) {
	const bound = 256 << 10
	large := some(bound / 20)
	text, err := otlp.AppendJSON(nil, some(bound/110)) // It fits, but not twice.
	if err != nil || len(text) > bound || 2*len(text) < bound || len(large) < bound {
		t.Fatal(len(text), len(large), err)
	}
	for _, test := range []struct {
		name, kind, encoding string
		body                 []byte
	}{
		{"as it is", protobuf, "", large},
		{"gzip", protobuf, "gzip", gzipped(large)},
		{"zstd", protobuf, "zstd", zstandard(t, large)},
		{"JSON", jsonBody, "", text},
	} {
		for _, chunked := range []bool{false, true} {
			s := &sink{bound: bound, limit: bound}
			resp := post(t, s, test.kind, test.encoding, test.body, chunked)
			if resp.Code != http.StatusRequestEntityTooLarge || resp.Header().Get("Retry-After") != "" {
				t.Errorf("%s, chunked %v: status %d, retry after %q", test.name, chunked, resp.Code, resp.Header().Get("Retry-After"))
			}
		}
	}
}

// TestHandlerCountsWhatTheSinkDoesNotSee has a row for each way to be refused before the sink is asked.
func TestHandlerCountsWhatTheSinkDoesNotSee(t *testing.T) {
	h, err := otlp.NewHandler(&sink{}, otlp.HandlerConfig{MaxBody: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ method, kind, encoding, body string }{
		{"POST", jsonBody, "", `{"resourceSpans":1}`},
		{"POST", jsonBody, "", `{`},
		{"POST", protobuf, "gzip", "x"},
		{"POST", protobuf, "", strings.Repeat("x", 2<<10)},
		{"POST", protobuf, "br", ""},
		{"POST", "text/html", "", ""},
		{"GET", protobuf, "", ""},
		{"POST", protobuf, "", "\x0a"}, // The sink's.
		{"POST", protobuf, "", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), row.method, "/", strings.NewReader(row.body))
		r.Header.Set("Content-Type", row.kind)
		r.Header.Set("Content-Encoding", row.encoding)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if got, want := h.Stats(), (otlp.HandlerStats{Malformed: 3, TooLarge: 1, Unsupported: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestRefusalsDoNotRepeatThemselves, neither in the message nor in the details.
func TestRefusalsDoNotRepeatThemselves(t *testing.T) {
	s := &sink{err: &tracing.OverloadError{RetryAfter: 5 * time.Second, Cause: "memory"}}
	if got := post(t, s, jsonBody, "", []byte(`{}`), false).Body.String(); got != `{"code":14,"message":"refused for now: memory"}` {
		t.Errorf("got %s", got)
	}
	got := post(t, &sink{}, jsonBody, "", []byte(`{"resourceSpans":1}`), false).Body.String()
	if strings.Count(got, "resourceSpans") != 2 || strings.Count(got, "want an array") != 2 { // In the message, as field and as description.
		t.Errorf("got %s", got)
	}
}

func wantParts(t *testing.T, body string, parts []string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(body, part) {
			t.Errorf("%q does not say %q", body, part)
		}
	}
}

// windowed packs like a stream whose size is not known in the beginning: it may look back on 8 MiB.
func windowed(t *testing.T, b []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed, zstd.WithWindowSize(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	for _, half := range [][]byte{b[:len(b)/2], b[len(b)/2:]} {
		if _, err := w.Write(half); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// A body is charged for the window that its frames have, not for any that they could have; and what its client has not sent yet costs nothing.
func TestZstdIsChargedByItsWindows(t *testing.T) {
	small, skipped := zstandard(t, some(1)), append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "xyz"...)
	for name, test := range map[string]struct {
		body  []byte
		spans int
		most  int64
	}{
		"a frame":             {small, 1, 1 << 20},
		"three frames":        {slices.Concat(small, skipped, small, small), 3, 1 << 20},
		"a frame of a stream": {windowed(t, some(1)), 1, 9 << 20},
		"all of them":         {slices.Concat(small, windowed(t, some(1)), skipped), 2, 9 << 20},
	} {
		s := &sink{}
		resp := post(t, s, protobuf, "zstd", test.body, true)
		if resp.Code != http.StatusOK || s.spans != test.spans || s.most > test.most {
			t.Errorf("%s: status %d, %d spans, %d bytes charged at most", name, resp.Code, s.spans, s.most)
		}
		for n := range test.body { // What is cut off or changed is no reason to panic.
			post(t, s, protobuf, "zstd", test.body[:n], true)
			changed := slices.Clone(test.body)
			changed[n] ^= 0x55
			post(t, s, protobuf, "zstd", changed, true)
		}
		if s.most > 10<<20 {
			t.Errorf("%s: %d bytes charged at most", name, s.most)
		}
	}
}

func TestHandlerTakesPOSTOnly(t *testing.T) {
	h, err := otlp.NewHandler(&sink{}, otlp.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
		t.Errorf("status %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	if _, err := otlp.NewHandler(nil, otlp.HandlerConfig{MaxBody: -1}); !errors.Is(err, tracing.ErrConfig) || !strings.Contains(err.Error(), "MaxBody") {
		t.Errorf("got %v, want ErrConfig and both problems", err)
	}
}

// A client and a handler understand each other, whatever happens.
func TestClientAndHandlerOverHTTP(t *testing.T) {
	s := &sink{}
	h, err := otlp.NewHandler(s, otlp.HandlerConfig{MaxBody: 4096})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	c, err := otlp.NewClient(srv.URL, otlp.ClientConfig{BackOff: func() otlp.BackOff { return &steps{} }})
	if err != nil {
		t.Fatal(err)
	}
	result, err := c.Ingest(t.Context(), append(some(2), tracing.Encode([]tracing.Span{{}})...))
	if want := (tracing.Result{Accepted: 2, Rejected: 1, Reason: string(tracing.BadTraceID)}); err != nil || result != want {
		t.Errorf("got %+v, %v, want %+v", result, err, want)
	}
	for _, test := range []struct {
		req    []byte
		sink   error
		status int
	}{{[]byte{0x0a}, nil, 400}, {some(200), nil, 413}, {some(1), errors.New("disk"), 0}, {some(1), &tracing.OverloadError{RetryAfter: time.Second}, 0}} {
		s.err = test.sink
		_, err := c.Ingest(t.Context(), test.req)
		status, isStatus := errors.AsType[*otlp.StatusError](err)
		if isStatus != (test.status > 0) || isStatus && (status.Code != test.status || status.Message == "") {
			t.Errorf("got %v, want status %d", err, test.status)
		}
		if overload, ok := errors.AsType[*tracing.OverloadError](err); ok == isStatus || ok && overload.RetryAfter != time.Second {
			t.Errorf("got %v, want an OverloadError of 1 s where there is no status", err)
		}
	}
}
