package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

func main() {
	if err := write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gendata:", err)
		os.Exit(1)
	}
}

// product has a price in pence, and a lower one from a quantity on where volume
// is not zero.
type product struct {
	code, name      string
	pence           int
	volume, atLeast int
}

func write(out io.Writer) error {
	r := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- a demo's orders, the same on every run
	products := catalogue(r)
	w := new(bytes.Buffer)
	fmt.Fprintln(w, "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country")
	at := time.Date(2026, time.March, 2, 8, 15, 0, 0, time.UTC)
	for invoice := 100001; invoice <= 100060; invoice++ {
		at = at.Add(time.Duration(3+r.IntN(9)) * time.Minute)
		customer, country := "", "United Kingdom"
		if r.IntN(4) > 0 {
			customer = fmt.Sprint(12001 + r.IntN(25))
		}
		if r.IntN(12) == 0 {
			country = "France"
		}
		for range 1 + r.IntN(9) {
			p := products[r.IntN(len(products))]
			quantity := []int{1, 1, 2, 3, 4, 6, 8, 12, 24, 48}[r.IntN(10)]
			pence := p.pence
			if p.volume > 0 && quantity >= p.atLeast {
				pence = p.volume
			}
			if r.IntN(25) == 0 {
				pence += 10 + r.IntN(90) // sold at the counter at another price
			}
			row(w, fmt.Sprint(invoice), p.code, p.name, fmt.Sprint(quantity), at, pounds(pence), customer, country)
		}
	}
	dirty(w, at, products)
	_, err := out.Write(w.Bytes())
	return err
}

func catalogue(r *rand.Rand) []product {
	colours := []string{"RED", "BLUE", "GREEN", "CREAM"}
	things := []string{"TEA TOWEL", "LANTERN", "MUG", "PICTURE FRAME", "CAKE TIN", "CANDLE HOLDER", "WALL CLOCK", "NOTEBOOK"}
	var products []product
	for i, thing := range things {
		for k, colour := range colours {
			p := product{code: fmt.Sprintf("%d%c", 20001+i, 'A'+k), name: colour + " " + thing, pence: 85 + 10*r.IntN(90)}
			if r.IntN(3) > 0 {
				p.volume, p.atLeast = p.pence*85/100, 12
			}
			products = append(products, p)
		}
	}
	return products
}

// dirty adds what real files hold too: returns, corrections, and typing errors.
func dirty(w *bytes.Buffer, at time.Time, products []product) {
	p := products[3]
	row(w, "C100061", p.code, p.name, "-2", at.Add(5*time.Minute), pounds(p.pence), "12003", "United Kingdom")
	row(w, "C100062", "D", "Discount", "-1", at.Add(6*time.Minute), "5.00", "12007", "United Kingdom")
	row(w, "100063", p.code, "", "-10", at.Add(7*time.Minute), "0.0", "", "United Kingdom")
	row(w, "100064", products[9].code, products[9].name, "6", at.Add(8*time.Minute), "0.0", "12010", "United Kingdom")
	row(w, "100065", products[5].code, products[5].name, "two", at.Add(9*time.Minute), pounds(products[5].pence), "12011", "United Kingdom")
	row(w, "100066", products[7].code, products[7].name, "1", at.Add(9*time.Minute), "n/a", "12011", "United Kingdom")
	fmt.Fprintln(w, "100067,20001A,RED TEA TOWEL,1")
}

func row(w *bytes.Buffer, invoice, code, name, quantity string, at time.Time, price, customer, country string) {
	fmt.Fprintf(w, "%s,%s,%s,%s,%s,%s,%s,%s\n", invoice, code, name, quantity, at.Format(time.DateTime), price, customer, country)
}

func pounds(pence int) string { return fmt.Sprintf("%d.%02d", pence/100, pence%100) }
