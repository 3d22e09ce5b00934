package promotions

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"math/bits"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
)

// A Cart is what a buyer is about to pay for. [ParseCart] reads one. Evaluation
// never changes it.
//
//nolint:recvcheck // MarshalJSON must be there for values; what else there is is not to copy a cart
type Cart struct {
	Currency money.Currency
	// At decides windows; zero matches none, and [Ledger] sets it.
	At time.Time
	// PricesIncludeTax says what the prices are, and so what discounts are taken of.
	PricesIncludeTax bool
	Customer         *Customer // nil is a guest
	Codes            []string
	Lines            []Line
	Shipping         []Charge
	Attributes       map[string]string // cart.attr.<name>
}

// A Customer is a buyer who is known.
type Customer struct {
	ID         string
	Orders     *int64 // how many so far; nil is unknown
	Segments   []string
	Attributes map[string]string
}

// A Line is a number of equal units.
type Line struct {
	ID      string
	Product string // empty is absent
	// Price is per unit; List is that before a catalogue's sale, zero: the same.
	Price, List money.Amount
	// Floor is the price below which no unit goes.
	Floor money.Amount
	// Total is what the line costs; the zero Amount is Price x Quantity.
	Total            money.Amount
	Quantity         int64
	Categories, Tags []string
	// Gift is the promotion for which the units are a gift.
	Gift       string
	TaxRate    decimal.Decimal // percent
	Attributes map[string]string
}

// A Charge is a shipping cost.
type Charge struct {
	ID, Method string // an empty method is absent
	Price      money.Amount
	TaxRate    decimal.Decimal
	Attributes map[string]string
}

// ParseCart reads a cart in its JSON form, as strictly as [Parse]: all problems
// come in an [*InvalidError]. What the cart says is for [Snapshot.Evaluate] to judge.
// More than 5,000 lines, 100 codes or 16 MiB are [ErrRange].
func ParseCart(r io.Reader) (Cart, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxCartBytes+1))
	if err != nil {
		return Cart{}, fmt.Errorf("promotions: parse cart: %w", err)
	}
	var c Cart
	if err := c.UnmarshalJSON(data); err != nil {
		return Cart{}, err
	}
	return c, nil
}

// MarshalJSON writes the form that [ParseCart] reads, its keys in order of their
// bytes, what is the default left out. What the form cannot hold, such as an amount
// of another currency than the cart's, is an error.
func (c Cart) MarshalJSON() ([]byte, error) {
	return encode("cart", func(f *form) { f.cart(&c) })
}

// UnmarshalJSON reads what [ParseCart] reads. On an error c is unchanged.
func (c *Cart) UnmarshalJSON(data []byte) error {
	if len(data) > maxCartBytes {
		e := &InvalidError{}
		e.add("", fmt.Errorf("over %d bytes: %w", maxCartBytes, ErrRange))
		return e
	}
	var read Cart
	if err := parse(data, func(f *form) { f.cart(&read) }); err != nil {
		return err
	}
	*c = read
	return nil
}

// What a cart may have at most.
const (
	maxCartBytes = 16 << 20
	maxLines     = 5000
	maxCodes     = 100
	maxCode      = 64
	maxQuantity  = 1_000_000_000_000
	maxTaxRate   = 1000 // percent
)

func (f *form) cart(c *Cart) {
	f.Object(func() {
		if f.Reads() && !f.Has("currency") {
			f.missing("currency")
		}
		f.early(func() { f.currencyField(&c.Currency) })
		f.currency = c.Currency
		if !f.canonical {
			f.Time("at", &c.At)
		}
		f.attributes(&c.Attributes)
		f.Field("codes", len(c.Codes) == 0, func() { f.codes(&c.Codes) })
		f.late(func() { f.currencyField(&c.Currency) })
		f.Field("customer", c.Customer == nil, func() { f.customer(&c.Customer) })
		f.Field("lines", len(c.Lines) == 0, func() { bounded(f, &c.Lines, maxLines, f.line) })
		f.Bool("prices_include_tax", &c.PricesIncludeTax)
		f.Field("shipping", len(c.Shipping) == 0, func() { bounded(f, &c.Shipping, maxLines, f.charge) })
	})
}

// bounded is a list of which at most so many values are read.
func bounded[T any](f *form, v *[]T, most int, value func(*T)) {
	if !f.Reads() {
		strictjson.ListValue(f.Codec, v, value)
		return
	}
	f.Decoder.Array(func(i int) {
		if i < most {
			*v = append(*v, *new(T))
			value(&(*v)[i])
			return
		}
		if i == most {
			f.failf("more than %d: %w", most, ErrRange)
		}
		f.Decoder.Skip()
	})
}

// codes have no order: which of two a buyer typed first means nothing.
func (f *form) codes(v *[]string) {
	bounded(f, f.sorted(v), maxCodes, f.TextValue)
}

// customer is a known buyer; an empty one is a guest.
func (f *form) customer(v **Customer) {
	if f.Reads() {
		*v = &Customer{}
	}
	c := *v
	f.Object(func() {
		f.attributes(&c.Attributes)
		f.Text("id", &c.ID)
		f.Field("orders", c.Orders == nil, func() {
			if f.Reads() {
				c.Orders = new(int64)
			}
			f.count(c.Orders, 0, math.MaxInt64)
		})
		f.texts("segments", &c.Segments)
	})
	if f.Reads() && c.ID == "" && c.Orders == nil && len(c.Segments) == 0 && len(c.Attributes) == 0 {
		*v = nil
	}
}

func (f *form) line(l *Line) {
	f.Object(func() {
		f.attributes(&l.Attributes)
		f.texts("categories", &l.Categories)
		f.amount("floor", &l.Floor)
		f.Text("gift", &l.Gift)
		f.Text("id", &l.ID)
		f.amount("list", &l.List)
		f.price(&l.Price)
		f.Text("product", &l.Product)
		f.early(func() { l.Quantity = 1 })
		f.Field("qty", l.Quantity == 1, func() { f.count(&l.Quantity, math.MinInt64, math.MaxInt64) })
		f.texts("tags", &l.Tags)
		f.Decimal("tax_rate", &l.TaxRate)
		f.amount("total", &l.Total)
	})
}

func (f *form) charge(c *Charge) {
	f.Object(func() {
		f.attributes(&c.Attributes)
		f.Text("id", &c.ID)
		f.Text("method", &c.Method)
		f.price(&c.Price)
		f.Decimal("tax_rate", &c.TaxRate)
	})
}

// fingerprint is the SHA-256 of the canonical JSON of a cart without its time, in
// which the order of codes, categories, tags and segments means nothing. The cart
// passed its check; text that is not UTF-8 is [ErrInvalid]. The JSON is made in buf,
// which comes back, grown, for the next one.
func (c *Cart) fingerprint(buf []byte) (sum [32]byte, grown []byte, err error) {
	f := form{Codec: strictjson.NewWriterCodec(strictjson.NewWriter(buf[:0])), canonical: true}
	if f.cart(c); f.Err() != nil {
		e := &InvalidError{}
		e.add("", f.Err())
		return sum, buf, e
	}
	text := f.Writer.Bytes()
	return sha256.Sum256(text), text, nil
}

// check returns everything that is wrong with a cart, as an [*InvalidError]; too
// many lines or codes before anything else is looked at.
func (c *Cart) check() error {
	var e InvalidError
	if c.checkSizes(&e); len(e.Problems) > 0 {
		return &e
	}
	if c.Currency.IsZero() {
		e.add("currency", fmt.Errorf("required: %w", money.ErrCurrency))
	}
	if c.Customer != nil && c.Customer.Orders != nil && *c.Customer.Orders < 0 {
		e.add("customer.orders", fmt.Errorf("%d is below 0", *c.Customer.Orders))
	}
	sum := uint64(0)                                                           // of at most 10,000 amounts below 2^63, cut there
	add := func(minor int64) { sum = min(sum+uint64(minor), math.MaxInt64+1) } //nolint:gosec // not negative
	for i := range c.Lines {
		add(c.checkLine(&e, i))
	}
	for i := range c.Shipping {
		s, at := &c.Shipping[i], place{"shipping", i}
		add(at.amount(&e, "price", s.Price, c.Currency))
		at.taxRate(&e, s.TaxRate)
	}
	if sum > math.MaxInt64 && len(e.Problems) == 0 {
		e.add("", fmt.Errorf("the sum of all prices is past 64 bits: %w", ErrRange))
	}
	c.checkIDs(&e)
	return e.orNil()
}

func (c *Cart) checkSizes(e *InvalidError) {
	for _, list := range []struct {
		key     string
		n, most int
	}{{"lines", len(c.Lines), maxLines}, {"shipping", len(c.Shipping), maxLines}, {"codes", len(c.Codes), maxCodes}} {
		if list.n > list.most {
			e.add(list.key, fmt.Errorf("%d, at most %d: %w", list.n, list.most, ErrRange))
		}
	}
	for i, code := range c.Codes[:min(len(c.Codes), maxCodes)] {
		if len(code) > maxCode {
			e.add(fmt.Sprintf("codes[%d]", i), fmt.Errorf("%d bytes, at most %d: %w", len(code), maxCode, ErrRange))
		}
	}
}

// checkLine checks the line of an index and returns what it costs.
func (c *Cart) checkLine(e *InvalidError, i int) int64 {
	l, at := &c.Lines[i], place{"lines", i}
	price := at.amount(e, "price", l.Price, c.Currency)
	at.amount(e, "list", l.List, c.Currency)
	at.amount(e, "floor", l.Floor, c.Currency)
	total := at.amount(e, "total", l.Total, c.Currency)
	at.taxRate(e, l.TaxRate)
	switch {
	case l.Quantity < 1:
		at.add(e, "qty", fmt.Errorf("%d is below 1", l.Quantity))
	case l.Quantity > maxQuantity:
		at.add(e, "qty", fmt.Errorf("%d, at most 10^12: %w", l.Quantity, ErrRange))
	default:
		high, low := bits.Mul64(uint64(price), uint64(l.Quantity)) //nolint:gosec // neither is negative
		if high > 0 || low > math.MaxInt64 {
			at.add(e, "", fmt.Errorf("%s x %d is past 64 bits: %w", l.Price, l.Quantity, ErrRange))
		} else if l.Total == (money.Amount{}) {
			total = int64(low)
		}
	}
	return total
}

// A place is a line or charge, for messages.
type place struct {
	list  string
	index int
}

func (p place) add(e *InvalidError, key string, err error) {
	path := fmt.Sprintf("%s[%d]", p.list, p.index)
	if key != "" {
		path += "." + key
	}
	e.add(path, err)
}

// amount checks money of a currency, which is settled and not negative, and
// returns its minor units. The zero Amount is 0 of every currency.
func (p place) amount(e *InvalidError, key string, v money.Amount, c money.Currency) int64 {
	minor, ok := v.Minor()
	switch {
	case v.Currency() != c && v != money.Amount{} && !c.IsZero():
		p.add(e, key, fmt.Errorf("%s in a cart of %s: %w", v, c, money.ErrCurrency))
	case !ok:
		p.add(e, key, fmt.Errorf("%s is no whole number of minor units", v))
	case minor < 0:
		p.add(e, key, fmt.Errorf("%s is below 0", v))
	default:
		return minor
	}
	return 0
}

func (p place) taxRate(e *InvalidError, rate decimal.Decimal) {
	switch {
	case rate.IsZero():
	case rate.Exponent() < -18 || rate.Exponent() > 18:
		p.add(e, "tax_rate", fmt.Errorf("want 0 to %d with at most 18 decimals", maxTaxRate))
	case rate.Sign() < 0 || rate.GreaterThan(decimal.NewFromInt(maxTaxRate)):
		p.add(e, "tax_rate", fmt.Errorf("%s is not 0 to %d", rate, maxTaxRate))
	}
}

// fewIDs is up to where comparing all is faster than a map, and allocates nothing.
const fewIDs = 48

// checkIDs checks the ids of lines and charges, which are one space: a share names
// its target by id alone.
func (c *Cart) checkIDs(e *InvalidError) {
	n := len(c.Lines) + len(c.Shipping)
	id := func(i int) (string, place) {
		if i < len(c.Lines) {
			return c.Lines[i].ID, place{"lines", i}
		}
		i -= len(c.Lines)
		return c.Shipping[i].ID, place{"shipping", i}
	}
	var seen map[string]int
	if n > fewIDs {
		seen = make(map[string]int, n)
	}
	for i := range n {
		text, at := id(i)
		if !isID(text) {
			at.add(e, "id", errID(text))
			continue
		}
		first, ok := seen[text]
		if seen != nil && !ok {
			seen[text] = i
		}
		for j := 0; seen == nil && !ok && j < i; j++ {
			other, _ := id(j)
			first, ok = j, other == text
		}
		if ok {
			_, other := id(first)
			at.add(e, "id", fmt.Errorf("%s[%d] has the same: %q", other.list, other.index, text))
		}
	}
}

// maxID is how long an id may be.
const maxID = 64

// isID reports whether a text is 1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen.
func isID(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-':
		default:
			return false
		}
	}
	return 0 < len(s) && len(s) <= maxID
}

func errID(s string) error {
	return fmt.Errorf("%q is not 1 to %d of A-Z, a-z, 0-9, dot, underscore and hyphen", s[:min(len(s), maxID)], maxID)
}
