package csr_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/csr"
	"pgregory.net/rapid"
)

func TestRowsHoldCurrentEdgesFirstInOrderOfInput(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "nodes")
		node := rapid.Int32Range(0, int32(n-1)) //nolint:gosec // at most 6
		from := rapid.SliceOfN(node, 0, 20).Draw(t, "from")
		to := rapid.SliceOfN(node, len(from), len(from)).Draw(t, "to")
		current := rapid.SliceOfN(rapid.Bool(), len(from), len(from)).Draw(t, "current")
		g := csr.Build(n, from, to, func(e int) bool { return current[e] })
		if g.Nodes() != n {
			t.Fatalf("Nodes() = %d, want %d", g.Nodes(), n)
		}
		for i := range int32(n) { //nolint:gosec // at most 6
			if got, want := g.Edge[g.Off[i]:g.Now[i]], edgesOf(i, from, current, true); !slices.Equal(got, want) {
				t.Errorf("current edges of %d: %v, want %v", i, got, want)
			}
			if got, want := g.Edge[g.Now[i]:g.Off[i+1]], edgesOf(i, from, current, false); !slices.Equal(got, want) {
				t.Errorf("other edges of %d: %v, want %v", i, got, want)
			}
		}
		for p, e := range g.Edge {
			if g.To[p] != to[e] {
				t.Errorf("To[%d] = %d, want %d", p, g.To[p], to[e])
			}
		}
	})
}

// edgesOf returns the edges of a node that are current or are not, in order.
func edgesOf(node int32, from []int32, current []bool, want bool) []int32 {
	var out []int32
	for e, f := range from {
		if f == node && current[e] == want {
			out = append(out, int32(e))
		}
	}
	return out
}

func TestNoConditionMakesAllEdgesCurrent(t *testing.T) {
	t.Parallel()
	g := csr.Build(3, []int32{2, 0, 2}, []int32{1, 2, 0}, nil)
	want := csr.Graph{Off: []int32{0, 1, 1, 3}, Now: []int32{1, 1, 3}, To: []int32{2, 1, 0}, Edge: []int32{1, 0, 2}}
	if d := cmp.Diff(want, g); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestResetEmptiesMarksAndMakesRoom(t *testing.T) {
	t.Parallel()
	var m csr.Marks
	for round := range 600 {
		n := []int{2, 2, 5, 3}[round%4]
		m.Reset(n)
		for i := range int32(n) { //nolint:gosec // at most 5
			if m.Has(i) {
				t.Fatalf("after Reset(%d): Has(%d)", n, i)
			}
			if !m.Add(i) || m.Add(i) || !m.Has(i) {
				t.Fatalf("after Reset(%d): Add(%d) does not report what is new", n, i)
			}
		}
	}
}
