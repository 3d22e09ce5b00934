package naive

import (
	"slices"

	"github.com/tenon-go/tenon/promotions"
)

// turn lets a promotion fire, or notes why not.
func (e *evaluation) turn(s *state, p *promotions.Promotion) {
	a := e.try(s, p)
	e.note(s, p, a)
	if a.reason == "" {
		s.fire(p, a)
	}
}

// note keeps the reason of an answer, and what a gift grants.
func (e *evaluation) note(s *state, p *promotions.Promotion, a answer) {
	if g, ok := p.Effect.(*promotions.FreeGift); ok {
		e.entitled[p.ID] = 0
		if a.reason == "" || a.reason == promotions.NoEffect || a.reason == promotions.BudgetExceeded {
			e.entitled[p.ID] = e.entitledTo(s, p, g)
		}
	}
	delete(e.rejected, p.ID)
	if a.reason != "" {
		e.rejected[p.ID] = promotions.Rejection{Promotion: p.ID, Reason: a.reason, Other: a.other}
	}
}

// late reports whether a reason, or none, is looked for after another.
func late(r, than promotions.Reason) bool {
	order := []promotions.Reason{
		promotions.NotStarted, promotions.Ended, promotions.NoCode, promotions.OtherCurrency, promotions.NeedsCustomer,
		promotions.LimitReached, promotions.ConditionFailed, promotions.ExclusiveOther, promotions.Stopped, promotions.GroupFull,
		promotions.Conflicts, promotions.NoEffect, promotions.BudgetExceeded, promotions.NotBest, "",
	}
	return slices.Index(order, r) > slices.Index(order, than)
}

// exclusiveInCart looks for a promotion that stands alone in the whole cart.
func (e *evaluation) exclusiveInCart(s *state) bool {
	return e.alone(s, e.order, promotions.InCart)
}

// alone lets the first exclusive promotion that would fire do so, and no other.
func (e *evaluation) alone(s *state, of []*promotions.Promotion, kind promotions.Exclusive) bool {
	at := slices.IndexFunc(of, func(p *promotions.Promotion) bool {
		return p.Stack.Exclusive == kind && e.try(s, p).reason == ""
	})
	if at < 0 {
		return false
	}
	first, stage := s.clone(), -1
	for i, p := range of {
		if e.stageOf(p) != stage {
			first, stage = s.clone(), e.stageOf(p)
		}
		on := s
		if e.sideBySide(stage) {
			on = first
		}
		switch a := e.try(on, p); {
		case i == at:
			e.note(s, p, a)
			s.fire(p, a)
		case late(a.reason, promotions.ExclusiveOther):
			e.note(on, p, answer{reason: promotions.ExclusiveOther})
		default:
			e.note(on, p, a)
		}
	}
	return true
}

// sideBySide reports whether the members of a stage are all tried on what the stages
// before left, and not in turn.
func (e *evaluation) sideBySide(stage int) bool {
	mode := e.stages[stage].Mode
	return mode == promotions.Best || mode == promotions.Lowest || mode == promotions.Optimal
}

func (e *evaluation) stage(s *state, index int) {
	members := e.members(index)
	switch st := e.stages[index]; {
	case st.Mode == promotions.Optimal:
		e.optimal(s, members)
	case st.Mode == promotions.Best || st.Mode == promotions.Lowest:
		if st.By == promotions.ByLine {
			e.contest(s, members, st.Mode)
			return
		}
		e.oneOf(s, members, st.Mode)
	case st.Mode == promotions.Sequential && e.alone(s, members, promotions.InStage):
	default:
		for _, p := range members {
			e.turn(s, p)
		}
	}
}

// better reports whether an amount wins over another.
func better(mode promotions.Mode, a, than int64) bool {
	if mode == promotions.Lowest {
		return a < than
	}
	return a > than
}

// oneOf tries each promotion alone, and lets the one with the best total fire.
func (e *evaluation) oneOf(s *state, members []*promotions.Promotion, mode promotions.Mode) {
	before := s.clone()
	best, amount := -1, int64(0)
	for i, p := range members {
		if a := e.try(s, p); a.reason == "" && (best < 0 || better(mode, a.plan.total(), amount)) {
			best, amount = i, a.plan.total()
		}
	}
	for i, p := range members {
		if i == best {
			e.turn(s, p)
			continue
		}
		a := e.try(before, p)
		if a.reason == "" {
			a.reason = promotions.NotBest
		}
		e.note(before, p, a)
	}
}

// contest tries each promotion alone and lets each target go to the one that takes
// most, or least, from it. A winner that then may not fire is out, and the contest
// is held again.
//
//nolint:gocognit // the rules one after the other, as they are written down
func (e *evaluation) contest(s *state, members []*promotions.Promotion, mode promotions.Mode) {
	answers := make([]answer, len(members))
	out := make([]bool, len(members))
	for i, p := range members {
		answers[i] = e.try(s, p)
		if answers[i].reason != "" {
			out[i] = true
			e.note(s, p, answers[i])
		}
	}
	for {
		after := s.clone()
		won := winners(s, answers, out, mode)
		failed := false
		for i, p := range members {
			if out[i] {
				continue
			}
			a := answers[i]
			a.plan = a.plan.only(won, i)
			if len(a.plan) == 0 {
				e.note(s, p, answer{reason: promotions.NotBest})
				continue
			}
			if a.reason, a.other = e.barred(after, p); a.reason == "" && e.exhausted(after, p, a.code) {
				a.reason = promotions.LimitReached
			}
			if a.reason == "" {
				a.plan, a.reason = e.cut(after, p, a.plan)
			}
			if e.note(s, p, a); a.reason != "" {
				out[i], failed = true, true
				break
			}
			after.fire(p, a)
		}
		if !failed {
			*s = *after
			return
		}
	}
}

// winners are the members that win each target.
func winners(s *state, answers []answer, out []bool, mode promotions.Mode) map[int]int {
	won := make(map[int]int)
	for target := range s.targets {
		most := int64(0)
		for i, a := range answers {
			share := a.plan.of(target)
			if out[i] || share == 0 {
				continue
			}
			if _, taken := won[target]; !taken || better(mode, share, most) {
				won[target], most = i, share
			}
		}
	}
	return won
}

// of is what a plan takes from a target.
func (p plan) of(target int) int64 {
	sum := int64(0)
	for _, part := range p {
		if part.target == target {
			sum += part.total()
		}
	}
	return sum
}

// only is a copy of the parts of a plan on targets that a member won.
func (p plan) only(won map[int]int, member int) plan {
	var out plan
	for _, part := range p {
		if winner, ok := won[part.target]; ok && winner == member {
			part.cuts = slices.Clone(part.cuts)
			out = append(out, part)
		}
	}
	return out
}
