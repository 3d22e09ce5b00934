package lineage

import (
	"cmp"
	"maps"
	"slices"
)

// An input is what a column is made from, and how.
type input struct {
	from  NodeID
	kinds []Transformation
}

func (i input) compare(o input) int {
	return cmp.Or(i.from.Compare(o.from), slices.CompareFunc(i.kinds, o.kinds, Transformation.Compare))
}

// A shape is what a view says of a dataset's columns.
type shape struct {
	types   map[string]string  // by column of the schema; nil: unknown
	inputs  map[string][]input // by column, empty for those that all share; sorted
	written bool
}

// has reports whether anything says that there is a column.
func (s *shape) has(column string) bool {
	_, typed := s.types[column]
	_, made := s.inputs[column]
	return typed || made
}

// columns returns the columns that anything names, sorted.
func (s *shape) columns() []string {
	all := map[string]struct{}{}
	for c := range s.types {
		all[c] = struct{}{}
	}
	for c := range s.inputs {
		if c != "" && c != star {
			all[c] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// shapes returns the shapes of all datasets that the view says more of than that they are
// read.
func (v *View) shapes() map[DatasetRef]*shape {
	out := map[DatasetRef]*shape{}
	of := func(id NodeID) *shape {
		s := out[id.Dataset()]
		if s == nil {
			s = &shape{inputs: map[string][]input{}}
			out[id.Dataset()] = s
		}
		return s
	}
	for e := range v.Edges() {
		if e.To.Kind == JobNode {
			continue
		}
		s := of(e.To)
		s.written = true
		if e.Layer == ColumnLayer {
			s.inputs[e.To.Field] = append(s.inputs[e.To.Field], input{e.From, e.Kinds})
		}
	}
	for _, s := range out {
		for c := range s.inputs {
			s.inputs[c] = sortedInputs(s.inputs[c])
		}
	}
	for n := range v.Nodes() {
		if n.ID.Kind != DatasetNode || n.Fields == nil {
			continue
		}
		s := of(n.ID)
		s.types = map[string]string{}
		for _, f := range n.Fields {
			s.types[f.Path] = f.Type
		}
	}
	return out
}

func sortedInputs(list []input) []input {
	slices.SortFunc(list, input.compare)
	return slices.CompactFunc(list, func(a, b input) bool { return a.compare(b) == 0 })
}

// readColumns returns the datasets that the view has edges from, with the columns that
// these begin at.
func (v *View) readColumns() map[DatasetRef]map[string]bool {
	out := map[DatasetRef]map[string]bool{}
	for e := range v.Edges() {
		d := e.From.Dataset()
		if e.From.Kind == JobNode {
			continue
		}
		if out[d] == nil {
			out[d] = map[string]bool{}
		}
		if e.From.Kind == ColumnNode && e.From.Field != star {
			out[d][e.From.Field] = true
		}
	}
	return out
}
