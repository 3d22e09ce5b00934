package stockcontract

import (
	"context"
	"fmt"

	"github.com/tenon-go/tenon/orders/stock"
)

func abilityCases() []Case {
	return []Case{
		{"apply", "An Applier makes all moves or none, in their order.", checkApply},
		{"holds", "A Lister shows the live holds by id, the dead ones too, and can be stopped.", checkHolds},
		{"faults", "A call that fails at any step changed nothing, and can be repeated.", checkFaults},
	}
}

func checkApply(ctx context.Context, s stock.Store) error {
	applier, ok := s.(stock.Applier)
	if !ok {
		return fmt.Errorf("stock.Applier: %w", ErrNotOffered)
	}
	return check(func(p *probe) {
		apply := func(sec int, want error, moves ...stock.Move) {
			p.is(fmt.Sprint("at ", sec, ": apply ", moves), applier.Apply(ctx, at(sec), moves), want)
		}
		reserveTo := func(until int, id string, lines ...stock.Line) stock.Move {
			return stock.Move{Kind: stock.MoveReserve, Hold: id, Lines: lines, Until: at(until)}
		}
		reserve := func(id string, lines ...stock.Line) stock.Move { return reserveTo(600, id, lines...) }
		one := func(kind stock.MoveKind, id string) stock.Move {
			return stock.Move{Kind: kind, Hold: id, Until: at(700)}
		}
		p.set("A", 3)
		p.set("B", 2)
		apply(0, nil)
		apply(0, nil, reserve("h1", line("A", 3)), reserve("h2", line("B", 1)))
		p.levels(map[string][2]int64{"A": {3, 3}, "B": {2, 1}})
		apply(1, stock.ErrShort, reserve("h3", line("B", 1)), reserve("h4", line("A", 1)))
		apply(1, stock.ErrShort, reserve("h3", line("A", 2)), one(stock.MoveRelease, "h1"))
		apply(1, stock.ErrNotFound, one(stock.MoveCommit, "h1"), one(stock.MoveRelease, "none"))
		apply(1, stock.ErrInvalid, one(stock.MoveCommit, "h1"), stock.Move{})
		apply(1, stock.ErrInvalid, one(stock.MoveCommit, "h1"), stock.Move{Kind: stock.MoveRestock, Lines: []stock.Line{line("A", 0)}})
		p.levels(map[string][2]int64{"A": {3, 3}, "B": {2, 1}})
		// What one gives up another has.
		apply(2, nil, one(stock.MoveRelease, "h1"), reserve("h3", line("A", 3), line("B", 1)))
		p.levels(map[string][2]int64{"A": {3, 3}, "B": {2, 2}})
		apply(3, nil, one(stock.MoveExtend, "h3"), one(stock.MoveCommit, "h3"), stock.Move{Kind: stock.MoveRestock, Lines: []stock.Line{line("A", 1), line("A", 1)}})
		p.levels(map[string][2]int64{"A": {2, 0}, "B": {1, 1}})
		// A hold may come and go at once, also where dead ones are in its way.
		apply(4, nil, reserve("h5", line("A", 1)), one(stock.MoveCommit, "h5"))
		apply(600, nil, reserveTo(900, "h6", line("A", 1), line("B", 1)), one(stock.MoveExtend, "h6"), one(stock.MoveCommit, "h6"))
		p.levels(map[string][2]int64{"A": {0, 0}, "B": {0, 0}})
		p.release(601, "h2", nil) // it was swept
		apply(602, nil, stock.Move{Kind: stock.MoveRestock, Lines: []stock.Line{line("C", 4)}}, reserveTo(900, "h7", line("C", 4)))
		p.levels(map[string][2]int64{"C": {4, 4}})
		apply(603, stock.ErrShort, stock.Move{Kind: stock.MoveRestock, Lines: []stock.Line{line("D", 4)}}, reserveTo(950, "h8", line("C", 1), line("D", 1)))
		p.levels(map[string][2]int64{"C": {4, 4}, "D": {0, 0}})
		apply(900, nil, stock.Move{Kind: stock.MoveRestock, Lines: []stock.Line{line("D", 4)}}, reserveTo(950, "h8", line("C", 1), line("D", 1)))
		p.levels(map[string][2]int64{"C": {4, 1}, "D": {4, 1}})
	})(ctx, s)
}

func checkHolds(ctx context.Context, s stock.Store) error {
	lister, ok := s.(stock.Lister)
	if !ok {
		return fmt.Errorf("stock.Lister: %w", ErrNotOffered)
	}
	return check(func(p *probe) {
		p.set("A", 5000)
		p.set("B", 5000)
		var want []stock.Hold
		for i := range 450 { // some pages of them
			id := fmt.Sprintf("h%03d", i)
			p.reserve(0, id, 100+i, nil, line("B", 1), line("A", 1), line("B", 1))
			switch i % 5 {
			case 0:
				p.release(1, id, nil)
			case 1:
				p.commit(1, id, nil)
			default:
				want = append(want, hold(id, 100+i, line("A", 1), line("B", 2)))
			}
		}
		if diff := different(want, p.holds()); diff != "" {
			p.failf("holds (-want +got):\n%s", diff)
		}
		n := 0
		for _, err := range lister.Holds(ctx) {
			if p.is("holds", err, nil); n == 7 {
				break
			}
			n++
		}
		p.expire(300, 1, 1)
		if got := p.holds(); len(got) != len(want)-1 {
			p.failf("%d holds after one expired, want %d", len(got), len(want)-1)
		}
	})(ctx, s)
}

// A FaultInjector is a store that can be made to fail half-way.
type FaultInjector interface {
	stock.Store
	FailAt(n int)
}

func checkFaults(ctx context.Context, s stock.Store) error {
	faulty, ok := s.(FaultInjector)
	if !ok {
		return fmt.Errorf("a failure at each step: %w", ErrNotOffered)
	}
	calls := []struct {
		what string
		call func(id string) error
	}{
		{"reserve", func(id string) error { return s.Reserve(ctx, at(200), hold(id+"new", 600, line("A", 5), line("B", 1))) }},
		{"extend", func(id string) error { return s.Extend(ctx, at(0), id, at(800)) }},
		{"release", func(id string) error { return s.Release(ctx, at(0), id) }},
		{"commit", func(id string) error { return s.Commit(ctx, at(0), id) }},
		{"expire", func(string) error { _, err := s.Expire(ctx, at(200), 100); return err }},
		{"set", func(string) error { return s.SetOnHand(ctx, key("A"), 21) }},
		{"buckets", func(string) error { return s.SetBuckets(ctx, key("A"), 3) }},
	}
	return check(func(p *probe) {
		for _, c := range calls {
			for n, failed := 1, true; failed; n++ {
				id := fmt.Sprint(c.what, n)
				p.failAt(faulty, n, id, func() error { return c.call(id) }, &failed)
				if len(p.errs) > 0 {
					return
				}
			}
		}
	})(ctx, s)
}

// failAt lets a call fail at its n-th step. Two of six units of A and one of B are
// held until 100, so that a hold of five has to sweep them.
func (p *probe) failAt(s FaultInjector, n int, id string, call func() error, failed *bool) {
	p.set("A", 6)
	p.set("B", 6)
	p.reserve(0, id, 100, nil, line("A", 2), line("B", 1))
	before := p.picture("A", "B")
	s.FailAt(n)
	err := call()
	s.FailAt(0)
	if *failed = err != nil; *failed {
		if after := p.picture("A", "B"); after != before {
			p.failf("%s failed at step %d with %v: before %s, after %s", id, n, err, before, after)
		}
		p.is(id+" repeated", call(), nil)
	}
	p.picture("A", "B")
	levels, err := p.s.Levels(p.ctx, []stock.Key{key("A"), key("B")})
	p.is("levels", err, nil)
	p.balance(levels)
	_, err = p.s.Expire(p.ctx, at(9999), 1000)
	p.is("expire", err, nil)
	if n > 100 {
		p.failf("%s fails for ever", id)
		*failed = false
	}
}
