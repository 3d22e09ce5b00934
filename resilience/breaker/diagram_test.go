package breaker_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/breaker"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestDiagram(t *testing.T) { golden(t, "diagram.mmd", breaker.Diagram()) }

// drawn reads what a diagram says: its arrows, and the commands that it lists beside each state.
func drawn(t *testing.T, diagram string) (arrows map[string]bool, commands map[breaker.State]string) {
	t.Helper()
	arrows, commands = map[string]bool{}, map[breaker.State]string{}
	var beside breaker.State
	for line := range strings.Lines(diagram) {
		switch words := strings.Fields(line); {
		case len(words) > 2 && words[1] == "-->" && words[0] != "[*]":
			arrows[fmt.Sprintf("%v to %v", stateOf(t, words[0]), stateOf(t, strings.TrimSuffix(words[2], ":")))] = true
		case len(words) == 4 && words[0] == "note":
			beside = stateOf(t, words[3])
		case len(words) > 0 && words[0] == "commands:":
			commands[beside] = strings.Join(words[1:], " ")
		}
	}
	return arrows, commands
}

// TestDiagramIsTrue does what the diagram says, and nothing else: each arrow, and each command that it lists.
func TestDiagramIsTrue(t *testing.T) {
	arrows, commands := drawn(t, breaker.Diagram())
	if diff := cmp.Diff(arrows, ownMoves(t)); diff != "" {
		t.Errorf("arrows (-drawn +happened):\n%s", diff)
	}
	for from := breaker.Closed; from <= breaker.MetricsOnly; from++ {
		var legal []string
		for to := breaker.Closed; to <= breaker.MetricsOnly; to++ {
			if commanded(t, breaker.Config{}, from).Command(to) == nil {
				legal = append(legal, to.String())
			}
		}
		if got := strings.Join(legal, " "); commands[from] != got {
			t.Errorf("%v: the diagram lists %q, the breaker takes %q", from, commands[from], got)
		}
	}
}

// ownMoves returns the changes that a breaker makes without commands, in all that may happen to it.
func ownMoves(t *testing.T) map[string]bool {
	t.Helper()
	happened := map[string]bool{}
	for state := breaker.Closed; state <= breaker.MetricsOnly; state++ {
		for _, calls := range []string{"", "S", "F", "X", "U"} {
			var reports journal
			bubble(t, breaker.Config{MinCalls: 1, OnChange: reports.add}, func(b box) {
				b.enter(state)
				commanded := len(reports.all())
				b.calls(calls)
				b.sleep(5 * time.Second)
				for _, move := range reports.moves()[commanded:] {
					happened[move] = true
				}
			})
		}
	}
	return happened
}
