package lineagetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
)

func table(name string) lineage.DatasetRef { return lineage.DatasetRef{Namespace: "db", Name: name} }

// ran is the COMPLETE of a run of job j, so many minutes after the epoch, with the names of
// the tables that it reads and writes.
func ran(minute int, inputs, outputs string) lineage.Event {
	e := lineage.Event{
		Time: lineagetest.Epoch().Add(time.Duration(minute) * time.Minute), Run: &lineage.RunFact{ID: fmt.Sprint(minute), Type: lineage.Complete},
		Job: &lineage.JobFact{Ref: lineage.JobRef{Namespace: "etl", Name: "j"}}, Inputs: []lineage.DatasetFact{},
	}
	for name := range strings.FieldsSeq(inputs) {
		e.Inputs = append(e.Inputs, lineage.DatasetFact{Ref: table(name)})
	}
	for name := range strings.FieldsSeq(outputs) {
		e.Outputs = append(e.Outputs, lineage.DatasetFact{Ref: table(name)})
	}
	return e
}

// with changes the first output of an event.
func with(e lineage.Event, change func(*lineage.DatasetFact)) lineage.Event {
	change(&e.Outputs[0])
	return e
}

// The model is right by hand: datasets that lead to datasets, with the minutes of their
// stretches.
func TestTheModelKeepsTheRules(t *testing.T) {
	t.Parallel()
	renamed := func(from string) func(*lineage.DatasetFact) {
		return func(d *lineage.DatasetFact) {
			d.Lifecycle = lineage.Lifecycle{Change: lineage.Renamed, From: table(from)}
		}
	}
	alias := func(names ...string) func(*lineage.DatasetFact) {
		return func(d *lineage.DatasetFact) {
			d.States |= lineage.Symlinks
			for _, n := range names {
				d.Aliases = append(d.Aliases, table(n))
			}
		}
	}
	drop := func(d *lineage.DatasetFact) { d.Lifecycle.Change = lineage.Dropped }
	failed := ran(3, "b", "x")
	failed.Run.Type = lineage.Fail
	unstated := ran(3, "", "x")
	unstated.Inputs = nil
	for _, c := range []struct {
		name   string
		events []lineage.Event
		want   []string
	}{
		{"a snapshot replaces the one before", []lineage.Event{ran(1, "a b", "x"), ran(2, "b", "x")}, []string{"a-x 1-2", "b-x 1-"}},
		{"inputs alternate", []lineage.Event{ran(1, "a", "x"), ran(2, "b", "y")}, []string{"a-x 1- stale", "b-y 2-"}},
		{"inputs that are not stated close nothing", []lineage.Event{ran(1, "a", "x"), unstated}, []string{"a-x 1-"}},
		{"a run that names no input says nothing of edges", []lineage.Event{ran(1, "a", "x"), ran(2, "", "x")}, []string{"a-x 1-"}},
		{"a failed run asserts nothing", []lineage.Event{ran(1, "a", "x"), failed}, []string{"a-x 1-"}},
		{"two omissions close, back-dated", []lineage.Event{ran(1, "a", "x"), ran(2, "a", "y"), ran(4, "a", "y")}, []string{"a-x 1-2", "a-y 2-"}},
		{"one omission marks", []lineage.Event{ran(1, "a", "x"), ran(2, "a", "y"), ran(4, "a", "x")}, []string{"a-x 1-", "a-y 2- stale"}},
		{"a drop closes, and a run opens again", []lineage.Event{ran(1, "a", "x"), with(ran(2, "", "a"), drop), ran(3, "a", "x")}, []string{"a-x 1-2", "a-x 3-"}},
		{"a rename goes on under the new name", []lineage.Event{ran(1, "a", "x"), with(ran(2, "", "b"), renamed("a")), ran(5, "b", "x")}, []string{"a-x 1-2", "b-x 2-"}},
		{"a late run goes between", []lineage.Event{ran(1, "a", "x"), ran(5, "a", "x"), ran(3, "b", "x")}, []string{"a-x 1-3", "a-x 5-", "b-x 3-5"}},
		{"an alias merges from the beginning of time", []lineage.Event{ran(1, "a", "x"), with(ran(4, "", "z"), alias("a"))}, []string{"a-x 1- stale"}},
		{"and the smallest name stands for all", []lineage.Event{ran(1, "z", "x"), with(ran(4, "", "z"), alias("a"))}, []string{"a-x 1- stale"}},
		{"a drop closes under all names", []lineage.Event{with(ran(0, "", "z"), alias("a")), ran(1, "a", "x"), with(ran(2, "", "z"), drop)}, []string{"a-x 1-2"}},
		{"and not under one that was none then", []lineage.Event{with(ran(0, "", "z"), alias("a")), ran(1, "a", "x"), with(ran(2, "", "z x"), alias()), with(ran(3, "", "z x"), drop)}, []string{"a-x 1-"}},
		{"a rename goes on under the new name from all names", []lineage.Event{with(ran(0, "", "z"), alias("a")), ran(1, "a", "x"), with(ran(2, "", "b"), renamed("z")), ran(5, "", "x")}, []string{"a-x 1-2", "b-x 2-"}},
		{"an alias that is undone separates", []lineage.Event{ran(1, "z", "x"), with(ran(4, "", "z"), alias("a")), with(ran(5, "z", "z x"), alias())}, []string{"z-x 1-", "z-z 5-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			model := lineagetest.NewModel(lineage.Config{CloseAfter: 2})
			for i := range c.events { // in the wrong order
				e := c.events[len(c.events)-1-i]
				model.Add(lineage.Record{ID: lineage.EventID(e), Event: e})
			}
			var got []string
			for e := range model.View(lineage.At{Until: afterwards()}).Edges() {
				if e.Layer == lineage.DatasetLayer {
					got = append(got, short(e))
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func short(e lineage.Edge) string {
	minute := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return fmt.Sprint(int(t.Sub(lineagetest.Epoch()).Minutes()))
	}
	text := fmt.Sprintf("%s-%s %s-%s", e.From.Name, e.To.Name, minute(e.ValidFrom), minute(e.ValidTo))
	if e.Stale {
		text += " stale"
	}
	return text
}
