package promotions_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// A fakeBatch is a batch of codes that begin with its name.
type fakeBatch string

func (b fakeBatch) Batch() string { return string(b) }

func (b fakeBatch) Check(code string) (string, bool) { return code, strings.HasPrefix(code, string(b)) }

func withBatch() promotions.CompileConfig {
	return promotions.CompileConfig{Batches: []promotions.CodeChecker{fakeBatch("spring")}}
}

func TestCompileAcceptsEveryKey(t *testing.T) {
	set := mustParse(t, full)
	s, err := promotions.Compile(set, withBatch())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set, s.Set(), same()); diff != "" {
		t.Errorf("Set (-compiled +kept):\n%s", diff)
	}
}

// percent is a promotion with more keys.
func percent(keys string) string {
	return `{"promotions":[{"id":"p","effect":{"kind":"percent","value":"5"}` + keys + `}]}`
}

// effect is a promotion in USD with an effect.
func effect(keys string) string {
	return `{"promotions":[{"id":"p","currency":"USD","effect":{` + keys + `}}]}`
}

// A refusal is a set that Compile refuses for one reason.
type refusal struct {
	text, path string
	cause      error
}

func checkRefusals(t *testing.T, cases map[string]refusal) {
	t.Helper()
	for name, c := range cases {
		_, err := promotions.Compile(mustParse(t, c.text), promotions.CompileConfig{})
		checkProblem(t, name, err, c.path, c.cause)
		if invalid, ok := errors.AsType[*promotions.InvalidError](err); ok && len(invalid.Problems) > 1 {
			t.Errorf("%s: one slip, %d problems: %v", name, len(invalid.Problems), err)
		}
	}
}

func TestCompileRefusesWithPath(t *testing.T) {
	deep := strings.Repeat(`{"not":`, 16) + `{"field":"cart.units","op":"=","value":1}` + strings.Repeat(`}`, 16)
	wide := `{"any":[` + strings.TrimSuffix(strings.Repeat(`{"field":"cart.units","op":"=","value":1},`, 256), ",") + `]}`
	checkRefusals(t, map[string]refusal{
		"no id":                   {`{"promotions":[{"effect":{"kind":"percent","value":"5"}}]}`, "promotions[0].id", nil},
		"bad id":                  {`{"promotions":[{"id":"a b","effect":{"kind":"percent","value":"5"}}]}`, "promotions[0].id", nil},
		"long id":                 {`{"promotions":[{"id":"` + strings.Repeat("a", 65) + `","effect":{"kind":"percent","value":"5"}}]}`, "promotions[0].id", nil},
		"double id":               {`{"promotions":[{"id":"a","effect":{"kind":"percent","value":"5"}},{"id":"a","effect":{"kind":"percent","value":"5"}}]}`, "promotions[0].id", nil},
		"no effect":               {`{"promotions":[{"id":"a"}]}`, "promotions[0].effect", nil},
		"unknown stage":           {percent(`,"stage":"x"`), "promotions[0].stage", nil},
		"no default stage":        {`{"stages":[{"name":"a"},{"name":"b"}],` + percent("")[1:], "promotions[0].stage", nil},
		"unknown campaign":        {percent(`,"limits":{"campaign":"x"}`), "promotions[0].limits.campaign", nil},
		"unknown batch":           {percent(`,"batches":["x"]`), "promotions[0].batches[0]", nil},
		"unknown field":           {percent(`,"when":{"all":[{"field":"cart.weight","op":"=","value":"1"}]}`), "promotions[0].when.all[0].field", nil},
		"line field of the cart":  {percent(`,"when":{"field":"line.product","op":"=","value":"1"}`), "promotions[0].when.field", nil},
		"cart field of a line":    {percent(`,"where":{"field":"cart.units","op":"=","value":1}`), "promotions[0].where.field", nil},
		"lines of a line":         {percent(`,"where":{"lines":{"count":{"op":">","value":1}}}`), "promotions[0].where.lines", nil},
		"unknown operator":        {percent(`,"when":{"field":"cart.units","op":"==","value":1}`), "promotions[0].when.op", nil},
		"operator of other kind":  {percent(`,"when":{"field":"customer.id","op":"<","value":"1"}`), "promotions[0].when.op", nil},
		"value of other kind":     {percent(`,"when":{"field":"cart.units","op":"<","value":"many"}`), "promotions[0].when.value", nil},
		"low above high":          {percent(`,"when":{"field":"cart.units","op":"between","value":[2,1]}`), "promotions[0].when.value", nil},
		"empty all":               {percent(`,"when":{"all":[]}`), "promotions[0].when.all", nil},
		"lines of nothing":        {percent(`,"when":{"not":{"lines":{}}}`), "promotions[0].when.not.lines", nil},
		"operator of lines":       {percent(`,"when":{"lines":{"count":{"op":"in","value":1}}}`), "promotions[0].when.lines.count.op", nil},
		"value of lines":          {percent(`,"when":{"lines":{"amount":{"op":"<","value":true}}}`), "promotions[0].when.lines.amount.value", nil},
		"where of lines":          {percent(`,"when":{"lines":{"where":{"field":"cart.units","op":"=","value":1},"count":{"op":">","value":1}}}`), "promotions[0].when.lines.where.field", nil},
		"deep condition":          {percent(`,"when":` + deep), "promotions[0].when" + strings.Repeat(".not", 16), promotions.ErrRange},
		"wide condition":          {percent(`,"when":` + wide), "promotions[0].when.any[255]", promotions.ErrRange},
		"wide lines":              {percent(`,"when":{"lines":{"count":{"op":">","value":1},"where":` + strings.ReplaceAll(wide, "cart.units", "line.qty") + `}}`), "promotions[0].when.lines.where.any[254]", promotions.ErrRange},
		"campaign of no currency": {`{"campaigns":[{"id":"c","budget":"5"}]}`, "campaigns[0].currency", money.ErrCurrency},
		"campaign of another":     {`{"campaigns":[{"id":"c","budget":"5","currency":"EUR"}],` + percent(`,"currency":"USD","limits":{"campaign":"c"}`)[1:], "promotions[0].currency", money.ErrCurrency},
		"campaign id":             {`{"campaigns":[{"id":""}]}`, "campaigns[0].id", nil},
		"double campaign":         {`{"campaigns":[{"id":"c"},{"id":"c"}]}`, "campaigns[1].id", nil},
		"campaign unsettled":      {`{"campaigns":[{"id":"c","budget":"0.001","currency":"EUR"}]}`, "campaigns[0].budget", nil},
		"from at until":           {percent(`,"from":"2026-06-01T00:00:00Z","until":"2026-06-01T00:00:00Z"`), "promotions[0].until", nil},
		"code of hyphens":         {percent(`,"codes":["A","- -"]`), "promotions[0].codes[1]", nil},
		"long code":               {percent(`,"codes":["` + strings.Repeat("A", 65) + `"]`), "promotions[0].codes[0]", nil},
		"per_code of no code":     {percent(`,"limits":{"per_code":1}`), "promotions[0].limits", nil},
		"excludes itself":         {percent(`,"stack":{"excludes":["p"]}`), "promotions[0].stack.excludes[0]", nil},
		"combines of no class":    {percent(`,"stack":{"combines":["a"]}`), "promotions[0].stack.combines", nil},
		"empty tag":               {percent(`,"stack":{"tags":[""]}`), "promotions[0].stack.tags[0]", nil},
		"stop in optimal":         {`{"stages":[{"name":"s","mode":"optimal"}],` + percent(`,"stack":{"stop":true}`)[1:], "promotions[0].stack.stop", nil},
		"bundle by line":          {`{"stages":[{"name":"s","mode":"best","by":"line"}],` + effect(`"kind":"bundle","parts":[{"qty":1}],"value":{"percent":"5"}`)[1:], "promotions[0].effect.kind", nil},
		"by line in sequence":     {`{"stages":[{"name":"s","by":"line"}]}`, "stages[0].by", nil},
		"no stage name":           {`{"stages":[{}]}`, "stages[0].name", nil},
		"double stage":            {`{"stages":[{"name":"s"},{"name":"s"}]}`, "stages[1].name", nil},
	})
}

func TestCompileRefusesEffectsWithPath(t *testing.T) {
	const bxgy = `"kind":"bxgy","buy":{"qty":1},"get":{"qty":1}`
	checkRefusals(t, map[string]refusal{
		"percent over 100":        {effect(`"kind":"percent","value":"100.01"`), "promotions[0].effect.value", nil},
		"percent below 0":         {effect(`"kind":"percent","value":"-1"`), "promotions[0].effect.value", nil},
		"amount below 0":          {effect(`"kind":"amount","value":"-1"`), "promotions[0].effect.value", nil},
		"price below 0":           {effect(`"kind":"price","value":"-0.01"`), "promotions[0].effect.value", nil},
		"unsettled amount":        {effect(`"kind":"amount","value":"0.001"`), "promotions[0].effect.value", nil},
		"amount past int64":       {effect(`"kind":"amount","value":"92233720368547758.08"`), "promotions[0].effect.value", promotions.ErrRange},
		"no value":                {effect(`"kind":"percent"`), "promotions[0].effect", nil},
		"value and tiers":         {effect(`"kind":"percent","value":"1","tiers":[{"from":"0","value":"1"}]`), "promotions[0].effect", nil},
		"tiers not ascending":     {effect(`"kind":"percent","tiers":[{"from":"1","value":"1"},{"from":"1","value":"2"}]`), "promotions[0].effect.tiers[1].from", nil},
		"tier below 0":            {effect(`"kind":"percent","tiers":[{"from":"-1","value":"1"}]`), "promotions[0].effect.tiers[0].from", nil},
		"tier of a part":          {effect(`"kind":"percent","tier_by":"quantity","tiers":[{"from":"1.5","value":"1"}]`), "promotions[0].effect.tiers[0].from", nil},
		"tier value":              {effect(`"kind":"percent","tiers":[{"from":"1","value":"101"}]`), "promotions[0].effect.tiers[0].value", nil},
		"cap below 0":             {effect(`"kind":"percent","value":"1","cap":"-1"`), "promotions[0].effect.cap", nil},
		"max_units per line":      {effect(`"kind":"percent","value":"1","max_units":2`), "promotions[0].effect.max_units", nil},
		"group per order":         {effect(`"kind":"percent","value":"1","per":"order","group":2`), "promotions[0].effect.group", nil},
		"pick without group":      {effect(`"kind":"percent","value":"1","per":"unit","pick":"dearest"`), "promotions[0].effect.pick", nil},
		"graduated by amount":     {effect(`"kind":"percent","per":"unit","graduated":true,"tiers":[{"from":"1","value":"1"}]`), "promotions[0].effect.graduated", nil},
		"graduated per line":      {effect(`"kind":"percent","graduated":true,"tier_by":"quantity","tiers":[{"from":"1","value":"1"}]`), "promotions[0].effect.graduated", nil},
		"bxgy on shipping":        {`{"promotions":[{"id":"p","target":"shipping","effect":{` + bxgy + `,"value":{"percent":"5"}}}]}`, "promotions[0].target", nil},
		"bundle of original":      {`{"promotions":[{"id":"p","base":"original","effect":{"kind":"bundle","parts":[{"qty":1}],"value":{"percent":"5"}}}]}`, "promotions[0].base", nil},
		"bxgy percent over 100":   {effect(bxgy + `,"value":{"percent":"101"}`), "promotions[0].effect.value", nil},
		"per_group of two wheres": {effect(`"kind":"bxgy","buy":{"qty":1},"get":{"qty":1,"where":{"field":"line.qty","op":">","value":1}},"pairing":"per_group","value":{"percent":"1"}`), "promotions[0].effect.pairing", nil},
		"where of buy":            {effect(`"kind":"bxgy","buy":{"qty":1,"where":{"field":"x","op":">","value":1}},"get":{"qty":1},"value":{"percent":"1"}`), "promotions[0].effect.buy.where.field", nil},
		"no parts":                {effect(`"kind":"bundle","value":{"percent":"1"}`), "promotions[0].effect.parts", nil},
		"nine parts":              {effect(`"kind":"bundle","parts":[` + strings.Repeat(`{"qty":1},`, 8) + `{"qty":1}],"value":{"percent":"1"}`), "promotions[0].effect.parts", nil},
		"amount in no currency":   {`{"promotions":[{"id":"p","effect":{"kind":"amount","value":"5"}}]}`, "promotions[0].currency", money.ErrCurrency},
		"cap in no currency":      {`{"promotions":[{"id":"p","effect":{"kind":"percent","value":"5","cap":"1"}}]}`, "promotions[0].currency", money.ErrCurrency},
		"budget in no currency":   {percent(`,"limits":{"budget":"5"}`), "promotions[0].currency", money.ErrCurrency},
		"bxgy in no currency":     {`{"promotions":[{"id":"p","effect":{` + bxgy + `,"value":{"price":"1"}}}]}`, "promotions[0].currency", money.ErrCurrency},
	})
}

// TestCompileRefusesWhatOnlyGoCanSay is about values that the JSON form does not have.
func TestCompileRefusesWhatOnlyGoCanSay(t *testing.T) {
	usd := money.MustISO("USD")
	five := decimal.NewNullDecimal(decimal.NewFromInt(5))
	huge := decimal.NewNullDecimal(decimal.New(1, 1<<30))
	loop := &promotions.Condition{}
	loop.All = []promotions.Condition{{Not: loop}}
	for name, c := range map[string]struct {
		change func(*promotions.Set, *promotions.Promotion)
		path   string
	}{
		"target":     {func(_ *promotions.Set, p *promotions.Promotion) { p.Target = 9 }, "promotions[0].target"},
		"base":       {func(_ *promotions.Set, p *promotions.Promotion) { p.Base = 9 }, "promotions[0].base"},
		"priority":   {func(_ *promotions.Set, p *promotions.Promotion) { p.Priority = 1e9 + 1 }, "promotions[0].priority"},
		"exclusive":  {func(_ *promotions.Set, p *promotions.Promotion) { p.Stack.Exclusive = 9 }, "promotions[0].stack.exclusive"},
		"nil effect": {func(_ *promotions.Set, p *promotions.Promotion) { p.Effect = (*promotions.Bundle)(nil) }, "promotions[0].effect"},
		"kind": {func(_ *promotions.Set, p *promotions.Promotion) {
			p.Effect = &promotions.Discount{Kind: 9, Value: five}
		}, "promotions[0].effect"},
		"per":  {func(_ *promotions.Set, p *promotions.Promotion) { p.Effect = &promotions.Discount{Per: 9, Value: five} }, "promotions[0].effect.per"},
		"huge": {func(_ *promotions.Set, p *promotions.Promotion) { p.Effect = &promotions.Discount{Value: huge} }, "promotions[0].effect.value"},
		"huge amount": {func(_ *promotions.Set, p *promotions.Promotion) {
			p.Effect = &promotions.Discount{Kind: promotions.AmountOff, Value: huge}
		}, "promotions[0].effect.value"},
		"huge tier": {func(_ *promotions.Set, p *promotions.Promotion) {
			p.Effect = &promotions.Discount{TierBy: promotions.TierByQuantity, Tiers: []promotions.Tier{{From: huge.Decimal}}}
		}, "promotions[0].effect.tiers[0].from"},
		"value kind": {func(_ *promotions.Set, p *promotions.Promotion) {
			p.Effect = &promotions.Bundle{Parts: []promotions.Need{{Quantity: 1}}, Value: promotions.Value{Kind: 9}}
		}, "promotions[0].effect.value"},
		"bundle pick": {func(_ *promotions.Set, p *promotions.Promotion) {
			p.Effect = &promotions.Bundle{Parts: []promotions.Need{{Quantity: 1}}, Pick: promotions.LargestLine}
		}, "promotions[0].effect.pick"},
		"bundle max": {func(_ *promotions.Set, p *promotions.Promotion) {
			p.Effect = &promotions.Bundle{Parts: []promotions.Need{{Quantity: 1}}, Max: -1}
		}, "promotions[0].effect.max"},
		"need": {func(_ *promotions.Set, p *promotions.Promotion) {
			p.Effect = &promotions.Bundle{Parts: []promotions.Need{{}}}
		}, "promotions[0].effect.parts[0].qty"},
		"gift":    {func(_ *promotions.Set, p *promotions.Promotion) { p.Effect = &promotions.FreeGift{Quantity: -1} }, "promotions[0].effect.qty"},
		"uses":    {func(_ *promotions.Set, p *promotions.Promotion) { p.Limits.Uses = -1 }, "promotions[0].limits.uses"},
		"budget":  {func(_ *promotions.Set, p *promotions.Promotion) { p.Limits.Budget = decimal.NewFromInt(-1) }, "promotions[0].limits.budget"},
		"endless": {func(_ *promotions.Set, p *promotions.Promotion) { p.When = loop }, "promotions[0].when" + strings.Repeat(".all[0].not", 8)},
		"empty":   {func(_ *promotions.Set, p *promotions.Promotion) { p.When = &promotions.Condition{} }, "promotions[0].when"},
		"float": {func(_ *promotions.Set, p *promotions.Promotion) {
			p.When = &promotions.Condition{Field: "cart.units", Op: "=", Value: 1.5}
		}, "promotions[0].when.value"},
		"title":      {func(_ *promotions.Set, p *promotions.Promotion) { p.Title = "\xff" }, ""},
		"rounding":   {func(s *promotions.Set, _ *promotions.Promotion) { s.Policy.Rounding.Mode = 99 }, "policy.rounding"},
		"increment":  {func(s *promotions.Set, _ *promotions.Promotion) { s.Policy.Rounding.Increment = -1 }, "policy.rounding.increment"},
		"extra":      {func(s *promotions.Set, _ *promotions.Promotion) { s.Policy.Rounding.Extra = 1 }, "policy.rounding"},
		"allocation": {func(s *promotions.Set, _ *promotions.Promotion) { s.Policy.Allocation = 99 }, "policy.allocation"},
		"mode":       {func(s *promotions.Set, _ *promotions.Promotion) { s.Stages = []promotions.Stage{{Name: "s", Mode: 9}} }, "stages[0].mode"},
		"groups": {func(s *promotions.Set, _ *promotions.Promotion) {
			s.Stages = []promotions.Stage{{Name: "s", Groups: map[string]int{"g": 0}}}
		}, "stages[0].groups"},
		"per line": {func(s *promotions.Set, _ *promotions.Promotion) {
			s.Stages = []promotions.Stage{{Name: "s", MaxPerLine: -1}}
		}, "stages[0].max_per_line"},
		"campaign uses": {func(s *promotions.Set, _ *promotions.Promotion) {
			s.Campaigns = []promotions.Campaign{{ID: "c", Uses: -1}}
		}, "campaigns[0].uses"},
		"campaign money": {func(s *promotions.Set, _ *promotions.Promotion) {
			s.Campaigns = []promotions.Campaign{{ID: "c", Budget: decimal.NewFromInt(-1)}}
		}, "campaigns[0].budget"},
	} {
		set := promotions.Set{Promotions: []promotions.Promotion{{ID: "p", Currency: usd, Effect: &promotions.Discount{Value: five}}}}
		c.change(&set, &set.Promotions[0])
		_, err := promotions.Compile(set, promotions.CompileConfig{})
		checkProblem(t, name, err, c.path, nil)
	}
}

func TestCompileReportsEverythingAtOnce(t *testing.T) {
	set := mustParse(t, `{"stages":[{"name":""}],"campaigns":[{"id":"!"}],"promotions":[
		{"id":"","effect":{"kind":"percent","value":"200"}},{"id":"b","when":{"field":"x","op":"=","value":"1"},"where":{"field":"y","op":"=","value":"1"},"effect":{"kind":"gift"}}]}`)
	_, err := promotions.Compile(set, promotions.CompileConfig{})
	for _, path := range []string{
		"stages[0].name", "campaigns[0].id", "promotions[0].id", "promotions[0].effect.value", "promotions[1].when.field", "promotions[1].where.field",
	} {
		checkProblem(t, "all", err, path, nil)
	}
}

func TestTooManyPromotionsAreRefusedBeforeAnyWork(t *testing.T) {
	set := promotions.Set{Promotions: make([]promotions.Promotion, 1_000_001)}
	_, err := promotions.Compile(set, promotions.CompileConfig{})
	checkProblem(t, "10^6+1", err, "promotions", promotions.ErrRange)
	set.Promotions = set.Promotions[:3]
	_, err = promotions.Compile(set, promotions.CompileConfig{MaxPromotions: 2})
	checkProblem(t, "3", err, "promotions", promotions.ErrRange)
	_, err = promotions.Compile(set, promotions.CompileConfig{MaxPromotions: -1})
	checkProblem(t, "-1", err, "", nil)
}

func TestBatchesMustHaveNamesOfTheirOwn(t *testing.T) {
	_, err := promotions.Compile(promotions.Set{}, promotions.CompileConfig{Batches: []promotions.CodeChecker{fakeBatch("a"), fakeBatch("a"), nil}})
	checkProblem(t, "batches", err, "", nil)
	if _, err := promotions.Compile(mustParse(t, percent(`,"batches":["spring"]`)), withBatch()); err != nil {
		t.Error(err)
	}
}

func TestTheSnapshotSharesNothingWithTheSet(t *testing.T) {
	set, untouched := mustParse(t, full), mustParse(t, full)
	s, err := promotions.Compile(set, withBatch())
	if err != nil {
		t.Fatal(err)
	}
	p := &set.Promotions[0]
	p.Codes[0], p.Stack.Tags[0], p.Stack.Excludes[0] = "x", "x", "x"
	p.When.All[0].Field, p.When.All[2].Lines.Count.Op, p.Where.Op = "x", "x", "x"
	set.Stages[0].Groups["g"], set.Stages[0].Name, set.Campaigns[0].ID = 9, "x", "x"
	if d, ok := p.Effect.(*promotions.Discount); ok {
		d.Tiers[0], d.MaxUnits = promotions.Tier{}, 99
	}
	if b, ok := set.Promotions[5].Effect.(*promotions.Bundle); ok {
		b.Parts[0].Quantity = 99
	}
	if diff := cmp.Diff(untouched, s.Set(), same()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

func TestDigestIsOfWhatASetMeans(t *testing.T) {
	digest := func(text string) [32]byte {
		t.Helper()
		s, err := promotions.Compile(mustParse(t, text), withBatch())
		if err != nil {
			t.Fatal(err)
		}
		return s.Digest()
	}
	const a, b = `{"id":"a","codes":["X","Y"],"effect":{"kind":"percent","value":"5"}}`, `{"id":"b","effect":{"kind":"gift"}}`
	one := digest(`{"promotions":[` + a + `,` + b + `]}`)
	if two := digest(`{"promotions":[` + b + `,{"effect":{"value":"5.0","kind":"percent"},"codes":["Y","X"],"id":"a"}]}`); one != two {
		t.Error("the order of promotions, codes and keys changes the digest")
	}
	if three := digest(`{"promotions":[` + a + `]}`); one == three {
		t.Error("two sets of one digest")
	}
	if digest(`{"stages":[{"name":"a"},{"name":"b"}]}`) == digest(`{"stages":[{"name":"b"},{"name":"a"}]}`) {
		t.Error("the order of stages does not change the digest")
	}
}

func TestWarnings(t *testing.T) {
	var always []string
	for i := range 65 {
		always = append(always, fmt.Sprintf(`{"id":"p%d","effect":{"kind":"gift"}}`, i))
	}
	for name, c := range map[string]struct{ text, path string }{
		"65 always":             {`{"promotions":[` + strings.Join(always, ",") + `]}`, "promotions"},
		"64 always":             {`{"promotions":[` + strings.Join(always[1:], ",") + `]}`, ""},
		"money of no currency":  {percent(`,"when":{"not":{"any":[{"field":"cart.subtotal","op":">","value":"5"}]}}`), "promotions[0].when"},
		"amount of lines":       {percent(`,"when":{"lines":{"amount":{"op":">","value":"5"}}}`), "promotions[0].when"},
		"price of a line":       {percent(`,"where":{"field":"line.price","op":">","value":"5"}`), "promotions[0].where"},
		"money of a currency":   {percent(`,"currency":"USD","when":{"field":"cart.subtotal","op":">","value":"5"}`), ""},
		"excludes a stranger":   {percent(`,"stack":{"excludes":["q"]}`), "promotions[0].stack.excludes[0]"},
		"count of no currency":  {percent(`,"when":{"field":"cart.units","op":">","value":"5"}`), ""},
		"nothing to warn about": {percent(""), ""},
	} {
		s, err := promotions.Compile(mustParse(t, c.text), promotions.CompileConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, w := range s.Warnings() {
			got.WriteString(w.Path)
		}
		if got.String() != c.path {
			t.Errorf("%s: warnings %v, want one at %q", name, s.Warnings(), c.path)
		}
	}
}

func TestFingerprintIsOfTheCartWithoutItsTime(t *testing.T) {
	s, err := promotions.Compile(promotions.Set{}, promotions.CompileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	of := func(change func(*promotions.Cart)) [32]byte {
		t.Helper()
		c := mustCart(t, fullCart)
		change(&c)
		r, err := s.Evaluate(c, promotions.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Fingerprint
	}
	one := of(func(*promotions.Cart) {})
	for name, change := range map[string]func(*promotions.Cart){
		"time":     func(c *promotions.Cart) { c.At = c.At.Add(time.Hour) },
		"no time":  func(c *promotions.Cart) { c.At = time.Time{} },
		"codes":    func(c *promotions.Cart) { c.Codes[0], c.Codes[1] = c.Codes[1], c.Codes[0] },
		"segments": func(c *promotions.Cart) { c.Customer.Segments = []string{"gold", "vip"} },
	} {
		if of(change) != one {
			t.Errorf("%s changes the fingerprint", name)
		}
	}
	for name, change := range map[string]func(*promotions.Cart){
		"price":     func(c *promotions.Cart) { c.Lines[0].Price = money.New(1001, c.Currency) },
		"quantity":  func(c *promotions.Cart) { c.Lines[1].Quantity = 2 },
		"customer":  func(c *promotions.Cart) { c.Customer = nil },
		"code":      func(c *promotions.Cart) { c.Codes = c.Codes[:1] },
		"attribute": func(c *promotions.Cart) { c.Shipping[0].Attributes = nil },
		"tax":       func(c *promotions.Cart) { c.PricesIncludeTax = false },
	} {
		if of(change) == one {
			t.Errorf("%s does not change the fingerprint", name)
		}
	}
}

func TestEvaluateRefusesBadCarts(t *testing.T) {
	s, err := promotions.Compile(promotions.Set{}, promotions.CompileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	minus := int64(-1)
	for name, c := range map[string]struct {
		change func(*promotions.Cart)
		path   string
		cause  error
	}{
		"no currency":     {func(c *promotions.Cart) { c.Currency = money.Currency{} }, "currency", money.ErrCurrency},
		"double line":     {func(c *promotions.Cart) { c.Lines[1].ID = "a" }, "lines[1].id", nil},
		"line and charge": {func(c *promotions.Cart) { c.Shipping[0].ID = "a" }, "shipping[0].id", nil},
		"no id":           {func(c *promotions.Cart) { c.Lines[1].ID = "" }, "lines[1].id", nil},
		"bad id":          {func(c *promotions.Cart) { c.Lines[1].ID = "a/b" }, "lines[1].id", nil},
		"negative price":  {func(c *promotions.Cart) { c.Lines[1].Price = money.New(-1, c.Currency) }, "lines[1].price", nil},
		"negative charge": {func(c *promotions.Cart) { c.Shipping[0].Price = money.New(-1, c.Currency) }, "shipping[0].price", nil},
		"negative floor":  {func(c *promotions.Cart) { c.Lines[0].Floor = money.New(-1, c.Currency) }, "lines[0].floor", nil},
		"other currency":  {func(c *promotions.Cart) { c.Lines[0].List = money.New(1, money.MustISO("EUR")) }, "lines[0].list", money.ErrCurrency},
		"unsettled":       {func(c *promotions.Cart) { c.Lines[0].Total = unsettled(t, c.Currency) }, "lines[0].total", nil},
		"no unit":         {func(c *promotions.Cart) { c.Lines[0].Quantity = 0 }, "lines[0].qty", nil},
		"too many units":  {func(c *promotions.Cart) { c.Lines[0].Quantity = 1_000_000_000_001 }, "lines[0].qty", promotions.ErrRange},
		"past int64":      {func(c *promotions.Cart) { c.Lines[0].Price, c.Lines[0].Quantity = money.New(1e10, c.Currency), 1e12 }, "lines[0]", promotions.ErrRange},
		"sum past int64": {func(c *promotions.Cart) {
			c.Lines[0].Total, c.Lines[1].Total = money.New(1<<62, c.Currency), money.New(1<<62, c.Currency)
		}, "", promotions.ErrRange},
		"tax below 0":       {func(c *promotions.Cart) { c.Lines[0].TaxRate = decimal.NewFromInt(-1) }, "lines[0].tax_rate", nil},
		"tax of 10^9 zeros": {func(c *promotions.Cart) { c.Shipping[0].TaxRate = decimal.New(1, 1<<30) }, "shipping[0].tax_rate", nil},
		"orders below 0":    {func(c *promotions.Cart) { c.Customer.Orders = &minus }, "customer.orders", nil},
		"5001 lines":        {func(c *promotions.Cart) { c.Lines = make([]promotions.Line, 5001) }, "lines", promotions.ErrRange},
		"101 codes":         {func(c *promotions.Cart) { c.Codes = make([]string, 101) }, "codes", promotions.ErrRange},
		"code of 65 bytes":  {func(c *promotions.Cart) { c.Codes[1] = strings.Repeat("A", 65) }, "codes[1]", promotions.ErrRange},
		"not UTF-8":         {func(c *promotions.Cart) { c.Lines[1].Product = "\xff" }, "", nil},
	} {
		cart := mustCart(t, fullCart)
		c.change(&cart)
		_, err := s.Evaluate(cart, promotions.Options{})
		checkProblem(t, name, err, c.path, c.cause)
	}
}

func TestManyLinesHaveIDsOfTheirOwn(t *testing.T) {
	s, err := promotions.Compile(promotions.Set{}, promotions.CompileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	cart := promotions.Cart{Currency: money.MustISO("USD")}
	for i := range 5000 {
		cart.Lines = append(cart.Lines, promotions.Line{ID: fmt.Sprint(i), Quantity: 1})
	}
	if _, err := s.Evaluate(cart, promotions.Options{}); err != nil {
		t.Fatal(err)
	}
	cart.Lines[4999].ID = "7"
	_, err = s.Evaluate(cart, promotions.Options{})
	checkProblem(t, "two", err, "lines[4999].id", nil)
}

func unsettled(t *testing.T, c money.Currency) money.Amount {
	t.Helper()
	a, err := money.Parse("1.001", c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
