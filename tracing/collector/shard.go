package collector

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/arena"
	"github.com/tenon-go/tenon/tracing/internal/decided"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

const (
	maxSlab       = 1 << 20
	minSlab       = 16 << 10
	chunkShift    = 8   // log2 of the headers that are allocated at once
	headerCharge  = 512 // bytes of a header, its place in the map, and in the queue
	originCharge  = 320 // of an origin beside its bytes, which are there twice
	maxServices   = 4096
	maxNames      = 4096
	longestName   = 1024      // bytes of a name that is kept for good: senders write them
	roomForNames  = 128 << 10 // bytes, for services and again for roots
	otherServices = "_other"
	recordHeader  = 24       // bytes before each span in a chain
	roomy         = 4096     // spans, for more of which room is not kept
	largeSpan     = 64 << 10 // bytes, likewise
)

// Flags of a record, in the bits above its origin.
const (
	flagError uint32 = 1 << (31 - iota)
	flagRoot
	flagRun    // the first of neighbours of one origin, which hold one reference to it
	flagGone   // a duplicate
	originMask = flagGone - 1
)

// A state says what a header's spans wait for. What is in the map by ID is open or closing.
type state uint8

const (
	free    state = iota
	open          // the trace's decision
	closing       // that it is decided right now
	waiting       // the decision that is being made about spans that came before
	leaving       // the output
)

// A header is the spans of a trace that are held together. It has no pointers, so that the garbage collector looks at none of them.
type header struct {
	id     trace.TraceID
	hash   uint64
	chain  arena.Chain
	claims sampling.Claims
	// Instants in nanoseconds since the collector was made.
	first, last, rootAt int64
	// What spans tell, in nanoseconds since 1970; start is MaxUint64 and end 0 if none does.
	start, end uint64
	epoch      Epoch
	spans      int32
	errors     int32
	bytes      int64 // of Span messages, without duplicates
	shared     int64 // bytes of the origins of all runs
	operation  uint16
	early      uint16 // the pledge that a span alone keeps the trace; 0 = none
	state      state
	rooted     bool
	probe      bool // of the learner
	reopened   bool
	patient    bool  // it is looked at only when parents that are missing are given up
	slot       uint8 // of the wheel, + 1; 0 = in none
	lastOrigin uint32
	wait       uint32 // spans that came while this is closing; 0 = none
	prev, next uint32 // in the slot; next of free headers
}

// A record is a span of a chain.
type record struct {
	id, parent uint64
	size       uint32
	origin     uint32 // with flags
	at         arena.Reader
}

// An origin is what spans share, once in a shard.
type origin struct {
	hash    uint64
	origin  *tracing.Origin
	named   string // the service
	service *serviceTally
	refs    int
	charge  int64
}

// bytes returns what the messages and URLs have.
func (o *origin) bytes() int64 { return (o.charge - originCharge) / 2 }

// A shard holds the traces whose IDs fall to it.
type shard struct {
	c *Collector

	mu       sync.Mutex
	arena    *arena.Arena
	byID     map[trace.TraceID]uint32
	chunks   [][]header // number 0 is no header
	made     uint32
	spare    uint32
	wheel    wheel
	decided  *decided.Table
	origins  []*origin
	gaps     []uint32 // in origins
	byHash   map[uint64]uint32
	services map[string]*serviceTally
	tally    tally
	epochs   []epochCount
	charged  int64 // bytes that what is held takes
	records  []record
	ids      []uint64
	parents  []uint64
	scratch  []byte
	names    map[string]string // of roots
	// Bytes of the names of services and of roots that are kept for good.
	serviceBytes, nameBytes int
}

func newShard(c *Collector) *shard {
	return &shard{
		c: c, arena: arena.New(c.slabs), byID: map[trace.TraceID]uint32{}, decided: decided.New(max(c.cfg.Decisions/c.cfg.Shards, 1)),
		origins: []*origin{nil}, byHash: map[uint64]uint32{}, services: map[string]*serviceTally{}, names: map[string]string{}, tally: newTally(),
		wheel: newWheel(c.cfg.Quiet), made: 1,
	}
}

// header returns a header by its number. It moves never.
func (s *shard) header(h uint32) *header { return &s.chunks[h>>chunkShift][h&(1<<chunkShift-1)] }

// add returns a new header.
func (s *shard) add(one *arrival, state state, now int64, epoch Epoch) uint32 {
	h := s.spare
	if h == 0 {
		if int(s.made>>chunkShift) == len(s.chunks) {
			s.chunks = append(s.chunks, make([]header, 1<<chunkShift))
		}
		h = s.made
		s.made++
	} else {
		s.spare = s.header(h).next
	}
	*s.header(h) = header{id: one.id, hash: one.hash, state: state, first: now, last: now, start: math.MaxUint64, epoch: epoch}
	s.holdEpoch(epoch)
	s.charged += headerCharge
	return h
}

// remove frees a header with its spans, which are all.
func (s *shard) remove(h uint32, all []record) {
	t := s.header(h)
	for _, r := range all {
		if r.origin&flagRun != 0 {
			s.dropOrigin(r.origin & originMask)
		}
	}
	if cap(s.records) > roomy {
		s.records, s.ids, s.parents = nil, nil, nil
	}
	s.charged -= headerCharge + t.chain.Blocks()*arena.BlockSize
	s.arena.Free(&t.chain)
	s.releaseEpoch(t.epoch)
	*t = header{next: s.spare}
	s.spare = h
}

// put adds a span to a header.
func (s *shard) put(t *header, v *tracing.View, number uint32) {
	var head [recordHeader]byte
	raw := v.Raw()
	id, parent := v.ID(), v.Parent()
	flags := uint32(0)
	if number != t.lastOrigin {
		flags |= flagRun
		s.origins[number].refs++
		t.lastOrigin = number
		t.shared += s.origins[number].bytes()
	}
	if v.Status() == codes.Error {
		flags |= flagError
		t.errors++
	}
	if !parent.IsValid() || s.c.cfg.LocalRoots && v.Remote() {
		flags |= flagRoot
	}
	copy(head[:8], id[:])
	copy(head[8:16], parent[:])
	binary.LittleEndian.PutUint32(head[16:], uint32(len(raw))) //nolint:gosec // A span is far below 4 GiB.
	binary.LittleEndian.PutUint32(head[20:], number|flags)
	before := t.chain.Blocks()
	s.arena.Append(&t.chain, head[:])
	s.arena.Append(&t.chain, raw)
	s.charged += (t.chain.Blocks() - before) * arena.BlockSize
	t.spans++
	t.bytes += int64(len(raw))
	t.claims.Add(*v)
	s.time(t, v)
	service := s.origins[number].service
	service.add(received, int64(len(raw)))
	s.tally.add(received, 1, int64(len(raw)))
}

// time takes over when a span was.
func (s *shard) time(t *header, v *tracing.View) {
	start, end := nanos(v.Start()), nanos(v.End())
	if start > 0 {
		t.start, t.end = min(t.start, start), max(t.end, start)
	}
	if end > 0 {
		t.start, t.end = min(t.start, end), max(t.end, end)
	}
	if end < start || start < oddBefore || start > oddAfter {
		s.tally.odd++
	}
}

// Starts that no clock shows.
const (
	oddBefore = 946_684_800e9   // the year 2000
	oddAfter  = 7_258_118_400e9 // the year 2200
)

// nanos returns nanoseconds since 1970, as OTLP has them; 0 = not told.
func nanos(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.Unix())*1e9 + uint64(t.Nanosecond()) //nolint:gosec // From an uint64.
}

// instant is the way back.
func instant(nanos uint64) time.Time {
	return time.Unix(int64(nanos/1e9), int64(nanos%1e9)).UTC() //nolint:gosec // Far below the maximum.
}

// list returns the spans of a header, duplicates too. It is good until the next call.
func (s *shard) list(t *header) []record {
	s.records = s.records[:0]
	var scratch [recordHeader]byte
	r := s.arena.Reader(t.chain)
	for at := int64(0); at < t.chain.Size(); {
		head := s.arena.Peek(scratch[:], &r, recordHeader)
		one := record{
			id: binary.LittleEndian.Uint64(head), parent: binary.LittleEndian.Uint64(head[8:]),
			size: binary.LittleEndian.Uint32(head[16:]), origin: binary.LittleEndian.Uint32(head[20:]), at: r,
		}
		s.records = append(s.records, one)
		s.arena.Skip(&r, int(one.size))
		at += recordHeader + int64(one.size)
	}
	return s.records
}

// raw appends the bytes of a span to dst.
func (s *shard) raw(dst []byte, r record) []byte { return s.arena.AppendTo(dst, &r.at, int(r.size)) }

// settle counts the fate of all spans of a header, and why they met it, and frees it.
func (s *shard) settle(h uint32, fate Fate, why string) {
	t := s.header(h)
	all := s.list(t)
	for _, r := range all {
		if r.origin&flagGone == 0 {
			s.origins[r.origin&originMask].service.add(fate, int64(r.size))
		}
	}
	s.tally.add(fate, int64(t.spans), t.bytes)
	s.tally.because(fate, why, int64(t.spans), t.bytes, 0)
	s.remove(h, all)
}

// origin returns the number of what spans share, and takes it in if it is new. It has no reference yet.
func (s *shard) intern(key *originKey) uint32 {
	if number, ok := s.byHash[key.hash]; ok && sameOrigin(s.origins[number].origin, key.origin) {
		return number
	}
	var number uint32
	if last := len(s.gaps) - 1; last >= 0 {
		number, s.gaps = s.gaps[last], s.gaps[:last]
	} else {
		number = uint32(len(s.origins)) //nolint:gosec // Each takes hundreds of bytes.
		s.origins = append(s.origins, nil)
	}
	entry := &origin{hash: key.hash, origin: cloneOrigin(key.origin), named: strings.Clone(key.service), service: s.service(key.service), charge: key.charge()}
	s.origins[number] = entry
	s.byHash[key.hash] = number
	s.charged += entry.charge
	return number
}

// dropOrigin gives back a reference.
func (s *shard) dropOrigin(number uint32) {
	entry := s.origins[number]
	if entry.refs--; entry.refs > 0 {
		return
	}
	if s.byHash[entry.hash] == number {
		delete(s.byHash, entry.hash)
	}
	s.charged -= entry.charge
	s.origins[number] = nil
	s.gaps = append(s.gaps, number)
}

// service returns the counts of a service, or those of all for which there is no room.
func (s *shard) service(name string) *serviceTally {
	one, ok := s.services[name]
	if ok {
		return one
	}
	if name != otherServices && (len(s.services) >= maxServices || !fits(name, &s.serviceBytes)) {
		return s.service(otherServices)
	}
	one = &serviceTally{}
	s.services[string([]byte(name))] = one // A copy: the name is that of a request.
	return one
}

// fits tells whether a name can be kept beside those that have so many bytes, and adds it to them.
func fits(name string, bytes *int) bool {
	if len(name) > longestName || *bytes+len(name) > roomForNames {
		return false
	}
	*bytes += len(name)
	return true
}

// An originKey is an origin of a request.
type originKey struct {
	origin  *tracing.Origin
	hash    uint64
	service string
}

func (k *originKey) charge() int64 {
	o := k.origin
	return originCharge + 2*int64(len(o.Resource)+len(o.ResourceSchema)+len(o.Scope)+len(o.ScopeSchema))
}

func sameOrigin(a, b *tracing.Origin) bool {
	return bytes.Equal(a.Resource, b.Resource) && bytes.Equal(a.ResourceSchema, b.ResourceSchema) &&
		bytes.Equal(a.Scope, b.Scope) && bytes.Equal(a.ScopeSchema, b.ScopeSchema)
}

func cloneOrigin(o *tracing.Origin) *tracing.Origin {
	return &tracing.Origin{
		Resource: bytes.Clone(o.Resource), ResourceSchema: bytes.Clone(o.ResourceSchema),
		Scope: bytes.Clone(o.Scope), ScopeSchema: bytes.Clone(o.ScopeSchema),
	}
}
