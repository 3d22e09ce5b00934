package search_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions/internal/consume"
	"github.com/tenon-go/tenon/promotions/internal/eval"
	"github.com/tenon-go/tenon/promotions/internal/search"
)

// A dealer draws carts with one optimal stage.
type dealer struct {
	*rand.Rand

	t       *testing.T
	carts   *predicate.Schema
	targets *predicate.Schema
}

func newDealer(t *testing.T, seed uint64) *dealer {
	t.Helper()
	d := &dealer{Rand: rand.New(rand.NewPCG(seed, 1)), t: t}
	var err error
	d.carts, err = predicate.NewSchema(eval.CartFields(), []predicate.Extern{
		eval.LinesExtern: {Key: "lines", Compile: func(json.RawMessage) (int, error) { return 0, nil }},
	}, predicate.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if d.targets, err = predicate.NewSchema(eval.TargetFields(), nil, predicate.Limits{}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *dealer) oneIn(n int) bool { return d.IntN(n) == 0 }

func (d *dealer) compile(schema *predicate.Schema, text string) *predicate.Program {
	d.t.Helper()
	node, err := predicate.Parse(json.RawMessage(text))
	if err != nil {
		d.t.Fatal(err)
	}
	p, err := schema.Compile(node)
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// set has n promotions, with everything that ties them together.
func (d *dealer) set(n int) *eval.Set {
	s := eval.Set{
		Stages: []eval.Stage{{Name: "s", Mode: eval.Optimal, Groups: map[string]int{"g": 2}}},
		Carts:  d.carts, Targets: d.targets,
		Policy: eval.Policy{
			Rounding:   money.Rounding{Mode: money.Mode(d.IntN(7))}, //nolint:gosec // below 7
			Allocation: money.Split(d.IntN(5)),                      //nolint:gosec // below 5
			RoundPrice: d.oneIn(4), Drop: d.oneIn(4), SkipOver: d.oneIn(4),
		},
		Campaigns: []eval.Campaign{{ID: "c", Currency: money.MustISO("EUR"), Budget: 1000}},
	}
	if d.oneIn(5) {
		s.Policy.Rounding.Increment = 5
	}
	if d.oneIn(5) {
		s.Stages[0].MaxPerLine = 2
	}
	if d.oneIn(6) {
		s.Stages[0].MaxPerOrder = 3
	}
	for i := range n {
		s.Promotions = append(s.Promotions, d.promotion(i))
	}
	d.carts.Seal()
	d.targets.Seal()
	return eval.New(s)
}

func (d *dealer) promotion(i int) eval.Promotion {
	p := eval.Promotion{
		ID: fmt.Sprintf("p%02d", i), Lines: true, Shipping: d.oneIn(8), Priority: d.IntN(3),
		Limits: eval.Limits{Campaign: d.IntN(8)/7 - 1}, Effect: d.effect(), Original: d.oneIn(4),
	}
	if _, plain := p.Effect.(*eval.Discount); !plain {
		p.Shipping, p.Original = false, false
	}
	if d.oneIn(3) {
		p.Stack.Group = []string{"f", "g"}[d.IntN(2)] // of f one may fire, of g two
	}
	if d.oneIn(5) {
		p.Stack.Excludes = []string{fmt.Sprintf("p%02d", d.IntN(6))}
	}
	if d.oneIn(6) {
		p.Stack.Class, p.Stack.Combines = "k", []string{"k", "l"}[d.IntN(2):]
	}
	if d.oneIn(6) {
		p.Stack.Tags, p.Stack.CombinesTags = []string{"t"}, []string{"t", "u"}[d.IntN(2):]
	}
	if d.oneIn(20) {
		p.Stack.Exclusive = eval.InStage
	}
	if d.oneIn(4) {
		p.Limits.Budget = 1000
	}
	if d.oneIn(3) {
		op := []string{">=", "<"}[d.IntN(2)]
		p.When = d.compile(d.carts, fmt.Sprintf(`{"field": "cart.subtotal_now", "op": %q, "value": "%d.00"}`, op, 5+d.IntN(60)))
	}
	if d.oneIn(2) {
		p.Where = d.compile(d.targets, fmt.Sprintf(`{"field": "line.product", "op": "in", "value": ["%c", "%c"]}`, 'A'+d.IntN(3), 'A'+d.IntN(3)))
	}
	return p
}

func (d *dealer) value() eval.Value {
	switch d.IntN(4) {
	case 0:
		return eval.Value{Kind: eval.AmountOff, Minor: d.Int64N(700)}
	case 1:
		return eval.Value{Kind: eval.NewPrice, Minor: d.Int64N(1500)}
	default:
		return eval.Value{Percent: decimal.NewFromInt(5 + d.Int64N(60))}
	}
}

func (d *dealer) effect() eval.Effect {
	switch d.IntN(14) {
	case 2:
		return &eval.Gift{Quantity: 1 + d.Int64N(2), ForEach: d.Int64N(3)}
	case 0:
		return &eval.BuyGet{Buy: eval.Need{Quantity: 1}, Get: eval.Need{Quantity: 1}, Value: d.value(), NotDearer: d.oneIn(3), Max: d.Int64N(3)}
	case 1:
		return &eval.Bundle{Parts: []eval.Need{{Quantity: 1 + d.Int64N(2)}}, Value: d.value(), Max: d.Int64N(3)}
	}
	e := &eval.Discount{Cap: eval.NoCap, Per: eval.Per(d.IntN(3)), Tiers: []eval.Tier{{Value: d.value()}}} //nolint:gosec // below 3
	if d.oneIn(4) {
		e.Cap = d.Int64N(800)
	}
	if e.Per == eval.PerUnit {
		switch d.IntN(4) {
		case 0:
			e.MaxUnits = 1 + d.Int64N(2)
		case 1:
			e.Group, e.Pick = 2+d.Int64N(2), eval.Pick(d.IntN(3)) //nolint:gosec // below 3
		}
	}
	if d.oneIn(4) { // falling tiers too
		v := eval.Value{Kind: e.Tiers[0].Value.Kind, Percent: decimal.NewFromInt(d.Int64N(60)), Minor: d.Int64N(900)}
		from := 1000 + d.Int64N(3000)
		if e.ByQuantity = d.oneIn(2); e.ByQuantity {
			from = 2 + d.Int64N(3)
			e.Graduated = e.Per == eval.PerUnit && e.MaxUnits == 0 && e.Group == 0
		}
		e.Tiers = append(e.Tiers, eval.Tier{From: from, Value: v})
	}
	return e
}

func (d *dealer) input() *eval.Input {
	in := &eval.Input{Currency: money.MustISO("EUR"), Nodes: 1_000_000}
	for range 2 + d.IntN(3) {
		t := eval.Target{Product: []string{"A", "B", "C"}[d.IntN(3)], Price: 100 + d.Int64N(1500), Quantity: 1 + d.Int64N(3)}
		t.Total = t.Price * t.Quantity
		if d.oneIn(4) {
			t.Floor = d.Int64N(t.Price)
		}
		in.Targets = append(in.Targets, t)
	}
	if d.oneIn(3) {
		in.Targets = append(in.Targets, eval.Target{Product: "A", Price: 700, Total: 1400, Quantity: 2, Gift: fmt.Sprintf("p%02d", d.IntN(8))})
	}
	in.Lines = len(in.Targets)
	in.Targets = append(in.Targets, eval.Target{Product: "post", Price: 495, Total: 495, Quantity: 1})
	left := 200 + d.Int64N(1500)
	in.Left = func(string, bool) (int64, bool) { return left, true }
	return in
}

// brute tries every subset of the candidates.
func brute(s *eval.State, candidates []int32) int64 {
	start, before := s.Mark(), s.Taken()
	var members, others []int32
	for _, c := range candidates {
		if s.Consumes(c) {
			members = append(members, c)
		} else {
			others = append(others, c)
		}
	}
	var best int64
	var extend func(i int)
	extend = func(i int) {
		if i == len(others) {
			best = max(best, s.Taken()-before)
			return
		}
		mark := s.Mark()
		if s.Turn(others[i]) == eval.Fires {
			extend(i + 1)
		}
		s.Undo(mark)
		extend(i + 1)
	}
	var pool *eval.Pool
	if len(members) > 0 {
		pool = s.Pool(members)
	}
	for set := range 1 << len(members) {
		var offers []int
		for o := range members {
			if set>>o&1 == 1 {
				offers = append(offers, o)
			}
		}
		if assign(s, pool, offers) {
			extend(0)
		}
		s.Undo(start)
	}
	return best
}

// assign gives each offer its units; false where one gets none or may not have them.
func assign(s *eval.State, pool *eval.Pool, offers []int) bool {
	if len(offers) == 0 {
		return true
	}
	pool.Reset()
	parts := pool.Joint.Solve(offers, 1_000_000).Parts
	for _, o := range offers {
		var own []consume.Part
		for _, p := range parts {
			if p.Offer == o {
				own = append(own, p)
			}
		}
		if len(own) == 0 || s.Assigned(pool, own) != eval.Fires {
			return false
		}
	}
	return true
}

// Of 10,000 carts, most have few candidates, so that every subset can be tried; a
// thousand have 8 to 12.
//
// Invariant: promotions P6
// Invariant: promotions P4.
func TestTheSearchFindsWhatTryingEverySubsetFinds(t *testing.T) {
	t.Parallel()
	carts := 10_000
	if testing.Short() {
		carts = 1_000
	}
	for seed := range uint64(carts) {
		d := newDealer(t, seed)
		n := 1 + d.IntN(7)
		if seed%10 == 0 {
			n = 8 + d.IntN(5)
		}
		in := d.input()
		m := eval.NewMachine(d.set(n))
		var solver search.Solver
		m.Run(in, func(s *eval.State, candidates []int32, nodes int) eval.Search {
			start, before := s.Mark(), s.Taken()
			want := brute(s, candidates)
			first := solver.Solve(s, candidates, nodes)
			value := s.Taken() - before
			switch {
			case !first.Optimal:
				t.Errorf("seed %d: not certified after %d nodes", seed, first.Nodes)
			case value != want || first.Bound != want:
				t.Errorf("seed %d: found %d with bound %d, trying all finds %d", seed, value, first.Bound, want)
			}
			s.Undo(start)
			if again := solver.Solve(s, candidates, nodes); again != first {
				t.Errorf("seed %d: %+v, and again %+v", seed, first, again)
			}
			if t.Failed() {
				t.FailNow()
			}
			return first
		})
	}
}

// Every node's bound is at least what is found below it when nothing is cut off.
func TestTheBoundIsNeverBelowWhatIsFound(t *testing.T) {
	t.Parallel()
	nodes := 0
	for seed := range uint64(4_000) {
		d := newDealer(t, seed)
		n := 1 + d.IntN(8)
		in := d.input()
		m := eval.NewMachine(d.set(n))
		m.Run(in, func(s *eval.State, candidates []int32, budget int) eval.Search {
			return search.SolveWatched(s, candidates, budget, func(bound, found int64) {
				if nodes++; found > bound {
					t.Fatalf("seed %d: %d is found below a node that is bounded by %d", seed, found, bound)
				}
			})
		})
	}
	if nodes < 30_000 {
		t.Errorf("only %d nodes", nodes)
	}
}

// A search that its budget ends says so, and its bound holds.
func TestABudgetLeavesACertifiedGap(t *testing.T) {
	t.Parallel()
	cut := 0
	for seed := range uint64(500) {
		d := newDealer(t, seed)
		in := d.input()
		m := eval.NewMachine(d.set(9))
		var solver search.Solver
		m.Run(in, func(s *eval.State, candidates []int32, nodes int) eval.Search {
			start, before := s.Mark(), s.Taken()
			best := solver.Solve(s, candidates, nodes)
			s.Undo(start)
			few := solver.Solve(s, candidates, 5)
			value := s.Taken() - before
			if !few.Optimal {
				cut++
			}
			if value > few.Bound || few.Bound < best.Bound || few.Optimal && value != best.Bound {
				t.Errorf("seed %d: five nodes find %d, bound %d, certified %v; the best is %d", seed, value, few.Bound, few.Optimal, best.Bound)
			}
			return few
		})
	}
	if cut == 0 {
		t.Error("no search was cut")
	}
}
