package lineage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// date returns an instant by number.
func date(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n) }

// node reads a node as tests write it: a dataset "d", a column "d.c", a job "(j)".
func node(text string) lineage.NodeID {
	if name, ok := strings.CutPrefix(text, "("); ok {
		return lineage.JobRef{Namespace: "n", Name: strings.TrimSuffix(name, ")")}.Node()
	}
	name, column, _ := strings.Cut(text, ".")
	return lineage.DatasetRef{Namespace: "n", Name: name}.Column(column)
}

// name writes a node as tests write it.
func name(id lineage.NodeID) string {
	switch id.Kind {
	case lineage.JobNode:
		return "(" + id.Name + ")"
	case lineage.ColumnNode:
		return id.Name + "." + id.Field
	case lineage.DatasetNode:
	}
	return id.Name
}

func names(ids []lineage.NodeID) string {
	var out []string
	for _, id := range ids {
		out = append(out, name(id))
	}
	return strings.Join(out, " ")
}

// kinds reads transformations: IDENTITY, or FILTER for what is indirect, "!" for masked,
// joined by "+".
func kinds(text string) []lineage.Transformation {
	var out []lineage.Transformation
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '+' }) {
		t := lineage.Transformation{Type: lineage.Indirect}
		t.Subtype, t.Masking = strings.CutSuffix(word, "!")
		switch t.Subtype {
		case lineage.Identity, lineage.Transform, lineage.Aggregation:
			t.Type = lineage.Direct
		}
		out = append(out, t)
	}
	return out
}

// did is a run that completed on a day. Lines are "from > to KINDS" for an edge that ends
// in a column or in all of a dataset, or "d > e" between datasets. Datasets that lines
// name are its inputs and outputs, those of lines "- d" are read only, of "+ d" written
// only.
func did(job string, on int, lines ...string) lineage.Event {
	e := lineage.Event{
		Time: date(on), Inputs: []lineage.DatasetFact{},
		Run: &lineage.RunFact{ID: fmt.Sprintf("%s@%d", job, on), Type: lineage.Complete},
		Job: &lineage.JobFact{Ref: node("(" + job + ")").Job()},
	}
	e.Inputs, e.Outputs = facts(lines)
	return e
}

// states is a dataset event: what a person or a catalogue says of one dataset.
func states(on int, lines ...string) lineage.Event {
	_, outputs := facts(lines)
	for i := range outputs {
		outputs[i].States |= lineage.DatasetEdges
	}
	return lineage.Event{Time: date(on), Outputs: outputs}
}

func facts(lines []string) (inputs, outputs []lineage.DatasetFact) {
	inputs = []lineage.DatasetFact{}
	type key struct {
		list *[]lineage.DatasetFact
		of   lineage.DatasetRef
	}
	at := map[key]int{}
	fact := func(list *[]lineage.DatasetFact, id lineage.NodeID) *lineage.DatasetFact {
		k := key{list, id.Dataset()}
		i, ok := at[k]
		if !ok {
			i, at[k] = len(*list), len(*list)
			*list = append(*list, lineage.DatasetFact{Ref: id.Dataset()})
		}
		return &(*list)[i]
	}
	for _, line := range lines {
		words := strings.Fields(line)
		switch words[0] {
		case "-":
			fact(&inputs, node(words[1]))
			continue
		case "+":
			fact(&outputs, node(words[1]))
			continue
		}
		from, to := node(words[0]), node(words[2])
		fact(&inputs, from)
		out := fact(&outputs, to)
		x := lineage.EdgeFact{From: from, To: to}
		if len(words) > 3 {
			x.Kinds = kinds(words[3])
		}
		if from.Kind == lineage.ColumnNode || to.Kind == lineage.ColumnNode {
			out.States |= lineage.ColumnEdges
		}
		out.Edges = append(out.Edges, x)
	}
	return inputs, outputs
}

// schema is a dataset event that states columns "name:type".
func schema(on int, dataset string, columns ...string) lineage.Event {
	d := lineage.DatasetFact{Ref: node(dataset).Dataset(), States: lineage.Schema}
	for _, c := range columns {
		path, typ, _ := strings.Cut(c, ":")
		d.Fields = append(d.Fields, lineage.Field{Path: path, Type: typ})
	}
	return lineage.Event{Time: date(on), Outputs: []lineage.DatasetFact{d}}
}

// alias is a dataset event that states other names.
func alias(on int, dataset string, others ...string) lineage.Event {
	d := lineage.DatasetFact{Ref: node(dataset).Dataset(), States: lineage.Symlinks}
	for _, o := range others {
		d.Aliases = append(d.Aliases, node(o).Dataset())
	}
	return lineage.Event{Time: date(on), Outputs: []lineage.DatasetFact{d}}
}

// engine returns an engine that has applied events.
func engine(t *testing.T, events ...lineage.Event) *lineage.Engine {
	t.Helper()
	e, err := lineage.New(t.Context(), lineage.NewMemoryStore(), lineage.Config{Now: func() time.Time { return date(1000) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	report, err := e.Ingest(t.Context(), events...)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return e
}

// view returns the view of events at an instant or window.
func view(t *testing.T, at lineage.At, events ...lineage.Event) *lineage.View {
	t.Helper()
	v, err := engine(t, events...).View(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// steps returns what a walk visits as "node/depth".
func steps(t *testing.T, v *lineage.View, from string, q lineage.Query) string {
	t.Helper()
	var out []string
	_, err := v.Walk(t.Context(), node(from), q, func(s lineage.Step) bool {
		out = append(out, fmt.Sprintf("%s/%d", name(s.Node), s.Depth))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

// lines writes edges as "from > to (job)".
func lines(edges []lineage.Edge) string {
	var out []string
	for _, e := range edges {
		text := name(e.From) + " > " + name(e.To)
		if e.Job.Name != "" {
			text += " (" + e.Job.Name + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}
