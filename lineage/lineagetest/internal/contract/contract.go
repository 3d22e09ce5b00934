package contract

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/tenon-go/tenon/lineage"
)

// A Case is one rule of the contract.
type Case struct {
	Name string
	Rule string // in words
	// Check says what a store does instead, which is empty before. Where the store lacks
	// what the case needs it is ErrNotOffered.
	Check func(context.Context, lineage.Store) error
}

// ErrNotOffered says that a store lacks an optional ability.
var ErrNotOffered = errors.New("the store does not offer what the case needs")

// A FaultInjector is lineagetest's.
type FaultInjector interface {
	lineage.Store
	FailAt(n int)
}

// A Tearer is lineagetest's.
type Tearer interface {
	lineage.Store
	TearCheckpoint(ctx context.Context) error
}

// Cases returns the rules, in the order in which they build on each other.
func Cases() []Case {
	return []Case{
		{"missing", "what is not there is ErrNotFound or an empty sequence, and pruning it is no error", checkMissing},
		{"written", "a record comes back as it was written, its times in UTC and to the microsecond", checkWritten},
		{"receipts", "receipts come in the order given, with cursors that rise in the order of the log", checkReceipts},
		{"duplicates", "a known ID is a duplicate, in a batch and from batch to batch, and changes nothing", checkDuplicates},
		{"bodies", "of two runs that differ in their heads only each comes back as its own", checkBodies},
		{"large-batch", "a batch of some thousand records is one write", checkLargeBatch},
		{"names", "names of 4 KiB in any script come back byte by byte, and near ones are told apart", checkNames},
		{"records", "records come ascending past a cursor; a sequence can be left, asked again and gone on with", checkRecords},
		{"snapshot", "a sequence shows what was there at its call, and the loop's body can use the store", checkSnapshot},
		{"runs", "records of runs come newest first by (time, ID), by job, run, both or neither", checkRuns},
		{"run-pages", "pages of runs neither shift nor overlap while records are appended", checkRunPages},
		{"prune-raw", "pruning raw bytes leaves the record, and can be repeated", checkPruneRaw},
		{"prune-all", "pruning a record leaves the others, also those with the same body, and can be repeated", checkPruneAll},
		{"prune-last", "the cursor of a record that was pruned is not given again", checkPruneLast},
		{"checkpoint", "a checkpoint comes back whole, whatever its length", checkCheckpoint},
		{"checkpoint-version", "a checkpoint whose version is not the next is ErrConflict, and the old one stays", checkCheckpointVersion},
		{"checkpoint-source", "a checkpoint whose data ends in an error is not saved, and the old one stays", checkCheckpointSource},
		{"checkpoint-racers", "of 8 that save the same version one succeeds, and its data is there", checkCheckpointRacers},
		{"checkpoint-torn", "reading a torn checkpoint is an error before the end of the data", checkCheckpointTorn},
		{"writers", "under 8 writers no record ever appears behind a reader", checkWriters},
		{"same-writers", "of 8 that append the same records at a time one is first, and all get its cursors", checkSameWriters},
		{"whole-batches", "a reader sees all of a batch or nothing", checkWholeBatches},
		{"ended", "under a context that has ended every method reports its cause and changes nothing", checkEnded},
		{"cut", "a sequence whose context ends on the way ends with one error", checkCut},
		{"cancelled", "a batch whose context ends on the way is there as a whole or not at all", checkCancelled},
		{"failed", "a write that fails at any step changed nothing, and can be repeated", checkFailed},
	}
}

// noon is when everything begins.
func noon() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// after is noon and so many microseconds.
func after(us int) time.Time { return noon().Add(time.Duration(us) * time.Microsecond) }

// ref names a dataset of the cases.
func ref(name string) lineage.DatasetRef { return lineage.DatasetRef{Namespace: "db", Name: name} }

// job names a job of the cases.
func job(name string) lineage.JobRef { return lineage.JobRef{Namespace: "jobs", Name: name} }

// runEvent is one event of a run that reads in and writes out. Events of a job differ in
// their heads only.
func runEvent(jobName, run string, at time.Time) lineage.Event {
	in, out := ref("in"), ref("out")
	return lineage.Event{
		Producer: "https://example.org/contract", Origin: lineage.Observed, Time: at,
		Run:    &lineage.RunFact{ID: run, Type: lineage.Complete},
		Job:    &lineage.JobFact{Ref: job(jobName), Type: "QUERY"},
		Inputs: []lineage.DatasetFact{{Ref: in}},
		Outputs: []lineage.DatasetFact{{Ref: out, States: lineage.ColumnEdges, Edges: []lineage.EdgeFact{
			{From: in.Column("a"), To: out.Column("b"), Kinds: []lineage.Transformation{{Type: lineage.Direct, Subtype: lineage.Identity}}},
		}}},
	}
}

// record wraps an event. It is learnt a second after it happened.
func record(e lineage.Event) lineage.Record {
	return lineage.Record{ID: lineage.EventID(e), Learnt: e.Time.Add(time.Second), Event: e}
}

// runs makes n records of one job, one run each, a microsecond apart, with raw bytes.
func runs(jobName string, n int) []lineage.Record {
	list := make([]lineage.Record, n)
	for i := range list {
		e := runEvent(jobName, fmt.Sprintf("%s-%d", jobName, i), after(i))
		e.Raw = fmt.Appendf(nil, `{"raw": %d}`, i)
		list[i] = record(e)
	}
	return list
}

// ids returns the IDs of records.
func ids(list []lineage.Record) []lineage.RecordID {
	out := make([]lineage.RecordID, len(list))
	for i, r := range list {
		out[i] = r.ID
	}
	return out
}

// collect returns what a sequence yields up to its end, and checks that nothing comes
// after an error.
func collect(sequence iter.Seq2[lineage.Record, error]) ([]lineage.Record, error) {
	var list []lineage.Record
	var failed error
	for r, err := range sequence {
		switch {
		case failed != nil:
			return nil, fmt.Errorf("a sequence goes on after its error: %w", failed)
		case err != nil:
			failed = err
		default:
			list = append(list, r)
		}
	}
	return list, failed
}

// everything returns the log.
func everything(ctx context.Context, s lineage.Store) ([]lineage.Record, error) {
	return collect(s.Records(ctx, 0))
}

// sameRecords checks that records are those that were written, cursors apart.
func sameRecords(what string, got, want []lineage.Record) error {
	if len(got) != len(want) {
		return fmt.Errorf("%s gives %d records, want %d", what, len(got), len(want))
	}
	for i := range got {
		if err := sameRecord(got[i], want[i]); err != nil {
			return fmt.Errorf("%s, record %d: %w", what, i, err)
		}
	}
	return nil
}

// sameRecord checks one record, its cursor apart.
func sameRecord(got, want lineage.Record) error {
	utc := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.UTC().Truncate(time.Microsecond)
	}
	want.Learnt, want.Event.Time = utc(want.Learnt), utc(want.Event.Time)
	if want.Tombstone != nil {
		t := *want.Tombstone
		t.Time = utc(t.Time)
		want.Tombstone = &t
	}
	switch {
	case got.ID != want.ID:
		return fmt.Errorf("the record is %s, want %s", got.ID, want.ID)
	case !reflect.DeepEqual(got.Tombstone, want.Tombstone):
		return fmt.Errorf("the tombstone is %+v, want %+v", got.Tombstone, want.Tombstone)
	case !got.Learnt.Equal(want.Learnt) || got.Learnt.Location() != time.UTC:
		return fmt.Errorf("it was learnt at %v, want %v", got.Learnt, want.Learnt)
	case string(got.Event.Raw) != string(want.Event.Raw):
		return fmt.Errorf("the raw bytes are %q, want %q", got.Event.Raw, want.Event.Raw)
	}
	got.Event.Raw, want.Event.Raw = nil, nil
	if !reflect.DeepEqual(got.Event, want.Event) {
		return fmt.Errorf("the event is %+v, want %+v", got.Event, want.Event)
	}
	return nil
}

// ascending checks that cursors rise.
func ascending(list []lineage.Record) error {
	last := lineage.Cursor(0)
	for _, r := range list {
		if r.Cursor <= last {
			return fmt.Errorf("cursor %d comes after %d", r.Cursor, last)
		}
		last = r.Cursor
	}
	return nil
}

// logIs checks the whole log.
func logIs(ctx context.Context, s lineage.Store, what string, want []lineage.Record) error {
	got, err := everything(ctx, s)
	if err != nil {
		return err
	}
	if err := ascending(got); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return sameRecords(what, got, want)
}

// wantError checks that an error is the one that the contract names.
func wantError(what string, err, want error) error {
	switch {
	case errors.Is(err, want):
		return nil
	case err == nil:
		return fmt.Errorf("%s gives no error, want %q", what, want.Error())
	}
	return fmt.Errorf("%s gives %w, want %q", what, err, want.Error())
}
