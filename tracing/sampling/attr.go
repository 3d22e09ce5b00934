package sampling

import (
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/filter"
	"github.com/tenon-go/tenon/tracing/internal/recall"
	"go.opentelemetry.io/otel/attribute"
)

// Attr keeps traces in which a span, its scope or its resource has an attribute of which all conditions hold that are set. Filter says more.
//
// An attribute.Value can be written as JSON but not read: in an Attr that is read from JSON, Equals stays zero, which is no condition. Have In,
// Match, Min and Max there, or a Filter.
type Attr struct {
	Label    string          // = Name; "" = attr
	Key      string          // not empty; alone it says that the attribute is there
	Equals   attribute.Value // of equal type; the zero Value = no condition
	In       []string        // a text that is one of these; nil = no condition
	Match    string          // a text that all of this RE2 expression matches, in which a dot is any character; "" = no condition
	Min, Max *float64        // a number within, bounds inclusive; nil = no condition
	Invert   bool            // keeps traces that have no such attribute
}

// Name returns the label.
func (p Attr) Name() string { return labelOr(p.Label, "attr") }

// Validate wants a key, and conditions that can hold together.
func (p Attr) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(p.Key == "", "Key: want one")
	test, err := p.test()
	problems.refuse(err != nil, "Match: %v", err)
	within := test.low <= test.high
	problems.refuse(!within, "Min %v, Max %v: no number is within", test.low, test.high)
	problems.refuse(err == nil && within && !test.possible(), "Equals, In, Match, Min and Max: no value satisfies those that are set")
	return problems.err()
}

// test returns what looks at values; the error is that of Match.
func (p Attr) test() (attrTest, error) {
	p.In = slices.Clone(p.In)
	test := attrTest{Attr: p, ranged: p.Min != nil || p.Max != nil, shared: &recall.Memory{}}
	test.low, test.high = p.bounds()
	pattern, err := p.pattern()
	test.pattern = pattern
	return test, err
}

func (p Attr) pattern() (*regexp.Regexp, error) {
	if _, err := regexp.Compile(p.Match); p.Match == "" || err != nil { // Alone, because a)(b is none, but is one in parentheses.
		return nil, err
	}
	return regexp.Compile(`\A(?s:` + p.Match + `)\z`)
}

func (p Attr) bounds() (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	if p.Min != nil {
		low = *p.Min
	}
	if p.Max != nil {
		high = *p.Max
	}
	return low, high
}

// NewDecider returns what looks at attributes.
func (p Attr) NewDecider() Decider {
	test, err := p.test()
	if err != nil {
		panic(err)
	}
	if p.Invert {
		return rule{keeps: func(t Trace) bool { return !t.some(test.holds) }, reason: "no span with such a " + p.Key}
	}
	return rule{early: test.holds, keeps: func(t Trace) bool { return t.some(test.holds) }, reason: "attribute " + p.Key}
}

// An attrTest is an Attr ready for use.
type attrTest struct {
	Attr
	pattern   *regexp.Regexp
	ranged    bool
	low, high float64
	shared    *recall.Memory // whether resources and scopes have such an attribute
}

// possible tells whether any value satisfies all conditions: texts have In and Match, numbers Min and Max.
func (a *attrTest) possible() bool {
	switch {
	case a.Equals != attribute.Value{}:
		return a.satisfied(a.Equals, true)
	case a.ranged:
		return len(a.In) == 0 && a.pattern == nil
	case len(a.In) > 0 && a.pattern != nil:
		return slices.ContainsFunc(a.In, a.pattern.MatchString)
	}
	return true
}

func (a *attrTest) holds(v tracing.View) bool {
	return a.satisfied(v.Attr(a.Key)) ||
		a.shared.Scope(v.Origin(), func() bool { return a.satisfied(v.Scope(a.Key)) }) ||
		a.shared.Resource(v.Origin(), func() bool { return a.satisfied(v.Resource(a.Key)) })
}

func (a *attrTest) satisfied(value attribute.Value, there bool) bool {
	if !there || a.Equals != (attribute.Value{}) && value != a.Equals {
		return false
	}
	isText := value.Type() == attribute.STRING
	if len(a.In) > 0 && (!isText || !slices.Contains(a.In, value.AsString())) {
		return false
	}
	if a.pattern != nil && (!isText || !a.pattern.MatchString(value.AsString())) {
		return false
	}
	if !a.ranged {
		return true
	}
	number := math.NaN()
	switch value.Type() {
	case attribute.INT64:
		number = float64(value.AsInt64())
	case attribute.FLOAT64:
		number = value.AsFloat64()
	default:
	}
	return a.low <= number && number <= a.high
}

// Filter keeps traces that satisfy a filter.
type Filter struct {
	Label string // = Name; "" = filter
	Expr  string // in the language of package filter
}

// Name returns the label.
func (p Filter) Name() string { return labelOr(p.Label, "filter") }

// Validate wants an Expr that is a filter. The error holds a *filter.SyntaxError.
func (p Filter) Validate() error {
	problems := problems{name: p.Name()}
	if _, err := filter.Parse(p.Expr); err != nil {
		problems.errs = append(problems.errs, fmt.Errorf("%s: Expr: %w", p.Name(), err))
	}
	return problems.err()
}

// NewDecider returns what asks the filter.
func (p Filter) NewDecider() Decider {
	f, err := filter.Parse(p.Expr)
	if err != nil {
		panic(err)
	}
	return rule{
		early: f.MatchSpan,
		keeps: func(t Trace) bool {
			summary := tracing.Summary{Start: t.Start, Duration: t.Duration(), Spans: t.Spans, Errors: t.Errors, Bytes: t.Bytes}
			summary.RootService, summary.RootName = t.operation()
			return f.Match(&summary, t.Each)
		},
		reason: p.Expr,
	}
}
