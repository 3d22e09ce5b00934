package otelsdk_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/adapters/otelsdk"
	"github.com/tenon-go/tenon/tracing"
)

// A sinkFunc is a sink of one function.
type sinkFunc func(ctx context.Context) error

func (f sinkFunc) Ingest(ctx context.Context, _ []byte) (tracing.Result, error) {
	return tracing.Result{}, f(ctx)
}

func TestExportNamesWhatTheSinkSaidBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		b := bridge(t, sinkFunc(func(ctx context.Context) error {
			if tries++; tries == 1 {
				return errors.New("no route")
			}
			<-ctx.Done()
			return context.Cause(ctx)
		}), otelsdk.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := b.ExportSpans(ctx, spans(2))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no route") {
			t.Errorf("got %v, want the deadline and what the sink said", err)
		}
		if got := b.Stats(); !strings.Contains(got.LastError, "no route") || got.Dropped != 2 || got.Refusals != 1 {
			t.Errorf("%+v, want 2 dropped after one refusal", got)
		}
	})
}

func TestAPanicOfTheSinkIsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		b := bridge(t, sinkFunc(func(context.Context) error {
			if tries++; tries == 1 {
				panic("nil map")
			}
			return nil
		}), otelsdk.Config{})
		if err := b.ExportSpans(t.Context(), spans(2)); err != nil {
			t.Error(err)
		}
		got := b.Stats()
		if got.LastError != "otelsdk: the sink panicked: nil map" {
			t.Errorf("last error %q, want the panic", got.LastError)
		}
		check(t, b, tracing.Stats{Ended: 2, Delivered: 2, Refusals: 1})
	})
}
