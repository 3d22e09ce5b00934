package render

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/orders"
)

// A Machine is one of the two state machines.
type Machine uint8

// The machines.
const (
	Checkout Machine = iota // orders.Transitions
	Order                   // orders.OrderTransitions
)

// A Notation is a language for diagrams.
type Notation uint8

// The notations.
const (
	Mermaid Notation = iota // a stateDiagram-v2
	DOT                     // a digraph of Graphviz
)

// States writes a state machine, made from its transition table: one arrow for all that leads from one state to another, in
// the order in which the story goes. Where nothing leads away from a state, it is an end. A machine or notation that does
// not exist is an error before anything is written; errors of w are returned as they are.
func States(w io.Writer, m Machine, n Notation) error {
	var arrows []arrow
	switch m {
	case Checkout:
		arrows = arrowsOf(orders.Transitions(), func(t orders.Transition) arrow {
			return arrow{from: t.From.String(), to: t.To.String(), on: t.On.String(), begins: t.From == orders.StateNone}
		})
	case Order:
		arrows = arrowsOf(orders.OrderTransitions(), func(t orders.OrderTransition) arrow {
			return arrow{from: t.From.String(), to: t.To.String(), on: t.On.String(), begins: t.From == orders.OrderNone}
		})
	default:
		return fmt.Errorf("render: states: no machine %d", m)
	}
	out := bufio.NewWriter(w)
	switch n {
	case Mermaid:
		writeMermaid(out, arrows)
	case DOT:
		writeDOT(out, arrows)
	default:
		return fmt.Errorf("render: states: no notation %d", n)
	}
	return out.Flush()
}

// An arrow leads from one state to another.
type arrow struct {
	from, to, on string
	begins       bool // from nothing
}

// arrowsOf makes one arrow of all transitions between the same two states.
func arrowsOf[T any](table iter.Seq[T], one func(T) arrow) []arrow {
	var arrows []arrow
	for t := range table {
		next := one(t)
		same := func(a arrow) bool { return a.from == next.from && a.to == next.to }
		if i := slices.IndexFunc(arrows, same); i >= 0 {
			arrows[i].on += "; " + next.on
			continue
		}
		arrows = append(arrows, next)
	}
	return arrows
}

// ends returns the states that nothing leads away from, in the order in which they are reached.
func ends(arrows []arrow) []string {
	var states []string
	for _, a := range arrows {
		away := func(b arrow) bool { return b.from == a.to && b.to != a.to }
		if !slices.ContainsFunc(arrows, away) && !slices.Contains(states, a.to) {
			states = append(states, a.to)
		}
	}
	return states
}

// writeMermaid breaks the words of an arrow into lines: a semicolon would end a statement.
func writeMermaid(w *bufio.Writer, arrows []arrow) {
	_, _ = w.WriteString("stateDiagram-v2\n")
	for _, a := range arrows {
		if a.begins {
			a.from = "[*]"
		}
		_, _ = fmt.Fprintf(w, "    %s --> %s: %s\n", a.from, a.to, strings.ReplaceAll(a.on, "; ", "<br>"))
	}
	for _, state := range ends(arrows) {
		_, _ = fmt.Fprintf(w, "    %s --> [*]\n", state)
	}
}

func writeDOT(w *bufio.Writer, arrows []arrow) {
	_, _ = w.WriteString("digraph states {\n    node [shape=box style=rounded fontname=\"sans-serif\"]\n    edge [fontname=\"sans-serif\" fontsize=10]\n")
	for _, a := range arrows {
		if a.begins {
			_, _ = fmt.Fprintf(w, "    %s [shape=point]\n", a.from)
			break
		}
	}
	for _, state := range ends(arrows) {
		_, _ = fmt.Fprintf(w, "    %s [peripheries=2]\n", state)
	}
	for _, a := range arrows {
		_, _ = fmt.Fprintf(w, "    %s -> %s [label=\"%s\"]\n", a.from, a.to, strings.ReplaceAll(a.on, "; ", `\n`))
	}
	_, _ = w.WriteString("}\n")
}
