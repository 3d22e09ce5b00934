package eval_test

import (
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/pricing/internal/eval"
	"pgregory.net/rapid"
)

func TestDecComparesExactly(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) eval.Dec {
		return eval.Dec{Coef: max(rapid.Int64().Draw(t, "coef"), -eval.Forever), Scale: rapid.Uint8Range(0, 18).Draw(t, "scale")}
	})
	rat := func(d eval.Dec) *big.Rat { return decimal.New(d.Coef, -int32(d.Scale)).Rat() }
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		if rapid.Bool().Draw(t, "near") { // the same number, or one beside it
			b = a
			for b.Scale < 18 && b.Coef < 1e17 && b.Coef > -1e17 {
				b = eval.Dec{Coef: b.Coef * 10, Scale: b.Scale + 1}
			}
			b.Coef = max(b.Coef+int64(rapid.IntRange(-1, 1).Draw(t, "step")), -eval.Forever)
		}
		if got, want := a.Cmp(b), rat(a).Cmp(rat(b)); got != want {
			t.Fatalf("%v and %v compare as %d, want %d", a, b, got, want)
		}
		if got, want := a.Neg().Cmp(b.Neg()), rat(b).Cmp(rat(a)); got != want {
			t.Fatalf("-%v and -%v compare as %d, want %d", a, b, got, want)
		}
		if d, err := decimal.NewFromString(a.String()); err != nil || !d.Equal(decimal.New(a.Coef, -int32(a.Scale))) {
			t.Fatalf("%d at %d is %q", a.Coef, a.Scale, a)
		}
	})
	if text := (eval.Dec{Coef: -12_500, Scale: 3}).String(); text != "-12.5" {
		t.Errorf("text %s", text)
	}
	if text := (eval.Dec{Coef: 100, Scale: 0}).String(); text != "100" {
		t.Errorf("text %s", text)
	}
}
