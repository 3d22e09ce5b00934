package consume_test

import (
	"cmp"
	"slices"

	"github.com/tenon-go/tenon/promotions/internal/consume"
)

// A unit is one unit of a class.
type unit struct {
	class int
	price int64
	fits  uint8
}

func unitsOf(classes []consume.Class, pick consume.Pick) []unit {
	var list []unit
	for i, c := range classes {
		for range c.Count {
			list = append(list, unit{i, c.Price, c.Fits})
		}
	}
	slices.SortStableFunc(list, func(a, b unit) int {
		if pick == consume.Dearest {
			a, b = b, a
		}
		return cmp.Compare(a.price, b.price)
	})
	return list
}

// assignments calls f with every way to give each unit one of its needs, or none (-1).
func assignments(units []unit, needs int, f func([]int)) {
	given := make([]int, len(units))
	var give func(int)
	give = func(i int) {
		if i == len(units) {
			f(given)
			return
		}
		for need := -1; need < needs; need++ {
			if need < 0 || units[i].fits&(1<<need) != 0 {
				given[i] = need
				give(i + 1)
			}
		}
	}
	give(0)
}

// applications is how many full applications an assignment makes, or -1 if its units are not
// those of full ones.
func applications(given []int, needs []int64) int64 {
	count := make([]int64, len(needs))
	for _, need := range given {
		if need >= 0 {
			count[need]++
		}
	}
	times := count[0] / needs[0]
	for i, n := range count {
		if n != times*needs[i] {
			return -1
		}
	}
	return times
}

// dearer reports whether, of got and bought units sorted and cut into applications, some
// dearest got one is above the cheapest bought.
func dearer(units []unit, given []int, q consume.BuyGet) bool {
	var got, bought []int64
	for i, need := range given {
		switch need {
		case 0:
			bought = append(bought, units[i].price)
		case 1:
			got = append(got, units[i].price)
		}
	}
	down := func(a, b int64) int { return cmp.Compare(b, a) }
	slices.SortFunc(got, down)
	slices.SortFunc(bought, down)
	for k := range int64(len(got)) / q.Get {
		if got[k*q.Get] > bought[(k+1)*q.Buy-1] {
			return true
		}
	}
	return false
}

// prefers compares who is chosen, the first difference deciding: chosen before not chosen.
func prefers(order []int, a, b func(int) bool) int {
	for _, i := range order {
		if a(i) != b(i) {
			if a(i) {
				return -1
			}
			return 1
		}
	}
	return 0
}

// bruteBuyGet tries every assignment of units.
func bruteBuyGet(classes []consume.Class, q consume.BuyGet) (times int64, got, bought []int64) {
	got, bought = make([]int64, len(classes)), make([]int64, len(classes))
	units := unitsOf(classes, q.Pick)
	var best []int
	pickOrder := make([]int, len(units))
	for i := range pickOrder {
		pickOrder[i] = i
	}
	buyOrder := slices.Clone(pickOrder)
	slices.SortFunc(buyOrder, func(a, b int) int {
		return cmp.Or(cmp.Compare(units[a].fits&consume.FitsGet, units[b].fits&consume.FitsGet),
			cmp.Compare(units[b].price, units[a].price), cmp.Compare(units[a].class, units[b].class))
	})
	assignments(units, 2, func(given []int) {
		n := applications(given, []int64{q.Buy, q.Get})
		if n < times || q.Max > 0 && n > q.Max || q.NotDearer && dearer(units, given, q) {
			return
		}
		is := func(list []int, need int) func(int) bool {
			return func(i int) bool { return list[i] == need }
		}
		if best == nil || n > times || cmp.Or(
			prefers(pickOrder, is(given, 1), is(best, 1)), prefers(buyOrder, is(given, 0), is(best, 0))) < 0 {
			best, times = slices.Clone(given), n
		}
	})
	for i, need := range best {
		switch need {
		case 0:
			bought[units[i].class]++
		case 1:
			got[units[i].class]++
		}
	}
	return times, got, bought
}

// brutePerGroup cuts the units one by one.
func brutePerGroup(classes []consume.Class, q consume.BuyGet) (times int64, got, bought []int64) {
	got, bought = make([]int64, len(classes)), make([]int64, len(classes))
	units := unitsOf(classes, consume.Dearest)
	for size := int(q.Buy + q.Get); len(units) >= size && (q.Max == 0 || times < q.Max); times++ {
		group := slices.Clone(units[:size])
		units = units[size:]
		if q.NotDearer && q.Pick == consume.Dearest && group[0].price > group[size-1].price {
			break
		}
		if q.Pick == consume.Cheapest { // of one price the first in the cart
			slices.SortStableFunc(group, func(a, b unit) int { return cmp.Compare(a.price, b.price) })
		}
		for i, u := range group {
			if i < int(q.Get) {
				got[u.class]++
			} else {
				bought[u.class]++
			}
		}
	}
	return times, got, bought
}

// bruteBundle tries every assignment of units, and returns each application's units by class.
func bruteBundle(classes []consume.Class, b consume.Bundle) [][]int64 {
	units := unitsOf(classes, b.Pick)
	var best []int
	var times int64
	order := make([]int, len(units))
	for i := range order {
		order[i] = i
	}
	assignments(units, len(b.Needs), func(given []int) {
		n := applications(given, b.Needs)
		if n < times || b.Max > 0 && n > b.Max {
			return
		}
		if best == nil || n > times || preferred(order, given, best, len(b.Needs)) {
			best, times = slices.Clone(given), n
		}
	})
	apps := make([][]int64, times)
	for k := range apps {
		apps[k] = make([]int64, len(classes))
	}
	for need, size := range b.Needs {
		var n int64
		for i := range best {
			if best[i] == need {
				apps[n/size][units[i].class]++
				n++
			}
		}
	}
	return apps
}

// preferred compares the chosen units, then those of each need.
func preferred(order, a, b []int, needs int) bool {
	chosen := func(list []int) func(int) bool { return func(i int) bool { return list[i] >= 0 } }
	c := prefers(order, chosen(a), chosen(b))
	for need := 0; need < needs && c == 0; need++ {
		c = prefers(order, func(i int) bool { return a[i] == need }, func(i int) bool { return b[i] == need })
	}
	return c < 0
}
