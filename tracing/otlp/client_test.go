package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/trace"
)

// A server answers requests in their order; the last answer is for all others.
type server struct {
	answers []response
	bodies  [][]byte
	header  http.Header // of the latest
	url     string
}

type response struct {
	code   int // 0 = the connection breaks
	header map[string]string
	body   string
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	reader := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		reader = unzip
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		return nil, err
	}
	a := s.answers[min(len(s.bodies), len(s.answers)-1)]
	s.bodies, s.header, s.url = append(s.bodies, body), r.Header, r.URL.String()
	if a.code == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	header := http.Header{}
	for key, value := range a.header {
		header.Set(key, value)
	}
	return &http.Response{StatusCode: a.code, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (s *server) client(t *testing.T, cfg otlp.ClientConfig) *otlp.Client {
	t.Helper()
	cfg.HTTP = &http.Client{Transport: s}
	c, err := otlp.NewClient("http://collector:4318", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// some returns a request of n spans of one trace.
func some(n int) []byte {
	spans := make([]tracing.Span, n)
	for i := range spans {
		spans[i] = tracing.Span{TraceID: trace.TraceID{1}, ID: trace.SpanID{byte(i + 1)}, Name: "s"}
	}
	return tracing.Encode(spans)
}

func TestClientSendsWhatItIsGiven(t *testing.T) {
	for _, uncompressed := range []bool{false, true} {
		s := &server{answers: []response{{code: 200}}}
		c := s.client(t, otlp.ClientConfig{Uncompressed: uncompressed, Header: http.Header{"Authorization": {"secret"}}})
		for range 2 { // The writer is used again.
			result, err := c.Ingest(t.Context(), some(3))
			if err != nil || result != (tracing.Result{Accepted: 3}) {
				t.Errorf("got %+v, %v", result, err)
			}
		}
		for _, body := range s.bodies {
			if !bytes.Equal(body, some(3)) {
				t.Errorf("sent %x, want %x", body, some(3))
			}
		}
		if s.header.Get("Authorization") != "secret" || s.header.Get("Content-Type") != "application/x-protobuf" || s.url != "http://collector:4318/v1/traces" {
			t.Errorf("sent to %s with %v", s.url, s.header)
		}
	}
}

func TestClientCountsPartialSuccess(t *testing.T) {
	for name, answer := range map[string]response{
		"protobuf": {code: 200, header: map[string]string{"Content-Type": "application/x-protobuf"}, body: "\x0a\x07\x08\x02\x12\x03bad"},
		"JSON":     {code: 200, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, body: `{"partialSuccess":{"rejectedSpans":"2","errorMessage":"bad"}}`},
	} {
		s := &server{answers: []response{answer}}
		c := s.client(t, otlp.ClientConfig{})
		result, err := c.Ingest(t.Context(), some(3))
		if want := (tracing.Result{Accepted: 1, Rejected: 2, Reason: "bad"}); err != nil || result != want {
			t.Errorf("%s: got %+v, %v, want %+v", name, result, err, want)
		}
		if got, want := c.Stats(), (otlp.ClientStats{Tries: 1, Requests: 1, Accepted: 1, Rejected: 2, LastError: "bad"}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestClientTriesAgainAsItIsTold(t *testing.T) {
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name   string
		first  response
		waited time.Duration // at least, and below half a second more
	}{
		{"no answer", response{}, 500 * time.Millisecond},
		{"bad gateway", response{code: 502}, 500 * time.Millisecond},
		{"gateway timeout", response{code: 504}, 500 * time.Millisecond},
		{"seconds", response{code: 429, header: map[string]string{"Retry-After": "7"}}, 7 * time.Second},
		{"a time", response{code: 503, header: map[string]string{"Date": date.Format(http.TimeFormat), "Retry-After": date.Add(9 * time.Second).Format(http.TimeFormat)}}, 9 * time.Second},
		{"a time that is past", response{code: 503, header: map[string]string{"Date": date.Format(http.TimeFormat), "Retry-After": date.Add(-time.Hour).Format(http.TimeFormat)}}, 500 * time.Millisecond},
		{"more than a lifetime", response{code: 429, header: map[string]string{"Retry-After": "2147483647"}}, 5 * time.Minute},
		{"more than can be counted", response{code: 429, header: map[string]string{"Retry-After": "99999999999999999999"}}, 5 * time.Minute},
		{"in a thousand years", response{code: 503, header: map[string]string{"Date": date.Format(http.TimeFormat), "Retry-After": date.AddDate(1000, 0, 0).Format(http.TimeFormat)}}, 5 * time.Minute},
		{"nonsense", response{code: 503, header: map[string]string{"Retry-After": "soon"}}, 500 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{answers: []response{test.first, {code: 200}}}
				begin := time.Now()
				result, err := s.client(t, otlp.ClientConfig{}).Ingest(t.Context(), some(2))
				if err != nil || result.Accepted != 2 || len(s.bodies) != 2 {
					t.Fatalf("%+v, %v after %d tries", result, err, len(s.bodies))
				}
				if waited := time.Since(begin); waited < test.waited || waited > test.waited+500*time.Millisecond {
					t.Errorf("waited %v, want %v", waited, test.waited)
				}
			})
		})
	}
}

// steps is a BackOff of a test.
type steps []time.Duration

func (s *steps) NextBackOff() time.Duration {
	if len(*s) == 0 {
		return -1
	}
	next := (*s)[0]
	*s = (*s)[1:]
	return next
}

func TestClientGivesUpWhenBackOffDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: []response{{code: 503, header: map[string]string{"Retry-After": "3", "Content-Type": "application/json"}, body: `{"message":"memory"}`}}}
		c := s.client(t, otlp.ClientConfig{BackOff: func() otlp.BackOff { return &steps{time.Second, 10 * time.Second} }})
		begin := time.Now()
		_, err := c.Ingest(t.Context(), some(1))
		overload, ok := errors.AsType[*tracing.OverloadError](err)
		if !ok || overload.RetryAfter != 3*time.Second || overload.Cause != "status 503 Service Unavailable: memory" {
			t.Errorf("got %v, want an OverloadError", err)
		}
		if waited := time.Since(begin); waited != 13*time.Second || len(s.bodies) != 3 {
			t.Errorf("%d tries in %v, want 3 in 13 s", len(s.bodies), waited)
		}
		if got := c.Stats(); got.Failed != 1 || got.Tries != 3 || got.LastError != err.Error() {
			t.Errorf("%+v", got)
		}
	})
}

func TestClientGivesUpAfterAMinuteByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: []response{{}}}
		begin := time.Now()
		_, err := s.client(t, otlp.ClientConfig{}).Ingest(t.Context(), some(1))
		if err == nil || errors.Is(err, tracing.ErrPermanent) || errors.Is(err, tracing.ErrOverload) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, want the connection's error", err)
		}
		if waited := time.Since(begin); waited < 30*time.Second || waited > 62*time.Second || len(s.bodies) != 7 {
			t.Errorf("%d tries in %v, want 7 within 62 s", len(s.bodies), waited)
		}
	})
}

func TestClientDoesNotRepeatWhatIsUseless(t *testing.T) {
	for _, code := range []int{301, 400, 401, 404, 413, 500, 501} {
		s := &server{answers: []response{{code: code, header: map[string]string{"Content-Type": "application/x-protobuf"}, body: "\x08\x03\x12\x03why"}}}
		_, err := s.client(t, otlp.ClientConfig{}).Ingest(t.Context(), some(1))
		status, ok := errors.AsType[*otlp.StatusError](err)
		if !ok || status.Code != code || status.Message != "why" || !errors.Is(err, tracing.ErrPermanent) || len(s.bodies) != 1 {
			t.Errorf("%d: got %v after %d tries, want a StatusError after one", code, err, len(s.bodies))
		}
	}
}

// TestClientSaysWhyNothingWorks while it tries, when it is told to stop, and after that.
func TestClientSaysWhyNothingWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		tries := 0
		c, err := otlp.NewClient("http://collector", otlp.ClientConfig{HTTP: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if tries++; tries <= 2 {
				return nil, refused
			}
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})}})
		if err != nil {
			t.Fatal(err)
		}
		stop := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() {
			_, err := c.Ingest(ctx, some(1))
			done <- err
		}()
		synctest.Wait()
		if got := c.Stats(); got.Tries != 1 || got.Failed != 0 || !strings.Contains(got.LastError, "connection refused") {
			t.Errorf("while it tries: %+v", got)
		}
		time.Sleep(5 * time.Second)
		cancel(stop)
		if err := <-done; !errors.Is(err, stop) || !errors.Is(err, refused) {
			t.Errorf("got %v, want both why it ends and why it failed", err)
		}
		if got := c.Stats(); got.Tries != 3 || got.Failed != 1 || !strings.Contains(got.LastError, "connection refused") {
			t.Errorf("after it: %+v", got)
		}
		if _, err := c.Ingest(ctx, some(1)); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
		if got := c.Stats(); got.Failed != 2 || !strings.Contains(got.LastError, "connection refused") {
			t.Errorf("a call that had no time: %+v", got)
		}
	})
}

func TestClientEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: []response{{code: 503}}}
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, cause)
		defer cancel()
		begin := time.Now()
		_, err := s.client(t, otlp.ClientConfig{}).Ingest(ctx, some(1))
		if !errors.Is(err, cause) || time.Since(begin) != 2*time.Second {
			t.Errorf("got %v after %v, want the cause after 2 s", err, time.Since(begin))
		}
	})
}

func TestClientBoundsATry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c, err := otlp.NewClient("https://collector/own/path", otlp.ClientConfig{
			HTTP: &http.Client{Transport: hangs}, Timeout: 5 * time.Second, BackOff: func() otlp.BackOff { return &steps{0} },
		})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if _, err := c.Ingest(t.Context(), nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 10*time.Second {
			t.Errorf("got %v after %v, want two tries of 5 s", err, time.Since(begin))
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPutSendsTracesTogether(t *testing.T) {
	s := &server{answers: []response{{code: 200}}}
	c := s.client(t, otlp.ClientConfig{})
	if err := c.Put(t.Context(), []tracing.Kept{{OTLP: some(1)}, {OTLP: some(2)}}); err != nil {
		t.Fatal(err)
	}
	spans, err := tracing.Decode(s.bodies[0])
	if err != nil || len(spans) != 3 || c.Stats().Accepted != 3 {
		t.Errorf("%d spans, %v, %+v", len(spans), err, c.Stats())
	}
}

func TestClientConfigIsChecked(t *testing.T) {
	for _, url := range []string{"", "collector:4318", "ftp://collector", "http://", "http://%zz"} {
		if _, err := otlp.NewClient(url, otlp.ClientConfig{Timeout: -1}); !errors.Is(err, tracing.ErrConfig) || !strings.Contains(err.Error(), "Timeout") {
			t.Errorf("%q: got %v, want ErrConfig and both problems", url, err)
		}
	}
}
