package guard

import (
	"context"
	"slices"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/retry"
)

// judged is the error of an attempt with what it means, on its way from the attempt, where breaker and bulkhead act on it, to the policy.
// Callers do not meet it, but in the tree below a refusal.
type judged struct {
	err     error
	verdict resilience.Verdict
	outcome breaker.Outcome
}

func (j *judged) Error() string { return j.err.Error() }
func (j *judged) Unwrap() error { return j.err }

// Verdict makes a retry.Hedger go by it too.
func (j *judged) Verdict() resilience.Verdict { return j.verdict }

// busy reports whether the service was too busy for the attempt, so that an adaptive limit should fall.
func (j *judged) busy() bool {
	return j.verdict.Kind == resilience.KindTimeout || j.verdict.Kind == resilience.KindThrottled
}

// judged judges the error of an attempt, once.
func (p *plan) judged(ctx context.Context, err error) *judged {
	if j, ok := err.(*judged); ok { //nolint:errorlint // an inner layer has judged it
		return j
	}
	v := p.classify.Judge(ctx, err)
	return &judged{err, v, p.outcome(v, err)}
}

// unused is judged for an attempt in which fn did not run: whatever that means to the policy, it says nothing of the service.
func (p *plan) unused(ctx context.Context, err error) *judged {
	return &judged{err, p.classify.Judge(ctx, err), breaker.Unused}
}

// outcome returns what the breaker is to count. As in breaker.Do, an engine that judges errors itself has a say.
func (p *plan) outcome(v resilience.Verdict, err error) breaker.Outcome {
	if p.judge != nil && v.Kind != resilience.KindRejected {
		if o := p.judge.Outcome(err); o != 0 {
			return o
		}
	}
	return breaker.OutcomeOf(v)
}

// narrowed returns the verdict that a policy goes by which retries the answers with certain codes only. What has no code is left to the
// verdict, and so is what such an answer means to a breaker. Rejections do not come here: they are what they are to every policy.
func narrowed(v resilience.Verdict, codes []string) resilience.Verdict {
	if len(codes) == 0 || v.Code == "" || v.Kind == resilience.KindCanceled {
		return v
	}
	switch listed := slices.Contains(codes, v.Code); {
	case !listed:
		v.Kind = resilience.KindPermanent
	case v.Kind == resilience.KindPermanent:
		v.Kind = resilience.KindTransient
	}
	return v
}

// unjudged returns the error that fn returned.
func unjudged(err error) error {
	if j, ok := err.(*judged); ok { //nolint:errorlint // attempt returns no other
		return j.err
	}
	return err
}

// failure returns the error of a call: that of a policy or a hedger, which nobody else has seen yet, with the errors that fn returned; or that
// of the only attempt.
func failure(err error) error {
	e, ok := err.(*retry.Error) //nolint:errorlint // of this call, and not of one inside
	if !ok {
		return unjudged(err)
	}
	e.Last = unjudged(e.Last)
	for i := range e.Attempts {
		e.Attempts[i].Err = unjudged(e.Attempts[i].Err)
	}
	return e
}
