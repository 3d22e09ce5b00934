package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// A changing job makes other statements with each run: shape says of which datasets and
// columns run n makes which.
type changing struct {
	name  string
	shape func(n int) (inputs []string, output string, columns int)
}

// changings are jobs whose inputs, outputs or both are other ones with each run, or whose
// column edges are.
func changings() []changing {
	return []changing{
		{"inputs", func(n int) ([]string, string, int) { return []string{"dim", fmt.Sprint("day", n)}, "out", 0 }},
		{"outputs", func(n int) ([]string, string, int) { return []string{"dim", "fact"}, fmt.Sprint("out", n), 0 }},
		{"both", func(n int) ([]string, string, int) {
			return []string{"dim", fmt.Sprint("day", n)}, fmt.Sprint("out", n), 0
		}},
		{"alternating", func(n int) ([]string, string, int) {
			return []string{"dim", fmt.Sprint("in", n/10%2)}, fmt.Sprint("out", n/10%2), 0
		}},
		{"columns", func(n int) ([]string, string, int) {
			return []string{fmt.Sprint("in", n%7), fmt.Sprint("in", n%11)}, "out", 10
		}},
	}
}

// event is the end of a run, an hour after the one before.
func (c changing) event(n int) lineage.Event {
	inputs, output, columns := c.shape(n)
	e := lineage.Event{
		Time: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Hour),
		Run:  &lineage.RunFact{ID: fmt.Sprint(c.name, n), Type: lineage.Complete},
		Job:  &lineage.JobFact{Ref: lineage.JobRef{Namespace: layeredSpace, Name: c.name}},
	}
	out := lineage.DatasetFact{Ref: lineage.DatasetRef{Namespace: layeredSpace, Name: output}}
	for i, name := range inputs {
		in := lineage.DatasetRef{Namespace: layeredSpace, Name: name}
		e.Inputs = append(e.Inputs, lineage.DatasetFact{Ref: in})
		for k := range columns {
			out.States |= lineage.ColumnEdges
			out.Edges = append(out.Edges, lineage.EdgeFact{From: in.Column(columnName((i + k*(n%3+1)) % 50)), To: out.Ref.Column(columnName(k))})
		}
	}
	e.Outputs = []lineage.DatasetFact{out}
	return e
}

// BenchmarkHistory has a job run 8,000 times, an event a call, and other statements with
// each run. us-first and us-last are the time of an event in the first and in the last
// eighth, x-growth how many times as long the last take: an event is to cost what it says,
// and not what the job has said before.
func BenchmarkHistory(b *testing.B) {
	runs := max(80, sizeFromEnv(b, envLineageRuns, 8000))
	for _, c := range changings() {
		b.Run(fmt.Sprintf("%s/runs=%d", c.name, runs), func(b *testing.B) {
			var first, last []time.Duration
			for b.Loop() {
				e := openLineage(b, lineage.NewMemoryStore(), lineage.Config{
					Now: func() time.Time { return c.event(runs).Time }, Poll: -1, CheckpointEvery: -1,
				})
				for n := range runs {
					event, begin := c.event(n), time.Now()
					ingestAll(b, e, []lineage.Event{event})
					switch took := time.Since(begin); {
					case n < runs/8:
						first = append(first, took)
					case n >= runs-runs/8:
						last = append(last, took)
					}
				}
				closeLineage(b, e)
			}
			us := func(turns []time.Duration) float64 {
				var sum time.Duration
				for _, d := range turns {
					sum += d
				}
				return float64(sum) / float64(time.Microsecond) / float64(len(turns))
			}
			b.ReportMetric(us(first), "us-first")
			b.ReportMetric(us(last), "us-last")
			b.ReportMetric(us(last)/us(first), "x-growth")
		})
	}
}
