package consume

import "math/bits"

// A regrouping moves units between equal-sized applications of a bundle whose worth is a
// percentage, so that as little as possible is lost to rounding. All units of all
// applications stay the same: only their sums change.
type regrouping struct {
	period int64
	gain   []int64   // by sum modulo period: what rounding adds, in parts of period
	best   int64     // the largest gain
	units  [][]int32 // by application: merged classes
	sums   []int64
}

// How many units are regrouped at most, and by how many tries.
const (
	maxRegrouped = 10_000
	maxTries     = 200_000
)

// newRegrouping prepares the gains of rounding: the worth of a sum repeats, period by period.
func newRegrouping(o *Offer) *regrouping {
	g := &regrouping{period: o.Period, gain: make([]int64, o.Period)}
	whole := o.Worth(o.Period, most)
	for sum := range g.gain {
		g.gain[sum] = o.Worth(int64(sum), most)*o.Period - whole*int64(sum)
		g.best = max(g.best, g.gain[sum])
	}
	return g
}

// bound is the most that so many applications give whose units cost so much together.
func (g *regrouping) bound(o *Offer, price, times int64) int64 {
	whole, more := o.Worth(o.Period, most), product(g.best, times)
	if more > most/2 {
		return most
	}
	return price/g.period*whole + (price%g.period*whole+more)/g.period
}

// regroup returns the parts with units moved so that they give more, the work that it was,
// at most so much, and whether they give as much as any choice of units could.
func (j *Joint) regroup(o *Offer, parts []Part, work int) (moved []Part, used int, ok bool) {
	if len(parts) == 0 || o.Shape != Linear || o.Period == 0 || o.Gives != nil || !j.roomy(o) {
		return parts, 0, false
	}
	var units int64
	for i := range parts {
		if units += product(parts[i].Times, o.Needs[0]); units > maxRegrouped {
			return parts, 0, false
		}
	}
	g := newRegrouping(o)
	g.split(j, parts)
	limit := j.mostOfSums(o)
	tries := g.improve(j, o, limit, min(maxTries, work*triesPerState))
	var out []Part
	for k, list := range g.units {
		sum := g.sums[k] // is the room, too: rounding to a step can ask for more than that
		p := Part{Offer: parts[0].Offer, Times: 1, gain: o.Worth(sum, sum)}
		counts := make([]int64, len(j.merged))
		for _, class := range list {
			counts[class]++
		}
		for class, n := range counts {
			if n > 0 {
				p.Takes = append(p.Takes, Take{int32(class), n})
			}
		}
		out = append(out, p)
	}
	return out, tries / triesPerState, total(out) == limit
}

// roomy reports whether floors keep nothing of what an offer's units cost.
func (j *Joint) roomy(o *Offer) bool {
	for i := range j.merged {
		if j.fits(o, i) != 0 && j.merged[i].room != j.merged[i].Price {
			return false
		}
	}
	return true
}

// split makes each application of the parts one of its own.
func (g *regrouping) split(j *Joint, parts []Part) {
	for i := range parts {
		for range parts[i].Times {
			var list []int32
			var sum int64
			for _, t := range parts[i].Takes {
				for range t.Units {
					list = append(list, t.Class)
				}
				sum += t.Units * j.merged[t.Class].Price
			}
			g.units, g.sums = append(g.units, list), append(g.sums, sum)
		}
	}
}

// improve exchanges units of two applications, as a fixed sequence says, wherever rounding
// then adds no less, until together they give as much as limit or the tries are over. It
// returns how many there were.
func (g *regrouping) improve(j *Joint, o *Offer, limit int64, tries int) int {
	total := int64(0)
	for _, sum := range g.sums {
		total += o.Worth(sum, most)
	}
	missing := product(limit-total, g.period)
	draw := sequence(1)
	try := 0
	for ; try < tries && missing > 0; try++ {
		k, l := draw.below(len(g.units)), draw.below(len(g.units))
		x, y := draw.below(len(g.units[k])), draw.below(len(g.units[l]))
		a, b := &g.units[k][x], &g.units[l][y]
		more := j.merged[*b].Price - j.merged[*a].Price
		before := g.gain[g.sums[k]%g.period] + g.gain[g.sums[l]%g.period]
		after := g.gain[(g.sums[k]+more)%g.period] + g.gain[(g.sums[l]-more)%g.period]
		if k != l && after >= before {
			*a, *b = *b, *a
			g.sums[k] += more
			g.sums[l] -= more
			missing -= after - before
		}
	}
	return try
}

// A sequence is numbers without order, the same every time.
type sequence uint64

func (s *sequence) below(n int) int {
	*s = *s*6364136223846793005 + 1442695040888963407 // Knuth's linear congruential generator
	high, _ := bits.Mul64(uint64(*s), uint64(n))      //nolint:gosec // not negative
	return int(high)                                  //nolint:gosec // below n
}
