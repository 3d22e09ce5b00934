package bench_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// BenchmarkCheckpoint saves checkpoints of a million edges while events come in. ms-waits is
// how long an event waits that comes when one is due, ms-event how long one takes else; two
// checkpoints are saved in each turn.
func BenchmarkCheckpoint(b *testing.B) {
	l := layeredOf(min(1_000_000, sizeFromEnv(b, envLineageEdges, 1_000_000)))
	b.Run(fmt.Sprintf("edges=%dk", (l.layers-1)*l.datasets*525/1000), func(b *testing.B) {
		store := lineage.NewMemoryStore()
		e := openLineage(b, store, lineage.Config{Poll: -1, CheckpointEvery: -1})
		l.fill(b, e)
		closeLineage(b, e)
		e = openLineage(b, store, lineage.Config{Poll: -1, CheckpointEvery: 1})
		defer closeLineage(b, e)
		n := 0
		event := func() time.Duration {
			n++
			begin := time.Now()
			ingestAll(b, e, []lineage.Event{smallEvent(n, time.Now())})
			return time.Since(begin)
		}
		event() // Another checkpoint than that of what was loaded is not due yet.
		version := int64(1)
		if !awaitVersion(b, store, version) {
			b.Fatal("no checkpoint was saved")
		}
		var waits, usual []time.Duration
		for b.Loop() {
			usual = append(usual, event())
			waits = append(waits, event())
			if version += 2; !awaitVersion(b, store, version) {
				b.Fatal("two checkpoints were not saved in a minute")
			}
		}
		b.ReportMetric(milliseconds(median(waits)), "ms-waits")
		b.ReportMetric(milliseconds(median(usual)), "ms-event")
	})
}

// awaitVersion waits until a checkpoint is saved that is the wanted one or newer.
func awaitVersion(b *testing.B, store lineage.Store, version int64) bool {
	b.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		c, data, err := store.Checkpoint(context.WithoutCancel(b.Context()))
		if err != nil {
			continue // Not yet.
		}
		_ = data.Close()
		if c.Version >= version {
			return true
		}
	}
	return false
}
