package stockcontract

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/orders/stock"
)

// Cases returns the contract.
func Cases() []Case {
	return slices.Concat(ruleCases(), endCases(), levelCases(), abilityCases(), racerCases())
}

func ruleCases() []Case {
	return []Case{
		{"all-or-none", "A hold takes all of its lines or nothing.", check(func(p *probe) {
			p.set("A", 5)
			p.set("B", 1)
			p.reserve(0, "h1", 600, nil, line("A", 2), line("B", 1))
			p.levels(map[string][2]int64{"A": {5, 2}, "B": {1, 1}})
			p.reserve(1, "h2", 600, stock.ErrShort, line("A", 1), line("B", 1))
			p.levels(map[string][2]int64{"A": {5, 2}, "B": {1, 1}})
			p.reserve(2, "h2", 600, nil, line("A", 3)) // it never was there
			p.levels(map[string][2]int64{"A": {5, 5}, "B": {1, 1}})
		})},
		{"short-lists-all", "A refusal lists every short key, with the sum of its lines and what is left.", check(func(p *probe) {
			p.set("A", 5)
			p.set("B", 1)
			p.reserve(0, "h1", 600, nil, line("A", 1))
			p.short(
				1, hold("h2", 600, line("C", 1), line("A", 3), line("B", 1), line("A", 2)),
				stock.Shortage{Key: key("A"), Asked: 5, Left: 4}, stock.Shortage{Key: key("C"), Asked: 1},
			)
			p.levels(map[string][2]int64{"A": {5, 1}, "B": {1, 0}, "C": {0, 0}})
		})},
		{"reserve-again", "A hold that is there with the same lines is extended at most; with others it is ErrHold.", check(func(p *probe) {
			p.set("A", 9)
			p.set("B", 9)
			p.reserve(0, "h1", 600, nil, line("A", 2), line("B", 1))
			p.reserve(1, "h1", 300, nil, line("B", 1), line("A", 1), line("A", 1))
			p.reserve(2, "h1", 600, stock.ErrHold, line("A", 3), line("B", 1))
			p.reserve(3, "h1", 600, stock.ErrHold, line("A", 2))
			p.reserve(4, "h1", 600, stock.ErrHold, line("A", 2), line("B", 1), line("C", 1))
			p.levels(map[string][2]int64{"A": {9, 2}, "B": {9, 1}})
			p.expire(599, 9, 0)
			p.reserve(599, "h1", 900, nil, line("A", 2), line("B", 1))
			p.expire(899, 9, 0)
			p.expire(900, 9, 1)
		})},
		{"dead-holds", "A dead hold keeps its units until it is swept, by who needs them.", check(func(p *probe) {
			p.set("A", 2)
			p.set("B", 5)
			p.reserve(0, "h1", 100, nil, line("A", 1), line("B", 1))
			p.reserve(0, "h2", 100, nil, line("A", 1))
			p.short(99, hold("h3", 600, line("A", 1)), stock.Shortage{Key: key("A"), Asked: 1})
			p.extend(100, "h1", 200, nil)
			p.short(100, hold("h3", 600, line("A", 2)), stock.Shortage{Key: key("A"), Asked: 2, Left: 1})
			p.commit(199, "h1", nil)
			p.reserve(199, "h3", 600, nil, line("A", 1))
			p.commit(199, "h2", stock.ErrEnded)
			p.extend(199, "h2", 900, stock.ErrEnded)
			p.reserve(199, "h2", 900, stock.ErrEnded, line("A", 1))
			p.release(199, "h2", nil)
			p.levels(map[string][2]int64{"A": {1, 1}, "B": {4, 0}})
		})},
		{"dead-commit", "A dead hold that nobody swept can be committed.", check(func(p *probe) {
			p.set("A", 2)
			p.reserve(0, "h1", 100, nil, line("A", 2))
			p.commit(500, "h1", nil)
			p.levels(map[string][2]int64{"A": {0, 0}})
		})},
		{"refused-sweeps-nothing", "A refused hold changes nothing, dead holds included.", check(func(p *probe) {
			p.set("A", 3)
			p.reserve(0, "h1", 100, nil, line("A", 3))
			p.short(200, hold("h2", 600, line("A", 4)), stock.Shortage{Key: key("A"), Asked: 4, Left: 3})
			p.levels(map[string][2]int64{"A": {3, 3}})
			p.commit(201, "h1", nil)
		})},
		{"micros", "Times are kept to the microsecond.", check(func(p *probe) {
			p.set("A", 1)
			until := at(100).In(time.FixedZone("", 3600)).Add(1500 * time.Nanosecond)
			p.is("reserve", p.s.Reserve(p.ctx, at(0), stock.Hold{ID: "h1", Lines: []stock.Line{line("A", 1)}, Until: until}), nil)
			p.expire(100, 9, 0)
			if holds := p.holds(); holds != nil {
				if diff := different([]stock.Hold{{ID: "h1", Lines: []stock.Line{line("A", 1)}, Until: at(100).Add(time.Microsecond)}}, holds); diff != "" {
					p.failf("holds (-want +got):\n%s", diff)
				}
			}
			n, err := p.s.Expire(p.ctx, at(100).Add(time.Microsecond), 9)
			if p.is("expire", err, nil); n != 1 {
				p.failf("expired %d, want 1", n)
			}
		})},
	}
}

func endCases() []Case {
	return []Case{
		{"extend", "Extend never shortens.", check(func(p *probe) {
			p.set("A", 1)
			p.reserve(0, "h1", 600, nil, line("A", 1))
			p.extend(1, "h1", 300, nil)
			p.expire(599, 9, 0)
			p.extend(599, "h1", 700, nil)
			p.expire(699, 9, 0)
			p.expire(700, 9, 1)
			p.levels(map[string][2]int64{"A": {1, 0}})
		})},
		{"commit", "A hold is committed once, and takes its units from what is on hand.", check(func(p *probe) {
			p.set("A", 5)
			p.set("B", 5)
			p.reserve(0, "h1", 600, nil, line("A", 2), line("B", 1))
			p.commit(1, "h1", nil)
			p.commit(2, "h1", nil)
			p.levels(map[string][2]int64{"A": {3, 0}, "B": {4, 0}})
			p.release(3, "h1", stock.ErrEnded)
			p.extend(3, "h1", 900, stock.ErrEnded)
			p.reserve(3, "h1", 900, stock.ErrEnded, line("A", 2), line("B", 1))
			p.reserve(3, "h1", 900, stock.ErrHold, line("A", 1))
			p.expire(9999, 9, 0)
			p.levels(map[string][2]int64{"A": {3, 0}, "B": {4, 0}})
		})},
		{"release", "A hold is released once, and gives its units back.", check(func(p *probe) {
			p.set("A", 5)
			p.reserve(0, "h1", 600, nil, line("A", 2))
			p.release(1, "h1", nil)
			p.release(2, "h1", nil)
			p.commit(3, "h1", stock.ErrEnded)
			p.extend(3, "h1", 900, stock.ErrEnded)
			p.reserve(3, "h1", 900, stock.ErrEnded, line("A", 2))
			p.levels(map[string][2]int64{"A": {5, 0}})
		})},
		{"expire", "Expire sweeps dead holds, the earliest first and at most limit.", check(func(p *probe) {
			p.set("A", 15)
			p.reserve(0, "h4", 900, nil, line("A", 8))
			p.reserve(0, "h3", 300, nil, line("A", 4))
			p.reserve(0, "h1", 100, nil, line("A", 1))
			p.reserve(0, "h2", 200, nil, line("A", 2))
			p.expire(99, 9, 0)
			p.expire(300, 2, 2)
			p.levels(map[string][2]int64{"A": {15, 12}})
			p.expire(300, 9, 1)
			p.expire(300, 9, 0)
			p.levels(map[string][2]int64{"A": {15, 8}})
		})},
		{"expire-many", "Expire goes on until its limit, also where it takes several steps.", check(func(p *probe) {
			p.set("A", 1000)
			for i := range 230 {
				p.reserve(0, "h"+strings.Repeat("x", i), 100+i%7, nil, line("A", 1))
			}
			p.expire(200, 220, 220)
			p.expire(200, math.MaxInt, 10)
			p.levels(map[string][2]int64{"A": {1000, 0}})
		})},
		{"not-found", "What never was is ErrNotFound.", check(func(p *probe) {
			p.extend(0, "none", 1, stock.ErrNotFound)
			p.release(0, "none", stock.ErrNotFound)
			p.commit(0, "none", stock.ErrNotFound)
			p.is("set buckets", p.s.SetBuckets(p.ctx, key("A"), 2), stock.ErrNotFound)
		})},
		{"cancelled", "A context that has ended is the error, and nothing is changed.", check(checkCancelled)},
	}
}

func checkCancelled(p *probe) {
	p.set("A", 5)
	p.reserve(0, "h1", 600, nil, line("A", 1))
	before := p.picture("A")
	cause := errors.New("the shopper left") //nolint:err113 // the case's own
	ctx, cancel := context.WithCancelCause(p.ctx)
	cancel(cause)
	p.is("reserve", p.s.Reserve(ctx, at(1), hold("h2", 600, line("A", 1))), cause)
	p.is("extend", p.s.Extend(ctx, at(1), "h1", at(900)), cause)
	p.is("release", p.s.Release(ctx, at(1), "h1"), cause)
	p.is("commit", p.s.Commit(ctx, at(1), "h1"), cause)
	p.is("set", p.s.SetOnHand(ctx, key("A"), 7), cause)
	p.is("set buckets", p.s.SetBuckets(ctx, key("A"), 7), cause)
	_, err := p.s.Expire(ctx, at(900), 9)
	p.is("expire", err, cause)
	_, err = p.s.Levels(ctx, []stock.Key{key("A")})
	p.is("levels", err, cause)
	if after := p.picture("A"); after != before {
		p.failf("before %s, after %s", before, after)
	}
}

func levelCases() []Case {
	return []Case{
		{"levels", "Levels answers key by key, unknown ones with 0.", check(func(p *probe) {
			p.set("A", 5)
			p.reserve(0, "h1", 600, nil, line("A", 2))
			levels, err := p.s.Levels(p.ctx, []stock.Key{key("B"), key("A"), {SKU: "A"}, key("A")})
			p.is("levels", err, nil)
			a := stock.Level{Key: key("A"), OnHand: 5, Reserved: 2}
			if diff := different([]stock.Level{{Key: key("B")}, a, {Key: stock.Key{SKU: "A"}}, a}, levels); diff != "" {
				p.failf("levels (-want +got):\n%s", diff)
			}
			levels, err = p.s.Levels(p.ctx, nil)
			if p.is("levels of nothing", err, nil); len(levels) != 0 {
				p.failf("levels of nothing: %v", levels)
			}
		})},
		{"set", "What is on hand can be set, but not below what is reserved.", check(func(p *probe) {
			p.set("A", 5)
			p.reserve(0, "h1", 600, nil, line("A", 3))
			p.is("set to 2", p.s.SetOnHand(p.ctx, key("A"), 2), stock.ErrReserved)
			p.levels(map[string][2]int64{"A": {5, 3}})
			p.set("A", 3)
			p.short(1, hold("h2", 600, line("A", 1)), stock.Shortage{Key: key("A"), Asked: 1})
			p.set("A", stock.MaxOnHand)
			p.reserve(1, "h2", 600, nil, line("A", stock.MaxQuantity))
			p.levels(map[string][2]int64{"A": {stock.MaxOnHand, stock.MaxQuantity + 3}})
		})},
		{"buckets", "Buckets change nothing that can be seen: the last unit is sold, also from several.", check(checkBuckets)},
		{"names", "Keys differ by location, and names compare bytewise.", check(func(p *probe) {
			for i, k := range []stock.Key{{SKU: "a"}, {SKU: "A"}, {SKU: "a "}, {SKU: "a", Location: "b"}, {SKU: "ä", Location: "'; --"}} {
				p.is("set", p.s.SetOnHand(p.ctx, k, int64(i+1)), nil)
				err := p.s.Reserve(p.ctx, at(0), stock.Hold{ID: "h" + k.String(), Lines: []stock.Line{{Key: k, Quantity: int64(i + 1)}}, Until: at(600)})
				p.is("reserve "+k.String(), err, nil)
				p.is("commit "+k.String(), p.s.Commit(p.ctx, at(0), "h"+k.String()), nil)
			}
		})},
		{"invalid", "Input that cannot be meant is refused with all that is wrong, and changes nothing.", check(checkInvalid)},
	}
}

func checkBuckets(p *probe) {
	p.set("A", 10)
	p.reserve(0, "h1", 600, nil, line("A", 3))
	for i, n := range []int{16, 16, 4, 1, stock.MaxBuckets, 3} {
		p.is("set buckets", p.s.SetBuckets(p.ctx, key("A"), n), nil)
		id := string(rune('a' + i))
		p.reserve(1, id, 600, nil, line("A", 1))
		p.levels(map[string][2]int64{"A": {10, int64(i) + 4}})
	}
	p.short(2, hold("h2", 600, line("A", 2)), stock.Shortage{Key: key("A"), Asked: 2, Left: 1})
	p.release(2, "b", nil)
	p.release(2, "d", nil)
	p.reserve(3, "h2", 600, nil, line("A", 3))
	p.reserve(3, "h2", 600, nil, line("A", 3))
	p.levels(map[string][2]int64{"A": {10, 10}})
	p.commit(4, "h1", nil)
	p.commit(4, "h2", nil)
	p.levels(map[string][2]int64{"A": {4, 4}})
	p.set("A", 64)
	p.is("set to 3", p.s.SetOnHand(p.ctx, key("A"), 3), stock.ErrReserved)
	p.is("set buckets", p.s.SetBuckets(p.ctx, key("A"), 16), nil)
	p.reserve(5, "h3", 100, nil, line("A", 60))
	p.levels(map[string][2]int64{"A": {64, 64}})
	p.reserve(100, "h4", 600, nil, line("A", 59)) // sweeps what is in all of them
	p.levels(map[string][2]int64{"A": {64, 63}})
	p.is("set buckets", p.s.SetBuckets(p.ctx, key("A"), 1), nil)
	p.commit(101, "h4", nil)
	p.levels(map[string][2]int64{"A": {5, 4}})
}

func checkInvalid(p *probe) {
	p.set("A", 5)
	before := p.picture("A", "B")
	long := strings.Repeat("x", stock.MaxName+1)
	holds := map[string]stock.Hold{
		"no id":          hold("", 600, line("A", 1)),
		"a long id":      hold(long, 600, line("A", 1)),
		"no lines":       hold("h", 600),
		"quantity 0":     hold("h", 600, line("A", 0)),
		"quantity -1":    hold("h", 600, line("A", -1)),
		"a big quantity": hold("h", 600, line("A", stock.MaxQuantity+1)),
		"no sku":         hold("h", 600, line("", 1)),
		"NUL":            hold("h", 600, line("A\x00", 1)),
		"no UTF-8":       hold("h\xff", 600, line("A", 1)),
		"over at once":   hold("h", 0, line("A", 1)),
		"many lines":     hold("h", 600, slices.Repeat([]stock.Line{line("A", 1)}, stock.MaxLines+1)...),
	}
	for what, h := range holds {
		p.is(what, p.s.Reserve(p.ctx, at(0), h), stock.ErrInvalid)
	}
	err := p.s.Reserve(p.ctx, at(0), hold("", 0, line("A", 0), line("B", 1), line("", 1)))
	var invalid *stock.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Problems) != 4 {
		p.failf("four problems: %v", err)
	}
	p.is("set to -1", p.s.SetOnHand(p.ctx, key("A"), -1), stock.ErrInvalid)
	p.is("set too high", p.s.SetOnHand(p.ctx, key("A"), stock.MaxOnHand+1), stock.ErrInvalid)
	p.is("set without a sku", p.s.SetOnHand(p.ctx, key(""), 1), stock.ErrInvalid)
	p.is("no buckets", p.s.SetBuckets(p.ctx, key("A"), 0), stock.ErrInvalid)
	p.is("many buckets", p.s.SetBuckets(p.ctx, key("A"), stock.MaxBuckets+1), stock.ErrInvalid)
	_, err = p.s.Expire(p.ctx, at(0), 0)
	p.is("expire none", err, stock.ErrInvalid)
	_, err = p.s.Levels(p.ctx, []stock.Key{key("")})
	p.is("level without a sku", err, stock.ErrInvalid)
	p.is("extend without id", p.s.Extend(p.ctx, at(0), "", at(1)), stock.ErrInvalid)
	p.is("release without id", p.s.Release(p.ctx, at(0), ""), stock.ErrInvalid)
	p.is("commit without id", p.s.Commit(p.ctx, at(0), ""), stock.ErrInvalid)
	if after := p.picture("A", "B"); after != before {
		p.failf("before %s, after %s", before, after)
	}
}
