package breaker

import (
	"fmt"
	"strings"
)

// move is a change of state that a breaker makes by itself.
type move struct {
	from, to State
	when     string
}

// moves returns every one of them.
func moves() []move {
	return []move{
		{Closed, Open, "FailureRatio or SlowRatio of MinCalls, or ConsecutiveFailures"},
		{Open, HalfOpen, "OpenFor is over"},
		{HalfOpen, Closed, "Probes succeeded"},
		{HalfOpen, Open, "a probe failed or was slow, or ProbeMaxWait is over"},
	}
}

// Diagram draws the states as a Mermaid state diagram: an arrow for each move that a breaker makes by itself, and beside each state what it
// does and which states may be commanded from there.
func Diagram() string {
	does := map[State]string{
		Closed:      "all calls pass and count",
		Open:        "refuses",
		HalfOpen:    "Probes calls pass",
		ForcedOpen:  "refuses",
		Disabled:    "all calls pass, none count",
		MetricsOnly: "all calls pass and count",
	}
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	for s := Closed; s <= MetricsOnly; s++ {
		fmt.Fprintf(&b, "    state \"%v\" as %s\n", s, id(s))
	}
	fmt.Fprintf(&b, "    [*] --> %s\n", id(Closed))
	for _, m := range moves() {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", id(m.from), id(m.to), m.when)
	}
	for from := Closed; from <= MetricsOnly; from++ {
		fmt.Fprintf(&b, "    note right of %s\n        %s\n        commands:", id(from), does[from])
		for to := Closed; to <= MetricsOnly; to++ {
			if commandable(from, to) {
				fmt.Fprintf(&b, " %v", to)
			}
		}
		b.WriteString("\n    end note\n")
	}
	return b.String()
}

// id is the name of a state as Mermaid takes it.
func id(s State) string { return strings.ReplaceAll(s.String(), "-", "_") }
