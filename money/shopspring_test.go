package money_test

import (
	"errors"
	"math"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

// These tests are the traps of package decimal: each would change an amount if money fell into it.
// They change its globals, so none is parallel.

func TestDivisionPrecisionDoesNotReachAnAmount(t *testing.T) {
	before := decimal.DivisionPrecision
	t.Cleanup(func() { decimal.DivisionPrecision = before })
	decimal.DivisionPrecision = 1

	eur := iso(t, "EUR")
	big := money.New(math.MaxInt64, eur) // past the integers, so that decimal does the division
	third, err := big.MulDiv(math.MaxInt64/3, math.MaxInt64-2, money.Rounding{})
	if err != nil {
		t.Fatal(err)
	}
	if want := money.New(3074457345618258603, eur); third != want {
		t.Errorf("a third is %s, want %s", third, want)
	}
	net, tax, err := money.ExtractTax(big, decimal.RequireFromString("19.0000000000000001"), money.Rounding{})
	if err != nil {
		t.Fatal(err)
	}
	if want := money.New(7750732804079643529, eur); net != want || mustSub(t, big, tax) != net {
		t.Errorf("net %s, want %s", net, want)
	}
}

func TestTrimTrailingZerosDoesNotReachAText(t *testing.T) {
	before := decimal.TrimTrailingZeros
	t.Cleanup(func() { decimal.TrimTrailingZeros = before })
	for _, trim := range []bool{true, false} {
		decimal.TrimTrailingZeros = trim
		if got := money.New(200, iso(t, "EUR")).Text(); got != "2.00" {
			t.Errorf("TrimTrailingZeros %t: %q", trim, got)
		}
	}
}

func TestCashTakesEveryIncrement(t *testing.T) {
	huf := iso(t, "HUF")
	for increment, want := range map[int64]string{1: "1234.57", 3: "1234.56", 7: "1234.59", 20: "1234.60", 500: "1235.00", 1_000_000: "0.00"} {
		got, err := parse(t, "1234.567", huf).Round(money.Rounding{Mode: money.HalfUp, Increment: increment})
		if err != nil || got != parse(t, want, huf) {
			t.Errorf("increment %d: %s, %v, want %s", increment, got, err, want)
		}
	}
}

// Arithmetic on one of these would not end while the test waits for it.
func TestHugeExponentsAreRefusedAtOnce(t *testing.T) {
	eur := iso(t, "EUR")
	a, r := money.New(100, eur), money.Rounding{}
	for _, exponent := range []int32{19, -19, 1e9, -1e9, math.MaxInt32, math.MinInt32} {
		for _, coef := range []int64{0, 1, -1} {
			d := decimal.New(coef, exponent)
			for name, refused := range map[string]func() error{
				"FromDecimal": func() error { _, err := money.FromDecimal(d, eur); return err },
				"Mul":         func() error { _, err := a.Mul(d, r); return err },
				"Percent":     func() error { _, err := a.Percent(d, r); return err },
				"Mul of zero": func() error { _, err := money.Amount{}.Mul(d, r); return err },
				"ExtractTax":  func() error { _, _, err := money.ExtractTax(a, d, r); return err },
				"AddTax":      func() error { _, _, err := money.AddTax(a, d, r); return err },
			} {
				if err := refused(); !errors.Is(err, money.ErrRange) {
					t.Errorf("%s with %de%d: %v, want ErrRange", name, coef, exponent, err)
				}
			}
		}
	}
}

func TestCoefficientsPastAnInt64DoNotWrap(t *testing.T) {
	eur := iso(t, "EUR")
	wrapped := decimal.RequireFromString("18446744073709551631") // 2^64 + 15
	if wrapped.CoefficientInt64() != 15 {
		t.Skip("CoefficientInt64 no longer wraps")
	}
	a := money.New(10_000, eur)
	for name, got := range map[string]result{
		"Mul": ok(a.Mul(wrapped, money.Rounding{})), "Percent": ok(a.Percent(wrapped, money.Rounding{})), "FromDecimal": ok(money.FromDecimal(wrapped, eur)),
	} {
		if got != (result{}) {
			t.Errorf("%s = %+v, want an error", name, got)
		}
	}
	small := wrapped.Shift(-18) // 18.446744073709551631
	got, err := a.Percent(small, money.Rounding{Mode: money.HalfUp})
	if err != nil || got != money.New(1845, eur) {
		t.Errorf("Percent = %s, %v, want 18.45 EUR", got, err)
	}
}

func TestManyDigitsCostBoundedWork(t *testing.T) {
	eur := iso(t, "EUR")
	long := decimal.New(10, 0).Pow(decimal.New(100_000, 0)).Add(decimal.New(1, 0)) // 100,001 digits
	if _, err := money.FromDecimal(long, eur); !errors.Is(err, money.ErrRange) || len(err.Error()) > 200 {
		t.Errorf("FromDecimal: %v, want ErrRange", err)
	}
	if _, err := money.New(1, eur).Mul(long, money.Rounding{}); !errors.Is(err, money.ErrRange) || len(err.Error()) > 200 {
		t.Errorf("Mul: %v, want ErrRange", err)
	}
}
