package lineage

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage/internal/timeline"
)

// An op is a boundary: it ends stretches that are open at its key.
type op struct {
	key timeline.Key
	on  int32 // a dataset, or a retired job
	to  int32 // of a rename; -1: none
}

func compareOps(a, b op) int {
	return cmp.Or(a.key.Compare(b.key), cmp.Compare(a.on, b.on), cmp.Compare(a.to, b.to))
}

// setOp adds or removes a boundary as an event gives it.
func (f *fold) setOp(o op, there bool) {
	before := f.given[o.key]
	after := slices.DeleteFunc(slices.Clone(before), func(x op) bool { return x == o })
	if there {
		after = append(after, o)
	}
	if f.given[o.key] = after; len(after) == 0 {
		delete(f.given, o.key)
	}
	f.bound(f.alias.spread(before), f.alias.spread(after))
}

// spread returns boundaries on all names that each dataset had at the time. What is renamed
// to one of its own names leaves the others as they are.
func (s *aliasing) spread(ops []op) []op {
	if s == nil || len(s.pairs) == 0 {
		return ops
	}
	var out []op
	for _, o := range ops {
		names := s.names(o.on, o.key.Time)
		if slices.Contains(names, o.to) {
			names = names[:1]
		}
		for _, n := range names {
			if o.on = n; !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out
}

// names returns a dataset and the other names that it has at an instant.
func (s *aliasing) names(n int32, t int64) []int32 {
	out := []int32{n}
	for i := 0; i < len(out); i++ {
		for _, p := range s.near[out[i]] {
			if other := p.a + p.b - out[i]; p.until > t && !slices.Contains(out, other) {
				out = append(out, other)
			}
		}
	}
	return out
}

// realias renews what is known of names, where some changed, and brings the boundaries to
// those that each dataset has now.
func (f *fold) realias() {
	if !f.aliases {
		return
	}
	old := f.alias
	f.alias = f.aliasing()
	if old.same(f.alias) {
		return
	}
	for _, ops := range f.given {
		f.bound(old.spread(ops), f.alias.spread(ops))
	}
}

func (s *aliasing) same(o *aliasing) bool {
	if s == nil || o == nil {
		return s == o
	}
	return slices.Equal(s.pairs, o.pairs)
}

// bound puts boundaries in the place of others.
func (f *fold) bound(before, after []op) {
	for _, o := range before {
		if !slices.Contains(after, o) {
			f.setBound(o, false)
		}
	}
	for _, o := range after {
		if !slices.Contains(before, o) {
			f.setBound(o, true)
		}
	}
}

func (f *fold) setBound(o op, there bool) {
	for _, n := range []int32{o.on, o.to} {
		if n < 0 {
			continue
		}
		list := slices.DeleteFunc(slices.Clone(f.ops[n]), func(x op) bool { return x == o })
		if there {
			list = append(list, o)
			slices.SortFunc(list, compareOps)
		}
		if f.ops[n] = list; len(list) == 0 {
			delete(f.ops, n)
		}
		f.cut[n] = true
	}
}

// renamed soils the lines that another line's snapshot ends: what was renamed into its
// target, in one step or several, goes on under the old scope until then.
func (f *fold) renamed(l *line) {
	if !l.graphed() || l.job < 0 || len(f.ops) == 0 {
		return
	}
	seen := map[int32]bool{l.target: true}
	for queue := []int32{l.target}; len(queue) > 0; queue = queue[1:] {
		for _, o := range f.ops[queue[0]] {
			if o.to != queue[0] || seen[o.on] {
				continue
			}
			seen[o.on] = true
			queue = append(queue, o.on)
			if id, ok := f.index[scope{origin: l.origin, layer: l.layer, job: l.job, target: o.on}]; ok {
				f.soil(f.lines[id])
			}
		}
	}
}

// bounded reports whether a boundary may lie on a statement.
func (f *fold) bounded(s statement) bool {
	if len(f.ops) == 0 && len(f.schemaCuts) == 0 {
		return false
	}
	found := len(f.ops[s.line.job]) > 0 || len(f.ops[s.line.target]) > 0
	f.owners(s.set, func(d int32) { found = found || len(f.ops[d]) > 0 || f.schemaCuts[d] })
	return found
}

// owners calls visit with the datasets that a set touches, some of them repeatedly.
func (f *fold) owners(set []fact, visit func(int32)) {
	for _, x := range set {
		for _, n := range [2]int32{x.from, x.to} {
			switch of := f.names.nodes[n]; of.kind {
			case setNode:
				for m := range members(of) {
					visit(m)
				}
			case DatasetNode, ColumnNode:
				visit(of.owner)
			case JobNode:
			}
		}
	}
}

// A schemaFold tells the schemas of datasets that renames tie to each other.
type schemaFold struct {
	f     *fold
	steps []schemaStep
	now   map[int32]*schemaNow
	told  map[int32][]toldSchema
}

// A toldSchema is what a schema becomes at a step.
type toldSchema struct {
	key timeline.Key
	facet
}

// A schemaStep is a schema that is stated, or something that happens to a dataset.
type schemaStep struct {
	key  timeline.Key
	name string // of what happens; empty: on is stated to have set, and said so last at last
	last timeline.Key
	op
	set []fact
}

// A schemaNow is the schema of a dataset at one step.
type schemaNow struct {
	set   []fact
	since int64 // by which of several names of a dataset the newest is told
	last  timeline.Key
	taken bool // from a dataset that was renamed
}

// schemas returns the schemas of the datasets that describe is to renew, where they may have
// changed: one that is stated is in force until the next, or until the dataset is dropped
// or renamed. The new name takes it over, unless the event that renames states another.
func (f *fold) schemas() map[int32][]facet {
	out := map[int32][]facet{}
	for _, changed := range []map[int32]bool{f.cut, f.facets, f.newColumns} {
		for n := range changed {
			if _, done := out[n]; done || f.names.nodes[n].kind != DatasetNode || !f.cut[n] && len(f.ops[n]) == 0 {
				continue
			}
			s := schemaFold{f: f, now: map[int32]*schemaNow{}, told: map[int32][]toldSchema{}}
			for m := range f.tied(map[int32]bool{n: true}) {
				out[m] = nil
				s.collect(m)
			}
			s.tell()
			for m, list := range s.told {
				out[m] = inForce(list)
			}
		}
	}
	for n := range out {
		f.facets[n] = true
	}
	return out
}

// collect adds what was stated of a dataset and what happened to it.
func (s *schemaFold) collect(n int32) {
	f := s.f
	var keys []timeline.Key
	for _, o := range f.ops[n] {
		keys = append(keys, o.key)
		if o.on == n {
			s.steps = append(s.steps, schemaStep{key: o.key, name: f.opName(o), op: o})
		}
	}
	id, ok := f.index[scope{layer: layerSchema, job: -1, target: n}]
	if !ok {
		return
	}
	l := f.lines[id]
	keys = slices.Compact(keys)
	for _, k := range keys {
		f.split(l, k)
	}
	l.Breaks = keys
	l.Compact(f.order)
	for _, x := range l.Stretches {
		s.steps = append(s.steps, schemaStep{key: x.First, last: x.Last, op: op{on: n}, set: x.Set})
	}
}

// opName orders what happens at one key, whatever the order of arrival.
func (f *fold) opName(o op) string {
	name := nodeID(f.names.nodes, o.on).String() + " "
	if o.to >= 0 {
		name += nodeID(f.names.nodes, o.to).String()
	}
	return name
}

func (s *schemaFold) tell() {
	slices.SortFunc(s.steps, func(a, b schemaStep) int { return cmp.Or(a.key.Compare(b.key), strings.Compare(a.name, b.name)) })
	for _, x := range s.steps {
		was := s.now[x.on]
		switch {
		case x.name == "":
			next := &schemaNow{x.set, x.key.Time, x.last, false}
			if was != nil && equalSchemas(was.set, x.set) {
				next.since = was.since
			}
			s.set(x.on, x.key, next)
		case was != nil:
			s.end(x, was)
		}
	}
}

func equalSchemas(a, b []fact) bool {
	return slices.EqualFunc(a, b, func(x, y fact) bool { return x.from == y.from && x.to == y.to })
}

// end ends the schema of a dataset that is dropped or renamed.
func (s *schemaFold) end(x schemaStep, was *schemaNow) {
	s.now[x.on] = nil
	s.add(x.on, toldSchema{x.key, facet{from: x.key.Time, ended: true}})
	if x.to < 0 {
		return
	}
	if is := s.now[x.to]; is != nil && is.last == x.key && (!is.taken || is.since >= was.since) {
		return
	}
	of := nodeID(s.f.names.nodes, x.to).Dataset()
	for _, e := range was.set {
		s.f.node(of.Column(s.f.words[e.from]))
	}
	s.set(x.to, x.key, &schemaNow{was.set, was.since, x.key, true})
}

// set puts a schema in force.
func (s *schemaFold) set(n int32, k timeline.Key, next *schemaNow) {
	was := s.now[n]
	if s.now[n] = next; was != nil && equalSchemas(was.set, next.set) {
		return
	}
	s.add(n, toldSchema{k, facet{from: k.Time, fields: s.f.fieldsOf(next.set)}})
}

// add adds what a schema becomes. Of what it becomes at one key the last stands.
func (s *schemaFold) add(n int32, x toldSchema) {
	list := s.told[n]
	if last := len(list) - 1; last >= 0 && list[last].key == x.key {
		list = list[:last]
	}
	s.told[n] = append(list, x)
}

// inForce returns the facets that schemas make: one that comes again without another between
// goes on, and one that is replaced at once was never in force.
func inForce(list []toldSchema) []facet {
	var out []facet
	for i, x := range list {
		if i > 0 && x.ended == list[i-1].ended && slices.Equal(x.fields, list[i-1].fields) {
			continue
		}
		if last := len(out) - 1; last >= 0 && out[last].from == x.from {
			out = out[:last]
		}
		if !x.ended || len(out) > 0 {
			out = append(out, x.facet)
		}
	}
	return out
}

// tied returns datasets and all that renames tie to them: edges that a boundary ends may
// stand under a name from before or after.
func (f *fold) tied(datasets map[int32]bool) map[int32]bool {
	all := maps.Clone(datasets)
	for queue := slices.Collect(maps.Keys(datasets)); len(queue) > 0; queue = queue[1:] {
		for _, o := range f.ops[queue[0]] {
			for _, n := range [2]int32{o.on, o.to} {
				if n >= 0 && !all[n] {
					all[n] = true
					queue = append(queue, n)
				}
			}
		}
	}
	return all
}
