package collector_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"go.opentelemetry.io/otel/trace"
)

const killedDir = "TENON_TEST_KILLED_DIR"

// numbered is a trace of one span.
func numbered(round, n int) trace.TraceID {
	var id trace.TraceID
	binary.BigEndian.PutUint32(id[:], uint32(round)+1) //nolint:gosec // Small.
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)    //nolint:gosec // Small.
	return id
}

// TestKilledProcess is the process that TestAKilledProcessLosesNothing starts: it prints the number of each span that was acknowledged.
func TestKilledProcess(t *testing.T) {
	dir, round := os.Getenv(killedDir), 0
	if dir == "" {
		t.Skip("only in a process that is killed")
	}
	if _, err := fmt.Sscan(os.Getenv("ROUND"), &round); err != nil {
		t.Fatal(err)
	}
	down := collector.OutputFunc(func(context.Context, []tracing.Kept) error { return errors.New("down") })
	c := start(t, down, collector.Config{WALDir: dir, SyncAck: true})
	for n := 0; ; n++ {
		s := span(1, 1)
		s.TraceID = numbered(round, n)
		take(t, c, tracing.Encode([]tracing.Span{s}))
		fmt.Println("acknowledged", n)
	}
}

// TestAKilledProcessLosesNothing kills real processes in the middle of their work, one after the other on one log.
func TestAKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acknowledged := map[trace.TraceID]bool{}
	for round := range 3 {
		for n := range killed(t, dir, round) {
			acknowledged[numbered(round, n)] = true
		}
	}
	var out taker
	c := start(t, &out, collector.Config{WALDir: dir, Quiet: 10 * time.Millisecond})
	left := map[trace.TraceID]bool{}
	for begin := time.Now(); len(left) < len(acknowledged) && time.Since(begin) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		for id := range acknowledged {
			if len(out.of(id)) > 0 {
				left[id] = true
			}
		}
	}
	if len(acknowledged) < 90 || len(left) < len(acknowledged) {
		t.Errorf("%d spans were acknowledged, %d of them came again", len(acknowledged), len(left))
	}
	finish(t, c)
}

// killed starts a process, kills it when it has acknowledged some spans, and returns how many.
func killed(t *testing.T, dir string, round int) (acknowledged int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcess$") //nolint:gosec // This very program.
	child.Env = append(os.Environ(), killedDir+"="+dir, fmt.Sprint("ROUND=", round))
	stdout, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var n int
		if _, err := fmt.Sscanf(lines.Text(), "acknowledged %d", &n); err != nil {
			continue // What a test prints when it is told to be verbose.
		}
		acknowledged = n + 1
		if acknowledged == 30 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // It was killed.
	return acknowledged
}
