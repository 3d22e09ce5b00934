package money_test

import (
	"fmt"
	"log"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

func ExampleNew() {
	usd, err := money.ISO("USD")
	if err != nil {
		log.Fatal(err)
	}
	price := money.New(1999, usd)
	total, err := price.Times(3)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(price, "x 3 =", total)
	fmt.Println(price == money.New(1999, usd))
	// Output:
	// 19.99 USD x 3 = 59.97 USD
	// true
}

func ExampleNewCurrency() {
	points, err := money.NewCurrency("POINT", 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(money.New(250, points))
	_, err = money.NewCurrency("EUR", 3)
	fmt.Println(err)
	// Output:
	// 250 POINT/0
	// money: currency "EUR": invalid currency: digits 3, ISO 4217 has 2
}

func ExampleParse() {
	usd, err := money.ISO("USD")
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"12.3", "0.012345", "1,000.00"} {
		amount, err := money.Parse(text, usd)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(amount, "settled:", amount.IsSettled())
	}
	// Output:
	// 12.30 USD settled: true
	// 0.012345 USD settled: false
	// money: parse "1,000.00": invalid syntax: ',' at byte 1
}

func ExampleAmount_Percent() {
	usd, err := money.ISO("USD")
	if err != nil {
		log.Fatal(err)
	}
	price, fifteen := money.New(9990, usd), decimal.NewFromInt(15)
	for _, mode := range []money.Mode{money.HalfUp, money.HalfEven} {
		off, err := price.Percent(fifteen, money.Rounding{Mode: mode})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(mode, off)
	}
	// Output:
	// half_up 14.99 USD
	// half_even 14.98 USD
}

func ExampleCurrency_Cash() {
	chf, err := money.ISO("CHF")
	if err != nil {
		log.Fatal(err)
	}
	due, err := money.New(1733, chf).Round(chf.Cash())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(due)
	// Output: 17.35 CHF
}

func ExampleAllocate() {
	eur, err := money.ISO("EUR")
	if err != nil {
		log.Fatal(err)
	}
	off, lines := money.New(1000, eur), []int64{2, 7, 4, 8}
	for _, split := range []money.Split{
		money.LargestRemainder, money.FirstLines, money.NearestFirst, money.LastLine, money.Cascade,
	} {
		shares, err := money.Allocate(off, lines, split)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-17s", split)
		for _, share := range shares {
			fmt.Print(" ", share.Text())
		}
		fmt.Println()
	}
	// Output:
	// largest_remainder 0.95 3.33 1.91 3.81
	// first_lines       0.96 3.34 1.90 3.80
	// nearest_first     0.96 3.33 1.90 3.81
	// last_line         0.95 3.33 1.90 3.82
	// cascade           0.95 3.34 1.90 3.81
}

func ExampleAllocateCapped() {
	eur, err := money.ISO("EUR")
	if err != nil {
		log.Fatal(err)
	}
	caps := []money.Amount{money.New(200, eur), money.New(1000, eur), money.New(1000, eur)}
	shares, rest, err := money.AllocateCapped(money.New(1000, eur), []int64{1, 1, 1}, caps, money.LargestRemainder)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(shares, rest)
	// Output: [2.00 EUR 4.00 EUR 4.00 EUR] 0.00 EUR
}

func ExampleQuota() {
	eur, err := money.ISO("EUR")
	if err != nil {
		log.Fatal(err)
	}
	paid := money.New(29000, eur) // for three units
	for unit := range int64(3) {
		refund, err := money.Quota(paid, 3, unit, unit+1)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(refund)
	}
	// Output:
	// 96.67 EUR
	// 96.66 EUR
	// 96.67 EUR
}

func ExampleExtractTax() {
	gbp, err := money.ISO("GBP")
	if err != nil {
		log.Fatal(err)
	}
	net, tax, err := money.ExtractTax(money.New(17925, gbp), decimal.NewFromInt(20), money.Rounding{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(net, "+", tax)
	// Output: 149.38 GBP + 29.87 GBP
}

func ExampleAddTax() {
	usd, err := money.ISO("USD")
	if err != nil {
		log.Fatal(err)
	}
	gross, tax, err := money.AddTax(money.New(730, usd), decimal.RequireFromString("8.875"), money.Rounding{Mode: money.HalfUp})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(gross, "with", tax, "of tax")
	// Output: 7.95 USD with 0.65 USD of tax
}

func ExampleSum() {
	eur, err := money.ISO("EUR")
	if err != nil {
		log.Fatal(err)
	}
	var total money.Sum
	for _, cents := range []int64{1999, 450, 1205} {
		total.Add(money.New(cents, eur))
	}
	total.Sub(money.New(500, eur))
	due, err := total.Amount()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(due)
	// Output: 31.54 EUR
}

// A discount of 10.00 is spread over the lines of a cart by what they cost.
func ExampleWeights() {
	usd := money.MustISO("USD")
	lines := []money.Amount{money.New(1999, usd), money.New(500, usd), money.New(8500, usd)}
	weights, err := money.Weights(lines)
	if err != nil {
		fmt.Println(err)
		return
	}
	shares, err := money.Allocate(money.New(1000, usd), weights, money.LargestRemainder)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(shares)
	// Output: [1.82 USD 0.45 USD 7.73 USD]
}
