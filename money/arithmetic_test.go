package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"pgregory.net/rapid"
)

// Invariant: money M5.
func TestSumsAndProductsAreExactOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		a, b := anyAmount(c).Draw(t, "a"), anyAmount(c).Draw(t, "b")
		n := rapid.OneOf(rapid.Int64Range(-100, 100), rapid.Int64()).Draw(t, "n")

		sum, err := a.Add(b)
		wantExact(t, "a+b", new(big.Rat).Add(rat(a), rat(b)), c, sum, err)
		difference, err := a.Sub(b)
		wantExact(t, "a-b", new(big.Rat).Sub(rat(a), rat(b)), c, difference, err)
		product, err := a.Times(n)
		wantExact(t, "a*n", new(big.Rat).Mul(rat(a), new(big.Rat).SetInt64(n)), c, product, err)
		if order, err := a.Cmp(b); err != nil || order != rat(a).Cmp(rat(b)) {
			t.Fatalf("Cmp = %d, %v, want %d", order, err, rat(a).Cmp(rat(b)))
		}
		if rat(a.Neg()).Cmp(new(big.Rat).Neg(rat(a))) != 0 || rat(a.Abs()).Cmp(new(big.Rat).Abs(rat(a))) != 0 {
			t.Fatalf("Neg %s, Abs %s of %s", a.Neg(), a.Abs(), a)
		}
	})
}

// Invariant: money M5.
func TestProductsAreRoundedOnceFromTheExactValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		a, r := anyAmount(c).Draw(t, "a"), anyRounding(c).Draw(t, "rounding")
		d := anyDecimal().Draw(t, "d")

		got, err := a.Mul(d, r)
		exact := new(big.Rat).Mul(rat(a), d.Rat())
		wantExact(t, "Mul", roundRat(exact, c, r), c, got, err)

		got, err = a.Percent(d, r)
		wantExact(t, "Percent", roundRat(new(big.Rat).Quo(exact, big.NewRat(100, 1)), c, r), c, got, err)

		got, err = a.Round(r)
		wantExact(t, "Round", roundRat(rat(a), c, r), c, got, err)

		num := rapid.Int64().Draw(t, "num")
		den := rapid.Int64().Filter(func(n int64) bool { return n != 0 }).Draw(t, "den")
		got, err = a.MulDiv(num, den, r)
		exact = new(big.Rat).Mul(rat(a), new(big.Rat).SetFrac(big.NewInt(num), big.NewInt(den)))
		wantExact(t, "MulDiv", roundRat(exact, c, r), c, got, err)
	})
}

// Invariant: money M5.
func TestRoundRatTakesValuesOfAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		r := anyRounding(c).Draw(t, "rounding")
		v := new(big.Rat).SetFrac(anyInt().Draw(t, "num"), anyInt().Filter(func(i *big.Int) bool { return i.Sign() != 0 }).Draw(t, "den"))
		before := new(big.Rat).Set(v)
		got, err := money.RoundRat(v, c, r)
		wantExact(t, "RoundRat", roundRat(v, c, r), c, got, err)
		if v.Cmp(before) != 0 {
			t.Fatalf("RoundRat changed its argument to %s", v)
		}
	})
}

// Invariant: money M7.
func TestIntegerPathEqualsDecimalPath(t *testing.T) {
	const seed = 20240625
	tuples := 1_000_000
	if testing.Short() || raceEnabled {
		tuples /= 10
	}
	rnd := source{seed}
	all := currencies(t)
	for i := range tuples {
		c := all[rnd.below(len(all))]
		a := unscaled(t, rnd.coef(), c.Digits()+rnd.below(19-c.Digits())*rnd.below(2), c)
		d := decimal.New(rnd.coef()%1e18, -int32(rnd.below(1+rnd.below(18)))) //nolint:gosec // below 18
		r := money.Rounding{Mode: money.Mode(rnd.below(7))}                   //nolint:gosec // below 7
		if rnd.below(3) == 0 {
			r.Increment, r.Extra = int64(rnd.below(100)), uint8(rnd.below(19-c.Digits())) //nolint:gosec // below 19
		}
		num, den := rnd.coef(), max(1, rnd.coef())
		hundred := decimal.NewFromInt(100)
		op := rnd.below(4)
		got, want := result{}, result{}
		switch op {
		case 0:
			got = ok(a.Mul(d, r))
			want = ok(money.ExactQuo(a.Decimal().Mul(d), decimal.NewFromInt(1), c, r))
		case 1:
			got = ok(a.Percent(d, r))
			want = ok(money.ExactQuo(a.Decimal().Mul(d), hundred, c, r))
		case 2:
			got = ok(a.MulDiv(num, den, r))
			want = ok(money.ExactQuo(a.Decimal().Mul(decimal.NewFromInt(num)), decimal.NewFromInt(den), c, r))
		case 3:
			d = d.Abs()
			net, _, err := money.ExtractTax(a, d, r)
			if err != nil {
				continue // gross less net may not be an amount where net is
			}
			got = ok(net, err)
			want = ok(money.ExactQuo(a.Decimal().Mul(hundred), hundred.Add(d), c, r))
		}
		if got != want {
			t.Fatalf("seed %d, tuple %d: op %d of %s by %s, %d/%d, rounding %+v = %+v, want %+v", seed, i, op, a, d, num, den, r, got, want)
		}
	}
}

// result is what an operation gave, comparable.
type result struct {
	amount money.Amount
	ok     bool
}

func ok(a money.Amount, err error) result { return result{a, err == nil} }

// Invariant: money M7.
func TestDivisionByReciprocalIsExact(t *testing.T) {
	rnd := source{1}
	den := uint64(1)
	for k := range 20 {
		last := math.MaxUint64 / den * den // the largest multiple
		values := []uint64{0, 1, den - 1, den, den + 1, last - 1, last, last + 1, math.MaxUint64, math.MaxInt64, 1 << 63}
		for range 10_000 {
			n := rnd.next() >> rnd.below(64)
			values = append(values, n, n/den*den, n/den*den-1)
		}
		for _, n := range values {
			if q, rem, d := money.DivPow10(n, k); q != n/den || rem != n%den || d != den {
				t.Fatalf("seed 1: %d by 10^%d = %d, %d (by %d), want %d, %d", n, k, q, rem, d, n/den, n%den)
			}
		}
		den *= 10
	}
}

func TestCommonOperationsDoNotAllocate(t *testing.T) {
	usd := iso(t, "USD")
	a, price := money.New(12_345_678_901, usd), unscaled(t, 12345, 6, usd)
	vat, off := decimal.RequireFromString("19"), decimal.RequireFromString("12.5")
	halfUp := money.Rounding{Mode: money.HalfUp}
	shares, weights := make([]money.Amount, 64), make([]int64, 64)
	for i := range weights {
		weights[i] = int64(i * i)
	}
	for name, run := range map[string]func() error{
		"Add":        func() error { _, err := a.Add(a); return err },
		"Add scales": func() error { _, err := a.Add(price); return err },
		"Times":      func() error { _, err := price.Times(7); return err },
		"Times back": func() error { _, err := a.Neg().Times(7); return err },
		"Times -7":   func() error { _, err := a.Times(-7); return err },
		"Refund":     func() error { _, err := a.Neg().Percent(off, halfUp); return err },
		"Percent":    func() error { _, err := a.Percent(off, halfUp); return err },
		"Mul price":  func() error { _, err := price.Mul(off, halfUp); return err },
		"MulDiv":     func() error { _, err := a.MulDiv(2, 3, halfUp); return err },
		"Cash":       func() error { _, err := a.Round(money.Rounding{Mode: money.HalfUp, Increment: 5}); return err },
		"Cmp":        func() error { _, err := a.Cmp(price); return err },
		"Parse":      func() error { _, err := money.Parse("-12.345", usd); return err },
		"ExtractTax": func() error { _, _, err := money.ExtractTax(a, vat, halfUp); return err },
		"AddTax":     func() error { _, _, err := money.AddTax(a, vat, halfUp); return err },
		"Quota":      func() error { _, err := money.Quota(a, 1e6, 17, 4711); return err },
		"Allocate":   func() error { return money.AllocateInto(shares, a, weights, money.LargestRemainder) },
		"ISO":        func() error { _, err := money.ISO("EUR"); return err },
		"Code":       func() error { return codeIs(usd, "USD") },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := run(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func codeIs(c money.Currency, want string) error {
	if c.Code() != want {
		return errors.New(c.Code())
	}
	return nil
}

func TestZeroAmountIsNothingOfNoCurrency(t *testing.T) {
	var zero money.Amount
	usd := iso(t, "USD")
	a := money.New(1234, usd)
	for name, got := range map[string]result{
		"0+a": ok(zero.Add(a)), "a+0": ok(a.Add(zero)), "a-0": ok(a.Sub(zero)), "-(0-a)": {mustSub(t, zero, a).Neg(), true},
	} {
		if got != (result{a, true}) {
			t.Errorf("%s = %+v, want %s", name, got, a)
		}
	}
	by := decimal.RequireFromString("3.7")
	r := money.Rounding{Mode: money.Up, Increment: 5, Extra: 3}
	net, tax, err := money.ExtractTax(zero, by, r)
	for name, got := range map[string]result{
		"0+0": ok(zero.Add(zero)), "Times": ok(zero.Times(math.MaxInt64)), "Mul": ok(zero.Mul(by, r)), "Percent": ok(zero.Percent(by, r)),
		"MulDiv": ok(zero.MulDiv(7, 3, r)), "Round": ok(zero.Round(r)), "net": ok(net, err), "tax": ok(tax, err),
		"Quota": ok(money.Quota(zero, 3, 0, 1)), "Parse": ok(money.Parse("0", money.Currency{})),
		"New": {money.New(0, money.Currency{}), true}, "FromDecimal": ok(money.FromDecimal(decimal.Zero, money.Currency{})),
		"FromUnscaled": ok(money.FromUnscaled(0, 0, money.Currency{})), "RoundRat": ok(money.RoundRat(new(big.Rat), money.Currency{}, r)),
		"Neg": {zero.Neg(), true}, "Abs": {zero.Abs(), true},
	} {
		if got != (result{zero, true}) {
			t.Errorf("%s = %+v, want the zero Amount", name, got)
		}
	}
	for b, want := range map[money.Amount]int{a: -1, a.Neg(): 1, money.New(0, usd): 0} {
		if got, err := zero.Cmp(b); err != nil || got != want {
			t.Errorf("0 against %s = %d, %v, want %d", b, got, err, want)
		}
		if got, err := b.Cmp(zero); err != nil || got != -want {
			t.Errorf("%s against 0 = %d, %v, want %d", b, got, err, -want)
		}
	}
	if !zero.IsZero() || !zero.IsSettled() || zero.Sign() != 0 || zero.String() != "0" || !zero.Currency().IsZero() {
		t.Errorf("zero Amount: %v", zero)
	}
	shares, err := money.Allocate(zero, []int64{1, 2}, money.LastLine)
	if err != nil || shares[0] != zero || shares[1] != zero {
		t.Errorf("shares of nothing: %v, %v", shares, err)
	}
}

func mustSub(t *testing.T, a, b money.Amount) money.Amount {
	t.Helper()
	d, err := a.Sub(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEqualValuesAreEqualAmounts(t *testing.T) {
	usd := iso(t, "USD")
	price := unscaled(t, 15, 3, usd) // 0.015
	twice, err := price.Times(2)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := price.Add(price)
	if err != nil {
		t.Fatal(err)
	}
	fromDecimal, err := money.FromDecimal(decimal.RequireFromString("0.0300000"), usd)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[money.Amount]bool{money.New(3, usd): true}
	for _, a := range []money.Amount{twice, sum, fromDecimal, unscaled(t, 3e16, 18, usd), parse(t, "0.030", usd)} {
		if !seen[a] || !a.IsSettled() {
			t.Errorf("%s (settled %t) is not the key 0.03 USD", a, a.IsSettled())
		}
	}
	if money.New(3, usd) == money.New(3, iso(t, "EUR")) {
		t.Error("0.03 USD == 0.03 EUR")
	}
}

func TestRefundIsTheNegativeOfItsCharge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		a, r, p := anyAmount(c).Draw(t, "a"), anyRounding(c).Draw(t, "rounding"), anyDecimal().Draw(t, "percent")
		if r.Mode == money.Ceil || r.Mode == money.Floor {
			t.Skip("not symmetric")
		}
		charge, err := a.Percent(p, r)
		refund, errBack := a.Neg().Percent(p, r)
		if (err == nil) != (errBack == nil) || refund != charge.Neg() {
			t.Fatalf("charge %s, %v; refund %s, %v", charge, err, refund, errBack)
		}
	})
}

func TestSumAddsAsAmountsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		var sum money.Sum
		var want result
		want.ok = true
		for _, a := range rapid.SliceOf(anyAmount(c)).Draw(t, "amounts") {
			sum.Add(a)
			sum.Sub(a.Neg())
			if want.ok {
				want = ok(want.amount.Add(a))
			}
			if want.ok {
				want = ok(want.amount.Add(a))
			}
		}
		if got := ok(sum.Amount()); got != want {
			t.Fatalf("sum %+v, want %+v", got, want)
		}
	})
}

func TestSumKeepsItsFirstError(t *testing.T) {
	usd, eur := iso(t, "USD"), iso(t, "EUR")
	var s money.Sum
	s.Add(money.New(1000, usd))
	s.Sub(money.New(250, usd))
	s.Add(unscaled(t, 5, 3, usd))
	if got, err := s.Amount(); err != nil || got != unscaled(t, 7505, 3, usd) {
		t.Errorf("sum %s, %v", got, err)
	}
	s.Add(money.New(1, eur))
	s.Add(money.New(math.MaxInt64, usd)) // would be ErrRange
	s.Sub(money.New(1, eur))
	got, err := s.Amount()
	if mismatch := (*money.MismatchError)(nil); !errors.As(err, &mismatch) || got != (money.Amount{}) || mismatch.A != usd || mismatch.B != eur {
		t.Errorf("sum %s, %v, want the mismatch of USD and EUR", got, err)
	}

	var full money.Sum
	full.Add(money.New(math.MaxInt64, usd))
	full.Add(money.New(1, usd))
	full.Sub(money.New(1, usd))
	if got, err := full.Amount(); !errors.Is(err, money.ErrRange) {
		t.Errorf("sum %s, %v, want ErrRange", got, err)
	}
}

// anyDecimal draws decimals of every legal exponent, of few digits and of more than an int64 has.
func anyDecimal() *rapid.Generator[decimal.Decimal] {
	return rapid.Custom(func(t *rapid.T) decimal.Decimal {
		return decimal.NewFromBigInt(anyInt().Draw(t, "coefficient"), rapid.Int32Range(-18, 18).Draw(t, "exponent"))
	})
}

// anyInt draws integers of up to 40 digits, small ones more often.
func anyInt() *rapid.Generator[*big.Int] {
	return rapid.Custom(func(t *rapid.T) *big.Int {
		n := big.NewInt(rapid.OneOf(rapid.Int64Range(-200, 200), rapid.Int64()).Draw(t, "low"))
		if rapid.IntRange(0, 3).Draw(t, "size") == 0 {
			n.Mul(n, big.NewInt(rapid.Int64().Draw(t, "high")))
		}
		return n
	})
}
