package lineage

import (
	"cmp"
	"slices"
)

// reads are what a job reads, which is read off the sets of inputs that its runs named: an
// input leads to its sets, and to the job, as long as a set leads anywhere. As lines do,
// they grow with each run; what ends, even back in time, is taken out where something else
// holds it up or nothing does. They are derived as a whole where anything else happens.
type reads struct {
	lines []*line        // of sets of inputs, and of what the job only reads
	leads map[int32]span // by set: the outputs that it leads to now
	open  map[fact]span  // by edge in the rows: the sets, or lines, that are for it
	out   []interval     // the edges in the rows, while dirty
	dirty bool           // to be derived when the batch ends
	last  int64          // nothing that is read began, ended or was seen later
}

// A span is what holds something up now, and since when, with what did before and ended. All
// of it together leaves no gap.
type span struct {
	first  int64    // since when it is held up
	begins []begins // ascending
	ends   int64    // of what does not hold it up any more, the last one
	seen   int64    // likewise
}

// begins are so many that began at a time.
type begins struct {
	t int64
	n int
}

// add adds one that begins no earlier than the others.
func (s *span) add(t int64) {
	if n := len(s.begins); n > 0 && s.begins[n-1].t == t {
		s.begins[n-1].n++
		return
	}
	s.begins = append(s.begins, begins{t, 1})
}

// can reports whether one that began at a time may end at another without leaving a gap:
// something else has been there since, or nothing is and nothing ended later.
func (s *span) can(begin, end int64) bool {
	switch i := s.find(begin); {
	case i < 0:
		return false
	case len(s.begins) == 1 && s.begins[0].n == 1:
		return end >= s.ends
	case i == 0 && s.begins[0].n == 1:
		return s.begins[1].t <= end
	}
	return s.begins[0].t <= end
}

// end takes out one that began at a time, and reports whether nothing is left.
func (s *span) end(begin, end, seen int64) bool {
	if i := s.find(begin); i >= 0 {
		if s.begins[i].n--; s.begins[i].n == 0 {
			s.begins = slices.Delete(s.begins, i, i+1)
		}
	}
	s.ends, s.seen = max(s.ends, end), max(s.seen, seen)
	return len(s.begins) == 0
}

func (s *span) find(begin int64) int {
	i, ok := slices.BinarySearchFunc(s.begins, begin, func(b begins, t int64) int { return cmp.Compare(b.t, t) })
	if !ok {
		return -1
	}
	return i
}

// read reports whether what a job reads is read off the line.
func (l *line) read() bool { return l.layer == DatasetLayer && l.job >= 0 || l.layer == layerSink }

// since returns when an element of the newest set of a line that no boundary cuts began.
func (l *line) since(x fact, order func(a, b fact) int) int64 {
	t := ever
	for _, s := range slices.Backward(l.Stretches) {
		if _, ok := slices.BinarySearchFunc(s.Set, x, order); !ok {
			break
		}
		t = s.First.Time
	}
	return t
}

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

// readMore follows a fact of a line that begins, no earlier than anything else.
func (f *fold) readMore(l *line, x fact, t int64) {
	k := jobKey{l.origin, l.job}
	j := f.job(k)
	switch {
	case j.dirty:
	case l.layer == layerSink:
		f.hold(j, x, t)
	case f.names.nodes[x.from].kind == setNode:
		lead := j.leads[x.from]
		isNew := len(lead.begins) == 0
		if isNew {
			lead.first = t
		}
		lead.add(t)
		j.leads[x.from] = lead
		if isNew {
			f.members(k, x.from, func(x fact) { f.hold(j, x, t) })
		}
	}
}

// readLess follows a fact of a line that ends.
func (f *fold) readLess(l *line, x interval) {
	k := jobKey{l.origin, l.job}
	j := f.job(k)
	switch {
	case j.dirty:
	case l.layer == layerSink:
		f.release(j, x)
	case f.names.nodes[x.Elem.from].kind == setNode:
		lead := j.leads[x.Elem.from]
		if !lead.end(x.Begin, x.End, x.Seen) {
			j.leads[x.Elem.from] = lead
			return
		}
		delete(j.leads, x.Elem.from)
		f.members(k, x.Elem.from, func(e fact) { f.release(j, interval{Elem: e, Begin: lead.first, End: x.End, Seen: lead.seen}) })
	}
}

// canLess reports whether readLess can follow a fact that ends, which may be long ago.
func (f *fold) canLess(l *line, x interval) bool {
	k := jobKey{l.origin, l.job}
	j := f.job(k)
	if l.layer == layerSink {
		s := j.open[x.Elem]
		return s.can(x.Begin, x.End)
	}
	lead := j.leads[x.Elem.from]
	if !lead.can(x.Begin, x.End) {
		return false
	}
	can := true
	if len(lead.begins) == 1 && lead.begins[0].n == 1 {
		f.members(k, x.Elem.from, func(e fact) {
			s := j.open[e]
			can = can && s.can(lead.first, x.End)
		})
	}
	return can
}

// members calls visit with the edges that a set of inputs that leads anywhere is for.
func (f *fold) members(k jobKey, set int32, visit func(fact)) {
	toSet, toJob := f.readAttrs(k)
	for in := range members(f.names.nodes[set]) {
		visit(fact{from: in, to: set, attr: toSet})
		visit(fact{from: in, to: k.job, attr: toJob})
	}
}

// hold adds one to what an edge rests on. One that ended at that very time goes on.
func (f *fold) hold(j *jobLines, x fact, t int64) {
	s := j.open[x]
	if len(s.begins) == 0 {
		if seen, ok := f.rows.reopen(x, t); ok {
			s.seen, s.ends = seen, t
		} else {
			f.rows.put(interval{Elem: x, Begin: t, End: forever})
		}
	}
	s.add(t)
	j.open[x] = s
}

// release takes one from what an edge rests on.
func (f *fold) release(j *jobLines, x interval) {
	s := j.open[x.Elem]
	if !s.end(x.Begin, x.End, x.Seen) {
		j.open[x.Elem] = s
		return
	}
	delete(j.open, x.Elem)
	f.rows.end(x.Elem, x.End, s.seen)
}

// readOn follows a line that was derived anew, from the intervals that it had: what began
// last, and what ended, is all that a job's reads can follow.
func (f *fold) readOn(l *line, want []interval) {
	k := jobKey{l.origin, l.job}
	j := f.job(k)
	if j.dirty {
		return
	}
	began, ended, ok := f.readDiff(l, want)
	if ok && len(ended) > 1 {
		ok = l.layer == layerSink // Sets may have inputs in common.
	}
	for _, x := range began {
		ok = ok && x.End == forever && x.Begin >= j.last
	}
	for _, x := range ended {
		ok = ok && f.canLess(l, x)
	}
	if !ok {
		f.wake(k)
		return
	}
	for _, x := range ended {
		f.readLess(l, x)
		j.last = max(j.last, x.End)
	}
	for _, x := range began {
		f.readMore(l, x.Elem, x.Begin)
	}
	if last, ok := l.Last(); ok {
		f.saw(k, last.Time)
	}
}

// readDiff returns the intervals that a line has now and had not, and those that were open
// and have an end now; false if others differ.
func (f *fold) readDiff(l *line, want []interval) (began, ended []interval, ok bool) {
	relevant := func(x interval) bool { return l.layer == layerSink || f.names.nodes[x.Elem.from].kind == setNode }
	have := l.out
	for len(have) > 0 || len(want) > 0 {
		switch c := compareIntervals(have, want, f.order); {
		case c < 0:
			if relevant(have[0]) {
				return nil, nil, false
			}
			have = have[1:]
		case c > 0:
			if relevant(want[0]) {
				began = append(began, want[0])
			}
			want = want[1:]
		default:
			a, b := have[0], want[0]
			have, want = have[1:], want[1:]
			switch {
			case !relevant(a), a.Elem.attr == b.Elem.attr && a.End == b.End && (a.End == forever || a.Seen == b.Seen):
			case a.Elem.attr == b.Elem.attr && a.End == forever:
				ended = append(ended, b)
			default:
				return nil, nil, false
			}
		}
	}
	return began, ended, true
}

// wake keeps what the rows have of a job's reads, before a line of them changes otherwise
// than by growing.
func (f *fold) wake(k jobKey) {
	j := f.job(k)
	if j.dirty {
		return
	}
	j.out = f.reading(k, j, false)
	j.dirty = true
	f.readers = append(f.readers, k)
}

// read brings the rows of a job's reads up to date.
func (f *fold) read(k jobKey) {
	j := f.job(k)
	j.leads, j.open = map[int32]span{}, map[fact]span{}
	f.rows.differ(j.out, f.reading(k, j, true), f.order)
	j.out, j.dirty = nil, false
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
			if x.End != forever {
				j.last = max(j.last, x.End) // Others may hide this end.
			}
		}
	}
	j.last = max(j.last, m.seen)
	f.marks.Set(id, m)
}

// A readSpans is when something was for an edge.
type readSpans map[fact][]interval

func (r readSpans) add(x interval, from, to, attr int32) {
	x.Elem = fact{from: from, to: to, attr: attr}
	r[x.Elem] = append(r[x.Elem], x)
}

// reading returns when each of a job's reads held, and notes, if so asked, what holds them
// up now.
func (f *fold) reading(k jobKey, j *jobLines, noting bool) []interval {
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
		spans := merge(list)
		if noting {
			note(j.leads, set, list, spans)
		}
		for _, x := range spans { // Once for all outputs, so that it costs inputs + outputs.
			for in := range members(f.names.nodes[set]) {
				all.add(x, in, set, toSet)
				all.add(x, in, k.job, toJob)
			}
		}
	}
	var out []interval
	for e, list := range all {
		spans := merge(list)
		if noting {
			note(j.open, e, list, spans)
		}
		for _, x := range spans {
			x.Elem = e
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b interval) int { return cmp.Or(f.order(a.Elem, b.Elem), cmp.Compare(a.Begin, b.Begin)) })
	return out
}

// note notes what holds something up now, of intervals and the spans that they make.
func note[K comparable](in map[K]span, of K, list, spans []interval) {
	last := spans[len(spans)-1]
	if last.End != forever {
		return
	}
	s := span{first: last.Begin, ends: ever, seen: ever}
	for _, x := range list { // In order of begin.
		switch {
		case x.End == forever:
			s.add(x.Begin)
		case x.Begin >= last.Begin:
			s.ends, s.seen = max(s.ends, x.End), max(s.seen, x.Seen)
		}
	}
	in[of] = s
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
