package pricing

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// A Snapshot is a compiled rule set: immutable, safe for concurrent use, and
// without a clock or any I/O. [Compile] makes one.
type Snapshot struct {
	version       uint64
	digest        Digest
	effectiveFrom time.Time
	policy        Policy
	set           *eval.Set
	machines      sync.Pool // of *eval.Machine
}

// newSnapshot indexes rules that Compile has checked and lowered, sorted by ID,
// and seals the schema of their conditions. Of rs it copies what is not a rule.
func newSnapshot(rs *RuleSet, digest Digest, policy eval.Policy, rules []eval.Rule, schema *predicate.Schema) *Snapshot {
	set := eval.Build(policy, rules, schema)
	return &Snapshot{
		version:       rs.Version,
		digest:        digest,
		effectiveFrom: rs.EffectiveFrom,
		policy:        clonePolicy(rs.Policy),
		set:           set,
		machines:      sync.Pool{New: func() any { return set.NewMachine(false) }},
	}
}

// Version is the rule set's version; 0 is a draft's.
func (s *Snapshot) Version() uint64 { return s.version }

// Digest is that of the policy and the rules; version and time are no part of it.
func (s *Snapshot) Digest() Digest { return s.digest }

// EffectiveFrom is the whole second from which the set is in force.
func (s *Snapshot) EffectiveFrom() time.Time { return s.effectiveFrom }

// Len is the number of rules.
func (s *Snapshot) Len() int { return s.set.Len() }

// Policy returns a copy of the policy.
func (s *Snapshot) Policy() Policy { return clonePolicy(s.policy) }

// Rules yields the rules by ID, each made anew from its compiled form, so that a
// snapshot does not keep two copies of a million rules.
func (s *Snapshot) Rules() iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		for i := range s.set.Len() {
			if !yield(liftRule(s.set, i)) {
				return
			}
		}
	}
}

// Price answers a query. The error is that of the quote: [ErrNoPrice],
// [*AmbiguousError], [ErrCost], [*RateError], [money.ErrRange] where no amount
// holds a result, [money.ErrCurrency] for a cost in a currency that the policy
// does not convert; and, for a bad query, [ErrQuery], [ErrQuantity], [ErrCost],
// [ErrTime] and [money.ErrCurrency], joined where there are several.
//
// The cost is one map lookup for each of the query's ids and the rules of these
// scopes, whatever the size of the set.
func (s *Snapshot) Price(q Query) (Quote, error) {
	var quote Quote
	err := s.PriceInto(&q, &quote)
	return quote, err
}

// PriceInto is Price into dst, whose steps it reuses: with a dst of an earlier
// call it allocates nothing while the arithmetic stays within 64 bits. On an
// error dst holds Err alone. It only reads q.
func (s *Snapshot) PriceInto(q *Query, dst *Quote) error {
	m := s.machine()
	defer s.release(m)
	return s.priceInto(m, q, dst)
}

// PriceBatch prices queries of one second into dst, of the same length. A line's
// error is in its quote; a line without a time is one of the snapshot's own
// making only where time does not matter, else [ErrTime]. The returned error,
// [ErrQuery], is about the call, unequal lengths or two seconds, and then in
// every quote too.
func (s *Snapshot) PriceBatch(qs []Query, dst []Quote) error {
	if err := checkBatch(qs, dst); err != nil {
		return failAll(dst, err)
	}
	m := s.machine()
	defer s.release(m)
	for i := range qs {
		_ = s.priceInto(m, &qs[i], &dst[i]) // the line's error is in its quote
	}
	return nil
}

func checkBatch(qs []Query, dst []Quote) error {
	if len(qs) != len(dst) {
		return fmt.Errorf("pricing: batch: %d queries, %d quotes: %w", len(qs), len(dst), ErrQuery)
	}
	first := -1
	for i := range qs {
		switch {
		case qs[i].At.IsZero():
		case first < 0:
			first = i
		case qs[i].At.Unix() != qs[first].At.Unix():
			return fmt.Errorf("pricing: batch: query %d is at %s, query %d at %s: %w",
				first, qs[first].At.UTC().Format(time.RFC3339), i, qs[i].At.UTC().Format(time.RFC3339), ErrQuery)
		}
	}
	return nil
}

// failAll leaves no quote of an earlier call behind a failed one.
func failAll(dst []Quote, err error) error {
	for i := range dst {
		_ = failQuote(&dst[i], err)
	}
	return err
}

func (s *Snapshot) machine() *eval.Machine {
	m, _ := s.machines.Get().(*eval.Machine)
	return m
}

// release lets go of the query, so that the pool keeps no caller's memory alive.
func (s *Snapshot) release(m *eval.Machine) {
	m.Release()
	s.machines.Put(m)
}

func (s *Snapshot) priceInto(m *eval.Machine, q *Query, dst *Quote) error {
	if err := s.load(q, m); err != nil {
		return failQuote(dst, err)
	}
	if err := m.Price(); err != nil {
		return failQuote(dst, wrap(q, err))
	}
	s.fill(dst, q, m)
	return nil
}

// fill writes a machine's result into dst, which may hold an earlier quote: every
// field is set, one by one, because a copy of a whole quote costs as much as a rule.
func (s *Snapshot) fill(dst *Quote, q *Query, m *eval.Machine) {
	r := &m.Result
	dst.Unit, dst.Line, dst.List, dst.Advertised, dst.Floor = r.Unit, r.Line, r.List, r.Advertised, r.Floor
	dst.Net, dst.Tax, dst.Gross, dst.PerLine = r.Net, r.Tax, r.Gross, r.PerLine
	dst.Steps = dst.Steps[:0]
	for i := range r.Steps {
		dst.Steps = append(dst.Steps, stepOf(&r.Steps[i]))
	}
	dst.FX = FXUsed{From: r.FX.From, To: r.FX.To, Stale: r.FX.Stale}
	for i, leg := range r.FX.Legs {
		if leg.Rate > 0 {
			dst.FX.Rates[i] = q.Rates.list[leg.Rate-1]
		}
	}
	dst.At, dst.NextChange = time.Time{}, time.Time{}
	if m.Query.Timed {
		dst.At = time.Unix(m.Query.At, 0).UTC()
	}
	if r.NextChange != 0 {
		dst.NextChange = time.Unix(r.NextChange, 0).UTC()
	}
	dst.Version, dst.Digest = s.version, s.digest
	dst.Unsure, dst.Exact, dst.Err = false, r.Exact, nil
}

func stepOf(of *eval.Step) Step {
	step := Step{Stage: StageTotal, Before: of.Before, After: of.After, Delta: of.Delta}
	if rule := of.Rule; rule != nil {
		step.Rule, step.Label = rule.ID, cmp.Or(rule.Label, rule.ID)
		step.Kind, step.Stage = Kind(rule.Kind), Stage(rule.Kind.Stage())
	}
	return step
}

// failQuote leaves err alone in a quote, and the memory of its steps.
func failQuote(dst *Quote, err error) error {
	*dst = Quote{Steps: dst.Steps[:0], Err: err}
	return err
}

// wrap says in the words of this package why a query has no price.
func wrap(q *Query, err error) error {
	fault, ok := errors.AsType[*eval.FaultError](err)
	if !ok {
		return err
	}
	switch fault.Why {
	case eval.FaultPrice:
		err = ErrNoPrice
	case eval.FaultAmbiguous:
		ambiguous := &AmbiguousError{Stage: Stage(fault.Stage)}
		for _, rule := range fault.Rules {
			ambiguous.Rules = append(ambiguous.Rules, rule.ID)
		}
		err = ambiguous
	case eval.FaultCost:
		err = fmt.Errorf("cost missing: %w", ErrCost)
	case eval.FaultCostCurrency:
		err = fmt.Errorf("cost in %s, price in %s: %w", fault.From, fault.To, money.ErrCurrency)
	case eval.FaultRate, eval.FaultStale:
		err = &RateError{From: fault.From, To: fault.To, Stale: fault.Why == eval.FaultStale}
	case eval.FaultAmount:
		err = fault.Err
	}
	if fault.Rule != nil {
		err = fmt.Errorf("rule %s: %w", fault.Rule.ID, err)
	}
	return fmt.Errorf("pricing: price%s: %w", subject(q), err)
}

func clonePolicy(p Policy) Policy {
	if p.LineRounding != nil {
		rounding := *p.LineRounding
		p.LineRounding = &rounding
	}
	p.Combine = maps.Clone(p.Combine)
	p.Currencies = slices.Clone(p.Currencies)
	return p
}

// A Quote is the answer to a query: amounts in the query's currency, and the
// steps that made them.
type Quote struct {
	// Unit is the price of one after all rules and the policy's rounding; where
	// PerLine is set it is Line/quantity, for show, and zero for a quantity of zero.
	Unit money.Amount
	// Line is Unit x quantity, rounded to the minor unit; or the charge itself.
	Line money.Amount
	// List is the price stage's price, rounded as Unit is.
	List money.Amount
	// Advertised is Unit, or the minimum advertised price if that is higher.
	Advertised money.Amount
	// Floor is the strongest lower bound per unit, rounded up where it has more than
	// four digits beyond the minor unit; the zero Amount is none.
	Floor money.Amount
	// Net, Tax and Gross of the line are zero Amounts without a tax rate.
	Net, Tax, Gross money.Amount
	// PerLine says that the steps show the line and not the unit.
	PerLine bool
	// Steps start at zero and their deltas sum to Unit (to Line where PerLine).
	Steps []Step
	// FX is the conversion that the price rule needed, if any.
	FX FXUsed
	// At is the query's second.
	At time.Time
	// Version and Digest name the snapshot.
	Version uint64
	Digest  Digest
	// NextChange is never later than the first second at which the same query
	// may cost something else; zero: no change known.
	NextChange time.Time
	// Unsure says that another node may know a newer version in force.
	Unsure bool
	// Exact says that the arithmetic left 64 bits and ran on big rationals.
	Exact bool
	// Err says why there is no price; everything else is then zero.
	Err error
}

// A Step is one rule's part of a quote. Amounts are for show: at the minor unit
// and four digits more. The last step, where rounding changed the value, has no
// rule and no kind, and StageTotal.
type Step struct {
	Rule, Label          string
	Kind                 Kind
	Stage                Stage
	Before, After, Delta money.Amount
}

// FXUsed tells how a price rule in another currency was converted. The zero
// value: not at all.
type FXUsed struct {
	From, To money.Currency
	// Rates are the legs in order, as they were handed in (an inverse leg has
	// From and To the other way round); the second is zero for a direct rate.
	Rates [2]Rate
	// Stale says that a rate older than the policy's MaxAge was used, for the
	// price, a cost or a guard.
	Stale bool
}
