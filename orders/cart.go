package orders

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders/internal/enum"
	"github.com/tenon-go/tenon/orders/stock"
)

// A CartID names a cart.
type CartID string

// A Cart is the lines that a buyer may still change. Its version grows by one with
// every change, that of its state among them, so that a checkout can say which one was
// shown.
type Cart struct {
	ID       CartID         `json:"id"`
	Version  int64          `json:"version"`
	State    CartState      `json:"state"`
	Owner    Buyer          `json:"owner"`
	Token    string         `json:"token,omitzero"` // of a guest: SHA-256 of the secret, hexadecimal
	Currency money.Currency `json:"currency"`
	Lines    []CartLine     `json:"lines,omitzero"`
	Lock     CheckoutID     `json:"lock,omitzero"`        // LOCKED: by which checkout; ORDERED: of which
	Until    time.Time      `json:"until,omitzero"`       // LOCKED: from then on the lock is over
	Into     CartID         `json:"merged_into,omitzero"` // MERGED
	At       time.Time      `json:"at"`                   // of the last change
}

// A CartState is what a cart can be.
type CartState uint8

// The states of a cart.
const (
	CartOpen    CartState = iota // it can be changed
	CartLocked                   // a checkout has it
	CartOrdered                  // it was sold
	CartMerged                   // a guest's cart, claimed by a customer
)

//nolint:gochecknoglobals // an immutable table
var cartStates = []string{"OPEN", "LOCKED", "ORDERED", "MERGED"}

// String returns "OPEN" and the like.
func (s CartState) String() string { return enum.Name(cartStates, "CartState", s) }

// MarshalText returns String; a value without a name is an error.
func (s CartState) MarshalText() ([]byte, error) { return enum.Text(cartStates, "cart state", s) }

// UnmarshalText reads what MarshalText writes.
func (s *CartState) UnmarshalText(text []byte) error {
	return enum.Parse(cartStates, "cart state", text, s)
}

// A CartLine is units of one SKU, from one location, with the options that the buyer
// has chosen. An empty ID is given when the line is added.
type CartLine struct {
	ID       string            `json:"id"`
	SKU      string            `json:"sku"`
	Location string            `json:"location,omitzero"`
	Quantity int64             `json:"quantity"` // 1 to 1,000,000
	Options  map[string]string `json:"options,omitzero"`
}

// A CartRef says which cart a command means, who may, and which version was shown.
type CartRef struct {
	ID      CartID
	Token   string // the secret of a guest's cart
	Key     string // idempotency key; empty: the command is not idempotent
	Version int64  // 0: any
}

// A Buyer is a customer, or, without an ID, a guest.
type Buyer struct {
	ID    string `json:"id,omitzero"`
	Email string `json:"email,omitzero"`
}

// An Address is where an order goes. Nothing here looks into it.
type Address struct {
	Name       string   `json:"name,omitzero"`
	Lines      []string `json:"lines,omitzero"`
	City       string   `json:"city,omitzero"`
	Region     string   `json:"region,omitzero"`
	PostalCode string   `json:"postal_code,omitzero"`
	Country    string   `json:"country,omitzero"`
}

// A LineQty is a number of units of a line, by the line's id.
type LineQty struct {
	Line     string `json:"line"`
	Quantity int64  `json:"quantity"`
}

// totals adds up a priced cart and lists what is wrong with it.
type totals struct {
	calc

	currency money.Currency
	total    money.Amount
	of       map[string]money.Amount // by line and shipping
	problems []string
}

// priced goes over lines, shipping and adjustments.
func (t *totals) priced(cart Cart, p Priced, d Discounts) {
	t.total = money.New(0, t.currency)
	t.of = make(map[string]money.Amount, len(p.Lines)+len(p.Shipping))
	want := make(map[string]bool, len(cart.Lines))
	for _, l := range cart.Lines {
		want[l.ID] = true
	}
	for _, l := range slices.Concat(p.Lines, p.Shipping) {
		if _, twice := t.of[l.ID]; twice || l.ID == "" {
			t.problems = append(t.problems, fmt.Sprintf("priced line %q: twice, or without an id", l.ID))
		}
		t.of[l.ID] = t.amount("priced line", l.ID, l.Net, l.Taxes, 1)
	}
	for _, l := range p.Lines {
		if !want[l.ID] {
			t.problems = append(t.problems, fmt.Sprintf("priced line %q: not in the cart", l.ID))
		}
		delete(want, l.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(want)) {
		t.problems = append(t.problems, fmt.Sprintf("line %q: without a price", id))
	}
	for _, a := range d.Adjustments {
		if _, known := t.of[a.Target]; !known {
			t.problems = append(t.problems, fmt.Sprintf("adjustment %q: no line %q", a.Label, a.Target))
		}
		t.of[a.Target] = t.plus(t.of[a.Target], t.amount("adjustment of line", a.Target, a.Net, a.Taxes, -1))
	}
	for _, id := range slices.Sorted(maps.Keys(t.of)) {
		if t.of[id].Sign() < 0 {
			t.problems = append(t.problems, fmt.Sprintf("line %q: %s: more is taken off than it costs", id, t.of[id]))
		}
		t.total = t.plus(t.total, t.of[id])
	}
}

// amount adds up a net and its taxes, none of which may have the other sign.
func (t *totals) amount(what, id string, net money.Amount, taxes []Tax, sign int) money.Amount {
	sum := money.New(0, t.currency)
	one := func(name string, a money.Amount) {
		switch c := a.Currency(); {
		case !c.IsZero() && c != t.currency:
			t.failed = cmp.Or(t.failed, fmt.Errorf("%s %q: %w: %s in a cart of %s", what, id, ErrCurrency, a, t.currency))
		case a.Sign()*sign < 0 || !a.IsSettled():
			t.problems = append(t.problems, fmt.Sprintf("%s %q: %s %s: another sign, or not whole minor units", what, id, name, a))
		default:
			sum = t.plus(sum, a)
		}
	}
	one("net", net)
	for _, tax := range taxes {
		one("tax "+tax.Jurisdiction, tax.Amount)
	}
	return sum
}

// requestHash is that of all that makes a request: SHA-256 over canonical JSON, in
// hexadecimal. Lists that have no order of their own must be sorted before.
func requestHash(command string, parts ...any) (string, error) {
	data, err := json.Marshal(append([]any{command}, parts...))
	if err != nil {
		return "", fmt.Errorf("hash of %s: %w", command, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// hash is that of a begin of a cart. The order of lines and of codes makes no
// difference, nor does nothing instead of an empty list.
func (b BeginRequest) hash(cart Cart) (string, error) {
	lines := slices.Clone(cart.Lines)
	for i := range lines {
		if len(lines[i].Options) == 0 {
			lines[i].Options = nil
		}
	}
	slices.SortFunc(lines, func(a, b CartLine) int { return cmp.Compare(a.ID, b.ID) })
	b.Codes = orNone(b.Codes)
	slices.Sort(b.Codes)
	b.Tenders, b.Address.Lines = orNone(b.Tenders), orNone(b.Address.Lines)
	if len(b.Attributes) == 0 {
		b.Attributes = nil
	}
	return requestHash("begin", string(cart.ID), lines, b)
}

// change returns the cart for a command that changes it, at a version that the command
// expects (0: any). [ErrLocked] when a checkout has it.
func (c Cart) change(version int64, at time.Time) (Cart, error) {
	switch {
	case c.State == CartLocked:
		return Cart{}, ErrLocked
	case c.State != CartOpen:
		return Cart{}, &InvalidError{Problems: []string{fmt.Sprintf("cart %s: %s", c.ID, c.State)}}
	case version != 0 && version != c.Version:
		return Cart{}, &CartChangedError{Cart: c}
	}
	c.Lines = slices.Clone(c.Lines)
	c.Version++
	c.At = at.UTC().Truncate(time.Microsecond)
	return c, nil
}

// addLine adds a line. One of the same SKU, location and options grows instead, and keeps
// its id; l.ID is that of a new one.
func (c Cart) addLine(l CartLine, version int64, at time.Time) (Cart, error) {
	if err := l.check(); err != nil {
		return Cart{}, err
	}
	c, err := c.change(version, at)
	if err != nil {
		return Cart{}, err
	}
	return c.put(l)
}

// put adds a line to a cart that is being changed.
func (c Cart) put(l CartLine) (Cart, error) {
	l.Options = maps.Clone(l.Options)
	if len(l.Options) == 0 {
		l.Options = nil
	}
	for i := range c.Lines {
		old := &c.Lines[i]
		switch same := old.SKU == l.SKU && old.Location == l.Location && maps.Equal(old.Options, l.Options); {
		case same:
			l.ID = old.ID
			if old.Quantity += l.Quantity; old.Quantity > stock.MaxQuantity {
				return Cart{}, invalidQuantity(l.ID, old.Quantity)
			}
			return c, nil
		case old.ID == l.ID:
			return Cart{}, &InvalidError{Problems: []string{fmt.Sprintf("line %s: is there, with another SKU", l.ID)}}
		}
	}
	if len(c.Lines) == stock.MaxLines {
		return Cart{}, &InvalidError{Problems: []string{fmt.Sprintf("cart %s: has %d lines already", c.ID, stock.MaxLines)}}
	}
	c.Lines = append(c.Lines, l)
	return c, nil
}

// setQuantity changes the quantity of a line.
func (c Cart) setQuantity(q LineQty, version int64, at time.Time) (Cart, error) {
	if q.Quantity < 1 || q.Quantity > stock.MaxQuantity {
		return Cart{}, invalidQuantity(q.Line, q.Quantity)
	}
	c, err := c.change(version, at)
	if err != nil {
		return Cart{}, err
	}
	i := slices.IndexFunc(c.Lines, func(l CartLine) bool { return l.ID == q.Line })
	if i < 0 {
		return Cart{}, fmt.Errorf("line %s: %w", q.Line, ErrNotFound)
	}
	c.Lines[i].Quantity = q.Quantity
	return c, nil
}

// removeLine takes a line out.
func (c Cart) removeLine(line string, version int64, at time.Time) (Cart, error) {
	c, err := c.change(version, at)
	if err != nil {
		return Cart{}, err
	}
	n := len(c.Lines)
	if c.Lines = orNone(slices.DeleteFunc(c.Lines, func(l CartLine) bool { return l.ID == line })); len(c.Lines) == n {
		return Cart{}, fmt.Errorf("line %s: %w", line, ErrNotFound)
	}
	return c, nil
}

// merge moves the lines of a guest's cart into a customer's, and returns both. A line
// whose id is taken gets one of newID.
func (c Cart) merge(guest Cart, newID func() string, at time.Time) (customer, merged Cart, err error) {
	if c.Currency != guest.Currency {
		return Cart{}, Cart{}, fmt.Errorf("%w: %s into %s", ErrCurrency, guest.Currency, c.Currency)
	}
	if merged, err = guest.change(0, at); err != nil {
		return Cart{}, Cart{}, err
	}
	if customer, err = c.change(0, at); err != nil {
		return Cart{}, Cart{}, err
	}
	for _, l := range merged.Lines {
		if slices.ContainsFunc(customer.Lines, func(o CartLine) bool { return o.ID == l.ID }) {
			l.ID = newID()
		}
		if customer, err = customer.put(l); err != nil {
			return Cart{}, Cart{}, err
		}
	}
	merged.State, merged.Into = CartMerged, c.ID
	return customer, merged, nil
}

// check returns what is wrong with a line.
func (l CartLine) check() error {
	var p []string
	if l.Quantity < 1 || l.Quantity > stock.MaxQuantity {
		p = append(p, quantityProblem(l.ID, l.Quantity))
	}
	for _, text := range []struct {
		name, is string
		optional bool
	}{{"id", l.ID, false}, {"SKU", l.SKU, false}, {"location", l.Location, true}} {
		if text.is == "" && !text.optional || len(text.is) > maxText || !utf8.ValidString(text.is) || strings.ContainsRune(text.is, 0) {
			p = append(p, fmt.Sprintf("line %q: %s %q: want 1 to %d bytes of text", l.ID, text.name, text.is, maxText))
		}
	}
	for name, value := range l.Options {
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			p = append(p, fmt.Sprintf("line %q: option %q: want text, has %q", l.ID, name, value))
		}
	}
	if len(p) > 0 {
		return &InvalidError{Problems: p}
	}
	return nil
}

func quantityProblem(line string, n int64) string {
	return fmt.Sprintf("line %s: quantity %d: want 1 to %d", line, n, stock.MaxQuantity)
}

func invalidQuantity(line string, n int64) error {
	return &InvalidError{Problems: []string{quantityProblem(line, n)}}
}
