package collector_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/internal/faultyfs"
)

// leaveLog lets a collector of a dead output take n traces of one span, and returns the directory with its log.
func leaveLog(t *testing.T, n byte) string {
	t.Helper()
	dir := t.TempDir()
	out := &taker{}
	out.set(func(int) error { return errors.New("down") }, 0)
	c := start(t, out, collector.Config{WALDir: dir})
	for i := range n {
		take(t, c, tracing.Encode([]tracing.Span{span(i+1, 1)}))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Close(ctx); err == nil {
		t.Fatal("closed with an output that is down")
	}
	return dir
}

func logFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.log*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestOneDamagedByteOfTheLogCostsOneRequest(t *testing.T) {
	dir := leaveLog(t, 100)
	file := logFiles(t, dir)[0]
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[20] ^= 1
	if err := os.WriteFile(file, data, 0o600); err != nil { //nolint:gosec // A name that the log made.
		t.Fatal(err)
	}
	c := start(t, &taker{}, collector.Config{WALDir: dir})
	if err := c.Flush(t.Context()); err != nil || c.Ledger().Received.Spans != 99 {
		t.Errorf("%d spans taken again, error %v", c.Ledger().Received.Spans, err)
	}
	finish(t, c)
	if stats := c.Stats(); stats.LogSkipped == 0 || stats.LogCuts > 0 || stats.LogErrors > 0 {
		t.Errorf("%+v", stats)
	}
	if left := logFiles(t, dir); len(left) != 1 || !strings.HasSuffix(left[0], ".damaged") {
		t.Errorf("left: %v", left)
	}
}

// TestFlushWaitsForWhatIsReadAgain drains the directory of another collector, with a memory that holds only a part of it.
func TestFlushWaitsForWhatIsReadAgain(t *testing.T) {
	dir := leaveLog(t, 250)
	out := &taker{}
	out.set(nil, 20*time.Millisecond)
	c := start(t, out, collector.Config{WALDir: dir, MaxBytes: 128 << 10, Quiet: 300 * time.Millisecond})
	if got := c.Stats().Replaying; got != 1 {
		t.Errorf("reading %d files again, want 1", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := out.spans(t); len(left) != 250 || c.Stats().Replaying != 0 {
		t.Errorf("%d spans left, reading %d files", len(left), c.Stats().Replaying)
	}
	finish(t, c)
	if left := logFiles(t, dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestCloseLeavesWhatWasNotReadAgain ends long before memory holds all: the rest is no error, and there next time.
func TestCloseLeavesWhatWasNotReadAgain(t *testing.T) {
	dir := leaveLog(t, 250)
	first, second := &taker{}, &taker{}
	c := start(t, first, collector.Config{WALDir: dir, MaxBytes: 128 << 10})
	finish(t, c)
	if stats := c.Stats(); stats.LogErrors > 0 || stats.LastLog != "" {
		t.Errorf("%+v", stats)
	}
	c = start(t, second, collector.Config{WALDir: dir})
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	finish(t, c)
	if left := second.spans(t); len(left) != 250 {
		t.Errorf("%d spans left", len(left))
	}
}

func TestFlushSaysThatTheLogWasNotRead(t *testing.T) {
	var fs unreadable
	c, err := collector.NewOn(&fs, &taker{}, collector.Config{WALDir: "log"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "no light") {
		t.Errorf("got %v", err)
	}
	finish(t, c)
}

// An unreadable FS has a file that cannot be opened.
type unreadable struct{ faultyfs.FS }

func (*unreadable) Names() ([]string, error) { return []string{"0000000000000001-00000001.log"}, nil }

func (*unreadable) Open(string) (io.ReadCloser, error) { return nil, errors.New("no light") }
