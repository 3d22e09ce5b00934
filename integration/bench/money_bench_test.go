package bench_test

import (
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"
	govalues "github.com/govalues/decimal"
	shopspring "github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

// The cart: ten lines of a unit price in cents and a quantity. No discount of a line is a tie,
// because govalues/decimal rounds half even only.
const (
	cartLines  = 10
	percentOff = 15
	cartsATurn = 50
)

// cartLine returns the unit price in cents and the quantity of line i.
func cartLine(i int) (cents, quantity int64) { return int64(1099 + 371*i), int64(1 + i%4) }

// contender adds up the cart: unit x quantity, 15 percent of it half up, taken off, added to the
// sum.
type contender struct {
	name  string
	cart  func() error
	total func() string // of the last cart
}

// BenchmarkCart10VsPeers reports how many times the time of money the others take (x-...), and the
// time of one cart of each (ns-...), both of the median turn.
func BenchmarkCart10VsPeers(b *testing.B) {
	contenders := []contender{ours(b), shopspringCart(), govaluesCart(b), apdCart()}
	turns := make([][]time.Duration, len(contenders))
	for i, c := range contenders {
		if err := c.cart(); err != nil {
			b.Fatalf("%s: %v", c.name, err)
		}
		if got, want := c.total(), contenders[0].total(); got != want {
			b.Fatalf("%s: total %s, want %s", c.name, got, want)
		}
		turns[i] = make([]time.Duration, 0, 1<<12)
	}
	for b.Loop() {
		for i, c := range contenders {
			begin := time.Now()
			for range cartsATurn {
				if err := c.cart(); err != nil {
					b.Fatalf("%s: %v", c.name, err)
				}
			}
			turns[i] = append(turns[i], time.Since(begin))
		}
	}
	base := median(turns[0])
	for i, c := range contenders {
		took := median(turns[i])
		b.ReportMetric(float64(took)/cartsATurn, "ns-"+c.name)
		if i > 0 {
			b.ReportMetric(float64(took)/float64(base), "x-"+c.name)
		}
	}
}

// median returns the middle turn: another process that takes the core for a while does not move it.
func median(turns []time.Duration) time.Duration {
	slices.Sort(turns)
	return turns[len(turns)/2]
}

func ours(b *testing.B) contender {
	b.Helper()
	usd, err := money.ISO("USD")
	if err != nil {
		b.Fatal(err)
	}
	units, quantities := make([]money.Amount, cartLines), make([]int64, cartLines)
	for i := range units {
		cents, quantity := cartLine(i)
		units[i], quantities[i] = money.New(cents, usd), quantity
	}
	percent, halfUp := shopspring.NewFromInt(percentOff), money.Rounding{Mode: money.HalfUp}
	var total money.Amount
	cart := func() (err error) {
		var sum money.Sum
		for i, unit := range units {
			line, err := unit.Times(quantities[i])
			if err != nil {
				return err
			}
			off, err := line.Percent(percent, halfUp)
			if err != nil {
				return err
			}
			if line, err = line.Sub(off); err != nil {
				return err
			}
			sum.Add(line)
		}
		total, err = sum.Amount()
		return err
	}
	return contender{"tenon", cart, func() string { return total.Text() }}
}

func shopspringCart() contender {
	units, quantities := make([]shopspring.Decimal, cartLines), make([]shopspring.Decimal, cartLines)
	for i := range units {
		cents, quantity := cartLine(i)
		units[i], quantities[i] = shopspring.New(cents, -2), shopspring.NewFromInt(quantity)
	}
	rate := shopspring.New(percentOff, -2)
	var total shopspring.Decimal
	cart := func() error {
		total = shopspring.Zero
		for i, unit := range units {
			line := unit.Mul(quantities[i])
			total = total.Add(line.Sub(line.Mul(rate).Round(2)))
		}
		return nil
	}
	return contender{"shopspring", cart, func() string { return total.StringFixed(2) }}
}

func govaluesCart(b *testing.B) contender {
	b.Helper()
	units, quantities := make([]govalues.Decimal, cartLines), make([]govalues.Decimal, cartLines)
	for i := range units {
		cents, quantity := cartLine(i)
		units[i], quantities[i] = govalues.MustNew(cents, 2), govalues.MustNew(quantity, 0)
	}
	rate := govalues.MustNew(percentOff, 2)
	var total govalues.Decimal
	cart := func() error {
		sum := govalues.MustNew(0, 2)
		for i, unit := range units {
			line, err := unit.Mul(quantities[i])
			if err != nil {
				return err
			}
			off, err := line.Mul(rate)
			if err != nil {
				return err
			}
			if line, err = line.Sub(off.Round(2)); err != nil {
				return err
			}
			if sum, err = sum.Add(line); err != nil {
				return err
			}
		}
		total = sum
		return nil
	}
	return contender{"govalues", cart, func() string { return total.String() }}
}

func apdCart() contender {
	units, quantities := make([]apd.Decimal, cartLines), make([]apd.Decimal, cartLines)
	for i := range units {
		cents, quantity := cartLine(i)
		units[i].SetFinite(cents, -2)
		quantities[i].SetFinite(quantity, 0)
	}
	var rate, total apd.Decimal
	rate.SetFinite(percentOff, -2)
	ctx := apd.BaseContext.WithPrecision(34)
	ctx.Rounding = apd.RoundHalfUp
	cart := func() error {
		var sum, line, off apd.Decimal
		steps := apd.MakeErrDecimal(ctx)
		for i := range units {
			steps.Mul(&line, &units[i], &quantities[i])
			steps.Mul(&off, &line, &rate)
			steps.Quantize(&off, &off, -2)
			steps.Sub(&line, &line, &off)
			steps.Add(&sum, &sum, &line)
		}
		total.Set(&sum)
		return steps.Err()
	}
	return contender{"apd", cart, func() string { return total.String() }}
}
