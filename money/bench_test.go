package money_test

import (
	"fmt"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

// BenchmarkCart10 adds up a cart of ten lines: unit x quantity, 15 percent of it half up, taken off, added to the sum.
func BenchmarkCart10(b *testing.B) {
	usd := iso(b, "USD")
	units := make([]money.Amount, 10)
	for i := range units {
		units[i] = money.New(int64(1099+i*37), usd)
	}
	percent := decimal.NewFromInt(15)
	halfUp := money.Rounding{Mode: money.HalfUp}
	b.ReportAllocs()
	for b.Loop() {
		var total money.Sum
		for i, unit := range units {
			line, err := unit.Times(int64(i + 1))
			if err != nil {
				b.Fatal(err)
			}
			discount, err := line.Percent(percent, halfUp)
			if err != nil {
				b.Fatal(err)
			}
			total.Add(line)
			total.Sub(discount)
		}
		if _, err := total.Amount(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAllocate(b *testing.B) {
	usd := iso(b, "USD")
	for _, lines := range []int{10, 1000} {
		weights := make([]int64, lines)
		for i := range weights {
			weights[i] = int64(1099 + i*37%4001)
		}
		total := money.New(-123457, usd)
		shares := make([]money.Amount, lines)
		for s := money.LargestRemainder; s <= money.Cascade; s++ {
			b.Run(fmt.Sprintf("lines=%d/%s", lines, s), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := money.AllocateInto(shares, total, weights, s); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkParse(b *testing.B) {
	usd := iso(b, "USD")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := money.Parse("12345.67", usd); err != nil {
			b.Fatal(err)
		}
	}
}
