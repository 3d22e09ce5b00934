package lineagetest

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// benchRuns is an hourly job's runs in 7 years.
const benchRuns = 61_362

// BenchmarkStore measures a store with the runs of one job, which differ in their heads:
//
//   - Append/records=1, Append/records=100: one batch of new records.
//   - Duplicates/records=100: a batch that is known.
//   - Tail/runs=61362: reading past the last cursor, where nothing is new.
//   - RunPage/runs=61362: the newest 100 records of a job with as many runs.
//   - Run/runs=61362: the records of one run of it.
//   - Log/runs=61362: reading all.
func BenchmarkStore(b *testing.B, open func(b *testing.B) lineage.Store) {
	b.Helper()
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("Append/records=%d", n), func(b *testing.B) {
			s, next := open(b), 0
			for b.Loop() {
				appendRuns(b, s, next, n)
				next += n
			}
		})
	}
	b.Run("Duplicates/records=100", func(b *testing.B) {
		s := open(b)
		for b.Loop() {
			appendRuns(b, s, 0, 100)
		}
	})
	s := open(b)
	for n := 0; n < benchRuns; n += 1000 {
		appendRuns(b, s, n, min(1000, benchRuns-n))
	}
	job := benchRecord(0).Event.Job.Ref
	for _, c := range []struct {
		name string
		read func(context.Context) iter.Seq2[lineage.Record, error]
	}{
		{"Tail", func(ctx context.Context) iter.Seq2[lineage.Record, error] { return s.Records(ctx, benchRuns) }},
		{"RunPage", func(ctx context.Context) iter.Seq2[lineage.Record, error] {
			return s.Runs(ctx, lineage.RunQuery{Job: job, Limit: 100})
		}},
		{"Run", func(ctx context.Context) iter.Seq2[lineage.Record, error] {
			return s.Runs(ctx, lineage.RunQuery{Job: job, Run: benchRecord(777).Event.Run.ID})
		}},
		{"Log", func(ctx context.Context) iter.Seq2[lineage.Record, error] { return s.Records(ctx, 0) }},
	} {
		b.Run(fmt.Sprintf("%s/runs=%d", c.name, benchRuns), func(b *testing.B) {
			for b.Loop() {
				drain(b, c.read(b.Context()))
			}
		})
	}
}

func drain(b *testing.B, records iter.Seq2[lineage.Record, error]) {
	b.Helper()
	for _, err := range records {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// benchRecord is the n-th run of an hourly job.
func benchRecord(n int) lineage.Record {
	in, out := lineage.DatasetRef{Namespace: "db", Name: "orders"}, lineage.DatasetRef{Namespace: "db", Name: "report"}
	f := lineage.DatasetFact{Ref: out, States: lineage.ColumnEdges}
	for i := range 50 {
		column := fmt.Sprintf("column_%d", i)
		f.Edges = append(f.Edges, lineage.EdgeFact{From: in.Column(column), To: out.Column(column)})
	}
	e := lineage.Event{
		Origin: lineage.Observed, Time: Epoch().Add(time.Duration(n) * time.Hour),
		Run: &lineage.RunFact{ID: fmt.Sprintf("run-%d", n), Type: lineage.Complete},
		Job: &lineage.JobFact{Ref: lineage.JobRef{Namespace: "etl", Name: "hourly"}}, Inputs: []lineage.DatasetFact{{Ref: in}}, Outputs: []lineage.DatasetFact{f},
	}
	return lineage.Record{ID: lineage.EventID(e), Learnt: e.Time, Event: e}
}

// appendRuns appends runs. Making them is not measured.
func appendRuns(b *testing.B, s lineage.Store, first, n int) {
	b.Helper()
	b.StopTimer()
	batch := make([]lineage.Record, n)
	for i := range batch {
		batch[i] = benchRecord(first + i)
	}
	b.StartTimer()
	if _, err := s.Append(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
}
