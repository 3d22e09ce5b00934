package sampling

import (
	"fmt"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

// Probability keeps a share of traces, by their randomness: all who decide so keep the same ones.
type Probability struct {
	Label string  // = Name; "" = probability
	P     float64 // in [2^-56, 1]
}

// Name returns the label.
func (p Probability) Name() string { return labelOr(p.Label, "probability") }

// Validate wants a P that is a share.
func (p Probability) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(!(p.P >= 0x1p-56 && p.P <= 1), "P %v: want 2^-56 or more, and at most 1", p.P) // Less would keep none.
	return problems.err()
}

// NewDecider returns what votes for every trace with one threshold.
func (p Probability) NewDecider() Decider {
	share := fmt.Sprintf("a share of %v", p.P)
	return probability{Verdict{Vote: VoteKeep, Threshold: tracing.ThresholdOf(p.P), Reason: share}, "beyond " + share}
}

type probability struct {
	verdict Verdict
	beyond  string
}

func (p probability) Early(tracing.View) bool { return false }

func (p probability) Decide(t Trace, _ time.Time) Verdict { return p.verdict.or(p.beyond, t.R) }
