package eval

import (
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
)

// A Query is one that has been checked. Its maps and lists belong to the caller
// and are only read.
type Query struct {
	Product, Variant          string
	Customer, Channel, Region string
	Categories, Segments      []string // categories: nearest first
	Attributes                map[string]string
	Numbers                   map[string]decimal.Decimal
	Qty                       int64 // millionths
	Currency                  money.Currency
	At                        int64 // Unix second
	Timed                     bool  // At is known
	Cost                      money.Amount
	Rates                     *Rates // nil: none
	TaxRate                   decimal.NullDecimal
}

// fields are the numbers of the fields that a condition asks about; noField for
// the others, which no query has to fill in.
type fields struct {
	customer, segments, channel, region, product, variant, currency, categories, qty int
	attributes, numbers                                                              int // families
}

func fieldsOf(schema *predicate.Schema, rules []Rule) fields {
	asked := make(map[string]bool) // by name, families by prefix
	programs := make(map[*predicate.Program]bool)
	for i := range rules {
		if when := rules[i].When; when != nil && !programs[when] {
			programs[when] = true // many rules share few
			mark(asked, when.Node())
		}
	}
	numbers := make(map[string]int)
	for i := range schema.Len() {
		numbers[schema.Field(i).Name] = i
	}
	number := func(name string) int {
		if i, ok := numbers[name]; ok && asked[name] {
			return i
		}
		return noField
	}
	return fields{
		customer: number("customer.id"), segments: number("customer.segments"), channel: number("channel"),
		region: number("region"), product: number("product"), variant: number("variant"),
		currency: number("currency"), categories: number("categories"), qty: number("qty"),
		attributes: number("attributes."), numbers: number("numbers."),
	}
}

// mark notes the fields of a condition, and the families of those that are members.
func mark(asked map[string]bool, n predicate.Node) {
	if n.Leaf != nil {
		asked[n.Leaf.Field] = true
		if family, _, ok := strings.Cut(n.Leaf.Field, "."); ok {
			asked[family+"."] = true
		}
	}
	if n.Not != nil {
		mark(asked, *n.Not)
	}
	for _, parts := range [][]predicate.Node{n.All, n.Any} {
		for _, part := range parts {
			mark(asked, part)
		}
	}
}

// noField stands for a field that no condition asks about.
const noField = -1

// ask returns the query's values for conditions, filled in when a condition of
// this query first asks.
func (m *Machine) ask() *predicate.Values {
	if m.filled {
		return m.values
	}
	m.filled = true
	q, f := &m.Query, &m.set.fields
	m.setText(f.customer, q.Customer)
	m.setText(f.channel, q.Channel)
	m.setText(f.region, q.Region)
	m.setText(f.product, q.Product)
	m.setText(f.variant, q.Variant)
	if f.currency != noField {
		m.setText(f.currency, m.codeOf(q.Currency))
	}
	if f.segments != noField {
		m.values.SetMembers(f.segments, q.Segments)
	}
	if f.categories != noField {
		m.values.SetMembers(f.categories, q.Categories)
	}
	if f.qty != noField {
		m.values.SetNumber(f.qty, predicate.NumFromInt(q.Qty, micro))
	}
	m.setFamilies()
	return m.values
}

// codeOf is the currency's code. That of a currency of one's own allocates, so it
// is kept for the next query.
func (m *Machine) codeOf(c money.Currency) string {
	if c != m.coded {
		m.coded, m.code = c, c.Code()
	}
	return m.code
}

// setText sets a field of the query's own; empty is absent.
func (m *Machine) setText(field int, text string) {
	if field != noField && text != "" {
		m.values.SetText(field, text)
	}
}

// setFamilies sets the attributes and numbers that conditions name. What is in
// the map is there, if only as the empty text.
func (m *Machine) setFamilies() {
	q, f := &m.Query, &m.set.fields
	if f.attributes != noField {
		for name, text := range q.Attributes {
			if field, ok := m.set.schema.Member(f.attributes, name); ok {
				m.values.SetText(field, text)
			}
		}
	}
	if f.numbers != noField {
		for name, d := range q.Numbers {
			if field, ok := m.set.schema.Member(f.numbers, name); ok {
				m.values.SetNumber(field, predicate.NumFromDecimal(d))
			}
		}
	}
}
