package lineagetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
)

// In a test of the store's own:
//
//	func TestStore(t *testing.T) {
//		lineagetest.TestStore(t, func(t *testing.T) lineage.Store { return newStore(t) })
//	}
//
// What a test does with TestStore, a program can do with CheckStore.
func ExampleTestStore() {
	err := lineagetest.CheckStore(context.Background(), func() (lineage.Store, error) {
		return lineage.NewMemoryStore(), nil
	})
	fmt.Println("violations:", err)
	// Output: violations: <nil>
}

// An answer is lost: the store has the records, and reports an error nevertheless. The
// caller repeats the call.
func ExampleFaultyStore() {
	ctx := context.Background()
	store := lineagetest.NewFaultyStore(lineage.NewMemoryStore())
	engine, err := lineage.New(ctx, store, lineage.Config{Poll: -1})
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := engine.Close(ctx); err != nil {
			log.Print(err)
		}
	}()
	event := lineage.Event{
		Time: time.Now(), Job: &lineage.JobFact{Ref: lineage.JobRef{Namespace: "etl", Name: "load"}},
		Outputs: []lineage.DatasetFact{{Ref: lineage.DatasetRef{Namespace: "db", Name: "orders"}}},
	}
	store.Inject(lineagetest.After)
	_, err = engine.Ingest(ctx, event)
	fmt.Println("injected:", errors.Is(err, lineagetest.ErrInjected))
	report, err := engine.Ingest(ctx, event)
	fmt.Println("repeated:", report.Results[0].Outcome, err)
	// Output:
	// injected: true
	// repeated: duplicate <nil>
}

// Two engines that got the same events in different orders are in the same state.
func ExampleDump() {
	ctx := context.Background()
	far := lineagetest.Epoch().AddDate(1, 0, 0)
	dump := func(batches [][]lineage.Event) string {
		engine, err := lineage.New(ctx, lineage.NewMemoryStore(), lineage.Config{Poll: -1, Now: func() time.Time { return far }})
		if err != nil {
			log.Fatal(err)
		}
		for _, batch := range batches {
			if _, err := engine.Ingest(ctx, batch...); err != nil {
				log.Fatal(err)
			}
		}
		view, err := engine.View(ctx, lineage.At{Until: far})
		if err != nil {
			log.Fatal(err)
		}
		if err := engine.Close(ctx); err != nil {
			log.Fatal(err)
		}
		return lineagetest.Dump(view)
	}
	events := lineagetest.NewHistory(1, 50)
	fmt.Println(dump(lineagetest.Shuffle(1, events)) == dump(lineagetest.Shuffle(2, events)))
	// Output: true
}

// An engine's answers are those of the model, for any history in any order.
func ExampleModel() {
	ctx := context.Background()
	cfg := lineage.Config{Now: func() time.Time { return lineagetest.Epoch().Add(time.Hour) }}
	store := lineage.NewMemoryStore()
	engine, err := lineage.New(ctx, store, cfg)
	if err != nil {
		log.Fatal(err)
	}
	for _, batch := range lineagetest.Shuffle(7, lineagetest.NewHistory(1, 20)) {
		if _, err := engine.Ingest(ctx, batch...); err != nil {
			log.Fatal(err)
		}
	}
	model := lineagetest.NewModel(cfg)
	if err := model.Read(store.Records(ctx, 0)); err != nil {
		log.Fatal(err)
	}
	at := lineage.At{Time: lineagetest.Epoch().Add(6 * time.Minute)}
	view, err := engine.View(ctx, at)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(lineagetest.Dump(view) == lineagetest.Dump(model.View(at)))
	if err := engine.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// true
}
