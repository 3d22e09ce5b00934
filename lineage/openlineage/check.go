package openlineage

import (
	"fmt"
	"unicode/utf8"

	"github.com/tenon-go/tenon/lineage"
)

// A checker finds the first thing in an event that OpenLineage cannot say.
type checker struct{ err *lineage.EventError }

// check returns why an event cannot be written, or nil.
func check(e *lineage.Event) error {
	var c checker
	c.event(e)
	if c.err != nil {
		return c.err
	}
	return nil
}

// must refuses the event unless ok.
func (c *checker) must(ok bool, path, reason string) {
	if !ok && c.err == nil {
		c.err = &lineage.EventError{Path: path, Reason: reason, Err: lineage.ErrInvalid}
	}
}

// texts refuses text that is not UTF-8, which JSON cannot carry.
func (c *checker) texts(path string, texts ...string) {
	for _, s := range texts {
		c.must(utf8.ValidString(s), path, "text that is not UTF-8")
	}
}

// names refuses empty text too.
func (c *checker) names(path string, names ...string) {
	c.texts(path, names...)
	for _, s := range names {
		c.must(s != "", path, "an empty name")
	}
}

func (c *checker) event(e *lineage.Event) {
	year := e.Time.UTC().Year()
	c.must(!e.Time.IsZero() && year >= 0 && year <= 9999, "eventTime", "want a time of the years 0 to 9999")
	c.texts("producer", e.Producer)
	shape := lineage.Declared
	if e.Run != nil {
		shape = lineage.Observed
		c.must(e.Run.Type <= lineage.Other, "eventType", "an unknown event type")
		c.names("run", e.Run.ID)
		c.texts("run", e.Run.Error)
		c.must(e.Job != nil, "job", "a run without a job")
		if p := e.Run.Parent; p != nil {
			c.names("run.facets.parent", p.ID, p.Job.Name)
			c.texts("run.facets.parent", p.Job.Namespace)
		}
	}
	c.must(e.Origin == 0 || e.Origin == shape, "", fmt.Sprintf("no event has the origin %s", e.Origin))
	if e.Job == nil {
		c.must(len(e.Outputs) == 1 && len(e.Inputs) == 0 && len(e.JobEdges) == 0, "dataset", "a dataset event has one dataset and no edges of jobs")
	} else {
		c.job(e.Job)
	}
	for i := range e.Inputs {
		c.dataset(fmt.Sprintf("inputs[%d]", i), &e.Inputs[i], e, false)
	}
	for i := range e.Outputs {
		c.dataset(fmt.Sprintf("outputs[%d]", i), &e.Outputs[i], e, e.Explicit)
	}
	for _, x := range e.JobEdges {
		c.must(e.Explicit && x.To.Kind == lineage.JobNode, "job.facets.lineage", "edges of an event that is not explicit, or not to a job")
		c.edge("job.facets.lineage", x)
	}
}

func (c *checker) job(j *lineage.JobFact) {
	c.names("job", j.Ref.Name)
	c.texts("job", j.Ref.Namespace, j.Type, j.Processing, j.SQL, j.Dialect)
	c.names("job", j.Owners...)
	c.names("job", j.Tags...)
	c.must(!j.Retired, "job", "Retired has no form in OpenLineage")
}

func (c *checker) dataset(path string, d *lineage.DatasetFact, e *lineage.Event, explicit bool) {
	c.names(path, d.Ref.Name)
	c.texts(path, d.Ref.Namespace, d.Type, d.Lifecycle.From.Namespace, d.Lifecycle.From.Name)
	c.names(path, d.Owners...)
	c.names(path, d.Tags...)
	for _, f := range d.Fields {
		c.names(path, f.Path)
		c.texts(path, f.Type)
	}
	for _, a := range d.Aliases {
		c.names(path, a.Name)
		c.texts(path, a.Namespace)
	}
	c.must(!d.Primary, path, "Primary has no form in OpenLineage")
	c.must(d.Rows >= 0 && d.Bytes >= 0, path, "negative statistics")
	c.must(e.Job != nil || d.Rows == 0 && d.Bytes == 0, path, "statistics of a dataset event")
	c.must(d.Lifecycle.Change <= lineage.Renamed, path, "an unknown lifecycle change")
	c.must(d.Lifecycle.Change == lineage.Renamed || d.Lifecycle.From == (lineage.DatasetRef{}), path, "a previous name without a rename")
	for _, list := range []struct {
		bit  lineage.Aspects
		size int
	}{{lineage.Schema, len(d.Fields)}, {lineage.Symlinks, len(d.Aliases)}, {lineage.Owners, len(d.Owners)}, {lineage.Tags, len(d.Tags)}} {
		c.must(list.size == 0 || d.States.Has(list.bit), path, "a list that States does not have")
	}
	stated := d.States & (lineage.DatasetEdges | lineage.ColumnEdges)
	c.must(explicit || !stated.Has(lineage.DatasetEdges), path, "dataset edges of what is not an output of an explicit event")
	c.must(!e.Explicit || explicit || stated == 0, path, "edges of an input in an explicit event")
	c.must(!e.Explicit || e.Job != nil || stated != 0, path, "an explicit dataset event without edges")
	for _, x := range d.Edges {
		c.datasetEdge(path, d, x, explicit)
	}
}

// datasetEdge checks an edge that leads to a dataset or a column of it.
func (c *checker) datasetEdge(path string, d *lineage.DatasetFact, x lineage.EdgeFact, explicit bool) {
	c.edge(path, x)
	c.must(x.To.Kind != lineage.JobNode && x.To.Dataset() == d.Ref, path, "an edge that leads elsewhere")
	if !explicit {
		columns := x.From.Kind == lineage.ColumnNode || x.From.Kind == lineage.DatasetNode && x.To.Kind == lineage.ColumnNode
		c.must(columns, path, "an edge that is not of columns, in an event that is not explicit")
	}
	bit := lineage.DatasetEdges
	if x.To.Kind == lineage.ColumnNode || !explicit {
		bit = lineage.ColumnEdges
	}
	c.must(d.States.Has(bit), path, "an edge that States does not have")
}

func (c *checker) edge(path string, x lineage.EdgeFact) {
	c.must(x.Certainty == lineage.Exact, path, "OpenLineage states edges exactly")
	for _, id := range []lineage.NodeID{x.From, x.To} {
		c.must(id.Kind != 0 && (id.Kind == lineage.ColumnNode) == (id.Field != ""), path, "an edge with a malformed end")
		c.names(path, id.Name)
		c.texts(path, id.Namespace, id.Field)
	}
	for _, t := range x.Kinds {
		c.texts(path, t.Type, t.Subtype, t.Description)
	}
}
