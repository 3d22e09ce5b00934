package eval

import (
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

// fields are the numbers of the fields in a schema.
type fields struct {
	customer, segments, channel, region, product, variant, currency, categories, qty int
	attributes, numbers                                                              int // families
}

func fieldsOf(schema *predicate.Schema) fields {
	numbers := make(map[string]int)
	for i := range schema.Len() {
		numbers[schema.Field(i).Name] = i
	}
	number := func(name string) int {
		if i, ok := numbers[name]; ok {
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

// noField stands for a field that the schema lacks: no condition asks about it.
const noField = -1

// ask returns the query's values for conditions, filled in when a condition of
// this query first asks.
func (m *Machine) ask() *predicate.Values {
	if m.filled {
		return m.values
	}
	m.filled = true
	m.values.Reset()
	q, f := &m.Query, &m.set.fields
	m.setText(f.customer, q.Customer)
	m.setText(f.channel, q.Channel)
	m.setText(f.region, q.Region)
	m.setText(f.product, q.Product)
	m.setText(f.variant, q.Variant)
	if q.Currency != m.coded {
		// The code of a currency of one's own allocates: it is kept for the next query.
		m.coded, m.code = q.Currency, q.Currency.Code()
	}
	m.setText(f.currency, m.code)
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
