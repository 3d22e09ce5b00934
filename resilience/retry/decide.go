package retry

import (
	"math"
	"time"

	"github.com/tenon-go/tenon/resilience"
)

// History is what is known of a call when one of its attempts has failed. Zero fields are none.
type History struct {
	Attempts     int       // made so far, the failed one included
	Start        time.Time // of the call
	FirstFailure time.Time
	Deadline     time.Time     // of the caller
	Prev         time.Duration // the wait before the failed attempt
	Foreign      time.Duration // what the BackOff of a policy with NewBackOff says; negative = stop
	Restarted    int           // the Attempts after which an Exact hint restarted the sequence of delays
	Repeatable   bool          // a second execution does no harm
	Nested       bool          // the context was marked by an enclosing retry
}

// Next returns the history of the attempt that follows d, as it will be when that attempt has failed.
func (h History) Next(d Decision) History {
	advance(&h, d)
	return h
}

// advance makes h its Next. A History is large enough for a copy to show.
func advance(h *History, d Decision) {
	h.Prev = d.Wait
	if d.Restart {
		h.Prev, h.Restarted = 0, h.Attempts
	}
	h.Attempts++
}

// Decision is what to do after a failure: wait and try again, or stop.
type Decision struct {
	Retry   bool
	Wait    time.Duration // before the next attempt
	Restart bool          // an Exact hint set the wait: the sequence of delays begins anew
	Cause   Cause         // of the stop; 0 when Retry
}

// Decide says whether a call goes on after a failure at the time at that v judges, and after which wait; u is a uniform draw from [0, 1].
// It holds all the rules but two that need more than values: Do also stops when the context is done, and when the budget refuses.
//
// Decide is pure. A process that stores History and verdicts decides the same after a restart.
func (p *Policy) Decide(h History, v resilience.Verdict, at time.Time, u float64) Decision {
	return p.decide(&h, &v, at, u)
}

// decide is Decide without the copies, which show in the cost of a retried attempt. It changes neither h nor v.
func (p *Policy) decide(h *History, v *resilience.Verdict, at time.Time, u float64) Decision {
	if cause := judged(v, h.Repeatable || p.cfg.Idempotent); cause != 0 {
		return Decision{Cause: cause}
	}
	if h.Nested && p.cfg.Nested != Off {
		return Decision{Cause: CauseNested}
	}
	if h.Attempts >= p.cfg.MaxAttempts {
		return Decision{Cause: CauseMaxAttempts}
	}
	wait := p.delay(h, v.Kind == resilience.KindThrottled, u)
	if wait < 0 {
		return Decision{Cause: CauseStopped}
	}
	if v.HasAfter {
		var cause Cause
		if wait, cause = p.hinted(wait, v.After); cause != 0 {
			return Decision{Cause: cause}
		}
	}
	if cause := p.late(h, at, wait); cause != 0 {
		return Decision{Cause: cause}
	}
	return Decision{Retry: true, Wait: wait, Restart: v.HasAfter && p.cfg.HintRule == Exact}
}

// judged returns why the verdict alone ends a call.
func judged(v *resilience.Verdict, repeatable bool) Cause {
	switch {
	case v.Retryable(repeatable):
		return 0
	case v.Kind == resilience.KindRejected:
		return CauseRejected
	case v.Kind == resilience.KindCanceled:
		return CauseCanceled
	case v.Stop:
		return CauseStopped
	default:
		return CausePermanent
	}
}

// delay returns the wait that the policy's own delays ask for. Only that of a foreign BackOff can be negative.
func (p *Policy) delay(h *History, throttled bool, u float64) time.Duration {
	if p.cfg.NewBackOff != nil {
		return h.Foreign
	}
	return max(0, p.cfg.Backoff.Delay(Step{Retry: max(1, h.Attempts-h.Restarted), Prev: h.Prev, Throttled: throttled, U: u}))
}

// hinted returns the wait when the service asked for after, or why the call ends.
func (p *Policy) hinted(delay, after time.Duration) (time.Duration, Cause) {
	latest := delay + min(p.cfg.HintCap, math.MaxInt64-delay)
	switch {
	case p.cfg.HintRule == Exact && after < 0:
		return 0, CauseStopped
	case p.cfg.HintRule == Exact:
		return after, 0
	case p.cfg.HintRule == GiveUp && after > latest:
		return 0, CauseHint
	default:
		return max(delay, min(after, latest)), 0
	}
}

// late returns why a wait that begins at the time at would end too late. At the deadline itself it is too late: the context is done then.
func (p *Policy) late(h *History, at time.Time, wait time.Duration) Cause {
	if !h.Deadline.IsZero() {
		if left := h.Deadline.Sub(at); wait >= left || left-wait < p.cfg.MinRemaining {
			return CauseDeadline
		}
	}
	if p.cfg.MaxElapsed == 0 {
		return 0
	}
	from := h.Start
	if p.cfg.ElapsedFrom == FromFirstFailure {
		from = h.FirstFailure
	}
	if from.IsZero() {
		from = at
	}
	if wait > p.cfg.MaxElapsed-max(0, at.Sub(from)) {
		return CauseElapsed
	}
	return 0
}
