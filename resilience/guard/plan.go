package guard

import (
	"context"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/retry"
)

// plan is what a guard does. It is immutable, so that a call goes by one plan from its beginning to its end.
type plan struct {
	direct  bool                // the first attempt needs nothing but the fields of this group
	breaker *breaker.Breaker    // nil = none, or engine
	slots   *bulkhead.Semaphore // where no priority is asked for; nil = none, acquire or pool
	budget  retry.Budget        // of policy

	policy   *retry.Policy // judges by the verdict that an attempt's error brings along
	hedger   *retry.Hedger
	engine   breaker.Engine                                 // a foreign one
	acquire  func(context.Context) (bulkhead.Permit, error) // where it takes more than slots
	pool     *bulkhead.Pool
	priority func(context.Context) int // of pool
	timeout  time.Duration

	classify resilience.Classifier
	judge    breaker.Judge // of engine or breaker; nil = none
	parts    Config        // what it was made of
}

// newPlan returns the plan of a config that is valid. Of the failures that carry a code, codes are the ones to retry; nil = by verdict.
func newPlan(cfg Config, codes []string) *plan {
	p := &plan{hedger: cfg.Hedge, pool: cfg.Pool, priority: cfg.Priority, timeout: cfg.AttemptTimeout, classify: cfg.Classify, parts: cfg}
	if native, ok := cfg.Breaker.(*breaker.Breaker); ok {
		p.breaker = native
	} else {
		p.engine = cfg.Breaker
	}
	p.judge, _ = cfg.Breaker.(breaker.Judge)
	switch {
	case cfg.Partitioned != nil:
		p.acquire = func(ctx context.Context) (bulkhead.Permit, error) {
			return cfg.Partitioned.AcquireAt(ctx, cfg.Partition(ctx), priorityOf(ctx, cfg.Priority))
		}
	case cfg.Semaphore != nil && cfg.Priority != nil:
		p.acquire = func(ctx context.Context) (bulkhead.Permit, error) {
			return cfg.Semaphore.AcquireAt(ctx, cfg.Priority(ctx))
		}
	default:
		p.slots = cfg.Semaphore
	}
	p.direct = p.hedger == nil && p.engine == nil && p.pool == nil && p.timeout == 0
	if cfg.Retry == nil {
		return p
	}
	rules := cfg.Retry.Config()
	p.budget, p.classify = rules.Budget, rules.Classify
	p.direct = p.direct && rules.Nested != retry.Eager && (rules.MaxElapsed == 0 || rules.ElapsedFrom != retry.FromCall)
	p.policy = policyOf(unjudging(rules, codes))
	return p
}

// policyOf returns a policy by rules that were those of a policy before.
func policyOf(rules retry.Config) *retry.Policy {
	p, err := retry.New(rules)
	if err != nil {
		panic("guard: the rules of a policy are refused: " + err.Error())
	}
	return p
}

// priorityOf returns the priority of a call.
func priorityOf(ctx context.Context, ask func(context.Context) int) int {
	if ask == nil {
		return 0
	}
	return ask(ctx)
}

// unjudging returns rules that take the verdict of an attempt's error as it was judged in the attempt. Hooks see the errors of fn.
func unjudging(rules retry.Config, codes []string) retry.Config {
	rules.Classify = func(_ context.Context, err error) resilience.Verdict {
		if j, ok := err.(*judged); ok { //nolint:errorlint // attempt returns no other
			return narrowed(j.verdict, codes)
		}
		return resilience.Verdict{}
	}
	rules.OnRetry, rules.OnDone = unwrapping(rules.OnRetry), unwrapping(rules.OnDone)
	return rules
}

// unwrapping returns a hook that sees the errors of fn; nil for nil.
func unwrapping(hook func(context.Context, retry.Event)) func(context.Context, retry.Event) {
	if hook == nil {
		return nil
	}
	return func(ctx context.Context, e retry.Event) {
		e.Err = unjudged(e.Err)
		hook(ctx, e)
	}
}
