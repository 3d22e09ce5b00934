package promotions

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions/internal/eval"
)

// A Snapshot is a compiled set. It is immutable and safe for concurrent use.
type Snapshot struct {
	set      Set
	digest   [32]byte
	warnings []Problem
	compiled *eval.Set
	machines sync.Pool // of *evaluation
}

// CompileConfig is what [Compile] knows beside the set.
type CompileConfig struct {
	// Batches are the generated codes that promotions may name, each under its own
	// name; nil is none.
	Batches []CodeChecker
	// MaxPromotions is how many promotions the set may have, at most 1,000,000; 0
	// means that.
	MaxPromotions int
}

// A CodeChecker knows the codes of one batch without a table. It must be safe for
// concurrent use.
type CodeChecker interface {
	// Batch is the name under which promotions name it.
	Batch() string
	// Check reports whether a code as it was typed is one of the batch, and its one
	// canonical form. Where it is none, a canonical form that is not empty says that it
	// has the form of the batch's codes and a typing error.
	Check(code string) (canonical string, ok bool)
}

// What a set may have at most.
const (
	maxPromotions = 1_000_000
	maxPriority   = 1_000_000_000
	maxBundle     = 8 // parts
	maxAlways     = 64
)

// Compile checks a set and makes a snapshot of it, which shares nothing with the set
// but strings. Everything that is wrong comes at once, in an [*InvalidError] whose
// problems have JSON paths; too many promotions ([ErrRange]) before anything else
// is looked at. Conditions of equal text share one program.
func Compile(set Set, cfg CompileConfig) (*Snapshot, error) {
	c := newCompiler(&set)
	if c.tooMany(cfg.MaxPromotions); len(c.e.Problems) > 0 {
		return nil, &c.e
	}
	var digest [32]byte
	var unwritable error
	var other sync.WaitGroup
	other.Go(func() { digest, unwritable = digestOf(&set) }) // half of the work, and it needs nothing of the rest
	c.compile(cfg.Batches)
	other.Wait()
	if unwritable != nil && len(c.e.Problems) == 0 {
		c.e.add("", unwritable)
	}
	if len(c.e.Problems) > 0 {
		return nil, &c.e
	}
	c.carts.Seal()
	c.targets.Seal()
	c.out.Carts, c.out.Targets, c.out.Sums = c.carts, c.targets, c.sums
	s := &Snapshot{set: c.own, digest: digest, warnings: c.warnings, compiled: eval.New(c.out)}
	if n := s.compiled.Always(); n > maxAlways {
		s.warnings = append(s.warnings, Problem{Path: "promotions", Text: fmt.Sprintf(
			"%d promotions have no key that a cart must bring, and are tried on every cart: over %d are felt", n, maxAlways)})
	}
	return s, nil
}

// Set returns the set that was compiled. The caller must not change what it points to.
func (s *Snapshot) Set() Set { return s.set }

// Digest is the SHA-256 of the set's JSON form with promotions, campaigns and lists
// that have no order sorted: sets that mean the same but for how a number or a
// condition is written have one digest.
func (s *Snapshot) Digest() [32]byte { return s.digest }

// Warnings are what is legal but likely a slip or slow, in order of path: amounts of
// money in the condition of a promotion without currency, excludes of a promotion
// that is not there, and over 64 promotions that every cart has to try.
func (s *Snapshot) Warnings() []Problem { return slices.Clone(s.warnings) }

func digestOf(set *Set) ([32]byte, error) {
	w := strictjson.NewWriter(make([]byte, 0, 256*len(set.Promotions))) // what an average one takes
	f := form{Codec: strictjson.NewWriterCodec(w), canonical: true, parts: maxParts}
	if f.set(set); f.Err() != nil {
		return [32]byte{}, f.Err()
	}
	return sha256.Sum256(f.Writer.Bytes()), nil
}

// A compiler checks a set and makes what the evaluator takes.
type compiler struct {
	*conditions
	set      *Set
	own      Set // the copy that the snapshot keeps
	out      eval.Set
	e        InvalidError
	warnings []Problem
	at       int // the promotion at hand
	// noCurrency says that its currency is missing, and reported.
	noCurrency bool

	stages, campaigns, batches, promotions map[string]int
	standard                               int // the stage of a promotion that names none, -1: there is none
}

func newCompiler(set *Set) *compiler {
	return &compiler{conditions: newConditions(), set: set}
}

// tooMany refuses a set so large that nothing else is looked at.
func (c *compiler) tooMany(most int) {
	switch n := len(c.set.Promotions); {
	case most < 0 || most > maxPromotions:
		c.e.add("", fmt.Errorf("MaxPromotions: %d is not 0 to %d", most, maxPromotions))
	case n > maxPromotions || most > 0 && n > most:
		c.e.add("promotions", fmt.Errorf("%d, at most %d: %w", n, cmp.Or(most, maxPromotions), ErrRange))
	}
}

func (c *compiler) failf(path, format string, args ...any) {
	c.e.add(path, fmt.Errorf(format, args...))
}

func (c *compiler) compile(batches []CodeChecker) {
	c.policy()
	c.lowerStages()
	c.lowerBatches(batches)
	c.lowerCampaigns()
	c.promotions = make(map[string]int, len(c.set.Promotions))
	for i := range c.set.Promotions {
		c.promotions[c.set.Promotions[i].ID] = i
	}
	c.own.Promotions = slices.Clone(c.set.Promotions)
	c.out.Promotions = make([]eval.Promotion, len(c.set.Promotions))
	for i := range c.set.Promotions {
		c.at = i
		c.promotion(&c.own.Promotions[i], &c.out.Promotions[i])
	}
	c.campaignCurrencies()
}

func (c *compiler) policy() {
	p := &c.set.Policy
	c.own.Policy = *p
	choice := func(key string, unknown bool) {
		if unknown {
			c.failf("policy."+key, "unknown choice")
		}
	}
	choice("round", p.Round > RoundPrice)
	choice("allocation", int(p.Allocation) >= len(splitNames))
	choice("refused", p.Refused > Drop)
	choice("over_budget", p.OverBudget > SkipOverBudget)
	choice("rounding", p.Rounding.Mode > money.Floor)
	if p.Rounding.Extra != 0 {
		c.failf("policy.rounding", "extra digits: every amount is settled")
	}
	if p.Rounding.Increment < 0 {
		c.failf("policy.rounding.increment", "%d is below 0", p.Rounding.Increment)
	}
	c.out.Policy = eval.Policy{
		Rounding: p.Rounding, RoundPrice: p.Round == RoundPrice, Allocation: p.Allocation,
		Drop: p.Refused == Drop, SkipOver: p.OverBudget == SkipOverBudget,
	}
}

// defaultStage is the stage of promotions that name none, if there is one of the name.
const defaultStage = "default"

func (c *compiler) lowerStages() {
	stages := slices.Clone(c.set.Stages)
	c.own.Stages = stages
	if len(stages) == 0 {
		stages = []Stage{{Name: defaultStage}}
	}
	c.stages = make(map[string]int, len(stages))
	for i := range stages {
		s := &stages[i]
		s.Groups = maps.Clone(s.Groups)
		c.stage(i, s)
		c.out.Stages = append(c.out.Stages, eval.Stage{
			Name: s.Name, Mode: eval.Mode(s.Mode), ByLine: s.By == ByLine,
			Groups: s.Groups, MaxPerLine: s.MaxPerLine, MaxPerOrder: s.MaxPerOrder,
		})
	}
	standard, ok := c.stages[defaultStage]
	switch {
	case ok:
		c.standard = standard
	case len(stages) > 1:
		c.standard = -1
	}
}

func (c *compiler) stage(i int, s *Stage) {
	fail := func(key, format string, args ...any) {
		c.failf(fmt.Sprintf("stages[%d].%s", i, key), format, args...)
	}
	first, twice := c.stages[s.Name]
	switch {
	case !isName(s.Name):
		fail("name", "%s", badName)
	case twice:
		fail("name", "stages[%d] has the same: %q", first, s.Name)
	default:
		c.stages[s.Name] = i
	}
	if s.Mode > Optimal {
		fail("mode", "unknown choice")
	}
	switch {
	case s.By > ByLine:
		fail("by", "unknown choice")
	case s.By == ByLine && s.Mode != Best && s.Mode != Lowest:
		fail("by", "line goes with best and lowest")
	}
	for _, group := range slices.Sorted(maps.Keys(s.Groups)) {
		if n := s.Groups[group]; n < 1 || n > maxSize {
			fail("groups", "%q: %d is not 1 to %d", group, n, maxSize)
		}
		if !isName(group) {
			fail("groups", "%q: %s", group[:min(len(group), maxID)], badName)
		}
	}
	if n := s.MaxPerLine; n < 0 || n > maxSize {
		fail("max_per_line", "%d is not 0 to %d", n, maxSize)
	}
	if n := s.MaxPerOrder; n < 0 || n > maxSize {
		fail("max_per_order", "%d is not 0 to %d", n, maxSize)
	}
}

// isName reports whether a text can be the name of a stage, group, class or tag.
func isName(s string) bool { return 0 < len(s) && len(s) <= maxID && utf8.ValidString(s) }

const badName = "want 1 to 64 bytes of UTF-8"

func (c *compiler) lowerBatches(batches []CodeChecker) {
	c.batches = make(map[string]int, len(batches))
	for i, b := range batches {
		if b == nil {
			c.failf("", "Batches[%d]: nil", i)
			continue
		}
		name := b.Batch()
		if first, twice := c.batches[name]; twice {
			c.failf("", "Batches[%d]: Batches[%d] has the same name: %q", i, first, name)
			continue
		}
		c.batches[name] = i
		c.out.Batches = append(c.out.Batches, b)
	}
}

func (c *compiler) lowerCampaigns() {
	c.own.Campaigns = slices.Clone(c.set.Campaigns)
	c.campaigns = make(map[string]int, len(c.set.Campaigns))
	c.out.Campaigns = make([]eval.Campaign, len(c.set.Campaigns))
	for i := range c.set.Campaigns {
		in := &c.set.Campaigns[i]
		at := fmt.Sprintf("campaigns[%d].", i)
		if !isID(in.ID) {
			c.e.add(at+"id", errID(in.ID))
		} else if first, twice := c.campaigns[in.ID]; twice {
			c.failf(at+"id", "campaigns[%d] has the same: %q", first, in.ID)
		} else {
			c.campaigns[in.ID] = i
		}
		if in.Budget.Sign() < 0 {
			c.failf(at+"budget", "%s is not above 0", shown(in.Budget))
		}
		if in.Uses < 0 {
			c.failf(at+"uses", "%d is below 1", in.Uses)
		}
		c.out.Campaigns[i] = eval.Campaign{ID: in.ID, Currency: in.Currency, Uses: in.Uses}
	}
}

// campaignCurrencies gives each campaign the currency of its promotions, with which
// its own must agree, and its budget minor units of it.
func (c *compiler) campaignCurrencies() {
	for i := range c.set.Promotions {
		p := &c.set.Promotions[i]
		n, known := c.campaigns[p.Limits.Campaign]
		if !known || p.Currency.IsZero() || c.set.Campaigns[n].Budget.IsZero() {
			continue
		}
		campaign := &c.out.Campaigns[n]
		if campaign.Currency.IsZero() {
			campaign.Currency = p.Currency
		}
		if campaign.Currency != p.Currency {
			c.failf(fmt.Sprintf("promotions[%d].currency", i), "%s in campaign %s of %s: %w", p.Currency, campaign.ID, campaign.Currency, money.ErrCurrency)
		}
	}
	for i := range c.out.Campaigns {
		campaign, budget := &c.out.Campaigns[i], c.set.Campaigns[i].Budget
		switch {
		case budget.Sign() <= 0:
		case campaign.Currency.IsZero():
			c.failf(fmt.Sprintf("campaigns[%d].currency", i), "required, as no promotion of the campaign has one: %w", money.ErrCurrency)
		default:
			minor, err := minorOf(budget, campaign.Currency)
			if err != nil {
				c.e.add(fmt.Sprintf("campaigns[%d].budget", i), err)
			}
			campaign.Budget = minor
		}
	}
}

// minorOf is a decimal of major units in minor units, which it must be a whole number of.
func minorOf(d decimal.Decimal, c money.Currency) (int64, error) {
	a, err := money.FromDecimal(d, c)
	if err != nil {
		return 0, fmt.Errorf("%s: %w: %w", shown(d), ErrRange, err)
	}
	minor, ok := a.Minor()
	if !ok {
		return 0, fmt.Errorf("%s is no whole number of minor units", a)
	}
	return minor, nil
}
