package collector

import (
	"hash/maphash"
	"sync"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/decided"
	"go.opentelemetry.io/otel/trace"
)

// recordsKept is how many decisions are remembered in full.
const recordsKept = 10_000

// past is the last decisions, the newest of each trace.
type past struct {
	mu      sync.Mutex
	records []tracing.Decision
	next    int
	places  map[trace.TraceID]int32
}

func newPast() *past { return &past{places: map[trace.TraceID]int32{}} }

func (p *past) add(decision tracing.Decision) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if place, ok := p.places[decision.Trace]; ok {
		p.records[place] = decision
		return
	}
	if len(p.records) < recordsKept {
		p.records = append(p.records, decision)
	} else {
		delete(p.places, p.records[p.next].Trace)
		p.records[p.next] = decision
	}
	p.places[decision.Trace] = int32(p.next) //nolint:gosec // Below 10,000.
	p.next = (p.next + 1) % recordsKept
}

func (p *past) get(id trace.TraceID) (tracing.Decision, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place, ok := p.places[id]
	if !ok {
		return tracing.Decision{}, false
	}
	return p.records[place], true
}

// stillOpen is the reason of no decision.
const stillOpen = "open"

// Explain returns what was decided about a trace, and why: in full for the last 10,000 decisions; for Config.Decisions before them only Keep and
// Policy, of which the 62nd and later are "_other", with a Threshold of MaxThreshold, as it is not known. It is false where nothing was decided:
// for a trace that is open the decision has nothing but its Trace and the Reason "open", for one that never came or was forgotten it is zero.
func (c *Collector) Explain(id trace.TraceID) (tracing.Decision, bool) {
	if decision, ok := c.past.get(id); ok {
		return decision, true
	}
	hash := maphash.Bytes(c.seed, id[:])
	s := c.shardOf(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, open := s.byID[id]; open {
		return tracing.Decision{Trace: id, Reason: stillOpen}, false
	}
	w, state := s.decided.Get(hash)
	if state != decided.Known {
		return tracing.Decision{}, false
	}
	return s.remembered(&header{id: id}, w), true
}

// Stats are the state of a collector, beside its Ledger.
type Stats struct {
	Used, MaxBytes int64 // bytes that are held, bodies being read included, and what bounds them
	Queued         int64 // bytes that wait for the output
	Collisions     int64 // decisions that met in one fingerprint and became kept
	Panics         int64 // of policies, Tap, OnDecision and Output
	LastPanic      string
	OutputErrors   int64 // calls of Output.Put that failed; a client tries for about a minute in one, and has Stats of its own that say why
	LastOutput     string
	LogErrors      int64 // writes, syncs and removals that failed
	LastLog        string
	LogCuts        int64  // files of the log that ended in the middle of a request, as after a crash
	LogSkipped     int64  // damaged bytes before the end of such files, which are kept there in files of the same names and .damaged
	Replaying      int64  // files of the log that were there and are not yet taken again to their end
	Refusing       string // what was short when a request was refused within the last second, by Admit too; "" = none was
}

// Stats returns the state of this instant.
func (c *Collector) Stats() Stats {
	stats := Stats{Used: c.used.Load(), MaxBytes: c.cfg.MaxBytes, Queued: c.queue.waiting(), Replaying: c.replay.left.Load()}
	for _, s := range c.shards {
		s.mu.Lock()
		stats.Collisions += s.decided.Collisions()
		s.mu.Unlock()
	}
	if c.gate.isClosed() {
		stats.Refusing = tracing.Closing
	} else {
		stats.Refusing = c.refusing()
	}
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	stats.Panics, stats.LastPanic = c.faults.panics, c.faults.lastPanic
	stats.OutputErrors, stats.LastOutput = c.faults.outputs, c.faults.lastOutput
	stats.LogErrors, stats.LastLog = c.faults.disks, c.faults.lastDisk
	stats.LogCuts, stats.LogSkipped = c.faults.cuts, c.faults.skipped
	return stats
}
