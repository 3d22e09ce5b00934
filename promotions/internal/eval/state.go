package eval

import (
	"math"
	"slices"
)

// A State is all that a promotion's turn reads and changes: what targets cost now, in which
// runs, what has fired, and which slots, accounts and units are left. Changes are
// journalled: Undo brings back what was at a Mark. Indexes of targets are those of
// Input.Targets; those of candidates, of Machine.Candidates.
type State struct {
	m *Machine

	targets []targetState
	runs    []run // linked by next, those of one target in order of units
	fired   []Fired
	shares  []Share
	hits    []hit // linked by next: what took from a target, the latest first

	// counts are free slots of groups, what is left in accounts, and whether a code's
	// account has been debited, as laid out by Machine.
	counts []int64

	now     int64 // cart.subtotal_now
	taken   int64 // by all that have fired
	inStage int   // how many have fired in the stage
	stopped int32 // the candidate after which nothing of the stage fires, or -1

	oldTargets []saved[targetState]
	oldRuns    []saved[run]
	oldCounts  []saved[int64]
}

// A targetState is what a line or charge costs now.
type targetState struct {
	total int64
	runs  int32 // the first
	hits  int32 // the latest, or -1
}

// A run is units from..to-1 of a target, in one state. The first total mod n of its n units
// cost one minor unit more than the others.
type run struct {
	from, to, total int64
	next            int32 // or -1
	used            bool  // by a consuming effect
}

func (r *run) units() int64 { return r.to - r.from }

// upTo is what the first n of the run's units cost.
func (r *run) upTo(n int64) int64 { return upTo(r.total, r.units(), n) }

// upTo is what the first k of n units cost that cost total together.
func upTo(total, n, k int64) int64 { return k*(total/n) + min(k, total%n) }

// A Fired is a candidate that took something.
type Fired struct {
	Candidate int32
	Amount    int64
	Times     int64
	from, to  int32 // its shares
}

// A Share is what a promotion takes from units From..To-1 of a target.
type Share struct {
	Target   int32
	From, To int64
	Amount   int64
}

type hit struct{ candidate, next int32 }

// saved is what an element was before a change.
type saved[T any] struct {
	at  int32
	was T
}

// A Mark is a moment of a State to come back to. It is valid until an earlier one is
// undone.
type Mark struct {
	runs, fired, shares, hits      int
	oldTargets, oldRuns, oldCounts int
	now, taken                     int64
	inStage                        int
	stopped                        int32
}

// Mark returns the present moment.
func (s *State) Mark() Mark {
	return Mark{
		len(s.runs), len(s.fired), len(s.shares), len(s.hits),
		len(s.oldTargets), len(s.oldRuns), len(s.oldCounts), s.now, s.taken, s.inStage, s.stopped,
	}
}

// Undo brings back the state at a mark. It takes time in proportion to what is undone.
func (s *State) Undo(m Mark) {
	s.oldTargets = restore(s.targets, s.oldTargets, m.oldTargets)
	s.oldRuns = restore(s.runs, s.oldRuns, m.oldRuns)
	s.oldCounts = restore(s.counts, s.oldCounts, m.oldCounts)
	s.runs, s.fired, s.shares, s.hits = s.runs[:m.runs], s.fired[:m.fired], s.shares[:m.shares], s.hits[:m.hits]
	s.now, s.taken, s.inStage, s.stopped = m.now, m.taken, m.inStage, m.stopped
}

func restore[T any](list []T, log []saved[T], mark int) []saved[T] {
	for i := len(log) - 1; i >= mark; i-- {
		list[log[i].at] = log[i].was
	}
	return log[:mark]
}

func (s *State) setRun(at int32, r run) {
	s.oldRuns = append(s.oldRuns, saved[run]{at, s.runs[at]})
	s.runs[at] = r
}

func (s *State) setTarget(at int32, t targetState) {
	s.oldTargets = append(s.oldTargets, saved[targetState]{at, s.targets[at]})
	s.targets[at] = t
}

func (s *State) addCount(at int32, n int64) {
	if s.counts[at] == Unlimited || n == 0 {
		return
	}
	s.oldCounts = append(s.oldCounts, saved[int64]{at, s.counts[at]})
	s.counts[at] += n
}

// Unlimited is what an account has left of which nothing is known.
const Unlimited = math.MaxInt64

// begin is the state of a cart that no promotion has touched.
func (s *State) begin(m *Machine) {
	in := m.in
	*s = State{
		m: m, targets: s.targets[:0], runs: s.runs[:0], fired: s.fired[:0], shares: s.shares[:0], hits: s.hits[:0],
		counts: append(s.counts[:0], m.counts...), stopped: -1,
		oldTargets: s.oldTargets[:0], oldRuns: s.oldRuns[:0], oldCounts: s.oldCounts[:0],
	}
	for i := range in.Targets {
		t := &in.Targets[i]
		s.targets = append(s.targets, targetState{t.Total, int32(i), -1})
		s.runs = append(s.runs, run{from: 0, to: t.Quantity, total: t.Total, next: -1})
		if i < in.Lines && t.Gift == "" {
			s.now += t.Total
		}
	}
}

// enterStage forgets what belongs to the stage before.
func (s *State) enterStage() { s.inStage, s.stopped = 0, -1 }

// hasFired reports whether a candidate has fired in this stage.
func (s *State) hasFired(candidate int32) bool {
	return slices.ContainsFunc(s.fired[len(s.fired)-s.inStage:], func(f Fired) bool { return f.Candidate == candidate })
}

// Fired are what has taken something, in their order. It is valid until the next change.
func (s *State) Fired() []Fired { return s.fired }

// Shares are what one that has fired took.
func (s *State) Shares(f *Fired) []Share { return s.shares[f.from:f.to] }

// AllShares are what all that have fired took, in their order.
func (s *State) AllShares() []Share { return s.shares }

// A Run is units From..To-1 of a line and what they cost before and after.
type Run struct{ From, To, Before, After int64 }

// AppendRuns appends the runs of a line.
func (s *State) AppendRuns(list []Run, line int) []Run {
	t := &s.m.in.Targets[line]
	for at := s.targets[line].runs; at >= 0; at = s.runs[at].next {
		r := &s.runs[at]
		before := upTo(t.Total, t.Quantity, r.to) - upTo(t.Total, t.Quantity, r.from)
		list = append(list, Run{r.from, r.to, before, r.total})
	}
	return list
}

// Total is what a target costs now.
func (s *State) Total(target int) int64 { return s.targets[target].total }

// Room is what may still be taken from a target.
func (s *State) Room(target int32) int64 {
	t := &s.m.in.Targets[target]
	return roomOf(s.targets[target].total, t.Floor, t.Quantity)
}

// runRoom is what may still be taken from a run of a target.
func (s *State) runRoom(target int32, r *run) int64 {
	return roomOf(r.total, s.m.in.Targets[target].Floor, r.units())
}

// roomOf is total - floor x units, at least 0, without a product that could wrap.
func roomOf(total, floor, units int64) int64 {
	switch {
	case floor == 0:
		return total
	case floor > total/units:
		return 0
	default:
		return total - floor*units
	}
}

// carve makes units from..to-1 of a run one of their own and returns its index. The parts
// keep the sums of their units.
func (s *State) carve(at int32, from, to int64) int32 {
	r := s.runs[at]
	if from > r.from {
		head := r
		head.to, head.total, head.next = from, r.upTo(from-r.from), int32(len(s.runs)) //nolint:gosec // bounded by the cart
		s.setRun(at, head)
		r = run{from, r.to, r.total - head.total, r.next, r.used}
		at = head.next
		s.runs = append(s.runs, r)
	}
	if to < r.to {
		rest := r
		cut := r.upTo(to - r.from)
		rest.from, rest.total = to, r.total-cut
		r.to, r.total, r.next = to, cut, int32(len(s.runs)) //nolint:gosec // bounded by the cart
		s.runs = append(s.runs, rest)
		s.setRun(at, r)
	}
	return at
}
