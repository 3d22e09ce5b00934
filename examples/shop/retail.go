package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

// A Line is one priced line of an order, as the file has it.
type Line struct {
	Row      int // line number in the file
	Invoice  string
	Code     string
	Name     string
	Quantity decimal.Decimal
	At       time.Time
	Price    money.Amount // of one unit, as it was paid
	Customer string       // empty: a guest
	Country  string
}

// Skipped is a row that cannot be priced, and why.
type Skipped struct {
	Row     int
	Invoice string
	Code    string
	Reason  string
	Return  bool // a cancellation, kept for the returns desk
}

// Retail is a file of orders: every row of it is a line or is skipped.
type Retail struct {
	Rows    int
	Lines   []Line
	Skipped []Skipped
}

// The columns of the UCI "Online Retail" data set.
const (
	colInvoice = iota
	colCode
	colName
	colQuantity
	colDate
	colPrice
	colCustomer
	colCountry
	columns
)

// readRetail reads orders in the form of the UCI data set. Only a file that is
// not of that form at all is an error; a bad row is skipped with its reason.
func readRetail(in io.Reader, currency money.Currency) (*Retail, error) {
	r := csv.NewReader(in)
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	want := []string{"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	if !slices.Equal(head, want) {
		return nil, fmt.Errorf("columns are %q, want %q", head, want)
	}
	data := &Retail{}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		data.Rows++
		row, _ := r.FieldPos(0)
		if err != nil {
			var bad *csv.ParseError
			if !errors.As(err, &bad) {
				return nil, fmt.Errorf("row %d: %w", row, err)
			}
			data.Skipped = append(data.Skipped, Skipped{Row: bad.StartLine, Reason: bad.Err.Error()})
			continue
		}
		line, skipped := readLine(record, row, currency)
		if skipped != nil {
			data.Skipped = append(data.Skipped, *skipped)
			continue
		}
		data.Lines = append(data.Lines, line)
	}
}

// readLine reads one row; either the line is good or skipped says why not.
func readLine(record []string, row int, currency money.Currency) (Line, *Skipped) {
	for i, s := range record {
		record[i] = strings.TrimSpace(strings.ToValidUTF8(s, "?"))
	}
	bad := Skipped{Row: row, Invoice: record[colInvoice]}
	if len(record) > colCode {
		bad.Code = record[colCode]
	}
	skip := func(format string, args ...any) (Line, *Skipped) {
		bad.Reason = fmt.Sprintf(format, args...)
		return Line{}, &bad
	}
	if len(record) != columns {
		return skip("%d columns instead of %d", len(record), columns)
	}
	if strings.HasPrefix(bad.Invoice, "C") {
		bad.Return = true
		return skip("return")
	}
	if bad.Invoice == "" || bad.Code == "" {
		return skip("no invoice or stock code")
	}
	line := Line{
		Row: row, Invoice: bad.Invoice, Code: bad.Code, Name: record[colName],
		Customer: strings.TrimSuffix(record[colCustomer], ".0"), Country: record[colCountry],
	}
	var err error
	if line.Quantity, err = number(record[colQuantity]); err != nil {
		return skip("quantity %q is not a number", record[colQuantity])
	}
	if line.Quantity.Sign() <= 0 {
		return skip("quantity %s is not above zero", line.Quantity)
	}
	if line.At, err = date(record[colDate]); err != nil {
		return skip("date %q is not a time", record[colDate])
	}
	if line.Price, err = money.Parse(record[colPrice], currency); err != nil {
		return skip("price %q is not a number", record[colPrice])
	}
	if line.Price.Sign() <= 0 {
		return skip("price %s is not above zero", line.Price.Text())
	}
	return line, nil
}

// number reads a plain decimal; exponents, which the file never has, are no
// quantity.
func number(s string) (decimal.Decimal, error) {
	if strings.ContainsAny(s, "eE") {
		return decimal.Decimal{}, fmt.Errorf("%q has an exponent", s)
	}
	return decimal.NewFromString(s)
}

// date reads the two forms in which the data set is found.
func date(s string) (time.Time, error) {
	at, err := time.Parse(time.DateTime, s)
	if err != nil {
		at, err = time.Parse("1/2/2006 15:04", s)
	}
	return at, err
}
