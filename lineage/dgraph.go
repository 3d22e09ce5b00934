package lineage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	dgraph "github.com/dominikbraun/graph"
)

// Graph returns the view at dataset level as a directed graph of package
// github.com/dominikbraun/graph, for its algorithms and its draw.DOT: all datasets of the
// view, and an edge wherever the query would follow one, with the attribute "jobs". The
// query's start, depth, direction and budgets do not count. That package keeps one edge
// between two nodes, so edges by several jobs are one. The only error is that of
// [Query.Validate].
func (v *View) Graph(q Query) (dgraph.Graph[string, Node], error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	out := dgraph.New(func(n Node) string { return n.ID.String() }, dgraph.Directed())
	q.Level, q.Direction = DatasetLevel, Downstream
	w := newWalker(v, q)
	defer w.release()
	datasets := v.sorted(func(n int32) bool { return v.g.nodes[n].kind == DatasetNode && v.has(n) })
	for _, n := range datasets {
		if err := out.AddVertex(v.node(n)); err != nil {
			return nil, fmt.Errorf("lineage: graph: %w", err)
		}
	}
	for _, n := range datasets {
		jobs := map[int32][]string{}
		for _, h := range w.neighbours(n) {
			s := v.g.scopes[v.g.attrs[w.entry(h).attr].scope]
			if s.job >= 0 {
				jobs[h.to] = append(jobs[h.to], v.g.id(s.job).String())
			} else {
				jobs[h.to] = append(jobs[h.to], "")
			}
		}
		for to, via := range jobs {
			slices.Sort(via)
			text := strings.Join(slices.DeleteFunc(slices.Compact(via), func(s string) bool { return s == "" }), " ")
			err := out.AddEdge(v.id(n).String(), v.id(to).String(), dgraph.EdgeAttribute("jobs", text))
			if err != nil && !errors.Is(err, dgraph.ErrEdgeAlreadyExists) {
				return nil, fmt.Errorf("lineage: graph: %w", err)
			}
		}
	}
	return out, nil
}
