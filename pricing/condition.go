package pricing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/internal/strictjson"
)

// A Condition is a typed tree, nil for always: [All], [Any], [Not] or [Leaf].
//
// It is true, false or unknown. A text or number that the query lacks makes a
// leaf unknown, whatever its operator, but for exists; a list that it lacks is
// empty. All, Any and Not follow Kleene, and a rule applies only where its
// condition is true. A condition has at most 64 leaves, 1,000 values and 8 levels.
type Condition interface{ condition() }

// All is true when every part is.
type All []Condition

// Any is true when one part is.
type Any []Condition

// Not is true when its part is false; not(unknown) is unknown.
type Not struct{ Condition Condition }

// A Leaf compares one field of the query. Values are texts, compared byte by
// byte, or decimals as text; [Compile] checks that field, operator and values go
// together.
//
//	texts    customer.id, channel, region, product, variant, currency, attributes.<name>
//	         = and != one value, in and not_in a list
//	lists    customer.segments, categories: any, all and none of a list
//	numbers  qty, numbers.<name>: = != < <= > >= one value, between two, inclusive
//	all      exists, without a value
type Leaf struct {
	Field  string
	Op     string
	Values []string
}

func (All) condition()  {}
func (Any) condition()  {}
func (Not) condition()  {}
func (Leaf) condition() {}

// What a condition may be at most: to compile, and to be written and read at all.
const (
	maxLeaves = 64
	maxDepth  = 8
	maxValues = 1000

	maxWrittenDepth = 16
	maxWrittenNodes = 4096
)

const fieldNumbers = "numbers."

// newSchema says which fields conditions may ask.
func newSchema() *predicate.Schema {
	schema, err := predicate.NewSchema([]predicate.Field{
		{Name: "customer.id", Kind: predicate.Text},
		{Name: "channel", Kind: predicate.Text},
		{Name: "region", Kind: predicate.Text},
		{Name: "product", Kind: predicate.Text},
		{Name: "variant", Kind: predicate.Text},
		{Name: "currency", Kind: predicate.Text},
		{Name: "attributes.", Kind: predicate.Text, Prefix: true},
		{Name: "customer.segments", Kind: predicate.Set},
		{Name: "categories", Kind: predicate.Set},
		{Name: "qty", Kind: predicate.Number},
		{Name: fieldNumbers, Kind: predicate.Number, Prefix: true},
	}, nil, predicate.Limits{Leaves: maxLeaves, Depth: maxDepth, Values: maxValues})
	if err != nil {
		panic(err) // the list above is wrong
	}
	return schema
}

// when reads or writes a rule's condition.
func (f *form) when(v *Condition) {
	f.nodes = maxWrittenNodes
	if f.Reads() {
		*v = f.readCondition()
	} else {
		f.writeCondition(*v, 1)
	}
}

func (f *form) readCondition() Condition {
	var forms []Condition
	ok := f.Object(func() {
		f.Field("all", false, func() { forms = append(forms, All(f.readConditions())) })
		f.Field("any", false, func() { forms = append(forms, Any(f.readConditions())) })
		f.Field("not", false, func() { forms = append(forms, Not{f.readCondition()}) })
		if f.Has("field") || f.Has("op") || f.Has("value") {
			var leaf Leaf
			f.leaf(&leaf)
			forms = append(forms, leaf)
		}
	})
	if len(forms) == 1 {
		return forms[0]
	}
	if ok {
		f.failf("condition", "want exactly one of all, any, not, or field with op and value")
	}
	return nil
}

// readConditions reads a list, never nil: an empty one is refused by Compile.
func (f *form) readConditions() []Condition {
	list := []Condition{}
	f.Decoder.Array(func(int) { list = append(list, f.readCondition()) })
	return list
}

// writeCondition writes a condition of bounded size: a tree in Go can contain
// itself.
func (f *form) writeCondition(c Condition, depth int) {
	if f.nodes--; f.nodes < 0 || depth > maxWrittenDepth {
		f.failf("", "over %d parts or deeper than %d", maxWrittenNodes, maxWrittenDepth)
	}
	if f.Err() != nil {
		return
	}
	f.Object(func() {
		switch c := c.(type) {
		case All:
			f.Field("all", false, func() { f.writeConditions(c, depth+1) })
		case Any:
			f.Field("any", false, func() { f.writeConditions(c, depth+1) })
		case Not:
			f.Field("not", false, func() { f.writeCondition(c.Condition, depth+1) })
		case Leaf:
			f.leaf(&c)
		default:
			f.failf("", "%T: want All, Any, Not or Leaf by value", c)
		}
	})
}

func (f *form) writeConditions(parts []Condition, depth int) {
	strictjson.ListValue(f.Codec, &parts, func(c *Condition) { f.writeCondition(*c, depth) })
}

// leaf is the fields of a leaf. Its value is a list for operators that take one,
// else a single text; both are read for both, and Compile counts.
func (f *form) leaf(v *Leaf) {
	f.Field("field", false, func() { f.TextValue(&v.Field) })
	f.Field("op", false, func() { f.TextValue(&v.Op) })
	f.Field("value", len(v.Values) == 0, func() {
		list := len(v.Values) > 1 || isList(v.Op)
		if f.Reads() {
			list = f.Decoder.Next() == '['
		}
		if list {
			strictjson.ListValue(f.Codec, &v.Values, func(text *string) { f.value(v.Field, text) })
			return
		}
		if f.Reads() {
			v.Values = make([]string, 1)
		}
		f.value(v.Field, &v.Values[0])
	})
}

// value is one value of a field; a number has one form, read or written.
func (f *form) value(field string, v *string) {
	text := *v
	if !f.Reads() && isNumber(field) {
		text = canonicalNumber(text)
	}
	if f.TextValue(&text); !f.Reads() {
		return
	}
	if *v = text; isNumber(field) {
		*v = canonicalNumber(text)
	}
}

// isNumber reports whether a field holds numbers, which are written without
// superfluous zeros.
func isNumber(field string) bool { return field == "qty" || strings.HasPrefix(field, fieldNumbers) }

// canonicalNumber is a number without superfluous zeros; what is none stays as it is.
func canonicalNumber(text string) string {
	v, err := strictjson.ParseDecimal(text)
	if err != nil {
		return text
	}
	b, ok := strictjson.AppendDecimal(nil, v)
	if !ok || string(b) == text {
		return text
	}
	return string(b)
}

// nodeOf converts a condition for the predicate compiler. It stops at what no
// condition may be: a tree in Go can be deeper, or contain itself.
func nodeOf(c Condition) (predicate.Node, error) {
	conv := converter{left: maxDepth * maxLeaves}
	return conv.node(c, 1)
}

// A converter makes at most left more nodes.
type converter struct{ left int }

func (v *converter) node(c Condition, depth int) (predicate.Node, error) {
	if v.left--; depth > maxDepth || v.left < 0 {
		return predicate.Node{}, fmt.Errorf("over %d leaves or deeper than %d", maxLeaves, maxDepth)
	}
	switch c := c.(type) {
	case All:
		nodes, err := v.nodes(c, depth)
		return predicate.Node{All: nodes}, err
	case Any:
		nodes, err := v.nodes(c, depth)
		return predicate.Node{Any: nodes}, err
	case Not:
		inner, err := v.node(c.Condition, depth+1)
		return predicate.Node{Not: &inner}, err
	case Leaf:
		return v.leaf(c)
	case nil:
		return predicate.Node{}, errors.New("a part is nil")
	default:
		return predicate.Node{}, fmt.Errorf("%T: want All, Any, Not or Leaf by value", c)
	}
}

func (v *converter) nodes(parts []Condition, depth int) ([]predicate.Node, error) {
	nodes := make([]predicate.Node, 0, min(len(parts), maxLeaves))
	for _, part := range parts {
		n, err := v.node(part, depth+1)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func (v *converter) leaf(l Leaf) (predicate.Node, error) {
	switch {
	case len(l.Values) > maxValues:
		return predicate.Node{}, fmt.Errorf("more than %d values", maxValues)
	case !utf8.ValidString(l.Field):
		return predicate.Node{}, errors.New("a field is not UTF-8")
	}
	leaf := predicate.Leaf{Field: l.Field, Op: predicate.Op(l.Op)}
	for _, text := range l.Values {
		if isNumber(l.Field) {
			text = canonicalNumber(text)
		}
		leaf.Values = append(leaf.Values, predicate.Value{Text: text})
	}
	return predicate.Node{Leaf: &leaf}, nil
}

// condition compiles the condition of the rule at hand. Rules that say the same
// share a program: a set has far fewer conditions than rules, and the few that
// everybody has stay in the cache.
func (c *compiler) condition(when Condition) *predicate.Program {
	node, err := nodeOf(when)
	if err != nil {
		c.fail("condition", "when", "%v", err)
		return nil
	}
	c.written = node.AppendJSON(c.written[:0])
	if program, ok := c.programs[string(c.written)]; ok {
		return program
	}
	program, err := c.schema.Compile(node)
	for _, p := range predicate.Problems(err) {
		p = p.Under("when")
		c.fail("condition", p.Path, "%s", p.Text)
	}
	if err == nil {
		c.programs[string(c.written)] = program
	}
	return program
}

// conditionOf is the inverse of nodeOf.
func conditionOf(n predicate.Node) Condition {
	switch {
	case n.All != nil:
		return All(conditionsOf(n.All))
	case n.Any != nil:
		return Any(conditionsOf(n.Any))
	case n.Not != nil:
		return Not{conditionOf(*n.Not)}
	case n.Leaf != nil:
		leaf := Leaf{Field: n.Leaf.Field, Op: string(n.Leaf.Op)}
		for _, v := range n.Leaf.Values {
			leaf.Values = append(leaf.Values, v.Text)
		}
		return leaf
	default:
		return nil
	}
}

func conditionsOf(nodes []predicate.Node) []Condition {
	parts := make([]Condition, len(nodes))
	for i, n := range nodes {
		parts[i] = conditionOf(n)
	}
	return parts
}

// isList reports whether an operator's value is written as a list, even of one.
func isList(op string) bool {
	return slices.Contains([]predicate.Op{
		predicate.In, predicate.NotIn, predicate.AnyOf, predicate.AllOf, predicate.NoneOf, predicate.Between,
	}, predicate.Op(op))
}
