package lineage

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/internal/csr"
	"github.com/tenon-go/tenon/lineage/internal/persist"
)

// The bounds of time in microseconds. An edge that is still valid ends at forever; a
// fact that has no beginning, as an alias, begins at ever.
const (
	forever int64 = math.MaxInt64
	ever    int64 = math.MinInt64
)

// setNode is a node inside the dataset layer: the set of inputs that one job's run
// named together. Inputs lead to it and it leads to the outputs, which is one edge to
// whoever asks. So a run costs as many entries as it names datasets, and inputs of one
// run never lead to the outputs of another.
const setNode NodeKind = 9

// forward and reverse index a graph's two directions.
const (
	forward = iota
	reverse
)

// A node is a node by number. Numbers depend on the order of arrival and never reach an
// answer.
type node struct {
	kind  NodeKind
	owner int32  // of a column its dataset, of a set its job, else the node itself
	space string // the namespace of a dataset or job
	name  string // of a column the path, of a set its members: see members
}

// A scope is whose snapshots replace each other: (origin, job, target, layer).
type scope struct {
	origin Origin
	layer  Layer
	job    int32 // -1: none
	target int32
}

// An attr is what edges of one scope share besides their ends.
type attr struct {
	scope     int32
	kinds     []Transformation // sorted, with descriptions
	certainty Certainty
	same      int32 // the first attr that differs in certainty and descriptions at most
}

// An entry is one edge over one stretch, in the row of one of its ends.
type entry struct {
	node       int32 // the other end
	attr       int32
	begin, end int64 // [begin, end); end is forever while the edge is valid
	seen       int64 // of the last snapshot with it; not read while end is forever: marks has it
}

// A mark is what an unchanged run moves: one value for all open edges of a scope.
type mark struct {
	seen  int64
	stale int64 // since when the newest runs omit the target; 0: they do not
}

// A graph is all that is known, at all instants: rows that were laid out once, and rows
// that replace some of them since. It is immutable; the slices are prefixes of ones that
// only grow.
type graph struct {
	table
	cursor  Cursor
	names   *names
	base    *base
	over    [2]persist.Vector[*persist.List[entry]] // by direction and node; nil: the row is base's
	detail  persist.Vector[*detail]                 // by node: of datasets and jobs
	marks   persist.Vector[mark]                    // by scope
	alias   *aliasing                               // nil: no dataset ever had aliases
	groups  bool                                    // alias is not nil
	newest  int64                                   // no finite begin or end of an entry is later
	edges   int                                     // entries of forward rows, at all times
	delta   int                                     // entries of over, both directions
	changes int                                     // how many changes over is made of
}

// A table says what the numbers of nodes, scopes and attrs mean.
type table struct {
	nodes  []node
	scopes []scope
	attrs  []attr
}

// worn reports whether so much lies over the base that a new one is worth while: a long row
// that one change copied says little.
func (g *graph) worn(part int) bool {
	return g.delta >= max(rebaseEdges, g.edges/part) && g.changes >= g.delta/16
}

// A base holds rows laid out for speed. Within a row, edges that are valid (end is
// forever) come first, then the others; each part is sorted by compareEntries.
type base struct {
	rows  [2]csr.Graph // Edge of reverse is the position in forward, Edge of forward is not set
	times []int64      // all instants of the arrays below, ascending; times[0] is ever
	attr  []int32      // by position in forward, as are the following; they index times
	begin []int32
	end   []int32 // math.MaxInt32: forever
	seen  []int32
}

// A detail is what is known of a dataset or a job. It is immutable.
type detail struct {
	columns []int32 // of a dataset, in order of name
	nested  bool    // some of them are parts of others, or *: see nestedPath
	typ     string
	facets  [facetKinds][]facet // each ascending by from
	ends    []ending            // of a dataset, ascending
}

// An ending is that a dataset was dropped, or renamed to another.
type ending struct {
	at int64
	to int32 // -1: dropped
}

// The kinds of facets.
const (
	facetSchema = iota
	facetOwners
	facetTags
	facetKinds
)

// A facet is one statement of a list, in force until the next one.
type facet struct {
	from   int64
	fields []Field  // facetSchema
	words  []string // facetOwners, facetTags
	ended  bool     // nothing is in force: the dataset was dropped or renamed
}

// at returns the statement in force at an instant.
func (d *detail) at(kind int, t int64) (facet, bool) {
	if d == nil {
		return facet{}, false
	}
	list := d.facets[kind]
	i, found := slices.BinarySearchFunc(list, t, func(f facet, t int64) int { return cmp.Compare(f.from, t) })
	if found {
		return list[i], !list[i].ended
	}
	if i == 0 {
		return facet{}, false
	}
	return list[i-1], !list[i-1].ended
}

// find returns the number of a node.
func (g *graph) find(id NodeID) (int32, bool) {
	n, ok := g.names.find(id)
	return n, ok && int(n) < len(g.nodes)
}

// id returns the node of a number. A set's is its job's.
func (g *graph) id(n int32) NodeID { return nodeID(g.nodes, n) }

func nodeID(nodes []node, n int32) NodeID {
	x := nodes[n]
	switch x.kind {
	case ColumnNode:
		of := nodes[x.owner]
		return NodeID{Kind: ColumnNode, Namespace: of.space, Name: of.name, Field: x.name}
	case setNode:
		of := nodes[x.owner]
		return NodeID{Kind: JobNode, Namespace: of.space, Name: of.name}
	case DatasetNode, JobNode:
	}
	return NodeID{Kind: x.kind, Namespace: x.space, Name: x.name}
}

// row appends the entries of a node in one direction to buf, the valid ones first. It is
// for whoever has time; a traversal reads over and base itself.
func (g *graph) row(direction int, n int32, buf []entry) []entry {
	if over := g.over[direction].At(n); over != nil {
		for i := range over.Parts() {
			_, some := over.Part(i)
			buf = append(buf, some...)
		}
		return buf
	}
	rows := &g.base.rows[direction]
	if int(n) >= rows.Nodes() {
		return buf
	}
	for p := rows.Off[n]; p < rows.Off[n+1]; p++ {
		buf = append(buf, g.base.entry(direction, p))
	}
	return buf
}

// entry returns the entry at a position of a direction's rows.
func (b *base) entry(direction int, p int32) entry {
	e := p
	if direction == reverse {
		e = b.rows[reverse].Edge[p]
	}
	x := entry{node: b.rows[direction].To[p], attr: b.attr[e], begin: b.times[b.begin[e]], end: forever, seen: b.times[b.seen[e]]}
	if b.end[e] != math.MaxInt32 {
		x.end = b.times[b.end[e]]
	}
	return x
}

// compareEntries orders the entries of a row: valid ones first, then by the other end's
// name, what the edge is, and time. It is the order of arrival in no respect.
func (g *table) compareEntries(a, b entry) int {
	if open := a.end == forever; open != (b.end == forever) {
		if open {
			return -1
		}
		return 1
	}
	if a.node != b.node {
		if c := compareNodes(g.nodes, a.node, b.node); c != 0 {
			return c
		}
	}
	return cmp.Or(g.compareAttrs(a.attr, b.attr), cmp.Compare(a.begin, b.begin))
}

// sameEdge reports whether entries differ in their times at most, and in whether they are
// valid not at all.
func (g *table) sameEdge(a, b entry) bool {
	return (a.end == forever) == (b.end == forever) && a.node == b.node && g.compareAttrs(a.attr, b.attr) == 0
}

// compareNodes orders nodes as NodeID.Compare; sets of one job by their members.
func compareNodes(nodes []node, a, b int32) int {
	if a == b {
		return 0
	}
	x, y := &nodes[a], &nodes[b]
	if x.owner != y.owner {
		of, to := &nodes[x.owner], &nodes[y.owner]
		if c := cmp.Or(strings.Compare(of.space, to.space), strings.Compare(of.name, to.name)); c != 0 {
			return c
		}
	}
	if c := cmp.Or(strings.Compare(x.field(), y.field()), cmp.Compare(x.kind, y.kind)); c != 0 || x.kind != setNode {
		return c
	}
	for i := 0; ; i += 4 {
		switch {
		case i >= len(x.name) || i >= len(y.name):
			return cmp.Compare(len(x.name), len(y.name))
		case x.name[i:i+4] == y.name[i:i+4]:
			continue
		}
		return compareNodes(nodes, member(x.name[i:]), member(y.name[i:]))
	}
}

// field returns the path of a column.
func (x *node) field() string {
	if x.kind == ColumnNode {
		return x.name
	}
	return ""
}

// member returns the first of a set's members: see fold.set.
func member(name string) int32 {
	return int32(binary.LittleEndian.Uint32([]byte(name[:4]))) //nolint:gosec // as fold.set wrote it
}

// members yields the datasets of a set, in order of their names.
func members(set node) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for name := set.name; len(name) >= 4; name = name[4:] {
			if !yield(member(name)) {
				return
			}
		}
	}
}

// compareAttrs orders attrs by job, origin, layer, target and kinds.
func (g *table) compareAttrs(a, b int32) int {
	if a == b {
		return 0
	}
	x, y := &g.attrs[a], &g.attrs[b]
	s, t := g.scopes[x.scope], g.scopes[y.scope]
	return cmp.Or(g.jobOf(s).Compare(g.jobOf(t)), cmp.Compare(s.origin, t.origin), cmp.Compare(s.layer, t.layer),
		compareNodes(g.nodes, s.target, t.target), slices.CompareFunc(x.kinds, y.kinds, Transformation.Compare))
}

// jobOf returns the job of a scope, zero for none.
func (g *table) jobOf(s scope) JobRef {
	if s.job < 0 {
		return JobRef{}
	}
	return JobRef{Namespace: g.nodes[s.job].space, Name: g.nodes[s.job].name}
}

// seen returns when an entry's edge was last in a snapshot.
func (g *graph) seen(x entry) int64 {
	if x.end == forever {
		return g.marks.At(g.attrs[x.attr].scope).seen
	}
	return x.seen
}

// stale reports whether the newest runs up to an instant omit an entry's target.
func (g *graph) stale(x entry, at int64) bool {
	if x.end != forever {
		return false
	}
	since := g.marks.At(g.attrs[x.attr].scope).stale
	return since != 0 && since <= at
}

// micros and timeOf go between times and microseconds.
func micros(t time.Time) int64 { return t.UnixMicro() }

func timeOf(us int64) time.Time {
	if us == ever {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// A names numbers nodes. Numbers are given once and never change, so that every graph
// can share them.
type names struct {
	mu    sync.RWMutex
	nodes []node
	index map[nodeKey]int32
	texts textPool // of the nodes, and what else is kept of events
}

// A nodeKey is a node by its owner: a column's dataset is a number, so that the names of
// datasets are kept once.
type nodeKey struct {
	kind  NodeKind
	owner int32 // of a column its dataset, of a set its job, else -1
	space string
	name  string
}

func (t *names) find(id NodeID) (int32, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	key := nodeKey{kind: id.Kind, owner: -1, space: id.Namespace, name: id.Name}
	if id.Kind != ColumnNode {
		n, ok := t.index[key]
		return n, ok
	}
	key.kind = DatasetNode
	dataset, ok := t.index[key]
	if !ok {
		return 0, false
	}
	n, ok := t.index[nodeKey{kind: ColumnNode, owner: dataset, name: id.Field}]
	return n, ok
}

// add numbers a node, and reports whether it is new.
func (t *names) add(key nodeKey) (int32, bool) {
	if n, ok := t.index[key]; ok { // There is one writer, and only it changes the map.
		return n, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := int32(len(t.nodes)) //nolint:gosec // far fewer than 2^31 nodes fit into memory
	key.space, key.name = t.texts.once(key.space), t.texts.keep(key.name)
	x := node(key)
	if x.owner < 0 {
		x.owner = n
	}
	t.index[key], t.nodes = n, append(t.nodes, x)
	return n, true
}
