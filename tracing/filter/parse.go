package filter

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenon-go/tenon/tracing/internal/recall"
	"go.opentelemetry.io/otel/attribute"
)

// Bounds on what strangers may send.
const (
	maxLength       = 4096
	maxSets         = 64 // bits of a word
	maxDepth        = 64
	maxInstructions = 10_000
)

// Parse reads a filter. The error is a *SyntaxError.
func Parse(text string) (*Filter, error) {
	p := parser{lexer: lexer{text: text}, budget: maxInstructions}
	if len(text) > maxLength {
		return nil, &SyntaxError{Column: 1, Reason: "longer than 4096 bytes"}
	}
	if !utf8.ValidString(text) {
		valid := len(text) - len(strings.TrimLeftFunc(text, func(r rune) bool { return r != utf8.RuneError }))
		return nil, p.lexer.errorAt(valid, "not UTF-8")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.either()
	if err != nil {
		return nil, err
	}
	if p.token.kind != end {
		return nil, p.expected("&& or ||")
	}
	return &Filter{text: text, root: root, sets: p.sets}, nil
}

// A parser descends the grammar, which inside and outside of braces is the same but for what a condition is.
type parser struct {
	lexer  lexer
	token  token // the next one
	sets   []node
	inside bool // of braces
	depth  int
	budget int // instructions of regular expressions
}

func (p *parser) advance() (err error) {
	p.token, err = p.lexer.next()
	return err
}

func (p *parser) expected(what string) error {
	return p.lexer.errorAt(p.token.at, "expected %s, found %v", what, p.token)
}

// either reads what is between ||.
func (p *parser) either() (node, error) { return p.chain("||", isOr, p.both) }

// both reads what is between &&.
func (p *parser) both() (node, error) { return p.chain("&&", isAnd, p.unary) }

func (p *parser) chain(operator kind, form form, part func() (node, error)) (node, error) {
	first, err := part()
	if err != nil || p.token.kind != operator {
		return first, err
	}
	kids := []node{first}
	for p.token.kind == operator {
		if err := p.advance(); err != nil {
			return node{}, err
		}
		kid, err := part()
		if err != nil {
			return node{}, err
		}
		kids = append(kids, kid)
	}
	return node{form: form, kids: kids}, nil
}

func (p *parser) unary() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return node{}, p.lexer.errorAt(p.token.at, "nested deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	switch p.token.kind {
	case "!":
		if err := p.advance(); err != nil {
			return node{}, err
		}
		kid, err := p.unary()
		return node{form: isNot, kids: []node{kid}}, err
	case "(":
		return p.enclosed(")")
	case "{":
		return p.braces()
	case word:
		return p.condition()
	default:
		if p.inside {
			return node{}, p.expected("a field, ! or (")
		}
		return node{}, p.expected("{, a field of the trace, ! or (")
	}
}

// enclosed reads a bracket, what is in it, and the closing one.
func (p *parser) enclosed(closing kind) (node, error) {
	opening := p.token
	if err := p.advance(); err != nil {
		return node{}, err
	}
	if closing == "}" && p.token.kind == closing {
		return node{form: isAny}, p.advance()
	}
	n, err := p.either()
	if err != nil {
		return node{}, err
	}
	if p.token.kind != closing {
		column := utf8.RuneCountInString(p.lexer.text[:opening.at]) + 1
		return node{}, p.expected("&&, || or the " + string(closing) + " for column " + strconv.Itoa(column))
	}
	return n, p.advance()
}

func (p *parser) braces() (node, error) {
	switch {
	case p.inside:
		return node{}, p.lexer.errorAt(p.token.at, "braces in braces: they hold on one span")
	case len(p.sets) == maxSets:
		return node{}, p.lexer.errorAt(p.token.at, "more than %d pairs of braces", maxSets)
	}
	p.inside = true
	set, err := p.enclosed("}")
	p.inside = false
	if err != nil {
		return node{}, err
	}
	p.sets = append(p.sets, set)
	return node{form: isSet, set: len(p.sets) - 1}, nil
}

func (p *parser) condition() (node, error) {
	d, key, err := p.field()
	if err != nil {
		return node{}, err
	}
	c := condition{field: d.field, key: key, shared: &recall.Memory{}}
	switch operator := p.token.kind; operator {
	case "=", "!=", "<", "<=", ">", ">=", "=~", "!~":
		if d.sort == words && operator != "=" && operator != "!=" {
			return node{}, p.lexer.errorAt(p.token.at, "%s has = and != only", d.name)
		}
		c.operator = operator
		if err := p.advance(); err != nil {
			return node{}, err
		}
		if operator == "=" && p.token.kind == "=" {
			return node{}, p.lexer.errorAt(p.token.at, "the operator is =, not ==")
		}
		if err := p.value(d, &c); err != nil {
			return node{}, err
		}
		return node{form: isTest, test: c}, p.advance()
	default:
		c.alone(d.sort)
		return node{form: isTest, test: c}, nil
	}
}

// field reads the name of a field.
func (p *parser) field() (definition, string, error) {
	name := p.token
	d, key, ok := define(name.text)
	switch {
	case !ok && p.inside:
		key := cmp.Or(strings.TrimLeft(name.text, "."), "KEY")
		return d, "", p.lexer.errorAt(name.at, "unknown field %[1]s: an attribute is span.%[2]s, resource.%[2]s or any.%[2]s", name.text, key)
	case !ok:
		return d, "", p.lexer.errorAt(name.at, "unknown field %s: outside of braces there are root.name, root.service, trace.duration, trace.spans and trace.errors", name.text)
	case d.inside && !p.inside:
		return d, "", p.lexer.errorAt(name.at, "%s is of a span: put it in braces", name.text)
	case !d.inside && p.inside:
		return d, "", p.lexer.errorAt(name.at, "%s is of the trace: put it outside of braces", name.text)
	}
	if err := p.advance(); err != nil {
		return d, "", err
	}
	if d.sort != attributes || key != "" {
		return d, key, nil
	}
	if p.token.kind != quoted || p.token.at != name.to || p.token.text == "" {
		return d, "", p.lexer.errorAt(name.to, "expected the key of an attribute right after %s", name.text)
	}
	key = p.token.text
	return d, key, p.advance()
}

// alone makes the condition that a field without an operator is.
func (c *condition) alone(s sort) {
	switch {
	case s == attributes:
		return
	case c.field == spanService: // Of a span without a service the name is "unknown", which it may also be called.
		c.field, c.key = resourceAttr, "service.name"
		return
	case s == texts:
		c.value = attribute.StringValue("")
	default:
		c.value = attribute.Int64Value(0)
	}
	c.operator = "!="
}

// value reads what a field is compared with.
func (p *parser) value(d definition, c *condition) error {
	if c.operator == "=~" || c.operator == "!~" {
		if d.sort != texts && d.sort != attributes {
			return p.lexer.errorAt(p.token.at, "%s is no text", d.name)
		}
		return p.pattern(c)
	}
	switch d.sort {
	case texts:
		if p.token.kind != quoted {
			return p.expected("a text in quotes")
		}
		c.value = attribute.StringValue(p.token.text)
	case words:
		names, numbers := c.field.words()
		i := slices.Index(names, p.token.text)
		if i < 0 || p.token.kind != word {
			return p.expected("one of " + strings.Join(names, ", "))
		}
		c.value = attribute.Int64Value(numbers[i])
	case durations:
		span, err := time.ParseDuration(p.token.text)
		if err != nil || p.token.kind != number {
			return p.expected("a duration as 1.5s, 20ms or 2h45m")
		}
		c.value = attribute.Int64Value(int64(span))
	case integers:
		count, err := strconv.ParseInt(p.token.text, 10, 64)
		if err != nil || p.token.kind != number {
			return p.expected("an integer")
		}
		c.value = attribute.Int64Value(count)
	case attributes:
		return p.attribute(c)
	}
	return nil
}

// attribute reads what an attribute is compared with.
func (p *parser) attribute(c *condition) error {
	equality := c.operator == "=" || c.operator == "!="
	switch {
	case p.token.kind == quoted:
		c.value = attribute.StringValue(p.token.text)
	case p.token.kind == number:
		return p.number(c)
	case p.token.kind == word && (p.token.text == "true" || p.token.text == "false"):
		if !equality {
			return p.lexer.errorAt(p.token.at, "%s has = and != only", p.token.text)
		}
		c.value = attribute.BoolValue(p.token.text == "true")
	default:
		return p.expected("a text in quotes, a number, true or false")
	}
	return nil
}

// number reads an integer or a float64.
func (p *parser) number(c *condition) error {
	if count, err := strconv.ParseInt(p.token.text, 10, 64); err == nil {
		c.value = attribute.Int64Value(count)
		return nil
	}
	if strings.ContainsAny(p.token.text, "xX_") { // Go's own forms, which nobody expects here.
		return p.expected("a decimal number")
	}
	if f, err := strconv.ParseFloat(p.token.text, 64); err == nil {
		c.value = attribute.Float64Value(f)
		return nil
	}
	if _, err := time.ParseDuration(p.token.text); err == nil {
		return p.lexer.errorAt(p.token.at, "attributes have no unit: write %s as a number", p.token.text)
	}
	return p.expected("a decimal number in the range of a double")
}

// pattern reads a regular expression.
func (p *parser) pattern(c *condition) error {
	if p.token.kind != quoted {
		return p.expected("a regular expression in quotes")
	}
	parsed, err := syntax.Parse(p.token.text, syntax.Perl|syntax.DotNL) // Alone, because a)(b is none, but is one in parentheses.
	if err != nil {
		return p.lexer.errorAt(p.token.at, "%v", err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return p.lexer.errorAt(p.token.at, "%v", err)
	}
	if p.budget -= len(program.Inst); p.budget < 0 {
		return p.lexer.errorAt(p.token.at, "regular expressions of more than %d instructions", maxInstructions)
	}
	c.pattern, err = regexp.Compile(`\A(?:` + parsed.String() + `)\z`)
	if err != nil {
		return p.lexer.errorAt(p.token.at, "%v", err)
	}
	return nil
}
