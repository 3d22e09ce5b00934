package promotions_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// A cartCase is a case of a third party: what one of their systems takes off a cart.
type cartCase struct {
	Rules, Cart json.RawMessage
	Available   map[string]string
	Want        want
}

// want names what is compared: of a map, the keys that it has.
type want struct {
	Total, Discount, Net, Gross        *string
	Lines, Shipping, Applied, Rejected map[string]string
	LineTotals                         map[string]string `json:"line_totals"`
	GrossLines                         map[string]string `json:"gross_lines"`
	Units                              map[string][]string
	Optimal                            *bool
}

// An evaluator answers a case.
type evaluator func(set promotions.Set, cart promotions.Cart, opt promotions.Options) (promotions.Result, error)

func evaluateByEngine(set promotions.Set, cart promotions.Cart, opt promotions.Options) (promotions.Result, error) {
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		return promotions.Result{}, err
	}
	return s.Evaluate(cart, opt)
}

// ledgerCases are the file that holds scripts against a ledger, and not carts.
const ledgerCases = "ledger.json"

func TestThirdPartyCarts(t *testing.T) { runCarts(t, evaluateByEngine) }

func runCarts(t *testing.T, evaluate evaluator) {
	t.Helper()
	ours := func(name string) bool { return name != ledgerCases }
	casetest.RunIf(t, "promotions", ours, func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var cc cartCase
		c.Decode(t, &cc)
		set, err := promotions.Parse(strings.NewReader(string(cc.Rules)))
		if err != nil {
			t.Fatal(err)
		}
		cart, err := promotions.ParseCart(strings.NewReader(string(cc.Cart)))
		if err != nil {
			t.Fatal(err)
		}
		result, err := evaluate(set, cart, promotions.Options{WhyNot: promotions.All, Left: leftOf(t, cc.Available, cart.Currency)})
		if err != nil {
			t.Fatal(err)
		}
		checkWant(t, cc.Want, result)
		return true
	})
}

// leftOf are what is left by account, money where a budget is.
func leftOf(t *testing.T, available map[string]string, c money.Currency) map[string]promotions.Left {
	t.Helper()
	left := make(map[string]promotions.Left, len(available))
	for account, text := range available {
		if strings.HasSuffix(account, "/budget") {
			amount, err := money.Parse(text, c)
			if err != nil {
				t.Fatal(err)
			}
			left[account] = promotions.Left{Amount: amount}
			continue
		}
		uses, err := decimal.NewFromString(text)
		if err != nil {
			t.Fatal(err)
		}
		left[account] = promotions.Left{Uses: uses.IntPart()}
	}
	return left
}

// checkWant compares what a case names, each number as written.
func checkWant(t *testing.T, w want, r promotions.Result) {
	t.Helper()
	for _, f := range []struct {
		name string
		want *string
		got  money.Amount
	}{{"total", w.Total, r.Total}, {"discount", w.Discount, r.Discount}, {"net", w.Net, r.Net}, {"gross", w.Gross, r.Gross}} {
		if f.want != nil && f.got.Text() != *f.want {
			t.Errorf("%s = %s, want %s", f.name, f.got.Text(), *f.want)
		}
	}
	got := map[string]map[string]string{"lines": {}, "shipping": {}, "line_totals": {}, "gross_lines": {}, "applied": {}, "rejected": {}}
	for _, l := range r.Lines {
		got["lines"][l.ID], got["line_totals"][l.ID], got["gross_lines"][l.ID] = l.Discount.Text(), l.After.Text(), l.Gross.Text()
	}
	for _, s := range r.Shipping {
		got["shipping"][s.ID] = s.Discount.Text()
	}
	for _, a := range r.Applied {
		got["applied"][a.Promotion] = a.Amount.Text()
	}
	for _, rejection := range r.Rejected {
		got["rejected"][rejection.Promotion] = string(rejection.Reason)
	}
	for name, named := range map[string]map[string]string{
		"lines": w.Lines, "shipping": w.Shipping, "line_totals": w.LineTotals,
		"gross_lines": w.GrossLines, "applied": w.Applied, "rejected": w.Rejected,
	} {
		for id, text := range named {
			if got[name][id] != text {
				t.Errorf("%s of %s = %q, want %q", name, id, got[name][id], text)
			}
		}
	}
	for id, units := range w.Units {
		if diff := cmp.Diff(units, unitsOf(t, r, id)); diff != "" {
			t.Errorf("units of %s (-want +got):\n%s", id, diff)
		}
	}
	if w.Optimal != nil && r.Optimal != *w.Optimal {
		t.Errorf("optimal = %t, want %t", r.Optimal, *w.Optimal)
	}
}

// unitsOf is what each unit of a line is given by its runs, in descending order.
func unitsOf(t *testing.T, r promotions.Result, id string) []string {
	t.Helper()
	var discounts []money.Amount
	for _, l := range r.Lines {
		if l.ID != id {
			continue
		}
		for _, run := range l.Runs {
			for k := range run.To - run.From {
				discounts = append(discounts, unitDiscount(t, run, k))
			}
		}
	}
	slices.SortFunc(discounts, func(a, b money.Amount) int {
		order, err := b.Cmp(a)
		if err != nil {
			t.Fatal(err)
		}
		return order
	})
	texts := make([]string, len(discounts))
	for i, d := range discounts {
		texts[i] = d.Text()
	}
	return texts
}

// unitDiscount is what the unit k of a run is given.
func unitDiscount(t *testing.T, run promotions.Run, k int64) money.Amount {
	t.Helper()
	off, err := run.Before.Sub(run.After)
	if err != nil {
		t.Fatal(err)
	}
	unit, err := money.Quota(off, run.To-run.From, k, k+1)
	if err != nil {
		t.Fatal(err)
	}
	return unit
}
