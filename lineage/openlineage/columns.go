package openlineage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage"
)

func (p *parser) columnLineage(f *columnLineageFacet, key string) bool {
	switch key {
	case "fields":
		dictionary(p, &f.Fields, p.columnLineageField)
	case "dataset":
		list(p, &f.Dataset, func(i *inputField) {
			p.inputField(i)
			if i.Field == "" {
				f.Dataset = f.Dataset[:len(f.Dataset)-1] // An edge without a column is no column edge.
			}
		})
	default:
		return false
	}
	return true
}

func (p *parser) columnLineageField(f *columnLineageField) {
	p.object([]string{"inputFields"}, func(key string) bool {
		switch key {
		case "inputFields":
			list(p, &f.InputFields, p.inputField)
		case "transformationDescription":
			p.text(&f.TransformationDescription)
		case "transformationType":
			p.text(&f.TransformationType)
		default:
			return false
		}
		return true
	})
}

func (p *parser) inputField(i *inputField) {
	p.object([]string{"namespace", "name"}, func(key string) bool {
		switch key {
		case "field":
			p.name(&i.Field)
		case "transformations":
			list(p, &i.Transformations, p.transformation)
		default:
			return p.nameKey(&i.name, key)
		}
		return true
	})
	if i.Name == "" {
		p.refuse(lineage.ErrInvalid, "no dataset name", "name")
	}
	if i.Field == "" {
		p.d.FailUnder(codeForm, errEmpty, "field")
	}
}

func (p *parser) transformation(t *transformation) {
	p.object([]string{"type"}, func(key string) bool {
		switch key {
		case "type":
			p.text(&t.Type)
		case "subtype":
			p.text(&t.Subtype)
		case "description":
			p.text(&t.Description)
		case "masking":
			p.bool(&t.Masking)
		default:
			return false
		}
		return true
	})
}

// kinds are the transformations of an input, else the one of the field that the schema
// calls deprecated.
func (f *columnLineageField) kinds(i *inputField) []lineage.Transformation {
	if len(i.Transformations) > 0 || f.TransformationType == "" && f.TransformationDescription == "" {
		return kindsOf(i.Transformations)
	}
	t := lineage.Transformation{Subtype: f.TransformationType, Description: f.TransformationDescription}
	if t.Subtype != "" {
		t.Type = lineage.Direct
	}
	if strings.EqualFold(t.Subtype, "MASKED") {
		t.Subtype, t.Masking = lineage.Transform, true
	}
	return []lineage.Transformation{t}
}

func kindsOf(ts []transformation) []lineage.Transformation {
	if len(ts) == 0 {
		return nil
	}
	kinds := make([]lineage.Transformation, len(ts))
	for i, t := range ts {
		kinds[i] = lineage.Transformation{Type: t.Type, Subtype: t.Subtype, Description: t.Description, Masking: t.Masking}
	}
	return kinds
}

// edges returns the edges of a columnLineage facet that lead to a dataset.
func (f *columnLineageFacet) edges(to lineage.DatasetRef) []lineage.EdgeFact {
	n := len(f.Dataset)
	for _, field := range f.Fields {
		n += len(field.InputFields)
	}
	edges := make([]lineage.EdgeFact, 0, n)
	for i := range f.Dataset {
		edges = append(edges, lineage.EdgeFact{From: f.Dataset[i].node(), To: to.Node(), Kinds: kindsOf(f.Dataset[i].Transformations)})
	}
	wide := f.wide()
	for name, field := range f.Fields {
		column := to.Column(name)
		for i := range field.InputFields {
			in := &field.InputFields[i]
			kinds := field.kinds(in)
			if len(wide) > 0 {
				narrow, hoisted := wide.split(in, kinds)
				if len(hoisted) > 0 {
					edges = append(edges, lineage.EdgeFact{From: in.node(), To: to.Node(), Kinds: hoisted})
				}
				if kinds = narrow; len(kinds) == 0 {
					continue
				}
			}
			edges = append(edges, lineage.EdgeFact{From: in.node(), To: column, Kinds: kinds})
		}
	}
	return united(edges)
}

func (i *inputField) node() lineage.NodeID {
	return lineage.DatasetRef(i.name).Column(i.Field)
}

// A pair is what each field of a facet has to carry to be hoisted: an input, and what it
// does to all rows.
type pair struct {
	input   name
	field   string
	subtype string
	masking bool
}

// pairs are the pairs that each field carries.
type pairs map[pair]int

// pairOf reports whether a transformation of an input works on all rows of a target.
func pairOf(i *inputField, t lineage.Transformation) (pair, bool) {
	switch t.Subtype {
	case lineage.JoinKey, lineage.FilterCriteria, lineage.GroupBy, lineage.SortKey:
		return pair{i.name, i.Field, t.Subtype, t.Masking}, t.Type == lineage.Indirect && i.Field != ""
	}
	return pair{}, false
}

// wide returns the pairs that each field carries. Only those of the first field can be.
func (f *columnLineageFacet) wide() pairs {
	var in pairs
	nth := 0
	for _, field := range f.Fields {
		for i := range field.InputFields {
			input := &field.InputFields[i]
			for _, t := range input.Transformations {
				p, ok := pairOf(input, lineage.Transformation{Type: t.Type, Subtype: t.Subtype, Masking: t.Masking})
				switch {
				case !ok:
				case nth == 0 && in == nil:
					in = pairs{p: 1}
				case nth == 0:
					in[p] = 1
				case in[p] == nth:
					in[p]++ // The first of this field.
				}
			}
		}
		if nth++; len(in) == 0 {
			return nil
		}
	}
	for p, fields := range in {
		if fields < nth {
			delete(in, p)
		}
	}
	return in
}

// split parts the transformations of an input into those that stay and those hoisted.
func (in pairs) split(i *inputField, kinds []lineage.Transformation) (narrow, hoisted []lineage.Transformation) {
	if len(kinds) == 0 {
		return nil, nil
	}
	for _, t := range kinds {
		if p, ok := pairOf(i, t); ok && in[p] > 0 {
			hoisted = append(hoisted, t)
		} else {
			narrow = append(narrow, t)
		}
	}
	return narrow, hoisted
}

// united sorts edges by target and source, and makes one of those between the same ends.
func united(edges []lineage.EdgeFact) []lineage.EdgeFact {
	if len(edges) == 0 {
		return nil
	}
	slices.SortStableFunc(edges, func(a, b lineage.EdgeFact) int { return cmp.Or(a.To.Compare(b.To), a.From.Compare(b.From)) })
	out := edges[:1]
	for _, e := range edges[1:] {
		last := &out[len(out)-1]
		if last.From != e.From || last.To != e.To {
			out = append(out, e)
			continue
		}
		if (len(last.Kinds) == 0) != (len(e.Kinds) == 0) {
			last.Kinds = append(last.Kinds, lineage.Transformation{}) // The kind that was not stated.
		}
		last.Kinds = append(last.Kinds, e.Kinds...)
	}
	for i := range out {
		out[i].Kinds = sortedKinds(out[i].Kinds)
	}
	return out
}

// sortedKinds sorts kinds and keeps of equal ones that with the smallest description.
func sortedKinds(kinds []lineage.Transformation) []lineage.Transformation {
	if len(kinds) < 2 {
		return kinds
	}
	slices.SortFunc(kinds, func(a, b lineage.Transformation) int {
		return cmp.Or(a.Compare(b), strings.Compare(a.Description, b.Description))
	})
	return slices.CompactFunc(kinds, func(a, b lineage.Transformation) bool { return a.Compare(b) == 0 })
}
