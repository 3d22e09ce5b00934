package lineagetest_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/lineagetest"
)

// never is no crash.
func never(lineage.Event) bool { return false }

// everything is a window of all times.
func everything() lineage.At { return lineage.At{Until: afterwards()} }

// Whichever of the first six calls fail before or after they take effect, the caller that
// repeats what failed has the state of one who met no failure.
func TestNoPatternOfFailingCallsChangesTheState(t *testing.T) {
	t.Parallel()
	const seed = 6 // CloseAfter 1, a checkpoint after every 10 records
	events := lineagetest.NewHistory(seed, 24)
	batches := lineagetest.Shuffle(seed, events)
	want := ""
	patterns := 729
	if testing.Short() {
		patterns = 81
	}
	for n := range patterns {
		c := &clock{afterwards()}
		cfg := config(seed, c)
		cfg.CheckpointEvery = 5
		var pattern []lineagetest.Fault
		for rest := n; len(pattern) < 6; rest /= 3 {
			pattern = append(pattern, lineagetest.Fault(rest%3))
		}
		store := lineagetest.NewFaultyStore(lineage.NewMemoryStore())
		engine := open(t, store, cfg)
		shut(t, engine)
		store.Inject(pattern...)
		engine = ingest(t, store, cfg, c, batches, func(lineage.Event) bool { return n%2 == 0 })
		got := lineagetest.Dump(view(t, engine, everything()))
		shut(t, engine)
		store.Inject()
		engine = open(t, store, cfg)
		again := lineagetest.Dump(view(t, engine, everything()))
		shut(t, engine)
		if n == 0 {
			want = got
		}
		if got != want || again != want {
			t.Fatalf("pattern %v (-want +got):\n%s\nand after it is opened again:\n%s", pattern, lines(want, got), lines(want, again))
		}
	}
}

// Where the checkpoint is torn the log is replayed, and nobody sees a difference.
func TestATornCheckpointIsNotBelieved(t *testing.T) {
	t.Parallel()
	const seed = 3 // a checkpoint after every 3 records
	c := &clock{afterwards()}
	cfg := config(seed, c)
	store := lineagetest.NewFaultyStore(lineage.NewMemoryStore())
	engine := ingest(t, store, cfg, c, lineagetest.Shuffle(seed, lineagetest.NewHistory(seed, 24)), never)
	want := lineagetest.Dump(view(t, engine, everything()))
	awaitCheckpoint(t, store)
	shut(t, engine)
	if err := store.TearCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine = open(t, store, cfg)
	defer shut(t, engine)
	if got := lineagetest.Dump(view(t, engine, everything())); got != want {
		t.Errorf("-before +after:\n%s", lines(want, got))
	}
	if got := engine.Status().Ignored; got != 1 {
		t.Errorf("%d checkpoints were ignored, want 1", got)
	}
}

// awaitCheckpoint waits until one is saved, which an engine does in the background.
func awaitCheckpoint(t *testing.T, store lineage.Store) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		_, data, err := store.Checkpoint(t.Context())
		if err == nil {
			err = data.Close()
		}
		if err == nil {
			return
		}
		if !errors.Is(err, lineage.ErrNotFound) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func lines(want, got string) string {
	return cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n"))
}

// An erased node is in no answer, whenever it is erased and whatever comes later of what
// happened before.
func TestAnErasedNodeIsGoneWhateverCameFirst(t *testing.T) {
	t.Parallel()
	for seed := range histories(t) / 20 {
		events := lineagetest.NewHistory(seed, 12)
		ids := mentioned(events)
		if config(seed, nil).Identity != nil { // It is the normalised name that is erased.
			continue
		}
		r := rand.New(rand.NewPCG(seed, 34))
		id := ids[r.IntN(len(ids))]
		first, ok := erased(t, seed, lineagetest.Shuffle(seed*2, events), id, r)
		if !ok {
			continue
		}
		second, ok := erased(t, seed, lineagetest.Shuffle(seed*2+1, events), id, r)
		if ok && first != second {
			t.Fatalf("seed %d: without %s (-first order +second):\n%s", seed, id, lines(first, second))
		}
	}
}

// mentioned returns the nodes that events name, as they name them.
func mentioned(events []lineage.Event) []lineage.NodeID {
	seen := map[lineage.NodeID]bool{}
	for _, e := range events {
		if e.Job != nil {
			seen[e.Job.Ref.Node()] = true
		}
		for _, d := range slices.Concat(e.Inputs, e.Outputs) {
			seen[d.Ref.Node()] = true
			for _, x := range d.Edges {
				seen[x.From], seen[x.To] = true, true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(seen), lineage.NodeID.Compare)
}

// erased erases a node between two batches, or after the last, and returns the end state;
// false where the engine says that nothing is known of the node.
func erased(t *testing.T, seed uint64, batches [][]lineage.Event, id lineage.NodeID, r *rand.Rand) (string, bool) {
	t.Helper()
	c := &clock{afterwards()}
	cfg := config(seed, c)
	store := lineage.NewMemoryStore()
	engine := open(t, store, cfg)
	defer func() { shut(t, engine) }()
	cut, done := r.IntN(len(batches)+1), false
	for i, batch := range append(batches, nil) {
		c.now = c.now.Add(time.Second)
		if i >= cut && !done {
			done = erase(t, engine, id)
		}
		if done && r.IntN(2) == 0 {
			shut(t, engine)
			engine = open(t, store, cfg)
		}
		if _, err := engine.Ingest(t.Context(), batch...); err != nil { // Some may be refused: nothing is left of them.
			t.Fatal(err)
		}
	}
	if !done {
		return "", false
	}
	got := lineagetest.Dump(view(t, engine, everything()))
	model := lineagetest.NewModel(cfg)
	if err := model.Read(store.Records(t.Context(), 0)); err != nil {
		t.Fatal(err)
	}
	if want := lineagetest.Dump(model.View(everything())); got != want {
		t.Fatalf("seed %d: without %s (-model +engine):\n%s", seed, id, lines(want, got))
	}
	if namedAnew(batches) {
		return got, true
	}
	for n := range view(t, engine, everything()).Nodes() {
		if n.ID == id || n.ID.Dataset().Node() == id {
			t.Fatalf("seed %d: %s is there although %s was erased", seed, n.ID, id)
		}
	}
	return got, true
}

func erase(t *testing.T, engine *lineage.Engine, id lineage.NodeID) bool {
	t.Helper()
	err := engine.Erase(t.Context(), id, "a request")
	if err != nil && !errors.Is(err, lineage.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// namedAnew reports whether a dataset has more than one name: what was said of it under
// another one stays, and may be shown under the erased one.
func namedAnew(batches [][]lineage.Event) bool {
	for _, e := range slices.Concat(batches...) {
		for _, d := range slices.Concat(e.Inputs, e.Outputs) {
			if d.Lifecycle.Change == lineage.Renamed || len(d.Aliases) > 0 {
				return true
			}
		}
	}
	return false
}

// What is pruned changes no answer about the time that is kept.
//
// Invariant: lineage 8.
func TestPruningChangesNoAnswerWithinTheHorizon(t *testing.T) {
	t.Parallel()
	pruned := 0
	for seed := range histories(t) / 20 {
		c := &clock{afterwards()}
		cfg := config(seed, c)
		store := lineage.NewMemoryStore()
		events := lineagetest.NewHistory(seed, 25)
		shut(t, ingest(t, store, cfg, c, lineagetest.Shuffle(seed, events), never))
		horizon := lineagetest.Epoch().Add(7 * time.Minute)
		c.now = lineagetest.Epoch().Add(20 * time.Minute)
		cfg.Retention = lineage.Retention{Runs: c.now.Sub(horizon), Raw: time.Minute, KeepPerJob: 1}
		engine := open(t, store, cfg)
		before := answers(t, engine, horizon)
		records := engine.Status().Records
		if err := engine.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		after := answers(t, engine, horizon)
		shut(t, engine)
		engine = open(t, store, cfg)
		reopened := answers(t, engine, horizon)
		shut(t, engine)
		cfg.IdentityKey += ", again" // No checkpoint is of this key: what is left is replayed.
		engine = open(t, store, cfg)
		replayed := answers(t, engine, horizon)
		shut(t, engine)
		for what, got := range map[string]string{"pruning": after, "reopening": reopened, "replay": replayed} {
			if got != before {
				t.Fatalf("seed %d: after %s (-before +after):\n%s", seed, what, lines(before, got))
			}
		}
		left := int64(0)
		for _, err := range store.Records(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			left++
		}
		pruned += int(records - left)
	}
	t.Logf("%d records were pruned", pruned)
	if pruned == 0 {
		t.Error("nothing was pruned")
	}
}

// answers are what is asked of the time since an instant.
func answers(t *testing.T, engine *lineage.Engine, since time.Time) string {
	t.Helper()
	var b strings.Builder
	for _, at := range []lineage.At{{}, {Time: since}, {Time: since.Add(90 * time.Second)}, {Time: since, Until: afterwards()}} {
		fmt.Fprintf(&b, "%s\n%s", describe(at), lineagetest.Dump(view(t, engine, at)))
	}
	return b.String()
}
