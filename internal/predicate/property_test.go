package predicate_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/predicate"
	"pgregory.net/rapid"
)

// compiled draws conditions and compiles them with one schema, after some that
// name so many values that those of the large domain lie on both sides of the
// 64th symbol.
func compiled(tb testing.TB, t *rapid.T, d domain, count, depth int) ([]predicate.Node, []*predicate.Program, *predicate.Schema) {
	tb.Helper()
	s := newSchema(tb, predicate.Limits{})
	for i := range 60 {
		compile(tb, s, fmt.Sprintf(`{"all":[{"field":"wide","op":"any","value":["w%d"]},{"field":"region","op":"=","value":"r%d"}]}`, i, i))
	}
	nodes, programs := make([]predicate.Node, count), make([]*predicate.Program, count)
	for i := range nodes {
		nodes[i] = d.node(t, depth)
		var err error
		if programs[i], err = s.Compile(nodes[i]); err != nil {
			t.Fatalf("compile %s: %v", nodes[i].AppendJSON(nil), err)
		}
	}
	s.Seal()
	return nodes, programs, s
}

func TestEvalEqualsNaiveReading(t *testing.T) {
	d := largeDomain()
	rapid.Check(t, func(rt *rapid.T) {
		nodes, programs, s := compiled(t, rt, d, 5, 5)
		v := s.NewValues()
		for range 20 {
			q := d.query(rt)
			fill(v, s, q)
			for i, p := range programs {
				if got, want := p.Eval(v), oracle(nodes[i], q); got != want {
					rt.Fatalf("%s\nof %+v: got %v, want %v", nodes[i].AppendJSON(nil), q, got, want)
				}
			}
		}
	})
}

func TestWhyNamesFirstDecidingLeaf(t *testing.T) {
	d := largeDomain()
	rapid.Check(t, func(rt *rapid.T) {
		nodes, programs, s := compiled(t, rt, d, 5, 5)
		v := s.NewValues()
		for range 10 {
			q := d.query(rt)
			fill(v, s, q)
			for i, p := range programs {
				checkReason(rt, nodes[i], q, p.Why(v))
			}
		}
	})
}

func checkReason(t *rapid.T, n predicate.Node, q *query, r predicate.Reason) {
	want := oracle(n, q)
	if want == predicate.True {
		if diff := cmp.Diff(predicate.Reason{}, r); diff != "" {
			t.Fatalf("a reason for a true condition (-want +got):\n%s", diff)
		}
		return
	}
	path, not := blame(n, want, q, "")
	named, err := at(n, r.Path)
	if err != nil || r.Path != path || r.Not != not || r.Verdict != want {
		t.Fatalf("%s\nof %+v: got %+v (%v), want %s, not %v, %v", n.AppendJSON(nil), q, r, err, path, not, want)
	}
	if named.Leaf != nil {
		if diff := cmp.Diff(*named.Leaf, r.Leaf); diff != "" {
			t.Fatalf("another leaf than the one at %s (-want +got):\n%s", path, diff)
		}
	}
	made := oracle(named, q)
	if r.Not {
		made = predicate.True - made
	}
	if made == predicate.True {
		t.Fatalf("%s\nof %+v: %s is no obstacle", n.AppendJSON(nil), q, path)
	}
}

// blame is the rule read aloud: the first part that has the verdict of the whole.
func blame(n predicate.Node, want predicate.Verdict, q *query, path string) (string, bool) {
	under := func(step string) string {
		if path == "" {
			return step
		}
		return path + "." + step
	}
	key, parts := "all", n.All
	if n.Any != nil {
		key, parts = "any", n.Any
	}
	if n.Not != nil {
		leaf, not := blame(*n.Not, predicate.True-want, q, under("not"))
		return leaf, !not
	}
	for i, part := range parts {
		if oracle(part, q) == want {
			return blame(part, want, q, under(fmt.Sprintf("%s[%d]", key, i)))
		}
	}
	return path, false
}

func TestLeavesIsSpecificity(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		nodes, programs, _ := compiled(t, rt, largeDomain(), 3, 5)
		for i, p := range programs {
			if got, want := p.Leaves(), specificity(nodes[i]); got != want {
				rt.Fatalf("%s: got %d, want %d", nodes[i].AppendJSON(nil), got, want)
			}
		}
	})
}

func specificity(n predicate.Node) int {
	var of []int
	for _, part := range slices.Concat(n.All, n.Any) {
		of = append(of, specificity(part))
	}
	switch {
	case n.All != nil:
		sum := 0
		for _, k := range of {
			sum += k
		}
		return sum
	case n.Any != nil:
		return slices.Min(of)
	default:
		return 1
	}
}

func TestRequiredKeysAreNecessary(t *testing.T) {
	d := smallDomain()
	every := slices.Collect(d.every)
	rapid.Check(t, func(rt *rapid.T) {
		nodes, programs, _ := compiled(t, rt, d, 3, 4)
		for i, p := range programs {
			for _, key := range p.Required() {
				for _, q := range every {
					text, ok := q.Texts[key.Field]
					met := ok && text == key.Value || slices.Contains(q.Sets[key.Field], key.Value)
					if !met && oracle(nodes[i], q) == predicate.True {
						rt.Fatalf("%s is true without %s = %q for %+v", nodes[i].AppendJSON(nil), key.Field, key.Value, q)
					}
				}
			}
		}
	})
}

func TestAnalysisIsSound(t *testing.T) {
	d := smallDomain()
	every := slices.Collect(d.every)
	proven := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		nodes, programs, _ := compiled(t, rt, d, 4, 3)
		// counterexample is a query for which a and b have these truths.
		counterexample := func(a, b int, forA, forB bool) bool {
			return slices.ContainsFunc(every, func(q *query) bool {
				return (oracle(nodes[a], q) == yes) == forA && (oracle(nodes[b], q) == yes) == forB
			})
		}
		check := func(what string, says bool, a, b int, forA, forB bool) {
			if !says {
				return
			}
			proven[what]++
			if counterexample(a, b, forA, forB) {
				rt.Fatalf("%s, %s: not %s", nodes[a].AppendJSON(nil), nodes[b].AppendJSON(nil), what)
			}
		}
		for a, p := range programs {
			check("unsatisfiable", predicate.Unsatisfiable(p), a, a, true, true)
			for b, q := range programs[:a] {
				check("disjoint", predicate.Disjoint(p, q), a, b, true, true)
				check("implied", predicate.Implies(p, q), a, b, true, false)
				check("implied", predicate.Implies(q, p), b, a, true, false)
			}
		}
	})
	for _, what := range []string{"unsatisfiable", "disjoint", "implied"} {
		if proven[what] == 0 {
			t.Errorf("nothing was %s: the property is vacuous", what)
		}
	}
}

// Soundness alone would be met by never proving anything: of conjunctions over
// one text and one set, with two values each, no contradiction is missed.
func TestAnalysisFindsSimpleContradictions(t *testing.T) {
	d := smallDomain()
	every := slices.Collect(d.every)
	rapid.Check(t, func(rt *rapid.T) {
		s := newSchema(t, predicate.Limits{})
		n := predicate.Node{All: make([]predicate.Node, rapid.IntRange(1, 5).Draw(rt, "leaves"))}
		for i := range n.All {
			n.All[i].Leaf = rapid.Custom(d.leaf).Filter(func(l *predicate.Leaf) bool {
				third := slices.ContainsFunc(l.Values, func(v predicate.Value) bool { return v.Text == "c" })
				return (l.Field == "region" || l.Field == "segments") && !third
			}).Draw(rt, "leaf")
		}
		p, err := s.Compile(n)
		if err != nil {
			rt.Fatal(err)
		}
		satisfied := slices.ContainsFunc(every, func(q *query) bool { return oracle(n, q) == predicate.True })
		if predicate.Unsatisfiable(p) == satisfied {
			rt.Fatalf("%s: satisfied %v, unsatisfiable %v", n.AppendJSON(nil), satisfied, !satisfied)
		}
	})
}

func TestCanonicalIsEqualForShuffledConditions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := largeDomain()
		s := newSchema(t, predicate.Limits{})
		n := d.node(rt, 5)
		shuffled := shuffle(rt, n)
		p, err := s.Compile(n)
		if err != nil {
			rt.Fatal(err)
		}
		q, err := s.Compile(shuffled)
		if err != nil {
			rt.Fatal(err)
		}
		if p.Canonical() != q.Canonical() {
			rt.Fatalf("%s\n%s\n%s\n%s", n.AppendJSON(nil), shuffled.AppendJSON(nil), p.Canonical(), q.Canonical())
		}
	})
}

// shuffle changes all that Canonical is said to ignore.
func shuffle(t *rapid.T, n predicate.Node) predicate.Node {
	if n.Leaf != nil {
		l := *n.Leaf
		if len(l.Values) > 1 && l.Op != predicate.Between {
			l.Values = rapid.Permutation(append(slices.Clone(l.Values), l.Values[0])).Draw(t, "values")
		}
		return predicate.Node{Leaf: &l}
	}
	if n.Not != nil {
		part := shuffle(t, *n.Not)
		return predicate.Node{Not: &part}
	}
	parts := func(of []predicate.Node, nest func([]predicate.Node) predicate.Node) []predicate.Node {
		if of == nil {
			return nil
		}
		var parts []predicate.Node
		for _, part := range of {
			parts = append(parts, shuffle(t, part))
		}
		parts = rapid.Permutation(append(parts, parts[0])).Draw(t, "parts")
		cut := rapid.IntRange(0, len(parts)-1).Draw(t, "cut")
		return append(slices.Clone(parts[:cut]), nest(parts[cut:]))
	}
	return predicate.Node{
		All:    parts(n.All, func(of []predicate.Node) predicate.Node { return predicate.Node{All: of} }),
		Any:    parts(n.Any, func(of []predicate.Node) predicate.Node { return predicate.Node{Any: of} }),
		Extern: n.Extern,
	}
}

func TestCanonicalIsDifferentForDifferentConditions(t *testing.T) {
	d := smallDomain()
	every := slices.Collect(d.every)
	rapid.Check(t, func(rt *rapid.T) {
		nodes, programs, _ := compiled(t, rt, d, 8, 2)
		for i, p := range programs {
			for j, q := range programs[:i] {
				if p.Canonical() != q.Canonical() {
					continue
				}
				for _, v := range every {
					if oracle(nodes[i], v) != oracle(nodes[j], v) {
						rt.Fatalf("%s and %s are both %q", nodes[i].AppendJSON(nil), nodes[j].AppendJSON(nil), p.Canonical())
					}
				}
			}
		}
	})
}

func TestJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := largeDomain().node(rt, 5)
		text := n.AppendJSON(nil)
		back, err := predicate.Parse(text, "toy")
		if err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(n, back); diff != "" {
			rt.Fatalf("%s (-want +got):\n%s", text, diff)
		}
		s := newSchema(t, predicate.Limits{})
		canonical := s.AppendJSON(nil, n)
		if back, err = predicate.Parse(canonical, "toy"); err != nil {
			rt.Fatalf("%s: %v", canonical, err)
		}
		if again := s.AppendJSON(nil, back); string(again) != string(canonical) {
			rt.Fatalf("canonical form is not stable: %s, then %s", canonical, again)
		}
	})
}
