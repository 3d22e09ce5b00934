package sampling

import (
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// And keeps what all of its policies keep, with the largest threshold. They are asked in order until one does not, so that rates, put last,
// count only what the others keep.
type And struct {
	Label string   // = Name; "" = and
	Of    []Policy // one at least
}

// Name returns the label.
func (p And) Name() string { return labelOr(p.Label, "and") }

// Validate wants policies that keep.
func (p And) Validate() error {
	problems := problems{name: p.Name()}
	problems.keepers("Of", p.Of)
	return problems.err()
}

// NewDecider returns deciders of all policies.
func (p And) NewDecider() Decider { return &and{decidersOf(p.Of)} }

type and struct{ of []Decider }

func (a *and) Early(tracing.View) bool { return false }

func (a *and) Decide(t Trace, at time.Time) Verdict {
	all := Verdict{Vote: VoteKeep}
	for _, decider := range a.of {
		verdict := decider.Decide(t, at)
		if verdict.Vote != VoteKeep {
			return Verdict{Biased: verdict.Biased || all.Biased, Reason: verdict.Reason}
		}
		all.Biased = all.Biased || verdict.Biased
		if all.Reason == "" || verdict.Threshold > all.Threshold {
			all.Reason = verdict.Reason
		}
		all.Threshold = max(all.Threshold, verdict.Threshold)
		if !all.keeps(t.R) {
			break
		}
		t.Floor = max(t.Floor, all.Threshold) // The next one sees only what came through.
	}
	return all
}

// Not keeps what its policy does not.
type Not struct {
	Label  string // = Name; "" = not
	Policy Policy // one that does not sample: the weights of what it does not keep would be unknown
}

// Name returns the label.
func (p Not) Name() string { return labelOr(p.Label, "not") }

// Validate wants a policy that keeps by what a trace is.
func (p Not) Validate() error {
	problems := problems{name: p.Name()}
	problems.sure(p.Policy)
	return problems.err()
}

// NewDecider returns what turns the vote.
func (p Not) NewDecider() Decider {
	return &turned{of: p.Policy.NewDecider(), otherwise: Verdict{Vote: VoteKeep, Reason: "not " + p.Policy.Name()}}
}

// Drop drops what its policy keeps, whatever others say. While it is in a list no trace is kept early. The decision names the Drop, and in its
// reason the policy within; two of one list need labels, since both are called drop.
type Drop struct {
	Label  string // = Name; "" = drop
	Policy Policy // one that does not sample: the weights of what is left would be unknown. And with Probability, in First, does that.
}

// Name returns the label.
func (p Drop) Name() string { return labelOr(p.Label, "drop") }

// Validate wants a policy that keeps by what a trace is.
func (p Drop) Validate() error {
	problems := problems{name: p.Name()}
	problems.sure(p.Policy)
	return problems.err()
}

// NewDecider returns what turns the vote.
func (p Drop) NewDecider() Decider {
	return &turned{of: p.Policy.NewDecider(), within: p.Policy.Name(), kept: Verdict{Vote: VoteDrop}}
}

// turned votes kept where its decider keeps, and otherwise where it does not.
type turned struct {
	of              Decider
	within          string // name of its policy, which stands in the reason of kept
	kept, otherwise Verdict
}

func (d *turned) Early(tracing.View) bool { return false }

func (d *turned) Decide(t Trace, at time.Time) Verdict {
	inner := d.of.Decide(t, at)
	verdict := d.otherwise
	if inner.keeps(t.R) {
		verdict = d.kept
		if verdict.Vote == VoteDrop {
			verdict.Reason = d.within + ": " + inner.Reason
		}
	}
	verdict.Biased = inner.Biased || inner.Vote == VoteKeep && inner.Threshold > 0
	return verdict
}

// First takes the first vote that is no abstention.
type First struct {
	Label string   // = Name; "" = first
	Of    []Policy // one at least; the last decides the rest
}

// Name returns the label.
func (p First) Name() string { return labelOr(p.Label, "first") }

// Validate wants policies.
func (p First) Validate() error {
	problems := problems{name: p.Name()}
	problems.members("Of", p.Of)
	return problems.err()
}

// NewDecider returns deciders of all policies.
func (p First) NewDecider() Decider { return &first{decidersOf(p.Of)} }

type first struct{ of []Decider }

func (f *first) Early(tracing.View) bool { return false }

func (f *first) Decide(t Trace, at time.Time) Verdict {
	refused := Verdict{}
	for _, decider := range f.of {
		verdict := decider.Decide(t, at)
		if verdict.Vote != VoteAbstain {
			return verdict
		}
		if verdict.Biased && !refused.Biased {
			refused = verdict
		}
	}
	return refused
}

func decidersOf(policies []Policy) []Decider {
	var all []Decider
	for _, policy := range policies {
		all = append(all, policy.NewDecider())
	}
	return all
}

// drops tells whether a policy may vote VoteDrop.
func drops(p Policy) bool {
	switch p := p.(type) {
	case Drop:
		return true
	case First:
		return some(p.Of, drops)
	case Dropper:
		return p.Drops()
	}
	return false
}

// samples tells whether a policy may keep with a threshold above 0; of a foreign one nobody knows.
func samples(p Policy) bool {
	switch p := p.(type) {
	case Probability, Rate, Bytes, Composite, PerKey:
		return true
	case And:
		return some(p.Of, samples)
	case First:
		return some(p.Of, samples)
	}
	return false
}

func some(policies []Policy, holds func(Policy) bool) bool {
	for _, policy := range policies {
		if policy != nil && holds(policy) {
			return true
		}
	}
	return false
}

// members refuses a list without policies, or with bad ones.
func (p *problems) members(field string, of []Policy) {
	p.refuse(len(of) == 0, "%s: want one policy at least", field)
	for i, policy := range of {
		if policy == nil {
			p.refuse(true, "%s[%d]: no policy", field, i)
			continue
		}
		p.add(policy.Validate())
	}
}

// keepers refuses policies that drop where only keeping counts.
func (p *problems) keepers(field string, of []Policy) {
	p.members(field, of)
	for i, policy := range of {
		p.refuse(policy != nil && drops(policy), "%s[%d]: a policy that drops never keeps: put Drop around the whole", field, i)
	}
}

// sure refuses a policy that samples, or drops.
func (p *problems) sure(policy Policy) {
	if policy == nil {
		p.refuse(true, "Policy: want one")
		return
	}
	p.add(policy.Validate())
	p.refuse(drops(policy), "Policy: one that drops never keeps")
	p.refuse(samples(policy), "Policy: %s samples, so that what it does not keep would have no weight", policy.Name())
}
