package guard

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/retry"
	"github.com/tenon-go/tenon/resilience/retry/budget"
)

// parts are what a spec is made into.
type parts struct {
	spec        Spec
	rules       retry.Config // of the policy
	policy      *retry.Policy
	breaker     *breaker.Breaker
	slots       bulkhead.Config // of semaphore or partitioned
	semaphore   *bulkhead.Semaphore
	partitioned *bulkhead.Partitioned
}

// Validate returns what is wrong with the spec, an ErrSpec that joins a *Problem for each value; nil if nothing is.
func (s Spec) Validate() error {
	var p problems
	s.build(&p, "")
	return p.err()
}

// check adds the problems of specs.
func check(p *problems, specs map[string]Spec) {
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if name == "" {
			p.add(under("", name), "a guard without a name")
		}
		specs[name].build(p, under("", name))
	}
}

// build makes the spec into parts for looking at, as if there were all that a registry can have.
func (s Spec) build(p *problems, path string) *parts {
	c := RegistryConfig{Partition: func(context.Context) string { return "" }}
	return c.build(p, path, "", s)
}

// build makes a spec into parts of its own. It leaves out sections with problems, be they found before or by it.
func (c *RegistryConfig) build(p *problems, path, name string, s Spec) *parts {
	made := &parts{spec: s}
	var err error
	found := len(p.list)
	if at := under(path, "retry"); s.Retry != nil && !p.unread(at) {
		made.rules = s.Retry.rules(p, at)
		made.rules.Classify, made.rules.Now, made.rules.Rand = c.Classify, c.Now, c.Rand
		made.rules.OnRetry, made.rules.OnDone = named(name, c.OnRetry), named(name, c.OnDone)
		made.policy, err = retry.New(made.rules)
		if p.addAll(at, err); len(p.list) > found {
			made.policy, made.rules = nil, retry.Config{}
		}
	}
	if at := under(path, "breaker"); s.Breaker != nil && !p.unread(at) {
		cfg := s.Breaker.config()
		cfg.Name, cfg.OnChange, cfg.Now, cfg.Rand = name, c.OnChange, c.Now, c.Rand
		made.breaker, err = breaker.New(cfg)
		p.addAll(at, err)
	}
	found = len(p.list)
	if at := under(path, "bulkhead"); s.Bulkhead != nil && !p.unread(at) {
		made.slots = bulkhead.Config{Queue: s.Bulkhead.Queue, MaxWait: s.Bulkhead.MaxWait, Order: s.Bulkhead.Order, Now: c.Now}
		if len(s.Bulkhead.Weights) == 0 {
			made.semaphore, err = bulkhead.New(s.Bulkhead.Limit, made.slots)
		} else {
			made.partitioned, err = bulkhead.NewPartitioned(s.Bulkhead.Limit, s.Bulkhead.Weights, made.slots)
		}
		p.addAll(at, err)
		if len(s.Bulkhead.Weights) > 0 && c.Partition == nil {
			p.add(under(at, "weights"), "want a RegistryConfig.Partition, which says whose a call is")
		}
		if len(p.list) > found {
			made.semaphore, made.partitioned, made.slots = nil, nil, bulkhead.Config{}
		}
	}
	if s.AttemptTimeout < 0 {
		p.add(under(path, "attempt_timeout"), "%v: want more than 0, or 0 for none", s.AttemptTimeout)
	}
	return made
}

// named returns a hook for the calls of one guard; nil for nil.
func named(name string, hook func(context.Context, string, retry.Event)) func(context.Context, retry.Event) {
	if hook == nil {
		return nil
	}
	return func(ctx context.Context, e retry.Event) { hook(ctx, name, e) }
}

// rules returns the config of a policy.
func (s *RetrySpec) rules(p *problems, path string) retry.Config {
	for _, code := range s.RetryOn {
		if code == "" {
			p.add(under(path, "retry_on"), `"": want a code such as "503"`)
		}
	}
	rules := retry.Config{
		MaxAttempts: s.MaxAttempts, MaxElapsed: s.MaxElapsed, MinRemaining: s.MinRemaining,
		HintCap: s.HintCap, HintRule: s.HintRule, Nested: s.Nested, Idempotent: s.Idempotent,
	}
	if s.Backoff != nil {
		rules.Backoff = s.Backoff.backoff(p, under(path, "backoff"))
	}
	if s.Budget != nil {
		rules.Budget = s.Budget.budget(p, under(path, "budget"))
	}
	return rules
}

// The values of an exponential backoff that its spec leaves out: those of a policy's default backoff.
const (
	defaultBase      = 100 * time.Millisecond
	defaultThrottled = time.Second
	defaultCap       = 20 * time.Second
)

// backoff returns the backoff, nil where there is a problem that keeps it from being one.
func (s *BackoffSpec) backoff(p *problems, path string) retry.Backoff {
	jitter := s.jitter(p, path)
	unset := func(set bool, key string) {
		if set {
			p.add(under(path, key), "a %s backoff has none", s.Kind)
		}
	}
	switch s.Kind {
	case fixed:
		unset(s.Throttled != 0, "throttled")
		unset(s.Factor != 0, "factor")
		unset(s.Step != 0, "step")
		return retry.Fixed{Base: s.Base, Cap: s.Cap, Jitter: jitter}
	case linear:
		unset(s.Throttled != 0, "throttled")
		unset(s.Factor != 0, "factor")
		return retry.Linear{Base: s.Base, Step: s.Step, Cap: s.Cap, Jitter: jitter}
	case exponential, "":
		if s.Step != 0 {
			p.add(under(path, "step"), "an %s backoff has none", exponential)
		}
		b := retry.Exponential{Base: s.Base, Throttled: s.Throttled, Factor: s.Factor, Cap: s.Cap, Jitter: jitter}
		if b.Base == 0 {
			b.Base = defaultBase
		}
		if b.Throttled == 0 {
			b.Throttled = max(defaultThrottled, b.Base)
		}
		if b.Cap == 0 {
			b.Cap = max(defaultCap, b.Base, b.Throttled)
		}
		return b
	default:
		p.add(under(path, "kind"), "%q: want %s", s.Kind, oneOf([]string{fixed, linear, exponential}))
		return nil
	}
}

// jitter returns the jitter of a backoff.
func (s *BackoffSpec) jitter(p *problems, path string) retry.Jitter {
	if s.Jitter == proportional {
		if !(s.Part > 0 && s.Part <= 1) {
			p.add(under(path, "part"), "%v: want more than 0, up to 1", s.Part)
			return retry.None
		}
		return retry.Proportional(s.Part)
	}
	if s.Part != 0 {
		p.add(under(path, "part"), "only %s jitter has one", proportional)
	}
	if s.Jitter == "" {
		return 0
	}
	var names []string
	for jitter := retry.None; jitter <= retry.Decorrelated; jitter++ {
		if jitter.String() == s.Jitter {
			return jitter
		}
		names = append(names, jitter.String())
	}
	p.add(under(path, "jitter"), "%q: want %s", s.Jitter, oneOf(append(names, proportional)))
	return 0
}

// budget returns the budget, nil where there is a problem that keeps it from being one.
func (s *BudgetSpec) budget(p *problems, path string) retry.Budget {
	unset := func(set bool, key string) {
		if set {
			p.add(under(path, key), "a %s budget has none", s.Kind)
		}
	}
	var (
		made retry.Budget
		err  error
	)
	switch s.Kind {
	case token:
		made, err = budget.NewToken(s.Tokens, s.Ratio)
	case quota:
		made, err = budget.NewQuota(s.Tokens, budget.QuotaConfig{Cost: s.Cost, ThrottledCost: s.ThrottledCost})
	case ratio:
		made, err = budget.NewRatio(s.TTL, s.PerSecond, s.Ratio)
	default:
		p.add(under(path, "kind"), "%q: want %s", s.Kind, oneOf([]string{token, quota, ratio}))
		return nil
	}
	unset(s.Kind == ratio && s.Tokens != 0, "tokens")
	unset(s.Kind == quota && s.Ratio != 0, "ratio")
	unset(s.Kind != quota && s.Cost != 0, "cost")
	unset(s.Kind != quota && s.ThrottledCost != 0, "throttled_cost")
	unset(s.Kind != ratio && s.TTL != 0, "ttl")
	unset(s.Kind != ratio && s.PerSecond != 0, "per_second")
	p.addAll(path, err)
	if err != nil {
		return nil
	}
	return made
}

// config returns the config of a breaker.
func (s *BreakerSpec) config() breaker.Config {
	return breaker.Config{
		FailureRatio: s.FailureRatio, MinCalls: s.MinCalls, ConsecutiveFailures: s.ConsecutiveFailures,
		Window: s.Window, Buckets: s.Buckets, SlowCall: s.SlowCall, SlowRatio: s.SlowRatio,
		OpenFor: s.OpenFor, OpenMax: s.OpenMax, Probes: s.Probes,
	}
}
