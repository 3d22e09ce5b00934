package lineage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
)

func TestEnginesOnOneStoreSeeEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := lineage.NewMemoryStore()
		one := open(t, lineage.Config{Now: time.Now, Poll: 50 * time.Millisecond, MaxAhead: 1 << 62}, store)
		two := open(t, lineage.Config{Now: time.Now, Poll: 50 * time.Millisecond, MaxAhead: 1 << 62}, store)
		ingest(t, one, reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x")))
		want(t, edges(t, two, always()))
		time.Sleep(60 * time.Millisecond)
		want(t, edges(t, two, always()), "a > x [1, -)")

		// What the other stored first is Duplicate, and in the view when Ingest returns.
		next := reported("load", "r2", lineage.Complete, 2, ds("b"), ds("x"))
		ingest(t, one, next)
		report, err := two.Ingest(t.Context(), next)
		if err != nil || report.Results[0].Outcome != lineage.Duplicate {
			t.Fatalf("got %v, %v; want a duplicate", report, err)
		}
		want(t, edges(t, two, always()), "a > x [1, 2)", "b > x [2, -)")
		closeAll(t, one, two)
	})
}

// closeAll closes engines before a bubble of time ends.
func closeAll(t *testing.T, engines ...*lineage.Engine) {
	t.Helper()
	for _, e := range engines {
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestALostStoreLeavesTheLastViewAndIsFoundAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := lineage.NewMemoryStore()
		faulty := lineagetest.NewFaultyStore(memory)
		one := open(t, lineage.Config{Now: time.Now, MaxAhead: 1 << 62}, memory)
		two := open(t, lineage.Config{Now: time.Now, Poll: 50 * time.Millisecond, MaxAhead: 1 << 62}, faulty)
		ingest(t, one, reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x")))
		time.Sleep(60 * time.Millisecond)
		lost := errors.New("connection lost")
		faulty.Down(lost)
		ingest(t, one, reported("load", "r2", lineage.Complete, 2, ds("b"), ds("x")))
		time.Sleep(time.Minute)
		want(t, edges(t, two, always()), "a > x [1, -)")
		if s := two.Status(); !errors.Is(s.Err, lost) || s.Lag < 59*time.Second {
			t.Errorf("got the status %+v of an engine without a store", s)
		}
		faulty.Down(nil)
		time.Sleep(6 * time.Second) // No pause between two attempts is longer.
		want(t, edges(t, two, always()), "a > x [1, 2)", "b > x [2, -)")
		if s := two.Status(); s.Err != nil || s.Lag > time.Second {
			t.Errorf("got the status %+v after the store came back", s)
		}
		closeAll(t, one, two)
	})
}

// A slowStore counts calls of Append and keeps them until it is told.
type slowStore struct {
	lineage.Store
	calls atomic.Int64
	open  chan struct{}
}

func (s *slowStore) Append(ctx context.Context, batch []lineage.Record) ([]lineage.Receipt, error) {
	s.calls.Add(1)
	<-s.open
	return s.Store.Append(ctx, batch)
}

func TestCallsAtTheSameTimeShareOneAppend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{Store: lineage.NewMemoryStore(), open: make(chan struct{})}
		e := open(t, lineage.Config{}, store)
		done := make(chan error)
		for i := range 50 {
			go func() {
				_, err := e.Ingest(t.Context(), reported("load", fmt.Sprint("r", i), lineage.Complete, float64(i), ds("a"), ds("x")))
				done <- err
			}()
			synctest.Wait()
		}
		close(store.open)
		for range 50 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := store.calls.Load(); n != 2 {
			t.Errorf("50 calls took %d appends, want the first and one for all others", n)
		}
		want(t, edges(t, e, always()), "a > x [0, -)")
		closeAll(t, e)
	})
}

func TestACallThatEndsLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{Store: lineage.NewMemoryStore(), open: make(chan struct{})}
		e := open(t, lineage.Config{}, store)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("the caller went away")
		done := make(chan error)
		go func() {
			_, err := e.Ingest(ctx, reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x")))
			done <- err
		}()
		synctest.Wait()
		cancel(gone)
		if err := <-done; !errors.Is(err, gone) {
			t.Errorf("got %v, want the cause", err)
		}
		close(store.open)
		synctest.Wait()
		want(t, edges(t, e, always()), "a > x [1, -)")
		closeAll(t, e)
	})
}

func TestAClosedEngineSaysSo(t *testing.T) {
	t.Parallel()
	e := open(t, lineage.Config{})
	ingest(t, e, reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x")))
	v, err := e.View(t.Context(), lineage.At{})
	if err != nil {
		t.Fatal(err)
	}
	var edge lineage.Edge
	for x := range v.Edges() {
		edge = x
	}
	closeAll(t, e, e)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // It is closed: there is nothing to wait for.
		if err := e.Close(ended); err != nil {
			t.Fatal(err)
		}
	}
	for what, call := range map[string]func() error{
		"ingest": func() error {
			_, err := e.Ingest(t.Context(), reported("load", "r2", lineage.Complete, 2, ds("a"), ds("x")))
			return err
		},
		"nothing": func() error { _, err := e.Ingest(t.Context()); return err },
		"view":    func() error { _, err := e.View(t.Context(), lineage.At{}); return err },
		"known":   func() error { _, err := e.View(t.Context(), lineage.At{Known: edge.ValidFrom}); return err },
		"explain": func() error { _, err := e.Explain(t.Context(), edge); return err },
		"unknown": func() error { _, err := e.Explain(t.Context(), lineage.Edge{}); return err },
		"runs": func() error {
			for _, err := range e.Runs(t.Context(), lineage.RunQuery{}) {
				return err
			}
			return nil
		},
		"upstream": func() error { _, err := e.RunUpstream(t.Context(), "r1", 0); return err },
		"erase":    func() error { return e.Erase(t.Context(), edge.From, "") },
		"prune":    func() error { return e.Prune(t.Context()) },
		"status":   func() error { return e.Status().Err },
	} {
		if err := call(); !errors.Is(err, lineage.ErrClosed) {
			t.Errorf("%s: got %v, want ErrClosed", what, err)
		}
	}
	if s := e.Status(); s.Edges == 0 || s.Records != 1 {
		t.Errorf("the last state is %+v", s)
	}
	if got := lines(slices.Collect(v.Edges())); got == "" {
		t.Error("a view that was made before is not usable")
	}
}

// A store may make of a context that Close has ended whatever it likes.
type cancelledStore struct {
	lineage.Store
	asked chan struct{}
}

func (s *cancelledStore) Append(ctx context.Context, _ []lineage.Record) ([]lineage.Receipt, error) {
	close(s.asked)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestACallThatCloseCutsShortIsClosed(t *testing.T) {
	t.Parallel()
	store := &cancelledStore{Store: lineage.NewMemoryStore(), asked: make(chan struct{})}
	e := open(t, lineage.Config{}, store)
	done := make(chan error)
	go func() {
		_, err := e.Ingest(t.Context(), reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x")))
		done <- err
	}()
	<-store.asked
	closeAll(t, e)
	if err := <-done; !errors.Is(err, lineage.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestAConfigurationIsRefusedWithAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := lineage.New(t.Context(), lineage.NewMemoryStore(), lineage.Config{
		Identity: func(d lineage.DatasetRef) lineage.DatasetRef { return d }, MaxAhead: -1, Limits: lineage.Limits{Edges: -1},
	})
	for _, part := range []string{"IdentityKey", "MaxAhead", "Limits"} {
		if err == nil || !errors.Is(err, lineage.ErrInvalid) || !bytes.Contains([]byte(err.Error()), []byte(part)) {
			t.Errorf("got %v, want it to name %s", err, part)
		}
	}
}

func TestARefusedEventSaysWhereAndWhyAndTheOthersApply(t *testing.T) {
	t.Parallel()
	ok := reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x"))
	wrong := func(change func(e *lineage.Event)) lineage.Event {
		e := reported("load", "r2", lineage.Complete, 2, ds("a"), ds("x"))
		change(&e)
		return e
	}
	for _, c := range []struct {
		name  string
		event lineage.Event
		path  string
		err   error
	}{
		{"no time", wrong(func(e *lineage.Event) { e.Time = time.Time{} }), "eventTime", lineage.ErrInvalid},
		{"in the future", wrong(func(e *lineage.Event) { e.Time = hour(102) }), "eventTime", lineage.ErrAhead},
		{"past the horizon", wrong(func(e *lineage.Event) { e.Time = hour(-70_000) }), "eventTime", lineage.ErrHorizon},
		{"no job", wrong(func(e *lineage.Event) { e.Job = nil }), "job", lineage.ErrInvalid},
		{"no name of a job", wrong(func(e *lineage.Event) { e.Job.Ref.Name = "" }), "job.name", lineage.ErrInvalid},
		{"no run ID", wrong(func(e *lineage.Event) { e.Run.ID = "" }), "run.runId", lineage.ErrInvalid},
		{"no name of a dataset", wrong(func(e *lineage.Event) { e.Outputs = ds("") }), "outputs[0].name", lineage.ErrInvalid},
		{"an edge to elsewhere", wrong(func(e *lineage.Event) {
			e.Outputs = columns(ds("x")[0], "a.i>k")
			e.Outputs[0].Edges[0].To.Name = "y"
		}), "outputs[0].edges[0]", lineage.ErrInvalid},
		{"a long name", wrong(func(e *lineage.Event) { e.Inputs = ds(string(make([]byte, 5000))) }), "inputs[0].name", lineage.ErrTooLarge},
		{"nothing at all", lineage.Event{Time: hour(1)}, "outputs", lineage.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := open(t, lineage.Config{})
			report, err := e.Ingest(t.Context(), c.event, ok)
			if err != nil {
				t.Fatal(err)
			}
			got := report.Results[0]
			if got.Outcome != lineage.Rejected || got.Err == nil || got.Err.Index != 0 || got.Err.Path != c.path || !errors.Is(got.Err, c.err) {
				t.Errorf("got %+v, want path %s and %v", got, c.path, c.err)
			}
			if report.Results[1].Outcome != lineage.Applied || e.Status().Rejected != 1 {
				t.Errorf("got %+v and %+v, want the other event applied", report.Results[1], e.Status())
			}
			want(t, edges(t, e, lineage.At{}), "a > x")
		})
	}
}

func TestAnEdgeIsExplainedByTheRecordsThatAssertIt(t *testing.T) {
	t.Parallel()
	e := open(t, lineage.Config{})
	var ids []lineage.RecordID
	for i := range 3 {
		x := reported("load", fmt.Sprint("r", i), lineage.Complete, float64(i), ds("a"), columns(ds("x")[0], "a.i>k"))
		x.Job.SQL = fmt.Sprint("select ", i)
		report, err := e.Ingest(t.Context(), reported("load", fmt.Sprint("r", i), lineage.Start, float64(i)-.5, nil, nil), x)
		if err != nil {
			t.Fatal(err)
		}
		ids = append([]lineage.RecordID{report.Results[1].ID}, ids...)
	}
	ingest(t, e, reported("load", "r3", lineage.Complete, 3, ds("b"), columns(ds("x")[0], "b.i>k")))
	v, err := e.View(t.Context(), lineage.At{Time: hour(1)})
	if err != nil {
		t.Fatal(err)
	}
	for edge := range v.Edges() {
		if edge.Layer != lineage.ColumnLayer {
			continue
		}
		got, err := e.Explain(t.Context(), edge)
		if err != nil {
			t.Fatal(err)
		}
		want := lineage.Explanation{Edge: edge, First: hour(0), Last: hour(2), Records: ids, Runs: []string{"r2", "r1", "r0"}, SQL: "select 2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		edge.Job.Name = "nobody"
		if _, err := e.Explain(t.Context(), edge); !errors.Is(err, lineage.ErrNotFound) {
			t.Errorf("got %v for an edge that is not there", err)
		}
		return
	}
	t.Error("no column edge")
}

func TestRunsComeInPagesNewestFirst(t *testing.T) {
	t.Parallel()
	e := open(t, lineage.Config{})
	for i := range 7 {
		ingest(t, e, reported("load", fmt.Sprint("r", i), lineage.Start, float64(i), nil, nil),
			reported("load", fmt.Sprint("r", i), lineage.Complete, float64(i)+1.5, ds("a"), ds("x")))
	}
	q := lineage.RunQuery{Job: lineage.JobRef{Namespace: "etl", Name: "load"}, Limit: 3}
	var got []string
	for more := true; more; {
		more = false
		for r, err := range e.Runs(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			got, q.Before, more = append(got, r.ID), r.Newest, true
		}
	}
	want(t, got, "r6", "r5", "r4", "r3", "r2", "r1", "r0")
	for _, q := range []lineage.RunQuery{{Run: "nobody"}, {Job: lineage.JobRef{Namespace: "etl", Name: "nobody"}}} {
		for _, err := range e.Runs(t.Context(), q) {
			if !errors.Is(err, lineage.ErrNotFound) {
				t.Errorf("got %v for %+v", err, q)
			}
		}
	}
}

func TestARunDependsOnTheNewestThatEndedBeforeItBegan(t *testing.T) {
	t.Parallel()
	e := open(t, lineage.Config{})
	done := func(job, id string, began, ended float64, in, out string) {
		ingest(t, e, reported(job, id, lineage.Start, began, nil, nil), reported(job, id, lineage.Complete, ended, ds(in), ds(out)))
	}
	done("extract", "e1", 0, 1, "raw", "stage")
	done("extract", "e2", 2, 3, "raw", "stage")
	done("extract", "late", 3, 6, "raw", "stage") // It ended after the report began.
	ingest(t, e, reported("extract", "failed", lineage.Fail, 3.5, ds("raw"), ds("stage")))
	done("report", "p", 4, 5, "stage", "report")
	names := func(depth int) []string {
		runs, err := e.RunUpstream(t.Context(), "p", depth)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range runs {
			out = append(out, r.ID)
		}
		return out
	}
	want(t, names(0), "p", "e2")
	done("ingest", "i", -2, -1, "source", "raw")
	want(t, names(0), "p", "e2", "i")
	want(t, names(1), "p", "e2")
	if _, err := e.RunUpstream(t.Context(), "nobody", 0); !errors.Is(err, lineage.ErrNotFound) {
		t.Errorf("got %v for an unknown run", err)
	}
}

func TestWhatWasBelievedThen(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	now.Store(hour(100).UnixMicro())
	e := open(t, lineage.Config{Now: func() time.Time { return time.UnixMicro(now.Load()) }})
	ingest(t, e, reported("load", "r1", lineage.Complete, 1, ds("a"), ds("x")))
	now.Store(hour(110).UnixMicro())
	ingest(t, e, reported("load", "r2", lineage.Complete, 2, ds("b"), ds("x")))
	now.Store(hour(120).UnixMicro())
	for range 2 { // The second is from the cache.
		want(t, edges(t, e, lineage.At{Time: hour(3), Known: hour(105)}), "a > x")
		want(t, edges(t, e, lineage.At{Time: hour(3), Known: hour(115)}), "b > x")
		want(t, edges(t, e, lineage.At{Time: hour(3), Known: hour(99)}))
	}
}

// checkpointed returns a store with a checkpoint and some records after it.
func checkpointed(t *testing.T) (*lineage.MemoryStore, lineage.Checkpoint, []byte) {
	t.Helper()
	store := lineage.NewMemoryStore()
	e := open(t, lineage.Config{CheckpointEvery: len(history())}, store)
	if _, err := e.Ingest(t.Context(), history()...); err != nil {
		t.Fatal(err)
	}
	ingest(t, e, reported("load", "after", lineage.Complete, 20, ds("q"), ds("x")))
	c, data := awaitCheckpoint(t, store)
	closeAll(t, e)
	return store, c, data
}

// awaitCheckpoint returns the checkpoint that is saved in the background.
func awaitCheckpoint(t *testing.T, store lineage.Store) (lineage.Checkpoint, []byte) {
	t.Helper()
	c, data, err := store.Checkpoint(t.Context())
	for ; errors.Is(err, lineage.ErrNotFound); c, data, err = store.Checkpoint(t.Context()) {
		runtime.Gosched()
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(data)
	if err != nil {
		t.Fatal(err)
	}
	return c, all
}

// Invariant: lineage 8.
func TestACheckpointAndTheLogAfterItGiveTheSameState(t *testing.T) {
	t.Parallel()
	store, c, _ := checkpointed(t)
	if int(c.Cursor) != len(history()) {
		t.Errorf("the checkpoint is at %d, want %d", c.Cursor, len(history()))
	}
	fresh := open(t, lineage.Config{})
	for r, err := range store.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		ingest(t, fresh, r.Event)
	}
	resumed := open(t, lineage.Config{}, store)
	if diff := cmp.Diff(dump(t, fresh), dump(t, resumed)); diff != "" || resumed.Status().Ignored != 0 {
		t.Errorf("%d checkpoints ignored\n%s", resumed.Status().Ignored, diff)
	}
}

func TestALoadTellsHowItGoesOn(t *testing.T) {
	t.Parallel()
	store, c, _ := checkpointed(t)
	var told []lineage.Progress
	e := open(t, lineage.Config{CheckpointEvery: -1, Progress: func(p lineage.Progress) { told = append(told, p) }}, store)
	last := told[len(told)-1]
	if want := (lineage.Progress{Phase: "load", Records: int(e.Status().Records), Edges: e.Status().Edges}); last != want {
		t.Errorf("at the end %+v was told, want %+v", last, want)
	}
	for i, p := range told[:len(told)-1] { // Of the checkpoint, whose records are known when its first part is read.
		if p.Phase != "load" || i > 0 && p.Records != int(c.Cursor) || i > 0 && p.Edges < told[i-1].Edges {
			t.Errorf("told %+v after %d others", p, i)
		}
	}
	if len(told) < 3 {
		t.Errorf("told %d times", len(told))
	}
}

// A heldStore does not read a checkpoint before it is let.
type heldStore struct {
	*lineage.MemoryStore
	asked, let chan struct{}
}

func (s heldStore) SaveCheckpoint(ctx context.Context, c lineage.Checkpoint, data io.Reader) error {
	close(s.asked)
	<-s.let
	return s.MemoryStore.SaveCheckpoint(ctx, c, data)
}

// A checkpoint is written while events come in that change all that it is of, and has none
// of them.
func TestIngestDoesNotWaitForACheckpoint(t *testing.T) {
	t.Parallel()
	_, first, want := checkpointed(t)
	store := heldStore{lineage.NewMemoryStore(), make(chan struct{}), make(chan struct{})}
	e := open(t, lineage.Config{CheckpointEvery: len(history())}, store)
	if _, err := e.Ingest(t.Context(), history()...); err != nil {
		t.Fatal(err)
	}
	<-store.asked
	for n := range 3 { // Before the others, among them, and after.
		at := []float64{0, 4, 30}[n]
		ingest(t, e, reported("alter", "a1", lineage.Complete, at, nil, nil)) // The last one takes what was renamed along.
		gone := ds("b")
		gone[0].Lifecycle = lineage.Lifecycle{Change: lineage.Dropped}
		gone[0].States, gone[0].Aliases = lineage.Symlinks, []lineage.DatasetRef{{Namespace: "w", Name: fmt.Sprint("b", n)}}
		ingest(t, e, lineage.Event{Time: hour(at), Outputs: gone})
		ingest(t, e, reported("load", fmt.Sprint("more", n), lineage.Complete, at, ds(fmt.Sprint("p", n)), ds("x")))
		ingest(t, e, reported("other", fmt.Sprint("other", n), lineage.Complete, at, ds("x"), ds(fmt.Sprint("y", n))))
	}
	close(store.let)
	c, got := awaitCheckpoint(t, store)
	if c != first || !bytes.Equal(got, want) {
		t.Errorf("got %+v with %d bytes, want %+v with %d", c, len(got), first, len(want))
	}
	resumed := open(t, lineage.Config{}, store)
	if diff := cmp.Diff(dump(t, e), dump(t, resumed)); diff != "" || resumed.Status().Ignored != 0 {
		t.Errorf("%d checkpoints ignored\n%s", resumed.Status().Ignored, diff)
	}
}

func TestATornOrForeignCheckpointIsIgnoredAndCounted(t *testing.T) {
	t.Parallel()
	store, c, data := checkpointed(t)
	good := dump(t, open(t, lineage.Config{}, store))
	for name, torn := range map[string][]byte{
		"empty": nil, "short": data[:len(data)/2], "without its end": data[:len(data)-1], "long": append(bytes.Clone(data), 0),
		"a byte changed": func() []byte { d := bytes.Clone(data); d[len(d)/3] ^= 4; return d }(),
	} {
		c.Version++
		if err := store.SaveCheckpoint(t.Context(), c, bytes.NewReader(torn)); err != nil {
			t.Fatal(err)
		}
		e := open(t, lineage.Config{CheckpointEvery: -1}, store)
		if got := dump(t, e); got != good || e.Status().Ignored != 1 {
			t.Errorf("%s: ignored %d, and the state is %s", name, e.Status().Ignored, cmp.Diff(good, got))
		}
	}
	c.Version++
	if err := store.SaveCheckpoint(t.Context(), c, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if e := open(t, lineage.Config{CloseAfter: 2}, store); e.Status().Ignored != 1 {
		t.Errorf("the checkpoint of another configuration was used")
	}
}

func FuzzCheckpoint(f *testing.F) {
	f.Add(uint16(0), byte(1), uint16(100))
	f.Add(uint16(9), byte(0), uint16(3))
	f.Fuzz(func(t *testing.T, at uint16, flip byte, cut uint16) {
		store, c, data := checkpointed(t)
		good := dump(t, open(t, lineage.Config{}, store))
		data[int(at)%len(data)] ^= flip
		data = data[:len(data)-int(cut)%len(data)]
		c.Version++
		if err := store.SaveCheckpoint(t.Context(), c, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		if got := dump(t, open(t, lineage.Config{}, store)); got != good {
			t.Error(cmp.Diff(good, got))
		}
	})
}
