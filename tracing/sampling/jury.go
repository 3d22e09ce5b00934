package sampling

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// Reasons that a Jury gives itself.
const (
	NoPolicy = "no-policy"    // none voted, nor had to refuse: the trace is dropped
	Panicked = "policy-panic" // the reason begins so, what the policy panicked with follows: the trace is kept
)

const oneSpan = "one span is enough"

// A Jury comes to decisions by a list of policies. [NewJury] makes it. It is safe for concurrent use.
type Jury struct {
	seats []seat
	drops bool // a policy may drop
}

// A seat is a policy at work.
type seat struct {
	policy  Policy
	name    string
	decider Decider
	drops   bool
}

// NewJury returns a jury of policies; none = Always. The error Is tracing.ErrConfig and names every problem, two policies of one name too.
func NewJury(policies []Policy) (*Jury, error) { return (&Jury{}).With(policies) }

// With returns a jury of other policies. Those of the same name and settings go on with the state that they have in j, which stays as it is.
func (j *Jury) With(policies []Policy) (*Jury, error) {
	if len(policies) == 0 {
		policies = []Policy{Always{}}
	}
	if err := validate(policies); err != nil {
		return nil, err
	}
	next := &Jury{}
	for _, policy := range policies {
		one := seat{policy: policy, name: policy.Name(), drops: drops(policy)}
		next.drops = next.drops || one.drops
		for _, old := range j.seats {
			if old.name == one.name && reflect.DeepEqual(old.policy, policy) {
				one.decider = old.decider
			}
		}
		if one.decider == nil {
			one.decider = policy.NewDecider()
		}
		next.seats = append(next.seats, one)
	}
	return next, nil
}

func validate(policies []Policy) error {
	var errs []error
	refuse := func(err error) { errs = append(errs, fmt.Errorf("sampling: %w: %w", tracing.ErrConfig, err)) }
	seen := map[string]bool{}
	for i, policy := range policies {
		if policy == nil {
			refuse(fmt.Errorf("policy %d: none", i))
			continue
		}
		for _, err := range apart(policy.Validate()) {
			refuse(err)
		}
		switch name := policy.Name(); {
		case name == "":
			refuse(fmt.Errorf("policy %d: no name", i))
		case seen[name]:
			refuse(fmt.Errorf("two policies of the name %q: a Label tells them apart", name))
		default:
			seen[name] = true
		}
	}
	return errors.Join(errs...)
}

// Policies returns the names of the policies, in order.
func (j *Jury) Policies() []string {
	var names []string
	for _, one := range j.seats {
		names = append(names, one.name)
	}
	return names
}

// Early tells whether a span alone keeps its trace, and by which policy and why; "" = it does not, or a policy may drop the trace yet.
func (j *Jury) Early(v tracing.View) (policy, reason string) {
	if j.drops {
		return "", ""
	}
	for i := range j.seats {
		if reason := j.seats[i].early(v); reason != "" {
			return j.seats[i].name, reason
		}
	}
	return "", ""
}

func (s *seat) early(v tracing.View) (reason string) {
	defer func() {
		if r := recover(); r != nil {
			reason = fmt.Sprintf("%s: %v", Panicked, r)
		}
	}()
	if s.decider.Early(v) {
		return oneSpan
	}
	return ""
}

func (s *seat) decide(t *Trace, at time.Time) (verdict Verdict) {
	defer func() {
		if r := recover(); r != nil {
			verdict = Verdict{Vote: VoteKeep, Reason: fmt.Sprintf("%s: %v", Panicked, r)}
		}
	}()
	return s.decider.Decide(*t, at)
}

// Decide decides about a trace. Its policies all vote, and
//
//   - a vote to drop wins, of several the first in order;
//   - else the trace is kept if its R reaches the smallest threshold of the votes to keep, but no less than its Floor;
//   - without a vote it is dropped.
//
// The decision names the policy whose vote it was, of equal thresholds the first, also where R does not reach it; without a vote, the first
// that did not vote because it had to refuse what R would keep, as a rate whose bucket is empty. A policy that panics keeps the trace. biased says that the decision does not follow from R and the threshold alone: a trace that was kept so has no sure weight, and one
// that was dropped is in nobody's.
func (j *Jury) Decide(t Trace, at time.Time) (decision tracing.Decision, biased bool) {
	p := poll{best: -1, refused: -1}
	p.decision = tracing.Decision{Trace: t.ID, Reason: NoPolicy, Threshold: tracing.MaxThreshold, At: at, Closed: t.Closed, Missing: t.Missing}
	// Those that may drop come first, so that rates do not count what is dropped anyway.
	for _, dropping := range []bool{true, false} {
		for i := range j.seats {
			if j.seats[i].drops == dropping && p.take(i, j.seats[i].name, j.seats[i].decide(&t, at), t.Floor) {
				return p.decision, p.biased
			}
		}
	}
	p.decision.Keep = p.best >= 0 && p.decision.Threshold.Keeps(t.R)
	if p.decision.Keep {
		return p.decision, p.biased
	}
	return p.decision, p.refused >= 0
}

// A poll is what the votes on a trace come to.
type poll struct {
	decision tracing.Decision
	biased   bool // the vote that the decision names
	best     int  // the seat that it is of; -1 = none voted to keep
	refused  int  // the first seat that had to refuse; -1 = none
}

// take counts the verdict of a seat, and tells whether it ends the poll.
func (p *poll) take(seat int, name string, verdict Verdict, floor tracing.Threshold) (dropped bool) {
	switch threshold := max(verdict.Threshold, floor); {
	case verdict.Vote == VoteDrop:
		p.name(name, verdict, tracing.MaxThreshold)
		return true
	case verdict.Vote == VoteKeep:
		if p.best < 0 || threshold < p.decision.Threshold || threshold == p.decision.Threshold && seat < p.best {
			p.best = seat
			p.name(name, verdict, threshold)
		}
	case verdict.Biased && p.refused < 0:
		p.refused = seat
		if p.best < 0 {
			p.name(name, verdict, tracing.MaxThreshold)
		}
	}
	return false
}

// name has the decision name whose verdict it was.
func (p *poll) name(name string, verdict Verdict, threshold tracing.Threshold) {
	p.decision.Policy, p.decision.Reason, p.decision.Threshold = name, verdict.Reason, threshold
	p.biased = verdict.Biased
}
