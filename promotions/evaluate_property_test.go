package promotions_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"pgregory.net/rapid"
)

// A deal is a set, a cart and options, drawn.
type deal struct {
	set  promotions.Set
	cart promotions.Cart
	opt  promotions.Options
}

func usd(minor int64) money.Amount { return money.New(minor, money.MustISO("USD")) }

func drawDeal(t *rapid.T) deal {
	d := deal{opt: promotions.Options{WhyNot: promotions.All, Left: map[string]promotions.Left{}}}
	d.set.Policy = promotions.Policy{
		Rounding:   money.Rounding{Mode: money.Mode(rapid.IntRange(0, 6).Draw(t, "mode")), Increment: rapid.SampledFrom([]int64{0, 0, 5}).Draw(t, "increment")}, //nolint:gosec // 0 to 6
		Round:      promotions.Round(rapid.IntRange(0, 1).Draw(t, "round")),                                                                                     //nolint:gosec // 0 or 1
		Allocation: money.Split(rapid.IntRange(0, 4).Draw(t, "split")),                                                                                          //nolint:gosec // 0 to 4
		Refused:    promotions.Refused(rapid.IntRange(0, 1).Draw(t, "refused")),                                                                                 //nolint:gosec // 0 or 1
		OverBudget: promotions.OverBudget(rapid.IntRange(0, 1).Draw(t, "over")),                                                                                 //nolint:gosec // 0 or 1
	}
	modes := []promotions.Stage{
		{Name: "s", MaxPerLine: rapid.IntRange(0, 2).Draw(t, "per line")},
		{Name: "f", Mode: promotions.First},
		{Name: "b", Mode: promotions.Best},
		{Name: "l", Mode: promotions.Best, By: promotions.ByLine},
		{Name: "w", Mode: promotions.Lowest, By: promotions.ByLine},
	}
	d.set.Stages = rapid.Permutation(modes).Draw(t, "stages")
	for i := range rapid.IntRange(1, 7).Draw(t, "promotions") {
		d.set.Promotions = append(d.set.Promotions, drawPromotion(t, i))
		if rapid.Bool().Draw(t, "budget") {
			p := &d.set.Promotions[i]
			p.Limits.Budget = decimal.New(50, 0)
			d.opt.Left["promotion/"+p.ID+"/budget"] = promotions.Left{Amount: usd(rapid.Int64Range(0, 3000).Draw(t, "left"))}
		}
	}
	d.cart = drawCart(t)
	return d
}

func drawPromotion(t *rapid.T, i int) promotions.Promotion {
	p := promotions.Promotion{
		ID: fmt.Sprintf("p%d", i), Priority: rapid.IntRange(0, 3).Draw(t, "priority"), Currency: money.MustISO("USD"),
		Stage: rapid.SampledFrom([]string{"s", "s", "f", "b", "l", "w"}).Draw(t, "stage"),
	}
	if c := rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(t, "where"); c != "" {
		p.Where = &promotions.Condition{Field: "line.categories", Op: "any", Value: []string{c}}
	}
	if rapid.IntRange(0, 3).Draw(t, "when") == 0 {
		op := rapid.SampledFrom([]string{">=", "<", ">"}).Draw(t, "op")
		p.When = &promotions.Condition{Field: "cart.subtotal_now", Op: op, Value: "20"}
	}
	p.Stack.Group = rapid.SampledFrom([]string{"", "", "g"}).Draw(t, "group")
	p.Stack.Tags = rapid.SampledFrom([][]string{nil, nil, {"t"}}).Draw(t, "tags")
	p.Stack.CombinesTags = rapid.SampledFrom([][]string{nil, {"t"}}).Draw(t, "combines")
	byLine := p.Stage == "l" || p.Stage == "w"
	switch kind := rapid.IntRange(0, 6).Draw(t, "effect"); {
	case kind == 0 && !byLine:
		p.Effect = &promotions.BuyGet{
			Buy: promotions.Need{Quantity: rapid.Int64Range(1, 3).Draw(t, "buy")}, Get: promotions.Need{Quantity: rapid.Int64Range(1, 2).Draw(t, "get")},
			Value: drawValue(t), Pick: promotions.Pick(rapid.IntRange(0, 1).Draw(t, "pick")), //nolint:gosec // 0 or 1
			Pairing: promotions.Pairing(rapid.IntRange(0, 1).Draw(t, "pairing")), //nolint:gosec // 0 or 1
		}
	case kind == 1 && !byLine:
		p.Effect = &promotions.Bundle{Parts: []promotions.Need{{Quantity: rapid.Int64Range(1, 3).Draw(t, "part")}, {Quantity: 1}}, Value: drawValue(t)}
	case kind == 2:
		p.Effect, p.Where = &promotions.FreeGift{Product: "gift", Quantity: 2}, nil
	default:
		p.Effect = drawDiscount(t)
		p.Target = promotions.Target(rapid.IntRange(0, 2).Draw(t, "target")) //nolint:gosec // 0 to 2
		p.Base = promotions.Base(rapid.IntRange(0, 1).Draw(t, "base"))       //nolint:gosec // 0 or 1
	}
	return p
}

func drawValue(t *rapid.T) promotions.Value {
	v := promotions.Value{Kind: promotions.DiscountKind(rapid.IntRange(0, 2).Draw(t, "kind"))} //nolint:gosec // 0 to 2
	v.Value = decimal.New(rapid.Int64Range(0, 100).Draw(t, "value"), 0)
	if v.Kind != promotions.Percent {
		v.Value = decimal.New(rapid.Int64Range(0, 2500).Draw(t, "money"), -2)
	}
	return v
}

func drawDiscount(t *rapid.T) *promotions.Discount {
	v := drawValue(t)
	d := &promotions.Discount{Kind: v.Kind, Per: promotions.Per(rapid.IntRange(0, 2).Draw(t, "per"))} //nolint:gosec // 0 to 2
	if rapid.Bool().Draw(t, "cap") {
		d.Cap = decimal.NewNullDecimal(decimal.New(rapid.Int64Range(0, 1500).Draw(t, "cap value"), -2))
	}
	if d.Per == promotions.PerUnit {
		if rapid.Bool().Draw(t, "groups") {
			d.Group = rapid.Int64Range(1, 3).Draw(t, "group size")
			d.Pick = promotions.Pick(rapid.IntRange(0, 2).Draw(t, "pick")) //nolint:gosec // 0 to 2
		} else {
			d.MaxUnits = rapid.Int64Range(0, 3).Draw(t, "max units")
		}
	}
	if rapid.Bool().Draw(t, "tiered") {
		d.TierBy = promotions.TierBy(rapid.IntRange(0, 1).Draw(t, "tier by")) //nolint:gosec // 0 or 1
		d.Graduated = d.Per == promotions.PerUnit && d.Group == 0 && d.TierBy == promotions.TierByQuantity && rapid.Bool().Draw(t, "graduated")
		d.Tiers = []promotions.Tier{{From: decimal.New(1, 0), Value: v.Value}, {From: decimal.New(3, 0), Value: v.Value.Div(decimal.New(2, 0)).Truncate(2)}}
	} else {
		d.Value = decimal.NewNullDecimal(v.Value)
	}
	return d
}

func drawCart(t *rapid.T) promotions.Cart {
	c := promotions.Cart{Currency: money.MustISO("USD"), PricesIncludeTax: rapid.Bool().Draw(t, "inclusive")}
	rate := rapid.SampledFrom([]int64{0, 7, 19})
	for i := range rapid.IntRange(0, 4).Draw(t, "lines") {
		l := promotions.Line{
			ID: fmt.Sprintf("l%d", i), Price: usd(rapid.Int64Range(0, 3000).Draw(t, "price")), Quantity: rapid.Int64Range(1, 5).Draw(t, "qty"),
			Categories: rapid.SampledFrom([][]string{nil, {"x"}, {"x", "y"}}).Draw(t, "categories"), TaxRate: decimal.New(rate.Draw(t, "rate"), 0),
			Gift: rapid.SampledFrom([]string{"", "", "p0", "p1"}).Draw(t, "gift"),
		}
		if rapid.Bool().Draw(t, "floored") {
			l.Floor = usd(rapid.Int64Range(0, 3000).Draw(t, "floor"))
		}
		if rapid.IntRange(0, 3).Draw(t, "priced per line") == 0 {
			l.Total = usd(rapid.Int64Range(0, 9000).Draw(t, "total"))
		}
		c.Lines = append(c.Lines, l)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "charges") {
		c.Shipping = append(c.Shipping, promotions.Charge{ID: fmt.Sprintf("s%d", i), Price: usd(rapid.Int64Range(0, 900).Draw(t, "charge")), TaxRate: decimal.New(rate.Draw(t, "rate"), 0)})
	}
	return c
}

func (d *deal) evaluate(t *rapid.T) promotions.Result {
	s, err := promotions.Compile(d.set, promotions.CompileConfig{})
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	r, err := s.Evaluate(d.cart, d.opt)
	if err != nil {
		t.Fatalf("evaluate: %v", err)
	}
	return r
}

func units(a money.Amount) int64 {
	n, _ := a.Minor()
	return n
}

// Invariant: promotions P1.
func TestEverythingShownAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeal(t)
		r := d.evaluate(t)
		taken, applied := taken(t, r)
		var before, after int64
		for i, l := range r.Lines {
			in := &d.cart.Lines[i]
			total := units(in.Price) * in.Quantity
			if in.Total != (money.Amount{}) {
				total = units(in.Total)
			}
			if units(l.Before) != total || units(l.After)+taken[l.ID] != total || units(l.Discount) != taken[l.ID] {
				t.Fatalf("line %s of %d: %+v, shares %d", l.ID, total, l, taken[l.ID])
			}
			checkRuns(t, l, in.Quantity)
			before, after = before+total, after+units(l.After)
		}
		for i, s := range r.Shipping {
			price := units(d.cart.Shipping[i].Price)
			if units(s.Before) != price || units(s.After)+taken[s.ID] != price {
				t.Fatalf("charge %s of %d: %+v, shares %d", s.ID, price, s, taken[s.ID])
			}
			before, after = before+price, after+units(s.After)
		}
		if units(r.Subtotal) != before || units(r.Total) != after || units(r.Discount) != applied || before-after != applied {
			t.Fatalf("%v - %v = %v of %d, %d, %d", r.Subtotal, r.Discount, r.Total, before, applied, after)
		}
	})
}

// taken is what the shares take by target, and together; they sum to their applications.
func taken(t *rapid.T, r promotions.Result) (byTarget map[string]int64, sum int64) {
	byTarget = map[string]int64{}
	for _, a := range r.Applied {
		var shares int64
		for _, s := range a.Shares {
			if s.Amount.Sign() <= 0 {
				t.Fatalf("%s: share %+v", a.Promotion, s)
			}
			byTarget[s.Target] += units(s.Amount)
			shares += units(s.Amount)
		}
		if shares != units(a.Amount) || shares == 0 {
			t.Fatalf("%s: shares sum to %d of %v", a.Promotion, shares, a.Amount)
		}
		sum += shares
	}
	return byTarget, sum
}

// checkRuns checks that runs cover a line and sum to it.
func checkRuns(t *rapid.T, l promotions.LineResult, quantity int64) {
	var at, before, after int64
	for _, run := range l.Runs {
		if run.From != at || run.To <= run.From {
			t.Fatalf("line %s: runs %+v", l.ID, l.Runs)
		}
		at, before, after = run.To, before+units(run.Before), after+units(run.After)
	}
	if at != quantity || before != units(l.Before) || after != units(l.After) {
		t.Fatalf("line %s of %d units, %v to %v: runs %+v", l.ID, quantity, l.Before, l.After, l.Runs)
	}
}

// Invariant: promotions P2.
func TestNothingGoesBelowItsFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeal(t)
		r := d.evaluate(t)
		taken(t, r) // no share is negative
		for i, l := range r.Lines {
			floor := units(d.cart.Lines[i].Floor)
			for _, run := range l.Runs {
				if least := min(units(run.Before), floor*(run.To-run.From)); units(run.After) < least {
					t.Fatalf("line %s: %+v is below %d", l.ID, run, least)
				}
			}
		}
		for _, s := range r.Shipping {
			if s.After.Sign() < 0 {
				t.Fatalf("charge %+v", s)
			}
		}
	})
}

// Invariant: promotions P3.
func TestUnitsOfAShareSumToTheLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeal(t)
		r := d.evaluate(t)
		for _, l := range r.Lines {
			n := l.Runs[len(l.Runs)-1].To
			cut := rapid.Int64Range(0, n).Draw(t, "cut")
			var sum int64
			for i := range r.Applied {
				for _, part := range [][2]int64{{0, cut}, {cut, n}} {
					amount, err := r.Applied[i].OnLine(l, part[0], part[1])
					if err != nil {
						t.Fatal(err)
					}
					sum += units(amount)
				}
			}
			if sum != units(l.Discount) {
				t.Fatalf("line %s: parts at %d of %d sum to %d, not %v", l.ID, cut, n, sum, l.Discount)
			}
		}
	})
}

// Invariant: promotions P4.
func TestSameInputSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeal(t)
		s, err := promotions.Compile(d.set, promotions.CompileConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var texts [3]string
		var r promotions.Result
		for i := range texts {
			if i == 2 { // in the memory, and on the machine, of another cart
				other := drawDeal(t)
				if err := s.EvaluateInto(other.cart, other.opt, &r); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.EvaluateInto(d.cart, d.opt, &r); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			texts[i] = string(text)
		}
		if texts[0] != texts[1] || texts[0] != texts[2] {
			t.Fatalf("three results: %s", cmp.Diff(texts[0], texts[2]))
		}
	})
}

// Invariant: promotions P5.
func TestWritingAResultTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeal(t)
		r := d.evaluate(t)
		order := map[string]money.Amount{}
		write := func() {
			for _, l := range r.Lines {
				order[l.ID] = l.After
			}
			for _, s := range r.Shipping {
				order[s.ID] = s.After
			}
		}
		write()
		write()
		var total money.Sum
		for _, a := range order {
			total.Add(a)
		}
		if got, err := total.Amount(); err != nil || units(got) != units(r.Total) {
			t.Fatalf("written twice: %v, %v, want %v", got, err, r.Total)
		}
		d.cart.At = d.cart.At.AddDate(1, 0, 0)
		if again := d.evaluate(t); again.Fingerprint != r.Fingerprint || again.Total != r.Total {
			t.Fatal("another time is another fingerprint")
		}
	})
}

// The index names every promotion that can fire: to look at all changes nothing.
func TestIndexMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeal(t)
		for i := range d.set.Promotions {
			if p := &d.set.Promotions[i]; p.When == nil && rapid.Bool().Draw(t, "keyed") {
				p.When = &promotions.Condition{All: []promotions.Condition{
					{Field: "customer.segments", Op: "any", Value: []string{rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "segment")}},
					{Field: "cart.attr.site", Op: "=", Value: "main"},
				}}
			}
		}
		d.cart.Customer = &promotions.Customer{Segments: []string{"s1"}}
		d.cart.Attributes = map[string]string{"site": rapid.SampledFrom([]string{"main", "other"}).Draw(t, "site")}
		all := d.evaluate(t)
		for _, scope := range []promotions.Scope{promotions.Candidates, promotions.None} {
			d.opt.WhyNot = scope
			r := d.evaluate(t)
			if diff := cmp.Diff(all.Applied, r.Applied, cmp.Comparer(func(a, b money.Amount) bool { return a == b })); diff != "" {
				t.Fatalf("scope %d (-all +got):\n%s", scope, diff)
			}
		}
	})
}

// Invariant: promotions P7.
func TestQuantitiesCostNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeal(t)
		for i := range d.cart.Lines {
			l := &d.cart.Lines[i]
			l.Price, l.Total = usd(units(l.Price)%1000), money.Amount{}
			l.Quantity *= 1_000_000_000
		}
		const cuts = 6 // of a promotion in one line
		for _, l := range d.evaluate(t).Lines {
			if most := 1 + cuts*len(d.set.Promotions); len(l.Runs) > most {
				t.Fatalf("line %s has %d runs, more than %d", l.ID, len(l.Runs), most)
			}
		}
	})
}

// Invariant: promotions P8.
func TestTaxOfSharesIsWhatTheLineLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDeal(t)
		r := d.evaluate(t)
		empty := deal{set: promotions.Set{Policy: d.set.Policy}, cart: d.cart}
		before := empty.evaluate(t)
		lost := map[string][2]int64{}
		for _, a := range r.Applied {
			for _, s := range a.Shares {
				sum := lost[s.Target]
				lost[s.Target] = [2]int64{sum[0] + units(s.Net), sum[1] + units(s.Tax)}
			}
		}
		check := func(id string, after, net, tax, gross, netBefore, taxBefore money.Amount) {
			if units(net)+units(tax) != units(gross) {
				t.Fatalf("%s: %v + %v is not %v", id, net, tax, gross)
			}
			if priced := map[bool]money.Amount{true: gross, false: net}[d.cart.PricesIncludeTax]; priced != after {
				t.Fatalf("%s: %v is not what it costs, %v", id, priced, after)
			}
			if want := [2]int64{units(netBefore) - units(net), units(taxBefore) - units(tax)}; lost[id] != want {
				t.Fatalf("%s: shares have %v of net and tax, the line lost %v", id, lost[id], want)
			}
		}
		for i, l := range r.Lines {
			check(l.ID, l.After, l.Net, l.Tax, l.Gross, before.Lines[i].Net, before.Lines[i].Tax)
		}
		for i, s := range r.Shipping {
			check(s.ID, s.After, s.Net, s.Tax, s.Gross, before.Shipping[i].Net, before.Shipping[i].Tax)
		}
		if units(r.Net)+units(r.Tax) != units(r.Gross) {
			t.Fatalf("%v + %v is not %v", r.Net, r.Tax, r.Gross)
		}
	})
}
