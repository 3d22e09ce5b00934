package pricing

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// A Query is all that a price may depend on, rates and cost included. Nil and
// empty maps and lists mean the same.
type Query struct {
	// Product is required; an id that the query lacks never matches a scope.
	Product, Variant string
	// Categories has the nearest first; at most 64.
	Categories []string
	// Qty is 0 to 10^12 with at most 6 decimals. A Query made in Go has to set it:
	// the zero value is a quantity of zero, as metered usage may have, and its line
	// costs nothing. Only in JSON an absent qty is 1.
	Qty decimal.Decimal
	// Currency is that of the answer, required.
	Currency        money.Currency
	Customer        Customer
	Channel, Region string
	// Attributes and Numbers are the host's own; at most 64 of each. One that is
	// there is known to conditions, if only as the empty text; every other text of
	// a query is known where it is not empty.
	Attributes map[string]string
	Numbers    map[string]decimal.Decimal
	// At is cut to its second in UTC.
	At time.Time
	// Cost of one unit; the zero Amount is "not known".
	Cost money.Amount
	// Rates is shared by queries; nil knows none.
	Rates *Rates
	// TaxRate is in percent.
	TaxRate decimal.NullDecimal
}

// A Customer is who asks; the zero value is a guest.
type Customer struct {
	ID string
	// Segments are at most 256.
	Segments []string
}

// What a query may have at most.
const (
	maxCategories = 64
	maxSegments   = 256
	maxNames      = 64 // attributes, and as many numbers
)

// A Rate says that one unit of From is worth Rate units of To, as of a time.
type Rate struct {
	From, To money.Currency
	Rate     decimal.Decimal
	AsOf     time.Time
	Source   string
}

// Rates is an immutable collection of rates, shared by any number of queries and
// goroutines. A nil *Rates is empty.
type Rates struct {
	list  []Rate
	index *eval.Rates
}

// NewRates returns the rates, of which it keeps a copy. All problems come
// joined, each with its index: [money.ErrCurrency] for a missing currency;
// [ErrRate] for a rate that is not above zero or has over 18 decimals, over 38
// digits or an exponent over 18, for two currencies that are the same, and for
// two rates of one pair and time.
func NewRates(rates []Rate) (*Rates, error) {
	type instant struct {
		from, to     money.Currency
		second, nano int64
	}
	first := make(map[instant]int, len(rates))
	list := make([]eval.Rate, len(rates))
	var errs []error
	for i, r := range rates {
		if err := r.check(); err != nil {
			errs = append(errs, fmt.Errorf("pricing: rates: rate %d: %w", i, err))
			continue
		}
		key := instant{r.From, r.To, r.AsOf.Unix(), int64(r.AsOf.Nanosecond())}
		if j, ok := first[key]; ok {
			errs = append(errs, fmt.Errorf("pricing: rates: rate %d: %w: pair and time of rate %d", i, ErrRate, j))
			continue
		}
		first[key] = i
		list[i] = eval.Rate{From: r.From, To: r.To, Value: r.Rate, AsOf: r.AsOf}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Rates{list: slices.Clone(rates), index: eval.NewRates(list)}, nil
}

func (r *Rate) check() error {
	const maxDecimals, maxDigits = 18, 38
	switch exp := r.Rate.Exponent(); {
	case r.From.IsZero() || r.To.IsZero():
		return fmt.Errorf("%w: missing", money.ErrCurrency)
	case r.From == r.To:
		return fmt.Errorf("%w: from %s to itself", ErrRate, r.From)
	case r.Rate.Sign() <= 0:
		return fmt.Errorf("%w: %s is not above zero", ErrRate, shown(r.Rate))
	case exp < -maxDecimals || exp > maxDecimals || r.Rate.NumDigits() > maxDigits:
		return fmt.Errorf("%w: %s is out of range", ErrRate, shown(r.Rate))
	}
	return nil
}

// All yields the rates in the order in which they were handed in.
func (r *Rates) All() iter.Seq[Rate] {
	if r == nil {
		return func(func(Rate) bool) {}
	}
	return slices.Values(r.list)
}

// ParseQuery reads a query in its JSON form: product and currency, which are
// required; variant, categories (nearest first), qty ("1"), customer {id,
// segments}, channel, region, attributes {name: text}, numbers {name: decimal},
// at, cost {amount, currency}, rates [{from, to, rate, as_of, source}] where 1 from
// is rate to, and tax_rate. A currency of one's own has its digits: "POINT/0".
//
// Of a query that came from outside the host overwrites what it knows better: the
// customer and its segments, the time, the cost, the rates and the tax.
//
// All problems come together in a [*ParseError]: [money.ErrCurrency] for an
// unknown, lower-case or missing currency, [ErrQuantity] and [ErrCost] for a
// quantity or a cost that no query may have, [ErrRate] for rates that
// [NewRates] refuses, and [ErrQuery] for everything else.
func ParseQuery(data []byte) (Query, error) {
	f := newReader(data)
	q := Query{Qty: one()}
	f.query(&q)
	if err := f.err("query", ErrQuery, money.ErrCurrency, ErrQuantity, ErrCost, ErrRate); err != nil {
		return Query{}, err
	}
	return q, nil
}

// MarshalJSON writes the form that [ParseQuery] reads, as that of a rule set is
// written. What the form cannot hold is an error; At is cut to its second.
func (q Query) MarshalJSON() ([]byte, error) {
	f := newWriter(&Policy{})
	q.At = q.At.Truncate(time.Second)
	if f.query(&q); f.Err() != nil {
		return nil, fmt.Errorf("pricing: encode: %w", f.Err())
	}
	return f.Writer.Bytes(), nil
}

// UnmarshalJSON reads what [ParseQuery] reads. On an error q is unchanged.
func (q *Query) UnmarshalJSON(data []byte) error {
	parsed, err := ParseQuery(data)
	if err != nil {
		return err
	}
	*q = parsed
	return nil
}

// load checks a query and hands it to a machine. All problems come joined.
func (s *Snapshot) load(q *Query, m *eval.Machine) error {
	qty, ok := micros(q.Qty)
	if !ok || !s.answers(q) {
		return s.problems(q)
	}
	in := &m.Query
	in.Product, in.Variant = q.Product, q.Variant
	in.Customer, in.Channel, in.Region = q.Customer.ID, q.Channel, q.Region
	in.Categories, in.Segments = q.Categories, q.Customer.Segments
	in.Attributes, in.Numbers = q.Attributes, q.Numbers
	in.Qty, in.Currency, in.Cost, in.TaxRate = qty, q.Currency, q.Cost, q.TaxRate
	in.At, in.Timed = 0, !q.At.IsZero()
	if in.Timed {
		in.At = q.At.Unix()
	}
	in.Rates = nil
	if q.Rates != nil {
		in.Rates = q.Rates.index
	}
	return nil
}

// answers reports whether problems would find none beside the quantity's.
func (s *Snapshot) answers(q *Query) bool {
	return q.Product != "" && !q.Currency.IsZero() &&
		len(q.Categories) <= maxCategories && len(q.Customer.Segments) <= maxSegments && len(q.Attributes) <= maxNames && len(q.Numbers) <= maxNames &&
		q.Cost.Sign() >= 0 && (!q.TaxRate.Valid || s.policy.Tax != TaxNone) && (!q.At.IsZero() || !s.needsTime())
}

// needsTime reports whether a price may depend on the time.
func (s *Snapshot) needsTime() bool { return s.set.Dated || s.policy.MaxAge > 0 }

// problems says all that is wrong with a query.
func (s *Snapshot) problems(q *Query) error {
	var errs []error
	report := func(bad bool, sentinel error, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("pricing: price%s: %s: %w", subject(q), fmt.Sprintf(format, args...), sentinel))
		}
	}
	report(q.Product == "", ErrQuery, "product missing")
	report(q.Currency.IsZero(), money.ErrCurrency, "currency missing")
	_, ok := micros(q.Qty)
	report(!ok, ErrQuantity, "qty %s, want 0 to 10^12 with at most 6 decimals", shown(q.Qty))
	report(len(q.Categories) > maxCategories, ErrQuery, "categories: %d, at most %d", len(q.Categories), maxCategories)
	report(len(q.Customer.Segments) > maxSegments, ErrQuery, "customer.segments: %d, at most %d", len(q.Customer.Segments), maxSegments)
	report(len(q.Attributes) > maxNames, ErrQuery, "attributes: %d, at most %d", len(q.Attributes), maxNames)
	report(len(q.Numbers) > maxNames, ErrQuery, "numbers: %d, at most %d", len(q.Numbers), maxNames)
	report(q.Cost.Sign() < 0, ErrCost, "cost %s is negative", q.Cost)
	report(q.TaxRate.Valid && s.policy.Tax == TaxNone, ErrQuery, "tax_rate, but the policy has no tax")
	report(q.At.IsZero() && s.needsTime(), ErrTime, "at missing")
	return errors.Join(errs...)
}

// subject names a query in the text of an error.
func subject(q *Query) string {
	if q.Product == "" {
		return ""
	}
	return " " + q.Product
}

// micros returns a quantity in millionths; ok is false where it is negative, over
// 10^12 or finer. It does not allocate for a quantity of at most 18 digits.
func micros(d decimal.Decimal) (n int64, ok bool) {
	const decimals, maxMicros, maxFast = 6, 1_000_000_000_000_000_000, 18
	if d.IsZero() {
		return 0, true
	}
	digits, shift := d.NumDigits(), int(d.Exponent())+decimals
	if size := digits + shift; d.Sign() < 0 || size <= 0 || size > len("1000000000000000000") {
		return 0, false // negative, below a millionth, or over the maximum by a digit
	}
	if digits > maxFast {
		whole := d.Shift(decimals)
		if !whole.IsInteger() || !whole.BigInt().IsInt64() {
			return 0, false
		}
		n = whole.BigInt().Int64()
		return n, n <= maxMicros
	}
	n = d.CoefficientInt64()
	for ; shift > 0; shift-- {
		if n > maxMicros/10 {
			return 0, false
		}
		n *= 10
	}
	for ; shift < 0; shift++ {
		if n%10 != 0 {
			return 0, false
		}
		n /= 10
	}
	return n, n <= maxMicros
}

// shown writes a number of bounded length.
func shown(d decimal.Decimal) string {
	const most = 40
	if digits, exp := d.NumDigits(), int(d.Exponent()); digits > most || exp > most || exp < -most {
		return fmt.Sprintf("with %d digits and exponent %d", digits, exp)
	}
	return d.String()
}

// query reads or writes a query. A currency of one's own has its digits here.
func (f *form) query(q *Query) {
	f.Object(func() {
		failed := f.failures()
		if f.Text("product", &q.Product); q.Product == "" && f.failures() == failed {
			f.missing("product", "query", errors.New("missing"))
		}
		f.Text("variant", &q.Variant)
		f.Texts("categories", &q.Categories)
		n, ok := micros(q.Qty) // comparing decimals writes their exponents out, however large
		f.Field("qty", ok && n == oneMicros, func() { f.quantity(&q.Qty) })
		f.requiredCurrency(&q.Currency)
		f.Field("customer", q.Customer.ID == "" && len(q.Customer.Segments) == 0, func() {
			f.Object(func() {
				f.Text("id", &q.Customer.ID)
				f.Texts("segments", &q.Customer.Segments)
			})
		})
		f.Text("channel", &q.Channel)
		f.Text("region", &q.Region)
		strictjson.Map(f.Codec, "attributes", &q.Attributes, f.TextValue)
		strictjson.Map(f.Codec, "numbers", &q.Numbers, f.DecimalValue)
		f.Time("at", &q.At)
		f.Field("cost", q.Cost == money.Amount{}, func() { f.cost(&q.Cost) })
		f.Field("rates", q.Rates == nil || len(q.Rates.list) == 0, func() { f.rates(&q.Rates) })
		f.NullDecimal("tax_rate", &q.TaxRate)
	})
}

// failures is how many problems there are, when it reads.
func (f *form) failures() int {
	if f.Reads() {
		return f.Decoder.Failed()
	}
	return 0
}

// one is the quantity of a query that does not say.
func one() decimal.Decimal { return decimal.New(1, 0) }

// oneMicros is the quantity 1 in millionths.
const oneMicros = 1_000_000

func (f *form) requiredCurrency(v *money.Currency) {
	if f.Reads() && !f.Has("currency") {
		f.missing("currency", "currency", fmt.Errorf("missing: %w", money.ErrCurrency))
	}
	f.currencyField("currency", v)
}

func (f *form) quantity(v *decimal.Decimal) {
	f.DecimalValue(v)
	if _, ok := micros(*v); f.Reads() && !ok {
		f.failf("quantity", "%w: %s, want 0 to 10^12 with at most 6 decimals", ErrQuantity, shown(*v))
	}
}

func (f *form) cost(v *money.Amount) {
	c := v.Currency()
	f.Object(func() {
		f.requiredCurrency(&c)
		if f.Reads() && !f.Has("amount") {
			f.missing("amount", "cost", errors.New("missing"))
		}
		f.Field("amount", false, func() {
			if f.amount(v, c); f.Reads() && v.Sign() < 0 {
				f.failf("cost", "%w: %s is negative", ErrCost, v)
			}
		})
	})
}

func (f *form) rates(v **Rates) {
	failed := f.failures()
	list := slices.Collect((*v).All())
	strictjson.ListValue(f.Codec, &list, func(r *Rate) {
		f.Object(func() {
			f.currencyField("from", &r.From)
			f.currencyField("to", &r.To)
			f.Decimal("rate", &r.Rate)
			f.Time("as_of", &r.AsOf)
			f.Text("source", &r.Source)
		})
	})
	if !f.Reads() || f.Decoder.Failed() > failed {
		return
	}
	rates, err := NewRates(list)
	if err != nil {
		f.Fail("rate", err)
	}
	*v = rates
}
