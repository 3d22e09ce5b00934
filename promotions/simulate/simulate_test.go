package simulate_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/simulate"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func compile(t *testing.T, text string) *promotions.Snapshot {
	t.Helper()
	set, err := promotions.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	tenPercent = `{"promotions": [{"id": "sale", "effect": {"kind": "percent", "value": "10"}}]}`
	fifteen    = `{"promotions": [{"id": "sale", "effect": {"kind": "percent", "value": "15"}},
		{"id": "post", "target": "shipping", "when": {"field": "cart.subtotal", "op": ">=", "value": "50"}, "effect": {"kind": "percent", "value": "100"}}]}`
)

// cart has one line of a price, and shipping of 5.00.
func cart(minor int64, c money.Currency) promotions.Cart {
	return promotions.Cart{
		Currency: c, Lines: []promotions.Line{{ID: "a", Price: money.New(minor, c), Quantity: 1}},
		Shipping: []promotions.Charge{{ID: "s", Price: money.New(500, c)}},
	}
}

// stream has n carts of 1.00, 2.00 and so on, and every tenth one has an error.
func stream(n int) iter.Seq2[promotions.Cart, error] {
	return func(yield func(promotions.Cart, error) bool) {
		for i := range n {
			var err error
			if i%10 == 9 {
				err = fmt.Errorf("cart %d: torn", i)
			}
			if !yield(cart(int64(i+1)*100, money.MustISO("EUR")), err) {
				return
			}
		}
	}
}

func TestSumsAreThoseOfEachCartAlone(t *testing.T) {
	t.Parallel()
	before, after := compile(t, tenPercent), compile(t, fifteen)
	diff, err := simulate.Run(before, after, stream(100), simulate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := sumOneByOne(t, before, after)
	same := cmp.Comparer(func(a, b money.Amount) bool { return a == b })
	sameCurrency := cmp.Comparer(func(a, b money.Currency) bool { return a == b })
	if d := cmp.Diff([]simulate.Sum{want}, diff.Sums, same, sameCurrency); d != "" {
		t.Errorf("sums (-want +got):\n%s", d)
	}
	if diff.Carts != 100 || diff.FailedCarts != 10 || len(diff.Failed) != 10 || diff.Failed[0].Cart != 9 {
		t.Errorf("%d carts, %d failed: %v", diff.Carts, diff.FailedCarts, diff.Failed)
	}
	if len(diff.Largest) != 20 || diff.Largest[0].Cart != 98 || diff.Largest[1].Cart != 97 {
		t.Errorf("largest changes: %+v", diff.Largest)
	}
	var fromFired money.Sum
	for _, f := range diff.Fired {
		fromFired.Add(f.NewTaken)
	}
	if got, err := fromFired.Amount(); err != nil || got != want.NewDiscount {
		t.Errorf("what fired took %v (%v), the discount is %v", got, err, want.NewDiscount)
	}
}

// sumOneByOne is what the sums of a stream of a hundred must be.
func sumOneByOne(t *testing.T, before, after *promotions.Snapshot) simulate.Sum {
	t.Helper()
	want := simulate.Sum{Currency: money.MustISO("EUR")}
	var subtotal, oldOff, newOff, oldTotal, newTotal money.Sum
	for c, broken := range stream(100) {
		if broken != nil {
			continue
		}
		was, err := before.Evaluate(c, promotions.Options{})
		if err != nil {
			t.Fatal(err)
		}
		is, err := after.Evaluate(c, promotions.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want.Carts++
		if was.Discount != is.Discount {
			want.Changed++
		}
		subtotal.Add(was.Subtotal)
		oldOff.Add(was.Discount)
		newOff.Add(is.Discount)
		oldTotal.Add(was.Total)
		newTotal.Add(is.Total)
	}
	for to, from := range map[*money.Amount]*money.Sum{
		&want.Subtotal: &subtotal, &want.OldDiscount: &oldOff, &want.NewDiscount: &newOff, &want.OldTotal: &oldTotal, &want.NewTotal: &newTotal,
	} {
		a, err := from.Amount()
		if err != nil {
			t.Fatal(err)
		}
		*to = a
	}
	return want
}

func TestLimitsRunDownInTheOrderOfTheStream(t *testing.T) {
	t.Parallel()
	capped := compile(t, `{"promotions": [{"id": "sale", "currency": "EUR", "limits": {"budget": "1.00", "uses": 3}, "effect": {"kind": "percent", "value": "10"}}]}`)
	free := compile(t, tenPercent)
	diff, err := simulate.Run(free, capped, stream(9), simulate.Config{Limits: true})
	if err != nil {
		t.Fatal(err)
	}
	// 0.10, 0.20 and 0.30 of lines of 1.00 to 3.00, then the uses are gone.
	if got := diff.Fired[0]; got.NewTimes != 3 || got.NewTaken.Text() != "0.60" || got.OldTimes != 9 {
		t.Errorf("with limits: %+v", got)
	}
	diff, err = simulate.Run(free, capped, stream(9), simulate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := diff.Fired[0]; got.NewTimes != 9 {
		t.Errorf("without limits: %+v", got)
	}
}

func TestABudgetIsKeptWithinOneCart(t *testing.T) {
	t.Parallel()
	capped := compile(t, `{"promotions": [{"id": "sale", "currency": "EUR", "limits": {"budget": "1.00"}, "effect": {"kind": "percent", "value": "10"}}]}`)
	carts := func(yield func(promotions.Cart, error) bool) {
		_ = yield(cart(5000, money.MustISO("EUR")), nil) && yield(cart(6000, money.MustISO("EUR")), nil)
	}
	diff, err := simulate.Run(capped, capped, carts, simulate.Config{Limits: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := diff.Fired[0]; got.NewTaken.Text() != "1.00" || got.NewTimes != 1 {
		t.Errorf("a budget of 1.00 gave %+v", got)
	}
}

func TestCurrenciesAreSummedApart(t *testing.T) {
	t.Parallel()
	carts := func(yield func(promotions.Cart, error) bool) {
		_ = yield(cart(1000, money.MustISO("EUR")), nil) && yield(cart(1000, money.MustISO("JPY")), nil)
	}
	diff, err := simulate.Run(compile(t, tenPercent), compile(t, fifteen), carts, simulate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if len(diff.Sums) != 2 || diff.Sums[0].NewDiscount.String() != "1.50 EUR" || diff.Sums[1].NewDiscount.String() != "650 JPY" {
		t.Errorf("sums: %+v", diff.Sums)
	}
}

func TestACartThatIsRefusedIsNamed(t *testing.T) {
	t.Parallel()
	carts := func(yield func(promotions.Cart, error) bool) {
		_ = yield(cart(-1, money.MustISO("EUR")), nil) && yield(cart(100, money.MustISO("EUR")), nil)
	}
	diff, err := simulate.Run(compile(t, tenPercent), compile(t, fifteen), carts, simulate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff.FailedCarts != 1 || diff.Failed[0].Cart != 0 || !errors.Is(diff.Failed[0].Err, promotions.ErrInvalid) || diff.Sums[0].Carts != 1 {
		t.Errorf("%+v", diff)
	}
}

func TestBadArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	s := compile(t, tenPercent)
	left := promotions.Options{Left: map[string]promotions.Left{"promotion/sale/uses": {}}}
	for name, try := range map[string]func() (simulate.Diff, error){
		"no old set": func() (simulate.Diff, error) { return simulate.Run(nil, s, stream(1), simulate.Config{}) },
		"no new set": func() (simulate.Diff, error) { return simulate.Run(s, nil, stream(1), simulate.Config{}) },
		"no carts":   func() (simulate.Diff, error) { return simulate.Run(s, s, nil, simulate.Config{}) },
		"left twice": func() (simulate.Diff, error) {
			return simulate.Run(s, s, stream(1), simulate.Config{Limits: true, Options: left})
		},
	} {
		if _, err := try(); !errors.Is(err, promotions.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

func TestMemoryDoesNotGrowWithTheCarts(t *testing.T) {
	before, after := compile(t, tenPercent), compile(t, fifteen)
	heap := func(n int) uint64 {
		diff, err := simulate.Run(before, after, stream(n), simulate.Config{})
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		runtime.KeepAlive(diff)
		return m.HeapAlloc
	}
	few, many := heap(1_000), heap(20_000)
	if many > few+1<<20 {
		t.Errorf("%d bytes after 1,000 carts, %d after 20,000", few, many)
	}
}

func TestTextIsGolden(t *testing.T) {
	t.Parallel()
	diff, err := simulate.Run(compile(t, tenPercent), compile(t, fifteen), stream(60), simulate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := diff.Text(&got); err != nil {
		t.Fatal(err)
	}
	got.WriteString("\nlargest, before:\n" + diff.Largest[0].OldWhy + "\nafter:\n" + diff.Largest[0].NewWhy)
	golden := filepath.Join("testdata", "diff.txt")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("%s (-want +got):\n%s", golden, d)
	}
}
