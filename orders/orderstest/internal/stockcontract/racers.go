package stockcontract

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tenon-go/tenon/orders/stock"
)

const racers = 16

func racerCases() []Case {
	return []Case{
		{"oversell", "However many ask at once, no unit is in two holds, and none is left over.", check(checkOversell)},
		{"opposite", "Holds of the same keys in opposite order do not wait for each other in a circle.", check(checkOpposite)},
		{"doubles", "The same call made many times at once takes effect once.", check(checkDoubles)},
		{"one-end", "A hold that is committed, released and swept at once ends in one way.", check(checkOneEnd)},
		{"sweepers", "Who sweep the same dead holds at once find every unit.", check(checkSweepers)},
	}
}

// race runs fn for each racer at once, and collects the errors that are not wanted.
func (p *probe) race(fn func(racer int) error) {
	var wg sync.WaitGroup
	errs := make([]error, racers)
	for i := range racers {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	p.errs = append(p.errs, errs...)
	p.errs = slices.DeleteFunc(p.errs, func(err error) bool { return err == nil })
}

func checkOversell(p *probe) {
	const units, attempts = 100, 20
	p.set("A", units)
	var sold atomic.Int64
	p.race(func(racer int) error {
		for i := range attempts {
			err := p.s.Reserve(p.ctx, at(0), hold(fmt.Sprint(racer, "/", i), 600, line("A", 1)))
			switch {
			case err == nil:
				sold.Add(1)
			case !errors.Is(err, stock.ErrShort):
				return err
			}
		}
		return nil
	})
	if n := sold.Load(); n != units {
		p.failf("sold %d of %d", n, units)
	}
	p.levels(map[string][2]int64{"A": {units, units}})
}

func checkOpposite(p *probe) {
	const rounds = 10
	p.set("A", racers*rounds)
	p.set("B", racers*rounds)
	p.set("C", racers*rounds)
	p.race(func(racer int) error {
		for i := range rounds {
			lines := []stock.Line{line("A", 1), line("B", 1), line("C", 1)}
			if racer%2 == 0 {
				slices.Reverse(lines)
			}
			id := fmt.Sprint(racer, "/", i)
			if err := p.s.Reserve(p.ctx, at(0), hold(id, 600, lines...)); err != nil {
				return err
			}
			end := p.s.Commit
			if i%2 == 0 {
				end = p.s.Release
			}
			if err := end(p.ctx, at(1), id); err != nil {
				return err
			}
		}
		return nil
	})
	const left = racers * rounds / 2
	p.levels(map[string][2]int64{"A": {left, 0}, "B": {left, 0}, "C": {left, 0}})
}

func checkDoubles(p *probe) {
	p.set("A", 100)
	p.set("B", 100)
	for i := range 4 {
		id := fmt.Sprint("h", i)
		p.race(func(int) error { return p.s.Reserve(p.ctx, at(0), hold(id, 600, line("A", 3), line("B", 1))) })
		p.race(func(int) error { return p.s.Commit(p.ctx, at(1), id) })
	}
	p.race(func(int) error { return p.s.Reserve(p.ctx, at(0), hold("r", 600, line("A", 3))) })
	p.race(func(int) error { return p.s.Release(p.ctx, at(1), "r") })
	p.levels(map[string][2]int64{"A": {88, 0}, "B": {96, 0}})
}

func checkOneEnd(p *probe) {
	p.set("A", 100)
	gone := int64(0)
	for i := range 8 {
		id := fmt.Sprint("h", i)
		p.reserve(0, id, 100, nil, line("A", 5))
		var e ends
		p.race(func(racer int) error { return e.end(p, id, racer) })
		if e.committed.Load() > 0 {
			gone += 5
		}
		if e.committed.Load() > 0 && e.others.Load() > 0 || e.swept.Load() > 1 {
			p.failf("%s was committed for %d, and given back for %d", id, e.committed.Load(), e.others.Load())
		}
	}
	p.levels(map[string][2]int64{"A": {100 - gone, 0}})
}

// ends counts for how many a hold has ended, and how.
type ends struct{ committed, others, swept atomic.Int64 }

// end has a racer commit, release or sweep a hold.
func (e *ends) end(p *probe, id string, racer int) (err error) {
	count := &e.committed
	switch racer % 3 {
	case 0:
		err = p.s.Commit(p.ctx, at(200), id)
	case 1:
		count, err = &e.others, p.s.Release(p.ctx, at(200), id)
	default:
		n, err := p.s.Expire(p.ctx, at(200), 9)
		e.swept.Add(int64(n))
		e.others.Add(int64(n))
		return err
	}
	if errors.Is(err, stock.ErrEnded) {
		return nil
	}
	if err == nil {
		count.Add(1)
	}
	return err
}

func checkSweepers(p *probe) {
	for round := range 4 {
		a, b, c := fmt.Sprint("A", round), fmt.Sprint("B", round), fmt.Sprint("C", round)
		for _, sku := range []string{a, b, c} {
			p.set(sku, racers)
		}
		for i := range racers {
			lines := []stock.Line{line(a, 1), line(b, 1), line(c, 1)}
			p.reserve(0, fmt.Sprint("dead", round, "/", i), 100, nil, lines...)
		}
		p.race(func(racer int) error {
			lines := []stock.Line{line(a, 1), line(b, 1)}
			if racer%2 == 0 {
				lines = []stock.Line{line(c, 1), line(a, 1)}
			}
			return p.s.Reserve(p.ctx, at(200), hold(fmt.Sprint("h", round, "/", racer), 600, lines...))
		})
		if _, err := p.s.Expire(p.ctx, at(200), 1000); err != nil {
			p.failf("expire: %w", err)
		}
		p.levels(map[string][2]int64{a: {racers, racers}, b: {racers, racers / 2}, c: {racers, racers / 2}})
	}
}
