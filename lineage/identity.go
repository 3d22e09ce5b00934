package lineage

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// EventID returns the identity of an event: the SHA-256 of [Event.Canonical]. Equal
// events have equal IDs in every process; Raw does not count.
func EventID(e Event) RecordID {
	head, body := e.Canonical()
	h := sha256.New()
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(head)))
	h.Write(size[:])
	h.Write(head)
	h.Write(body)
	return RecordID(h.Sum(nil))
}

// Canonical returns an event without Raw in two parts: head has what differs from run to
// run (time, run, type, error, row counts), body all that is said of jobs and datasets.
// A store keeps equal bodies once. Both begin with the number of their format.
func (e Event) Canonical() (head, body []byte) {
	h, b := wire{buf: make([]byte, 0, 96)}, wire{buf: make([]byte, 0, 512)}
	h.head(&e)
	b.body(&e)
	h.counts(&e)
	return h.buf, b.buf
}

// ParseCanonical returns the event of two parts as [Event.Canonical] writes them. What
// is torn or of another format is [ErrInvalid].
func ParseCanonical(head, body []byte) (Event, error) {
	var e Event
	h, b := wire{buf: head, reading: true}, wire{buf: body, reading: true}
	h.head(&e)
	b.body(&e)
	if h.err == nil && b.err == nil {
		h.counts(&e)
	}
	if len(h.buf) > 0 || len(b.buf) > 0 {
		b.fail(errors.New("bytes left over"))
	}
	if err := errors.Join(h.err, b.err); err != nil {
		return Event{}, fmt.Errorf("lineage: parse stored event: %w: %w", err, ErrInvalid)
	}
	return e, nil
}

// wireFormat is the first byte of each part.
const wireFormat = 1

// A wire writes values to buf or reads them from it: each part of an event is described
// once for both. After an error it does nothing.
type wire struct {
	buf     []byte
	reading bool
	err     error
}

func (w *wire) fail(err error) {
	if w.err == nil {
		w.err = err
	}
	w.buf = nil
}

func (w *wire) head(e *Event) {
	format := int64(wireFormat)
	w.int(&format)
	if format != wireFormat {
		w.fail(fmt.Errorf("format %d", format))
	}
	w.time(&e.Time)
	if pointer(w, &e.Run) {
		w.str(&e.Run.ID)
		number(w, &e.Run.Type)
		w.str(&e.Run.Error)
		if pointer(w, &e.Run.Parent) {
			w.str(&e.Run.Parent.ID)
			w.str(&e.Run.Parent.Job.Namespace)
			w.str(&e.Run.Parent.Job.Name)
		}
	}
}

// counts stands in the head, for row counts change with each run; the datasets that they
// belong to are the body's.
func (w *wire) counts(e *Event) {
	for _, facts := range [][]DatasetFact{e.Inputs, e.Outputs} {
		for i := range facts {
			w.int(&facts[i].Rows)
			w.int(&facts[i].Bytes)
		}
	}
}

func (w *wire) body(e *Event) {
	format := int64(wireFormat)
	w.int(&format)
	if format != wireFormat {
		w.fail(fmt.Errorf("format %d", format))
	}
	w.str(&e.Producer)
	number(w, &e.Origin)
	w.bool(&e.Explicit)
	if pointer(w, &e.Job) {
		w.job(e.Job)
	}
	list(w, &e.Inputs, w.dataset)
	list(w, &e.Outputs, w.dataset)
	list(w, &e.JobEdges, w.edge)
}

func (w *wire) job(j *JobFact) {
	w.str(&j.Ref.Namespace)
	w.str(&j.Ref.Name)
	w.str(&j.Type)
	w.str(&j.Processing)
	w.str(&j.SQL)
	w.str(&j.Dialect)
	list(w, &j.Owners, w.str)
	list(w, &j.Tags, w.str)
	w.bool(&j.Retired)
}

func (w *wire) ref(r *DatasetRef) {
	w.str(&r.Namespace)
	w.str(&r.Name)
}

func (w *wire) dataset(d *DatasetFact) {
	w.ref(&d.Ref)
	w.str(&d.Type)
	number(w, &d.States)
	list(w, &d.Edges, w.edge)
	list(w, &d.Fields, func(f *Field) { w.str(&f.Path); w.str(&f.Type) })
	list(w, &d.Aliases, w.ref)
	number(w, &d.Lifecycle.Change)
	w.ref(&d.Lifecycle.From)
	list(w, &d.Owners, w.str)
	list(w, &d.Tags, w.str)
	w.bool(&d.Primary)
}

func (w *wire) edge(e *EdgeFact) {
	for _, id := range []*NodeID{&e.From, &e.To} {
		number(w, &id.Kind)
		w.str(&id.Namespace)
		w.str(&id.Name)
		w.str(&id.Field)
	}
	number(w, &e.Certainty)
	w.kinds(&e.Kinds)
}

// errTorn is why reading fails at the end of a part.
var errTorn = errors.New("torn")

func (w *wire) int(x *int64) {
	if !w.reading {
		w.buf = binary.AppendVarint(w.buf, *x)
		return
	}
	value, n := binary.Varint(w.buf)
	if n <= 0 {
		w.fail(errTorn)
		return
	}
	*x, w.buf = value, w.buf[n:]
}

func (w *wire) bool(x *bool) {
	var n int64
	if *x {
		n = 1
	}
	w.int(&n)
	if w.reading { // Writing must not touch what other goroutines encode too.
		*x = n != 0
	}
}

// time keeps the zero time apart: it has no microseconds since 1970 in 64 bits.
func (w *wire) time(t *time.Time) {
	us := ever
	if !t.IsZero() {
		us = t.UnixMicro()
	}
	w.int(&us)
	*t = timeOf(us)
}

func (w *wire) str(s *string) {
	n := int64(len(*s))
	w.int(&n)
	if !w.reading {
		w.buf = append(w.buf, *s...)
		return
	}
	if n < 0 || n > int64(len(w.buf)) {
		w.fail(errTorn)
		return
	}
	*s, w.buf = string(w.buf[:n]), w.buf[n:]
}

// number is for the small enumerations.
func number[T ~uint8](w *wire, x *T) {
	n := int64(*x)
	w.int(&n)
	if !w.reading {
		return
	}
	if n < 0 || n > 255 {
		w.fail(fmt.Errorf("%d, where a byte stands", n))
		return
	}
	*x = T(n)
}

// pointer reports whether there is a value, and makes one where it reads.
func pointer[T any](w *wire, x **T) bool {
	there := *x != nil
	w.bool(&there)
	if there && *x == nil {
		*x = new(T)
	}
	return there
}

// list keeps nil and empty apart, for an event's inputs mean different things then. A
// count is trusted no further than there are bytes: each element has at least one.
func list[T any](w *wire, x *[]T, element func(*T)) {
	n := int64(len(*x)) + 1
	if *x == nil {
		n = 0
	}
	w.int(&n)
	if w.reading {
		if n < 0 || n-1 > int64(len(w.buf)) {
			w.fail(errTorn)
			return
		}
		*x = nil
		if n > 0 {
			*x = make([]T, 0, min(n-1, 1024))
		}
		for range n - 1 {
			var zero T
			*x = append(*x, zero)
			element(&(*x)[len(*x)-1])
			if w.err != nil {
				return
			}
		}
		return
	}
	for i := range *x {
		element(&(*x)[i])
	}
}
