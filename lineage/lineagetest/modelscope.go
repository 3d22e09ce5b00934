package lineagetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage"
)

// products is the layer of inputs x outputs alone, from which the edges to jobs are read.
const products lineage.Layer = 99

// A modelScope is whose snapshots replace each other.
type modelScope struct {
	origin lineage.Origin
	job    lineage.JobRef // zero: none
	target lineage.NodeID
	layer  lineage.Layer
}

// A modelEdge is an edge in a snapshot.
type modelEdge struct {
	from, to  lineage.NodeID
	via       string                   // of inputs x outputs: the inputs that were named together
	kinds     []lineage.Transformation // sorted
	certainty lineage.Certainty
}

// same is what makes edges of one scope different: descriptions and certainty do not.
func (e modelEdge) same() string {
	var text strings.Builder
	text.WriteString(e.from.String() + " " + e.to.String() + " " + e.via)
	for _, k := range e.kinds {
		fmt.Fprintf(&text, " %q %q %t", k.Type, k.Subtype, k.Masking)
	}
	return text.String()
}

// A snapshot is the complete edges of a scope.
type snapshot struct {
	moment
	edges   map[string]modelEdge
	product bool // of inputs x outputs
}

func compareKinds(a, b lineage.Transformation) int {
	masked := map[bool]int{true: 1}
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Subtype, b.Subtype), cmp.Compare(masked[a.Masking], masked[b.Masking]))
}

func compareKindsAndWords(a, b lineage.Transformation) int {
	return cmp.Or(compareKinds(a, b), cmp.Compare(a.Description, b.Description))
}

// stronger returns one of two equal edges: the one that is surer, then the one with the
// smaller descriptions.
func stronger(a, b modelEdge) modelEdge {
	if cmp.Or(cmp.Compare(a.certainty, b.certainty), slices.CompareFunc(a.kinds, b.kinds, compareKindsAndWords)) <= 0 {
		return a
	}
	return b
}

// An assertionReader turns assertions into snapshots of scopes.
type assertionReader struct {
	at     moment
	event  lineage.Event
	scopes map[modelScope][]snapshot
}

// snapshots reads all assertions.
func snapshots(assertions []said) map[modelScope][]snapshot {
	r := assertionReader{scopes: map[modelScope][]snapshot{}}
	for _, a := range assertions {
		r.at, r.event = a.moment, a.Event
		r.outputs()
		switch {
		case r.event.Job == nil:
		case r.event.Explicit:
			r.explicit()
		default:
			r.product()
		}
	}
	return r.scopes
}

// scope returns a scope of the event.
func (r *assertionReader) scope(target lineage.NodeID, layer lineage.Layer) modelScope {
	s := modelScope{origin: r.event.Origin, target: target, layer: layer}
	if r.event.Job != nil {
		s.job = r.event.Job.Ref
	}
	return s
}

// state adds a snapshot. Of the same edge twice the strongest stands, with the smallest
// descriptions.
func (r *assertionReader) state(s modelScope, edges []lineage.EdgeFact) {
	product := r.event.Job != nil && !r.event.Explicit && (s.layer == lineage.DatasetLayer || s.layer == products)
	shot := snapshot{r.at, map[string]modelEdge{}, product}
	for _, e := range edges {
		x := modelEdge{from: e.From, to: e.To, kinds: slices.Clone(e.Kinds), certainty: e.Certainty}
		if shot.product {
			x.via = sources(edges)
		}
		slices.SortFunc(x.kinds, compareKindsAndWords)
		x.kinds = slices.CompactFunc(x.kinds, func(a, b lineage.Transformation) bool { return compareKinds(a, b) == 0 })
		if old, there := shot.edges[x.same()]; there {
			x = stronger(old, x)
		}
		shot.edges[x.same()] = x
	}
	r.scopes[s] = append(r.scopes[s], shot)
}

// viaSeparator is in no name of a node.
const viaSeparator = "\x00:"

// sources names all that edges come from.
func sources(edges []lineage.EdgeFact) string {
	var names []string
	for _, e := range edges {
		names = append(names, e.From.String())
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), viaSeparator)
}

func modelLayer(e lineage.EdgeFact) lineage.Layer {
	switch {
	case e.From.Kind == lineage.JobNode || e.To.Kind == lineage.JobNode:
		return lineage.JobLayer
	case aspectOf(e) == lineage.ColumnEdges:
		return lineage.ColumnLayer
	}
	return lineage.DatasetLayer
}

func inLayer(edges []lineage.EdgeFact, layer lineage.Layer) []lineage.EdgeFact {
	var out []lineage.EdgeFact
	for _, e := range edges {
		if modelLayer(e) == layer {
			out = append(out, e)
		}
	}
	return out
}

// outputs states what the outputs say of themselves.
func (r *assertionReader) outputs() {
	for _, d := range r.event.Outputs {
		if d.States.Has(lineage.ColumnEdges) {
			r.state(r.scope(d.Ref.Node(), lineage.ColumnLayer), inLayer(d.Edges, lineage.ColumnLayer))
		}
		if d.States.Has(lineage.DatasetEdges) && (r.event.Job == nil || r.event.Explicit) {
			r.state(r.scope(d.Ref.Node(), lineage.DatasetLayer), inLayer(d.Edges, lineage.DatasetLayer))
			r.state(r.scope(d.Ref.Node(), products), nil)
		}
	}
}

// product states inputs x outputs, or what is only read.
func (r *assertionReader) product() {
	own := r.event.Job.Ref.Node()
	for _, d := range r.event.Outputs {
		to := d.Ref.Node()
		r.state(r.scope(to, lineage.JobLayer), []lineage.EdgeFact{{From: own, To: to}})
		if r.event.Inputs == nil {
			continue
		}
		edges := []lineage.EdgeFact{}
		for _, in := range r.event.Inputs {
			edges = append(edges, lineage.EdgeFact{From: in.Ref.Node(), To: to})
		}
		r.state(r.scope(to, lineage.DatasetLayer), edges)
		r.state(r.scope(to, products), edges)
	}
	if r.event.Inputs == nil {
		return
	}
	read := []lineage.EdgeFact{}
	for _, in := range r.event.Inputs {
		if len(r.event.Outputs) == 0 {
			read = append(read, lineage.EdgeFact{From: in.Ref.Node(), To: own})
		}
	}
	r.state(r.scope(own, lineage.JobLayer), read)
}

// explicit states edges one by one. What no entry names belongs to the event's own job.
func (r *assertionReader) explicit() {
	own := r.event.Job.Ref.Node()
	named := map[lineage.DatasetRef]bool{}
	all := slices.Clone(r.event.JobEdges)
	for _, d := range r.event.Outputs {
		all = append(all, d.Edges...)
		if d.States&(lineage.DatasetEdges|lineage.ColumnEdges) != 0 {
			named[d.Ref] = true
		}
	}
	for _, e := range all {
		named[e.From.Dataset()], named[e.To.Dataset()] = true, true
	}
	for _, d := range r.event.Outputs {
		edges := inLayer(d.Edges, lineage.JobLayer)
		if !named[d.Ref] {
			edges = append(edges, lineage.EdgeFact{From: own, To: d.Ref.Node()})
		}
		r.state(r.scope(d.Ref.Node(), lineage.JobLayer), edges)
	}
	read := inLayer(r.event.JobEdges, lineage.JobLayer)
	for _, in := range r.event.Inputs {
		if !named[in.Ref] {
			read = append(read, lineage.EdgeFact{From: in.Ref.Node(), To: own})
		}
	}
	r.state(r.scope(own, lineage.JobLayer), read)
}
