package eval

// stages runs the stages in their order.
func (m *Machine) stages(solve Solver) {
	m.aloneInCart()
	cart := m.alone
	end := 0
	for n := range m.set.Stages {
		stage, from := &m.set.Stages[n], end
		for end < len(m.Candidates) && int(m.Candidates[end].pos) < stage.end {
			end++
		}
		list := m.stage[:0]
		for i := from; i < end; i++ {
			if m.Candidates[i].final == Fires {
				list = append(list, int32(i))
			}
		}
		m.stage = list
		m.State.enterStage()
		before := m.State.taken
		bound := m.runStage(stage, list, solve)
		m.Outcome.Bound += max(bound, m.State.taken-before)
		m.alone = cart
	}
}

// aloneInCart finds the first promotion that stands alone in the cart and would fire on it
// untouched.
func (m *Machine) aloneInCart() {
	for i := range m.Candidates {
		c := &m.Candidates[i]
		if c.P.Stack.Exclusive != InCart || m.alone >= 0 {
			continue
		}
		if at := int32(i); m.State.plan(at, &m.plan).reason == Fires {
			m.alone = at
		}
	}
}

// runStage runs one stage; what it returns is a bound on what it could take, if it knows.
func (m *Machine) runStage(stage *Stage, list []int32, solve Solver) (bound int64) {
	switch {
	case stage.Mode == Sequential:
		m.sequential(list)
	case stage.Mode == First:
		m.firstOf(list)
	case stage.Mode == Optimal:
		return m.optimal(list, solve)
	case stage.ByLine:
		m.byLine(list, stage.Mode)
	default:
		m.bestOf(list, stage.Mode)
	}
	return 0
}

// turn gives a candidate its turn and records what comes of it.
func (m *Machine) turn(at int32) bool {
	r := m.State.plan(at, &m.plan)
	if r.reason != Fires {
		m.reject(at, r)
		return false
	}
	m.State.apply(at, &m.plan)
	return true
}

// sequential gives each its turn; the first that stands alone and would fire keeps out the
// others, also those before it.
func (m *Machine) sequential(list []int32) {
	for _, at := range list {
		if m.alone >= 0 {
			break
		}
		if m.Candidates[at].P.Stack.Exclusive == InStage && m.State.plan(at, &m.plan).reason == Fires {
			m.alone = at
		}
	}
	for _, at := range list {
		m.turn(at)
	}
}

// firstOf stops at the first that fires.
func (m *Machine) firstOf(list []int32) {
	for _, at := range list {
		if m.turn(at) {
			m.State.stopped = at
		}
	}
}

// bestOf lets the one fire that takes most, or least.
func (m *Machine) bestOf(list []int32, mode Mode) {
	var winner int32 = -1
	var most int64
	for _, at := range list {
		r := m.State.plan(at, &m.plan)
		if r.reason != Fires {
			m.reject(at, r)
		} else if winner < 0 || better(mode, m.plan.total, most) {
			winner, most = at, m.plan.total
		}
	}
	if winner >= 0 {
		m.turn(winner)
		m.notBest(list, winner)
	}
}

func better(mode Mode, a, b int64) bool {
	if mode == Lowest {
		return a < b
	}
	return a > b
}

// notBest rejects those that nothing else keeps out and that have not fired.
func (m *Machine) notBest(list []int32, winner int32) {
	for _, at := range list {
		if m.Candidates[at].final == Fires && !m.State.hasFired(at) {
			m.reject(at, refusal{NotBest, winner, -1})
		}
	}
}

// A bid is what a candidate would take from one target, with its pieces in Machine.bids.
type bid struct {
	candidate int32
	part      part
}

// byLine lets on each target the one fire that would take most from it, or least. Winners
// of different lines can still be in each other's way: then the later one, in canonical
// order, is out, and its lines go to who is next.
func (m *Machine) byLine(list []int32, mode Mode) {
	for awarded := false; !awarded; {
		m.bid(list)
		awarded = m.award(list, mode)
	}
	for _, at := range list {
		if m.Candidates[at].final == Fires && !m.State.hasFired(at) {
			m.reject(at, refusal{NotBest, -1, -1})
		}
	}
}

// bid collects what each candidate would take alone.
func (m *Machine) bid(list []int32) {
	m.bids, m.bidPieces = m.bids[:0], m.bidPieces[:0]
	for _, at := range list {
		if m.Candidates[at].final != Fires {
			continue
		}
		if r := m.State.plan(at, &m.plan); r.reason != Fires {
			m.reject(at, r)
			continue
		}
		shift := int32(len(m.bidPieces)) //nolint:gosec // bounded by runs x promotions
		m.bidPieces = append(m.bidPieces, m.plan.pieces...)
		for _, p := range m.plan.parts {
			if p.take > 0 {
				p.from, p.to = p.from+shift, p.to+shift
				m.bids = append(m.bids, bid{at, p})
			}
		}
	}
}

// award gives each target to its best bid; false, with nothing given, where that failed and
// one candidate is rejected.
func (m *Machine) award(list []int32, mode Mode) bool {
	start := m.State.Mark()
	winners := m.winners[:0] // by target, in bids
	for range m.in.Targets {
		winners = append(winners, -1)
	}
	m.winners = winners
	for i := range m.bids {
		w := &winners[m.bids[i].part.target]
		if *w < 0 || better(mode, m.bids[i].part.take, m.bids[*w].part.take) {
			*w = int32(i)
		}
	}
	for _, at := range list {
		m.won(at, winners)
		if m.plan.total == 0 {
			continue
		}
		c := &m.Candidates[at]
		r := m.State.affords(c)
		if r.reason == Fires {
			r = m.State.barred(at, c)
		}
		if r.reason == Fires {
			r = m.State.limit(c, m.plan.total, &m.plan)
		}
		if r.reason != Fires {
			m.State.Undo(start)
			m.reject(at, r)
			return false
		}
		m.State.apply(at, &m.plan)
	}
	return true
}

// won makes the plan of what a candidate has won.
func (m *Machine) won(at int32, winners []int32) {
	m.plan.reset()
	for _, w := range winners {
		if w < 0 || m.bids[w].candidate != at {
			continue
		}
		p := m.bids[w].part
		if p.from == p.to {
			m.plan.add(p.target, p.take)
		}
		for _, c := range m.bidPieces[p.from:p.to] {
			m.plan.addPiece(p.target, c)
		}
	}
}

// optimal lets a solver choose.
func (m *Machine) optimal(list []int32, solve Solver) int64 {
	start := len(m.State.fired)
	open := m.optimals[:0]
	for _, at := range list {
		r := m.State.plan(at, &m.plan)
		if r.reason != Fires {
			m.reject(at, r)
		}
		if m.Candidates[at].reason == Fires {
			open = append(open, at)
		}
	}
	m.optimals = open
	if len(open) == 0 {
		return 0
	}
	found := solve(&m.State, open, m.in.Nodes)
	m.Outcome.Optimal = m.Outcome.Optimal && found.Optimal
	m.Outcome.Nodes += found.Nodes
	for _, f := range m.State.fired[start:] {
		m.accept(f.Candidate)
	}
	m.notBest(list, -1)
	return found.Bound
}
