package promotions_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/promotions"
)

// The diagram in the package's documentation is what a ledger does: every event is tried
// in every state.
func TestTheDiagramShowsWhatALedgerDoes(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "//\tstateDiagram-v2\n")
	if !ok {
		t.Fatal("doc.go has no diagram")
	}
	var drawn []string
	for line := range strings.Lines(rest) {
		edge, ok := strings.CutPrefix(line, "//\t    ")
		if !ok {
			break
		}
		drawn = append(drawn, strings.TrimSpace(edge))
	}
	found := transitions(t)
	slices.Sort(drawn)
	slices.Sort(found)
	if !slices.Equal(drawn, found) {
		t.Errorf("doc.go draws\n%s\na ledger does\n%s", strings.Join(drawn, "\n"), strings.Join(found, "\n"))
	}
}

// transitions are the changes of state, of any event after any way to a state.
func transitions(t *testing.T) []string {
	t.Helper()
	ways := map[string]string{"[*]": "", "RESERVED": "redeem", "COMMITTED": "redeem commit", "RELEASED": "redeem release", "EXPIRED": "redeem sweep", "REVERSED": "redeem commit reverse"}
	var edges []string
	for from, way := range ways {
		for _, event := range []string{"redeem", "commit", "release", "sweep", "reverse"} {
			if to := stateAfter(t, way, event); to != from {
				edges = append(edges, fmt.Sprintf("%s --> %s: %s", from, to, event))
			}
		}
	}
	return edges
}

// stateAfter is the state of an entry after a way and an event, which may be refused.
func stateAfter(t *testing.T, way, event string) string {
	t.Helper()
	set, err := promotions.Parse(strings.NewReader(`{"promotions": [{"id": "p", "currency": "EUR", "limits": {"budget": "100"}, "effect": {"kind": "amount", "value": "5"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	cart, err := promotions.ParseCart(strings.NewReader(`{"currency": "EUR", "lines": [{"id": "a", "price": "9.00"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ledger, err := promotions.New(promotions.NewMemoryStore(), promotions.Config{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	const key = "order"
	for _, step := range append(strings.Fields(way), event) {
		var err error
		switch step {
		case "redeem":
			_, err = ledger.Redeem(t.Context(), key, s, cart, promotions.Options{})
		case "commit":
			_, err = ledger.Commit(t.Context(), key)
		case "release":
			_, err = ledger.Release(t.Context(), key)
		case "reverse":
			_, err = ledger.Reverse(t.Context(), key, promotions.Reversal{Key: "r"})
		case "sweep":
			now = now.Add(time.Hour)
			_, err = ledger.Sweep(t.Context(), 10)
		}
		if err != nil && !errors.Is(err, promotions.ErrState) && !errors.Is(err, promotions.ErrNotFound) && !errors.Is(err, promotions.ErrConflict) {
			t.Fatalf("%s after %q: %v", step, way, err)
		}
	}
	receipt, err := ledger.Get(t.Context(), key)
	if errors.Is(err, promotions.ErrNotFound) {
		return "[*]"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(receipt.State)
}
