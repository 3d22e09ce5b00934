package retry

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// latency keeps a quantile of how long the latest successes took. It is safe for concurrent use.
type latency struct {
	quantile float64
	estimate atomic.Int64 // 0 until there are enough samples

	mu      sync.Mutex // guards what follows
	samples [256]time.Duration
	count   int // of all samples; the ring holds the latest
}

// every is how many samples are waited for before the first estimate, and before each new one.
const every = 16

// add takes a sample.
func (l *latency) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples[l.count%len(l.samples)] = d
	l.count++
	if l.count%every != 0 {
		return
	}
	sorted := slices.Clone(l.samples[:min(l.count, len(l.samples))])
	slices.Sort(sorted)
	l.estimate.Store(int64(max(1, sorted[int(l.quantile*float64(len(sorted)))])))
}
