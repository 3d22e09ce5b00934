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
)

// Bounds of W3C Trace Context: who gets a tracestate beyond them discards it.
const (
	maxMembers    = 32
	maxValueBytes = 256
)

// work hands on batches until the collector stops.
func (c *Collector) work() {
	for {
		b := c.queue.take(c.stop)
		if b == nil {
			return
		}
		if c.deliver(b) {
			c.queue.landed(b.first)
		} else {
			c.queue.again(b)
		}
	}
}

// refusedByOutput is why spans failed that the output does not want. Its own words, of which there may be many, are in Stats.
const refusedByOutput = "output"

// deliver hands on a batch, and tells whether it is dealt with. If not, it has to come again.
func (c *Collector) deliver(b *batch) bool {
	kept := make([]tracing.Kept, len(b.parts))
	size := b.size()
	room := room{bytes: make([]byte, 0, size+size/8), names: make([]string, 0, 2*len(kept))}
	for i := range b.parts {
		kept[i] = b.parts[i].build(&room)
	}
	err := c.faults.guard("output", func() error { return c.out.Put(c.ctx, kept) })
	told := c.ctx.Err() != nil && c.queue.failing() // Why it failed before says more than that it was told to end.
	c.queue.outcome(b, err)
	if err == nil {
		c.bury(b.parts, FateExported, "")
		return true
	}
	c.faults.output(err, told)
	switch {
	case errors.Is(err, tracing.ErrPermanent):
		c.bury(b.parts, FateFailed, refusedByOutput)
		return true
	case c.ctx.Err() != nil:
		c.bury(b.parts, FateFailed, tracing.Closing)
		return true
	}
	return false
}

// outgoing returns about how many bytes a part of these spans has. Each origin is in it once, however many runs of it there are.
func (s *shard) outgoing(t *header) int64 {
	if t.shared <= t.chain.Size() { // As nearly always: near enough.
		return t.chain.Size() + t.shared
	}
	s.ids = s.ids[:0]
	for _, r := range s.list(t) {
		if r.origin&flagRun != 0 {
			s.ids = append(s.ids, uint64(r.origin&originMask))
		}
	}
	slices.Sort(s.ids)
	size := t.chain.Size()
	for _, number := range slices.Compact(s.ids) {
		size += s.origins[number].bytes()
	}
	return size
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
	for _, one := range c.queue.rest() {
		c.bury(one.parts, FateFailed, tracing.Closing)
		c.queue.landed(one.first)
	}
}

// A room is where parts are built, one for all of a batch: what an output keeps of it, it mostly keeps together.
type room struct {
	bytes []byte
	names []string // of services
}

// build puts together what the output gets, in room if there is some left.
func (p *part) build(room *room) tracing.Kept {
	s := p.shard
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.header(p.header)
	records := slices.DeleteFunc(s.list(t), func(r record) bool { return r.origin&flagGone != 0 })
	kept := tracing.Kept{ID: t.id, Part: p.kind, Partial: p.partial, Decision: p.decision, Summary: s.summary(t, records)}
	kept.Summary.Services, room.names = s.servicesOf(records, room.names)
	if !p.decision.At.IsZero() && t.end == 0 {
		kept.Summary.Start = p.decision.At
	}
	stamp := s.c.cfg.StampThreshold && p.decision.Threshold < tracing.MaxThreshold
	byOrigin(records)
	b := room.bytes
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
	kept.OTLP, room.bytes = slices.Clip(b), b[len(b):]
	return kept
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
	for _, r := range records {
		if r.origin&flagRoot != 0 {
			s.scratch = s.raw(s.scratch[:0], r)
			root := s.view(s.scratch, r)
			sum.RootService, sum.RootName = s.origins[r.origin&originMask].named, s.name(root.Name())
			if cap(s.scratch) > largeSpan {
				s.scratch = nil
			}
			break
		}
	}
	return sum
}

// fewServices of a trace are looked through for each run of spans; more are sorted, once.
const fewServices = 8

// servicesOf returns the services of spans, sorted, each once, at the end of names if there is room; left is what goes on behind them.
func (s *shard) servicesOf(records []record, names []string) (services, left []string) {
	last := uint32(0)
	for _, r := range records {
		number := r.origin & originMask
		if number == last {
			continue
		}
		last = number
		if name := s.origins[number].named; len(names) >= fewServices || !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	services = slices.Clip(slices.Compact(names))
	return services, names[len(names):]
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
		if len(s.names) < maxNames && fits(known, &s.nameBytes) {
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
