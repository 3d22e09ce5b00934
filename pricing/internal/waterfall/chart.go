package waterfall

import (
	"math/big"
	"strings"
	"unicode"

	"github.com/tenon-go/tenon/money"
)

// A Chart is what there is to draw. Amounts are of one currency.
type Chart struct {
	// Title is the first line.
	Title string
	// Rows are the steps in order.
	Rows []Row
	// Total is the last bar, from zero; an empty Label leaves it out.
	Total Total
	// Notes are lines below the bars, such as the reason why there is no price.
	Notes []string
	// Rejected are the rules that did not apply, in the order to print.
	Rejected []Rejected
}

// A Row is one step: the running value before and after it.
type Row struct {
	Label         string
	Before, After money.Amount
}

// A Total is the value that the steps lead to.
type Total struct {
	Label string
	Value money.Amount
}

// A Rejected is a rule that did not apply, and why, in words.
type Rejected struct {
	Label, Why string
}

// A bar is a row laid out: its texts, and its ends in cells of the drawing.
type bar struct {
	label, delta, value string
	from, to            int64
	kind                kind
}

// kind is how a bar is drawn: colour and pattern differ for each.
type kind uint8

const (
	up kind = iota
	down
	total
)

// layout places every bar on a scale of width cells that starts at zero and ends
// at the largest value. A change that is not zero gets at least one cell, so
// that no step is invisible.
func (c *Chart) layout(width int64) []bar {
	top := c.top()
	bars := make([]bar, 0, len(c.Rows)+1)
	for _, row := range c.Rows {
		delta := difference(row.After, row.Before)
		b := bar{label: clean(row.Label), delta: signed(delta), value: row.After.Text()}
		low, high := row.Before, row.After
		if delta.Sign() < 0 {
			b.kind, low, high = down, row.After, row.Before
		}
		b.from, b.to = cell(low, top, width), cell(high, top, width)
		if delta.Sign() != 0 && b.to == b.from {
			b.from = max(b.from-1, 0)
			b.to = b.from + 1
		}
		bars = append(bars, b)
	}
	if c.Total.Label != "" {
		bars = append(bars, bar{
			label: clean(c.Total.Label), value: c.Total.Value.Text(),
			to: cell(c.Total.Value, top, width), kind: total,
		})
	}
	return bars
}

// top is the largest value that a bar reaches; nil when all are zero.
func (c *Chart) top() *big.Rat {
	top := new(big.Rat)
	raise := func(a money.Amount) {
		if r := a.Decimal().Rat(); r.Cmp(top) > 0 {
			top = r
		}
	}
	for _, row := range c.Rows {
		raise(row.Before)
		raise(row.After)
	}
	raise(c.Total.Value)
	if top.Sign() == 0 {
		return nil
	}
	return top
}

// cell is where a value ends on a scale of width cells, rounded half up.
func cell(a money.Amount, top *big.Rat, width int64) int64 {
	if top == nil || a.Sign() <= 0 {
		return 0
	}
	r := new(big.Rat).Quo(a.Decimal().Rat(), top)
	r.Mul(r, big.NewRat(2*width, 1)).Add(r, big.NewRat(1, 1))
	return new(big.Int).Quo(r.Num(), new(big.Int).Mul(r.Denom(), big.NewInt(2))).Int64()
}

// difference is after - before; amounts of one currency that are shown cannot
// differ by more than an Amount holds, as neither is below zero.
func difference(after, before money.Amount) money.Amount {
	d, err := after.Sub(before)
	if err != nil {
		return money.Amount{}
	}
	return d
}

func signed(a money.Amount) string {
	if a.Sign() < 0 {
		return a.Text()
	}
	return "+" + a.Text()
}

// clean makes a label one printable line, so that a rule's label can neither
// forge a row nor break the SVG.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
}
