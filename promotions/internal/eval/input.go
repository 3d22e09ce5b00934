package eval

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
)

// The fields of conditions on the cart, by number.
const (
	cartSubtotal = iota
	cartSubtotalNow
	cartUnits
	cartShippingMethods
	customerID
	customerOrders
	customerSegments
	cartAttr
	customerAttr
)

// LinesExtern is the number of the extern "lines" among those of Set.Carts.
const LinesExtern = 0

// CartFields are the fields of conditions on the cart.
func CartFields() []predicate.Field {
	return []predicate.Field{
		cartSubtotal:        {Name: "cart.subtotal", Kind: predicate.Number},
		cartSubtotalNow:     {Name: "cart.subtotal_now", Kind: predicate.Number},
		cartUnits:           {Name: "cart.units", Kind: predicate.Number},
		cartShippingMethods: {Name: "cart.shipping_methods", Kind: predicate.Set},
		customerID:          {Name: "customer.id", Kind: predicate.Text},
		customerOrders:      {Name: "customer.orders", Kind: predicate.Number},
		customerSegments:    {Name: "customer.segments", Kind: predicate.Set},
		cartAttr:            {Name: "cart.attr.", Kind: predicate.Text, Prefix: true},
		customerAttr:        {Name: "customer.attr.", Kind: predicate.Text, Prefix: true},
	}
}

// The fields of conditions on one line or charge, by number.
const (
	lineProduct = iota
	linePrice
	lineQty
	lineCategories
	lineTags
	lineDiscounted
	shippingMethod
	shippingPrice
	lineAttr
	shippingAttr
)

// TargetFields are the fields of conditions on one line or charge.
func TargetFields() []predicate.Field {
	return []predicate.Field{
		lineProduct:    {Name: "line.product", Kind: predicate.Text},
		linePrice:      {Name: "line.price", Kind: predicate.Number},
		lineQty:        {Name: "line.qty", Kind: predicate.Number},
		lineCategories: {Name: "line.categories", Kind: predicate.Set},
		lineTags:       {Name: "line.tags", Kind: predicate.Set},
		lineDiscounted: {Name: "line.discounted", Kind: predicate.Bool},
		shippingMethod: {Name: "shipping.method", Kind: predicate.Text},
		shippingPrice:  {Name: "shipping.price", Kind: predicate.Number},
		lineAttr:       {Name: "line.attr.", Kind: predicate.Text, Prefix: true},
		shippingAttr:   {Name: "shipping.attr.", Kind: predicate.Text, Prefix: true},
	}
}

// NormalCode is the form in which literal codes are compared: upper case, without spaces
// and hyphens. It allocates only where it changes the code.
func NormalCode(code string) string {
	if !strings.ContainsAny(code, " -") {
		return strings.ToUpper(code)
	}
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

// An Input is a cart that has been checked: ids are unique, amounts are of its currency,
// settled and not negative, quantities positive, and no product or sum wraps.
type Input struct {
	Currency    money.Currency
	At          time.Time // zero: windows never match
	TaxIncluded bool
	Customer    Customer
	Codes       []string
	Attributes  map[string]string
	Targets     []Target // the lines, then the charges
	Lines       int      // how many are lines
	// Left is what an account has left: uses, or minor units with money; [Unlimited] for
	// one of which nothing is known, and false for one in another currency. Nil: all are
	// unlimited.
	Left        func(account string, money bool) (int64, bool)
	Scope       Scope
	Nodes       int // search budget of an optimal stage
	NearPercent int // below 0 is none
}

// A Customer is who buys; without an ID it is a guest.
type Customer struct {
	Known      bool
	ID         string
	Orders     *int64
	Segments   []string
	Attributes map[string]string
}

// A Target is a line or a charge, which has a method for its product and one unit.
type Target struct {
	Product                             string
	Price, List, Floor, Total, Quantity int64 // List 0 is none
	Categories, Tags                    []string
	Gift                                string
	TaxRate                             decimal.Decimal
	Attributes                          map[string]string
}

// Scope is which promotions get a rejection, in the order of package promotions.
type Scope uint8

// The scopes.
const (
	Reached Scope = iota
	All
	None
)

// fill gives the conditions their values.
func (m *Machine) fill() {
	in, digits := m.in, uint8(m.in.Currency.Digits()) //nolint:gosec // at most 18
	var subtotal, units int64
	for len(m.values) < len(in.Targets) {
		m.values = append(m.values, m.set.Targets.NewValues())
	}
	m.methods = m.methods[:0]
	for i := range in.Targets {
		t, v := &in.Targets[i], m.values[i]
		v.Reset()
		if i >= in.Lines {
			m.fillCharge(v, t, digits)
			continue
		}
		m.fillLine(v, t, digits)
		if t.Gift == "" {
			subtotal, units = subtotal+t.Total, units+t.Quantity
		}
	}
	m.subtotal, m.units = subtotal, units
	v := m.cart
	v.Reset()
	m.showCart()
	v.SetMembers(cartShippingMethods, m.methods)
	attributes(m.set.Carts, v, cartAttr, in.Attributes)
	if c := &in.Customer; c.Known {
		if c.ID != "" {
			v.SetText(customerID, c.ID)
		}
		if c.Orders != nil {
			v.SetNumber(customerOrders, predicate.NumFromInt(*c.Orders, 0))
		}
		v.SetMembers(customerSegments, c.Segments)
		attributes(m.set.Carts, v, customerAttr, c.Attributes)
	} else {
		v.SetUnknown(customerSegments)
	}
}

// showCart gives conditions the numbers of the cart; subtotal_now is its state's to show.
func (m *Machine) showCart() {
	digits := uint8(m.in.Currency.Digits()) //nolint:gosec // at most 18
	m.cart.SetNumber(cartSubtotal, predicate.NumFromInt(m.subtotal, digits))
	m.cart.SetNumber(cartUnits, predicate.NumFromInt(m.units, 0))
}

func (m *Machine) fillLine(v *predicate.Values, t *Target, digits uint8) {
	if t.Product != "" {
		v.SetText(lineProduct, t.Product)
	}
	v.SetNumber(linePrice, predicate.NumFromInt(t.Price, digits))
	v.SetNumber(lineQty, predicate.NumFromInt(t.Quantity, 0))
	v.SetMembers(lineCategories, t.Categories)
	v.SetMembers(lineTags, t.Tags)
	v.SetBool(lineDiscounted, t.List > t.Price)
	attributes(m.set.Targets, v, lineAttr, t.Attributes)
}

func (m *Machine) fillCharge(v *predicate.Values, t *Target, digits uint8) {
	v.SetUnknown(lineCategories)
	v.SetUnknown(lineTags)
	if t.Product != "" {
		v.SetText(shippingMethod, t.Product)
		m.methods = append(m.methods, t.Product)
	}
	v.SetNumber(shippingPrice, predicate.NumFromInt(t.Price, digits))
	attributes(m.set.Targets, v, shippingAttr, t.Attributes)
}

// attributes sets the members of a family that some condition names.
func attributes(schema *predicate.Schema, v *predicate.Values, family int, texts map[string]string) {
	for name, text := range texts {
		if field, ok := schema.Member(family, name); ok {
			v.SetText(field, text)
		}
	}
}
