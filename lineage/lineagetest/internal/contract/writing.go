package contract

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

func checkMissing(ctx context.Context, s lineage.Store) error {
	unknown := record(runEvent("j", "unknown", noon())).ID
	_, err := s.Record(ctx, unknown)
	if err := wantError("Record of an unknown ID", err, lineage.ErrNotFound); err != nil {
		return err
	}
	_, _, err = s.Checkpoint(ctx)
	if err := wantError("Checkpoint where there is none", err, lineage.ErrNotFound); err != nil {
		return err
	}
	if receipts, err := s.Append(ctx, nil); err != nil || len(receipts) != 0 {
		return fmt.Errorf("an empty batch gives %v, %w", receipts, err)
	}
	for _, part := range []lineage.Part{lineage.PartRaw, lineage.PartAll} {
		if err := s.Prune(ctx, part, []lineage.RecordID{unknown}); err != nil {
			return fmt.Errorf("pruning an unknown ID: %w", err)
		}
	}
	found, err := collect(s.Runs(ctx, lineage.RunQuery{Job: job("j")}))
	if err != nil || len(found) > 0 {
		return fmt.Errorf("runs of an unknown job are %v, %w", found, err)
	}
	return logIs(ctx, s, "an empty log", nil)
}

// zoo is a record of each shape that there is.
func zoo() []lineage.Record {
	west := time.FixedZone("west", -7*3600)
	full := runEvent("full", "run", noon().In(west).Add(1234567))
	full.Explicit = true
	full.Raw = []byte("{\"a\":\x00\xff}")
	full.Run.Error = "it broke"
	full.Run.Parent = &lineage.RunRef{ID: "parent", Job: job("dag")}
	full.Job.SQL, full.Job.Dialect, full.Job.Processing = "select 1", "postgres", lineage.Streaming
	full.Job.Owners, full.Job.Tags = []string{}, []string{"pii"}
	full.JobEdges = []lineage.EdgeFact{{From: job("up").Node(), To: job("full").Node(), Certainty: lineage.Assumed}}
	out := &full.Outputs[0]
	out.Type, out.Rows, out.Bytes, out.Primary = "TABLE", 7, 1<<40, true
	out.States |= lineage.Schema | lineage.Symlinks | lineage.Owners | lineage.Tags
	out.Fields = []lineage.Field{{Path: "b", Type: "int"}, {Path: "c.d[].e"}}
	out.Aliases, out.Owners = []lineage.DatasetRef{ref("alias")}, []string{"team"}
	out.Lifecycle = lineage.Lifecycle{Change: lineage.Renamed, From: ref("before")}
	nothing := runEvent("full", "nothing read", noon())
	nothing.Inputs = []lineage.DatasetFact{}
	unstated := runEvent("full", "nothing said", noon())
	unstated.Inputs = nil
	jobEvent := runEvent("full", "", noon())
	jobEvent.Run, jobEvent.Origin = nil, lineage.Declared
	dataset := jobEvent
	dataset.Job, dataset.Inputs = nil, nil
	list := []lineage.Record{record(full), record(nothing), record(unstated), record(jobEvent), record(dataset)}
	tombstone := lineage.Record{
		ID: lineage.RecordID{1, 2, 3}, Learnt: noon().Add(999),
		Tombstone: &lineage.Tombstone{Hash: [32]byte{31: 9}, Time: noon().In(west).Add(1001), Reason: "request 7, \x00 ü"},
	}
	return append(list, tombstone)
}

func checkWritten(ctx context.Context, s lineage.Store) error {
	want := zoo()
	if _, err := s.Append(ctx, want); err != nil {
		return err
	}
	for _, w := range want {
		got, err := s.Record(ctx, w.ID)
		if err != nil {
			return err
		}
		if err := sameRecord(got, w); err != nil {
			return err
		}
	}
	return logIs(ctx, s, "the log", want)
}

func checkReceipts(ctx context.Context, s lineage.Store) error {
	list := runs("j", 20)
	last := lineage.Cursor(0)
	for _, batch := range [][]lineage.Record{list[:1], list[1:12], list[12:]} {
		batch[0].Cursor = 99 // It is not read.
		receipts, err := s.Append(ctx, batch)
		if err != nil {
			return err
		}
		if len(receipts) != len(batch) {
			return fmt.Errorf("%d receipts for %d records", len(receipts), len(batch))
		}
		for i, r := range receipts {
			if r.ID != batch[i].ID || r.Duplicate || r.Cursor <= last {
				return fmt.Errorf("after cursor %d the receipt for %s is %+v", last, batch[i].ID, r)
			}
			last = r.Cursor
			got, err := s.Record(ctx, r.ID)
			if err != nil {
				return err
			}
			if got.Cursor != r.Cursor {
				return fmt.Errorf("the record has cursor %d, its receipt %d", got.Cursor, r.Cursor)
			}
		}
	}
	return logIs(ctx, s, "the log", list)
}

func checkDuplicates(ctx context.Context, s lineage.Store) error {
	list := runs("j", 3)
	again := list[0]
	again.Learnt = again.Learnt.Add(time.Hour)
	again.Event.Raw = []byte("other bytes")
	first, err := s.Append(ctx, []lineage.Record{list[0], list[1], again})
	if err != nil {
		return err
	}
	if first[0].Duplicate || !first[2].Duplicate || first[2].Cursor != first[0].Cursor || first[2].ID != first[0].ID {
		return fmt.Errorf("in one batch the receipts are %+v", first)
	}
	second, err := s.Append(ctx, []lineage.Record{list[2], again, list[1]})
	if err != nil {
		return err
	}
	if second[0].Duplicate || !second[1].Duplicate || !second[2].Duplicate ||
		second[1].Cursor != first[0].Cursor || second[2].Cursor != first[1].Cursor {
		return fmt.Errorf("after %+v the receipts of the next batch are %+v", first, second)
	}
	third, err := s.Append(ctx, []lineage.Record{again})
	if err != nil {
		return err
	}
	if !third[0].Duplicate || third[0].Cursor != first[0].Cursor {
		return fmt.Errorf("a batch of one duplicate gives %+v", third)
	}
	return logIs(ctx, s, "the log", list)
}

func checkBodies(ctx context.Context, s lineage.Store) error {
	list := runs("j", 3)
	list[1].Event.Outputs[0].Rows = 5 // Counts belong to the head.
	list[1].ID = lineage.EventID(list[1].Event)
	other := runs("other", 1)
	want := []lineage.Record{list[0], other[0], list[1], list[2]}
	for _, r := range want {
		if _, err := s.Append(ctx, []lineage.Record{r}); err != nil {
			return err
		}
	}
	return logIs(ctx, s, "the log", want)
}

func checkLargeBatch(ctx context.Context, s lineage.Store) error {
	list := runs("j", 3300)
	receipts, err := s.Append(ctx, append(list[:3200:3200], list[:100]...))
	if err != nil {
		return err
	}
	for i, r := range receipts {
		if r.Duplicate != (i >= 3200) {
			return fmt.Errorf("receipt %d is %+v", i, r)
		}
	}
	if _, err := s.Append(ctx, list); err != nil {
		return err
	}
	if err := logIs(ctx, s, "the log", list); err != nil {
		return err
	}
	if err := s.Prune(ctx, lineage.PartAll, ids(list[10:])); err != nil {
		return err
	}
	return logIs(ctx, s, "what is left", list[:10])
}

func checkNames(ctx context.Context, s lineage.Store) error {
	long := strings.Repeat("名", 1300) // 3,900 bytes that do not compress away in an index
	names := []string{
		long + "1", long + "2", "a", "A", "a ", " a", "é", "e\u0301", "ß", "ss", "a\x00b", "a\x00c", "'; drop table records; --", "%", "_", "\xff",
		strings.Repeat("x", 4096), strings.Repeat("x", 4095) + "y",
	}
	var want []lineage.Record
	for i, name := range names {
		e := runEvent(name, "run of "+name, after(i))
		e.Outputs[0].Ref.Name = name
		e.Outputs[0].Edges[0].To = e.Outputs[0].Ref.Column(name)
		want = append(want, record(e))
	}
	if _, err := s.Append(ctx, want); err != nil {
		return err
	}
	if err := logIs(ctx, s, "the log", want); err != nil {
		return err
	}
	for i, name := range names {
		for _, q := range []lineage.RunQuery{{Job: job(name)}, {Run: "run of " + name}} {
			got, err := collect(s.Runs(ctx, q))
			if err != nil {
				return err
			}
			if err := sameRecords(fmt.Sprintf("runs of %.40q", name), got, want[i:i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}
