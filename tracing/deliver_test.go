package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// A sinkFunc is a sink of one function.
type sinkFunc func(ctx context.Context) error

func (f sinkFunc) Ingest(ctx context.Context, _ []byte) (tracing.Result, error) {
	return tracing.Result{}, f(ctx)
}

// refusing ends two spans into a sink that is closed after a second, and returns the stats, the error of Flush and that of Close.
func refusing(t *testing.T, sink tracing.Sink) (stats tracing.Stats, flush, end error) {
	t.Helper()
	p := batching(t, sink, tracing.Config{MaxBatch: 1})
	emit(t, p, 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	flush = p.Flush(ctx)
	end = p.Close(ctx)
	return p.Stats(), flush, end
}

// That a wait was ended is no news: what was waited for is.
func TestErrorsOfCloseNameWhatTheSinkSaid(t *testing.T) {
	hangs := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	tests := []struct {
		name, flush, want string
		sink              sinkFunc
	}{
		{
			"refusals", "no route", "no route",
			func(ctx context.Context) error {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return errors.New("no route")
			},
		},
		{
			"tries of its own", "no answer yet", "no route",
			func(ctx context.Context) error { return fmt.Errorf("%w (last try: no route)", hangs(ctx)) },
		},
		{"silence", "no answer yet", "context canceled", hangs},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stats, flush, end := refusing(t, test.sink)
				if !errors.Is(flush, context.DeadlineExceeded) || !strings.Contains(flush.Error(), test.flush) {
					t.Errorf("Flush: got %v, want the deadline and %q", flush, test.flush)
				}
				if !errors.Is(end, context.DeadlineExceeded) || !strings.Contains(end.Error(), "2 spans") || !strings.Contains(end.Error(), test.want) {
					t.Errorf("Close: got %v, want the deadline, 2 spans and %q", end, test.want)
				}
				if !strings.Contains(stats.LastError, test.want) || stats.Dropped != 2 {
					t.Errorf("%+v, want 2 dropped and %q", stats, test.want)
				}
			})
		})
	}
}

// What went wrong yesterday is not why a sink that took spans since does not answer now.
func TestErrorsThatAreOverExplainNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		sink := sinkFunc(func(ctx context.Context) error {
			tries++
			switch tries {
			case 1:
				return errors.New("yesterday's")
			case 2:
				return nil
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		_, _, end := refusing(t, sink)
		if end == nil || !strings.Contains(end.Error(), "1 spans") || strings.Contains(end.Error(), "yesterday") {
			t.Errorf("got %v, want one span and no old error", end)
		}
	})
}

func TestAPanicOfTheSinkIsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		p := batching(t, sinkFunc(func(context.Context) error {
			tries++
			if tries == 1 {
				panic("nil map")
			}
			return nil
		}), tracing.Config{MaxBatch: 1})
		defer closed(t, p)
		emit(t, p, 1)
		synctest.Wait()
		if got := p.Stats(); got.Refusals != 1 || got.Queued != 1 || got.LastError != "tracing: the sink panicked: nil map" {
			t.Errorf("%+v, want one refusal that names the panic", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := p.Stats(); got.Delivered != 1 {
			t.Errorf("%+v, want the span delivered at the second try", got)
		}
	})
}
