package breaker_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/resilience/breaker"
)

// stateOf finds a state by the name that it has in cases and diagrams.
func stateOf(t *testing.T, name string) breaker.State {
	t.Helper()
	for s := breaker.Closed; s <= breaker.MetricsOnly; s++ {
		if strings.ReplaceAll(name, "_", "-") == s.String() {
			return s
		}
	}
	t.Fatalf("no state is called %q", name)
	return 0
}

// TestCases runs the third-party cases of commands; the other files of the folder are run elsewhere.
func TestCases(t *testing.T) {
	ours := func(name string) bool { return name == "breaker_transitions.json" }
	casetest.RunIf(t, "resilience", ours, func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var in struct {
			From, To string
			Legal    bool
		}
		c.Decode(t, &in)
		bubble(t, breaker.Config{}, func(b box) {
			from, to := stateOf(t, in.From), stateOf(t, in.To)
			if from != breaker.Closed {
				b.enter(from)
			}
			want := from
			err := b.Command(to)
			if in.Legal {
				want = to
			}
			if (err == nil) != in.Legal || err != nil && !errors.Is(err, breaker.ErrTransition) {
				t.Errorf("Command: %v", err)
			}
			b.in(want)
		})
		return true
	})
}
