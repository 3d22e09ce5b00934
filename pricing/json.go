package pricing

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
	"github.com/tenon-go/tenon/pricing/internal/legal"
)

// ParseRules reads a rule set in its JSON form. It checks the form alone:
// unknown and repeated keys, types, the syntax of numbers and times, names and
// currencies; what the rules mean is for [Compile] to judge. All problems come
// together in a [*ParseError], each with its JSON path; among them
// [money.ErrCurrency] is an unknown, lower-case or missing currency. Linear in the
// length of data.
//
// The package documentation has the keys and what an absent one means; [Rule],
// [Kind] and the effects say more of what they do.
func ParseRules(data []byte) (RuleSet, error) {
	f := newReader(data)
	var rs RuleSet
	f.ruleSet(&rs)
	if err := f.err("rules", nil); err != nil {
		return RuleSet{}, err
	}
	return rs, nil
}

// MarshalJSON writes the canonical form, from which digests are taken: keys in one
// order, rules by id, amounts with at least their minor digits, other numbers
// without superfluous zeros, what is the default left out. [ParseRules] reads it
// back. What the form cannot hold, such as a fraction of a second, is an error.
func (rs RuleSet) MarshalJSON() ([]byte, error) {
	f := newWriter(&rs.Policy)
	if f.ruleSet(&rs); f.Err() != nil {
		return nil, fmt.Errorf("pricing: encode: %w", f.Err())
	}
	return f.Writer.Bytes(), nil
}

// UnmarshalJSON reads what [ParseRules] reads. On an error rs is unchanged.
func (rs *RuleSet) UnmarshalJSON(data []byte) error {
	parsed, err := ParseRules(data)
	if err != nil {
		return err
	}
	*rs = parsed
	return nil
}

// A form describes the JSON form once, for reading and for writing.
type form struct {
	*strictjson.Codec
	own   map[string]money.Currency // the policy's, by code
	blame []blame

	named money.Currency // the last currency that was written, and its name
	name  string
	nodes int // how many parts of a condition may still be written
}

// blame says which rule the problems of a range are of.
type blame struct {
	from, to int
	id       string
}

func newReader(data []byte) *form {
	d := strictjson.NewDecoder(data, strictjson.Limits{Depth: maxNesting, Problems: maxProblems})
	return &form{Codec: strictjson.NewReader(d)}
}

// maxNesting bounds objects and lists in each other: two for each level of a
// condition, and those around it.
const maxNesting = 2*maxWrittenDepth + 8

func newWriter(p *Policy) *form {
	return &form{Codec: strictjson.NewWriterCodec(strictjson.NewWriter(nil)), own: ownCurrencies(p)}
}

func ownCurrencies(p *Policy) map[string]money.Currency {
	own := make(map[string]money.Currency, len(p.Currencies))
	for _, c := range p.Currencies {
		own[c.Code()] = c
	}
	return own
}

// err returns the problems as one error, each of which is also kind, if there is
// one, unless it is an error of unless.
func (f *form) err(what string, kind error, unless ...error) error {
	problems, more := f.Decoder.End()
	if len(problems) == 0 {
		return nil
	}
	e := &ParseError{Problems: make([]Problem, len(problems)), More: more, what: what}
	for i, found := range problems {
		p := Problem{Code: found.Code, Path: found.Path, Text: found.Error()}
		for _, b := range f.blame {
			if b.from <= i && i < b.to && b.id != "" {
				p.Rules = []string{b.id}
				p.Text = fmt.Sprintf("rule %s: %s", shortID(b.id), p.Text)
			}
		}
		e.Problems[i] = p
		err := found.Err
		is := func(target error) bool { return errors.Is(err, target) }
		if kind != nil && !slices.ContainsFunc(unless, is) {
			err = fmt.Errorf("%w: %w", kind, err)
		}
		e.causes = append(e.causes, err)
	}
	return e
}

// failf reports a problem with the value at hand.
func (f *form) failf(code, format string, args ...any) { f.Fail(code, fmt.Errorf(format, args...)) }

// missing reports a key that is not there in what is read.
func (f *form) missing(key, code string, err error) {
	if f.Reads() {
		f.Decoder.FailUnder(code, err, key)
	}
}

func (f *form) ruleSet(rs *RuleSet) {
	f.Object(func() {
		f.Field("policy", isDefault(&rs.Policy), func() { f.policy(&rs.Policy) })
		f.Field("rules", len(rs.Rules) == 0, func() {
			if f.Reads() {
				f.readRules(&rs.Rules)
			} else {
				f.writeRules(rs.Rules, byID(rs.Rules))
			}
		})
		f.Uint("version", &rs.Version)
		f.Time("effective_from", &rs.EffectiveFrom)
	})
}

// readRules reads rules, as many as a set may have, and remembers whose the
// problems are.
func (f *form) readRules(rules *[]Rule) {
	f.Decoder.Array(func(i int) {
		if i >= maxRules {
			if i == maxRules {
				f.failf("limit", "more than %d rules", maxRules)
			}
			f.Decoder.Skip()
			return
		}
		from := f.Decoder.Failed()
		*rules = append(*rules, Rule{})
		r := &(*rules)[i]
		f.rule(r)
		if to := f.Decoder.Failed(); to > from && from < maxProblems {
			f.blame = append(f.blame, blame{from, to, r.ID})
		}
	})
}

// writeRules writes rules in an order.
func (f *form) writeRules(rules []Rule, order []int) {
	f.Writer.Open('[')
	for _, i := range order {
		if f.rule(&rules[i]); f.Err() != nil {
			f.Under("rule " + shortID(rules[i].ID))
			return
		}
	}
	f.Writer.Close(']')
}

func (f *form) rule(r *Rule) {
	f.Object(func() {
		f.Text("id", &r.ID)
		strictjson.Name(f.Codec, "kind", eval.KindNames, &r.Kind, 0)
		f.Text("label", &r.Label)
		f.Field("on", r.On == Scope{}, func() { f.scope(&r.On) })
		f.Field("when", r.When == nil, func() { f.when(&r.When) })
		strictjson.Integer(f.Codec, "priority", &r.Priority, math.MinInt32, math.MaxInt32, 0)
		f.Bool("exclusive", &r.Exclusive)
		f.Time("from", &r.From)
		f.Time("until", &r.Until)
		f.aboveZero("min_qty", &r.MinQty)
		f.NullDecimal("max_qty", &r.MaxQty)
		f.currencyField("currency", &r.Currency)
		if f.Reads() {
			f.readEffect(r)
		} else if r.Effect != nil {
			f.writeEffect(r)
		}
	})
}

// aboveZero is a number for which zero and nothing are the same.
func (f *form) aboveZero(key string, v *decimal.NullDecimal) {
	f.Field(key, !v.Valid || v.Decimal.IsZero(), func() { f.NullDecimalValue(v) })
	if f.Reads() && v.Decimal.IsZero() {
		*v = decimal.NullDecimal{}
	}
}

func (f *form) scope(s *Scope) {
	if !f.Reads() && (s.Level == Everything || s.Level > Variant) {
		f.failf("", "level %d with id %q", uint8(s.Level), s.ID)
		return
	}
	keys := 0
	f.Object(func() {
		for level := Variant; level > Everything; level-- {
			key := levelNames[level]
			if f.Reads() && f.Has(key) {
				s.Level = level
				keys++
			}
			f.Field(key, s.Level != level, func() { f.TextValue(&s.ID) })
		}
	})
	if f.Reads() && keys != 1 {
		f.failf("scope", "want exactly one of variant, product, category")
	}
}

// readEffect reads the effect, whose amounts mean nothing without a currency.
func (f *form) readEffect(r *Rule) {
	var keys []string
	for op := eval.OpSet; op <= eval.OpGrid; op++ {
		key := op.String()
		if !f.Has(key) {
			continue
		}
		keys = append(keys, key)
		if legal.NamesAmounts(op) && !f.Has("currency") {
			f.missing("currency", "currency", fmt.Errorf("%s needs one: %w", key, money.ErrCurrency))
		}
		f.Field(key, false, func() { f.effect(key, r) })
	}
	if len(keys) > 1 {
		f.failf("effect", "several effects: %s", strings.Join(keys, ", "))
	}
}

func (f *form) writeEffect(r *Rule) {
	key := effectName(r.Effect)
	if key == "" {
		f.failf("", "effect: %T: want an effect by value", r.Effect)
		return
	}
	f.Field(key, false, func() { f.effect(key, r) })
}

// effect reads or writes the effect of a key.
func (f *form) effect(key string, r *Rule) {
	switch key {
	case "amount":
		effectOf(f, r, func(e *SetTo) { f.amount(&e.Amount, r.Currency) })
	case "amount_off":
		effectOf(f, r, func(e *AmountOff) { f.amount(&e.Amount, r.Currency) })
	case "amount_up":
		effectOf(f, r, func(e *AmountUp) { f.amount(&e.Amount, r.Currency) })
	case "percent_off":
		effectOf(f, r, func(e *PercentOff) { f.DecimalValue(&e.Percent) })
	case "percent_up":
		effectOf(f, r, func(e *PercentUp) { f.DecimalValue(&e.Percent) })
	case "markup":
		effectOf(f, r, func(e *Markup) { f.DecimalValue(&e.Percent) })
	case "margin":
		effectOf(f, r, func(e *Margin) { f.DecimalValue(&e.Percent) })
	case "formula":
		effectOf(f, r, func(e *Formula) { f.formula(e, r.Currency) })
	case "charge":
		effectOf(f, r, func(e *Charge) { f.charge(e, r.Currency) })
	default:
		effectOf(f, r, func(e *Grid) { f.grid(e, r.Currency) })
	}
}

// effectOf goes over the rule's effect, which when it reads is new.
func effectOf[E Effect](f *form, r *Rule, value func(*E)) {
	e, _ := r.Effect.(E)
	if value(&e); f.Reads() {
		r.Effect = e
	}
}

func (f *form) formula(v *Formula, c money.Currency) {
	f.Object(func() {
		base := string(v.Base)
		f.Text("base", &base)
		if f.Reads() {
			v.Base = FormulaBase(base)
		}
		f.aboveZero("percent_off", &v.PercentOff)
		f.aboveZero("percent_up", &v.PercentUp)
		none := money.Amount{} // as a bound, 0.00 is one, and no grid
		f.Field("round", v.Round == none, func() { f.amount(&v.Round, c) })
		f.Field("surcharge", v.Surcharge.IsZero(), func() { f.amount(&v.Surcharge, c) })
		f.Field("min_margin", v.MinMargin == none, func() { f.amount(&v.MinMargin, c) })
		f.Field("max_margin", v.MaxMargin == none, func() { f.amount(&v.MaxMargin, c) })
	})
}

func (f *form) charge(v *Charge, c money.Currency) {
	f.Object(func() {
		strictjson.Name(f.Codec, "mode", chargeModeNames, &v.Mode, 0)
		f.Field("steps", len(v.Steps) == 0, func() {
			strictjson.ListValue(f.Codec, &v.Steps, func(s *ChargeStep) {
				f.Object(func() {
					f.NullDecimal("up_to", &s.UpTo)
					f.Field("unit", s.Unit == money.Amount{}, func() { f.amount(&s.Unit, c) })
					f.Field("flat", s.Flat.IsZero(), func() { f.amount(&s.Flat, c) })
				})
			})
		})
		f.Decimal("size", &v.Size)
		f.Field("unit", v.Unit == money.Amount{}, func() { f.amount(&v.Unit, c) })
		f.Decimal("free", &v.Free)
	})
}

func (f *form) grid(v *Grid, c money.Currency) {
	if f.Reads() {
		v.Mode = money.HalfUp
	}
	f.Object(func() {
		strictjson.Name(f.Codec, "mode", modeNames, &v.Mode, money.HalfUp)
		f.Field("increment", v.Increment == money.Amount{}, func() { f.amount(&v.Increment, c) })
		f.Field("offset", v.Offset.IsZero(), func() { f.amount(&v.Offset, c) })
	})
}

// amount is an amount of a currency. Where that is missing or unknown when it
// reads, which is a problem already, the syntax alone is checked.
func (f *form) amount(v *money.Amount, c money.Currency) {
	if !f.Reads() {
		if v.Currency() != c || c.IsZero() {
			f.failf("", "%s in a rule of currency %q: %w", v, c.String(), money.ErrCurrency)
			return
		}
		coef, scale := v.Unscaled()
		f.Writer.Fixed(coef, scale)
		return
	}
	text, ok := f.Decoder.DecimalText()
	if !ok {
		return
	}
	if c.IsZero() {
		c, _ = money.ISO("XXX") // its own "no currency"
	}
	a, err := money.Parse(text, c)
	if err != nil {
		f.Fail(strictjson.CodeNumber, err)
	}
	*v = a
}

func (f *form) currencyField(key string, v *money.Currency) {
	f.Field(key, v.IsZero(), func() { f.currency(v) })
}

// currency is a code of ISO 4217, one of the policy's currencies, or one of
// nobody's with its digits, POINT/0.
func (f *form) currency(v *money.Currency) {
	if !f.Reads() {
		if *v != f.named {
			f.named, f.name = *v, v.String()
			if f.own[v.Code()] == *v {
				f.name = v.Code()
			}
		}
		f.Writer.Text(f.name)
		return
	}
	text, ok := f.Decoder.Text()
	if !ok {
		return
	}
	if own, ok := f.own[text]; ok {
		*v = own
		return
	}
	err := fmt.Errorf("empty: %w", money.ErrCurrency)
	if text != "" {
		err = v.UnmarshalText([]byte(text))
	}
	if err != nil {
		f.Fail("currency", err)
	}
}

// isDefault reports whether nothing is to be written of a policy.
func isDefault(p *Policy) bool {
	f := newWriter(p)
	f.policy(p)
	return f.Err() == nil && len(f.Writer.Bytes()) == len("{}")
}

// policy reads or writes a policy, its currencies first, because what else names
// one needs them.
func (f *form) policy(p *Policy) {
	f.Object(func() {
		f.Field("currencies", len(p.Currencies) == 0, func() {
			strictjson.ListValue(f.Codec, &p.Currencies, f.ownCurrency)
			if f.Reads() {
				f.own = ownCurrencies(p)
			}
		})
		r := p.Rounding
		f.Field("rounding", r.Mode == money.HalfEven && isPlain(r), func() { f.rounding(&p.Rounding) })
		f.Field("line_rounding", p.LineRounding == nil, func() {
			if f.Reads() {
				p.LineRounding = new(money.Rounding)
			}
			f.rounding(p.LineRounding)
		})
		strictjson.Name(f.Codec, "round_at", roundAtNames, &p.RoundAt, RoundAtEnd)
		f.Field("combine", combinesByDefault(p.Combine), func() { f.combine(&p.Combine) })
		strictjson.Name(f.Codec, "ties", tiesNames, &p.Ties, TiesError)
		f.Bool("convert", &p.Convert)
		f.currencyField("pivot", &p.Pivot)
		f.Field("max_age", p.MaxAge == 0, func() { f.age(&p.MaxAge) })
		strictjson.Name(f.Codec, "stale", staleNames, &p.Stale, StaleReject)
		f.Decimal("spread", &p.Spread)
		strictjson.Name(f.Codec, "tax", taxNames, &p.Tax, TaxNone)
	})
}

func (f *form) ownCurrency(v *money.Currency) {
	code, digits := v.Code(), v.Digits()
	f.Object(func() {
		f.Text("code", &code)
		if f.Reads() && !f.Has("digits") {
			digits = -1
		}
		strictjson.Integer(f.Codec, "digits", &digits, 0, maxScale, -1)
	})
	if !f.Reads() {
		return
	}
	c, err := money.NewCurrency(code, digits)
	if err != nil {
		f.Fail("currency", err)
	}
	*v = c
}

// isPlain reports whether a rounding is to the minor unit. An increment below zero
// is no rounding at all and must not be taken for one.
func isPlain(r money.Rounding) bool { return (r.Increment == 0 || r.Increment == 1) && r.Extra == 0 }

// rounding is a mode, or an object of mode, increment and extra.
func (f *form) rounding(v *money.Rounding) {
	plain := isPlain(*v)
	if f.Reads() {
		plain = f.Decoder.Next() == '"'
	}
	if plain {
		strictjson.NameValue(f.Codec, modeNames, &v.Mode)
		return
	}
	f.Object(func() {
		strictjson.Name(f.Codec, "mode", modeNames, &v.Mode, money.HalfEven)
		f.Field("increment", v.Increment == 0 || v.Increment == 1, func() {
			strictjson.IntegerValue(f.Codec, &v.Increment, 1, math.MaxInt64)
		})
		strictjson.Integer(f.Codec, "extra", &v.Extra, 0, maxScale, 0)
	})
}

func combinesByDefault(m map[Stage]Combine) bool {
	for stage, combine := range m {
		if combine != CombineDefault && combine != defaultCombine(stage) || stage < StageTier || stage > StageSurcharge {
			return false
		}
	}
	return true
}

func (f *form) combine(v *map[Stage]Combine) {
	m := *v
	if f.Reads() {
		m = make(map[Stage]Combine)
		*v = m
	}
	for _, stage := range slices.Sorted(maps.Keys(m)) {
		if stage < StageTier || stage > StageSurcharge {
			f.failf("", "candidates compete in tier, volume, sale and surcharge, not in %s", stage)
		}
	}
	f.Object(func() {
		for stage := StageTier; stage <= StageSurcharge; stage++ {
			combine := m[stage]
			f.Field(eval.StageNames[stage], combine == CombineDefault || combine == defaultCombine(stage), func() {
				if strictjson.NameValue(f.Codec, combineNames, &combine); f.Reads() {
					m[stage] = combine
				}
			})
		}
	})
}

// age is a duration of whole seconds above zero, such as 24h or 1h30m.
func (f *form) age(v *time.Duration) {
	const want = "want whole seconds above zero, such as 24h or 90s"
	if !f.Reads() {
		if *v < 0 || *v%time.Second != 0 {
			f.failf("", "%v: "+want, *v)
			return
		}
		f.Writer.Text(ageText(*v))
		return
	}
	text, ok := f.Decoder.Text()
	if !ok {
		return
	}
	d, err := time.ParseDuration(text[:min(len(text), maxAgeText)])
	if err != nil || d <= 0 || d%time.Second != 0 || len(text) > maxAgeText {
		f.failf(strictjson.CodeTime, want)
	}
	*v = d
}

// maxAgeText is how long a duration may be written.
const maxAgeText = 32

// ageText writes a duration without the zero units of its String: 24h, not 24h0m0s.
func ageText(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
