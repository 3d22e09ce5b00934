package consume

import "slices"

// spread says for parts of merged classes which classes their units are of, first things
// first. Applications of a bundle that it makes unequal are parts of their own.
func (j *Joint) spread(parts []Part) []Part {
	used := make([]int64, len(j.Classes))
	var out []Part
	for _, p := range parts {
		if j.Offers[p.Offer].Gains != nil {
			own := Part{Offer: p.Offer, Times: 1, gain: p.gain * p.Times}
			own.Got = j.members(p.Got, p.Times, used)
			own.Takes = j.members(p.Takes, p.Times, used)
			out = append(out, own)
			continue
		}
		for p.Times > 0 {
			same := p.Times
			for _, t := range p.Takes {
				same = min(same, j.within(t, used))
			}
			own := Part{Offer: p.Offer, Times: same, gain: p.gain}
			own.Takes = j.members(p.Takes, 1, used)
			for _, t := range own.Takes {
				used[t.Class] += t.Units * (same - 1)
			}
			out = append(out, own)
			p.Times -= same
		}
	}
	return out
}

// within is how many times so many units are of one class, or 1.
func (j *Joint) within(t Take, used []int64) int64 {
	for _, class := range j.merged[t.Class].members {
		if left := j.Classes[class].Count - used[class]; left > 0 {
			return max(left/t.Units, 1)
		}
	}
	return 1
}

// members takes units of merged classes out of their classes.
func (j *Joint) members(takes []Take, times int64, used []int64) []Take {
	var out []Take
	for _, t := range takes {
		left := t.Units * times
		for _, class := range j.merged[t.Class].members {
			if n := min(left, j.Classes[class].Count-used[class]); n > 0 {
				out = append(out, Take{class, n})
				used[class] += n
				left -= n
			}
		}
	}
	slices.SortFunc(out, func(a, b Take) int { return int(a.Class - b.Class) })
	return out
}
