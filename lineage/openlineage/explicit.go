package openlineage

import (
	"fmt"

	"github.com/tenon-go/tenon/lineage"
)

func (p *parser) jobLineage(f *jobLineageFacet, key string) bool {
	if key != "entries" {
		return false
	}
	list(p, &f.Entries, func(e *lineageEntry) {
		p.end(&e.lineageEnd, func(key string) bool { return key == "runId" && p.skip() || p.lineageTarget(&e.lineageTarget, key) })
	})
	return true
}

func (p *parser) lineageTarget(t *lineageTarget, key string) bool {
	switch key {
	case "inputs":
		list(p, &t.Inputs, p.lineageInput)
	case "fields":
		dictionary(p, &t.Fields, func(f *lineageField) {
			p.object([]string{"inputs"}, func(key string) bool {
				if key == "inputs" {
					list(p, &f.Inputs, p.lineageInput)
					return true
				}
				return false
			})
		})
	default:
		return false
	}
	return true
}

func (p *parser) lineageInput(i *lineageInput) {
	p.end(&i.lineageEnd, func(key string) bool {
		switch key {
		case "field":
			p.name(&i.Field)
		case "runId":
			p.d.Skip()
		case "transformations":
			list(p, &i.Transformations, p.transformation)
		default:
			return false
		}
		return true
	})
}

// end reads an object that is an end of edges. One without a known type is a dataset. A
// job has both parts of a name or neither.
func (p *parser) end(e *lineageEnd, other func(key string) bool) {
	required := []string{"type", "namespace", "name"}
	const noName = 0b110
	missing, ok := p.keys(required, func(key string) bool {
		if key == "type" {
			p.text(&e.Type)
			if e.Type != typeDataset && e.Type != typeJob {
				p.d.Fail(codeForm, errEnd)
			}
			return true
		}
		return p.nameKey(&e.name, key) || other(key)
	})
	if e.Type == typeJob && missing&noName == noName {
		missing &^= noName
	}
	if ok {
		p.missing(required, missing)
	}
	if e.Type != typeJob && e.Name == "" {
		p.refuse(lineage.ErrInvalid, "no dataset name", "name")
	}
}

// explicit adds the edges of the lineage facets of an event to its facts.
func (n *normaliser) explicit(w *wireEvent) {
	e := &n.event
	at := map[lineage.DatasetRef]int{}
	for i := range e.Outputs {
		if _, ok := at[e.Outputs[i].Ref]; !ok {
			at[e.Outputs[i].Ref] = i
		}
	}
	output := func(ref lineage.DatasetRef) *lineage.DatasetFact {
		i, ok := at[ref]
		if !ok {
			i = len(e.Outputs)
			at[ref] = i
			e.Outputs = append(e.Outputs, lineage.DatasetFact{Ref: ref})
		}
		return &e.Outputs[i]
	}
	for place, datasets := range map[string][]dataset{"inputs": w.Inputs, "outputs": w.Outputs} {
		for i := range datasets {
			d := &datasets[i]
			if f := d.Facets.Lineage; f != nil {
				n.target(output(lineage.DatasetRef(d.name)), &f.lineageTarget, f.Deleted, w.place(place, i)()+".facets.lineage")
			}
		}
	}
	if w.Job != nil && w.Job.Facets.Lineage != nil {
		n.entries(w.Job.Facets.Lineage, output)
	}
	for i := range e.Outputs {
		e.Outputs[i].Edges = united(e.Outputs[i].Edges)
	}
	e.JobEdges = united(e.JobEdges)
}

func (n *normaliser) entries(f *jobLineageFacet, output func(lineage.DatasetRef) *lineage.DatasetFact) {
	for i := range f.Entries {
		entry := &f.Entries[i]
		path := fmt.Sprintf("job.facets.lineage.entries[%d]", i)
		if entry.Type != typeJob {
			n.target(output(lineage.DatasetRef(entry.name)), &entry.lineageTarget, false, path)
			continue
		}
		to, ok := n.end(&entry.lineageEnd, "", path)
		if ok {
			n.event.JobEdges = n.lead(n.event.JobEdges, entry.Inputs, to, path)
		}
		if entry.Fields != nil {
			n.warn(path+".fields", "a job has no columns")
		}
	}
}

// target adds what leads to a dataset. Stated inputs are all that there is; without
// them only columns are spoken of.
func (n *normaliser) target(d *lineage.DatasetFact, t *lineageTarget, deleted bool, path string) {
	if t.Inputs != nil || deleted {
		d.States |= lineage.DatasetEdges | lineage.ColumnEdges
	}
	if t.Fields != nil {
		d.States |= lineage.ColumnEdges
	}
	if deleted {
		return
	}
	d.Edges = n.lead(d.Edges, t.Inputs, d.Ref.Node(), path)
	for column, f := range t.Fields {
		d.Edges = n.lead(d.Edges, f.Inputs, d.Ref.Column(column), path)
	}
}

// lead adds edges from inputs.
func (n *normaliser) lead(edges []lineage.EdgeFact, inputs []lineageInput, to lineage.NodeID, path string) []lineage.EdgeFact {
	for i := range inputs {
		in := &inputs[i]
		if from, ok := n.end(&in.lineageEnd, in.Field, path); ok {
			edges = append(edges, lineage.EdgeFact{From: from, To: to, Kinds: kindsOf(in.Transformations)})
		}
	}
	return edges
}

// end returns the node of an end. A job without a name is the event's own, which a
// dataset event does not have.
func (n *normaliser) end(e *lineageEnd, field, path string) (lineage.NodeID, bool) {
	switch {
	case e.Type != typeJob:
		return lineage.DatasetRef(e.name).Column(field), true
	case e.Name != "":
		return lineage.JobRef(e.name).Node(), true
	case n.event.Job == nil:
		n.warn(path, "the event's own job, where it has none")
		return lineage.NodeID{}, false
	}
	return n.event.Job.Ref.Node(), true
}
