package sampling

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

const (
	maxKeys      = 10_000
	maxKeyBytes  = 1024 // of one that is remembered: senders write them
	defaultEvery = 10 * time.Second
	forgotten    = 0.1 // traces an interval, below which a key is new when it comes again
)

// PerKey keeps rare traces more often than frequent ones. It counts the traces of each key, and divides what may be kept between the keys by the
// logarithm of their numbers, so that each has one trace an interval at least.
type PerKey struct {
	Label string // = Name; "" = perkey
	// Keys are attributes of the root, its scope or its resource, whose values together are the key; nil = service and name of the root. Traces
	// without a root are of one key. 10,000 keys of at most 1,024 bytes are told apart, the rest is one.
	Keys []string
	// Keep is the share of all traces to keep, in (0, 1], and of each key in the first interval.
	Keep float64
	// Every is the interval in which traces are counted; 0 = 10 s. A count weighs half as much after each.
	Every time.Duration
}

// Name returns the label.
func (p PerKey) Name() string { return labelOr(p.Label, "perkey") }

// Validate wants a share and an interval.
func (p PerKey) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(!(p.Keep > 0 && p.Keep <= 1), "Keep %v: want more than 0, and at most 1", p.Keep)
	problems.refuse(p.Every < 0, "Every %v: want 0 or more", p.Every)
	problems.refuse(slices.Contains(p.Keys, ""), "Keys: an empty one")
	return problems.err()
}

// NewDecider returns what counts keys.
func (p PerKey) NewDecider() Decider {
	every := p.Every
	if every == 0 {
		every = defaultEvery
	}
	return &perKey{keys: slices.Clone(p.Keys), keep: p.Keep, every: every, index: map[string]*tally{}, rest: &tally{}}
}

// A tally counts the traces of a key.
type tally struct {
	key   string
	mean  float64 // traces an interval
	count float64 // in this interval
}

type perKey struct {
	keys  []string
	keep  float64
	every time.Duration

	mu     sync.Mutex
	index  map[string]*tally
	all    []*tally // of index, in the order in which they came: sums must not depend on that of a map
	rest   *tally   // all keys beyond
	buffer []byte
	began  time.Time // this interval
	budget float64   // traces to keep an interval; 0 = none ended yet, or all was forgotten
	logs   float64   // sum over all keys
}

func (d *perKey) Early(tracing.View) bool { return false }

func (d *perKey) Decide(t Trace, at time.Time) Verdict {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.advance(at)
	key := d.tally(t)
	key.count++
	p := d.share(key)
	return Verdict{Vote: VoteKeep, Threshold: tracing.ThresholdOf(p), Reason: "within the share of its key"}.or("beyond the share of its key", t.R)
}

// share returns the share of a key's traces to keep. There are as many as came on average, and never fewer than have come already.
func (d *perKey) share(key *tally) float64 {
	if d.budget == 0 {
		return d.keep
	}
	n := max(key.mean, key.count)
	logs := d.logs - math.Log10(key.mean+1) + math.Log10(n+1)
	return min(max(d.budget*math.Log10(n+1)/logs, 1)/n, 1)
}

// tally returns the counts of a trace's key.
func (d *perKey) tally(t Trace) *tally {
	d.buffer = appendKey(d.buffer[:0], t, d.keys)
	if found, ok := d.index[string(d.buffer)]; ok {
		return found
	}
	if len(d.index) >= maxKeys || len(d.buffer) > maxKeyBytes {
		return d.rest
	}
	found := &tally{key: string(d.buffer)}
	d.index[found.key] = found
	d.all = append(d.all, found)
	return found
}

// appendKey appends the values of a key, each with its length, so that no two keys are the same text.
func appendKey(b []byte, t Trace, keys []string) []byte {
	if len(keys) == 0 {
		service, name := t.operation()
		return fmt.Appendf(b, "%d %s%s", len(service), service, name)
	}
	for _, key := range keys {
		value, ok := t.Root.Attr(key)
		if !ok {
			value, ok = t.Root.Scope(key)
		}
		if !ok {
			value, ok = t.Root.Resource(key)
		}
		text := value.String()
		b = fmt.Appendf(b, "%t %d %s", ok, len(text), text)
	}
	return b
}

// advance ends the intervals that are over.
func (d *perKey) advance(at time.Time) {
	if d.began.IsZero() || d.began.Sub(at) > max(d.every, slack) { // The clock was ahead, or was set back.
		d.began = at
	}
	over := int64(at.Sub(d.began) / d.every)
	if over <= 0 {
		return
	}
	d.began = d.began.Add(at.Sub(d.began).Truncate(d.every))
	first := d.budget == 0
	fade := math.Pow(0.5, float64(over-1)) // Intervals in which nothing came.
	traces, logs := 0.0, 0.0
	forget := func(key *tally) bool {
		if first {
			key.mean = key.count
		} else {
			key.mean = (key.mean + key.count) / 2
		}
		key.mean, key.count = key.mean*fade, 0
		if key.mean < forgotten {
			key.mean = 0
			delete(d.index, key.key)
			return true
		}
		traces += key.mean
		logs += math.Log10(key.mean + 1)
		return false
	}
	forget(d.rest)
	d.all = slices.DeleteFunc(d.all, forget)
	d.budget, d.logs = d.keep*traces, logs
}
