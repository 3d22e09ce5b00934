package openlineage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
	"pgregory.net/rapid"
)

// draw makes random events of the kind that Decode makes: edges sorted and one for each
// pair of ends, kinds sorted, empty lists nil where a bit says that they are stated.
type draw struct{ t *rapid.T }

func (d draw) flag() bool { return rapid.Bool().Draw(d.t, "flag") }

func (d draw) text() string {
	return rapid.OneOf(rapid.SampledFrom([]string{"a", "b", "a.b", "a[]", "*", "_element", "a._element", "a=b", "x=true", "=", `"<\>`, "ü"}), rapid.StringN(1, 6, 24)).Draw(d.t, "text")
}

// namespace may be empty, as no name may.
func (d draw) namespace() string {
	return rapid.SampledFrom([]string{"", "pg", "s3://b"}).Draw(d.t, "namespace")
}

func (d draw) ref() lineage.DatasetRef {
	return lineage.DatasetRef{Namespace: d.namespace(), Name: d.text()}
}

func (d draw) jobRef() lineage.JobRef {
	return lineage.JobRef{Namespace: d.namespace(), Name: d.text()}
}

// list is nil where it is empty.
func list[T any](d draw, most int, element func() T) []T {
	var out []T
	for range rapid.IntRange(0, most).Draw(d.t, "size") {
		out = append(out, element())
	}
	return out
}

func (d draw) kinds() []lineage.Transformation {
	kinds := list(d, 2, func() lineage.Transformation {
		return lineage.Transformation{
			Type:        rapid.SampledFrom([]string{lineage.Direct, lineage.Indirect, ""}).Draw(d.t, "type"),
			Subtype:     rapid.SampledFrom([]string{lineage.Identity, lineage.JoinKey, lineage.SortKey, lineage.Window, ""}).Draw(d.t, "subtype"),
			Description: rapid.SampledFrom([]string{"", "sum()"}).Draw(d.t, "description"),
			Masking:     d.flag(),
		}
	})
	slices.SortFunc(kinds, lineage.Transformation.Compare)
	return slices.CompactFunc(kinds, func(a, b lineage.Transformation) bool { return a.Compare(b) == 0 })
}

// edges draws edges between ends that the functions draw.
func (d draw) edges(from, to func() lineage.NodeID) []lineage.EdgeFact {
	edges := list(d, 4, func() lineage.EdgeFact { return lineage.EdgeFact{From: from(), To: to(), Kinds: d.kinds()} })
	slices.SortFunc(edges, func(a, b lineage.EdgeFact) int {
		if c := a.To.Compare(b.To); c != 0 {
			return c
		}
		return a.From.Compare(b.From)
	})
	return slices.CompactFunc(edges, func(a, b lineage.EdgeFact) bool { return a.From == b.From && a.To == b.To })
}

// source draws the start of an edge: of any kind, if the event is explicit.
func (d draw) source(explicit bool) func() lineage.NodeID {
	return func() lineage.NodeID {
		switch {
		case explicit && d.flag():
			return d.jobRef().Node()
		case explicit && d.flag():
			return d.ref().Node()
		}
		return d.ref().Column(rapid.SampledFrom([]string{"x", "y"}).Draw(d.t, "column"))
	}
}

func (d draw) fact(explicit, output, statistics bool) lineage.DatasetFact {
	f := lineage.DatasetFact{Ref: d.ref()}
	if d.flag() {
		f.Type = d.text()
	}
	state := func(bit lineage.Aspects, fill func()) {
		if d.flag() {
			f.States |= bit
			fill()
		}
	}
	state(lineage.Schema, func() {
		f.Fields = list(d, 5, func() lineage.Field { return lineage.Field{Path: d.text(), Type: d.text()} })
	})
	state(lineage.Symlinks, func() { f.Aliases = list(d, 2, d.ref) })
	state(lineage.Owners, func() { f.Owners = list(d, 2, d.text) })
	state(lineage.Tags, func() { f.Tags = list(d, 3, d.text) })
	to := func() lineage.NodeID {
		return f.Ref.Column(rapid.SampledFrom([]string{"", "c", "d", "*"}).Draw(d.t, "target"))
	}
	switch {
	case explicit && output:
		state(lineage.DatasetEdges|lineage.ColumnEdges, func() { f.Edges = d.edges(d.source(true), to) })
	case !explicit:
		state(lineage.ColumnEdges, func() { f.Edges = d.edges(d.source(false), to) })
	}
	if d.flag() {
		f.Lifecycle.Change = rapid.SampledFrom([]lineage.LifecycleChange{lineage.Created, lineage.Dropped, lineage.Renamed}).Draw(d.t, "change")
	}
	if f.Lifecycle.Change == lineage.Renamed {
		f.Lifecycle.From = d.ref()
	}
	if statistics {
		f.Rows, f.Bytes = rapid.Int64Range(0, 9).Draw(d.t, "rows"), rapid.Int64Min(0).Draw(d.t, "bytes")
	}
	return f
}

const uuid = "0190a000-0000-7000-8000-00000000000"

func (d draw) event() lineage.Event {
	e := lineage.Event{
		Producer: "https://example.com/" + rapid.StringMatching(`[a-z]*`).Draw(d.t, "producer"),
		Time:     time.UnixMicro(rapid.Int64Range(-1<<45, 1<<50).Draw(d.t, "time")).UTC(),
	}
	if rapid.IntRange(0, 4).Draw(d.t, "shape") == 0 {
		e.Outputs = []lineage.DatasetFact{d.fact(false, true, false)}
		return e
	}
	e.Explicit = d.flag()
	e.Job = &lineage.JobFact{Ref: d.jobRef()}
	if d.flag() {
		e.Job.Type, e.Job.Processing = d.text(), d.text()
		e.Job.SQL, e.Job.Dialect = d.text(), d.text()
		e.Job.Owners = append([]string{}, list(d, 2, d.text)...)
		e.Job.Tags = append([]string{}, list(d, 2, d.text)...)
	}
	if d.flag() {
		e.Run = &lineage.RunFact{ID: uuid + "1", Type: rapid.SampledFrom([]lineage.EventType{
			lineage.Untyped, lineage.Start, lineage.Running, lineage.Complete, lineage.Abort, lineage.Fail, lineage.Other,
		}).Draw(d.t, "event type")}
		if d.flag() {
			e.Run.Error = d.text()
			e.Run.Parent = &lineage.RunRef{ID: uuid + "2", Job: d.jobRef()}
		}
	}
	if d.flag() {
		e.Inputs = append([]lineage.DatasetFact{}, list(d, 2, func() lineage.DatasetFact { return d.fact(e.Explicit, false, true) })...)
	}
	if d.flag() {
		e.Outputs = append([]lineage.DatasetFact{}, list(d, 2, func() lineage.DatasetFact { return d.fact(e.Explicit, true, true) })...)
	}
	if e.Explicit {
		e.JobEdges = d.edges(d.source(true), func() lineage.NodeID { return d.jobRef().Node() })
		e.Outputs = distinct(e.Outputs)
	}
	return e
}

// distinct leaves one fact of each dataset: edges of an explicit event gather in the
// first.
func distinct(facts []lineage.DatasetFact) []lineage.DatasetFact {
	seen := map[lineage.DatasetRef]bool{}
	return slices.DeleteFunc(facts, func(f lineage.DatasetFact) bool {
		twice := seen[f.Ref]
		seen[f.Ref] = true
		return twice
	})
}

var noRaw = cmpopts.IgnoreFields(lineage.Event{}, "Raw") //nolint:gochecknoglobals // an immutable option

func TestDecodeUndoesEncode(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := draw{t}.event()
		data, err := openlineage.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, strict := range []bool{false, true} {
			got, warned, err := openlineage.Decode(data, openlineage.Config{Strict: strict})
			if err != nil || len(warned) > 0 {
				t.Fatalf("strict %v: %v, %v\n%s", strict, warned, err, data)
			}
			if diff := cmp.Diff(want, got, noRaw); diff != "" {
				t.Fatalf("(-want +got)\n%s\n%s", diff, data)
			}
		}
	})
}

func TestEncodeOfDecodedThirdPartyEventsIsAFixedPoint(t *testing.T) {
	t.Parallel()
	for _, s := range corpus(t) {
		e, _, err := openlineage.Decode(s.data, openlineage.Config{})
		if err != nil {
			t.Fatal(s.file, err)
		}
		again(t, s.file, e)
	}
}

// again encodes and decodes a decoded event.
func again(t *testing.T, file string, e lineage.Event) {
	t.Helper()
	data, err := openlineage.Encode(e)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	got, _, err := openlineage.Decode(data, openlineage.Config{})
	if err != nil {
		t.Errorf("%s: %v\n%s", file, err, data)
		return
	}
	if e.Producer == "" {
		e.Producer = "https://github.com/tenon-go/tenon"
	}
	if diff := cmp.Diff(e, got, noRaw); diff != "" {
		t.Errorf("%s (-want +got)\n%s\n%s", file, diff, data)
	}
}

// A field of a schema whose path is not that of the one before goes flat.
func TestEncodeNestsFieldsByTheirPaths(t *testing.T) {
	t.Parallel()
	e := dataset()
	e.Outputs[0].States = lineage.Schema
	for _, path := range []string{"a", "a.b", "a.b.c", "a.d", "e", "e[]", "e[].f", "g.h"} {
		e.Outputs[0].Fields = append(e.Outputs[0].Fields, lineage.Field{Path: path, Type: "T"})
	}
	data, err := openlineage.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `"fields":[{"name":"a","type":"T","fields":[{"name":"b","type":"T","fields":[{"name":"c","type":"T"}]},{"name":"d","type":"T"}]},` +
		`{"name":"e","type":"T","fields":[{"name":"_element","type":"T","fields":[{"name":"f","type":"T"}]}]},{"name":"g.h","type":"T"}]`
	if !strings.Contains(string(data), want) {
		t.Errorf("%s\nlacks %s", data, want)
	}
}

func TestEncodeStaysWithinTheDepthThatDecodeTakes(t *testing.T) {
	t.Parallel()
	e := dataset()
	e.Outputs[0].States = lineage.Schema
	for n := range 100 {
		e.Outputs[0].Fields = append(e.Outputs[0].Fields, lineage.Field{Path: strings.TrimSuffix(strings.Repeat("a.", n+1), ".")})
	}
	again(t, "deep", e)
}

func dataset() lineage.Event {
	return lineage.Event{
		Producer: "https://example.com/p", Time: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		Outputs: []lineage.DatasetFact{{Ref: lineage.DatasetRef{Namespace: "ns", Name: "t"}}},
	}
}

func TestEncodeDoesNotLetAReaderHoist(t *testing.T) {
	t.Parallel()
	e := dataset()
	target := e.Outputs[0].Ref
	source := lineage.DatasetRef{Namespace: "ns", Name: "s"}
	join := []lineage.Transformation{{Type: lineage.Indirect, Subtype: lineage.JoinKey}}
	e.Outputs[0].States = lineage.ColumnEdges
	e.Outputs[0].Edges = []lineage.EdgeFact{
		{From: source.Column("x"), To: target.Column("*"), Kinds: join},
		{From: source.Column("x"), To: target.Column("a"), Kinds: join},
	}
	again(t, "hoist", e)
}

func TestEncodeRefusesWhatOpenLineageCannotSay(t *testing.T) {
	t.Parallel()
	ref := lineage.DatasetRef{Namespace: "ns", Name: "t"}
	column, other := ref.Column("c"), lineage.DatasetRef{Namespace: "ns", Name: "s"}
	job := lineage.JobRef{Namespace: "ns", Name: "j"}
	edges := func(states lineage.Aspects, edges ...lineage.EdgeFact) func(*lineage.Event) {
		return func(e *lineage.Event) { e.Outputs[0].States, e.Outputs[0].Edges = states, edges }
	}
	explicit := func(f func(*lineage.Event)) func(*lineage.Event) {
		return func(e *lineage.Event) { e.Explicit = true; f(e) }
	}
	for _, c := range []struct {
		reason string
		change func(*lineage.Event)
	}{
		{"time", func(e *lineage.Event) { e.Time = time.Time{} }},
		{"time", func(e *lineage.Event) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"origin manual", func(e *lineage.Event) { e.Origin = lineage.Manual }},
		{"origin observed", func(e *lineage.Event) { e.Origin = lineage.Observed }},
		{"without a job", func(e *lineage.Event) { e.Job, e.Run = nil, &lineage.RunFact{ID: "r"} }},
		{"one dataset", func(e *lineage.Event) { e.Job, e.Outputs = nil, nil }},
		{"statistics", func(e *lineage.Event) { e.Job, e.Outputs[0].Rows = nil, 1 }},
		{"empty name", func(e *lineage.Event) { e.Job.Ref.Name = "" }},
		{"empty name", func(e *lineage.Event) { e.Outputs[0].Ref.Name = "" }},
		{"empty name", func(e *lineage.Event) { e.Job.Owners = []string{""} }},
		{"empty name", func(e *lineage.Event) { e.Run = &lineage.RunFact{} }},
		{"empty name", func(e *lineage.Event) { e.Run = &lineage.RunFact{ID: "r", Parent: &lineage.RunRef{}} }},
		{"UTF-8", func(e *lineage.Event) { e.Job.SQL = "\xff" }},
		{"UTF-8", func(e *lineage.Event) { e.Outputs[0].Ref.Namespace = "\xff" }},
		{"Retired", func(e *lineage.Event) { e.Job.Retired = true }},
		{"Primary", func(e *lineage.Event) { e.Outputs[0].Primary = true }},
		{"negative", func(e *lineage.Event) { e.Outputs[0].Bytes = -1 }},
		{"previous name", func(e *lineage.Event) { e.Outputs[0].Lifecycle.From = other }},
		{"list that States", func(e *lineage.Event) { e.Outputs[0].Tags = []string{"x"} }},
		{"list that States", func(e *lineage.Event) { e.Outputs[0].Fields = []lineage.Field{{Path: "x"}} }},
		{"edge that States", edges(0, lineage.EdgeFact{From: other.Column("x"), To: column})},
		{"dataset edges", edges(lineage.DatasetEdges)},
		{"not of columns", edges(lineage.ColumnEdges, lineage.EdgeFact{From: job.Node(), To: column})},
		{"not of columns", edges(lineage.ColumnEdges, lineage.EdgeFact{From: other.Node(), To: ref.Node()})},
		{"leads elsewhere", edges(lineage.ColumnEdges, lineage.EdgeFact{From: other.Column("x"), To: other.Column("y")})},
		{"exactly", edges(lineage.ColumnEdges, lineage.EdgeFact{From: other.Column("x"), To: column, Certainty: lineage.Assumed})},
		{"malformed end", edges(lineage.ColumnEdges, lineage.EdgeFact{To: column})},
		{"not explicit", func(e *lineage.Event) { e.JobEdges = []lineage.EdgeFact{{From: other.Node(), To: job.Node()}} }},
		{"not to a job", explicit(func(e *lineage.Event) { e.JobEdges = []lineage.EdgeFact{{From: other.Node(), To: other.Node()}} })},
		{"of an input", explicit(func(e *lineage.Event) {
			e.Inputs = []lineage.DatasetFact{{Ref: other, States: lineage.ColumnEdges}}
		})},
		{"unknown event type", func(e *lineage.Event) { e.Run = &lineage.RunFact{ID: "r", Type: 99} }},
		{"unknown lifecycle change", func(e *lineage.Event) { e.Outputs[0].Lifecycle.Change = 99 }},
		{"without edges", explicit(func(e *lineage.Event) { e.Job = nil })},
		{"edge that States", explicit(edges(lineage.ColumnEdges, lineage.EdgeFact{From: other.Column("x"), To: ref.Node()}))},
	} {
		e := dataset()
		e.Job = &lineage.JobFact{Ref: job}
		if _, err := openlineage.Encode(e); err != nil {
			t.Fatal(err)
		}
		c.change(&e)
		data, err := openlineage.Encode(e)
		var refusal *lineage.EventError
		if !errors.As(err, &refusal) || !errors.Is(err, lineage.ErrInvalid) || !strings.Contains(refusal.Reason, c.reason) || data != nil {
			t.Errorf("%q: %s, %v", c.reason, data, err)
		}
	}
}

func TestEncodeRefusesTextThatDecodeWould(t *testing.T) {
	t.Parallel()
	e := dataset()
	e.Job = &lineage.JobFact{Ref: lineage.JobRef{Namespace: "ns", Name: "j"}, SQL: strings.Repeat("x", openlineage.MaxBytes)}
	if _, err := openlineage.Encode(e); !errors.Is(err, lineage.ErrTooLarge) {
		t.Error(err)
	}
}

func TestExplicitDatasetEdgesStateColumnsToo(t *testing.T) {
	t.Parallel()
	e := dataset()
	e.Job, e.Explicit = &lineage.JobFact{Ref: lineage.JobRef{Namespace: "ns", Name: "j"}}, true
	e.Outputs[0].States = lineage.DatasetEdges
	data, err := openlineage.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := openlineage.Decode(data, openlineage.Config{Strict: true})
	if err != nil || got.Outputs[0].States != lineage.DatasetEdges|lineage.ColumnEdges {
		t.Errorf("%s, %v", fmt.Sprint(got.Outputs), err)
	}
}
