package otelsdk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/adapters/otelsdk"
	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// A sink decodes what it takes. It fails as often as there are errors.
type sink struct {
	mu       sync.Mutex
	errs     []error
	rejected int // spans of each request
	requests int
	spans    []tracing.Span
	sizes    []int
	at       []time.Time // of tries
}

func (s *sink) Ingest(ctx context.Context, req []byte) (tracing.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Now())
	if ctx.Err() != nil {
		return tracing.Result{}, context.Cause(ctx)
	}
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		return tracing.Result{}, err
	}
	spans, err := tracing.Decode(req)
	if err != nil {
		return tracing.Result{}, err
	}
	s.requests++
	s.spans = append(s.spans, spans...)
	s.sizes = append(s.sizes, len(req))
	result := tracing.Result{Accepted: len(spans) - s.rejected, Rejected: s.rejected}
	if s.rejected > 0 {
		result.Reason = "bad"
	}
	return result, nil
}

// waits returns the times between tries.
func (s *sink) waits() (waits []time.Duration) {
	for i := 1; i < len(s.at); i++ {
		waits = append(waits, s.at[i].Sub(s.at[i-1]))
	}
	return waits
}

func bridge(t *testing.T, s tracing.Sink, cfg otelsdk.Config) *otelsdk.Bridge {
	t.Helper()
	b, err := otelsdk.New(s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// spans returns spans of the SDK.
func spans(n int) []sdk.ReadOnlySpan {
	stubs := make(tracetest.SpanStubs, n)
	for i := range stubs {
		stubs[i] = tracetest.SpanStub{
			Name:        "stub",
			SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{byte(i >> 8), byte(i), 1}, TraceFlags: trace.FlagsSampled}),
		}
	}
	return stubs.Snapshots()
}

// check reports stats that do not add up or are not as wanted.
func check(t *testing.T, b *otelsdk.Bridge, want tracing.Stats) {
	t.Helper()
	got := b.Stats()
	if got.Ended != got.Delivered+got.Rejected+got.Dropped+got.Queued {
		t.Errorf("%+v does not add up", got)
	}
	got.LastError = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestProcessorSendsBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		b := bridge(t, s, otelsdk.Config{MaxBatch: 10, MaxDelay: 3 * time.Second})
		provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(b))
		tracer := provider.Tracer("lib")
		for range 25 {
			_, span := tracer.Start(t.Context(), "work")
			span.End()
		}
		synctest.Wait()
		check(t, b, tracing.Stats{Ended: 25, Delivered: 20, Queued: 5})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		check(t, b, tracing.Stats{Ended: 25, Delivered: 25})
		_, span := tracer.Start(t.Context(), "work")
		span.End()
		if err := provider.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		check(t, b, tracing.Stats{Ended: 26, Delivered: 26})
		_, span = tracer.Start(t.Context(), "work")
		span.End()
		if err := provider.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		check(t, b, tracing.Stats{Ended: 27, Delivered: 27})
		if s.requests != 5 {
			t.Errorf("%d requests, want 5", s.requests)
		}
		b.OnEnd(spans(1)[0])
		check(t, b, tracing.Stats{Ended: 28, Delivered: 27, Dropped: 1})
	})
}

// recordOnly records all and samples nothing.
type recordOnly struct{}

func (recordOnly) ShouldSample(sdk.SamplingParameters) sdk.SamplingResult {
	return sdk.SamplingResult{Decision: sdk.RecordOnly}
}
func (recordOnly) Description() string { return "recordOnly" }

func TestProcessorLeavesUnsampledSpansAlone(t *testing.T) {
	s := &sink{}
	b := bridge(t, s, otelsdk.Config{})
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(b), sdk.WithSampler(recordOnly{}))
	_, span := provider.Tracer("lib").Start(t.Context(), "work")
	span.End()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	check(t, b, tracing.Stats{})
}

func TestProcessorWaitsForTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{errs: []error{&tracing.OverloadError{RetryAfter: 7 * time.Second, Cause: "memory"}}}
		b := bridge(t, s, otelsdk.Config{MaxDelay: time.Second})
		b.OnEnd(spans(1)[0])
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := b.ForceFlush(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "otelsdk: ") {
			t.Errorf("got %v, want the context's error", err)
		}
		check(t, b, tracing.Stats{Ended: 1, Queued: 1, Refusals: 1})
		if err := b.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
		check(t, b, tracing.Stats{Ended: 1, Delivered: 1, Refusals: 1})
		if diff := cmp.Diff([]time.Duration{7 * time.Second}, s.waits()); diff != "" {
			t.Errorf("waits -want +got:\n%s", diff)
		}
	})
}

func TestShutdownSaysWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{errs: []error{&tracing.OverloadError{RetryAfter: time.Hour, Cause: "memory"}}}
		b := bridge(t, s, otelsdk.Config{})
		for _, span := range spans(3) {
			b.OnEnd(span)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := b.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 spans") {
			t.Errorf("got %v, want the context's error and 3 spans", err)
		}
		check(t, b, tracing.Stats{Ended: 3, Dropped: 3, Refusals: 1})
	})
}

func TestProcessorDropsBeyondItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{errs: []error{&tracing.OverloadError{RetryAfter: time.Minute, Cause: "memory"}}}
		b := bridge(t, s, otelsdk.Config{MaxQueueBytes: 1000, MaxDelay: time.Second})
		for _, span := range spans(100) {
			b.OnEnd(span)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		got := b.Stats()
		if got.Ended != 100 || got.Dropped < 50 || got.Delivered < 10 || got.Queued != 0 || got.Delivered+got.Dropped != 100 || len(s.spans) != int(got.Delivered) {
			t.Errorf("got %+v, and the sink %d spans", got, len(s.spans))
		}
	})
}

func TestExporterComesBackWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{errs: []error{
			&tracing.OverloadError{RetryAfter: 7 * time.Second, Cause: "memory"}, errors.New("disk"), &tracing.OverloadError{Cause: "queue"},
			fmt.Errorf("x: %w", &tracing.OverloadError{RetryAfter: time.Second, Cause: "memory"}),
		}}
		b := bridge(t, s, otelsdk.Config{})
		if err := b.ExportSpans(t.Context(), spans(5)); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{7 * time.Second, 100 * time.Millisecond, 200 * time.Millisecond, time.Second}
		if diff := cmp.Diff(want, s.waits()); diff != "" {
			t.Errorf("waits -want +got:\n%s", diff)
		}
		check(t, b, tracing.Stats{Ended: 5, Delivered: 5, Refusals: 4})
	})
}

func TestExporterWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{errs: []error{&tracing.OverloadError{RetryAfter: time.Hour, Cause: "memory"}}}
		b := bridge(t, s, otelsdk.Config{})
		cause := errors.New("shutdown")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, cause)
		defer cancel()
		began := time.Now()
		done := make(chan error)
		go func() { done <- b.ExportSpans(ctx, spans(5)) }()
		synctest.Wait()
		check(t, b, tracing.Stats{Ended: 5, Queued: 5, Refusals: 1})
		if err := <-done; !errors.Is(err, cause) || !errors.Is(err, tracing.ErrOverload) || time.Since(began) != 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		check(t, b, tracing.Stats{Ended: 5, Dropped: 5, Refusals: 1})
		if err := b.ExportSpans(ctx, spans(1)); !errors.Is(err, cause) { // It ended before.
			t.Errorf("got %v", err)
		}
	})
}

func TestExporterGivesUpAtOnceWhereTryingIsOfNoUse(t *testing.T) {
	for _, refusal := range []error{&tracing.RequestError{Reason: "x"}, fmt.Errorf("x: %w", tracing.ErrPermanent), &tracing.OverloadError{RetryAfter: time.Hour, Cause: tracing.Closing}} {
		s := &sink{errs: []error{refusal}}
		b := bridge(t, s, otelsdk.Config{})
		if err := b.ExportSpans(t.Context(), spans(5)); !errors.Is(err, refusal) && !errors.Is(err, tracing.ErrPermanent) {
			t.Errorf("got %v, want %v", err, refusal)
		}
		check(t, b, tracing.Stats{Ended: 5, Dropped: 5})
		if got := b.Stats().LastError; got != refusal.Error() {
			t.Errorf("last error %q, want %q", got, refusal)
		}
	}
}

func TestExporterNamesRejectedSpans(t *testing.T) {
	b := bridge(t, &sink{rejected: 2}, otelsdk.Config{})
	if err := b.ExportSpans(t.Context(), spans(5)); !errors.Is(err, tracing.ErrPermanent) || !strings.Contains(err.Error(), "2 of 5 spans were rejected: bad") {
		t.Errorf("got %v", err)
	}
	check(t, b, tracing.Stats{Ended: 5, Delivered: 3, Rejected: 2})
}

func TestExporterEndsWithShutdown(t *testing.T) {
	s := &sink{}
	b := bridge(t, s, otelsdk.Config{})
	provider := sdk.NewTracerProvider(sdk.WithBatcher(b))
	_, span := provider.Tracer("lib").Start(t.Context(), "work")
	span.End()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	check(t, b, tracing.Stats{Ended: 1, Delivered: 1})
	if err := b.ExportSpans(t.Context(), spans(2)); !errors.Is(err, tracing.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if err := b.ExportSpans(t.Context(), nil); err != nil {
		t.Errorf("nothing: got %v", err)
	}
	check(t, b, tracing.Stats{Ended: 3, Delivered: 1, Dropped: 2})
	if err := b.Shutdown(t.Context()); err != nil {
		t.Errorf("again: got %v", err)
	}
}

// Spans of two scopes that take turns are sent as if they did not.
func TestEqualResourcesAndScopesAreSentOnce(t *testing.T) {
	s := &sink{}
	b := bridge(t, s, otelsdk.Config{})
	long := trace.WithInstrumentationAttributes(attribute.String("long", strings.Repeat("x", 10_000)))
	for _, option := range []sdk.TracerProviderOption{sdk.WithSpanProcessor(b), sdk.WithBatcher(b)} {
		provider := sdk.NewTracerProvider(option)
		for i := range 20 {
			_, span := provider.Tracer(fmt.Sprint("lib", i%2), long).Start(t.Context(), "work")
			span.End()
		}
		if err := provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.spans) != 40 || len(s.sizes) != 2 || s.sizes[0] > 30_000 || s.sizes[1] > 30_000 {
		t.Errorf("%d spans in requests of %d bytes, want 40 in two of about 20,000 each", len(s.spans), s.sizes)
	}
}

// Also while spans end and are exported, each has its fate, and at the end the sink has what was delivered.
func TestEverySpanIsAccountedForAtEveryInstant(t *testing.T) {
	const workers, rounds = 4, 200
	s := &sink{}
	for i := range 20 {
		s.errs = append(s.errs, []error{&tracing.OverloadError{RetryAfter: time.Millisecond}, tracing.ErrPermanent}[i%2])
	}
	b := bridge(t, s, otelsdk.Config{MaxBatch: 8, MaxQueueBytes: 2000})
	var wg, watcher sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	watcher.Go(func() {
		for ctx.Err() == nil {
			if got := b.Stats(); got.Queued < 0 || got.Ended != got.Delivered+got.Rejected+got.Dropped+got.Queued {
				t.Errorf("%+v", got)
				return
			}
		}
	})
	for range workers {
		wg.Go(func() {
			for i := range rounds {
				if i%10 == 0 {
					_ = b.ExportSpans(t.Context(), spans(3)) // Counted.
				}
				b.OnEnd(spans(1)[0])
			}
		})
	}
	wg.Wait()
	if err := b.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	watcher.Wait()
	got := b.Stats()
	if want := int64(workers * rounds * 13 / 10); got.Ended != want || got.Queued != 0 || got.Delivered != int64(len(s.spans)) || got.Dropped < 10 || got.Refusals != 10 {
		t.Errorf("got %+v, want %d ended; the sink has %d", got, want, len(s.spans))
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := otelsdk.New(nil, otelsdk.Config{MaxBatch: -1, MaxDelay: -1, MaxQueueBytes: -1})
	for _, part := range []string{"no sink", "MaxBatch", "MaxDelay", "MaxQueueBytes"} {
		if !errors.Is(err, tracing.ErrConfig) || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v, want ErrConfig and %q", err, part)
		}
	}
}
