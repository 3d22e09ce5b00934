package lineage_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"pgregory.net/rapid"
)

// A reading answers queries from nothing but the list of a view's edges and nodes, without
// regard to cost.
type reading struct {
	edges   []lineage.Edge
	primary map[lineage.DatasetRef]lineage.DatasetRef
	named   map[lineage.NodeID]bool
	schemas map[lineage.DatasetRef][]lineage.Field
}

func read(v *lineage.View) *reading {
	r := &reading{edges: slices.Collect(v.Edges()), primary: map[lineage.DatasetRef]lineage.DatasetRef{}, named: map[lineage.NodeID]bool{}, schemas: map[lineage.DatasetRef][]lineage.Field{}}
	for n := range v.Nodes() {
		for _, a := range n.Aliases {
			r.primary[a] = n.ID.Dataset()
		}
		r.named[n.ID] = true
		if n.Fields != nil {
			r.schemas[n.ID.Dataset()] = n.Fields
		}
	}
	return r
}

// canon returns a node under the primary name of its dataset.
func (r *reading) canon(id lineage.NodeID) lineage.NodeID {
	if p, ok := r.primary[id.Dataset()]; ok && id.Kind != lineage.JobNode {
		id.Namespace, id.Name = p.Namespace, p.Name
	}
	return id
}

// touches reports whether the edges at one node are followed from another.
func touches(at, from lineage.NodeID) bool {
	part := func(a, b string) bool { return strings.HasPrefix(a, b+".") || strings.HasPrefix(a, b+"[") }
	switch {
	case at == from:
		return true
	case at.Kind == lineage.JobNode || from.Kind == lineage.JobNode || at.Dataset() != from.Dataset():
		return false
	case at.Field == "" || from.Field == "" || at.Field == "*" || from.Field == "*":
		return true
	}
	return part(at.Field, from.Field) || part(from.Field, at.Field)
}

// A hop is one edge, seen in the direction of a query.
type hop struct {
	near, far lineage.NodeID
	edge      lineage.Edge
}

// hops returns the edges that a query follows from a node, and where it is blind.
func (r *reading) hops(n lineage.NodeID, q lineage.Query) (out []hop, blind []lineage.NodeID) {
	for _, e := range r.edges {
		h := hop{e.From, e.To, e}
		if q.Direction == lineage.Upstream {
			h.near, h.far = e.To, e.From
		}
		switch {
		case !lets(q, e):
			continue
		case q.Level == lineage.JobLevel:
			if e.Layer == lineage.JobLayer && h.near == n {
				out = append(out, h)
			}
		case e.Layer == lineage.JobLayer:
		case q.Level == lineage.DatasetLevel:
			if h.near, h.far = h.near.Dataset().Node(), h.far.Dataset().Node(); h.near == n {
				out = append(out, h)
			}
		case touches(h.near, n):
			if h, ok := r.trace(n, h, q); ok {
				out = append(out, h)
			} else if !h.far.IsZero() {
				blind = append(blind, h.far)
			}
		}
	}
	return out, blind
}

// trace follows one edge at column level from a node that it touches. Where it does not,
// far is where the trace is blind, or zero.
func (r *reading) trace(n lineage.NodeID, h hop, q lineage.Query) (hop, bool) {
	switch {
	case h.edge.Layer == lineage.DatasetLayer:
		if slices.ContainsFunc(r.edges, func(x lineage.Edge) bool {
			return x.Layer == lineage.ColumnLayer && x.Job == h.edge.Job && x.To.Dataset() == h.edge.To.Dataset()
		}) {
			return hop{}, false
		}
		return h, q.Widen
	case h.near.Field == "*" && h.far.Field == "*" && n.Kind == lineage.ColumnNode && n.Field != "*":
		to := h.far.Dataset().Column(n.Field)
		schema, stated := r.schemas[to.Dataset()]
		if slices.ContainsFunc(schema, func(f lineage.Field) bool { return f.Path == n.Field }) || !stated && r.named[to] {
			return hop{n, to, h.edge}, true
		}
		return hop{far: to.Dataset().Node()}, false
	}
	return h, true
}

func lets(q lineage.Query, e lineage.Edge) bool {
	return (len(q.Jobs) == 0 || slices.Contains(q.Jobs, e.Job)) && (!q.SkipStale || !e.Stale) && !e.LastSeen.Before(q.SeenSince) &&
		(len(q.Types) == 0 || slices.ContainsFunc(append(e.Kinds, lineage.Transformation{Type: lineage.Direct})[:max(1, len(e.Kinds))],
			func(k lineage.Transformation) bool { return slices.Contains(q.Types, k.Type) }))
}

func edgeText(near, far lineage.NodeID, e lineage.Edge) string {
	return fmt.Sprintf("%d: %s %s %s", e.Layer, name(near), name(far), e.Job.Name)
}

// walk returns how far what a query reaches is, the edges that it follows and where it is
// blind.
func (r *reading) walk(from lineage.NodeID, q lineage.Query) (depth map[lineage.NodeID]int, edges, blind map[string]bool) {
	from = r.canon(from)
	depth, edges, blind = map[lineage.NodeID]int{}, map[string]bool{}, map[string]bool{}
	level := []lineage.NodeID{from}
	for d := 1; len(level) > 0 && (q.Depth == 0 || d <= q.Depth); d++ {
		var next []lineage.NodeID
		for _, n := range level {
			hops, dark := r.hops(n, q)
			for _, id := range dark {
				blind[name(id)] = true
			}
			for _, h := range hops {
				edges[edgeText(h.near, h.far, h.edge)] = true
				if _, seen := depth[h.far]; !seen && h.far != from {
					depth[h.far] = d
					next = append(next, h.far)
				}
			}
		}
		level = next
	}
	for e := range edges { // What a job states between datasets stands for what it states between their columns.
		if text, ok := strings.CutPrefix(e, "2: "); ok && q.Level == lineage.DatasetLevel {
			delete(edges, "3: "+text)
		}
	}
	return depth, edges, blind
}

// drawEvents draws a small history: five datasets with columns, some of them nested, and
// stars; schemas and aliases.
func drawEvents(t *rapid.T) []lineage.Event {
	dataset := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	column := rapid.SampledFrom([]string{"x", "y", "p", "p.q", "p[].r"})
	role := rapid.SampledFrom([]string{"IDENTITY", "TRANSFORMATION!", "AGGREGATION", "FILTER", "JOIN!", "IDENTITY+FILTER", ""})
	line := rapid.Custom(func(t *rapid.T) string {
		a, b := dataset.Draw(t, "from"), dataset.Draw(t, "to")
		switch rapid.IntRange(0, 9).Draw(t, "shape") {
		case 0, 1:
			return a + " > " + b
		case 2:
			return a + ".* > " + b + ".* IDENTITY"
		case 3:
			return a + "." + column.Draw(t, "x") + " > " + b + " FILTER"
		case 4:
			return a + " > " + b + "." + column.Draw(t, "y") + " IDENTITY"
		}
		return a + "." + column.Draw(t, "x") + " > " + b + "." + column.Draw(t, "y") + " " + role.Draw(t, "kinds")
	})
	event := rapid.Custom(func(t *rapid.T) lineage.Event {
		on := rapid.IntRange(1, 5).Draw(t, "day")
		switch rapid.IntRange(0, 12).Draw(t, "event") {
		case 0:
			return schema(on, dataset.Draw(t, "of"), rapid.SliceOfNDistinct(column, 0, 4, rapid.ID).Draw(t, "columns")...)
		case 1:
			return alias(on, dataset.Draw(t, "of"), rapid.SliceOfNDistinct(dataset, 0, 1, rapid.ID).Draw(t, "names")...)
		case 2:
			return states(on, rapid.SliceOfN(line, 1, 3).Draw(t, "lines")...)
		case 3:
			from := ""
			if rapid.Bool().Draw(t, "renamed") {
				from = dataset.Draw(t, "was")
			}
			return happened(on, dataset.Draw(t, "is"), from)
		}
		return did(rapid.SampledFrom([]string{"j", "k", "l"}).Draw(t, "job"), on, rapid.SliceOfN(line, 1, 4).Draw(t, "lines")...)
	})
	return rapid.SliceOfN(event, 1, 8).Draw(t, "events")
}

func drawView(t *rapid.T, events []lineage.Event) *lineage.View {
	return viewOf(t, drawAt(t), events)
}

func drawAt(t *rapid.T) lineage.At {
	at := lineage.At{Time: date(rapid.IntRange(0, 6).Draw(t, "time"))}
	if rapid.Bool().Draw(t, "window") {
		at.Until = at.Time.AddDate(0, 0, rapid.IntRange(1, 3).Draw(t, "days"))
	}
	return at
}

// viewOf returns the view of events that came in some batches.
func viewOf(t *rapid.T, at lineage.At, batches ...[]lineage.Event) *lineage.View {
	e, err := lineage.New(t.Context(), lineage.NewMemoryStore(), lineage.Config{Poll: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	for _, events := range batches {
		if _, err = e.Ingest(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
	}
	v, err := e.View(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func drawQuery(t *rapid.T) lineage.Query {
	q := lineage.Query{
		Level: rapid.SampledFrom([]lineage.Level{lineage.JobLevel, lineage.DatasetLevel, lineage.ColumnLevel}).Draw(t, "level"),
		Depth: rapid.IntRange(0, 3).Draw(t, "depth"), Widen: rapid.Bool().Draw(t, "widen"), SkipStale: rapid.Bool().Draw(t, "skip"),
		Direction: rapid.SampledFrom([]lineage.Direction{lineage.Downstream, lineage.Upstream}).Draw(t, "direction"),
	}
	if rapid.IntRange(0, 3).Draw(t, "seen") == 0 {
		q.SeenSince = date(rapid.IntRange(1, 5).Draw(t, "since"))
	}
	if rapid.IntRange(0, 3).Draw(t, "filter") == 0 {
		q.Types = []string{lineage.Direct}
		q.Jobs = []lineage.JobRef{node("(j)").Job(), node("(k)").Job()}
	}
	return q
}

// starts reports whether a query begins at a node as it is.
func starts(q lineage.Query, n lineage.NodeID) bool {
	switch n.Kind {
	case lineage.JobNode:
		return q.Level == lineage.JobLevel
	case lineage.ColumnNode:
		return q.Level == lineage.ColumnLevel
	case lineage.DatasetNode:
	}
	return true
}

// Invariant: lineage 5.
func TestWalksEqualANaiveReading(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v, q := drawView(t, drawEvents(t)), drawQuery(t)
		r := read(v)
		for n := range v.Nodes() {
			if starts(q, n.ID) {
				walkEquals(t, v, r, n.ID, q)
			}
		}
	})
}

// walkEquals compares a walk and a subgraph with a naive reading.
func walkEquals(t *rapid.T, v *lineage.View, r *reading, n lineage.NodeID, q lineage.Query) {
	depth, edges, blind := r.walk(n, q)
	got := map[lineage.NodeID]int{}
	s, err := v.Walk(t.Context(), n, q, func(s lineage.Step) bool {
		got[s.Node] = s.Depth
		if e := s.Edge(); q.Direction == lineage.Downstream && !touches(e.To, s.Node) || q.Direction == lineage.Upstream && !touches(e.From, s.Node) {
			t.Fatalf("edge %s to %s", lines([]lineage.Edge{e}), name(s.Node))
		}
		return true
	})
	if err != nil || s.Nodes != len(got) || s.Blind != len(blind) {
		t.Fatalf("from %s: %+v, %v; want %d nodes, blind at %v", name(n), s, err, len(depth), blind)
	}
	if d := cmp.Diff(depth, got); d != "" {
		t.Fatalf("from %s with %+v (-want +got)\n%s\nedges %s", name(n), q, d, lines(r.edges))
	}
	g, err := v.Downstream(t.Context(), n, q)
	if q.Direction == lineage.Upstream {
		g, err = v.Upstream(t.Context(), n, q)
	}
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, e := range g.Edges {
		near, far := e.From, e.To
		if q.Direction == lineage.Upstream {
			near, far = far, near
		}
		have[edgeText(near, far, e)] = true
	}
	if d := cmp.Diff(edges, have); d != "" {
		t.Fatalf("edges from %s with %+v (-want +got)\n%s\nof %s", name(n), q, d, lines(r.edges))
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(blind)), slices.Sorted(strings.FieldsSeq(names(g.Blind)))); d != "" && len(blind) > 0 {
		t.Fatalf("blind from %s (-want +got)\n%s", name(n), d)
	}
}

// classOf is the class of a path in words, by definition.
func classOf(path [][]lineage.Transformation) []lineage.Exposure {
	if len(path) == 0 {
		return []lineage.Exposure{lineage.Clear}
	}
	here := path[0]
	if len(here) == 0 {
		here = []lineage.Transformation{{Type: lineage.Direct}}
	}
	var out []lineage.Exposure
	for _, k := range here {
		for _, rest := range classOf(path[1:]) {
			switch {
			case k.Type == lineage.Indirect || rest == lineage.Inferred:
				out = append(out, lineage.Inferred)
			case k.Masking || rest == lineage.Masked:
				out = append(out, lineage.Masked)
			default:
				out = append(out, lineage.Clear)
			}
		}
	}
	return out
}

func TestReachEqualsTheEnumerationOfAllPaths(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t, drawEvents(t))
		r := read(v)
		for n := range v.Nodes() {
			if n.ID.Kind == lineage.ColumnNode {
				reachEquals(t, v, r, n.ID)
			}
		}
	})
}

// An arrival is how and how near something arrives.
type arrival struct {
	Exposure lineage.Exposure
	Length   int
}

// An enumeration follows all simple paths.
type enumeration struct {
	r     *reading
	on    map[lineage.NodeID]bool
	found map[lineage.NodeID]arrival
	steps int
}

// maxSteps is where an enumeration gives up: there are graphs with too many paths.
const maxSteps = 20_000

func (x *enumeration) follow(at lineage.NodeID, path [][]lineage.Transformation) {
	x.on[at] = true
	defer delete(x.on, at)
	hops, _ := x.r.hops(at, lineage.Query{Level: lineage.ColumnLevel})
	for _, h := range hops {
		if x.steps++; x.on[h.far] || x.steps > maxSteps {
			continue
		}
		p := append(slices.Clone(path), h.edge.Kinds)
		for _, e := range classOf(p) {
			if old, ok := x.found[h.far]; !ok || e < old.Exposure || e == old.Exposure && len(p) < old.Length {
				x.found[h.far] = arrival{e, len(p)}
			}
		}
		x.follow(h.far, p)
	}
}

// reachEquals compares where a label arrives with an enumeration, and looks at each
// witness.
func reachEquals(t *rapid.T, v *lineage.View, r *reading, n lineage.NodeID) {
	x := enumeration{r: r, on: map[lineage.NodeID]bool{}, found: map[lineage.NodeID]arrival{}}
	if x.follow(n, nil); x.steps > maxSteps {
		return
	}
	reach, err := v.Reach(t.Context(), []lineage.Labelled{{Node: n, Label: "l"}}, lineage.ReachQuery{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[lineage.NodeID]arrival{}
	for _, a := range reach.Arrivals {
		p := a.Path()
		got[a.Node] = arrival{a.Exposure, len(p.Edges)}
		var kinds [][]lineage.Transformation
		at := n
		for _, e := range p.Edges {
			if !touches(e.From, at) {
				t.Fatalf("no path: %s", lines(p.Edges))
			}
			at, kinds = e.To, append(kinds, e.Kinds)
		}
		if at != a.Node || !slices.Contains(classOf(kinds), a.Exposure) {
			t.Fatalf("%s is no witness of %s at %s", lines(p.Edges), a.Exposure, name(a.Node))
		}
	}
	if d := cmp.Diff(x.found, got); d != "" {
		t.Fatalf("from %s (-want +got)\n%s\nedges %s", name(n), d, lines(r.edges))
	}
}

// Invariant: lineage 5.
func TestDownstreamIsUpstreamOfTheReverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := drawView(t, drawEvents(t))
		reaches := map[[2]lineage.NodeID]bool{}
		collect := func(n lineage.NodeID, direction lineage.Direction, into map[[2]lineage.NodeID]bool) {
			_, err := v.Walk(t.Context(), n, lineage.Query{Level: lineage.DatasetLevel, Direction: direction}, func(s lineage.Step) bool {
				pair := [2]lineage.NodeID{n, s.Node}
				if direction == lineage.Upstream {
					pair = [2]lineage.NodeID{s.Node, n}
				}
				into[pair] = true
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		back := map[[2]lineage.NodeID]bool{}
		for n := range v.Nodes() {
			if n.ID.Kind == lineage.DatasetNode {
				collect(n.ID, lineage.Downstream, reaches)
				collect(n.ID, lineage.Upstream, back)
			}
		}
		if d := cmp.Diff(reaches, back); d != "" {
			t.Fatal(d)
		}
	})
}

// Invariant: lineage 5.
func TestADiffAppliedToTheFirstViewGivesTheSecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawView(t, drawEvents(t)), drawView(t, drawEvents(t))
		if d := lineage.Diff(a, a, lineage.Query{}); !d.Empty() {
			t.Fatalf("a view against itself: %+v", d)
		}
		identity := func(e lineage.Edge) string {
			return fmt.Sprint(name(e.From), name(e.To), e.Layer, e.Job, e.Origin, e.Kinds)
		}
		state := func(v *lineage.View) map[string]string {
			out := map[string]string{}
			for e := range v.Edges() {
				out[identity(e)] = ""
			}
			for n := range v.Nodes() {
				out[n.ID.String()] = fmt.Sprintf("%#v", n)
			}
			return out
		}
		d, got := lineage.Diff(a, b, lineage.Query{}), state(a)
		for _, e := range d.Removed {
			delete(got, identity(e))
		}
		for _, e := range d.Added {
			got[identity(e)] = ""
		}
		for _, n := range d.NodesRemoved {
			delete(got, n.ID.String())
		}
		for _, n := range d.NodesAdded {
			got[n.ID.String()] = fmt.Sprintf("%#v", n)
		}
		for _, c := range d.NodesChanged {
			got[c.Before.ID.String()] = fmt.Sprintf("%#v", c.After)
		}
		if d := cmp.Diff(state(b), got); d != "" {
			t.Fatalf("(-want +got)\n%s", d)
		}
	})
}

// Invariant: lineage 1.
func TestNoAnswerDependsOnTheOrderOfArrival(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events, q := drawEvents(t), drawQuery(t)
		other := rapid.Permutation(events).Draw(t, "order")
		at := rapid.OneOf(rapid.Just(lineage.At{Until: date(9)}), rapid.Custom(drawAt)).Draw(t, "at")
		v, w := viewOf(t, at, events), viewOf(t, at, other[:len(other)/2], other[len(other)/2:])
		if d := cmp.Diff(slices.Collect(v.Nodes()), slices.Collect(w.Nodes())); d != "" {
			t.Fatal(d)
		}
		for n := range v.Nodes() {
			if d := cmp.Diff(answers(t, v, n.ID, q), answers(t, w, n.ID, q)); d != "" {
				t.Fatalf("%s with %+v: %s", name(n.ID), q, d)
			}
		}
	})
}

// answers returns all that can be asked about a node.
func answers(t *rapid.T, v *lineage.View, n lineage.NodeID, q lineage.Query) (out []any) {
	s, err := v.Downstream(t.Context(), n, q)
	u, err2 := v.Upstream(t.Context(), n, q)
	out = append(out, s, err, u, err2)
	_, err = v.Walk(t.Context(), n, q, func(s lineage.Step) bool {
		out = append(out, s.Node, s.Depth, s.Edge())
		return true
	})
	out = append(out, err)
	if n.Kind == lineage.JobNode {
		return out
	}
	for _, kind := range []lineage.ChangeKind{lineage.Drop, lineage.Retype, lineage.Redefine} {
		i, err := v.Impact(t.Context(), []lineage.Change{{Kind: kind, Node: n}}, lineage.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range i.Effects {
			out = append(out, e.Node, e.Severity, e.Hop, e.Jobs, e.Stale, e.Path())
		}
		out = append(out, i.Blind)
	}
	return out
}

func TestWhatIsUnrelatedChangesNoAnswer(t *testing.T) {
	t.Parallel()
	unrelated := []lineage.Event{did("z", 2, "u.x > w.x IDENTITY", "u.p.q > w", "u > w"), did("z", 4, "u.* > w.*"), alias(3, "u", "uu"), schema(1, "w", "x")}
	rapid.Check(t, func(t *rapid.T) {
		events, q := drawEvents(t), drawQuery(t)
		at := lineage.At{Time: date(rapid.IntRange(1, 6).Draw(t, "time"))}
		v, w := viewOf(t, at, events), viewOf(t, at, unrelated, events)
		for n := range v.Nodes() {
			if d := cmp.Diff(answers(t, v, n.ID, q), answers(t, w, n.ID, q)); d != "" {
				t.Fatalf("%s with %+v: %s", name(n.ID), q, d)
			}
		}
	})
}

func TestAWindowIsTheUnionOfItsInstants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		from := rapid.IntRange(0, 4).Draw(t, "from")
		until := rapid.IntRange(from+1, 6).Draw(t, "until")
		key := func(e lineage.Edge) string {
			return fmt.Sprint(name(e.From), name(e.To), e.Layer, e.Job, e.Origin, e.Kinds, e.ValidFrom, e.ValidTo, e.LastSeen)
		}
		edges := func(at lineage.At, into map[string]bool) {
			for e := range viewOf(t, at, events).Edges() {
				into[key(e)] = true
			}
		}
		window, instants := map[string]bool{}, map[string]bool{}
		edges(lineage.At{Time: date(from), Until: date(until)}, window)
		for on := from; on < until; on++ { // All events are at midnight.
			edges(lineage.At{Time: date(on)}, instants)
		}
		// Names of a window are those of its last instant.
		if !slices.ContainsFunc(events, func(e lineage.Event) bool { return len(e.Outputs) > 0 && e.Outputs[0].States.Has(lineage.Symlinks) }) {
			if d := cmp.Diff(instants, window); d != "" {
				t.Fatalf("(-want +got)\n%s", d)
			}
		}
	})
}

func TestViewsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	v := view(t, lineage.At{}, shopEvents()...)
	want := steps(t, v, "raw", lineage.Query{Level: lineage.ColumnLevel})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := steps(t, v, "raw", lineage.Query{Level: lineage.ColumnLevel}); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if _, err := v.Upstream(t.Context(), node("report.key"), lineage.Query{Widen: true}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
