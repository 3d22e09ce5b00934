package consume

import (
	"cmp"
	"slices"
)

// A Class is units that are alike: those of one run of a line that cost the same and fit the
// same needs. Classes come in cart order, and their place in the slice is their name.
type Class struct {
	Price int64
	Count int64 // at least 0
	Fits  uint8 // bit i: the units fit need i; see FitsBuy and FitsGet
}

// The bits of Class.Fits for a [BuyGet].
const (
	FitsBuy uint8 = 1 << iota
	FitsGet
)

// MaxNeeds is how many needs a bundle may have.
const MaxNeeds = 8

// Pick says which units are taken first; of equal price, the first in cart order.
type Pick uint8

// The picks.
const (
	Cheapest Pick = iota
	Dearest
)

// A Take is units of a class: always the first of those that are not taken yet.
type Take struct {
	Class int32
	Units int64
}

// A BuyGet is buy-x-get-y: each application uses Buy and Get units, both at least 1.
type BuyGet struct {
	Buy, Get  int64
	Max       int64 // applications; 0 is any number
	Pick      Pick  // which units are got
	PerGroup  bool  // units by price descending are cut into groups; every class must fit both
	NotDearer bool  // no got unit is dearer than a bought one of its application
}

// A Bundle is an application of Needs[i] units, at least 1 each, for need i.
type Bundle struct {
	Needs []int64
	Max   int64 // applications; 0 is any number
	Pick  Pick
}

// An Application is Times equal applications, each of the units Takes: a class once, in cart
// order.
type Application struct {
	Times int64
	Takes []Take
}

// A Solver answers questions one after the other in memory that it keeps: what it returns is
// valid until the next one. The zero Solver is ready.
type Solver struct {
	got, bought []int64
	order       []int32 // classes, as sort left them
	picks       []int32
	levels      []level
	assigned    [MaxNeeds][]int64
	cuts        [MaxNeeds]cut
	merged      []int64
	takes       []Take
	apps        []Application
}

// resized returns a slice of n zeros in the memory of an old one.
func resized[T any](old []T, n int) []T {
	if cap(old) < n {
		return make([]T, n, n+n/2)
	}
	old = old[:n]
	clear(old)
	return old
}

// sort orders the classes by price; those of one price stay in cart order.
func (s *Solver) sort(classes []Class, p Pick) []int32 {
	s.order = s.order[:0]
	for i := range classes {
		s.order = append(s.order, int32(i))
	}
	slices.SortStableFunc(s.order, func(a, b int32) int {
		if p == Dearest {
			a, b = b, a
		}
		return cmp.Compare(classes[a].Price, classes[b].Price)
	})
	return s.order
}
