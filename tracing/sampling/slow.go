package sampling

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/internal/sketch"
	"github.com/tenon-go/tenon/tracing"
)

const (
	maxOperations = 4096    // that have a sketch of their own; the rest share one
	enough        = 100     // traces of an operation before its quantile counts
	halveAt       = 100_000 // traces, so that what was slow last year does not decide what is slow
)

// Slow keeps traces that took long, from the first start to the last end. All conditions that are set have to hold.
type Slow struct {
	Label string        // = Name; "" = slow
	Over  time.Duration // that a trace takes at least; 0 = no condition
	Below time.Duration // that it stays below; 0 = no condition
	// Quantile, in (0, 1), that a trace exceeds among those of its operation, which is the service and name of its root: with 0.99 the
	// slowest hundredth. 0 = no condition. All are kept until an operation has 100. 4,096 operations, of names of at most 1,024
	// bytes, are told apart; the rest is one, and so are the traces without a root.
	Quantile float64
}

// Name returns the label.
func (p Slow) Name() string { return labelOr(p.Label, "slow") }

// Validate wants Over or Quantile.
func (p Slow) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(p.Over < 0, "Over %v: want 0 or more", p.Over)
	problems.refuse(p.Below < 0 || p.Below > 0 && p.Below <= p.Over, "Below %v: want 0, or more than Over %v", p.Below, p.Over)
	problems.refuse(!(p.Quantile >= 0 && p.Quantile < 1), "Quantile %v: want 0 or more, and less than 1", p.Quantile)
	problems.refuse(p.Over == 0 && p.Quantile == 0, "Over and Quantile: want one of them")
	return problems.err()
}

// NewDecider returns what measures, and with Quantile remembers.
func (p Slow) NewDecider() Decider {
	extent := rule{
		keeps:  func(t Trace) bool { return t.Duration() >= p.Over && (p.Below == 0 || t.Duration() < p.Below) },
		reason: fmt.Sprintf("took %v or longer", p.Over),
	}
	if p.Quantile > 0 {
		return &quantile{extent: extent, share: p.Quantile, reason: fmt.Sprintf("above quantile %v of its operation", p.Quantile), sketches: map[operation]*sketch.Sketch{}}
	}
	if p.Below == 0 {
		extent.early = func(v tracing.View) bool {
			return v.Duration() >= p.Over && !v.Start().IsZero() // From a start that is not told the way is long.
		}
	}
	return extent
}

// An operation is the service and name of a root.
type operation struct{ service, name string }

// A quantile compares traces with those of their operation.
type quantile struct {
	extent rule
	share  float64
	reason string

	mu       sync.Mutex
	sketches map[operation]*sketch.Sketch
	rest     sketch.Sketch
}

func (q *quantile) Early(tracing.View) bool { return false }

func (q *quantile) Decide(t Trace, at time.Time) Verdict {
	count, below := q.rank(t)
	verdict := q.extent.Decide(t, at)
	switch {
	case verdict.Vote == VoteAbstain:
	case count < enough:
		verdict.Reason = "one of the first of its operation"
	case float64(below) < q.share*float64(count):
		verdict = Verdict{}
	default:
		verdict.Reason = q.reason
	}
	return verdict
}

// rank returns how many traces of its operation came before, and how many of them took less. Then it adds the trace.
func (q *quantile) rank(t Trace) (count, below uint64) {
	service, name := t.operation()
	q.mu.Lock()
	defer q.mu.Unlock()
	s, ok := q.sketches[operation{service, name}]
	switch {
	case ok:
	case len(q.sketches) < maxOperations && len(service)+len(name) <= maxKeyBytes:
		s = &sketch.Sketch{}
		q.sketches[operation{strings.Clone(service), strings.Clone(name)}] = s
	default:
		s = &q.rest
	}
	count, below = s.Count(), s.Below(t.Duration())
	s.Add(t.Duration())
	if s.Count() >= halveAt {
		s.Halve()
	}
	return count, below
}
