package explain_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"pgregory.net/rapid"
)

// A sheet is what a reader sees: a row for each line and charge, and the sums below them.
type sheet struct {
	rows  []shown
	total shown
}

// shown are the figures of a row; cells are by column.
type shown struct {
	before, off, pays decimal.Decimal
	cells             map[int]decimal.Decimal
	runs              [][2]decimal.Decimal // before and after
}

// mustAdd fails unless everything shown adds up in both directions.
//
//nolint:gocognit // the rules one after the other, as they are written down
func (s *sheet) mustAdd(t *rapid.T, r *promotions.Result) {
	t.Helper()
	zero := func() shown { return shown{cells: make(map[int]decimal.Decimal)} }
	sum := zero()
	for i, row := range s.rows {
		given := decimal.Zero
		for column, cell := range row.cells {
			given = given.Add(cell)
			sum.cells[column] = sum.cells[column].Add(cell)
		}
		if !given.Equal(row.off) || !row.before.Add(row.off).Equal(row.pays) {
			t.Fatalf("row %d: %v before, cells %v, %v off, pays %v", i, row.before, row.cells, row.off, row.pays)
		}
		before, after := decimal.Zero, decimal.Zero
		for _, run := range row.runs {
			before, after = before.Add(run[0]), after.Add(run[1])
		}
		if len(row.runs) > 0 && (!after.Equal(row.pays) || !before.IsZero() && !before.Equal(row.before)) {
			t.Fatalf("row %d: the runs go from %v to %v, the row from %v to %v", i, before, after, row.before, row.pays)
		}
		sum.before, sum.off, sum.pays = sum.before.Add(row.before), sum.off.Add(row.off), sum.pays.Add(row.pays)
	}
	if !sum.before.Equal(s.total.before) || !sum.off.Equal(s.total.off) || !sum.pays.Equal(s.total.pays) {
		t.Fatalf("the rows sum to %v, %v and %v, the last says %v, %v and %v", sum.before, sum.off, sum.pays, s.total.before, s.total.off, s.total.pays)
	}
	if len(s.total.cells) != len(r.Applied) || len(s.rows) != len(r.Lines)+len(r.Shipping) {
		t.Fatalf("%d columns and %d rows for %d promotions, %d lines and %d charges", len(s.total.cells), len(s.rows), len(r.Applied), len(r.Lines), len(r.Shipping))
	}
	for column, cell := range s.total.cells {
		if !sum.cells[column].Equal(cell) || !cell.Neg().Equal(r.Applied[column].Amount.Decimal()) {
			t.Fatalf("column %d sums to %v and says %v, the result %v", column, sum.cells[column], cell, r.Applied[column].Amount)
		}
	}
	if !s.total.pays.Equal(r.Total.Decimal()) || !s.total.before.Equal(r.Subtotal.Decimal()) || !s.total.off.Neg().Equal(r.Discount.Decimal()) {
		t.Fatalf("shown %v of %v, the result says %v of %v", s.total.pays, s.total.before, r.Total, r.Subtotal)
	}
}

// readText reads a table by the right edges of its heads.
func readText(t *rapid.T, text string, r *promotions.Result) *sheet {
	t.Helper()
	lines := strings.Split(text, "\n")
	var edges []int
	for i := range lines[0] {
		if lines[0][i] != ' ' && (i+1 == len(lines[0]) || lines[0][i+1] == ' ') {
			edges = append(edges, i+1)
		}
	}
	edges = edges[1:] // the first head is the currency
	if len(edges) != len(r.Applied)+3 {
		t.Fatalf("%d heads in %q", len(edges), lines[0])
	}
	row := func(line string) shown {
		of := shown{cells: make(map[int]decimal.Decimal)}
		for n, edge := range edges {
			cell := line[:min(edge, len(line))]
			cell = cell[strings.LastIndexByte(cell, ' ')+1:]
			if cell == "" {
				continue
			}
			switch d := number(t, cell); n {
			case 0:
				of.before = d
			case len(edges) - 2:
				of.off = d
			case len(edges) - 1:
				of.pays = d
			default:
				of.cells[n-1] = d
			}
		}
		if _, runs, several := strings.Cut(line[min(len(line), edges[len(edges)-1]):], "|  "); several {
			for part := range strings.SplitSeq(runs, ", ") {
				_, after, _ := strings.Cut(part, " for ")
				of.runs = append(of.runs, [2]decimal.Decimal{{}, number(t, after)})
			}
		}
		return of
	}
	var s sheet
	n := 1
	for ; !strings.HasPrefix(lines[n], "---"); n++ {
		s.rows = append(s.rows, row(lines[n]))
	}
	s.total = row(lines[n+1])
	return &s
}

func number(t *rapid.T, text string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return d
}

// readSVG reads the figures of a picture by their classes.
func readSVG(t *rapid.T, picture string) *sheet {
	t.Helper()
	var s sheet
	var at *shown
	var class, column string
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return &s
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			class, column = attribute(token, "class"), attribute(token, "data-column")
			switch {
			case token.Name.Local == "g" && class == "row":
				s.rows = append(s.rows, shown{cells: make(map[int]decimal.Decimal)})
				at = &s.rows[len(s.rows)-1]
			case token.Name.Local == "g" && class == "total":
				s.total.cells = make(map[int]decimal.Decimal)
				at = &s.total
			case token.Name.Local == "title":
				class = "run"
			}
		case xml.CharData:
			if at != nil {
				at.read(t, class, column, string(token))
			}
			class = ""
		}
	}
}

func (s *shown) read(t *rapid.T, class, column, text string) {
	switch class {
	case "before":
		s.before = number(t, text)
	case "off":
		s.off = number(t, text)
	case "pays":
		s.pays = number(t, text)
	case "cell":
		n, err := strconv.Atoi(column)
		if err != nil {
			t.Fatal(err)
		}
		s.cells[n] = number(t, text)
	case "run":
		if _, after, named := strings.Cut(text, ": "); named {
			text = after
		}
		before, after, _ := strings.Cut(text, " to ")
		s.runs = append(s.runs, [2]decimal.Decimal{number(t, before), number(t, after)})
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// drawnCart has a few lines for the promotions of the shop.
func drawnCart(t *rapid.T) promotions.Cart {
	usd := money.MustISO("USD")
	c := promotions.Cart{Currency: usd, Codes: []string{"SPRING"}}
	for i := range rapid.IntRange(0, 5).Draw(t, "lines") {
		c.Lines = append(c.Lines, promotions.Line{
			ID:         fmt.Sprintf("line-%d", i),
			Product:    rapid.SampledFrom([]string{"shirt", "mug", "sticker"}).Draw(t, "product"),
			Price:      money.New(rapid.Int64Range(0, 9999).Draw(t, "price"), usd),
			Quantity:   rapid.SampledFrom([]int64{1, 2, 3, 7, 1000}).Draw(t, "qty"),
			Categories: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"kitchen", "sale"}), 0, 2, rapid.ID).Draw(t, "categories"),
			Gift:       rapid.SampledFrom([]string{"", "", "", "sticker"}).Draw(t, "gift"),
		})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "charges") {
		c.Shipping = append(c.Shipping, promotions.Charge{
			ID: fmt.Sprintf("charge-%d", i), Method: rapid.SampledFrom([]string{"", "express"}).Draw(t, "method"),
			Price: money.New(rapid.Int64Range(0, 999).Draw(t, "charge"), usd),
		})
	}
	return c
}

func TestEverythingShownAddsUp(t *testing.T) {
	s := compiled(t, shopSet)
	rapid.Check(t, func(rt *rapid.T) {
		c := drawnCart(rt)
		r := evaluated(t, s, c)
		readText(rt, textOf(t, s, c, r), &r).mustAdd(rt, &r)
		readSVG(rt, svgOf(t, s, c, r)).mustAdd(rt, &r)
	})
}
