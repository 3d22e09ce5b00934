package lineagetest

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// A ModelView is what a [lineage.View] of the same instant or window has to show.
type ModelView struct {
	nodes []lineage.Node
	edges []lineage.Edge
}

// Nodes yields what [lineage.View.Nodes] has to.
func (v *ModelView) Nodes() iter.Seq[lineage.Node] { return slices.Values(v.nodes) }

// Edges yields what [lineage.View.Edges] has to.
func (v *ModelView) Edges() iter.Seq[lineage.Edge] { return slices.Values(v.edges) }

// View derives the graph at an instant or over a window from all records.
func (m *Model) View(at lineage.At) *ModelView {
	t := at.Time
	if t.IsZero() && at.Until.IsZero() {
		t = m.cfg.Now()
	}
	b := viewBuilder{lo: ever}
	if !t.IsZero() {
		b.lo = micros(t)
	}
	b.hi = b.lo + 1
	if !at.Until.IsZero() {
		b.hi = micros(at.Until)
	}
	known := m.believed(at.Known)
	b.read(known.events, toldSchemas(known.assertions, known.lives))
	b.link()
	v := &ModelView{edges: b.edges(known.edges)}
	v.nodes = b.nodes(v.edges)
	return v
}

func micros(t time.Time) int64 { return t.UTC().Truncate(time.Microsecond).UnixMicro() }

// A statement is one list that was said of a node.
type statement struct {
	moment
	aliases []lineage.DatasetRef
	words   []string
	fields  []lineage.Field
	ended   bool // there is no list any longer
}

// A facet is a kind of list. Types and pins are lists of one.
type facet uint8

const (
	aliasFacet facet = iota
	ownerFacet
	tagFacet
	schemaFacet
	typeFacet
	pinFacet
)

type facetKey struct {
	node lineage.NodeID
	kind facet
}

// A viewBuilder makes a view.
type viewBuilder struct {
	lo, hi int64
	said   map[facetKey][]statement // ascending
	groups map[lineage.DatasetRef][]lineage.DatasetRef
}

// state adds a statement to a list. Of what is said twice at a moment the later stands.
func state(list []statement, s statement) []statement {
	if n := len(list); n > 0 && list[n-1].moment == s.moment {
		list = list[:n-1]
	}
	return append(list, s)
}

// read collects the statements, and schemas, which are told already.
func (b *viewBuilder) read(events []said, schemas map[lineage.DatasetRef][]statement) {
	b.said = map[facetKey][]statement{}
	for _, e := range events {
		for _, d := range slices.Concat(unite(nil, e.Inputs), unite(nil, e.Outputs)) {
			b.dataset(e, d)
		}
		if e.Job != nil {
			b.job(e)
		}
	}
	for d, list := range schemas {
		b.said[facetKey{d.Node(), schemaFacet}] = list
	}
}

// add adds a statement, if it is one.
func (b *viewBuilder) add(is bool, id lineage.NodeID, kind facet, s statement) {
	if is {
		key := facetKey{id, kind}
		b.said[key] = state(b.said[key], s)
	}
}

func (b *viewBuilder) dataset(e said, d lineage.DatasetFact) {
	id := d.Ref.Node()
	b.add(d.States.Has(lineage.Symlinks), id, aliasFacet, statement{moment: e.moment, aliases: d.Aliases})
	b.add(d.States.Has(lineage.Owners), id, ownerFacet, statement{moment: e.moment, words: d.Owners})
	b.add(d.States.Has(lineage.Tags), id, tagFacet, statement{moment: e.moment, words: d.Tags})
	b.add(d.Type != "", id, typeFacet, statement{moment: e.moment, words: []string{d.Type}})
	b.add(d.Primary && e.Origin == lineage.Manual, id, pinFacet, statement{moment: e.moment})
}

func (b *viewBuilder) job(e said) {
	id := e.Job.Ref.Node()
	b.add(e.Job.Owners != nil, id, ownerFacet, statement{moment: e.moment, words: e.Job.Owners})
	b.add(e.Job.Tags != nil, id, tagFacet, statement{moment: e.moment, words: e.Job.Tags})
	b.add(e.Job.Type != "", id, typeFacet, statement{moment: e.moment, words: []string{e.Job.Type}})
}

// link finds the names of each dataset at the last instant of the view, the primary first.
func (b *viewBuilder) link() {
	linked := b.linked()
	b.groups = map[lineage.DatasetRef][]lineage.DatasetRef{}
	for d := range linked {
		group := []lineage.DatasetRef{d}
		for i := 0; i < len(group); i++ {
			for _, next := range linked[group[i]] {
				if !slices.Contains(group, next) {
					group = append(group, next)
				}
			}
		}
		slices.SortFunc(group, b.comparePrimacy)
		b.groups[d] = group
	}
}

// linked returns of each dataset the names that it shares a statement in force with.
func (b *viewBuilder) linked() map[lineage.DatasetRef][]lineage.DatasetRef {
	linked := map[lineage.DatasetRef][]lineage.DatasetRef{}
	for key, list := range b.said {
		d := key.node.Dataset()
		for i, s := range list {
			for _, a := range s.aliases {
				if a != d && b.inForce(list[i:], a) {
					linked[d], linked[a] = append(linked[d], a), append(linked[a], d)
				}
			}
		}
	}
	return linked
}

// inForce reports whether an alias that the first statement lists is in force: until the
// first statement after the last one that lists it.
func (b *viewBuilder) inForce(list []statement, alias lineage.DatasetRef) bool {
	end := int64(forever)
	for _, s := range list {
		switch {
		case slices.Contains(s.aliases, alias):
			end = forever
		case end == forever:
			end = s.us
		}
	}
	return b.hi-1 < end
}

// comparePrimacy orders the names of a dataset: pinned last, then the smallest.
func (b *viewBuilder) comparePrimacy(x, y lineage.DatasetRef) int {
	pin := func(d lineage.DatasetRef) moment {
		if list := b.said[facetKey{d.Node(), pinFacet}]; len(list) > 0 {
			return list[len(list)-1].moment
		}
		return moment{us: ever}
	}
	return cmp.Or(pin(y).compare(pin(x)), x.Compare(y))
}

// names returns all names of a dataset, the primary first.
func (b *viewBuilder) names(d lineage.DatasetRef) []lineage.DatasetRef {
	if group := b.groups[d]; group != nil {
		return group
	}
	return []lineage.DatasetRef{d}
}

// primary gives a node the name that it has in answers.
func (b *viewBuilder) primary(id lineage.NodeID) lineage.NodeID {
	if id.Kind == lineage.JobNode {
		return id
	}
	return b.names(id.Dataset())[0].Column(id.Field)
}

// edges returns the edges of the view. Those that are one under its names are one edge
// where they overlap, and those of inputs x outputs where a scope goes from one to the
// other.
func (b *viewBuilder) edges(all []stretch) []lineage.Edge {
	type kind struct {
		origin lineage.Origin
		job    lineage.JobRef
		layer  lineage.Layer
	}
	scopes, groups := map[modelScope][]stretch{}, map[kind][]stretch{}
	for _, x := range all {
		x.from, x.to, x.via = b.primary(x.from), b.primary(x.to), ""
		scopes[x.scope] = append(scopes[x.scope], x)
	}
	for s, list := range scopes {
		k := kind{s.origin, s.job, s.layer}
		groups[k] = append(groups[k], joined(list, func(a, b stretch) bool { return a.product && b.product && b.begin == a.end })...)
	}
	var out []lineage.Edge
	for k, list := range groups {
		for _, x := range joined(list, func(a, b stretch) bool { return b.begin < a.end }) {
			if x.begin >= b.hi || x.end <= b.lo {
				continue
			}
			e := lineage.Edge{
				From: x.from, To: x.to, Layer: k.layer, Job: k.job, Origin: k.origin, Kinds: x.kinds, Certainty: x.certainty,
				ValidFrom: time.UnixMicro(x.begin).UTC(), LastSeen: time.UnixMicro(x.shown).UTC(), Stale: x.end == forever && x.stale < b.hi,
			}
			if x.end != forever {
				e.ValidTo = time.UnixMicro(x.end).UTC()
			}
			out = append(out, e)
		}
	}
	slices.SortFunc(out, compareEdges)
	return out
}

func compareIDs(a, b lineage.NodeID) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Kind, b.Kind))
}

func compareEdges(a, b lineage.Edge) int {
	return cmp.Or(compareIDs(a.From, b.From), compareIDs(a.To, b.To), cmp.Compare(a.Layer, b.Layer),
		cmp.Compare(a.Job.Namespace, b.Job.Namespace), cmp.Compare(a.Job.Name, b.Job.Name), cmp.Compare(a.Origin, b.Origin),
		slices.CompareFunc(a.Kinds, b.Kinds, compareKinds), a.ValidFrom.Compare(b.ValidFrom))
}

// stated returns the list in force at the end of the view. Where several names of a
// dataset have one it is that which changed last.
func (b *viewBuilder) stated(id lineage.NodeID, kind facet) (statement, bool) {
	names := []lineage.NodeID{id}
	if id.Kind != lineage.JobNode {
		names = names[:0]
		for _, d := range b.names(id.Dataset()) {
			names = append(names, d.Node())
		}
	}
	var newest statement
	found := false
	for _, name := range names {
		s, ok := b.current(b.said[facetKey{name, kind}])
		if ok && (!found || s.us > newest.us) {
			newest, found = s, true
		}
	}
	return newest, found
}

// current returns the statement in force, with the moment since when it is.
func (b *viewBuilder) current(list []statement) (statement, bool) {
	var s statement
	found := false
	for _, next := range list {
		if next.us >= b.hi {
			break
		}
		if found && next.same(s) {
			next.moment = s.moment
		}
		s, found = next, true
	}
	return s, found && !s.ended
}

// same reports whether two statements list the same, in whatever order.
func (s statement) same(o statement) bool {
	words := s.ended == o.ended && slices.Equal(slices.Sorted(slices.Values(s.words)), slices.Sorted(slices.Values(o.words)))
	byPath := func(a, b lineage.Field) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Type, b.Type)) }
	return words && slices.Equal(slices.SortedFunc(slices.Values(s.fields), byPath), slices.SortedFunc(slices.Values(o.fields), byPath))
}

// nodes returns the ends of the edges, and what is known beside them.
func (b *viewBuilder) nodes(edges []lineage.Edge) []lineage.Node {
	there := map[lineage.NodeID]bool{}
	add := func(id lineage.NodeID) {
		there[id] = true
		if id.Kind == lineage.ColumnNode {
			there[id.Dataset().Node()] = true
		}
	}
	for _, e := range edges {
		add(e.From)
		add(e.To)
	}
	for key := range b.said {
		id := b.primary(key.node)
		if key.kind != ownerFacet && key.kind != tagFacet && key.kind != schemaFacet {
			continue
		}
		s, ok := b.stated(id, key.kind)
		if !ok {
			continue
		}
		add(id)
		for _, f := range s.fields {
			add(id.Dataset().Column(f.Path))
		}
	}
	var out []lineage.Node
	for id := range there {
		out = append(out, b.node(id))
	}
	slices.SortFunc(out, func(a, b lineage.Node) int { return compareIDs(a.ID, b.ID) })
	return out
}

// node returns a node with what is known of it. The type is the newest of all times, and
// the owners of a column are those of its dataset.
func (b *viewBuilder) node(id lineage.NodeID) lineage.Node {
	n := lineage.Node{ID: id}
	schema, hasSchema := b.stated(id, schemaFacet)
	owners, _ := b.stated(id, ownerFacet)
	n.Owners = slices.Sorted(slices.Values(owners.words))
	if id.Kind == lineage.ColumnNode {
		for _, f := range schema.fields {
			if f.Path == id.Field {
				n.Type = f.Type
			}
		}
		return n
	}
	tags, _ := b.stated(id, tagFacet)
	n.Tags = slices.Sorted(slices.Values(tags.words))
	names := []lineage.NodeID{id}
	if id.Kind == lineage.DatasetNode {
		names = names[:0]
		for _, d := range b.names(id.Dataset()) {
			names = append(names, d.Node())
			if d != id.Dataset() {
				n.Aliases = append(n.Aliases, d)
			}
		}
		slices.SortFunc(n.Aliases, lineage.DatasetRef.Compare)
	}
	for _, name := range names {
		if list := b.said[facetKey{name, typeFacet}]; len(list) > 0 && n.Type == "" {
			n.Type = list[len(list)-1].words[0]
		}
	}
	if hasSchema {
		n.Fields = append([]lineage.Field{}, schema.fields...)
		slices.SortFunc(n.Fields, func(a, b lineage.Field) int { return strings.Compare(a.Path, b.Path) })
	}
	return n
}
