package predicate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"pgregory.net/rapid"
)

// fields is the schema of most tests. The wide set is compared with over a
// hundred members, so that some of them have no bit.
func fields() []predicate.Field {
	return []predicate.Field{
		{Name: "region", Kind: predicate.Text},
		{Name: "channel", Kind: predicate.Text},
		{Name: "qty", Kind: predicate.Number},
		{Name: "weight", Kind: predicate.Number},
		{Name: "vip", Kind: predicate.Bool},
		{Name: "segments", Kind: predicate.Set},
		{Name: "wide", Kind: predicate.Set},
		{Name: "attributes.", Kind: predicate.Text, Prefix: true},
		{Name: "numbers.", Kind: predicate.Number, Prefix: true},
	}
}

// toy is an extern whose JSON is a small integer: the condition whose verdict
// the query has under that number.
func toy() predicate.Extern {
	return predicate.Extern{Key: "toy", Compile: func(raw json.RawMessage) (int, error) {
		n, err := strconv.Atoi(string(raw))
		if err != nil || n < 0 || n >= toys {
			return 0, &predicate.Problem{Path: "number", Text: "not a toy"}
		}
		return n, nil
	}}
}

const toys = 2

func newSchema(tb testing.TB, limits predicate.Limits) *predicate.Schema {
	tb.Helper()
	s, err := predicate.NewSchema(fields(), []predicate.Extern{toy()}, limits)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func parse(tb testing.TB, text string) predicate.Node {
	tb.Helper()
	n, err := predicate.Parse(json.RawMessage(text), "toy")
	if err != nil {
		tb.Fatalf("parse %s: %v", text, err)
	}
	return n
}

func compile(tb testing.TB, s *predicate.Schema, text string) *predicate.Program {
	tb.Helper()
	p, err := s.Compile(parse(tb, text))
	if err != nil {
		tb.Fatalf("compile %s: %v", text, err)
	}
	return p
}

// A query is what the oracle evaluates against; what is not in a map is absent.
type query struct {
	Texts   map[string]string
	Numbers map[string]string
	Bools   map[string]bool
	Sets    map[string][]string
	Toys    [toys]predicate.Verdict
}

// fill puts a query into values, through nothing but the public names.
func fill(v *predicate.Values, s *predicate.Schema, q *query) {
	v.Reset()
	for name, text := range q.Texts {
		if number, ok := s.Lookup(name); ok {
			v.SetText(number, text)
		}
	}
	for name, text := range q.Numbers {
		if number, ok := s.Lookup(name); ok {
			v.SetNumber(number, predicate.NumFromDecimal(decimal.RequireFromString(text)))
		}
	}
	for name, b := range q.Bools {
		number, _ := s.Lookup(name)
		v.SetBool(number, b)
	}
	for name, set := range q.Sets {
		number, _ := s.Lookup(name)
		v.SetMembers(number, set)
	}
	v.SetExtern(0, func(index int) predicate.Verdict { return q.Toys[index] })
}

// oracle is the language read aloud: recursive, over strings and decimals.
func oracle(n predicate.Node, q *query) predicate.Verdict {
	switch {
	case n.All != nil:
		result := predicate.True
		for _, part := range n.All {
			result = min(result, oracle(part, q))
		}
		return result
	case n.Any != nil:
		result := predicate.False
		for _, part := range n.Any {
			result = max(result, oracle(part, q))
		}
		return result
	case n.Not != nil:
		return predicate.True - oracle(*n.Not, q)
	case n.Leaf != nil:
		return oracleLeaf(n.Leaf, q)
	case n.Extern != nil:
		index, _ := strconv.Atoi(string(n.Extern.JSON))
		return q.Toys[index]
	default:
		return predicate.True
	}
}

func oracleLeaf(l *predicate.Leaf, q *query) predicate.Verdict {
	want := make([]string, len(l.Values))
	for i, v := range l.Values {
		want[i] = v.Text
	}
	var hit, known bool
	switch {
	case l.Field == "segments" || l.Field == "wide":
		return verdict(oracleSet(l.Op, q.Sets[l.Field], want), true)
	case l.Field == "vip":
		var got bool
		got, known = q.Bools[l.Field]
		hit = l.Op != predicate.Exists && strconv.FormatBool(got) == want[0]
	case l.Field == "qty" || l.Field == "weight" || strings.HasPrefix(l.Field, "numbers."):
		var got string
		if got, known = q.Numbers[l.Field]; known {
			hit = oracleNumber(l.Op, decimal.RequireFromString(got), want)
		}
	default:
		var got string
		got, known = q.Texts[l.Field]
		hit = slices.Contains(want, got) == (l.Op == predicate.Eq || l.Op == predicate.In)
	}
	if l.Op == predicate.Exists {
		return verdict(known, true)
	}
	return verdict(hit, known)
}

func oracleSet(op predicate.Op, got, want []string) bool {
	common := 0
	for _, w := range want {
		if slices.Contains(got, w) {
			common++
		}
	}
	switch op {
	case predicate.AnyOf:
		return common > 0
	case predicate.AllOf:
		return common == len(want)
	case predicate.NoneOf:
		return common == 0
	default:
		return len(got) > 0
	}
}

func oracleNumber(op predicate.Op, got decimal.Decimal, want []string) bool {
	if op == predicate.Exists {
		return false
	}
	c := got.Cmp(decimal.RequireFromString(want[0]))
	switch op {
	case predicate.Eq:
		return c == 0
	case predicate.Ne:
		return c != 0
	case predicate.Lt:
		return c < 0
	case predicate.Le:
		return c <= 0
	case predicate.Gt:
		return c > 0
	case predicate.Ge:
		return c >= 0
	default:
		return c >= 0 && got.Cmp(decimal.RequireFromString(want[1])) <= 0
	}
}

func verdict(hit, known bool) predicate.Verdict {
	switch {
	case !known:
		return predicate.Unknown
	case hit:
		return predicate.True
	default:
		return predicate.False
	}
}

// A domain is what random conditions and queries are made of. The small one can
// be enumerated; the large one has what is hard to represent.
type domain struct {
	texts, numbers, wide []string
	names                map[predicate.Kind][]string
}

func smallDomain() domain {
	return domain{
		texts:   []string{"a", "b", "c"},
		numbers: []string{"1", "2", "3"},
		names: map[predicate.Kind][]string{
			predicate.Text: {"region"}, predicate.Number: {"qty"}, predicate.Bool: {"vip"}, predicate.Set: {"segments"},
		},
	}
}

func largeDomain() domain {
	d := domain{
		texts: []string{"a", "b", "c", "", "ä", "\"q\"", "A"},
		numbers: []string{
			"0", "1", "1.0", "1.5", "-3", "0.000001", "0.0000001", "0.00000012", "-0.0000001", "-0.00000012", "1.0000001", "1.00000010",
			"4611686018427.387903", "4611686018427.387904", "4611686018427.3879035", "-4611686018427.387904", "5000000000000", "99999999999999999999",
		},
		names: map[predicate.Kind][]string{
			predicate.Text:   {"region", "channel", "attributes.x", "attributes.y"},
			predicate.Number: {"qty", "weight", "numbers.n"},
			predicate.Bool:   {"vip"},
			predicate.Set:    {"segments", "wide"},
		},
	}
	for i := range 100 {
		d.wide = append(d.wide, "w"+strconv.Itoa(i))
	}
	return d
}

func (d domain) set(name string) []string {
	if name == "wide" {
		return d.wide
	}
	return d.texts
}

// node draws a condition of at most the given depth.
func (d domain) node(t *rapid.T, depth int) predicate.Node {
	form := rapid.IntRange(0, 9).Draw(t, "form")
	switch {
	case depth <= 1 || form < 3:
		return predicate.Node{Leaf: d.leaf(t)}
	case form == 3:
		raw := json.RawMessage(strconv.Itoa(rapid.IntRange(0, toys-1).Draw(t, "toy")))
		return predicate.Node{Extern: &predicate.Raw{Key: "toy", JSON: raw}}
	case form == 4:
		n := d.node(t, depth-1)
		return predicate.Node{Not: &n}
	}
	parts := make([]predicate.Node, rapid.IntRange(1, 4).Draw(t, "parts"))
	for i := range parts {
		parts[i] = d.node(t, depth-1)
	}
	if form < 8 {
		return predicate.Node{All: parts}
	}
	return predicate.Node{Any: parts}
}

func (d domain) leaf(t *rapid.T) *predicate.Leaf {
	kind := rapid.SampledFrom([]predicate.Kind{predicate.Bool, predicate.Number, predicate.Text, predicate.Set}).Draw(t, "kind")
	l := &predicate.Leaf{Field: rapid.SampledFrom(d.names[kind]).Draw(t, "field")}
	some := func(of []string, least, most int) []predicate.Value {
		var values []predicate.Value
		for range rapid.IntRange(least, most).Draw(t, "values") {
			values = append(values, predicate.Value{Text: rapid.SampledFrom(of).Draw(t, "value")})
		}
		return values
	}
	ops := map[predicate.Kind][]predicate.Op{
		predicate.Bool:   {predicate.Eq, predicate.Exists},
		predicate.Number: {predicate.Eq, predicate.Ne, predicate.Lt, predicate.Le, predicate.Gt, predicate.Ge, predicate.Between, predicate.Exists},
		predicate.Text:   {predicate.Eq, predicate.Ne, predicate.In, predicate.NotIn, predicate.Exists},
		predicate.Set:    {predicate.AnyOf, predicate.AllOf, predicate.NoneOf, predicate.Exists},
	}
	l.Op = rapid.SampledFrom(ops[kind]).Draw(t, "op")
	switch {
	case l.Op == predicate.Exists:
	case kind == predicate.Bool:
		l.Values = []predicate.Value{{Text: rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool"), Form: predicate.Boolean}}
	case l.Op == predicate.Between:
		l.Values = some(d.numbers, 2, 2)
		slices.SortFunc(l.Values, func(a, b predicate.Value) int {
			return decimal.RequireFromString(a.Text).Cmp(decimal.RequireFromString(b.Text))
		})
	case kind == predicate.Number:
		l.Values = some(d.numbers, 1, 1)
	case kind == predicate.Set:
		l.Values = some(d.set(l.Field), 1, 4)
	case l.Op == predicate.In || l.Op == predicate.NotIn:
		l.Values = some(d.texts, 1, 12) // over eight are searched differently
	default:
		l.Values = some(d.texts, 1, 1)
	}
	return l
}

// query draws a query in which about a third is absent.
func (d domain) query(t *rapid.T) *query {
	q := &query{Texts: map[string]string{}, Numbers: map[string]string{}, Bools: map[string]bool{}, Sets: map[string][]string{}}
	there := func() bool { return rapid.IntRange(0, 2).Draw(t, "there") > 0 }
	for _, name := range d.names[predicate.Text] {
		if there() {
			q.Texts[name] = rapid.SampledFrom(append([]string{"other"}, d.texts...)).Draw(t, name)
		}
	}
	for _, name := range d.names[predicate.Number] {
		if there() {
			q.Numbers[name] = rapid.SampledFrom(append([]string{"7"}, d.numbers...)).Draw(t, name)
		}
	}
	if there() {
		q.Bools["vip"] = rapid.Bool().Draw(t, "vip")
	}
	for _, name := range d.names[predicate.Set] {
		q.Sets[name] = rapid.SliceOfN(rapid.SampledFrom(append([]string{"other"}, d.set(name)...)), 0, 20).Draw(t, name)
	}
	for i := range q.Toys {
		q.Toys[i] = predicate.Verdict(rapid.IntRange(0, 2).Draw(t, "toy")) //nolint:gosec // 0 to 2
	}
	return q
}

// every enumerates the queries of the small domain, and of values beside it that
// no condition names: between, below and above its numbers, and another text.
func (d domain) every(yield func(*query) bool) {
	numbers := []string{"", "0", "1", "1.5", "2", "2.0000001", "3", "4"}
	sets := [][]string{nil, {"other"}, {"a"}, {"b"}, {"c"}, {"a", "b"}, {"a", "c"}, {"b", "c"}, {"a", "b", "c"}}
	for i := range 5 * len(numbers) * len(sets) * 3 * 9 {
		q := query{Texts: map[string]string{}, Numbers: map[string]string{}, Bools: map[string]bool{}, Sets: map[string][]string{}}
		pick := func(n int) (k int) { k, i = i%n, i/n; return k }
		if k := pick(5); k > 0 {
			q.Texts["region"] = []string{"", "a", "b", "c", "other"}[k]
		}
		if k := pick(len(numbers)); k > 0 {
			q.Numbers["qty"] = numbers[k]
		}
		q.Sets["segments"] = sets[pick(len(sets))]
		if k := pick(3); k > 0 {
			q.Bools["vip"] = k == 1
		}
		for toy := range q.Toys {
			q.Toys[toy] = predicate.Verdict(pick(3)) //nolint:gosec // 0 to 2
		}
		if !yield(&q) {
			return
		}
	}
}

// at returns the node at a path that Why or a Problem names.
func at(n predicate.Node, path string) (predicate.Node, error) {
	for path != "" {
		step, rest, _ := strings.Cut(path, ".")
		key, index, listed := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		path = rest
		i, _ := strconv.Atoi(index)
		switch {
		case key == "all" && listed && i < len(n.All):
			n = n.All[i]
		case key == "any" && listed && i < len(n.Any):
			n = n.Any[i]
		case key == "not" && n.Not != nil:
			n = *n.Not
		default:
			return n, fmt.Errorf("no %q in %+v", step, n)
		}
	}
	return n, nil
}
