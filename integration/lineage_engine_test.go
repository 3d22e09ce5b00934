package integration_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/integration/faulttest"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
)

// Two engines on one database, each of which gets half of the batches, are in the state of
// the model as soon as each has read what the other wrote, and so is one that starts later,
// from a checkpoint and the log after it.
//
// Invariant: lineage 1.
func TestEnginesOnOneDatabaseAreInTheStateOfTheModel(t *testing.T) {
	t.Parallel()
	for _, db := range lineageDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.dsn(t)
			for seed := range uint64(12) {
				prefix := "h" + string(rune('a'+seed)) + "_"
				store := db.store(t, faulttest.Open(t, db.driver, dsn, new(faulttest.Faults)), prefix)
				other := db.new(t, faulttest.Open(t, db.driver, dsn, new(faulttest.Faults)), prefix)
				twoEngines(t, seed, store, other)
			}
		})
	}
}

func twoEngines(t *testing.T, seed uint64, stores ...lineage.Store) { //nolint:gocognit // one story, checked as it goes
	t.Helper()
	far := lineagetest.Epoch().Add(time.Hour)
	cfg := lineage.Config{Now: func() time.Time { return far }, CloseAfter: 2, Poll: 5 * time.Millisecond, CheckpointEvery: 4}
	open := func(s lineage.Store) *lineage.Engine {
		e, err := lineage.New(t.Context(), s, cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		return e
	}
	engines := []*lineage.Engine{open(stores[0]), open(stores[1])}
	for i, batch := range lineagetest.Shuffle(seed, lineagetest.NewHistory(seed, 20)) {
		if _, err := engines[i%2].Ingest(t.Context(), batch...); err != nil {
			t.Fatal(err)
		}
	}
	model := lineagetest.NewModel(cfg)
	if err := model.Read(stores[0].Records(t.Context(), 0)); err != nil {
		t.Fatal(err)
	}
	want := lineagetest.Dump(model.View(lineage.At{Until: far}))
	for i, e := range append(engines, open(stores[1])) {
		got := ""
		for range 1000 { // Each has to poll what the other wrote.
			v, err := e.View(t.Context(), lineage.At{Until: far})
			if err != nil {
				t.Fatal(err)
			}
			if got = lineagetest.Dump(v); got == want {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if got != want {
			t.Errorf("seed %d, engine %d (-model +engine):\n%s", seed, i, cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
		}
		runs := lineagetest.DumpRuns(e.Runs(t.Context(), lineage.RunQuery{}))
		if want := lineagetest.DumpRuns(model.Runs()); runs != want {
			t.Errorf("seed %d, engine %d: runs (-model +engine):\n%s", seed, i, cmp.Diff(want, runs))
		}
	}
}

// What was erased is in no record and in no checkpoint, whoever mentioned it.
func TestAnErasedNameIsNowhereInTheDatabase(t *testing.T) {
	t.Parallel()
	for _, db := range lineageDBs() {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			erased(t, db.store(t, faulttest.Open(t, db.driver, db.dsn(t), new(faulttest.Faults)), "erase_"))
		})
	}
}

func erased(t *testing.T, store lineage.Store) {
	t.Helper()
	const secret = "a secret name"
	far := lineagetest.Epoch().Add(time.Hour)
	e, err := lineage.New(t.Context(), store, lineage.Config{Now: func() time.Time { return far }, Poll: -1, CheckpointEvery: 1})
	if err != nil {
		t.Fatal(err)
	}
	hidden, other := lineage.DatasetRef{Namespace: "db", Name: secret}, lineage.DatasetRef{Namespace: "db", Name: "other"}
	run := func(id string, typ lineage.EventType, d lineage.DatasetFact) lineage.Event {
		return lineage.Event{
			Time: lineagetest.Epoch(), Run: &lineage.RunFact{ID: id, Type: typ}, Job: &lineage.JobFact{Ref: lineage.JobRef{Namespace: "etl", Name: "j"}},
			Inputs: []lineage.DatasetFact{{Ref: other}}, Outputs: []lineage.DatasetFact{d}, Raw: []byte(secret),
		}
	}
	renamed := lineage.DatasetFact{Ref: other, Lifecycle: lineage.Lifecycle{Change: lineage.Renamed, From: hidden}}
	for _, x := range []lineage.Event{run("begun", lineage.Start, lineage.DatasetFact{Ref: hidden}), run("failed", lineage.Fail, renamed), run("done", lineage.Complete, renamed)} {
		if _, err := e.Ingest(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Erase(t.Context(), hidden.Node(), "a request"); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for r, err := range store.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if head, body := r.Event.Canonical(); strings.Contains(string(head)+string(body)+string(r.Event.Raw), secret) {
			t.Errorf("record %s has it: %+v", r.ID, r.Event)
		}
	}
	_, data, err := store.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := data.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) {
		t.Error("the checkpoint has it")
	}
}
