package promotions

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/promotions/internal/eval"
)

// A Condition has exactly one form: All, Any, Not, Lines, or a leaf of Field, Op
// and Value.
//
// It is true, false or unknown. A guest's customer.*, an absent product, orders,
// method or attribute is unknown to every operator but exists, and so is line.* on a
// charge; an absent set is empty. Not unknown is unknown; All is false if a part is,
// Any true if a part is. A promotion fires only on true: "not staff" does not fire
// for a guest. A condition has at most 256 nodes and 16 levels.
//
// When is about the cart; Where, and that of a [Need] or of Lines, about one line or
// charge:
//
//	When   numbers  cart.subtotal, cart.subtotal_now, cart.units, customer.orders
//	       texts    customer.id, cart.attr.<name>, customer.attr.<name>
//	       sets     cart.shipping_methods, customer.segments
//	       Lines
//	Where  numbers  line.price, line.qty, shipping.price
//	       texts    line.product, shipping.method, line.attr.<name>, shipping.attr.<name>
//	       sets     line.categories, line.tags
//	       bools    line.discounted
//
// Numbers take = != < <= > >= and between (inclusive), texts = != in not_in, sets any
// all none, bools =, all of them exists, without a value. Money is in major units of
// the cart's currency. Subtotals are of the lines, without gifts, before promotions
// and after those applied so far.
type Condition struct {
	All, Any []Condition
	Not      *Condition
	// A leaf compares a field with a text, a decimal text, a bool, or a list
	// ([]string or []any) of texts or decimal texts; counts may be int or int64.
	Field, Op string
	Value     any
	Lines     *LinesCondition
}

// A LinesCondition adds up the lines where a condition holds, gift lines not
// counted, and compares their units, their price x quantity before promotions, or
// both.
type LinesCondition struct {
	Where         *Condition
	Count, Amount *Comparison
}

// A Comparison is an operator of numbers and its bound, a decimal text, or a list
// of two for between.
type Comparison struct {
	Op    string
	Value any
}

// What a condition may be at most.
const (
	maxNodes = 256
	maxDepth = 16
	// What is read and written at all: Parse leaves the rest to Compile, but a tree in
	// Go can contain itself, and what is written must be read again.
	maxParts   = 4096
	maxNesting = 24
)

// forms is how many of the forms a condition has; 1 is legal.
func (c *Condition) forms() int {
	n := 0
	for _, is := range []bool{c.All != nil, c.Any != nil, c.Not != nil, c.Lines != nil, c.Field != "" || c.Op != "" || c.Value != nil} {
		if is {
			n++
		}
	}
	return n
}

var errForms = errors.New("want exactly one of all, any, not, lines, or field with op and value")

// condition is a field of a condition; the default, nil, is always.
func (f *form) condition(key string, v **Condition) {
	f.Field(key, *v == nil, func() {
		f.parts = maxParts
		if !f.Reads() {
			f.part(*v)
			return
		}
		*v = &Condition{}
		if f.fields(*v) && (*v).forms() == 0 { // an empty object
			*v = nil
			return
		}
		f.checkForms(*v)
	})
}

// part is a condition that has a form.
func (f *form) part(c *Condition) {
	f.parts--
	f.depth++
	defer func() { f.depth-- }()
	if f.parts < 0 || f.depth > maxNesting {
		f.failf("a condition of over %d parts or deeper than %d: %w", maxParts, maxNesting, ErrRange)
		if f.Reads() {
			f.Decoder.Skip()
		}
		return
	}
	if f.Err() == nil && f.fields(c) {
		f.checkForms(c)
	}
}

func (f *form) checkForms(c *Condition) {
	if f.Reads() && c.forms() != 1 {
		f.Fail("", errForms)
	}
}

func (f *form) fields(c *Condition) bool {
	return f.Object(func() {
		f.Field("all", c.All == nil, func() { f.conditions(&c.All) })
		f.Field("any", c.Any == nil, func() { f.conditions(&c.Any) })
		f.Text("field", &c.Field)
		f.Field("lines", c.Lines == nil, func() {
			f.early(func() { c.Lines = &LinesCondition{} })
			f.lines(c.Lines)
		})
		f.Field("not", c.Not == nil, func() {
			f.early(func() { c.Not = &Condition{} })
			f.part(c.Not)
		})
		f.Text("op", &c.Op)
		f.Field("value", c.Value == nil, func() { f.constant(&c.Value) })
	})
}

// conditions is a list; an empty one is there, and refused by Compile.
func (f *form) conditions(v *[]Condition) {
	f.early(func() { *v = []Condition{} })
	strictjson.ListValue(f.Codec, v, f.part)
}

func (f *form) lines(l *LinesCondition) {
	comparison := func(key string, v **Comparison) {
		f.Field(key, *v == nil, func() {
			f.early(func() { *v = &Comparison{} })
			f.Object(func() {
				f.Text("op", &(*v).Op)
				f.Field("value", (*v).Value == nil, func() { f.constant(&(*v).Value) })
			})
		})
	}
	f.Object(func() {
		comparison("amount", &l.Amount)
		comparison("count", &l.Count)
		f.Field("where", l.Where == nil, func() {
			f.early(func() { l.Where = &Condition{} })
			f.part(l.Where)
		})
	})
}

// constant is what a field is compared with: one value, or a list of them.
func (f *form) constant(v *any) {
	if !f.Reads() {
		f.writeConstant(*v)
		return
	}
	if f.next() != '[' {
		f.readScalar(v)
		return
	}
	values, texts := []any{}, []string{}
	f.Decoder.Array(func(int) {
		var one any
		f.readScalar(&one)
		values = append(values, one)
		if text, ok := one.(string); ok {
			texts = append(texts, text)
		}
	})
	if *v = values; len(texts) == len(values) {
		*v = texts
	}
}

func (f *form) readScalar(v *any) {
	switch next := f.next(); {
	case next == 't' || next == 'f':
		*v, _ = f.Decoder.Bool()
	case next == '-' || '0' <= next && next <= '9':
		*v, _ = f.Decoder.Int(math.MinInt64, math.MaxInt64)
	default:
		*v, _ = f.Decoder.Text()
	}
}

func (f *form) writeConstant(v any) {
	switch v := v.(type) {
	case string:
		f.TextValue(&v)
	case bool:
		f.Writer.Bool(v)
	case int:
		f.Writer.Int(int64(v))
	case int64:
		f.Writer.Int(v)
	case []string:
		strictjson.ListValue(f.Codec, &v, f.TextValue)
	case []any:
		strictjson.ListValue(f.Codec, &v, func(one *any) {
			switch (*one).(type) {
			case []string, []any:
				f.failf("a list in a list")
			default:
				f.writeConstant(*one)
			}
		})
	default:
		f.failf("%T: want a text, a bool, an int, an int64 or a list of them", v)
	}
}

// Conditions compile conditions on the cart and on targets, those of equal text
// to one program: a set has far fewer conditions than promotions.
type conditions struct {
	carts, targets *predicate.Schema
	sums           []eval.Sum
	cartPrograms   map[string]compiled
	targetPrograms map[string]compiled
	written        []byte // where the text of the next one is made
}

// compiled is a condition with its own copy of what was compiled.
type compiled struct {
	program *predicate.Program
	source  *Condition
	money   bool // it compares money
}

func newConditions() *conditions {
	c := &conditions{cartPrograms: make(map[string]compiled), targetPrograms: make(map[string]compiled)}
	limits := predicate.Limits{Nodes: maxNodes, Depth: maxDepth}
	externs := []predicate.Extern{eval.LinesExtern: {Key: "lines", Compile: c.sum}}
	var err, err2 error
	c.carts, err = predicate.NewSchema(eval.CartFields(), externs, limits)
	c.targets, err2 = predicate.NewSchema(eval.TargetFields(), nil, limits)
	if err = errors.Join(err, err2); err != nil {
		panic(err) // the lists of fields are wrong
	}
	return c
}

// cart compiles a condition on the cart; nil is always.
func (c *conditions) cart(source *Condition) (compiled, error) {
	return c.compile(source, c.carts, c.cartPrograms)
}

// target compiles a condition on a line or charge.
func (c *conditions) target(source *Condition) (compiled, error) {
	return c.compile(source, c.targets, c.targetPrograms)
}

func (c *conditions) compile(source *Condition, schema *predicate.Schema, programs map[string]compiled) (compiled, error) {
	if source == nil {
		return compiled{}, nil
	}
	conv := converter{left: maxNodes}
	node := conv.node(source, 1, "")
	if conv.err != nil {
		return compiled{}, conv.err
	}
	c.written = node.AppendJSON(c.written[:0])
	text := string(c.written) // the extern compiles, and writes, in between
	if known, ok := programs[text]; ok {
		return known, nil
	}
	program, err := schema.Compile(node)
	if err != nil {
		return compiled{}, err
	}
	fresh := compiled{program: program, source: cloneCondition(source), money: namesMoney(source)}
	programs[text] = fresh
	return fresh, nil
}

// sum compiles what stands under "lines", for the schema of carts.
func (c *conditions) sum(raw json.RawMessage) (int, error) {
	var l LinesCondition
	if err := parse(raw, func(f *form) { f.lines(&l) }); err != nil {
		return 0, err
	}
	where, err := c.target(l.Where)
	var errs []error
	for _, p := range predicate.Problems(err) {
		errs = append(errs, p.Under("where"))
	}
	out := eval.Sum{JSON: string(raw), Where: where.program}
	if l.Count == nil && l.Amount == nil {
		errs = append(errs, errors.New("want count, amount or both"))
	}
	for _, bound := range []struct {
		key string
		in  *Comparison
		out **eval.Bound
	}{{"count", l.Count, &out.Count}, {"amount", l.Amount, &out.Amount}} {
		if bound.in == nil {
			continue
		}
		b, err := boundOf(bound.in)
		for _, p := range predicate.Problems(err) {
			errs = append(errs, p.Under(bound.key))
		}
		*bound.out = b
	}
	if len(errs) > 0 {
		return 0, errors.Join(errs...)
	}
	c.sums = append(c.sums, out)
	return len(c.sums) - 1, nil
}

// boundOf compiles a comparison of numbers.
func boundOf(c *Comparison) (*eval.Bound, error) {
	values, err := valuesOf(c.Value)
	if err != nil {
		return nil, &predicate.Problem{Path: "value", Text: err.Error()}
	}
	want := 1
	switch op := predicate.Op(c.Op); op {
	case predicate.Between:
		want = 2
	case predicate.Eq, predicate.Ne, predicate.Lt, predicate.Le, predicate.Gt, predicate.Ge:
	default:
		return nil, &predicate.Problem{Path: "op", Text: fmt.Sprintf("%q is no operator of numbers", c.Op)}
	}
	if len(values) != want {
		return nil, &predicate.Problem{Path: "value", Text: fmt.Sprintf("%d values, want %d", len(values), want)}
	}
	var nums [2]predicate.Num
	for i, v := range values {
		d, err := strictjson.ParseDecimal(v.Text)
		if err != nil || v.Form == predicate.Boolean {
			return nil, &predicate.Problem{Path: "value", Text: fmt.Sprintf("%q is no number", v.Text)}
		}
		nums[i], nums[1] = predicate.NumFromDecimal(d), predicate.NumFromDecimal(d)
	}
	if nums[0].Cmp(nums[1]) > 0 {
		return nil, &predicate.Problem{Path: "value", Text: fmt.Sprintf("%s is above %s", nums[0], nums[1])}
	}
	return &eval.Bound{Op: predicate.Op(c.Op), Low: nums[0], High: nums[1]}, nil
}

// A converter makes nodes for the predicate compiler, at most left more of them: a
// tree in Go can be deeper than is legal, or contain itself.
type converter struct {
	left  int
	err   error // joined problems
	large bool
}

func (v *converter) fail(path string, err error) predicate.Node {
	v.err = errors.Join(v.err, &predicate.Problem{Path: path, Text: err.Error()})
	return predicate.Node{}
}

func (v *converter) node(c *Condition, depth int, path string) predicate.Node {
	v.left--
	if v.large {
		return predicate.Node{}
	}
	if v.large = depth > maxDepth || v.left < 0; v.large {
		v.err = errors.Join(v.err, &predicate.Problem{Path: path, Text: fmt.Sprintf("over %d nodes or deeper than %d", maxNodes, maxDepth), Limit: true})
		return predicate.Node{}
	}
	if c.forms() != 1 {
		return v.fail(path, errForms)
	}
	switch {
	case c.All != nil:
		return predicate.Node{All: v.nodes(c.All, depth, below(path, "all"))}
	case c.Any != nil:
		return predicate.Node{Any: v.nodes(c.Any, depth, below(path, "any"))}
	case c.Not != nil:
		inner := v.node(c.Not, depth+1, below(path, "not"))
		return predicate.Node{Not: &inner}
	case c.Lines != nil:
		if c.Lines.Where != nil {
			v.node(c.Lines.Where, depth+1, below(path, "lines.where"))
		}
		if v.err != nil {
			return predicate.Node{}
		}
		raw, err := encode("condition", func(f *form) { f.lines(c.Lines) })
		if err != nil {
			return v.fail(below(path, "lines"), err)
		}
		return predicate.Node{Extern: &predicate.Raw{Key: "lines", JSON: raw}}
	}
	values, err := valuesOf(c.Value)
	if err != nil {
		return v.fail(below(path, "value"), err)
	}
	return predicate.Node{Leaf: &predicate.Leaf{Field: c.Field, Op: predicate.Op(c.Op), Values: values}}
}

func (v *converter) nodes(parts []Condition, depth int, path string) []predicate.Node {
	nodes := make([]predicate.Node, 0, min(len(parts), maxNodes))
	for i := range parts {
		if v.large {
			break
		}
		nodes = append(nodes, v.node(&parts[i], depth+1, fmt.Sprintf("%s[%d]", path, i)))
	}
	return nodes
}

func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// valuesOf are the values of a leaf; none for nil.
func valuesOf(v any) ([]predicate.Value, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []string:
		values := make([]predicate.Value, len(v))
		for i, text := range v {
			values[i].Text = text
		}
		return values, nil
	case []any:
		values := make([]predicate.Value, len(v))
		for i, one := range v {
			var err error
			if values[i], err = valueOf(one); err != nil {
				return nil, err
			}
		}
		return values, nil
	default:
		value, err := valueOf(v)
		return []predicate.Value{value}, err
	}
}

func valueOf(v any) (predicate.Value, error) {
	switch v := v.(type) {
	case string:
		return predicate.Value{Text: v}, nil
	case bool:
		return predicate.Value{Text: strconv.FormatBool(v), Form: predicate.Boolean}, nil
	case int:
		return predicate.Value{Text: strconv.Itoa(v), Form: predicate.Integer}, nil
	case int64:
		return predicate.Value{Text: strconv.FormatInt(v, 10), Form: predicate.Integer}, nil
	default:
		return predicate.Value{}, fmt.Errorf("%T: want a text, a bool, an int, an int64 or a list of them", v)
	}
}

// namesMoney reports whether a condition compares money.
func namesMoney(c *Condition) bool {
	switch c.Field {
	case "cart.subtotal", "cart.subtotal_now", "line.price", "shipping.price":
		return c.Op != string(predicate.Exists)
	}
	is := func(c Condition) bool { return namesMoney(&c) }
	return slices.ContainsFunc(c.All, is) || slices.ContainsFunc(c.Any, is) || c.Not != nil && namesMoney(c.Not) ||
		c.Lines != nil && (c.Lines.Amount != nil || c.Lines.Where != nil && namesMoney(c.Lines.Where))
}

// cloneCondition copies a condition of bounded size.
func cloneCondition(c *Condition) *Condition {
	if c == nil {
		return nil
	}
	out := *c
	out.All, out.Any = cloneConditions(c.All), cloneConditions(c.Any)
	out.Not, out.Value = cloneCondition(c.Not), cloneValue(c.Value)
	if c.Lines != nil {
		l := *c.Lines
		l.Where = cloneCondition(l.Where)
		for _, v := range []**Comparison{&l.Count, &l.Amount} {
			if *v != nil {
				*v = &Comparison{Op: (*v).Op, Value: cloneValue((*v).Value)}
			}
		}
		out.Lines = &l
	}
	return &out
}

func cloneConditions(list []Condition) []Condition {
	out := slices.Clone(list)
	for i := range out {
		out[i] = *cloneCondition(&list[i])
	}
	return out
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case []string:
		return slices.Clone(v)
	case []any:
		return slices.Clone(v)
	default:
		return v
	}
}
