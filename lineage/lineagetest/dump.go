package lineagetest

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// A Graph is what can be dumped: a [*lineage.View] or a [*ModelView].
type Graph interface {
	Nodes() iter.Seq[lineage.Node]
	Edges() iter.Seq[lineage.Edge]
}

// Dump writes all that a view shows as text, a line for each node and each stretch of an
// edge, in the order in which the view yields them. Two views with equal dumps give equal
// answers. Of the window At{Until: far} it is all that is known of edges at any time.
func Dump(v Graph) string {
	var b strings.Builder
	for n := range v.Nodes() {
		fmt.Fprintf(&b, "node %s type=%q", n.ID, n.Type)
		if n.Fields != nil {
			b.WriteString(" fields=[")
			for i, f := range n.Fields {
				if i > 0 {
					b.WriteByte(' ')
				}
				fmt.Fprintf(&b, "%q:%q", f.Path, f.Type)
			}
			b.WriteByte(']')
		}
		fmt.Fprintf(&b, " owners=%q tags=%q aliases=%q\n", n.Owners, n.Tags, n.Aliases)
	}
	for e := range v.Edges() {
		fmt.Fprintf(&b, "edge %s -> %s %s via=%s by=%s kinds=%s valid=[%s, %s) seen=%s %s", e.From, e.To, layerName(e.Layer), jobName(e.Job),
			e.Origin, kindNames(e.Kinds), instant(e.ValidFrom), instant(e.ValidTo), instant(e.LastSeen), e.Certainty)
		if e.Stale {
			b.WriteString(" stale")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// DumpRuns writes runs as text, a line for each, in the order of the sequence. An error
// of the sequence is the last line.
func DumpRuns(runs iter.Seq2[lineage.Run, error]) string {
	var b strings.Builder
	for r, err := range runs {
		if err != nil {
			fmt.Fprintf(&b, "error %v\n", err)
			break
		}
		parent := ""
		if r.Parent != nil {
			parent = fmt.Sprintf("%q of %s", r.Parent.ID, jobName(r.Parent.Job))
		}
		fmt.Fprintf(&b, "run %q of %s state=%d began=%s ended=%s parent=%s error=%q conflict=%t in=%q out=%q events=%d\n", r.ID, jobName(r.Job),
			r.State, instant(r.Began), instant(r.Ended), parent, r.Error, r.Conflict, r.Inputs, r.Outputs, r.Events)
	}
	return b.String()
}

func layerName(l lineage.Layer) string {
	return map[lineage.Layer]string{lineage.JobLayer: "job", lineage.DatasetLayer: "dataset", lineage.ColumnLayer: "column"}[l]
}

func jobName(j lineage.JobRef) string {
	if j == (lineage.JobRef{}) {
		return "-"
	}
	return j.Node().String()
}

func kindNames(kinds []lineage.Transformation) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = fmt.Sprintf("%s/%s", k.Type, k.Subtype)
		if k.Masking {
			names[i] += "/masked"
		}
		if k.Description != "" {
			names[i] += fmt.Sprintf("(%q)", k.Description)
		}
	}
	return "[" + strings.Join(names, " ") + "]"
}

// instant is - for the zero time: since ever, or until now.
func instant(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.999999Z")
}
