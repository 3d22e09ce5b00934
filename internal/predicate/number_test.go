package predicate_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"pgregory.net/rapid"
)

func drawDecimal(t *rapid.T, label string) decimal.Decimal {
	edges := []int64{0, 1, -1, 10, 999_999, 1_000_000, 1<<62 - 1, 1 << 62, -1 << 62, math.MaxInt64, math.MinInt64}
	coef := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-100, 100), rapid.SampledFrom(edges)).Draw(t, label)
	d := decimal.New(coef, rapid.Int32Range(-25, 15).Draw(t, label+" exponent"))
	if rapid.Bool().Draw(t, label+" long") {
		d = d.Add(decimal.New(rapid.Int64Range(-3, 3).Draw(t, label+" tail"), -30))
	}
	return d
}

func TestNumComparesExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawDecimal(t, "a")
		b := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) decimal.Decimal { return drawDecimal(t, "b") }),
			rapid.Custom(func(t *rapid.T) decimal.Decimal {
				return a.Add(decimal.New(rapid.Int64Range(-2, 2).Draw(t, "by"), rapid.Int32Range(-9, 0).Draw(t, "at")))
			}),
		).Draw(t, "other")
		if got, want := predicate.NumFromDecimal(a).Cmp(predicate.NumFromDecimal(b)), a.Cmp(b); got != want {
			t.Fatalf("%v and %v: got %d, want %d", a, b, got, want)
		}
	})
}

// All pairs of numbers at and around the places where the representation
// changes: zero, millionths, the ends of the even keys and of int64.
func TestNumComparesExactlyAtTheEdges(t *testing.T) {
	var all []decimal.Decimal
	for _, base := range []string{"0", "0.000001", "1", "4000000000000", "4611686018427.387903", "9223372036854.775807", "1e19", "1e21"} {
		for _, offset := range []string{"0", "1e-6", "1e-7", "1e-8", "3e-7", "15e-7", "1e-13", "123456789e-15"} {
			b, o := decimal.RequireFromString(base), decimal.RequireFromString(offset)
			all = append(all, b.Add(o), b.Sub(o), b.Neg().Add(o), b.Neg().Sub(o))
		}
	}
	for _, a := range all {
		for _, b := range all {
			if got, want := predicate.NumFromDecimal(a).Cmp(predicate.NumFromDecimal(b)), a.Cmp(b); got != want {
				t.Fatalf("%v and %v: got %d, want %d", a, b, got, want)
			}
		}
		if coef := a.Coefficient(); coef.IsInt64() && a.Exponent() <= 0 {
			n := predicate.NumFromInt(coef.Int64(), uint8(-a.Exponent())) //nolint:gosec // at most 15
			if n.Cmp(predicate.NumFromDecimal(a)) != 0 {
				t.Errorf("%v: NumFromInt makes %v of it", a, n)
			}
		}
	}
}

func TestNumFromIntIsNumFromDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		coef := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 1000)).Draw(t, "coef")
		scale := rapid.OneOf(rapid.Uint8Range(0, 30), rapid.Uint8()).Draw(t, "scale")
		a, b := predicate.NumFromInt(coef, scale), predicate.NumFromDecimal(decimal.New(coef, -int32(scale)))
		if a.Cmp(b) != 0 || a.String() != b.String() || b.Cmp(a) != 0 {
			t.Fatalf("%d x 10^-%d: %v and %v", coef, scale, a, b)
		}
	})
}

func TestNumString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDecimal(t, "d")
		text := predicate.NumFromDecimal(d).String()
		if back := decimal.RequireFromString(text); !back.Equal(d) {
			t.Fatalf("%v is written %s", d, text)
		}
		if again := predicate.NumFromDecimal(decimal.RequireFromString(text)).String(); again != text {
			t.Fatalf("%s, then %s", text, again)
		}
	})
	for in, want := range map[string]string{
		"0": "0", "-0.00": "0", "1.500": "1.5", "-0.000001": "-0.000001", "100": "100", "0.00000010": "0.0000001",
		"10000000000000.5": "10000000000000.5", "1e200": "1e200", "-25e-300": "-25e-300", "1e99": "1" + zeros(99),
	} {
		if got := predicate.NumFromDecimal(decimal.RequireFromString(in)).String(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func zeros(n int) string {
	return decimal.New(1, int32(n)).String()[1:] //nolint:gosec // a test's small number
}

// A number of nine bytes must not cost a power of ten with a billion digits:
// that would take this test minutes and gigabytes.
func TestNumCostDoesNotGrowWithExponent(t *testing.T) {
	huge := []decimal.Decimal{
		decimal.New(1, math.MaxInt32), decimal.New(-1, math.MaxInt32), decimal.New(12, math.MaxInt32-1), decimal.New(1, math.MinInt32),
		decimal.New(-1, math.MinInt32), decimal.New(1, 1_000_000_000), decimal.New(0, math.MaxInt32), decimal.New(0, math.MinInt32), decimal.New(1, 0),
	}
	order := []int{1, 4, 6, 7, 3, 8, 5, 0, 2} // ascending; 6 and 7 are both zero
	for i, a := range order {
		for j, b := range order {
			want := cmpInt(i, j)
			if min(a, b) >= 6 && max(a, b) <= 7 {
				want = 0
			}
			x, y := predicate.NumFromDecimal(huge[a]), predicate.NumFromDecimal(huge[b])
			if got := x.Cmp(y); got != want {
				t.Errorf("%s and %s: got %d, want %d", x, y, got, want)
			}
		}
	}
}

func cmpInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func TestNumFromDecimalDoesNotAllocate(t *testing.T) {
	for _, text := range []string{"0", "12.5", "-0.000001", "461168601842.387903", "100000000000000000", "0.00000000000000001"} {
		d := decimal.RequireFromString(text)
		if n := testing.AllocsPerRun(10, func() { predicate.NumFromDecimal(d) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
	if n := testing.AllocsPerRun(10, func() { predicate.NumFromInt(1_234_500_000_000, 12) }); n != 0 {
		t.Errorf("NumFromInt: %v allocations", n)
	}
}

func TestZeroNumIsZero(t *testing.T) {
	if c := (predicate.Num{}).Cmp(predicate.NumFromDecimal(decimal.Decimal{})); c != 0 {
		t.Errorf("got %d", c)
	}
	if diff := cmp.Diff("0", predicate.Num{}.String()); diff != "" {
		t.Error(diff)
	}
}
