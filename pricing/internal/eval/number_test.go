package eval_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
)

// numbers draws coefficients of every length, both signs, and the extremes.
type numbers struct{ *rand.Rand }

func (r numbers) next() eval.Number {
	coef := r.Int64N(math.MaxInt64) >> r.IntN(63)
	switch r.IntN(12) {
	case 0:
		coef = math.MaxInt64
	case 1:
		coef = 0
	case 2:
		coef = coef / 1_000_000 * 1_000_000
	}
	if r.IntN(3) == 0 {
		coef = -coef
	}
	return eval.NewNumber(coef, r.upTo(18))
}

// upTo draws a small number.
func (r numbers) upTo(n int) uint8 { return uint8(r.IntN(n + 1)) } //nolint:gosec // a few digits or a mode

// Every operation is exact, in 64 bits or beyond, and both paths agree.
//
// Invariant: pricing P5.
func TestArithmeticEqualsBigRat(t *testing.T) {
	const seed = 1
	r := numbers{rand.New(rand.NewPCG(seed, 0))}
	for i := range 30_000 {
		x, y := r.next(), r.next()
		bx, _ := x.Big()
		by, _ := y.Big()
		for _, slow := range []bool{false, true} {
			a := eval.NewArith(slow)
			checkNumber(t, "add", a.Add(x, y), new(big.Rat).Add(bx, by))
			checkNumber(t, "sub", a.Sub(x, y), new(big.Rat).Sub(bx, by))
			checkNumber(t, "mul", a.Mul(x, y), new(big.Rat).Mul(bx, by))
			if by.Sign() != 0 {
				checkNumber(t, "quo", a.Quo(x, y), new(big.Rat).Quo(bx, by))
			}
			if got, want := a.Cmp(x, y), bx.Cmp(by); got != want {
				t.Errorf("cmp = %d, want %d", got, want)
			}
			if t.Failed() {
				t.Fatalf("seed %d, pair %d: %v and %v, slow %t", seed, i, bx, by, slow)
			}
		}
	}
}

func checkNumber(t *testing.T, op string, got eval.Number, want *big.Rat) {
	t.Helper()
	if r, _ := got.Big(); r.Cmp(want) != 0 {
		t.Errorf("%s = %v, want %v", op, r, want)
	}
}

// Rounding to a multiple is that of money in every mode, and does not end where
// amounts do.
func TestMultipleEqualsMoney(t *testing.T) {
	const seed = 3
	r := numbers{rand.New(rand.NewPCG(seed, 0))}
	for i := range 20_000 {
		c, err := money.NewCurrency("OWN", r.IntN(19))
		if err != nil {
			t.Fatal(err)
		}
		x, unit := r.next(), eval.NewNumber(1+r.Int64N(math.MaxInt64)>>r.IntN(63), uint8(c.Digits())) //nolint:gosec // 0 to 18
		mode, increment := money.Mode(r.upTo(6)), new(big.Int)
		big1, _ := unit.Big()
		increment.Mul(big1.Num(), new(big.Int).Quo(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.Digits())), nil), big1.Denom()))
		bx, _ := x.Big()
		want, err := money.RoundRat(bx, c, money.Rounding{Mode: mode, Increment: increment.Int64()})
		for _, slow := range []bool{false, true} {
			got, _ := eval.NewArith(slow).Multiple(x, unit, mode).Big()
			if err == nil && got.Cmp(want.Decimal().Rat()) != 0 {
				t.Fatalf("seed %d, pair %d: %v to a multiple of %v, %v, is %v, want %v", seed, i, bx, big1, mode, got, want)
			}
			if ratio := new(big.Rat).Quo(got, big1); !ratio.IsInt() {
				t.Fatalf("seed %d, pair %d: %v is no multiple of %v", seed, i, got, big1)
			}
		}
	}
}

func TestRoundingIsTheSameOnBothPaths(t *testing.T) {
	const seed = 2
	r := numbers{rand.New(rand.NewPCG(seed, 0))}
	fast, slow := eval.NewArith(false), eval.NewArith(true)
	for i := range 20_000 {
		x, y, q := r.next(), r.next(), eval.NewNumber(r.Int64N(1_000_000_000_000), r.upTo(6))
		c, err := money.NewCurrency("OWN", r.IntN(6))
		if err != nil {
			t.Fatal(err)
		}
		rounding := money.Rounding{Mode: money.Mode(r.upTo(6)), Increment: r.Int64N(7), Extra: r.upTo(4)}
		a, errA := fast.Round(x, c, rounding)
		b, errB := slow.Round(x, c, rounding)
		if a != b || (errA == nil) != (errB == nil) {
			t.Fatalf("seed %d, pair %d: round %+v by %+v is %v (%v) and exactly %v (%v)", seed, i, x, rounding, a, errA, b, errB)
		}
		if positive, _ := y.Big(); positive.Sign() > 0 {
			d, errD := fast.RoundQuo(x, y, c, rounding)
			e, errE := slow.RoundQuo(x, y, c, rounding)
			if d != e || (errD == nil) != (errE == nil) {
				t.Fatalf("seed %d, pair %d: round %+v / %+v by %+v is %v (%v) and exactly %v (%v)", seed, i, x, y, rounding, d, errD, e, errE)
			}
		}
		if errA != nil {
			continue
		}
		f, errF := fast.Times(a, q, rounding)
		g, errG := slow.Times(a, q, rounding)
		if f != g || (errF == nil) != (errG == nil) {
			t.Fatalf("seed %d, pair %d: %v x %+v by %+v is %v (%v) and exactly %v (%v)", seed, i, a, q, rounding, f, errF, g, errG)
		}
	}
}

// What a price list is made of stays in 64 bits.
func TestEverydayArithmeticStaysFast(t *testing.T) {
	price, percent := eval.NewNumber(1999, 2), eval.NewNumber(125, 1)
	for _, tc := range []struct {
		name string
		got  func(a *eval.Arith) eval.Number
		fast bool
	}{
		{"12.5 percent on a price", func(a *eval.Arith) eval.Number { return a.Percent(price, percent) }, true},
		{"a price at a rate", func(a *eval.Arith) eval.Number { return a.Mul(price, eval.NewNumber(10837, 4)) }, true},
		{"a quotient that ends", func(a *eval.Arith) eval.Number { return a.Quo(eval.NewNumber(60, 0), eval.NewNumber(75, 2)) }, true},
		{"trailing zeros make room", func(a *eval.Arith) eval.Number {
			return a.Mul(eval.NewNumber(1_000_000_000_000_000_000, 18), eval.NewNumber(1_000_000_000_000_000_000, 18))
		}, true},
		{"a third has no end", func(a *eval.Arith) eval.Number { return a.Quo(price, eval.NewNumber(3, 0)) }, false},
		{"past int64", func(a *eval.Arith) eval.Number { return a.Mul(eval.NewNumber(math.MaxInt64, 0), eval.NewNumber(2, 0)) }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, fast := tc.got(eval.NewArith(false)).Big(); fast != tc.fast {
				t.Errorf("in 64 bits: %t, want %t", fast, tc.fast)
			}
		})
	}
}
