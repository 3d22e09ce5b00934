package eval

import "github.com/tenon-go/tenon/money"

// A plan is what an effect would take: by target, and where the effect is on single units,
// by piece of a run. Making one changes no state.
type plan struct {
	parts  []part
	pieces []piece
	total  int64
	times  int64
}

// A part is what a plan takes from one target. Without pieces it is spread over the runs.
type part struct {
	target   int32
	from, to int32 // its pieces, in order of units
	take     int64
}

// A piece is units from..to-1 of a run, all at one price.
type piece struct {
	run      int32
	from, to int64
	take     int64
	used     bool // by a consuming effect, also where nothing is taken
}

func (p *plan) reset() { *p = plan{parts: p.parts[:0], pieces: p.pieces[:0], times: 1} }

// add takes an amount from a target as a whole; nothing is no part.
func (p *plan) add(target int32, take int64) {
	if take > 0 {
		p.parts = append(p.parts, part{target: target, take: take})
		p.total += take
	}
}

// addPiece takes an amount from units of a target; pieces of one target come together.
func (p *plan) addPiece(target int32, c piece) {
	if n := len(p.parts); n == 0 || p.parts[n-1].target != target {
		at := int32(len(p.pieces)) //nolint:gosec // bounded by the cart
		p.parts = append(p.parts, part{target: target, from: at, to: at})
	}
	last := &p.parts[len(p.parts)-1]
	p.pieces = append(p.pieces, c)
	last.to++
	last.take += c.take
	p.total += c.take
}

// extend is addPiece, but units that follow those of the last piece join it: all of them are
// then in one state.
func (p *plan) extend(target int32, c piece) {
	if n := len(p.pieces) - 1; n >= 0 && p.pieces[n].run == c.run && p.pieces[n].to == c.from {
		p.pieces[n].to = c.to
		p.pieces[n].take += c.take
		p.parts[len(p.parts)-1].take += c.take
		p.total += c.take
		return
	}
	p.addPiece(target, c)
}

// cut brings the plan down to a limit: what each target gives up is in proportion to what
// it would have given, so that one without a share gets none.
func (p *plan) cut(limit int64, x *splitter, policy money.Split) {
	if p.total <= limit {
		return
	}
	x.reset()
	for i := range p.parts {
		x.line(p.parts[i].take, p.parts[i].take)
	}
	x.capped(limit, policy)
	p.total = limit
	for i := range p.parts {
		p.parts[i].take = x.shares[i]
	}
	for i := range p.parts {
		part := &p.parts[i]
		pieces := p.pieces[part.from:part.to]
		if len(pieces) == 0 {
			continue
		}
		x.reset()
		for j := range pieces {
			x.line(pieces[j].take, pieces[j].take)
		}
		x.capped(part.take, money.LargestRemainder)
		for j := range pieces {
			pieces[j].take = x.shares[j]
		}
	}
}

// commit takes what the plan says, for a candidate.
func (s *State) commit(candidate int32, p *plan) {
	f := Fired{Candidate: candidate, Amount: p.total, Times: p.times, from: int32(len(s.shares))} //nolint:gosec // bounded
	for i := range p.parts {
		part := &p.parts[i]
		if part.from == part.to {
			s.spread(part.target, part.take)
		}
		for _, c := range p.pieces[part.from:part.to] {
			if c.take == 0 && !c.used {
				continue // nothing happens to these units
			}
			at := c.run
			for s.runs[at].to <= c.from {
				at = s.runs[at].next // the run was cut for a piece before
			}
			at = s.carve(at, c.from, c.to)
			if c.used {
				r := s.runs[at]
				r.used = true
				s.setRun(at, r)
			}
			s.take(part.target, at, c.take)
		}
		if part.take > 0 {
			s.lower(candidate, part.target, part.take)
		}
	}
	f.to = int32(len(s.shares)) //nolint:gosec // bounded by runs x promotions
	s.fired = append(s.fired, f)
	s.taken += p.total
}

// spread takes an amount from a target, over its runs by largest remainder under their
// rooms.
func (s *State) spread(target int32, amount int64) {
	first := s.targets[target].runs
	if s.runs[first].next < 0 {
		s.take(target, first, amount)
		return
	}
	x := &s.m.split
	x.reset()
	for at := first; at >= 0; at = s.runs[at].next {
		x.line(s.runs[at].total, s.runRoom(target, &s.runs[at]))
	}
	x.capped(amount, money.LargestRemainder)
	i := 0
	for at := first; at >= 0; at = s.runs[at].next {
		s.take(target, at, x.shares[i])
		i++
	}
}

// take records what a run gives.
func (s *State) take(target, at int32, amount int64) {
	if amount == 0 {
		return
	}
	r := s.runs[at]
	r.total -= amount
	s.setRun(at, r)
	share := Share{Target: target, From: r.from, To: r.to, Amount: amount}
	if int(target) >= s.m.in.Lines {
		share.To = 0
	}
	s.shares = append(s.shares, share)
}

// lower records what a target gives, and to whom.
func (s *State) lower(candidate, target int32, amount int64) {
	t := s.targets[target]
	t.total -= amount
	if s.m.set.linked {
		s.hits = append(s.hits, hit{candidate, t.hits})
		t.hits = int32(len(s.hits) - 1) //nolint:gosec // bounded by targets x promotions
	}
	s.setTarget(target, t)
	if int(target) < s.m.in.Lines && s.m.in.Targets[target].Gift == "" {
		s.now -= amount
	}
}

// A splitter is money's splits over int64, in memory that it keeps. The caller describes
// lines, and reads shares.
type splitter struct {
	currency money.Currency
	weights  []int64
	open     []int64 // weights of what has room
	caps     []int64
	shares   []int64
	amounts  []money.Amount
}

func (x *splitter) reset() {
	x.weights, x.caps, x.shares = x.weights[:0], x.caps[:0], x.shares[:0]
}

func (x *splitter) line(weight, most int64) {
	x.weights, x.caps, x.shares = append(x.weights, weight), append(x.caps, most), append(x.shares, 0)
}

// capped splits total by weight under the caps; what finds no room is forgone.
func (x *splitter) capped(total int64, s money.Split) {
	x.open = x.open[:0]
	var sum int64
	for i, w := range x.weights {
		if x.caps[i] == 0 {
			w = 0 // what has no room takes no part in the first split either
		}
		x.open = append(x.open, w)
		sum += w
	}
	if sum > 0 && x.plain(total, x.open, s) {
		return
	}
	if len(x.weights) == 0 {
		return
	}
	caps := make([]money.Amount, len(x.caps))
	for i, c := range x.caps {
		caps[i] = money.New(c, x.currency)
	}
	shares, _, err := money.AllocateCapped(money.New(total, x.currency), x.weights, caps, s)
	if err != nil {
		panic("eval: split of a checked cart: " + err.Error())
	}
	for i, share := range shares {
		x.shares[i], _ = share.Minor()
	}
}

// dropped splits total by weight once and forgoes what is above the caps.
func (x *splitter) dropped(total int64, s money.Split) {
	x.plain(total, x.weights, s)
	for i := range x.shares {
		x.shares[i] = min(max(x.shares[i], 0), x.caps[i])
	}
}

// plain splits total by weights and reports whether every share is within 0 and its cap:
// money.AllocateCapped, which allocates, then says the same.
func (x *splitter) plain(total int64, weights []int64, s money.Split) bool {
	if len(weights) == 0 {
		return true
	}
	if len(x.amounts) < len(weights) {
		x.amounts = make([]money.Amount, 2*len(weights))
	}
	amounts := x.amounts[:len(weights)]
	if err := money.AllocateInto(amounts, money.New(total, x.currency), weights, s); err != nil {
		panic("eval: split of a checked cart: " + err.Error())
	}
	within := true
	for i, a := range amounts {
		x.shares[i], _ = a.Minor()
		within = within && x.shares[i] >= 0 && x.shares[i] <= x.caps[i]
	}
	return within
}
