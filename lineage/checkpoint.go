package lineage

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"

	"github.com/tenon-go/tenon/lineage/internal/bloom"
	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// checkpointFormat is part of every fingerprint: a change to what transfer writes, or to
// what folding makes of events, needs another.
const checkpointFormat = 3

// fingerprint names all that a checkpoint depends on.
func (c *Config) fingerprint() string {
	return fmt.Sprintf("tenon lineage %d %q %d %t", checkpointFormat, c.IdentityKey, c.CloseAfter, c.AssertFailed)
}

// transfer writes or reads a replica. Only what was stated is kept: intervals, rows and
// details are derived again when it is read, which costs less than to keep them.
func (r *replica) transfer(s *frames) {
	f := r.fold
	s.section(1, func(w *wire, _ int) {
		cursor := int64(r.cursor)
		w.int(&cursor)
		w.int(&r.records)
		w.int(&r.conflicts)
		r.cursor = Cursor(cursor)
	})
	s.tombs(r.tombs)
	s.runs(&r.runs)
	s.nodes(f)
	s.section(len(f.words), func(w *wire, i int) {
		if w.reading {
			var word string
			w.str(&word)
			f.word(word)
			return
		}
		w.str(&f.words[i])
	})
	s.lines(f)
	s.section(len(f.attrs), func(w *wire, i int) { s.attr(w, f, i) })
	s.stretches(f)
	s.boundaries(f)
	s.keys(&f.loose)
}

func (s *frames) tombs(t tombs) {
	list := sortedKeys(t, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
	s.section(len(list), func(w *wire, i int) {
		var hash [32]byte
		var at int64
		if !w.reading {
			hash, at = list[i], t[list[i]]
		}
		w.raw(hash[:])
		w.int(&at)
		t[hash] = at
	})
}

func (s *frames) runs(runs *bloom.Set) {
	s.section(len(*runs), func(w *wire, i int) {
		if w.reading {
			*runs = append(*runs, bloom.Filter{})
		}
		x := &(*runs)[i]
		w.int(&x.Len)
		list(w, &x.Bits, func(b *uint64) {
			n := int64(*b) //nolint:gosec // bits, not a number
			w.int(&n)
			if w.reading { // Others may read what is written here.
				*b = uint64(n) //nolint:gosec // likewise
			}
		})
		w.check(len(x.Bits) > 0 && bits.OnesCount(uint(len(x.Bits))) == 1)
	})
}

func sortedKeys[K comparable, V any](m map[K]V, order func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, order)
	return keys
}

// nodes go in order of number, so that an owner stands before its own.
func (s *frames) nodes(f *fold) {
	s.section(len(f.names.nodes), func(w *wire, i int) {
		k := nodeKey{owner: -1}
		if !w.reading {
			x := f.names.nodes[i]
			k = nodeKey{kind: x.kind, owner: -1, space: x.space, name: x.name}
			if x.kind == ColumnNode || x.kind == setNode {
				k.owner = x.owner
			}
		}
		number(w, &k.kind)
		w.small(&k.owner, -1, i)
		w.str(&k.space)
		w.str(&k.name)
		if w.reading && w.err == nil {
			w.check(k.owner >= 0 == (k.kind == ColumnNode || k.kind == setNode))
			for m := range members(node{kind: k.kind, name: k.name}) {
				w.check(k.kind != setNode || m >= 0 && int(m) < i)
			}
			if w.err == nil {
				f.number(k)
			}
		}
	})
}

// lines go before attrs, which name them, and their stretches after these.
func (s *frames) lines(f *fold) {
	s.section(len(f.scopes), func(w *wire, i int) {
		x := scope{job: -1}
		if !w.reading {
			x = f.scopes[i]
		}
		n := len(f.names.nodes)
		number(w, &x.origin)
		number(w, &x.layer)
		w.small(&x.job, -1, n)
		w.small(&x.target, 0, n)
		if w.reading && w.err == nil {
			w.check(f.line(x).id == int32(i)) //nolint:gosec // sections are shorter
		}
	})
}

func (s *frames) attr(w *wire, f *fold, i int) {
	var x attr
	if !w.reading {
		x = f.attrs[i]
	}
	w.small(&x.scope, 0, len(f.scopes))
	w.kinds(&x.kinds)
	number(w, &x.certainty)
	w.small(&x.same, 0, i+1)
	if w.reading && w.err == nil {
		w.check(f.addAttr(x, x.same) == int32(i)) //nolint:gosec // sections are shorter
	}
}

func (s *frames) stretches(f *fold) {
	s.section(len(f.lines), func(w *wire, i int) {
		if w.reading && i >= len(f.lines) {
			w.fail(errTorn)
			return
		}
		l := f.lines[i]
		list(w, &l.Breaks, w.key)
		list(w, &l.Stretches, func(x *timeline.Stretch[fact]) {
			count := int64(x.Count)
			w.int(&count)
			x.Count = int(count)
			w.key(&x.First)
			if count != 1 {
				w.key(&x.Last)
			} else if w.reading {
				x.Last = x.First
			}
			list(w, &x.Set, func(e *fact) { w.fact(f, l, e) })
			if l.graphed() {
				s.edges += len(x.Set)
			}
		})
	})
}

// fact checks numbers where it reads: those of words in lists of words.
func (w *wire) fact(f *fold, l *line, e *fact) {
	nodes, words := len(f.names.nodes), len(f.words)
	from, to, attrs := nodes, nodes, len(f.attrs)
	switch {
	case l.graphed() || l.layer == layerSink:
	case l.layer == layerOutputs || l.layer == layerAliases:
		to, attrs = 1, 1
	case l.layer == layerSchema:
		from, to, attrs = words, words, 1
	default:
		from, to, attrs = max(words, 1), 1, 1
	}
	w.small(&e.from, 0, from)
	w.small(&e.to, 0, to)
	w.small(&e.attr, 0, attrs)
}

// boundaries are ops, and the jobs to ask for a dataset's statements.
func (s *frames) boundaries(f *fold) {
	var ops []op
	for _, list := range f.given {
		ops = append(ops, list...)
	}
	slices.SortFunc(ops, compareOps)
	n := len(f.names.nodes)
	s.section(len(ops), func(w *wire, i int) {
		var o op
		if !w.reading {
			o = ops[i]
		}
		w.key(&o.key)
		w.small(&o.on, 0, n)
		w.small(&o.to, -1, n)
		if w.reading && w.err == nil {
			f.setOp(o, true)
		}
	})
	datasets := sortedKeys(f.stated, func(a, b int32) int { return int(a) - int(b) })
	s.section(len(datasets), func(w *wire, i int) {
		var d int32
		var jobs []int32
		if !w.reading {
			d, jobs = datasets[i], f.stated[datasets[i]]
		}
		w.small(&d, 0, n)
		list(w, &jobs, func(j *int32) { w.small(j, 0, n) })
		if w.reading {
			f.stated[d] = jobs
		}
	})
}

func (s *frames) keys(keys *[]timeline.Key) {
	s.section(len(*keys), func(w *wire, i int) {
		if w.reading {
			*keys = append(*keys, timeline.Key{})
		}
		w.key(&(*keys)[i])
	})
}

func (w *wire) key(k *timeline.Key) {
	w.int(&k.Time)
	w.raw(k.ID[:])
}

func (w *wire) kinds(kinds *[]Transformation) {
	list(w, kinds, func(t *Transformation) {
		w.str(&t.Type)
		w.str(&t.Subtype)
		w.str(&t.Description)
		w.bool(&t.Masking)
	})
}

// raw is for bytes of a known length.
func (w *wire) raw(b []byte) {
	if !w.reading {
		w.buf = append(w.buf, b...)
		return
	}
	if len(w.buf) < len(b) {
		w.fail(errTorn)
		return
	}
	w.buf = w.buf[copy(b, w.buf):]
}

// small is for numbers of things: at least low, and less than high.
func (w *wire) small(x *int32, low, high int) {
	n := int64(*x)
	w.int(&n)
	if !w.reading {
		return
	}
	if n < int64(low) || n >= int64(high) {
		w.fail(errTorn)
		n = 0
	}
	*x = int32(n)
}

func (w *wire) check(ok bool) {
	if !ok {
		w.fail(errTorn)
	}
}

// restore derives all that a checkpoint does not keep.
func (f *fold) restore(cursor Cursor) (*graph, error) {
	f.rows.bulk = new(edges)
	f.aliases = true
	var parsed []*line // after what hides them, for they are derived once
	for _, l := range f.lines {
		switch {
		case l.parsed():
			parsed = append(parsed, l)
			l.dirty = true
		case l.derived():
			f.dirty = append(f.dirty, l)
			l.dirty = true
		case l.layer == layerOutputs:
			f.outputs[l] = true
		case l.layer == layerSchema && len(l.Stretches) > 1:
			f.schemaCuts[l.target] = true
		}
	}
	f.dirty = append(f.dirty, parsed...)
	for k, j := range f.jobs {
		j.dirty = true
		f.readers = append(f.readers, k)
	}
	for n, x := range f.names.nodes {
		if x.kind == DatasetNode || x.kind == JobNode {
			f.facets[int32(n)] = true
		}
	}
	clear(f.cut)
	return f.settle(cursor)
}

// frames carry sections of items in pieces with a length and a checksum each.
type frames struct {
	wire
	out   io.Writer
	in    *bufio.Reader
	tell  func(edges int) // called where a frame is read; nil: nobody listens
	edges int             // that were read
}

// frameBytes is the size from which a frame is closed.
const frameBytes = 64 << 10

// section writes n items, or reads as many as were written.
func (s *frames) section(n int, item func(w *wire, i int)) {
	count := int64(n)
	s.next()
	s.int(&count)
	for i := 0; int64(i) < count && s.err == nil; i++ {
		s.next()
		item(&s.wire, i)
	}
	s.close()
}

// next makes room in a frame, or gets one where the last is used up.
func (s *frames) next() {
	switch {
	case s.err != nil:
	case s.reading && len(s.buf) == 0:
		s.read()
	case !s.reading && len(s.buf) >= frameBytes:
		s.close()
	}
}

// close ends a frame.
func (s *frames) close() {
	if s.reading {
		s.check(len(s.buf) == 0)
		return
	}
	var head [8]byte
	binary.BigEndian.PutUint32(head[:4], uint32(len(s.buf))) //nolint:gosec // a frame is some items long
	binary.BigEndian.PutUint32(head[4:], crc32.ChecksumIEEE(s.buf))
	if _, err := s.out.Write(append(head[:], s.buf...)); err != nil {
		s.fail(err)
	}
	s.buf = s.buf[:0]
}

func (s *frames) read() {
	var head [8]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		s.fail(err)
		return
	}
	// A length is believed as far as there are bytes.
	data, err := io.ReadAll(io.LimitReader(s.in, int64(binary.BigEndian.Uint32(head[:4]))))
	switch {
	case err != nil:
		s.fail(err)
	case len(data) == 0 || crc32.ChecksumIEEE(data) != binary.BigEndian.Uint32(head[4:]) || len(data) != int(binary.BigEndian.Uint32(head[:4])):
		s.fail(errTorn)
	default:
		s.buf = data
		if s.tell != nil {
			s.tell(s.edges)
		}
	}
}
