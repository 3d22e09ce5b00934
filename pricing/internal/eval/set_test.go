package eval_test

import (
	"fmt"
	"testing"

	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// builder compiles conditions and collects rules, which are to come by id.
type builder struct {
	*testing.T
	schema *predicate.Schema
	rules  []eval.Rule
}

func newBuilder(t *testing.T) *builder {
	t.Helper()
	schema, err := predicate.NewSchema([]predicate.Field{
		{Name: "customer.id", Kind: predicate.Text}, {Name: "region", Kind: predicate.Text}, {Name: "customer.segments", Kind: predicate.Set},
	}, nil, predicate.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return &builder{T: t, schema: schema}
}

// is is the leaf field = value.
func is(field, value string) predicate.Node {
	return predicate.Node{Leaf: &predicate.Leaf{Field: field, Op: predicate.Eq, Values: []predicate.Value{{Text: value}}}}
}

func (b *builder) add(kind eval.Kind, when ...predicate.Node) {
	b.Helper()
	r := eval.Rule{
		ID: fmt.Sprintf("rule-%06d", len(b.rules)), Kind: kind, Level: eval.Product, Scope: "p",
		From: -eval.Forever, Until: eval.Forever, MaxQty: eval.Forever,
		Effect: eval.Effect{Op: eval.OpSet, Number: eval.Dec{Coef: int64(len(b.rules))}},
	}
	if len(when) > 0 {
		program, err := b.schema.Compile(predicate.Node{All: when})
		if err != nil {
			b.Fatal(err)
		}
		r.When = program
	}
	b.rules = append(b.rules, r)
}

func (b *builder) machine() *eval.Machine {
	b.Helper()
	usd, err := money.ISO("USD")
	if err != nil {
		b.Fatal(err)
	}
	for i := range b.rules {
		b.rules[i].Currency = usd
	}
	m := eval.Build(eval.Policy{}, b.rules, b.schema).NewMachine(false)
	m.Query = eval.Query{Product: "p", Region: "US", Currency: usd, Qty: 1_000_000}
	return m
}

func TestShortListsAreNotSplit(t *testing.T) {
	b := newBuilder(t)
	for i := range 32 {
		b.add(eval.Contract, is("customer.id", fmt.Sprint(i)))
	}
	if got := b.machine().Reach(eval.StagePrice); got != 32 {
		t.Errorf("the query reaches %d rules, want 32", got)
	}
}

// The field with most values is the one that is split by; a bucket that is long
// itself is split by the next; and a rule that asks no text is met by everyone.
func TestLongListsAreSplitByTheMostSelectiveText(t *testing.T) {
	b := newBuilder(t)
	for i := range 1000 {
		b.add(eval.Contract, is("region", fmt.Sprint(i%10)), is("customer.id", fmt.Sprint("c", i%500)))
	}
	for i := range 100 {
		b.add(eval.Contract, is("customer.id", "c7"), is("region", fmt.Sprint("r", i)))
	}
	for range 3 {
		b.add(eval.Base)
	}
	for i := range 2 {
		b.add(eval.List, predicate.Node{Any: []predicate.Node{is("customer.id", "c7"), is("region", fmt.Sprint("r", i))}})
	}
	m := b.machine()
	for _, tc := range []struct {
		customer, region string
		want             int
	}{
		{"c3", "3", 2 + 3 + 2},
		{"c3", "4", 2 + 3 + 2}, // the bucket of c3 is short
		{"c7", "7", 2 + 3 + 2}, // that of c7 is split by region
		{"c7", "r50", 1 + 3 + 2},
		{"c7", "", 0 + 3 + 2},
		{"stranger", "3", 3 + 2},
		{"", "3", 3 + 2},
	} {
		m.Query.Customer, m.Query.Region = tc.customer, tc.region
		if got := m.Reach(eval.StagePrice); got != tc.want {
			t.Errorf("customer %q in %q reaches %d rules, want %d", tc.customer, tc.region, got, tc.want)
		}
	}
}

// Whatever the list and its split, the best rule is the one that a scan finds.
func TestSplitListsGiveTheBestRule(t *testing.T) {
	b := newBuilder(t)
	for i := range 200 {
		b.add(eval.Contract, is("customer.id", fmt.Sprint(i%50)), is("region", "US"))
		b.rules[len(b.rules)-1].Priority = int32(i * 7 % 200)
	}
	b.add(eval.Base)
	m := b.machine()
	for customer := range 51 {
		best := 200 // the base
		for i := range 200 {
			if i%50 == customer && (best == 200 || b.rules[i].Priority > b.rules[best].Priority) {
				best = i
			}
		}
		m.Query.Customer = fmt.Sprint(customer)
		if err := m.Price(); err != nil {
			t.Fatal(err)
		}
		if got, want := m.Result.Steps[0].Rule.ID, fmt.Sprintf("rule-%06d", best); got != want {
			t.Errorf("customer %d: %s, want %s", customer, got, want)
		}
	}
}

// A rule in its place is three lines of a cache, and what is read together lies
// in one.
func TestEntriesAreLines(t *testing.T) {
	if eval.EntrySize != 192 || eval.ActOffset != 64 {
		t.Errorf("an entry has %d bytes, the second part begins at %d, want 192 and 64", eval.EntrySize, eval.ActOffset)
	}
}
