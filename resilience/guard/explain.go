package guard

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tenon-go/tenon/resilience/retry"
)

// Explanation is the worst case of one call.
type Explanation struct {
	// Attempts is how often the function runs at most.
	Attempts int
	// Elapsed is how long the call takes at most, by the upper bounds of delays, hints, waits for a slot and timeouts; Unbounded if there
	// is one that has no bound. A function that ignores its context takes longer.
	Elapsed time.Duration
	// Amplification is how many attempts a call makes, on average, in an outage that lasts. What a ratio budget keeps in reserve per
	// second, and that an open breaker makes it fewer, is not in it.
	Amplification float64
	// Warnings say what in the spec does not go together.
	Warnings []string
}

// Unbounded is the Elapsed of a call that nothing bounds.
const Unbounded time.Duration = math.MaxInt64

// Explain returns the worst case of a call through a guard of the spec. Of a spec that Validate refuses the problems are the first warnings, and sections
// with problems count as absent.
func (s Spec) Explain() Explanation {
	var p problems
	made := s.build(&p, "")
	e := Explanation{Attempts: 1, Amplification: 1}
	for _, problem := range p.list {
		warn(&e, "%v", problem)
	}
	attempt := sum(made.longestWait(), bound(s.AttemptTimeout))
	e.Elapsed = attempt
	if made.policy != nil {
		explainRetries(&e, s.Retry, made.policy.Config(), attempt)
	}
	if made.policy != nil && made.breaker != nil {
		window, retries := made.breaker.Config().Window, ownDelays(made.policy.Config())
		if window < retries {
			warn(&e, "breaker.window %v is shorter than the retries of one call, up to %v: their failures lapse before they add up", window, retries)
		}
	}
	if s.Bulkhead != nil && s.Bulkhead.Limit == 0 {
		warn(&e, "bulkhead.limit 0: every call is refused")
	}
	return e
}

// String draws a table, such as
//
//	attempts       3
//	elapsed        16.75s
//	amplification  x3 in a lasting outage
//	warning        retry has no budget: in an outage every call makes 3 attempts
func (e Explanation) String() string {
	elapsed := "unbounded"
	if e.Elapsed != Unbounded {
		elapsed = e.Elapsed.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "attempts\t%d\nelapsed\t%s\namplification\tx%.4g in a lasting outage\n", e.Attempts, elapsed, e.Amplification)
	for _, warning := range e.Warnings {
		fmt.Fprintf(&b, "warning\t%s\n", warning)
	}
	return aligned(b.String())
}

// explainRetries takes into account a policy that a section was made into; attempt is how long one attempt takes at most.
func explainRetries(e *Explanation, s *RetrySpec, rules retry.Config, attempt time.Duration) {
	e.Attempts = rules.MaxAttempts
	e.Elapsed = sum(allWaits(rules), times(e.Attempts, attempt))
	if rules.MaxElapsed > 0 {
		e.Elapsed = min(e.Elapsed, sum(rules.MaxElapsed, attempt))
	}
	switch all := float64(e.Attempts); {
	case e.Attempts == 1: // nothing to amplify
	case s.Budget == nil:
		e.Amplification = all
		warn(e, "retry has no budget: in an outage every call makes %d attempts", e.Attempts)
	case s.Budget.Kind == ratio:
		e.Amplification = min(all, 1+s.Budget.Ratio)
	}
	if first := rules.Backoff.Delay(retry.Step{Retry: 1, U: 1}); e.Attempts > 1 && rules.MaxElapsed > 0 && rules.MaxElapsed < first {
		warn(e, "retry.max_elapsed %v is below the first delay, up to %v: retries may never be made", rules.MaxElapsed, first)
	}
}

// warn adds a warning.
func warn(e *Explanation, format string, args ...any) {
	e.Warnings = append(e.Warnings, fmt.Sprintf(format, args...))
}

// longestWait is how long an attempt waits for a slot at most.
func (p *parts) longestWait() time.Duration {
	if p.slots.Queue == 0 {
		return 0
	}
	return bound(p.slots.MaxWait)
}

// ownDelays returns how long all delays of one call are together at most, those after throttled attempts or hints apart: a breaker does not
// count these.
func ownDelays(rules retry.Config) time.Duration {
	return longest(rules.MaxAttempts-1, func(n int, prev time.Duration) time.Duration {
		return rules.Backoff.Delay(retry.Step{Retry: n, Prev: prev, U: 1})
	})
}

// allWaits returns how long all waits between the attempts of one call are together at most.
func allWaits(rules retry.Config) time.Duration {
	hint := rules.HintCap
	if rules.HintRule == retry.Exact {
		hint = Unbounded
	}
	return longest(rules.MaxAttempts-1, func(n int, prev time.Duration) time.Duration {
		step := retry.Step{Retry: n, Prev: prev, U: 1}
		delay := rules.Backoff.Delay(step)
		step.Throttled = true
		return sum(max(delay, rules.Backoff.Delay(step)), hint)
	})
}

// longest adds up waits, each of which may depend on the one before. Delays do not fall from one retry to the next, so that the last one
// bounds those that are too many to look at.
func longest(waits int, wait func(n int, prev time.Duration) time.Duration) (total time.Duration) {
	const many = 1000
	var prev time.Duration
	for n := 1; n <= min(waits, many); n++ {
		prev = wait(n, prev)
		total = sum(total, prev)
	}
	if waits > many {
		total = sum(total, times(waits-many, wait(waits, prev)))
	}
	return total
}

// bound returns a duration of which 0 stands for none.
func bound(d time.Duration) time.Duration {
	if d <= 0 {
		return Unbounded
	}
	return d
}

// sum adds durations that are not negative.
func sum(a, b time.Duration) time.Duration {
	if a > Unbounded-b {
		return Unbounded
	}
	return a + b
}

// times multiplies a duration that is not negative.
func times(n int, d time.Duration) time.Duration {
	if d > 0 && time.Duration(n) > Unbounded/d {
		return Unbounded
	}
	return time.Duration(n) * d
}
