package collector_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/internal/wal"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/trace"
)

// Shards that reach their peaks one after the other have no more memory than at once.
//
// Invariant: tracing 5.
func TestShardsDoNotKeepTheirPeaks(t *testing.T) {
	const most = 8 << 20
	c := start(t, collector.OutputFunc(discard), collector.Config{MaxBytes: most})
	for i := range 30 {
		take(t, c, tracing.Encode([]tracing.Span{span(byte(i), 1, func(s *tracing.Span) { s.Name = strings.Repeat("n", 3<<20) })}))
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if slabs := c.SlabBytes(); slabs > most*3/2 {
		t.Errorf("nothing is held, of MaxBytes %d, and shards have %d", most, slabs)
	}
	finish(t, c)
	if slabs := c.SlabBytes(); slabs != 0 {
		t.Errorf("after Close there are %d bytes", slabs)
	}
}

// Names that senders write are kept for good only as far as they are short and few; what leaves has them as they came.
func TestNamesAreBounded(t *testing.T) {
	long := 0
	c := start(t, collector.OutputFunc(func(_ context.Context, kept []tracing.Kept) error {
		for i := range kept {
			if sum := &kept[i].Summary; len(sum.RootService) > 100_000 && len(sum.RootName) > 100_000 {
				long++
			}
		}
		return nil
	}), collector.Config{Shards: 1, Workers: 1})
	before := heap()
	for i := range 600 {
		size := 1000 // There is no room for all of them, though each is short.
		if i%2 == 0 {
			size = 100_000
		}
		s := span(1, 1)
		s.TraceID, s.Name = traceNo(i), fmt.Sprint(i, strings.Repeat("n", size))
		s.Resource = of(fmt.Sprint(i, strings.Repeat("s", size)))
		take(t, c, tracing.Encode([]tracing.Span{s}))
		if i%50 == 0 {
			if err := c.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if grown := heap() - before; grown > 20<<20 {
		t.Errorf("nothing is held, and %d bytes are", grown)
	}
	ledger := finish(t, c)
	if long != 300 {
		t.Errorf("%d of 300 long names left", long)
	}
	other := slices.IndexFunc(ledger.Services, func(s collector.ServiceLedger) bool { return s.Name == "_other" })
	if other < 0 || ledger.Services[other].Received.Spans < 450 || ledger.Services[other].Exported != ledger.Services[other].Received {
		t.Errorf("services %.300v", fmt.Sprint(ledger.Services))
	}
}

// A large span leaves no room of its size behind in the shard that had it.
func TestLargeSpansLeaveNoRoomBehind(t *testing.T) {
	c := start(t, collector.OutputFunc(discard), collector.Config{MaxBytes: 8 << 20, Policies: []sampling.Policy{sampling.Always{}}})
	before := heap()
	for i := range 200 { // All shards get one.
		s := span(1, 1, func(s *tracing.Span) { s.Name = strings.Repeat("n", 500_000) })
		s.TraceID = traceNo(i)
		take(t, c, tracing.Encode([]tracing.Span{s}))
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("nothing is held, and %d bytes are", grown)
	}
	finish(t, c)
}

// What requests of very many small spans take while they are read is bounded, and charged.
//
// Invariant: tracing 5.
func TestReadingIsCharged(t *testing.T) {
	const most = 16 << 20
	one := func(int) trace.TraceID { return traceNo(1) }
	for name, test := range map[string]struct {
		req  []byte
		fits bool
	}{
		"many traces":       {many(300_000, traceNo), false},
		"one trace":         {many(300_000, one), false},
		"one that fits":     {many(50_000, one), true},
		"one, and too much": {append(many(300_000, one), 0xff), false},
	} {
		c := start(t, &taker{}, collector.Config{MaxBytes: most})
		before, after := runtime.MemStats{}, runtime.MemStats{}
		runtime.ReadMemStats(&before)
		_, err := c.Ingest(t.Context(), test.req)
		runtime.ReadMemStats(&after)
		if (err == nil) != test.fits {
			t.Errorf("%s: %v", name, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 5*most {
			t.Errorf("%s: reading %d bytes took %d", name, len(test.req), took)
		}
		balanced(t, c)
		finish(t, c)
	}
}

// many returns a request of n small spans, each of the trace that it is given.
func many(n int, of func(int) trace.TraceID) []byte {
	var req []byte
	for i := 0; i < n; i += 1000 {
		spans := make([]tracing.Span, 1000)
		for j := range spans {
			spans[j] = tracing.Span{TraceID: of(i + j), ID: trace.SpanID{7: 1}}
			binary.BigEndian.PutUint32(spans[j].ID[:], uint32(i+j+1))
		}
		req = append(req, tracing.Encode(spans)...)
	}
	return req
}

// What was acknowledged is taken again from the log, though a buffer of now would not let it be read.
func TestReadingAgainIsNotRefused(t *testing.T) {
	dir := t.TempDir()
	log, _, err := wal.Open(wal.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(many(100_000, func(int) trace.TraceID { return traceNo(1) })); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	c := start(t, &taker{}, collector.Config{WALDir: dir, MaxBytes: 8 << 20})
	deadline := time.Now().Add(30 * time.Second)
	for c.Ledger().Received.Spans == 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if l := finish(t, c); l.Exported.Spans != 100_000 {
		t.Errorf("of 100,000 spans in the log %d left: %+v", l.Exported.Spans, c.Stats())
	}
}

// heap returns the bytes that are reachable.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // Far below the maximum.
}
