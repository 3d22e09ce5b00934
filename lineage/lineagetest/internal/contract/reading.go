package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

func checkRecords(ctx context.Context, s lineage.Store) error {
	list := runs("j", 1100) // several pages of whatever size
	for batch := range slices.Chunk(list, 300) {
		if _, err := s.Append(ctx, batch); err != nil {
			return err
		}
	}
	whole := s.Records(ctx, 0)
	for range 2 {
		got, err := collect(whole)
		if err != nil {
			return err
		}
		if err := sameRecords("the log", got, list); err != nil {
			return err
		}
	}
	var got []lineage.Record
	for _, most := range []int{1, 3, 512, 513, 100} { // It is left and gone on with.
		cursor := lineage.Cursor(0)
		if len(got) > 0 {
			cursor = got[len(got)-1].Cursor
		}
		some, err := take(s.Records(ctx, cursor), most)
		if err != nil {
			return err
		}
		got = append(got, some...)
	}
	if err := sameRecords("the log in parts", got, list); err != nil {
		return err
	}
	past, err := collect(s.Records(ctx, got[len(got)-1].Cursor))
	if err != nil || len(past) > 0 {
		return fmt.Errorf("past the last record there are %d, %w", len(past), err)
	}
	return nil
}

// take leaves a sequence after so many records.
func take(sequence iter.Seq2[lineage.Record, error], most int) ([]lineage.Record, error) {
	var list []lineage.Record
	for r, err := range sequence {
		if err != nil {
			return nil, err
		}
		if list = append(list, r); len(list) == most {
			break
		}
	}
	return list, nil
}

func checkSnapshot(ctx context.Context, s lineage.Store) error {
	list := runs("j", 700)
	if _, err := s.Append(ctx, list[:600]); err != nil {
		return err
	}
	var got []lineage.Record
	for r, err := range s.Records(ctx, 0) {
		if err != nil {
			return err
		}
		got = append(got, r)
		if n := len(got); n <= 100 { // The loop's body may use the store, even one of a single connection.
			if _, err := s.Append(ctx, list[600+n-1:600+n]); err != nil {
				return err
			}
			if _, err := s.Record(ctx, r.ID); err != nil {
				return err
			}
		}
	}
	if err := sameRecords("a sequence during which others are appended", got, list[:600]); err != nil {
		return err
	}
	return logIs(ctx, s, "the log", list)
}

// history is records of runs of two jobs, many of them at one time, and others.
func history() []lineage.Record {
	var list []lineage.Record
	for i := range 400 {
		e := runEvent([]string{"j", "k"}[i%2], fmt.Sprintf("run %d", i/4), after(i/10*10))
		e.Run.Type = []lineage.EventType{lineage.Start, lineage.Complete}[i/2%2]
		list = append(list, record(e))
	}
	e := runEvent("j", "", noon())
	e.Run, e.Origin = nil, lineage.Declared
	return append(list, record(e), lineage.Record{ID: lineage.RecordID{7}, Learnt: noon(), Tombstone: &lineage.Tombstone{Time: noon()}})
}

// selected is what a query means.
func selected(list []lineage.Record, q lineage.RunQuery) []lineage.Record {
	var out []lineage.Record
	for _, r := range list {
		if r.Event.Run == nil || q.Job != (lineage.JobRef{}) && r.Event.Job.Ref != q.Job || q.Run != "" && r.Event.Run.ID != q.Run {
			continue
		}
		older := r.Event.Time.Compare(q.Before.Time)
		if older == 0 {
			older = bytes.Compare(r.ID[:], q.Before.ID[:])
		}
		if q.Before == (lineage.RunKey{}) || older < 0 {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b lineage.Record) int {
		if c := b.Event.Time.Compare(a.Event.Time); c != 0 {
			return c
		}
		return bytes.Compare(b.ID[:], a.ID[:])
	})
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out
}

// key is the place of a record among the runs.
func key(r lineage.Record) lineage.RunKey { return lineage.RunKey{Time: r.Event.Time, ID: r.ID} }

func checkRuns(ctx context.Context, s lineage.Store) error {
	list := history()
	shuffled := slices.Clone(list)
	slices.SortFunc(shuffled, func(a, b lineage.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	if _, err := s.Append(ctx, shuffled); err != nil {
		return err
	}
	west := time.FixedZone("west", -7*3600)
	middle := key(list[203])
	abroad := lineage.RunKey{Time: middle.Time.In(west), ID: middle.ID}
	for _, q := range []lineage.RunQuery{
		{},
		{Limit: 7},
		{Job: job("j")},
		{Job: job("j"), Limit: 1},
		{Job: job("j"), Limit: 300},
		{Run: "run 7"},
		{Run: "run 7", Job: job("k")},
		{Run: "run 7", Job: job("none")},
		{Run: "run 700"},
		{Before: middle},
		{Before: abroad, Limit: 5},
		{Before: middle, Job: job("k"), Limit: 50},
		{Before: key(list[30]), Run: "run 7"},
		{Before: lineage.RunKey{Time: after(55)}, Job: job("j")},
		{Before: lineage.RunKey{Time: noon()}},
	} {
		got, err := collect(s.Runs(ctx, q))
		if err != nil {
			return err
		}
		if err := sameRecords(fmt.Sprintf("the query %+v", q), got, selected(list, q)); err != nil {
			return err
		}
	}
	return nil
}

func checkRunPages(ctx context.Context, s lineage.Store) error {
	list := history()
	if _, err := s.Append(ctx, list[:300]); err != nil {
		return err
	}
	var got []lineage.Record
	rest := list[300:400]
	q := lineage.RunQuery{Job: job("j"), Limit: 20}
	for {
		page, err := collect(s.Runs(ctx, q))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		q.Before = key(page[len(page)-1])
		if len(rest) > 0 { // All of them are newer than the first page.
			if _, err := s.Append(ctx, rest[:20]); err != nil {
				return err
			}
			rest = rest[20:]
		}
	}
	return sameRecords("pages during which others are appended", got, selected(list[:300], lineage.RunQuery{Job: job("j")}))
}

// errLeft is a cause.
var errLeft = errors.New("the reader left")

func checkEnded(ctx context.Context, s lineage.Store) error {
	list := runs("j", 3)
	if _, err := s.Append(ctx, list[:2]); err != nil {
		return err
	}
	if err := save(ctx, s, 1, "data"); err != nil {
		return err
	}
	over, cancel := context.WithCancelCause(ctx)
	cancel(errLeft)
	_, appending := s.Append(over, list[2:])
	_, records := collect(s.Records(over, 0))
	_, one := s.Record(over, list[0].ID)
	_, some := collect(s.Runs(over, lineage.RunQuery{}))
	_, _, reading := s.Checkpoint(over)
	for method, err := range map[string]error{
		"Append": appending, "Records": records, "Record": one, "Runs": some, "Checkpoint": reading,
		"SaveCheckpoint": save(over, s, 2, "more"), "Prune": s.Prune(over, lineage.PartAll, ids(list)),
	} {
		if err := wantError(method, err, errLeft); err != nil {
			return err
		}
	}
	if err := saved(ctx, s, 1, "data"); err != nil {
		return err
	}
	return logIs(ctx, s, "the log", list[:2])
}

func checkCut(ctx context.Context, s lineage.Store) error {
	list := runs("j", 1500)
	if _, err := s.Append(ctx, list); err != nil {
		return err
	}
	for name, sequence := range map[string]func(context.Context) iter.Seq2[lineage.Record, error]{
		"Records": func(ctx context.Context) iter.Seq2[lineage.Record, error] { return s.Records(ctx, 0) },
		"Runs":    func(ctx context.Context) iter.Seq2[lineage.Record, error] { return s.Runs(ctx, lineage.RunQuery{}) },
	} {
		if err := cutAt(ctx, sequence, 10, len(list)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// cutAt ends the context of a sequence after so many of its records.
func cutAt(ctx context.Context, sequence func(context.Context) iter.Seq2[lineage.Record, error], most, all int) error {
	brief, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n := 0
	var failed error
	for _, err := range sequence(brief) {
		if failed != nil {
			return errors.New("it goes on after its error")
		}
		if failed = err; err == nil {
			n++
		}
		if n == most {
			cancel(errLeft)
		}
	}
	if n == all {
		return fmt.Errorf("it yields all %d records under a context that ended at record %d", n, most)
	}
	return wantError("a context that ends on the way", failed, errLeft)
}
