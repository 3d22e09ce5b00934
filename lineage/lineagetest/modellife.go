package lineagetest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/lineage"
)

// A modelLife is that a dataset was dropped, or renamed, under one of its names.
type modelLife struct {
	moment
	from, to lineage.DatasetRef // to: zero where it was dropped
}

// name orders what happens at one moment.
func (l modelLife) name() string { return l.from.Node().String() + " " + named(l.to) }

func (l modelLife) dropped() bool { return l.to == (lineage.DatasetRef{}) }

// lives lists what assertions say happened to datasets, by all names that each had then, in
// order. What is renamed to one of its own names leaves the others as they are.
func lives(events, assertions []said) []modelLife {
	var out []modelLife
	for _, a := range assertions {
		for _, d := range slices.Concat(a.Inputs, a.Outputs) {
			x := modelLife{moment: a.moment, from: d.Ref}
			switch from := d.Lifecycle.From; {
			case d.Lifecycle.Change == lineage.Dropped:
			case d.Lifecycle.Change == lineage.Renamed && from != d.Ref && from != (lineage.DatasetRef{}):
				x.from, x.to = from, d.Ref
			default:
				continue
			}
			b := viewBuilder{hi: a.us + 1}
			b.read(events, nil)
			b.link()
			names := b.names(x.from)
			if slices.Contains(names, x.to) {
				names = []lineage.DatasetRef{x.from}
			}
			for _, n := range names {
				x.from = n
				out = append(out, x)
			}
		}
	}
	slices.SortFunc(out, func(a, b modelLife) int { return cmp.Or(a.compare(b.moment), strings.Compare(a.name(), b.name())) })
	return slices.Compact(out)
}

// A modelSchema is the schema of a dataset while it is told what happened.
type modelSchema struct {
	fields []lineage.Field
	since  int64 // by which of several names of a dataset the newest is told
	at     moment
	taken  bool // from a dataset that was renamed
}

// A schemaTeller tells which schemas datasets had: one that is stated is in force until the
// next, or until the dataset is dropped or renamed. The new name takes it over, unless the
// event that renames states another.
type schemaTeller struct {
	now map[lineage.DatasetRef]*modelSchema
	out map[lineage.DatasetRef][]statement
}

func toldSchemas(assertions []said, lives []modelLife) map[lineage.DatasetRef][]statement {
	t := schemaTeller{map[lineage.DatasetRef]*modelSchema{}, map[lineage.DatasetRef][]statement{}}
	for _, a := range assertions {
		for len(lives) > 0 && lives[0].compare(a.moment) < 0 {
			t.happen(lives[0])
			lives = lives[1:]
		}
		for _, d := range a.Outputs {
			if d.States.Has(lineage.Schema) {
				t.state(d, a.moment)
			}
		}
	}
	for _, l := range lives {
		t.happen(l)
	}
	return t.out
}

func (t *schemaTeller) set(d lineage.DatasetRef, s *modelSchema) {
	t.now[d] = s
	t.out[d] = state(t.out[d], statement{moment: s.at, fields: s.fields})
}

func (t *schemaTeller) state(d lineage.DatasetFact, at moment) {
	s := &modelSchema{d.Fields, at.us, at, false}
	if was := t.now[d.Ref]; was != nil && (statement{fields: was.fields}).same(statement{fields: d.Fields}) {
		s.since = was.since
	}
	t.set(d.Ref, s)
}

func (t *schemaTeller) happen(l modelLife) {
	was, is := t.now[l.from], t.now[l.to]
	if was == nil {
		return
	}
	t.now[l.from] = nil
	t.out[l.from] = state(t.out[l.from], statement{moment: l.moment, ended: true})
	if !l.dropped() && (is == nil || is.at != l.moment || is.taken && is.since < was.since) {
		t.set(l.to, &modelSchema{was.fields, was.since, l.moment, true})
	}
}

// named is the text of a dataset, empty for none.
func named(d lineage.DatasetRef) string {
	if d == (lineage.DatasetRef{}) {
		return ""
	}
	return d.Node().String()
}
