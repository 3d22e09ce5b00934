package pricing

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/check"
	"github.com/tenon-go/tenon/pricing/internal/eval"
	"github.com/tenon-go/tenon/pricing/internal/legal"
)

// Compile checks a rule set and makes a snapshot of it, which keeps no part of rs
// but its strings. Everything that is wrong comes at once, in a [*CompileError]:
// what one rule says that no rule may, and what rules that are legal one by one
// make of each other: references in a circle, a floor above a ceiling, and rules
// of equal rank that meet and differ. What only a query shows, such as a customer
// of two segments that each have their price, is no error here: [Analyse] tells.
// About 2 µs a rule.
func Compile(rs RuleSet) (*Snapshot, error) {
	c := newCompiler(&rs)
	if c.tooMany() {
		return nil, c.err()
	}
	c.order = byID(rs.Rules)
	var digest Digest
	var unwritable error
	var other sync.WaitGroup
	other.Go(func() { digest, unwritable = digestOf(&rs, c.order) }) // half of the work, and it needs nothing of the rest
	c.compile()
	c.relations()
	other.Wait()
	if err := c.err(); err != nil {
		return nil, err
	}
	if unwritable != nil {
		return nil, fmt.Errorf("pricing: compile: %w", unwritable)
	}
	return newSnapshot(&rs, digest, c.policy, c.rules, c.schema), nil
}

// Analyse returns the findings of a rule set, by rule id. It does not need to
// compile: rules that are not legal are left out. Of what comes into force at
// EffectiveFrom, a rule that has ended by then is one.
func Analyse(rs RuleSet) []Finding {
	c := newCompiler(&rs)
	if c.tooMany() {
		return nil
	}
	c.order = byID(rs.Rules)
	c.compile()
	var findings []Finding
	if len(rs.Rules) == 0 {
		findings = append(findings, Finding{Code: "empty", Path: "rules", Text: "no rules: nothing has a price"})
	}
	start := int64(math.MinInt64)
	if !rs.EffectiveFrom.IsZero() {
		start = rs.EffectiveFrom.Unix()
	}
	for _, f := range check.Findings(c.policy, c.rules, start) {
		out := Finding{Code: f.Code, Rules: c.ids(f.Rules), Text: f.Text}
		if len(f.Rules) == 1 {
			out.Path = fmt.Sprintf("rules[%d]", c.places[f.Rules[0]])
		}
		findings = append(findings, out)
	}
	return findings
}

// What a rule set may have at most, and numbers in it.
const (
	maxRules    = 1_000_000
	maxID       = 128
	maxPriority = 1_000_000
	maxScale    = 18 // decimals of any number
)

// A compiler checks rules one by one, in the order of their ids, and lowers those
// that are legal.
type compiler struct {
	report
	rs     *RuleSet
	order  []int // of the rules, by id
	policy eval.Policy
	own    map[string]money.Currency // the policy's, by code
	named  []money.Currency          // those of rules, a few, each once
	schema *predicate.Schema
	// programs are the conditions compiled so far, as written, and written is where
	// the text of the next one is made.
	programs map[string]*predicate.Program
	written  []byte
	rules    []eval.Rule // legal ones, by id
	places   []int       // of each its index in rs
	refs     []reference
}

// A reference is a formula base that waits until all rules are known.
type reference struct {
	rule   int // index in rules
	target string
}

func newCompiler(rs *RuleSet) *compiler {
	return &compiler{rs: rs, schema: newSchema(), own: make(map[string]money.Currency), programs: make(map[string]*predicate.Program)}
}

// tooMany reports whether a set is so large that nothing else is looked at.
func (c *compiler) tooMany() bool {
	n := len(c.rs.Rules)
	if n > maxRules {
		c.add(Problem{Code: "limit", Path: "rules", Text: fmt.Sprintf("rules: %d, at most %d", n, maxRules)}, nil)
	}
	return n > maxRules
}

// compile checks and lowers the policy and every rule.
func (c *compiler) compile() {
	if at := c.rs.EffectiveFrom; !at.IsZero() && !strictjson.WholeSecond(at) {
		c.add(Problem{Code: "time", Path: "effective_from", Text: "effective_from: " + noWholeSecond(at)}, nil)
	}
	c.lowerPolicy()
	c.rules = make([]eval.Rule, 0, len(c.order))
	c.places = make([]int, 0, len(c.order))
	for i, place := range c.order {
		c.at(place, &c.rs.Rules[place])
		refs, n := len(c.refs), len(c.rules)
		c.rules = append(c.rules, eval.Rule{})
		c.lower(c.rule, &c.rules[n])
		if i > 0 && c.rule.ID == c.rs.Rules[c.order[i-1]].ID {
			c.fail("duplicate_id", "id", "rules[%d] has the same", c.order[i-1])
		}
		if c.bad {
			c.refs, c.rules = c.refs[:refs], c.rules[:n]
			continue
		}
		c.places = append(c.places, place)
	}
	c.resolve()
	c.roundings()
}

// byID returns the indexes of rules in the order of their ids.
func byID(rules []Rule) []int {
	type named struct {
		id    string
		place int
	}
	list := make([]named, len(rules)) // the ids side by side: rules are far apart
	for i := range rules {
		list[i] = named{rules[i].ID, i}
	}
	compare := func(a, b named) int { return cmp.Or(strings.Compare(a.id, b.id), a.place-b.place) }
	if !slices.IsSortedFunc(list, compare) {
		slices.SortFunc(list, compare)
	}
	order := make([]int, len(rules))
	for i := range list {
		order[i] = list[i].place
	}
	return order
}

// relations looks for what legal rules make of each other.
func (c *compiler) relations() {
	for _, f := range check.Errors(c.policy, c.rules) {
		ids := c.ids(f.Rules)
		var err error
		if f.Code == "ambiguous" {
			err = &AmbiguousError{Stage: Stage(f.Stage), Rules: ids}
		}
		c.add(Problem{Code: f.Code, Rules: ids, Text: fmt.Sprintf("rule %q: %s", ids[0], f.Text)}, err)
	}
}

func (c *compiler) ids(rules []int) []string {
	var ids []string
	for _, i := range rules {
		ids = append(ids, c.rules[i].ID)
	}
	return ids
}

// lower checks a rule and makes out what the evaluator takes.
func (c *compiler) lower(r *Rule, out *eval.Rule) {
	*out = eval.Rule{
		ID: r.ID, Label: r.Label, Kind: eval.Kind(r.Kind), Exclusive: r.Exclusive,
		Level: eval.Level(r.On.Level), Scope: r.On.ID, Currency: r.Currency,
		MaxQty: eval.Forever,
	}
	if len(r.ID) == 0 || len(r.ID) > maxID || !utf8.ValidString(r.ID) {
		c.fail("id", "id", "want 1 to %d bytes of UTF-8", maxID)
	}
	if !utf8.ValidString(r.Label) {
		c.fail("label", "label", "not UTF-8")
	}
	c.checkScope(r.On)
	if r.Priority < -maxPriority || r.Priority > maxPriority {
		c.fail("priority", "priority", "%d is not -10^6 to 10^6", r.Priority)
	}
	out.Priority = int32(r.Priority) //nolint:gosec // in range, or refused
	out.From = c.second(r.From, "from", -eval.Forever)
	out.Until = c.second(r.Until, "until", eval.Forever)
	if r.MinQty.Valid {
		out.MinQty = c.quantity(r.MinQty.Decimal, "min_qty")
	}
	if r.MaxQty.Valid {
		out.MaxQty = c.quantity(r.MaxQty.Decimal, "max_qty")
	}
	if !r.Currency.IsZero() {
		c.known(r.Currency, "currency")
	}
	out.Effect = c.effect(r.Effect)
	if r.When != nil {
		out.When = c.condition(r.When)
	}
	for _, f := range legal.Rule(out) {
		var err error
		if f.Code == "currency" {
			err = money.ErrCurrency
		}
		c.failCause(err, f.Code, f.Key, "%s", f.Text)
	}
}

func (c *compiler) checkScope(s Scope) {
	switch {
	case s.Level > Variant:
		c.fail("scope", "on", "unknown level %d", uint8(s.Level))
	case s.Level == Everything && s.ID != "":
		c.fail("scope", "on", "an id needs a level: variant, product or category")
	case s.Level != Everything && s.ID == "":
		c.fail("scope", "on."+s.Level.String(), "empty id")
	case !utf8.ValidString(s.ID):
		c.fail("scope", "on."+s.Level.String(), "not UTF-8")
	}
}

// second checks a bound of a window; open is what no bound means.
func (c *compiler) second(t time.Time, key string, open int64) int64 {
	if t.IsZero() {
		return open
	}
	if !strictjson.WholeSecond(t) {
		c.fail("window", key, "%s", noWholeSecond(t))
	}
	return t.Unix()
}

func noWholeSecond(t time.Time) string {
	return t.UTC().Format(time.RFC3339Nano) + " is no whole second of the years 1 to 9999"
}

// quantity checks a quantity and returns it in millionths.
func (c *compiler) quantity(d decimal.Decimal, key string) int64 {
	n, ok := micros(d)
	if !ok {
		c.fail("quantity", key, "%s is not 0 to 10^12 with at most 6 decimals", shown(d))
	}
	return n
}

// known checks that a currency is ISO's or one of the policy's.
func (c *compiler) known(cur money.Currency, key string) {
	if slices.Contains(c.named, cur) {
		return
	}
	iso, err := money.ISO(cur.Code())
	own, ok := c.own[cur.Code()]
	if (err != nil || iso != cur) && (!ok || own != cur) {
		c.failCause(money.ErrCurrency, "currency", key, "%s is neither of ISO 4217 nor one of the policy's", cur)
		return
	}
	c.named = append(c.named, cur)
}

func (c *compiler) effect(effect Effect) eval.Effect {
	key, out := effectName(effect), eval.Effect{}
	out.Op = eval.Op(max(0, slices.Index(eval.OpNames, key))) //nolint:gosec // an index of eleven
	switch e := effect.(type) {
	case nil: // legal says which effects the kind takes
	case SetTo:
		out.Number = c.amount(e.Amount, key)
	case AmountOff:
		out.Number = c.amount(e.Amount, key)
	case AmountUp:
		out.Number = c.amount(e.Amount, key)
	case PercentOff:
		out.Number = c.number(e.Percent, key)
	case PercentUp:
		out.Number = c.number(e.Percent, key)
	case Markup:
		out.Number = c.number(e.Percent, key)
	case Margin:
		out.Number = c.number(e.Percent, key)
	case Formula:
		out.Formula = c.formula(&e)
	case Charge:
		out.Charge = c.charge(&e)
	case Grid:
		if e.Mode > money.Floor {
			c.fail("range", "round.mode", "unknown mode")
		}
		out.Grid = &eval.Grid{Mode: e.Mode, Increment: c.amount(e.Increment, "round.increment"), Offset: c.optional(e.Offset, "round.offset")}
	default:
		c.fail("effect", "effect", "%T: want an effect by value", effect)
	}
	return out
}

// amount checks that there is an amount, in the currency of the rule at hand.
func (c *compiler) amount(a money.Amount, key string) eval.Dec {
	switch {
	case a == money.Amount{}:
		c.fail("effect", key, "missing")
	case a.Currency() != c.rule.Currency && !c.rule.Currency.IsZero():
		c.failCause(money.ErrCurrency, "currency", key, "%s in a rule of %s", a, c.rule.Currency)
	}
	coef, scale := a.Unscaled()
	return eval.Dec{Coef: coef, Scale: uint8(scale)} //nolint:gosec // at most 18
}

// optional is an amount for which zero means none.
func (c *compiler) optional(a money.Amount, key string) eval.Dec {
	if a.IsZero() {
		return eval.Dec{}
	}
	return c.amount(a, key)
}

// number checks that the evaluator can hold a number: 64 bits, 18 decimals.
func (c *compiler) number(d decimal.Decimal, key string) eval.Dec {
	var buf [strictjson.MaxDecimal + 1]byte
	text, ok := strictjson.AppendDecimal(buf[:0], d)
	whole, fraction, _ := strings.Cut(string(text), ".")
	coef, err := strconv.ParseInt(whole+fraction, 10, 64)
	if !ok || err != nil || coef == math.MinInt64 || len(fraction) > maxScale {
		c.fail("range", key, "%s is out of range", shown(d))
		return eval.Dec{}
	}
	return eval.Dec{Coef: coef, Scale: uint8(len(fraction))} //nolint:gosec // at most 18
}

func (c *compiler) formula(f *Formula) *eval.Formula {
	out := &eval.Formula{
		Rule: -1, Surcharge: c.optional(f.Surcharge, "formula.surcharge"),
		HasMin: f.MinMargin != money.Amount{}, HasMax: f.MaxMargin != money.Amount{},
	}
	if f.Round != (money.Amount{}) {
		if out.Round = c.amount(f.Round, "formula.round"); out.Round.Coef == 0 {
			c.fail("range", "formula.round", "0 is not above zero")
		}
	}
	switch target, isRule := strings.CutPrefix(string(f.Base), "rule:"); {
	case isRule:
		out.Base = eval.OfRule
		c.refs = append(c.refs, reference{rule: len(c.rules) - 1, target: target})
	case f.Base == BaseList:
		out.Base = eval.OfList
	case f.Base == BaseCurrent:
		out.Base = eval.OfCurrent
	case f.Base == BaseCost:
		out.Base = eval.OfCost
	}
	if f.PercentOff.Valid {
		if out.Percent = c.number(f.PercentOff.Decimal, "formula.percent_off").Neg(); out.Percent.Coef > 0 {
			c.fail("range", "formula.percent_off", "%s is negative", shown(f.PercentOff.Decimal))
		}
	}
	if f.PercentUp.Valid {
		if f.PercentOff.Valid {
			c.fail("formula", "formula.percent_up", "beside percent_off")
		}
		if out.Percent = c.number(f.PercentUp.Decimal, "formula.percent_up"); out.Percent.Coef < 0 {
			c.fail("range", "formula.percent_up", "%s is negative", shown(f.PercentUp.Decimal))
		}
	}
	out.HasPercent = out.Percent.Coef != 0
	if out.HasMin {
		out.MinMargin = c.amount(f.MinMargin, "formula.min_margin")
	}
	if out.HasMax {
		out.MaxMargin = c.amount(f.MaxMargin, "formula.max_margin")
	}
	return out
}

func (c *compiler) charge(in *Charge) *eval.Charge {
	out := &eval.Charge{Mode: eval.ChargeMode(in.Mode)}
	if in.Mode == ChargePackage {
		if len(in.Steps) > 0 {
			c.fail("charge", "charge.steps", "go with volume and graduated, not package")
		}
		out.Size, out.Free, out.Unit = c.quantity(in.Size, "charge.size"), c.quantity(in.Free, "charge.free"), c.amount(in.Unit, "charge.unit")
		return out
	}
	if !in.Size.IsZero() || !in.Free.IsZero() || in.Unit != (money.Amount{}) {
		c.fail("charge", "charge", "size, unit and free go with package, not %s", in.Mode)
	}
	out.Steps = make([]eval.ChargeStep, len(in.Steps))
	for i, s := range in.Steps {
		at := fmt.Sprintf("charge.steps[%d].", i)
		out.Steps[i] = eval.ChargeStep{UpTo: eval.Forever, Unit: c.amount(s.Unit, at+"unit"), Flat: c.optional(s.Flat, at+"flat")}
		if s.UpTo.Valid {
			out.Steps[i].UpTo = c.quantity(s.UpTo.Decimal, at+"up_to")
		}
	}
	return out
}

// resolve finds the rules that formulas start from. A base that is not legal
// itself is reported there, and the reference left open.
func (c *compiler) resolve() {
	for _, ref := range c.refs {
		r := &c.rules[ref.rule]
		c.at(c.places[ref.rule], &c.rs.Rules[c.places[ref.rule]])
		i, ok := slices.BinarySearchFunc(c.rules, ref.target, func(r eval.Rule, id string) int { return strings.Compare(r.ID, id) })
		if !ok {
			if !c.has(ref.target) {
				c.fail("formula", "formula.base", "there is no rule %s", shortID(ref.target))
			}
			continue
		}
		target := &c.rules[i]
		switch {
		case target.Effect.Op != eval.OpSet && target.Effect.Op != eval.OpFormula:
			c.fail("formula", "formula.base", "rule %q has neither an amount nor a formula", target.ID)
		case target.Currency != r.Currency:
			c.failCause(money.ErrCurrency, "currency", "formula.base", "rule %q is in %s, this one in %s", target.ID, target.Currency, r.Currency)
		default:
			r.Effect.Formula.Rule = i
		}
	}
	c.checkBases()
}

// has reports whether there is a rule of an id, legal or not.
func (c *compiler) has(id string) bool {
	_, ok := slices.BinarySearchFunc(c.order, id, func(place int, id string) int { return strings.Compare(c.rs.Rules[place].ID, id) })
	return ok
}

// checkBases finds formulas of the price stage that come, over other rules, to a
// price that is not there yet. Circles are not followed.
func (c *compiler) checkBases() {
	for _, ref := range c.refs {
		r := &c.rules[ref.rule]
		if r.Kind.Stage() != eval.StagePrice {
			continue
		}
		target := r.Effect.Formula
		for range maxReferences {
			if target.Rule < 0 || c.rules[target.Rule].Effect.Op != eval.OpFormula {
				break
			}
			target = c.rules[target.Rule].Effect.Formula
		}
		if target.Base == eval.OfList || target.Base == eval.OfCurrent {
			c.at(c.places[ref.rule], &c.rs.Rules[c.places[ref.rule]])
			c.fail("formula", "formula.base", "rule %q starts from list or current: there is no price yet in the price stage", ref.target)
		}
	}
}

// maxReferences is how deep formulas may stand on each other; internal/check
// reports what is deeper.
const maxReferences = 8

func (c *compiler) lowerPolicy() {
	p := &c.rs.Policy
	c.currencies(p.Currencies)
	c.policy = eval.Policy{
		Rounding: p.Rounding, LineRounding: money.Rounding{Mode: p.Rounding.Mode, Increment: 1},
		RoundAt: eval.RoundAt(p.RoundAt), Ties: eval.Ties(p.Ties), Convert: p.Convert, Pivot: p.Pivot,
		Stale: eval.StaleMode(p.Stale), Tax: eval.TaxMode(p.Tax), MaxAge: int64(p.MaxAge / time.Second),
	}
	if p.LineRounding != nil {
		c.policy.LineRounding = *p.LineRounding
	}
	c.combine(p.Combine)
	if !p.Pivot.IsZero() {
		c.known(p.Pivot, "pivot")
	}
	if p.MaxAge < 0 || p.MaxAge%time.Second != 0 {
		c.fail("policy", "max_age", "%v is not whole seconds from zero", p.MaxAge)
	}
	c.policy.Spread = c.number(p.Spread, "spread")
	if n := c.policy.Spread; n.Coef < 0 || n.Cmp(eval.Dec{Coef: legal.MaxPercent}) > 0 {
		c.fail("policy", "spread", "%s is not 0 to %d", n, legal.MaxPercent)
	}
	c.choice("round_at", p.RoundAt > RoundAtDiscount)
	c.choice("ties", p.Ties > TiesLowest)
	c.choice("stale", p.Stale > StaleNative)
	c.choice("tax", p.Tax > TaxExclusive)
}

func (c *compiler) choice(key string, unknown bool) {
	if unknown {
		c.fail("policy", key, "unknown choice")
	}
}

func (c *compiler) currencies(list []money.Currency) {
	for i, cur := range list {
		key := fmt.Sprintf("currencies[%d]", i)
		switch _, there := c.own[cur.Code()]; {
		case cur.IsZero():
			c.failCause(money.ErrCurrency, "currency", key, "missing")
		case there:
			c.failCause(money.ErrCurrency, "currency", key, "%s is there before", cur.Code())
		}
		c.own[cur.Code()] = cur
		c.named = append(c.named, cur)
	}
}

// roundings checks the policy's for every currency that the set names.
func (c *compiler) roundings() {
	c.at(0, nil)
	for _, cur := range append(c.named, money.Currency{}) {
		if err := c.policy.Rounding.Validate(cur); err != nil {
			c.fail("policy", "rounding", "%v", err)
		}
		if err := c.policy.LineRounding.Validate(cur); err != nil && c.rs.Policy.LineRounding != nil {
			c.fail("policy", "line_rounding", "%v", err)
		}
	}
}

// combine fills in how the candidates of each stage compete.
func (c *compiler) combine(m map[Stage]Combine) {
	for stage := range c.policy.Combine {
		c.policy.Combine[stage] = eval.Combine(defaultCombine(Stage(stage)))
	}
	for _, stage := range slices.Sorted(maps.Keys(m)) {
		combine := m[stage]
		key := "combine." + stage.String()
		switch {
		case stage < StageTier || stage > StageSurcharge:
			c.fail("policy", key, "candidates compete in tier, volume, sale and surcharge only")
		case combine > CombineChain:
			c.fail("policy", key, "want first, best or chain")
		case combine != CombineDefault:
			c.policy.Combine[stage] = eval.Combine(combine)
		}
	}
}

func defaultCombine(s Stage) Combine {
	if s == StageSurcharge {
		return CombineChain
	}
	return CombineFirst
}
