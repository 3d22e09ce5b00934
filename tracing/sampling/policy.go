package sampling

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// A Policy says which traces to keep. Ours are plain structs of settings; an own one is any type with these methods.
type Policy interface {
	// Name tells policies of one list apart, and stands in decisions. It is not empty.
	Name() string
	// Validate returns every problem of the settings, joined; nil = none.
	Validate() error
	// NewDecider returns what decides, with a state of its own. It may panic where Validate returned an error.
	NewDecider() Decider
}

// A Decider decides by a policy, and holds what the policy has to remember. It is safe for concurrent use.
type Decider interface {
	// Early tells whether this span alone keeps its trace, whatever comes: if so, Decide of any trace with it must vote VoteKeep with
	// threshold 0. A policy that cannot know says false. It is called for each span, and must not keep the view.
	Early(v tracing.View) bool
	// Decide votes on a trace that was closed, at the time of the decision. It must not keep t or its views, and its vote and threshold
	// must not depend on t.R: a vote to keep counts only where t.R reaches the threshold.
	Decide(t Trace, at time.Time) Verdict
}

// A Dropper is an own policy whose deciders may vote VoteDrop. While there is one, no trace is kept early. It is an optional ability of a Policy;
// the vote of who does not have it is no reason to wait.
type Dropper interface {
	Drops() bool
}

// A Vote is for or against a trace.
type Vote uint8

// Votes.
const (
	VoteAbstain Vote = iota
	VoteKeep         // where R reaches the threshold
	VoteDrop         // whatever the others say
)

// String returns "abstain", "keep" or "drop".
func (v Vote) String() string {
	switch v {
	case VoteKeep:
		return "keep"
	case VoteDrop:
		return "drop"
	default:
		return "abstain"
	}
}

// A Verdict is what one policy says about a trace.
type Verdict struct {
	Vote      Vote
	Threshold tracing.Threshold // of VoteKeep; 0 = whatever R is
	Reason    string            // in a few words; of VoteKeep it may tell whether R reaches the threshold
	// Biased says that the vote does not follow from Threshold and R alone, as of a rate that had to refuse a trace which R would keep:
	// the weights of what it decides are off.
	Biased bool
}

// keeps tells whether the verdict keeps a trace of randomness r.
func (v Verdict) keeps(r uint64) bool { return v.Vote == VoteKeep && v.Threshold.Keeps(r) }

// or returns the verdict with the reason beyond where randomness r does not reach its threshold.
func (v Verdict) or(beyond string, r uint64) Verdict {
	if !v.keeps(r) {
		v.Reason = beyond
	}
	return v
}

// A rule is a decider without a state.
type rule struct {
	early  func(tracing.View) bool // nil = never
	keeps  func(Trace) bool
	reason string
}

func (r rule) Early(v tracing.View) bool { return r.early != nil && r.early(v) }

func (r rule) Decide(t Trace, _ time.Time) Verdict {
	if r.keeps(t) {
		return Verdict{Vote: VoteKeep, Reason: r.reason}
	}
	return Verdict{}
}

// labelOr returns the label of a policy, or the name of its kind.
func labelOr(label, kind string) string {
	if label != "" {
		return label
	}
	return kind
}

// problems collects what is wrong with a policy.
type problems struct {
	name string
	errs []error
}

func (p *problems) refuse(bad bool, format string, args ...any) {
	if bad {
		p.errs = append(p.errs, fmt.Errorf(p.name+": "+format, args...))
	}
}

// add takes over the problems of a policy within.
func (p *problems) add(err error) {
	for _, err := range apart(err) {
		p.errs = append(p.errs, fmt.Errorf("%s: %w", p.name, err))
	}
}

func (p *problems) err() error { return errors.Join(p.errs...) }

// apart returns the errors that were joined.
func apart(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, apart(err)...)
	}
	return all
}
