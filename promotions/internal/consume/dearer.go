package consume

// notDearer returns the most applications, up to times, in which no got unit is dearer than a
// bought one.
func (s *Solver) notDearer(classes []Class, q BuyGet, times int64) int64 {
	s.sort(classes, Dearest)
	return last(0, times, func(n int64) bool { return s.passes(classes, q, n) })
}

// passes reports whether some choice of got units that includes s.got makes so many
// applications without one in which a got unit is dearer than a bought one: whether, sorted
// by price and cut into applications, the bought units at any price or above are enough for
// the applications that get a unit there.
//
// Got units are best cheap, bought ones best dear. So all that is open is how many of the got
// units are such that could be bought. At each price that number has a least and a most,
// since what it must meet falls up to one value and rises from there. s.order is dearest
// first.
func (s *Solver) passes(classes []Class, q BuyGet, times int64) bool {
	t := test{q: q, times: times, left: times * q.Get}
	var buyable, gotBoth int64
	for i := range classes {
		c, got := &classes[i], s.got[i]
		t.left -= got
		switch c.Fits & (FitsBuy | FitsGet) {
		case FitsBuy:
			buyable += c.Count
		case FitsGet:
			t.getBelow += c.Count - got
		case FitsBuy | FitsGet:
			buyable += c.Count
			gotBoth += got
			t.bothBelow += c.Count - got
		}
	}
	t.low = max(0, t.left-t.getBelow)
	t.high = min(t.bothBelow, t.left, buyable-times*q.Buy-gotBoth)
	for i, at := range s.order {
		t.add(&classes[at], s.got[at])
		if i+1 == len(s.order) || classes[s.order[i+1]].Price != classes[at].Price {
			t.narrow()
		}
	}
	return t.low <= t.high
}

// A test narrows down how many units that fit both needs are still to be got.
type test struct {
	q     BuyGet
	times int64
	left  int64 // units still to be got

	low, high int64
	// At the price reached or above: what can be bought, and what is got, of both kinds and
	// of those that can be bought. Below: what could still be got.
	buyable, got, gotBoth int64
	bothBelow, getBelow   int64
}

func (t *test) add(c *Class, got int64) {
	switch c.Fits & (FitsBuy | FitsGet) {
	case FitsBuy:
		t.buyable += c.Count
	case FitsGet:
		t.got += got
		t.getBelow -= c.Count - got
	case FitsBuy | FitsGet:
		t.buyable += c.Count
		t.got += got
		t.gotBoth += got
		t.bothBelow -= c.Count - got
	}
}

// narrow applies the condition at the price reached. With x more got units that fit both, of
// which the cheapest are taken, more = max(0, x - bothBelow) of them are at this price or
// above, and so are rest = max(0, left - x - getBelow) of the others; then
// gotBoth + more + Buy x ceil((got + more + rest) / Get) must be at most buyable.
func (t *test) narrow() {
	q, free := &t.q, t.buyable-t.gotBoth
	rest := q.Get*min(max(free, 0)/q.Buy, t.times) - t.got // the most, while more is 0
	fewest := max(0, t.left-t.getBelow-t.bothBelow)
	if free < 0 || rest < fewest {
		t.high = t.low - 1
		return
	}
	t.low = max(t.low, t.left-t.getBelow-rest)
	more := t.most(free)
	if more < fewest { // others are got here whatever x is, and make up for it
		more = free - q.Buy*ceilDiv(t.got+fewest, q.Get)
	}
	t.high = min(t.high, t.bothBelow+more)
}

// most is the largest x with x + Buy x ceil((got + x) / Get) <= free, or -1.
func (t *test) most(free int64) int64 {
	q := &t.q
	full := ceilDiv(t.got, q.Get)
	slack := full*q.Get - t.got
	free -= q.Buy * full
	switch {
	case free < 0:
		return -1
	case free <= slack:
		return free
	default:
		free -= slack
		return slack + free/(q.Buy+q.Get)*q.Get + max(free%(q.Buy+q.Get)-q.Buy, 0)
	}
}
