package collector_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/internal/faultyfs"
	"github.com/tenon-go/tenon/tracing/sampling"
	"github.com/tenon-go/tenon/tracing/tracingtest"
)

// live lets a collector with a log on fs take a stream until the power is cut, and returns what is on the disk then, and the
// spans that were acknowledged.
func live(t *testing.T, fs *faultyfs.FS, out *taker, arrivals []tracingtest.Arrival) (crashed *faultyfs.FS, acknowledged map[string]bool) {
	t.Helper()
	acknowledged = map[string]bool{}
	c, err := collector.NewOn(fs, out, collector.Config{WALDir: "log", SyncAck: true, Policies: mixes()[1], Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for _, one := range arrivals {
		time.Sleep(one.At - time.Since(begin))
		_, err := c.Ingest(t.Context(), one.Req)
		if err != nil && !errors.Is(err, tracing.ErrOverload) {
			t.Fatal(err)
		}
		if err == nil {
			for _, v := range views(t, one.Req) {
				acknowledged[tracingtest.Key(v)] = true
			}
		}
		balanced(t, c)
	}
	synctest.Wait()
	return crash(t, fs, c), acknowledged
}

// TestNothingAcknowledgedIsLostInACrash lets each write, sync, create, remove and truncate of the log fail, alone or as when the power is cut, and
// makes a new collector of what is on the disk then: every span that was acknowledged has met its fate in one of the two, and of those that a
// policy wants each has left.
func TestNothingAcknowledgedIsLostInACrash(t *testing.T) {
	arrivals := tracingtest.Stream{Traces: 8, Spans: 5, Over: 3 * time.Second, Errors: 20, Slow: 10, Lost: 5}.Arrivals(seeded(1))
	operations := 0
	synctest.Test(t, func(t *testing.T) {
		var fs faultyfs.FS
		if _, got := live(t, &fs, &taker{}, arrivals); len(got) < 10 {
			t.Fatalf("without faults %d spans are acknowledged", len(got))
		}
		operations = fs.Count()
	})
	refused := 0
	for at := 1; at <= operations; at += 1 + at/40 {
		for name, fail := range map[string]func(*faultyfs.FS, int){"once": (*faultyfs.FS).FailAt, "from then on": (*faultyfs.FS).FailFrom} {
			t.Run(fmt.Sprintf("operation %d fails %s", at, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var fs faultyfs.FS
					fail(&fs, at)
					refused += surviveCrash(t, &fs, arrivals)
				})
			})
		}
	}
	if refused == 0 {
		t.Error("no fault had a request refused: this proves little")
	}
}

// surviveCrash has one collector live and another clear up, and returns how many spans were refused.
func surviveCrash(t *testing.T, fs *faultyfs.FS, arrivals []tracingtest.Arrival) (refused int) {
	t.Helper()
	var before, after taker
	crashed, acknowledged := live(t, fs, &before, arrivals)
	c, err := collector.NewOn(crashed, &after, collector.Config{WALDir: "log", SyncAck: true, Policies: mixes()[1], Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	finish(t, c)
	met := before.spans(t)
	for key := range after.spans(t) {
		met[key]++
	}
	for _, one := range arrivals {
		for _, v := range views(t, one.Req) {
			key := tracingtest.Key(v)
			if !acknowledged[key] {
				refused++
			} else if wanted(v) && met[key] == 0 {
				t.Errorf("span %s of %s was acknowledged and is lost", v.ID(), v.TraceID())
			}
		}
	}
	if names, err := crashed.Names(); err != nil || len(names) > 0 {
		t.Errorf("left in the log: %v, %v", names, err)
	}
	return refused
}

// wanted tells of a span that a policy of the mix wants by itself.
func wanted(v tracing.View) bool {
	return v.Status().String() == "Error" || v.Duration() >= 4*time.Second
}

func TestALogThatFailsRefusesRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fs faultyfs.FS
		c, err := collector.NewOn(&fs, &taker{}, collector.Config{WALDir: "log"})
		if err != nil {
			t.Fatal(err)
		}
		fs.FailFrom(1)
		one := tracing.Encode([]tracing.Span{span(1, 1)})
		overload := new(tracing.OverloadError)
		if _, err := c.Ingest(t.Context(), one); !errors.As(err, &overload) || overload.Cause != "log" {
			t.Errorf("%v", err)
		}
		if stats := c.Stats(); stats.LogErrors == 0 || stats.LastLog == "" || stats.Used != 0 {
			t.Errorf("%+v", stats)
		}
		if refusing := c.Stats().Refusing; refusing != "log" {
			t.Errorf("what is short: %q", refusing)
		}
		fs.FailAt(0)
		take(t, c, one)
		time.Sleep(2 * time.Second)
		if refusing := c.Stats().Refusing; refusing != "" {
			t.Errorf("what is short: %q, though requests are taken", refusing)
		}
		ledger := finish(t, c)
		if ledger.Refused.Requests != 1 || ledger.Exported.Spans != 1 {
			t.Errorf("%+v", ledger)
		}
	})
}

func TestALogIsReadAgainBesideWhatComes(t *testing.T) {
	dir := t.TempDir()
	out := &taker{}
	out.set(func(int) error { return errors.New("down") }, 0)
	c := start(t, out, collector.Config{WALDir: dir})
	for i := range byte(50) {
		take(t, c, tracing.Encode([]tracing.Span{span(i+1, 1)}))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Close(ctx); err == nil {
		t.Fatal("closed with an output that is down")
	}
	out = &taker{}
	c = start(t, out, collector.Config{WALDir: dir, Quiet: 10 * time.Millisecond})
	take(t, c, tracing.Encode([]tracing.Span{span(200, 1)}))
	for c.Ledger().Exported.Spans < 51 {
		time.Sleep(10 * time.Millisecond)
	}
	finish(t, c)
	if left := out.spans(t); len(left) != 51 {
		t.Errorf("%d spans left", len(left))
	}
	c = start(t, out, collector.Config{WALDir: dir})
	if ledger := finish(t, c); ledger.Received.Spans != 0 {
		t.Errorf("%d spans come once more", ledger.Received.Spans)
	}
}

// leftOver returns what is on the disk after a crash of a collector that took 100 traces of one span, of 10 s, and could hand on none.
func leftOver(t *testing.T) *faultyfs.FS {
	t.Helper()
	down := &taker{}
	down.set(func(int) error { return errors.New("down") }, 0)
	var fs faultyfs.FS
	c, err := collector.NewOn(&fs, down, collector.Config{WALDir: "log"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(100) {
		take(t, c, tracing.Encode([]tracing.Span{span(i+1, 1)}))
		time.Sleep(100 * time.Millisecond)
	}
	return crash(t, &fs, c)
}

// crash returns what is on the disk if the process is killed now.
func crash(t *testing.T, fs *faultyfs.FS, c *collector.Collector) *faultyfs.FS {
	t.Helper()
	found := fs.Crash(seeded(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = c.Close(ctx) // What is left of the process.
	return found
}

// TestALogIsReadAgainHoweverShortMemoryIs waits for memory again and again while it reads, and in that time all that was read met its fate: what
// was not read yet stays.
func TestALogIsReadAgainHoweverShortMemoryIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := collector.NewOn(leftOver(t), &taker{}, collector.Config{WALDir: "log", Shards: 1, MaxBytes: 128 << 10, Policies: []sampling.Policy{sampling.Errors{}}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if ledger := finish(t, c); ledger.SampledOut.Spans != 100 || c.Stats().LogErrors > 0 {
			t.Errorf("%d spans came again, %+v", ledger.Received.Spans, c.Stats())
		}
	})
}

// TestALogThatIsReadAgainSurvivesAnotherCrash crashes while the log is read, of which memory holds only a part.
func TestALogThatIsReadAgainSurvivesAnotherCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &taker{}
		down.set(func(int) error { return errors.New("down") }, 0)
		once := leftOver(t)
		c, err := collector.NewOn(once, down, collector.Config{WALDir: "log", Shards: 1, MaxBytes: 128 << 10})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		out := &taker{}
		if c, err = collector.NewOn(crash(t, once, c), out, collector.Config{WALDir: "log"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if left := out.spans(t); len(left) != 100 {
			t.Errorf("%d spans left", len(left))
		}
		finish(t, c)
	})
}

func TestADirectoryThatCannotBeIsRefused(t *testing.T) {
	file := t.TempDir() + "/file"
	log := fmt.Sprintf("%s/below", file)
	if err := writeFile(file); err != nil {
		t.Fatal(err)
	}
	if _, err := collector.New(&taker{}, collector.Config{WALDir: log}); err == nil {
		t.Error("a directory below a file")
	}
}

func TestADirectoryIsThatOfOneCollector(t *testing.T) {
	dir := t.TempDir()
	first := start(t, &taker{}, collector.Config{WALDir: dir})
	if _, err := collector.New(&taker{}, collector.Config{WALDir: dir}); !errors.Is(err, collector.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, want ErrInUse and the directory", err)
	}
	finish(t, first)
	finish(t, start(t, &taker{}, collector.Config{WALDir: dir}))
}
