package guard

import (
	"maps"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/retry"
)

// Spec says what a guard is made of, as it stands in a file; ParseSpecs reads and MarshalJSON writes it:
//
//	{"retry":    {"max_attempts": 3, "budget": {"kind": "token", "tokens": 100, "ratio": 0.1}},
//	 "breaker":  {"failure_ratio": 0.5},
//	 "bulkhead": {"limit": 64, "queue": 32, "max_wait": "250ms"},
//	 "attempt_timeout": "2s"}
//
// A section that is absent is a part that the guard does not have: the zero Spec lets all calls pass. An absent key, and one that is 0, stands
// for the default of the part that it belongs to. Durations are text. Pools, hedges and adaptive limits are for code alone.
type Spec struct {
	Retry          *RetrySpec
	Breaker        *BreakerSpec
	Bulkhead       *BulkheadSpec
	AttemptTimeout time.Duration // 0 = none
}

// RetrySpec is the retry section. Where nothing else is said, its fields are those of retry.Config.
type RetrySpec struct {
	MaxAttempts int // 0 = 3
	// RetryOn are the codes, such as "503", of the answers that are retried. Failures without a code go by their verdict, and breaker and
	// bulkhead go by it always. Empty = all go by their verdict.
	RetryOn []string
	Backoff *BackoffSpec // nil = the default of a policy
	Budget  *BudgetSpec  // nil = none

	MaxElapsed   time.Duration // counted from the call; 0 = none
	MinRemaining time.Duration
	HintCap      time.Duration // 0 = 5 s
	HintRule     retry.HintRule
	Nested       retry.Nesting
	Idempotent   bool
}

// BackoffSpec is the backoff of a retry section. A field that its kind does not have must be unset.
type BackoffSpec struct {
	Kind      string        // "fixed", "linear" or "exponential"; "" = exponential
	Base      time.Duration // exponential: 0 = 100 ms
	Throttled time.Duration // of exponential; 0 = 1 s, or Base if that is more
	Factor    float64       // of exponential; 0 = 2
	Step      time.Duration // of linear
	Cap       time.Duration // 0 = none; exponential: 0 = 20 s, or the longest of the above
	Jitter    string        // "none", "full", "equal", "decorrelated" or "proportional"; "" = full for exponential, else none
	Part      float64       // of proportional
}

// BudgetSpec is the budget of a retry section. A field that its kind does not have must be unset.
type BudgetSpec struct {
	Kind          string        // "token", "quota" or "ratio"
	Tokens        int           // of token and quota
	Ratio         float64       // of token and ratio
	Cost          float64       // of quota; 0 = 14
	ThrottledCost float64       // of quota; 0 = 5
	TTL           time.Duration // of ratio
	PerSecond     float64       // of ratio
}

// BreakerSpec is the breaker section. Its fields are those of breaker.Config.
type BreakerSpec struct {
	FailureRatio        float64       // 0 = 0.5; negative = off
	MinCalls            int           // 0 = 20
	ConsecutiveFailures int           // 0 = off
	Window              time.Duration // 0 = 10 s
	Buckets             int           // 0 = 10
	SlowCall            time.Duration // 0 = off
	SlowRatio           float64       // 0 = 0.5
	OpenFor             time.Duration // 0 = 5 s
	OpenMax             time.Duration // 0 = 60 s
	Probes              int           // 0 = 1
}

// BulkheadSpec is the bulkhead section: a semaphore, or with weights a partitioned one. Its fields are those of bulkhead.Config.
type BulkheadSpec struct {
	Limit   int // required in a file: 0 refuses every call
	Queue   int // 0 = none
	MaxWait time.Duration
	Order   bulkhead.Order
	Weights map[string]int // of partitions; needs RegistryConfig.Partition
}

// clone returns a copy that shares nothing, in which what is empty is nil.
func (s Spec) clone() Spec {
	if s.Retry != nil {
		r := *s.Retry
		r.RetryOn = append([]string(nil), r.RetryOn...) // nil for none, as below
		r.Backoff, r.Budget = copied(r.Backoff), copied(r.Budget)
		s.Retry = &r
	}
	s.Breaker = copied(s.Breaker)
	if s.Bulkhead != nil {
		b := *s.Bulkhead
		if b.Weights = maps.Clone(b.Weights); len(b.Weights) == 0 {
			b.Weights = nil
		}
		s.Bulkhead = &b
	}
	return s
}

// copied returns a copy of a section.
func copied[T any](section *T) *T {
	if section == nil {
		return nil
	}
	c := *section
	return &c
}

// The names of kinds in specs.
const (
	fixed       = "fixed"
	linear      = "linear"
	exponential = "exponential"

	token = "token"
	quota = "quota"
	ratio = "ratio"

	proportional = "proportional"
)

// keys returns the keys of a spec.
func keys(s *Spec) table {
	return table{fields: []field{
		section("retry", &s.Retry),
		section("breaker", &s.Breaker),
		section("bulkhead", &s.Bulkhead),
		duration("attempt_timeout", &s.AttemptTimeout),
	}}
}

func (s *RetrySpec) keys() table {
	return table{fields: []field{
		number("max_attempts", &s.MaxAttempts),
		texts("retry_on", &s.RetryOn),
		section("backoff", &s.Backoff),
		section("budget", &s.Budget),
		duration("max_elapsed", &s.MaxElapsed),
		duration("min_remaining", &s.MinRemaining),
		duration("hint_cap", &s.HintCap),
		choice("hint_rule", &s.HintRule, "give_up", "clamp", "exact"),
		choice("nested", &s.Nested, "lazy", "eager", "off"),
		truth("idempotent", &s.Idempotent),
	}}
}

func (s *BackoffSpec) keys() table {
	return table{fields: []field{
		text("kind", &s.Kind),
		duration("base", &s.Base),
		duration("throttled", &s.Throttled),
		number("factor", &s.Factor),
		duration("step", &s.Step),
		duration("cap", &s.Cap),
		text("jitter", &s.Jitter),
		number("part", &s.Part),
	}}
}

func (s *BudgetSpec) keys() table {
	return table{needs: s.needs(), fields: []field{
		text("kind", &s.Kind),
		number("tokens", &s.Tokens),
		number("ratio", &s.Ratio),
		number("cost", &s.Cost),
		number("throttled_cost", &s.ThrottledCost),
		duration("ttl", &s.TTL),
		number("per_second", &s.PerSecond),
	}}
}

// needs returns the keys that a budget of the kind must have: its parameters have no defaults, and 0 is 0.
func (s *BudgetSpec) needs() []string {
	switch s.Kind {
	case token:
		return []string{"tokens", "ratio"}
	case quota:
		return []string{"tokens"}
	case ratio:
		return []string{"ttl", "per_second", "ratio"}
	default:
		return []string{"kind"}
	}
}

func (s *BreakerSpec) keys() table {
	return table{fields: []field{
		number("failure_ratio", &s.FailureRatio),
		number("min_calls", &s.MinCalls),
		number("consecutive_failures", &s.ConsecutiveFailures),
		duration("window", &s.Window),
		number("buckets", &s.Buckets),
		duration("slow_call", &s.SlowCall),
		number("slow_ratio", &s.SlowRatio),
		duration("open_for", &s.OpenFor),
		duration("open_max", &s.OpenMax),
		number("probes", &s.Probes),
	}}
}

func (s *BulkheadSpec) keys() table {
	return table{needs: []string{"limit"}, fields: []field{
		number("limit", &s.Limit),
		number("queue", &s.Queue),
		duration("max_wait", &s.MaxWait),
		choice("order", &s.Order, "fifo", "lifo_when_late"),
		numbers("weights", &s.Weights),
	}}
}
