package collector

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/wal"
	"github.com/tenon-go/tenon/tracing/internal/wire"
	"github.com/tenon-go/tenon/tracing/sampling"
)

const (
	batchBytes = 1 << 20
	batchWait  = 200 * time.Millisecond
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Bounds of W3C Trace Context: who gets a tracestate beyond them discards it.
const (
	maxMembers    = 32
	maxValueBytes = 256
)

// work hands on batches until the collector stops.
func (c *Collector) work() {
	for {
		batch, first := c.queue.take(c.stop)
		if batch == nil {
			return
		}
		c.deliver(batch)
		c.queue.landed(first)
	}
}

// refusedByOutput is why spans failed that the output does not want. Its own words, of which there may be many, are in Stats.
const refusedByOutput = "output"

// deliver hands on a batch, as often as it takes.
func (c *Collector) deliver(batch []part) {
	kept := make([]tracing.Kept, len(batch))
	size := int64(0)
	for i := range batch {
		size += batch[i].size
	}
	room := make([]byte, 0, size+size/8) // One for all: what an output keeps of it, it mostly keeps together.
	for i := range batch {
		kept[i], room = batch[i].build(room)
	}
	wait := firstRetry
	for {
		err := c.faults.guard("output", func() error { return c.out.Put(c.ctx, kept) })
		told := c.ctx.Err() != nil && c.queue.failing() // Why it failed before says more than that it was told to end.
		c.queue.outcome(err)
		switch {
		case err == nil:
			c.bury(batch, FateExported, "")
			return
		case errors.Is(err, tracing.ErrPermanent):
			c.faults.output(err, told)
			c.bury(batch, FateFailed, refusedByOutput)
			return
		}
		c.faults.output(err, told)
		timer := time.NewTimer(wait) //nolint:forbidigo // a wait, which tests run in a bubble of package synctest
		select {
		case <-timer.C:
			wait = min(2*wait, lastRetry)
		case <-c.ctx.Done():
			timer.Stop()
			c.bury(batch, FateFailed, tracing.Closing)
			return
		}
	}
}

// bury counts and frees a batch. Why is that of a failure; what is exported is so because of its policy.
func (c *Collector) bury(batch []part, fate Fate, why string) {
	for i := range batch {
		p := &batch[i]
		s := p.shard
		s.mu.Lock()
		before := s.charged
		reason := why
		if fate == FateExported {
			reason = p.decision.Policy
		} else if why == tracing.Closing {
			c.unsent.Add(int64(s.header(p.header).spans))
		}
		s.settle(p.header, fate, reason)
		c.release(before - s.charged)
		c.pressed.Add(-p.pressed)
		s.mu.Unlock()
	}
}

// failRest counts what was left when the workers ended.
func (c *Collector) failRest() {
	c.queue.mu.Lock()
	rest := c.queue.parts[c.queue.head:]
	c.queue.parts, c.queue.head, c.queue.bytes = nil, 0, 0
	c.queue.mu.Unlock()
	c.bury(rest, FateFailed, tracing.Closing)
}

// build puts together what the output gets, in room if there is some left, and returns what is left then.
func (p *part) build(room []byte) (kept tracing.Kept, left []byte) {
	s := p.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.header(p.header)
	records := slices.DeleteFunc(s.list(t), func(r record) bool { return r.origin&flagGone != 0 })
	kept = tracing.Kept{ID: t.id, Part: p.kind, Partial: p.partial, Decision: p.decision, Summary: s.summary(t, records)}
	if !p.decision.At.IsZero() && t.end == 0 {
		kept.Summary.Start = p.decision.At
	}
	stamp := s.c.cfg.StampThreshold && p.decision.Threshold < tracing.MaxThreshold
	byOrigin(records)
	b := room
	var scratch []byte
	resource, scope, last := 0, 0, uint32(0)
	for _, r := range records {
		if number := r.origin & originMask; number != last {
			if last > 0 {
				b = wire.End(wire.End(b, scope), resource)
			}
			b, resource, scope = begin(b, s.origins[number].origin)
			last = number
		}
		if !stamp {
			b = wire.AppendTag(b, wire.ScopeSpansSpans, wire.Len)
			b = s.raw(wire.AppendUvarint(b, uint64(r.size)), r)
			continue
		}
		scratch = s.raw(scratch[:0], r)
		b = wire.AppendLen(b, wire.ScopeSpansSpans, stamped(scratch, p.decision.Threshold))
	}
	b = wire.End(wire.End(b, scope), resource)
	kept.OTLP = slices.Clip(b)
	return kept, b[len(b):]
}

// byOrigin brings spans of one origin together, and leaves their order else as it is.
func byOrigin(records []record) {
	for i := range len(records) - 1 {
		if records[i].origin&originMask > records[i+1].origin&originMask {
			slices.SortStableFunc(records, func(a, b record) int { return int(a.origin&originMask) - int(b.origin&originMask) })
			return
		}
	}
}

// begin appends the head of the spans of an origin.
func begin(b []byte, o *tracing.Origin) (with []byte, resource, scope int) {
	b, resource = wire.Begin(b, wire.RequestResourceSpans)
	b = wire.AppendText(b, wire.ResourceSpansResource, o.Resource)
	b = wire.AppendText(b, wire.ResourceSpansSchemaURL, o.ResourceSchema)
	b, scope = wire.Begin(b, wire.ResourceSpansScopeSpans)
	b = wire.AppendText(b, wire.ScopeSpansScope, o.Scope)
	return wire.AppendText(b, wire.ScopeSpansSchemaURL, o.ScopeSchema), resource, scope
}

// summary is what lists show of a part.
func (s *shard) summary(t *header, records []record) tracing.Summary {
	sum := tracing.Summary{Spans: int(t.spans), Errors: int(t.errors), Bytes: int(t.bytes)}
	if t.end > 0 {
		sum.Start, sum.Duration = instant(t.start), time.Duration(min(t.end-t.start, 1<<63-1))
	}
	last := uint32(0)
	for _, r := range records {
		number := r.origin & originMask
		from := s.origins[number]
		if number != last && !slices.Contains(sum.Services, from.services[0]) {
			if last == 0 {
				sum.Services = from.services // Shared: with one service, as is common, nothing is allocated.
			} else {
				sum.Services = append(slices.Clip(sum.Services), from.services[0])
			}
		}
		last = number
		if r.origin&flagRoot != 0 && sum.RootService == "" {
			s.scratch = s.raw(s.scratch[:0], r)
			root := s.view(s.scratch, r)
			sum.RootService, sum.RootName = from.services[0], s.name(root.Name())
		}
	}
	if len(sum.Services) > 1 {
		slices.Sort(sum.Services)
	}
	return sum
}

// stamped returns a Span message with the threshold in its tracestate, and everything else as it was.
func stamped(span []byte, threshold tracing.Threshold) []byte {
	b := make([]byte, 0, len(span)+32)
	state := ""
	for rest := span; len(rest) > 0; {
		number, content, size := field(rest)
		if number == wire.SpanTraceState {
			state = string(content) // The last counts.
		} else {
			b = append(b, rest[:size]...)
		}
		rest = rest[size:]
	}
	return wire.AppendText(b, wire.SpanTraceState, withThreshold(state, threshold))
}

// field returns the first field of a message that was read before: its number, the bytes of what has a length, and its size.
func field(b []byte) (number int32, content []byte, size int) {
	tag, size := binary.Uvarint(b)
	switch tag & 7 {
	case wire.Varint:
		_, n := binary.Uvarint(b[size:])
		size += n
	case wire.I64:
		size += 8
	case wire.I32:
		size += 4
	default:
		length, n := binary.Uvarint(b[size:])
		from := size + n
		size = from + int(length) //nolint:gosec // It was read before.
		content = b[from:size]
	}
	return int32(tag >> 3), content, size //nolint:gosec // Numbers beyond 32 bits wrap, as they did when it was read.
}

// withThreshold returns a tracestate in which th of ot is threshold, and everything else as it was. A member that changes comes first; for it
// the last one goes if there are too many. Of several ot the first counts, so that the others go.
func withThreshold(state string, threshold tracing.Threshold) string {
	fields := []string{"th:" + threshold.String()}
	members := []string{""}
	stamped := false
	for member := range strings.SplitSeq(state, ",") {
		value, isOT := strings.CutPrefix(strings.Trim(member, " \t"), "ot=")
		switch {
		case !isOT && member != "":
			members = append(members, member)
		case isOT && !stamped:
			stamped = true
			for field := range strings.SplitSeq(value, ";") {
				if field != "" && !strings.HasPrefix(field, "th:") {
					fields = append(fields, field)
				}
			}
		}
	}
	members[0] = "ot=" + fitting(fields)
	return strings.Join(members[:min(len(members), maxMembers)], ",")
}

// fitting joins the fields of ot, without those for which there is no room: the threshold, which is the first, and the randomness have it.
func fitting(fields []string) string {
	value := strings.Join(fields, ";")
	if len(value) <= maxValueBytes {
		return value
	}
	last := -1 // Of several rv that one counts.
	for i, field := range fields {
		if isRandomness(field) {
			last = i
		}
	}
	room := maxValueBytes - len(fields[0])
	if last > 0 {
		room -= 1 + len(fields[last])
	}
	kept := []string{fields[0]}
	for i, field := range fields[1:] {
		size := 1 + len(field)
		switch {
		case i+1 == last && room >= 0:
			kept = append(kept, field)
		case !isRandomness(field) && size <= room:
			room -= size
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, ";")
}

func isRandomness(field string) bool { return strings.HasPrefix(field, "rv:") }

// name returns a copy of the name of a root, for names that come often the same one.
func (s *shard) name(name string) string {
	known, ok := s.names[name]
	if !ok {
		known = strings.Clone(name)
		if len(s.names) < maxNames {
			s.names[known] = known
		}
	}
	return known
}

// faults counts what others did wrong.
type faults struct {
	mu         sync.Mutex
	panics     int64
	lastPanic  string
	outputs    int64
	lastOutput string
	disks      int64
	lastDisk   string
	cuts       int64
	skipped    int64
}

// guard calls what is not ours.
func (f *faults) guard(who string, call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("collector: %s panicked: %v", who, r)
			f.panicked(err.Error())
		}
	}()
	return call()
}

func (f *faults) panicked(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.panics++
	f.lastPanic = text
}

func (f *faults) output(err error, told bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outputs++
	if !told || f.lastOutput == "" {
		f.lastOutput = err.Error()
	}
}

// blame adds to an error what the output says, if that fails.
func (c *Collector) blame(err error) error {
	if !c.queue.failing() {
		return err
	}
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	if c.faults.lastOutput == "" {
		return err
	}
	return fmt.Errorf("%w (output: %s)", err, c.faults.lastOutput)
}

// policy notes a policy that panicked.
func (f *faults) policy(reason string) {
	if strings.HasPrefix(reason, sampling.Panicked) {
		f.panicked("collector: " + reason)
	}
}

// disk notes that the log failed.
func (f *faults) disk(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disks++
	f.lastDisk = err.Error()
}

// harm notes what was wrong with a file of the log.
func (f *faults) harm(harm wal.Harm) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if harm.Cut {
		f.cuts++
	}
	f.skipped += harm.Skipped
}
