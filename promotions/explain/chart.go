package explain

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// A chart is what there is to draw, all of it in words and numbers that can be shown.
type chart struct {
	currency string
	fired    []column
	rows     []row // lines, then charges
	total    row
	summary  []string // below the sums
	told     []note   // what fired
	refused  []note
	gifts    []note
	codes    []note
}

// A column is a promotion that fired.
type column struct{ id, amount string }

// A row is a line or a charge. A cell without a share is "".
type row struct {
	name, detail            string
	before, discount, after string
	cells                   []string
	weights                 []int64 // of the cells, in thousandths of before
	runs                    []run
	size                    int64 // before, in thousandths of the dearest row
}

// A run is units of a line in one state.
type run struct {
	units         int64
	before, after string
	width, paid   int64 // of the row, and of the run, in thousandths
}

// A note is a sentence on something.
type note struct{ about, text string }

// build lays out a result. It is an error where the result is not of the cart and the set.
func build(s *promotions.Snapshot, c *promotions.Cart, r *promotions.Result) (*chart, error) {
	if err := belongs(s, c, r); err != nil {
		return nil, err
	}
	titles := titles(s, r)
	ch := &chart{currency: c.Currency.String()}
	places := make(map[string]int, len(c.Lines)+len(c.Shipping))
	for i := range r.Lines {
		l := &r.Lines[i]
		places[l.ID] = len(ch.rows)
		of := row{name: printable(l.ID), detail: lineDetail(&c.Lines[i]), before: l.Before.Text(), discount: off(l.Discount), after: l.After.Text()}
		for _, part := range l.Runs {
			of.runs = append(of.runs, run{
				units: part.To - part.From, before: part.Before.Text(), after: part.After.Text(),
				width: thousandths(part.Before, l.Before), paid: thousandths(part.After, part.Before),
			})
		}
		ch.rows = append(ch.rows, of)
	}
	for i := range r.Shipping {
		l := &r.Shipping[i]
		places[l.ID] = len(ch.rows)
		ch.rows = append(ch.rows, row{
			name: printable(l.ID), detail: chargeDetail(&c.Shipping[i]), before: l.Before.Text(), discount: off(l.Discount), after: l.After.Text(),
			runs: []run{{before: l.Before.Text(), after: l.After.Text(), width: 1000, paid: thousandths(l.After, l.Before)}},
		})
	}
	if err := ch.fill(r, places); err != nil {
		return nil, err
	}
	ch.total = row{name: "total", before: r.Subtotal.Text(), discount: off(r.Discount), after: r.Total.Text()}
	for i := range ch.fired {
		ch.total.cells = append(ch.total.cells, ch.fired[i].amount)
	}
	ch.size(r)
	ch.notes(r, titles)
	return ch, nil
}

// belongs reports whether a result is of a set and a cart.
func belongs(s *promotions.Snapshot, c *promotions.Cart, r *promotions.Result) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("explain: %w: %s", promotions.ErrInvalid, fmt.Sprintf(format, args...))
	}
	if s == nil {
		return wrong("no snapshot")
	}
	if r.Digest != s.Digest() {
		return wrong("the result is of another set")
	}
	if len(r.Lines) != len(c.Lines) || len(r.Shipping) != len(c.Shipping) {
		return wrong("the result is of another cart: %d lines and %d charges, the cart has %d and %d", len(r.Lines), len(r.Shipping), len(c.Lines), len(c.Shipping))
	}
	for i := range c.Lines {
		if r.Lines[i].ID != c.Lines[i].ID {
			return wrong("the result is of another cart: line %d is %q, in the cart %q", i, r.Lines[i].ID, c.Lines[i].ID)
		}
	}
	for i := range c.Shipping {
		if r.Shipping[i].ID != c.Shipping[i].ID {
			return wrong("the result is of another cart: charge %d is %q, in the cart %q", i, r.Shipping[i].ID, c.Shipping[i].ID)
		}
	}
	return nil
}

// titles are what the result's promotions are called.
func titles(s *promotions.Snapshot, r *promotions.Result) map[string]string {
	named := make(map[string]string, len(r.Applied)+len(r.Rejected))
	for i := range r.Applied {
		named[r.Applied[i].Promotion] = ""
	}
	for i := range r.Rejected {
		named[r.Rejected[i].Promotion] = ""
	}
	all := s.Set().Promotions
	for i := range all {
		if _, shown := named[all[i].ID]; shown {
			named[all[i].ID] = all[i].Title
		}
	}
	return named
}

// fill adds a column for each application, and its shares to the rows.
func (ch *chart) fill(r *promotions.Result, places map[string]int) error {
	taken := make([]money.Sum, len(ch.rows))
	for i := range r.Applied {
		a := &r.Applied[i]
		ch.fired = append(ch.fired, column{printable(a.Promotion), off(a.Amount)})
		clear(taken)
		hit := make([]bool, len(ch.rows))
		for _, share := range a.Shares {
			place, there := places[share.Target]
			if !there {
				return fmt.Errorf("explain: %w: %s has a share of %q, which the cart does not have", promotions.ErrInvalid, a.Promotion, share.Target)
			}
			taken[place].Add(share.Amount)
			hit[place] = true
		}
		for place := range ch.rows {
			cell, weight := "", int64(0)
			if hit[place] {
				sum, err := taken[place].Amount()
				if err != nil {
					return fmt.Errorf("explain: %w", err)
				}
				cell, weight = off(sum), thousandths(sum, before(r, place))
			}
			ch.rows[place].cells = append(ch.rows[place].cells, cell)
			ch.rows[place].weights = append(ch.rows[place].weights, weight)
		}
	}
	return nil
}

// before is what a row costs before promotions.
func before(r *promotions.Result, place int) money.Amount {
	if place < len(r.Lines) {
		return r.Lines[place].Before
	}
	return r.Shipping[place-len(r.Lines)].Before
}

// size compares the rows with the dearest.
func (ch *chart) size(r *promotions.Result) {
	var top money.Amount
	for place := range ch.rows {
		if b := before(r, place); minor(b) > minor(top) {
			top = b
		}
	}
	for place := range ch.rows {
		ch.rows[place].size = thousandths(before(r, place), top)
	}
}

// notes says in words what no number says.
func (ch *chart) notes(r *promotions.Result, titles map[string]string) {
	ch.summary = append(ch.summary, fmt.Sprintf("tax: %s net + %s tax = %s gross", r.Net.Text(), r.Tax.Text(), r.Gross.Text()))
	switch {
	case r.Nodes > 0 && r.Optimal:
		ch.summary = append(ch.summary, fmt.Sprintf("best combination, proven in %d steps", r.Nodes))
	case r.Nodes > 0:
		ch.summary = append(ch.summary, fmt.Sprintf("best combination found in %d steps; none takes more than %s", r.Nodes, r.Bound.Text()))
	}
	about := func(id string) string {
		if title := titles[id]; title != "" && title != id {
			id += " (" + title + ")"
		}
		return printable(id)
	}
	for i := range r.Applied {
		ch.told = append(ch.told, note{about(r.Applied[i].Promotion), printable(took(&r.Applied[i]))})
	}
	for i := range r.Rejected {
		ch.refused = append(ch.refused, note{about(r.Rejected[i].Promotion), printable(reason(r, &r.Rejected[i]))})
	}
	for _, g := range r.Gifts {
		switch {
		case g.Entitled > g.InCart:
			ch.gifts = append(ch.gifts, note{printable(g.Promotion), printable(fmt.Sprintf("add %d of %s, %d of %d are in the cart", g.Entitled-g.InCart, g.Product, g.InCart, g.Entitled))})
		case g.Entitled < g.InCart:
			ch.gifts = append(ch.gifts, note{printable(g.Promotion), printable(fmt.Sprintf("only %d of the %d of %s in the cart are free", g.Entitled, g.InCart, g.Product))})
		}
	}
	for _, code := range r.Codes {
		switch code.Status {
		case promotions.CodeMistyped:
			ch.codes = append(ch.codes, note{printable(code.Code), "mistyped"})
		case promotions.CodeUnknown:
			ch.codes = append(ch.codes, note{printable(code.Code), "no code of these promotions"})
		case promotions.CodeKnown:
			ch.codes = append(ch.codes, note{printable(code.Code), "valid, but nothing that it opens fires"})
		}
	}
}

func lineDetail(l *promotions.Line) string {
	detail := strconv.FormatInt(l.Quantity, 10) + " x " + l.Price.Text()
	if l.Total != (money.Amount{}) {
		detail = strconv.FormatInt(l.Quantity, 10) + " for " + l.Total.Text()
	}
	if l.Product != "" {
		detail += ", " + l.Product
	}
	if l.Gift != "" {
		detail += ", gift"
	}
	return printable(detail)
}

func chargeDetail(c *promotions.Charge) string {
	if c.Method == "" {
		return "shipping"
	}
	return printable("shipping, " + c.Method)
}

// off shows what is taken: nothing as such, the rest below zero.
func off(a money.Amount) string {
	if a.IsZero() {
		return a.Text()
	}
	return "-" + a.Text()
}

// minor is an amount in minor units. All amounts of a result are settled and fit.
func minor(a money.Amount) int64 {
	n, _ := a.Minor()
	return n
}

// thousandths is part of whole, rounded, and at least 1 for a part that is not zero, so that no part is invisible.
func thousandths(part, whole money.Amount) int64 {
	p, w := minor(part), minor(whole)
	switch {
	case p <= 0 || w <= 0:
		return 0
	case p >= w:
		return 1000
	case w >= 1<<52:
		return max(1, p/(w/1000))
	default:
		return max(1, (p*1000+w/2)/w)
	}
}

// printable makes a text one line that can be shown, so that a name can neither forge a row nor break a picture.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
}

// shorten keeps both ends of a name that is longer than n runes: names of one family differ in one of them.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	tail := (n - 2) / 2
	return string(runes[:n-2-tail]) + ".." + string(runes[len(runes)-tail:])
}
