package pricing

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/money"
)

// What a caller may test for with [errors.Is]. A currency that is unknown or
// of another amount is [money.ErrCurrency]; a result that no Amount holds is
// [money.ErrRange].
var (
	// ErrNoPrice says that no rule of the price stage is a candidate.
	ErrNoPrice = errors.New("no price")
	// ErrAmbiguous says that rules of equal rank give different results.
	ErrAmbiguous = errors.New("ambiguous rules")
	// ErrQuantity says that a quantity is negative, over 10^12 or finer than 6 decimals.
	ErrQuantity = errors.New("bad quantity")
	// ErrCost says that a rule needs a cost that the query lacks, or that it is negative.
	ErrCost = errors.New("no usable cost")
	// ErrRate says that a rate is missing, stale, or not above zero.
	ErrRate = errors.New("no usable rate")
	// ErrTime says that the set has dates and the query has no time.
	ErrTime = errors.New("time required")
	// ErrQuery says that a query is malformed or over a limit.
	ErrQuery = errors.New("bad query")
	// ErrState says that a thing is not in the state that the call needs.
	ErrState = errors.New("wrong state")
	// ErrConflict says that somebody else was faster, or that a version has another content.
	ErrConflict = errors.New("conflict")
	// ErrNotFound says that there is no such book, draft or version.
	ErrNotFound = errors.New("not found")
	// ErrTorn says that a stored set is incomplete or altered.
	ErrTorn = errors.New("torn rule set")
	// ErrUnsure says that a newer version may be in force on other nodes.
	ErrUnsure = errors.New("newer version possible")
)

// An AmbiguousError names the rules of equal rank that give different results.
// It is [ErrAmbiguous].
type AmbiguousError struct {
	Stage Stage
	Rules []string // sorted
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%v in stage %v: %s", ErrAmbiguous, e.Stage, listed(e.Rules))
}

// listed joins ids for a text, which names ten of them at most.
func listed(ids []string) string {
	const most = 10
	if len(ids) <= most {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
}

// Is reports whether target is ErrAmbiguous.
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// A RateError names the pair for which there is no usable rate. It is [ErrRate].
type RateError struct {
	From, To money.Currency
	Stale    bool // a rate is there, but older than Policy.MaxAge
}

func (e *RateError) Error() string {
	why := "missing"
	if e.Stale {
		why = "stale"
	}
	return fmt.Sprintf("%v from %s to %s: %s", ErrRate, e.From, e.To, why)
}

// Is reports whether target is ErrRate.
func (e *RateError) Is(target error) bool { return target == ErrRate }

// A Problem is one thing that is wrong with a rule set or a query.
type Problem struct {
	// Code is stable. Of the form: syntax, depth, type, unknown_key, repeated_key,
	// number, time, name. Of a query: query, quantity, currency, cost, rate. Of a
	// rule alone: id, duplicate_id, label, kind, scope, priority, exclusive, window,
	// quantity, currency, effect, range, charge, formula, condition. Between rules:
	// cycle, depth (of formulas), ambiguous, floor_above_ceiling. Of the set:
	// policy, time (of effective_from), limit (too many rules).
	Code string `json:"code"`
	// Rules are the ids of the rules concerned, sorted, those of a cycle in its
	// order; empty where it is the policy's, or where a rule has no id.
	Rules []string `json:"rules,omitempty"`
	// Path is the JSON path, by the rule's index in the rule set as it was given:
	// rules[3].charge.steps[1].up_to. Empty for a problem between rules.
	Path string `json:"path,omitempty"`
	// Text names rule, place and fault, in one line.
	Text string `json:"text"`
}

// A Finding is something in a rule set that is legal and probably not meant.
type Finding struct {
	// Code is stable: overlap (equal rank, and conditions that may hold together),
	// duplicate, shadowed (a better rank covers all of it), unsatisfiable, ended,
	// no_price (an adjustment of what has no price), sale_not_below (a list price, or
	// below a floor), gap (between volume rules), no_pivot, unguarded (a currency
	// without the guard that another has), unfinished (too many pairs to compare).
	Code string `json:"code"`
	// Rules are the ids of the rules concerned, sorted.
	Rules []string `json:"rules,omitempty"`
	// Path is empty but for findings in one rule.
	Path string `json:"path,omitempty"`
	// Text says it in one line.
	Text string `json:"text"`
}

// A ParseError is all that is wrong with the form of a text. Its Unwrap gives
// the causes, so that [errors.Is] finds [money.ErrCurrency] and others among them.
type ParseError struct {
	Problems []Problem `json:"problems"`
	More     int       `json:"more,omitzero"` // problems beyond the first 1,000
	what     string
	causes   []error
}

func (e *ParseError) Error() string { return problemText("parse "+e.what, e.Problems, e.More) }

// Unwrap returns the cause of each problem.
func (e *ParseError) Unwrap() []error { return e.causes }

// A CompileError is all that is wrong with a rule set, by rule id. Its Unwrap
// gives an [*AmbiguousError] for each group of rules of equal rank that meet, and
// [money.ErrCurrency] for currencies.
type CompileError struct {
	Problems []Problem `json:"problems"`
	More     int       `json:"more,omitzero"` // problems beyond the first 1,000
	causes   []error
}

func (e *CompileError) Error() string { return problemText("compile", e.Problems, e.More) }

// Unwrap returns the causes that a caller may test for.
func (e *CompileError) Unwrap() []error { return e.causes }

// maxProblems is how many problems an error holds; the rest is counted.
const maxProblems = 1000

// problemText is one line, or one for each problem.
func problemText(what string, problems []Problem, more int) string {
	if len(problems) == 1 && more == 0 {
		return fmt.Sprintf("pricing: %s: %s", what, problems[0].Text)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "pricing: %s: %d problems", what, len(problems)+more)
	for _, p := range problems {
		b.WriteString("\n\t" + p.Text)
	}
	if more > 0 {
		fmt.Fprintf(&b, "\n\tand %d more", more)
	}
	return b.String()
}

// A report collects the problems of a rule set.
type report struct {
	problems []Problem
	causes   []cause
	more     int

	place int      // of the rule at hand in the rule set
	rule  *Rule    // nil: the policy
	bad   bool     // it has a problem
	keys  []string // where: what cannot be read may break another law as well
}

// A cause belongs to a problem.
type cause struct {
	rules []string
	err   error
}

// at begins with a rule, or with the policy.
func (r *report) at(place int, rule *Rule) {
	r.place, r.rule, r.bad, r.keys = place, rule, false, r.keys[:0]
}

// fail reports a problem at a key of the rule at hand, or of the policy: the first
// one there.
func (r *report) fail(code, key, format string, args ...any) {
	r.failCause(nil, code, key, format, args...)
}

// failCause is fail with an error to test for.
func (r *report) failCause(err error, code, key, format string, args ...any) {
	if slices.Contains(r.keys, key) {
		return
	}
	r.keys = append(r.keys, key)
	p := Problem{Code: code, Path: "policy." + key}
	where := "policy"
	if r.rule != nil {
		p.Path = fmt.Sprintf("rules[%d].%s", r.place, key)
		where = fmt.Sprintf("rules[%d]", r.place)
		if r.rule.ID != "" {
			p.Rules = []string{r.rule.ID}
			where = "rule " + shortID(r.rule.ID)
		}
	}
	p.Text = fmt.Sprintf("%s: %s: %s", where, key, fmt.Sprintf(format, args...))
	if err != nil {
		err = fmt.Errorf("%s: %w", p.Text, err)
	}
	r.add(p, err)
}

// add keeps a problem, and its cause if that is one to test for.
func (r *report) add(p Problem, err error) {
	r.bad = true
	if len(r.problems) >= maxProblems {
		r.more++
		return
	}
	r.problems = append(r.problems, p)
	if err != nil {
		r.causes = append(r.causes, cause{p.Rules, err})
	}
}

// err returns the problems by rule id, the policy's first.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return slices.Compare(a.Rules, b.Rules) })
	slices.SortStableFunc(r.causes, func(a, b cause) int { return slices.Compare(a.rules, b.rules) })
	e := &CompileError{Problems: r.problems, More: r.more}
	for _, c := range r.causes {
		e.causes = append(e.causes, c.err)
	}
	return e
}

// shortID quotes an id, of which a hostile one may be long.
func shortID(id string) string {
	if len(id) > maxID {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(id[:maxID], ""))
	}
	return fmt.Sprintf("%q", id)
}
