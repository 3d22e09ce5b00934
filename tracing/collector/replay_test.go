package collector_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
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
	for c.Ledger().Received.Spans < 99 {
		time.Sleep(time.Millisecond)
	}
	finish(t, c)
	if stats := c.Stats(); stats.LogSkipped == 0 || stats.LogCuts > 0 || stats.LogErrors > 0 {
		t.Errorf("%+v", stats)
	}
	if left := logFiles(t, dir); len(left) != 1 || !strings.HasSuffix(left[0], ".damaged") {
		t.Errorf("left: %v", left)
	}
}
