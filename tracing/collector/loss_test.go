package collector_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/otlp"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
	"go.opentelemetry.io/otel/trace"
)

// A strait is an output that takes so many bytes a second until it is set free.
type strait struct {
	rate  int
	free  chan struct{} // closed: as fast as it can
	turn  chan struct{} // one at a time
	mu    sync.Mutex
	left  map[trace.TraceID]bool
	bytes int
}

func newStrait(rate int) *strait {
	return &strait{rate: rate, free: make(chan struct{}), turn: make(chan struct{}, 1), left: map[trace.TraceID]bool{}}
}

func (o *strait) Put(_ context.Context, kept []tracing.Kept) error {
	size := 0
	for i := range kept {
		size += len(kept[i].OTLP)
	}
	o.turn <- struct{}{}
	select {
	case <-o.free:
	case <-time.After(time.Duration(size) * time.Second / time.Duration(o.rate)):
	}
	<-o.turn
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bytes += size
	for i := range kept {
		o.left[kept[i].ID] = true
	}
	return nil
}

// missed counts those of must that did not leave.
func (o *strait) missed(must map[trace.TraceID]bool) (missed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id := range must {
		if !o.left[id] {
			missed++
		}
	}
	return missed
}

// lossConfig holds traces for 5 s, and keeps errors, what took 4 s, and a tenth.
func lossConfig(limit int64) collector.Config {
	return collector.Config{
		MaxBytes: limit, Quiet: 5 * time.Second,
		Policies: []sampling.Policy{sampling.Errors{}, sampling.Slow{Over: 4 * time.Second}, sampling.Probability{P: 0.1}},
	}
}

// judge closes c, and tells what a storm came to.
func judge(t *testing.T, c *collector.Collector, out *strait, toll tracingtest.Toll) {
	t.Helper()
	ledger := finish(t, c)
	missed := out.missed(toll.Must)
	t.Logf("%d traces sent, %d spans acknowledged, %d of %d requests refused, %d for good; %d traces had to leave, %d spans left",
		toll.Traces, toll.Spans, toll.Refused, toll.Requests, toll.GivenUp, len(toll.Must), ledger.Exported.Spans)
	switch {
	case toll.Failed != nil:
		t.Errorf("a request failed: %v", toll.Failed)
	case missed > 0 || ledger.Loss() != 0 || len(toll.Must) < toll.Spans/2000:
		t.Errorf("%d of %d traces with an error or a slow root are missed, loss %v", missed, len(toll.Must), ledger.Loss())
	case toll.Undelayed > 0:
		t.Errorf("%d of %d refusals do not say when to come back", toll.Undelayed, toll.Refused)
	case ledger.Received.Spans != int64(toll.Spans):
		t.Errorf("%d spans received, %d acknowledged", ledger.Received.Spans, toll.Spans)
	}
}

// TestNoErrorIsLostAtTripleLoad sends far more than fits into memory to an output that takes 100 KB/s and is set free at the end. Whatever of
// the spans that failed or were slow was acknowledged is found in the output.
func TestNoErrorIsLostAtTripleLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newStrait(100_000)
		c := start(t, out, lossConfig(4<<20))
		toll := tracingtest.Storm{Rate: 750, For: 20 * time.Second, Traces: 75, Connections: 64, Send: func(ctx context.Context, req []byte) error {
			_, err := c.Ingest(ctx, req)
			return err
		}}.Run(t.Context())
		close(out.free)
		judge(t, c, out, toll)
		if toll.Refused == 0 || toll.Traces != 15_000 {
			t.Errorf("%d requests refused, %d traces sent: that is no overload", toll.Refused, toll.Traces)
		}
	})
}

// TestNothingIsRefusedThatCouldBeDecided sends more than fits for as long as traces should be quiet, but not more than fits for a second: traces
// that are complete are decided sooner then, beside those that their errors keep.
func TestNothingIsRefusedThatCouldBeDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newStrait(1 << 40)
		c := start(t, out, lossConfig(16<<20))
		toll := tracingtest.Storm{Rate: 1000, For: 8 * time.Second, Traces: 50, Send: func(ctx context.Context, req []byte) error {
			_, err := c.Ingest(ctx, req)
			return err
		}}.Run(t.Context())
		judge(t, c, out, toll)
		if toll.Refused > 0 {
			t.Errorf("%d of %d requests refused", toll.Refused, toll.Requests)
		}
	})
}

// TestNoErrorIsLost sends in real time and over HTTP, first as much as fits, then three times that to an output that takes 1 MB/s and is set free
// at the end. By default it is a tenth of the load for a second; TENON_LOSS_TRACES=15000 is the whole: 15,000 traces a second for 20 s, held in
// 256 MiB, and a bound of what the process may take.
func TestNoErrorIsLost(t *testing.T) {
	rate, limit, length, full := 1500, int64(16<<20), time.Second, false
	if text := os.Getenv("TENON_LOSS_TRACES"); text != "" {
		var err error
		if rate, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		limit, length, full = 256<<20, 20*time.Second, true
	}
	for _, load := range []struct {
		name         string
		rate, output int
	}{{"load=1x", rate, 1 << 40}, {"load=3x", 3 * rate, 1_000_000}} {
		t.Run(load.name, func(t *testing.T) {
			out := newStrait(load.output)
			c := start(t, out, lossConfig(limit))
			peak := watchResident(t)
			toll := tracingtest.Storm{Rate: load.rate, For: length, Send: overHTTP(t, c)}.Run(t.Context())
			close(out.free)
			judge(t, c, out, toll)
			resident := peak()
			t.Logf("%.0f traces/s, at most %d MB resident, %d MB out", float64(toll.Traces)/length.Seconds(), resident>>20, out.bytes>>20)
			if full && load.rate > rate && toll.Refused == 0 {
				t.Error("nothing was refused: that is no overload")
			}
			if most := limit*3/2 + 100_000_000; full && resident > most {
				t.Errorf("%d bytes resident, want at most %d", resident, most)
			}
		})
	}
}

// overHTTP serves c, and returns what sends a request to it once.
func overHTTP(t *testing.T, c *collector.Collector) func(context.Context, []byte) error {
	t.Helper()
	handler, err := otlp.NewHandler(c, otlp.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client := server.Client()
	return func(ctx context.Context, body []byte) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, bytes.NewReader(bytes.Clone(body))) // A transport may read on after a refusal.
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		answer, err := client.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		switch {
		case err != nil:
			return err
		case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable:
			seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // None is 0, which is counted.
			return &tracing.OverloadError{RetryAfter: time.Duration(seconds) * time.Second}
		case answer.StatusCode != http.StatusOK:
			return fmt.Errorf("status %d: %q", answer.StatusCode, text)
		}
		return nil
	}
}

// watchResident looks at the memory of the process ten times a second until it is asked for the most, in bytes; 0 where there is no /proc.
func watchResident(t *testing.T) (peak func() int64) {
	t.Helper()
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		var highest int64
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				highest = max(highest, resident())
			case <-stop:
				most <- highest
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-most
	}
}

func resident() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes); err == nil {
			return kilobytes << 10
		}
	}
	return 0
}
