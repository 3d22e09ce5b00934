package lineagetest_test

import (
	"iter"
	"slices"

	"github.com/tenon-go/tenon/lineage"
)

// shrink returns a history that fails as events do, and from which nothing can be left
// out.
func shrink(events []lineage.Event, fails func([]lineage.Event) bool) []lineage.Event {
	for again := true; again; {
		again = false
		for fewer := range smaller(events) {
			if fails(fewer) {
				events, again = fewer, true
				break
			}
		}
	}
	return events
}

// smaller yields what is left of events without one event, or without a part of one.
func smaller(events []lineage.Event) iter.Seq[[]lineage.Event] {
	return func(yield func([]lineage.Event) bool) {
		for i := range events {
			if !yield(slices.Delete(slices.Clone(events), i, i+1)) {
				return
			}
		}
		for i := range events {
			for _, e := range simpler(events[i]) {
				list := slices.Clone(events)
				list[i] = e
				if !yield(list) {
					return
				}
			}
		}
	}
}

// simpler returns what is left of an event without one of its parts.
func simpler(e lineage.Event) []lineage.Event {
	var out []lineage.Event
	each(e.JobEdges, nil, func(x []lineage.EdgeFact) { next := e; next.JobEdges = x; out = append(out, next) })
	each(e.Inputs, simplerFact, func(x []lineage.DatasetFact) { next := e; next.Inputs = x; out = append(out, next) })
	each(e.Outputs, simplerFact, func(x []lineage.DatasetFact) { next := e; next.Outputs = x; out = append(out, next) })
	return slices.DeleteFunc(out, func(e lineage.Event) bool { return e.Job == nil && len(e.Outputs) == 0 })
}

func simplerFact(d lineage.DatasetFact) []lineage.DatasetFact {
	var out []lineage.DatasetFact
	for bit := lineage.DatasetEdges; bit <= lineage.Tags; bit <<= 1 {
		if next := d; d.States.Has(bit) {
			next.States &^= bit
			next.Edges = slices.DeleteFunc(slices.Clone(d.Edges), func(e lineage.EdgeFact) bool { return aspect(e) == bit })
			out = append(out, unlisted(next))
		}
	}
	each(d.Edges, nil, func(x []lineage.EdgeFact) { next := d; next.Edges = x; out = append(out, next) })
	each(d.Fields, nil, func(x []lineage.Field) { next := d; next.Fields = x; out = append(out, next) })
	each(d.Aliases, nil, func(x []lineage.DatasetRef) { next := d; next.Aliases = x; out = append(out, next) })
	if next := d; d.Lifecycle.Change != lineage.Unchanged {
		next.Lifecycle = lineage.Lifecycle{}
		out = append(out, next)
	}
	return out
}

// unlisted leaves out the lists that a fact does not state.
func unlisted(d lineage.DatasetFact) lineage.DatasetFact {
	if !d.States.Has(lineage.Schema) {
		d.Fields = nil
	}
	if !d.States.Has(lineage.Symlinks) {
		d.Aliases = nil
	}
	if !d.States.Has(lineage.Owners) {
		d.Owners = nil
	}
	if !d.States.Has(lineage.Tags) {
		d.Tags = nil
	}
	return d
}

func aspect(e lineage.EdgeFact) lineage.Aspects {
	if e.From.Kind == lineage.ColumnNode || e.To.Kind == lineage.ColumnNode {
		return lineage.ColumnEdges
	}
	return lineage.DatasetEdges
}

// each visits a list without each of its elements, and with each made simpler.
func each[T any](list []T, simpler func(T) []T, visit func([]T)) {
	for i := range list {
		visit(slices.Delete(slices.Clone(list), i, i+1))
		if simpler == nil {
			continue
		}
		for _, x := range simpler(list[i]) {
			next := slices.Clone(list)
			next[i] = x
			visit(next)
		}
	}
}
