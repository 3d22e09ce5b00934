package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"pgregory.net/rapid"
)

// iso is money.ISO for a code that is known to be there.
func iso(t rapid.TB, code string) money.Currency {
	t.Helper()
	c, err := money.ISO(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// own is money.NewCurrency for a currency that is known to be legal.
func own(t rapid.TB, code string, digits int) money.Currency {
	t.Helper()
	c, err := money.NewCurrency(code, digits)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// parse is money.Parse for a text that is known to be an amount.
func parse(t rapid.TB, text string, c money.Currency) money.Amount {
	t.Helper()
	a, err := money.Parse(text, c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// unscaled is money.FromUnscaled for a value that is known to be representable.
func unscaled(t rapid.TB, coef int64, scale int, c money.Currency) money.Amount {
	t.Helper()
	a, err := money.FromUnscaled(coef, scale, c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// splits returns all five.
func splits() []money.Split {
	return []money.Split{money.LargestRemainder, money.FirstLines, money.NearestFirst, money.LastLine, money.Cascade}
}

// exactly compares amounts and currencies with ==.
func exactly() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b money.Amount) bool { return a == b }),
		cmp.Comparer(func(a, b money.Currency) bool { return a == b }),
	}
}

// rat is the value of an amount: the oracle of every property.
func rat(a money.Amount) *big.Rat {
	coef, scale := a.Unscaled()
	return new(big.Rat).SetFrac(big.NewInt(coef), tenTo(scale))
}

// tenTo is 10^n.
func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// representable returns the amount that has the value r, and whether there is one: the oracle's
// answer to what is ErrRange.
func representable(t rapid.TB, r *big.Rat, c money.Currency) (money.Amount, bool) {
	t.Helper()
	for scale := c.Digits(); scale <= 18; scale++ {
		coef := new(big.Rat).Mul(r, new(big.Rat).SetInt(tenTo(scale)))
		if coef.IsInt() {
			n := coef.Num()
			if !n.IsInt64() || n.Int64() == math.MinInt64 {
				return money.Amount{}, false
			}
			return unscaled(t, n.Int64(), scale, c), true
		}
	}
	return money.Amount{}, false
}

// wantExact fails unless got, err is what the oracle says of the exact value r of c.
func wantExact(t rapid.TB, what string, r *big.Rat, c money.Currency, got money.Amount, err error) {
	t.Helper()
	want, ok := representable(t, r, c)
	switch {
	case !ok && !errors.Is(err, money.ErrRange):
		t.Fatalf("%s = %s, %v, want ErrRange", what, got, err)
	case !ok && got != money.Amount{}:
		t.Fatalf("%s is an error with an amount, %s", what, got)
	case ok && err != nil:
		t.Fatalf("%s: %v, want %s", what, err, want)
	case ok && got != want:
		t.Fatalf("%s = %s, want %s", what, got, want)
	}
}

// roundRat is r rounded, in rationals and by the definition of each mode.
func roundRat(r *big.Rat, c money.Currency, by money.Rounding) *big.Rat {
	unit := new(big.Rat).SetFrac(big.NewInt(max(by.Increment, 1)), tenTo(c.Digits()+int(by.Extra)))
	x := new(big.Rat).Quo(r, unit)
	floor := new(big.Int).Div(x.Num(), x.Denom()) // Euclidean, and so the floor
	above := new(big.Rat).Sub(x, new(big.Rat).SetInt(floor))
	n := floor
	if above.Sign() != 0 && toCeiling(by.Mode, r.Sign(), floor.Bit(0) == 1, above.Cmp(big.NewRat(1, 2))) {
		n = new(big.Int).Add(floor, big.NewInt(1))
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(n), unit)
}

// toCeiling says whether a value between two integers goes to the upper one.
func toCeiling(m money.Mode, sign int, oddFloor bool, half int) bool {
	switch m {
	case money.Ceil:
		return true
	case money.Floor:
		return false
	case money.Up:
		return sign > 0
	case money.Down:
		return sign < 0
	case money.HalfUp:
		return half > 0 || half == 0 && sign > 0
	case money.HalfDown:
		return half > 0 || half == 0 && sign < 0
	default:
		return half > 0 || half == 0 && oddFloor
	}
}

// currencies are those of the properties: every number of digits from 0 to 18 that occurs, and the
// extremes.
func currencies(t rapid.TB) []money.Currency {
	t.Helper()
	return []money.Currency{
		iso(t, "USD"), iso(t, "JPY"), iso(t, "BHD"), iso(t, "CLF"), own(t, "POINT", 0), own(t, "TOKEN6", 6), own(t, "WEI", 18),
	}
}

// anyCoef draws coefficients of every length, the extremes more often.
func anyCoef() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(-1000, 1000),
		rapid.Int64Range(-math.MaxInt64, math.MaxInt64),
		rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, -math.MaxInt64, math.MaxInt64 - 1, 1e18, -1e18, 9e18}),
	)
}

// anyAmount draws amounts of c of every scale.
func anyAmount(c money.Currency) *rapid.Generator[money.Amount] {
	return rapid.Custom(func(t *rapid.T) money.Amount {
		a, err := money.FromUnscaled(anyCoef().Draw(t, "coef"), rapid.IntRange(c.Digits(), 18).Draw(t, "scale"), c)
		if err != nil {
			t.Fatal(err)
		}
		return a
	})
}

// anyCurrency draws one of currencies.
func anyCurrency(t rapid.TB) *rapid.Generator[money.Currency] {
	t.Helper()
	return rapid.SampledFrom(currencies(t))
}

// anyRounding draws roundings that are legal for c.
func anyRounding(c money.Currency) *rapid.Generator[money.Rounding] {
	return rapid.Custom(func(t *rapid.T) money.Rounding {
		return money.Rounding{
			Mode:      money.Mode(rapid.IntRange(0, int(money.Floor)).Draw(t, "mode")), //nolint:gosec // 0 to 6
			Increment: rapid.SampledFrom([]int64{0, 1, 5, 7, 10, 50, 500, 1e12, math.MaxInt64}).Draw(t, "increment"),
			Extra:     uint8(rapid.IntRange(0, 18-c.Digits()).Draw(t, "extra")), //nolint:gosec // 0 to 18
		}
	})
}

func TestModesAndSplitsPrintTheirNames(t *testing.T) {
	var got []string
	for m := range money.Floor + 2 {
		got = append(got, m.String())
	}
	for s := range money.Cascade + 2 {
		got = append(got, s.String())
	}
	want := []string{
		"half_even", "half_up", "half_down", "up", "down", "ceil", "floor", "Mode(7)",
		"largest_remainder", "first_lines", "nearest_first", "last_line", "cascade", "Split(5)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMinorUnitsAreThoseOfSettledAmounts(t *testing.T) {
	usd := iso(t, "USD")
	if minor, ok := money.New(-1234, usd).Minor(); minor != -1234 || !ok {
		t.Errorf("Minor = %d, %t", minor, ok)
	}
	if minor, ok := unscaled(t, 12345, 3, usd).Minor(); minor != 0 || ok {
		t.Errorf("Minor of 12.345 = %d, %t", minor, ok)
	}
	if got := unscaled(t, 12345, 3, usd); got.IsSettled() || got.Currency() != usd || got.Text() != "12.345" {
		t.Errorf("12.345 USD: settled %t, %s", got.IsSettled(), got)
	}
}
