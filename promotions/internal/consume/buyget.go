package consume

// BuyGet returns how many applications there are, and how many units of each class are got
// and bought in them. Of a class the got units come first.
//
// The got units are those that the pick puts first, each taken if what is taken can still be
// completed. Bought are units that could not be got, then others, both dearest first, again
// as far as they can be completed.
func (s *Solver) BuyGet(classes []Class, q BuyGet) (times int64, got, bought []int64) {
	s.got, s.bought = resized(s.got, len(classes)), resized(s.bought, len(classes))
	if q.PerGroup {
		return s.perGroup(classes, q), s.got, s.bought
	}
	buyable, gettable, all := supply(classes)
	if q.Buy > all || q.Get > all-q.Buy {
		return 0, s.got, s.bought
	}
	times = atMost(min(buyable/q.Buy, gettable/q.Get, all/(q.Buy+q.Get)), q.Max)
	if q.NotDearer {
		times = s.notDearer(classes, q, times)
	}
	if times > 0 {
		s.get(classes, q, times, buyable-times*q.Buy)
		s.buy(classes, q, times)
	}
	return times, s.got, s.bought
}

// atMost cuts a number of applications to a limit, where there is one.
func atMost(times, limit int64) int64 {
	if limit > 0 {
		return min(times, limit)
	}
	return times
}

// supply counts the units that can be bought, that can be got, and that can be either.
func supply(classes []Class) (buyable, gettable, all int64) {
	for _, c := range classes {
		if c.Fits&FitsBuy != 0 {
			buyable += c.Count
		}
		if c.Fits&FitsGet != 0 {
			gettable += c.Count
		}
		if c.Fits&(FitsBuy|FitsGet) != 0 {
			all += c.Count
		}
	}
	return buyable, gettable, all
}

// get chooses the got units. spare is how many units that could be bought may be got.
func (s *Solver) get(classes []Class, q BuyGet, times, spare int64) {
	left := times * q.Get
	s.picks = append(s.picks[:0], s.sort(classes, q.Pick)...)
	if q.NotDearer {
		s.sort(classes, Dearest) // what the test goes over
	}
	for _, at := range s.picks {
		c := &classes[at]
		if c.Fits&FitsGet == 0 {
			continue
		}
		n := min(c.Count, left)
		if c.Fits&FitsBuy != 0 {
			n = min(n, spare)
		}
		if q.NotDearer {
			n = s.completed(classes, q, times, at, n)
		}
		s.got[at] = n
		left -= n
		if c.Fits&FitsBuy != 0 {
			spare -= n
		}
	}
}

// completed is how many units of a class, at most n, can be got beside those that are.
func (s *Solver) completed(classes []Class, q BuyGet, times int64, at int32, n int64) int64 {
	return last(0, n, func(n int64) bool {
		s.got[at] = n
		return s.passes(classes, q, times)
	})
}

// last returns the last number of low..high that passes, where all up to it do and low does.
func last(low, high int64, passes func(int64) bool) int64 {
	if low >= high || passes(high) {
		return high
	}
	for high--; low < high; {
		if middle := high - (high-low)/2; passes(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// buy chooses the bought units among those that are not got.
func (s *Solver) buy(classes []Class, q BuyGet, times int64) {
	need := times * q.Buy
	s.sort(classes, Dearest)
	s.allowances(classes, q, need)
	for _, fits := range [...]uint8{FitsBuy, FitsBuy | FitsGet} {
		for _, at := range s.order {
			c := &classes[at]
			if c.Fits&(FitsBuy|FitsGet) != fits {
				continue
			}
			n := min(c.Count-s.got[at], need)
			for i := range s.levels {
				if l := &s.levels[i]; l.price > c.Price {
					n = min(n, l.left)
				}
			}
			for i := range s.levels {
				if l := &s.levels[i]; l.price > c.Price {
					l.left -= n
				}
			}
			s.bought[at] = n
			need -= n
		}
	}
}

// A level is how many units below a price may still be bought.
type level struct{ price, left int64 }

// allowances finds, under NotDearer, how many of the bought units may be below each price at
// which units are got: the applications that these belong to buy at that price or above.
func (s *Solver) allowances(classes []Class, q BuyGet, need int64) {
	s.levels = s.levels[:0]
	if !q.NotDearer {
		return
	}
	var got int64
	for _, at := range s.order { // dearest first
		if s.got[at] == 0 {
			continue
		}
		got += s.got[at]
		l := level{classes[at].Price, need - q.Buy*ceilDiv(got, q.Get)}
		if n := len(s.levels); n > 0 && s.levels[n-1].price == l.price {
			s.levels[n-1] = l
		} else {
			s.levels = append(s.levels, l)
		}
	}
}

// perGroup cuts the units, dearest first, into groups of one application each, and gets the
// first or the last of each.
func (s *Solver) perGroup(classes []Class, q BuyGet) int64 {
	var all int64
	for _, c := range classes {
		all += c.Count
	}
	if q.Buy > all || q.Get > all-q.Buy {
		return 0
	}
	times := atMost(all/(q.Buy+q.Get), q.Max)
	s.sort(classes, Dearest)
	if q.NotDearer && q.Pick == Dearest {
		times = s.evenGroups(classes, q.Buy+q.Get, times)
	}
	end, from := times*(q.Buy+q.Get), int64(0)
	for i, at := range s.order {
		to := min(from+classes[at].Count, end)
		if q.Pick == Dearest {
			s.got[at] = q.gotUpTo(to) - q.gotUpTo(from)
		} else {
			s.got[at] = s.cheapestGot(classes, q, i, from, to, end)
		}
		s.bought[at] = to - from - s.got[at]
		from = to
	}
	return times
}

// gotUpTo is how many of the first n units are got where each group gets its first ones.
func (q *BuyGet) gotUpTo(n int64) int64 {
	size := q.Buy + q.Get
	return n/size*q.Get + min(n%size, q.Get)
}

// cheapestGot is how many of the units from..to-1, those of the class at a place of the order,
// are got where each group gets its cheapest, of one price the first. Units of one price
// come together: groups within them get their first units, and of the two groups at their
// ends, what is cheaper goes first.
func (s *Solver) cheapestGot(classes []Class, q BuyGet, place int, from, to, end int64) int64 {
	size, price := q.Buy+q.Get, classes[s.order[place]].Price
	start, stop := from, from // of the units of this price
	for i := place - 1; i >= 0 && classes[s.order[i]].Price == price; i-- {
		start -= classes[s.order[i]].Count
	}
	for i := place; i < len(s.order) && classes[s.order[i]].Price == price; i++ {
		stop = min(stop+classes[s.order[i]].Count, end)
	}
	within := func(a, b int64) int64 { return max(min(to, b)-max(from, a), 0) }
	var got int64
	for part := start; part < stop; {
		next := min((part/size+1)*size, stop)
		if part%size == 0 && next-part == size { // whole groups, all at once
			next = stop / size * size
			a, b := max(from, part), min(to, next)
			if a < b {
				got += q.gotUpTo(b) - q.gotUpTo(a)
			}
		} else if left := q.Get - max((part/size+1)*size-next, 0); left > 0 { // cheaper units of the group are got before
			got += within(part, min(part+left, next))
		}
		part = next
	}
	return got
}

// evenGroups is how many of the first groups, dearest first, are of one price: in others the
// dearest is dearer than what is bought with it.
func (s *Solver) evenGroups(classes []Class, size, times int64) int64 {
	var from, to int64
	for i, at := range s.order {
		if to += classes[at].Count; i+1 < len(s.order) && classes[s.order[i+1]].Price == classes[at].Price {
			continue
		}
		if from%size != 0 && to > from {
			return min(times, from/size)
		}
		if to%size != 0 {
			return min(times, to/size)
		}
		from = to
	}
	return times
}

func ceilDiv(a, b int64) int64 { return a/b + min(a%b, 1) }
