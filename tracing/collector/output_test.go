package collector_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/attribute"
)

// TestTeeHandsPartsToEachOutputOnce has one output that works and one that is down for a while, in both orders.
func TestTeeHandsPartsToEachOutputOnce(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			recent, down := collector.NewRecent(0), &taker{}
			down.set(func(call int) error {
				if call <= 20 {
					return errors.New("down")
				}
				return nil
			}, 0)
			outputs := []collector.Output{recent, down}
			if !first {
				slices.Reverse(outputs)
			}
			c := start(t, collector.Tee(outputs...), collector.Config{})
			for i := range byte(62) {
				take(t, c, tracing.Encode([]tracing.Span{span(i+1, 1)}))
			}
			time.Sleep(time.Minute)
			finish(t, c)
			if got := len(recent.All()); got != 62 || len(down.spans(t)) != 62 {
				t.Errorf("62 traces became %d parts", got)
			}
		})
	}
}

// TestErrorsOfTheOutputAreInThoseOfFlushAndClose, of one that waits in its call as a client does, and is only then told to end.
func TestErrorsOfTheOutputAreInThoseOfFlushAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		out := collector.OutputFunc(func(ctx context.Context, _ []tracing.Kept) error {
			if calls++; calls == 1 {
				return errors.New("connection refused")
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		c := start(t, out, collector.Config{Workers: 1})
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1)}))
		for _, end := range []func(context.Context) error{c.Flush, c.Close} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := end(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "connection refused") {
				t.Errorf("got %v", err)
			}
		}
		if stats := c.Stats(); stats.OutputErrors != 2 || !strings.Contains(stats.LastOutput, "connection refused") {
			t.Errorf("%+v", stats)
		}
	})
}

// TestTeeRemembersOnlyTheSameParts: who gives up and goes on with others in the same memory loses none.
func TestTeeRemembersOnlyTheSameParts(t *testing.T) {
	recent := collector.NewRecent(0)
	fail := errors.New("down")
	tee := collector.Tee(recent, collector.OutputFunc(func(context.Context, []tracing.Kept) error { return fail }))
	for i := range byte(100) {
		for range 3 {
			batch := []tracing.Kept{{ID: id(1), OTLP: []byte{i}}}
			if err := tee.Put(t.Context(), batch); !errors.Is(err, fail) {
				t.Fatal(err)
			}
		}
	}
	if got := len(recent.All()); got != 100 {
		t.Errorf("100 parts became %d", got)
	}
	fail = tracing.ErrPermanent
	batch := []tracing.Kept{{ID: id(2), OTLP: []byte{1}}}
	for range 2 { // It is through with them each time.
		if err := tee.Put(t.Context(), batch); !errors.Is(err, tracing.ErrPermanent) {
			t.Fatal(err)
		}
	}
	if got := len(recent.Trace(id(2))); got != 2 {
		t.Errorf("2 parts became %d", got)
	}
}

// TestRecentPutsTracesTogether has a trace of three parts, of which two have a span in common.
func TestRecentPutsTracesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recent := collector.NewRecent(0)
		c := start(t, recent, collector.Config{EarlyKeep: true, Policies: []sampling.Policy{sampling.Errors{}, sampling.Always{}}})
		of := func(service string) func(*tracing.Span) {
			return func(s *tracing.Span) {
				s.Resource = &tracing.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", service)}}
			}
		}
		take(t, c, tracing.Encode([]tracing.Span{span(1, 2, failed, of("b"))}))
		take(t, c, tracing.Encode([]tracing.Span{span(2, 1, of("c"))}))
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1, of("a"), func(s *tracing.Span) { s.End = s.End.Add(time.Second) })}))
		take(t, c, tracing.Encode([]tracing.Span{span(1, 2, failed, of("b")), span(1, 3, of("b"))}))
		finish(t, c)
		if got := len(recent.Trace(id(1))); got != 3 {
			t.Fatalf("%d parts", got)
		}
		var got []string
		for kept, err := range recent.Traces() {
			if err != nil {
				t.Fatal(err)
			}
			s := kept.Summary
			got = append(got, fmt.Sprint(kept.ID == kept.Decision.Trace, " ", kept.Part, " ", len(views(t, kept.OTLP)), s.Spans, s.Errors, " ", s.RootService, " ", s.Duration, s.Services))
		}
		differ(t, "traces", []string{"true whole 3 3 1 a 2s [a b]", "true whole 1 1 0 c 1s [c]"}, got)
		report, err := sampling.DryRun([]sampling.Policy{sampling.Filter{Expr: `{ service = "a" } && { status = error }`}}, recent.Traces())
		if err != nil || report.Traces != 2 || report.Kept != 1 || report.Spans != 4 {
			t.Errorf("%+v, %v", report, err)
		}
	})
	recent := collector.NewRecent(0)
	if err := recent.Put(t.Context(), []tracing.Kept{{ID: id(1)}, {ID: id(1), OTLP: []byte{0x0a}}, {ID: id(2)}}); err != nil {
		t.Fatal(err)
	}
	var errs []error
	for _, err := range recent.Traces() {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], tracing.ErrPermanent) {
		t.Errorf("parts that cannot be read: %v", errs)
	}
}
