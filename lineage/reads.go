package lineage

import (
	"cmp"
	"slices"
)

// reads are what a job reads, which is read off the sets of inputs that its runs named: an
// input leads to its sets, and to the job, as long as a set leads anywhere. As lines do,
// they grow with each run, and are derived as a whole where anything else happens.
type reads struct {
	lines []*line        // of sets of inputs, and of what the job only reads
	leads map[int32]span // by set: how many outputs it leads to now
	open  map[fact]span  // by edge in the rows: how many sets, or lines, are for it
	out   []interval     // the edges in the rows, while dirty
	dirty bool           // to be derived when the batch ends
	last  int64          // nothing that is read began, ended or was seen later
}

// A span is how much holds something up, and when what does not any more was seen last.
type span struct {
	n    int
	seen int64
}

// read reports whether what a job reads is read off the line.
func (l *line) read() bool { return l.layer == DatasetLayer && l.job >= 0 || l.layer == layerSink }

// readAttrs returns the attrs of the edges from inputs to sets and to the job.
func (f *fold) readAttrs(k jobKey) (toSet, toJob int32) {
	s := scope{origin: k.origin, layer: JobLayer, job: k.job, target: k.job}
	toJob = f.attr(s, nil, Exact)
	s.layer = DatasetLayer
	return f.attr(s, nil, Exact), toJob
}

// saw notes that the open edges of what a job reads were seen.
func (f *fold) saw(k jobKey, t int64) {
	j := f.job(k)
	j.last = max(j.last, t)
	id := f.line(scope{origin: k.origin, layer: JobLayer, job: k.job, target: k.job}).id
	m := f.marks.At(id)
	m.seen = max(m.seen, t)
	f.marks.Set(id, m)
}

// readMore follows a fact that begins at the end of a line.
func (f *fold) readMore(l *line, x fact, t int64) {
	k := jobKey{l.origin, l.job}
	j := f.job(k)
	switch {
	case j.dirty:
	case l.layer == layerSink:
		f.hold(j, x, t)
	case f.names.nodes[x.from].kind == setNode:
		lead := j.leads[x.from]
		if lead.n++; lead.n == 1 {
			toSet, toJob := f.readAttrs(k)
			for in := range members(f.names.nodes[x.from]) {
				f.hold(j, fact{from: in, to: x.from, attr: toSet}, t)
				f.hold(j, fact{from: in, to: k.job, attr: toJob}, t)
			}
		}
		j.leads[x.from] = lead
	}
}

// readLess follows a fact that ends at the end of a line.
func (f *fold) readLess(l *line, x fact, t, seen int64) {
	k := jobKey{l.origin, l.job}
	j := f.job(k)
	switch {
	case j.dirty:
	case l.layer == layerSink:
		f.release(j, x, t, seen)
	case f.names.nodes[x.from].kind == setNode:
		lead := j.leads[x.from]
		lead.seen = max(lead.seen, seen)
		if lead.n--; lead.n > 0 {
			j.leads[x.from] = lead
			return
		}
		delete(j.leads, x.from)
		toSet, toJob := f.readAttrs(k)
		for in := range members(f.names.nodes[x.from]) {
			f.release(j, fact{from: in, to: x.from, attr: toSet}, t, lead.seen)
			f.release(j, fact{from: in, to: k.job, attr: toJob}, t, lead.seen)
		}
	}
}

// hold adds one to what an edge rests on. One that ended at that very time goes on.
func (f *fold) hold(j *jobLines, x fact, t int64) {
	s := j.open[x]
	if s.n++; s.n == 1 {
		if seen, ok := f.rows.reopen(x, t); ok {
			s.seen = seen
		} else {
			f.rows.put(interval{Elem: x, Begin: t, End: forever})
		}
	}
	j.open[x] = s
}

// release takes one from what an edge rests on.
func (f *fold) release(j *jobLines, x fact, t, seen int64) {
	s := j.open[x]
	s.seen = max(s.seen, seen)
	if s.n--; s.n > 0 {
		j.open[x] = s
		return
	}
	delete(j.open, x)
	f.rows.end(x, t, s.seen)
}

// wake keeps what the rows have of a job's reads, before a line of them changes otherwise
// than by growing.
func (f *fold) wake(k jobKey) {
	j := f.job(k)
	if j.dirty {
		return
	}
	j.out = f.reading(k, j, nil)
	j.dirty = true
	f.readers = append(f.readers, k)
}

// read brings the rows of a job's reads up to date.
func (f *fold) read(k jobKey) {
	j := f.job(k)
	leads := map[int32]span{}
	want := f.reading(k, j, leads)
	f.rows.differ(j.out, want, f.order)
	j.out, j.dirty = nil, false
	j.leads, j.open = leads, map[fact]span{}
	toSet, toJob := f.readAttrs(k)
	for set := range leads {
		for in := range members(f.names.nodes[set]) {
			for _, x := range [2]fact{{from: in, to: set, attr: toSet}, {from: in, to: k.job, attr: toJob}} {
				j.open[x] = span{n: j.open[x].n + 1}
			}
		}
	}
	id := f.line(scope{origin: k.origin, layer: JobLayer, job: k.job, target: k.job}).id
	m := f.marks.At(id)
	m.seen, j.last = 0, 0
	for _, l := range j.lines {
		last, ok := l.Last()
		if !ok {
			continue
		}
		m.seen = max(m.seen, last.Time)
		for _, x := range f.current(l) {
			switch {
			case x.End != forever:
				j.last = max(j.last, x.End) // Others may hide this end.
			case l.layer == layerSink:
				j.open[x.Elem] = span{n: j.open[x.Elem].n + 1}
			}
		}
	}
	j.last = max(j.last, m.seen)
	for _, x := range want {
		if x.End == forever {
			j.open[x.Elem] = span{n: j.open[x.Elem].n, seen: x.Seen}
		}
	}
	f.marks.Set(id, m)
}

// A readSpans is when something was for an edge.
type readSpans map[fact][]interval

func (r readSpans) add(x interval, from, to, attr int32) {
	x.Elem = fact{from: from, to: to, attr: attr}
	r[x.Elem] = append(r[x.Elem], x)
}

// reading returns when each of a job's reads held. It notes in leads, if that is not nil,
// which sets lead anywhere now.
func (f *fold) reading(k jobKey, j *jobLines, leads map[int32]span) []interval {
	toSet, toJob := f.readAttrs(k)
	sets, all := map[int32][]interval{}, readSpans{}
	for _, l := range j.lines {
		for _, x := range f.current(l) {
			switch {
			case l.layer == layerSink:
				all[x.Elem] = append(all[x.Elem], x)
			case f.names.nodes[x.Elem.from].kind == setNode:
				sets[x.Elem.from] = append(sets[x.Elem.from], x)
			}
		}
	}
	for set, list := range sets {
		if leads != nil {
			note(leads, set, list)
		}
		for _, x := range merge(list) { // Once for all outputs, so that it costs inputs + outputs.
			for in := range members(f.names.nodes[set]) {
				all.add(x, in, set, toSet)
				all.add(x, in, k.job, toJob)
			}
		}
	}
	var out []interval
	for e, list := range all {
		for _, x := range merge(list) {
			x.Elem = e
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b interval) int { return cmp.Or(f.order(a.Elem, b.Elem), cmp.Compare(a.Begin, b.Begin)) })
	return out
}

// note notes to how many outputs a set leads now.
func note(leads map[int32]span, set int32, list []interval) {
	s := span{}
	for _, x := range list {
		if x.End == forever {
			s.n++
		}
	}
	if s.n == 0 {
		return
	}
	spans := merge(list)
	s.seen = spans[len(spans)-1].Seen // The last is the open one.
	leads[set] = s
}

// current returns the intervals of a line that are in the rows, or were read off it last.
func (f *fold) current(l *line) []interval {
	if l.dirty || l.slow {
		return l.out
	}
	return l.Intervals(nil, forever, f.order)
}

// merge returns the spans of time over which any of the intervals holds, ascending. It
// sorts its argument.
func merge(list []interval) []interval {
	slices.SortFunc(list, func(a, b interval) int { return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End)) })
	var out []interval
	for _, x := range list {
		if n := len(out); n > 0 && x.Begin <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, x.End)
			out[n-1].Seen = max(out[n-1].Seen, x.Seen)
			continue
		}
		out = append(out, x)
	}
	return out
}
