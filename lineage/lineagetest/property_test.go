package lineagetest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
)

// A clock that a test moves.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

// afterwards is when all of a history has happened.
func afterwards() time.Time { return lineagetest.Epoch().Add(time.Hour) }

// config is that of all engines and models of a history.
func config(seed uint64, c *clock) lineage.Config {
	cfg := lineage.Config{
		Now: c.read, CloseAfter: []int{0, 1, 2, 3, -1}[seed%5], AssertFailed: seed%7 == 0, Poll: -1, CheckpointEvery: []int{-1, 3, 10}[seed/3%3],
	}
	if seed%4 == 3 {
		cfg.IdentityKey = "lower case"
		cfg.Identity = func(d lineage.DatasetRef) lineage.DatasetRef {
			return lineage.DatasetRef{Namespace: d.Namespace, Name: strings.ToLower(d.Name)}
		}
	}
	return cfg
}

// ingest hands batches to engines on one store, which come and go between batches as often
// as crash says, and returns the last.
func ingest(t *testing.T, store lineage.Store, cfg lineage.Config, c *clock, batches [][]lineage.Event, crash func(last lineage.Event) bool) *lineage.Engine {
	t.Helper()
	engine := open(t, store, cfg)
	for _, batch := range batches {
		c.now = c.now.Add(time.Second)
		for {
			report, err := engine.Ingest(t.Context(), batch...)
			for _, r := range report.Results {
				if r.Outcome == lineage.Rejected {
					t.Fatalf("refused: %v", r.Err)
				}
			}
			if err == nil {
				break
			}
			if !errors.Is(err, lineagetest.ErrInjected) {
				t.Fatal(err)
			}
		}
		if crash(batch[len(batch)-1]) {
			shut(t, engine)
			engine = open(t, store, cfg)
		}
	}
	return engine
}

// open opens an engine, repeatedly if it must.
func open(t *testing.T, store lineage.Store, cfg lineage.Config) *lineage.Engine {
	t.Helper()
	for {
		engine, err := lineage.New(t.Context(), store, cfg)
		if err == nil {
			return engine
		}
		if !errors.Is(err, lineagetest.ErrInjected) {
			t.Fatal(err)
		}
	}
}

func shut(t *testing.T, engine *lineage.Engine) {
	t.Helper()
	if err := engine.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, engine *lineage.Engine, at lineage.At) *lineage.View {
	t.Helper()
	v, err := engine.View(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// moments are instants and windows to ask for: all of time, now, and some within a history
// as known at some time of its recording.
func moments(r *rand.Rand, learnt time.Duration) []lineage.At {
	list := []lineage.At{{Until: afterwards()}, {}, {Time: afterwards()}}
	for range 3 {
		at := lineage.At{Time: lineagetest.Epoch().Add(time.Duration(r.IntN(13*60)) * time.Second).Truncate(time.Minute)}
		if r.IntN(2) == 0 {
			at.Time = at.Time.Add(time.Duration(r.IntN(3)) * time.Microsecond)
		}
		if r.IntN(3) == 0 {
			at.Until = at.Time.Add(time.Duration(1+r.IntN(5)) * time.Minute)
		}
		if r.IntN(2) == 0 {
			at.Known = afterwards().Add(time.Duration(r.Int64N(int64(learnt) + 1)))
		}
		list = append(list, at)
	}
	return list
}

// compare hands events to engines in several orders, and says where two of them, or one
// and the model, differ.
func compare(t *testing.T, seed uint64, events []lineage.Event, orders int) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 33))
	first := ""
	for order := range orders {
		c := &clock{afterwards()}
		cfg := config(seed, c)
		store := lineage.NewMemoryStore()
		batches := lineagetest.Shuffle(seed*31+uint64(order), events)
		engine := ingest(t, store, cfg, c, batches, func(last lineage.Event) bool { return lineage.EventID(last)[31]%4 == 0 })
		model := lineagetest.NewModel(cfg)
		if err := model.Read(store.Records(t.Context(), 0)); err != nil {
			t.Fatal(err)
		}
		for i, at := range moments(r, c.now.Sub(afterwards())) {
			got := lineagetest.Dump(view(t, engine, at))
			if want := lineagetest.Dump(model.View(at)); got != want {
				return fmt.Sprintf("%s (-model +engine):\n%s", describe(at), cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
			}
			if i == 0 && order > 0 && got != first {
				return fmt.Sprintf("order %d gives another state:\n%s", order, cmp.Diff(strings.Split(first, "\n"), strings.Split(got, "\n")))
			}
			if i == 0 {
				first = got
			}
		}
		if got, want := lineagetest.DumpRuns(engine.Runs(t.Context(), lineage.RunQuery{})), lineagetest.DumpRuns(model.Runs()); got != want {
			return fmt.Sprintf("runs (-model +engine):\n%s", cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")))
		}
		shut(t, engine)
	}
	return ""
}

// checkHistory compares, and reports the fewest events that differ still.
func checkHistory(t *testing.T, seed uint64, size, orders int) bool {
	t.Helper()
	events := lineagetest.NewHistory(seed, size)
	if compare(t, seed, events, orders) == "" {
		return true
	}
	events = shrink(events, func(fewer []lineage.Event) bool { return compare(t, seed, fewer, orders) != "" })
	var list strings.Builder
	for _, e := range events {
		id := lineage.EventID(e)
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%x %s\n", id[:2], text)
	}
	t.Errorf("seed %d: CloseAfter %d:\n%s%s", seed, config(seed, nil).CloseAfter, list.String(), compare(t, seed, events, orders))
	return false
}

func describe(at lineage.At) string {
	return fmt.Sprintf("at %v until %v known %v", at.Time, at.Until, at.Known)
}

// Any permutation, repetition and batching of a set of events, with crashes and replays
// between, gives the same state, and it is the model's: at all times, at any instant and
// window, and as known at any time.
//
// Invariant: lineage 1.
// Invariant: lineage 2.
// Invariant: lineage 3.
// Invariant: lineage 4.
func TestEveryOrderOfEventsGivesTheStateOfTheModel(t *testing.T) {
	t.Parallel()
	const blocks = 4
	for block := range uint64(blocks) {
		t.Run(fmt.Sprint(block), func(t *testing.T) {
			t.Parallel()
			for seed := firstSeed(t) + block; seed < firstSeed(t)+histories(t); seed += blocks {
				if !checkHistory(t, seed, []int{3, 6, 18}[seed%3], 2) {
					return
				}
			}
		})
	}
}

// histories is how many a test looks at: another number by TENON_LINEAGE_HISTORIES.
func histories(t *testing.T) uint64 {
	t.Helper()
	if testing.Short() {
		return number(t, "TENON_LINEAGE_HISTORIES", 300)
	}
	return number(t, "TENON_LINEAGE_HISTORIES", gateHistories)
}

// firstSeed is that of the first history: another by TENON_LINEAGE_SEED.
func firstSeed(t *testing.T) uint64 {
	t.Helper()
	return number(t, "TENON_LINEAGE_SEED", 0)
}

// number is a variable of the environment.
func number(t *testing.T, name string, byDefault uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
