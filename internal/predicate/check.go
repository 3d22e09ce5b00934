package predicate

import "unicode/utf8"

// maxDepth bounds the recursion of Parse and Compile whatever the limits say.
const maxDepth = 512

// A checker finds everything that is wrong with a condition before anything is
// built from it, so that a bad condition leaves no trace in the schema. What the
// owners of externs return is kept for the builder.
type checker struct {
	report
	schema                *Schema
	nodes, leaves, values int
	externs               []externRef // in written order
}

type externRef struct{ extern, index int }

func (c *checker) check(n Node) {
	if !n.zero() {
		c.node(n, nil, 1)
	}
	c.limit(c.nodes, c.schema.limits.Nodes, "nodes")
	c.limit(c.leaves, c.schema.limits.Leaves, "leaves")
	c.limit(c.values, c.schema.limits.Values, "values")
}

func (c *checker) limit(n, most int, what string) {
	if most > 0 && n > most {
		c.addLimit(nil, "more than %d %s", most, what)
	}
}

// over reports whether the answer is certain to be an error by now, so that a
// huge condition costs no more than a bad one of the largest legal size.
func (c *checker) over() bool {
	l := c.schema.limits
	return c.full() || l.Nodes > 0 && c.nodes > l.Nodes || l.Leaves > 0 && c.leaves > l.Leaves || l.Values > 0 && c.values > l.Values
}

func (c *checker) node(n Node, at *place, depth int) {
	if c.over() {
		return
	}
	c.nodes++
	most := maxDepth
	if d := c.schema.limits.Depth; d > 0 {
		most = min(d, maxDepth)
	}
	switch forms := n.forms(); {
	case depth > most:
		c.addLimit(at, "deeper than %d", most)
	case forms == 0:
		c.add(at, "empty condition: %s", wantForm)
	case forms > 1:
		c.add(at, "several conditions in one: %s", wantForm)
	case n.All != nil:
		c.list(n.All, at.child(keyAll), depth)
	case n.Any != nil:
		c.list(n.Any, at.child(keyAny), depth)
	case n.Not != nil:
		c.node(*n.Not, at.child(keyNot), depth+1)
	case n.Leaf != nil:
		c.leaf(n.Leaf, at)
	default:
		c.extern(n.Extern, at)
	}
}

func (c *checker) list(nodes []Node, at *place, depth int) {
	if len(nodes) == 0 {
		c.add(at, emptyList)
	}
	for i := range nodes {
		if c.over() {
			return
		}
		c.node(nodes[i], at.element(i), depth+1)
	}
}

func (c *checker) leaf(l *Leaf, at *place) {
	c.leaves++
	c.values += len(l.Values)
	if c.over() {
		return
	}
	_, kind, known := c.schema.kindOf(l.Field)
	if !known {
		c.add(at.child(keyField), "unknown field %q, want one of %s", l.Field, c.schema.names())
	}
	arity := l.Op.arity()
	switch {
	case arity == unknownOp:
		c.add(at.child(keyOp), "unknown operator %q", l.Op)
		return
	case !arity.takes(len(l.Values)):
		c.add(at.child(keyValue), "%s %s", l.Op, arity.want())
		return
	case known && !l.Op.isFor(kind):
		c.add(at.child(keyOp), "operator %s is not for the %s field %s: want %s", l.Op, kind, l.Field, list(kind.ops()))
		return
	case known:
		c.valuesOf(l, kind, at.child(keyValue))
	}
}

func (c *checker) valuesOf(l *Leaf, kind Kind, at *place) {
	before := len(c.problems)
	for i, v := range l.Values {
		where := at
		if a := l.Op.arity(); a == twoValues || a == listOfValues {
			where = at.element(i)
		}
		if text := wrongValue(v, kind); text != "" {
			c.add(where, "%s", text)
		}
	}
	if l.Op != Between || len(c.problems) > before {
		return
	}
	low, high := mustNum(l.Values[0]), mustNum(l.Values[1])
	if low.Cmp(high) > 0 {
		c.add(at, "low %s is above high %s", low, high)
	}
}

// wrongValue says what is wrong with a value of a kind; nothing is empty.
func wrongValue(v Value, kind Kind) string {
	switch {
	case kind == Bool:
		if v.Form != Boolean || v.Text != "true" && v.Text != "false" {
			return "want true or false"
		}
	case kind == Number:
		if _, err := parseNum(v.Text); err != nil || v.Form == Boolean {
			return errNumber.Error()
		}
	case v.Form != String:
		return "want a string"
	case !utf8.ValidString(v.Text):
		return "text is not valid UTF-8"
	}
	return ""
}

// mustNum reads a number that wrongValue has read before.
func mustNum(v Value) Num {
	n, _ := parseNum(v.Text)
	return n
}

func (c *checker) extern(raw *Raw, at *place) {
	c.leaves++
	if c.over() {
		return
	}
	at = at.child(raw.Key)
	for number := range c.schema.externs {
		if c.schema.externs[number].Key != raw.Key {
			continue
		}
		index, err := c.schema.externs[number].compile(raw.JSON)
		for _, p := range Problems(err) {
			c.addProblem(p.Under(at.String()))
		}
		c.externs = append(c.externs, externRef{extern: number, index: index})
		return
	}
	c.add(at, "unknown condition %q", raw.Key)
}
