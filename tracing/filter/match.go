package filter

import (
	"cmp"
	"iter"
	"math"
	"regexp"
	"strings"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/recall"
	"go.opentelemetry.io/otel/attribute"
)

// A Filter chooses traces. [Parse] makes it. It is immutable and safe for concurrent use.
type Filter struct {
	text string
	root node
	sets []node // what the pairs of braces say of one span
}

// String returns the filter as it was written.
func (f *Filter) String() string { return f.text }

// Match tells whether a trace satisfies the filter. Of the summary the root's names, duration, spans and errors are asked for; spans are all
// of the trace, in any order, and may come from several parts. They are read once at most, and only as far as the answer needs.
func (f *Filter) Match(trace *tracing.Summary, spans iter.Seq[tracing.View]) bool {
	known := knowledge{trace: trace}
	if got := f.root.eval(&known); got != maybe {
		return got == yes
	}
	for v := range spans {
		if !f.learn(&known, v) {
			continue
		}
		if got := f.root.eval(&known); got != maybe {
			return got == yes
		}
	}
	known.complete = true
	return f.root.eval(&known) == yes
}

// MatchSpan tells whether any trace that has this span satisfies the filter, whatever else is in it. It is never so for a filter that has to
// know more, as !{ ... } or trace.spans have.
func (f *Filter) MatchSpan(v tracing.View) bool {
	var known knowledge
	f.learn(&known, v)
	return f.root.eval(&known) == yes
}

// learn tells whether the span is the first to satisfy some braces.
func (f *Filter) learn(known *knowledge, v tracing.View) bool {
	before := known.found
	for i := range f.sets {
		if bit := uint64(1) << i; known.found&bit == 0 && f.sets[i].holds(&v) {
			known.found |= bit
		}
	}
	return known.found != before
}

// An answer is one of three, in the order of Kleene's logic.
type answer uint8

const (
	no answer = iota
	maybe
	yes
)

// toAnswer is no or yes.
func toAnswer(holds bool) answer {
	if holds {
		return yes
	}
	return no
}

// knowledge of a trace of which not all spans were seen.
type knowledge struct {
	trace    *tracing.Summary // nil = nothing is known
	found    uint64           // braces that a span satisfied
	complete bool             // all spans were seen
}

// A form says what a node combines.
type form uint8

const (
	isAny  form = iota // span: nothing is asked for
	isAnd              // all kids
	isOr               // one of the kids
	isNot              // the only kid
	isSet              // trace: a pair of braces
	isTest             // a condition
)

// A node is a part of a filter.
type node struct {
	form form
	kids []node
	set  int // its number
	test condition
}

// eval answers for a trace.
func (n *node) eval(known *knowledge) answer {
	switch n.form {
	case isNot:
		return yes - n.kids[0].eval(known)
	case isAnd:
		got := yes
		for i := 0; i < len(n.kids) && got != no; i++ {
			got = min(got, n.kids[i].eval(known))
		}
		return got
	case isOr:
		got := no
		for i := 0; i < len(n.kids) && got != yes; i++ {
			got = max(got, n.kids[i].eval(known))
		}
		return got
	case isSet:
		switch {
		case known.found&(1<<n.set) != 0:
			return yes
		case known.complete:
			return no
		}
		return maybe
	default:
		if known.trace == nil {
			return maybe
		}
		return toAnswer(n.test.holdsForTrace(known.trace))
	}
}

// holds answers for a span.
func (n *node) holds(v *tracing.View) bool {
	switch n.form {
	case isAny:
		return true
	case isNot:
		return !n.kids[0].holds(v)
	case isAnd:
		for i := range n.kids {
			if !n.kids[i].holds(v) {
				return false
			}
		}
		return true
	case isOr:
		for i := range n.kids {
			if n.kids[i].holds(v) {
				return true
			}
		}
		return false
	default:
		return n.test.holdsForSpan(v)
	}
}

// A condition compares a field with a constant.
type condition struct {
	field    field
	key      string // of an attribute
	operator kind   // "" = an attribute has to be there
	value    attribute.Value
	pattern  *regexp.Regexp // of =~ and !~
	shared   *recall.Memory // whether it holds for resources and scopes
}

func (c *condition) holdsForTrace(t *tracing.Summary) bool {
	switch c.field {
	case rootName:
		return c.holds(attribute.StringValue(t.RootName))
	case rootService:
		return c.holds(attribute.StringValue(t.RootService))
	case traceDuration:
		return c.holds(attribute.Int64Value(int64(t.Duration)))
	case traceSpans:
		return c.holds(attribute.IntValue(t.Spans))
	default:
		return c.holds(attribute.IntValue(t.Errors))
	}
}

func (c *condition) holdsForSpan(v *tracing.View) bool {
	switch c.field {
	case spanName:
		return c.holds(attribute.StringValue(v.Name()))
	case spanDuration:
		return c.holds(attribute.Int64Value(int64(v.Duration())))
	case spanKind:
		return c.holds(attribute.IntValue(int(v.Kind())))
	case spanStatus:
		return c.holds(attribute.Int64Value(int64(v.Status())))
	case spanAttr:
		return c.holdsIf(v.Attr(c.key))
	case spanService:
		return c.shared.Resource(v.Origin(), func() bool { return c.holds(attribute.StringValue(v.Service())) })
	case resourceAttr:
		return c.holdsForResource(v)
	case scopeAttr:
		return c.holdsForScope(v)
	case eventAttr:
		return c.holdsForOne(v.EventAttrs(c.key))
	case linkAttr:
		return c.holdsForOne(v.LinkAttrs(c.key))
	default:
		return c.holdsIf(v.Attr(c.key)) || c.holdsForResource(v) || c.holdsForScope(v) ||
			c.holdsForOne(v.EventAttrs(c.key)) || c.holdsForOne(v.LinkAttrs(c.key))
	}
}

func (c *condition) holdsForResource(v *tracing.View) bool {
	return c.shared.Resource(v.Origin(), func() bool { return c.holdsIf(v.Resource(c.key)) })
}

func (c *condition) holdsForScope(v *tracing.View) bool {
	return c.shared.Scope(v.Origin(), func() bool { return c.holdsIf(v.Scope(c.key)) })
}

func (c *condition) holdsIf(value attribute.Value, there bool) bool { return there && c.holds(value) }

func (c *condition) holdsForOne(values iter.Seq[attribute.Value]) bool {
	for value := range values {
		if c.holds(value) {
			return true
		}
	}
	return false
}

// holds compares a value that is there.
func (c *condition) holds(value attribute.Value) bool {
	switch c.operator {
	case "":
		return true
	case "=~":
		return c.matches(value)
	case "!~":
		return !c.matches(value)
	default:
		order, ok := compare(value, c.value)
		return ordered(c.operator, order, ok)
	}
}

// ordered tells whether an order is what an operator asks for; ok is false if the values have none.
func ordered(operator kind, order int, ok bool) bool {
	switch operator {
	case "=":
		return ok && order == 0
	case "!=":
		return !ok || order != 0
	case "<":
		return ok && order < 0
	case "<=":
		return ok && order <= 0
	case ">":
		return ok && order > 0
	default:
		return ok && order >= 0
	}
}

func (c *condition) matches(value attribute.Value) bool {
	return value.Type() == attribute.STRING && c.pattern.MatchString(value.AsString())
}

// compare returns the order of two values, if they are of one sort and have one.
func compare(a, b attribute.Value) (order int, ok bool) {
	switch {
	case a.Type() == attribute.STRING && b.Type() == attribute.STRING:
		return strings.Compare(a.AsString(), b.AsString()), true
	case a.Type() == attribute.BOOL && b.Type() == attribute.BOOL:
		return cmp.Compare(toAnswer(a.AsBool()), toAnswer(b.AsBool())), true
	case a.Type() == attribute.INT64 && b.Type() == attribute.INT64:
		return cmp.Compare(a.AsInt64(), b.AsInt64()), true
	case a.Type() == attribute.INT64 && b.Type() == attribute.FLOAT64:
		return compareMixed(a.AsInt64(), b.AsFloat64())
	case a.Type() == attribute.FLOAT64 && b.Type() == attribute.INT64:
		order, ok = compareMixed(b.AsInt64(), a.AsFloat64())
		return -order, ok
	case a.Type() == attribute.FLOAT64 && b.Type() == attribute.FLOAT64:
		x, y := a.AsFloat64(), b.AsFloat64()
		return cmp.Compare(x, y), x == x && y == y
	}
	return 0, false
}

// compareMixed compares exactly: as float64 neighbours beyond 2^53 would be equal.
func compareMixed(i int64, f float64) (order int, ok bool) {
	switch {
	case math.IsNaN(f):
		return 0, false
	case f >= 1<<63:
		return -1, true
	case f < -1<<63:
		return 1, true
	}
	whole, fraction := math.Modf(f)
	if order := cmp.Compare(i, int64(whole)); order != 0 {
		return order, true
	}
	return cmp.Compare(0, fraction), true
}
