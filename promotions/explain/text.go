package explain

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tenon-go/tenon/promotions"
)

// Widths of the text, in runes.
const (
	textName = 24 // longest name of a row or column; a longer one is cut and marked
	textBar  = 20 // cells of the dearest row's bar
)

// Text writes a table for a fixed-width font: a row for each line and charge, a column for each promotion that fired, and
// sums at the right and below. In the bar of a row its length is the price and each | the end of a run of units; = is paid
// and . is not. What follows is said in words. A result that is not of the snapshot and the cart is promotions.ErrInvalid,
// before anything is written; errors of w are returned as they are.
func Text(w io.Writer, s *promotions.Snapshot, c promotions.Cart, r promotions.Result) error {
	ch, err := build(s, &c, &r)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	ch.table(out)
	for _, line := range ch.summary {
		writeLine(out, line)
	}
	section(out, "fired, in this order:", ch.told)
	section(out, "not fired:", ch.refused)
	section(out, "gifts:", ch.gifts)
	section(out, "codes:", ch.codes)
	return out.Flush()
}

// table writes the rows in columns of equal width, numbers to the right.
func (ch *chart) table(w *bufio.Writer) {
	head := []string{ch.currency, "", "before"}
	for _, of := range ch.fired {
		head = append(head, shorten(of.id, textName))
	}
	table := [][]string{append(head, "off", "pays", "")}
	for i := range ch.rows {
		table = append(table, ch.rows[i].texts(ch.rows[i].bar()))
	}
	table = append(table, ch.total.texts(""))
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, text := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	last := len(widths) - 1
	for n, line := range table {
		if n == len(table)-1 {
			writeLine(w, rule(widths[:last]))
		}
		texts := make([]string, len(line))
		for i, text := range line {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if texts[i] = space + text; i < 2 || i == last {
				texts[i] = text + space
			}
		}
		writeLine(w, strings.Join(texts, "  "))
	}
}

// rule is a line above the sums.
func rule(widths []int) string {
	length := 2 * (len(widths) - 1)
	for _, n := range widths {
		length += n
	}
	return strings.Repeat("-", length)
}

func (r *row) texts(bar string) []string {
	texts := append([]string{shorten(r.name, textName), shorten(r.detail, textName), r.before}, r.cells...)
	return append(texts, r.discount, r.after, bar)
}

// bar draws the runs of a row, and after it what each of them pays, where they differ.
func (r *row) bar() string {
	var b strings.Builder
	cells := max(1, (textBar*r.size+999)/1000)
	var from int64
	for _, part := range r.runs {
		to := min(1000, from+part.width)
		n := max(1, (to*cells+500)/1000-(from*cells+500)/1000)
		paid := (n*part.paid + 500) / 1000
		if part.paid > 0 && paid == 0 {
			paid = 1
		}
		b.WriteString(strings.Repeat("=", int(paid)) + strings.Repeat(".", int(n-paid)) + "|")
		from = to
	}
	if len(r.runs) < 2 {
		return b.String()
	}
	texts := make([]string, len(r.runs))
	for i, part := range r.runs {
		texts[i] = strconv.FormatInt(part.units, 10) + " for " + part.after
	}
	return b.String() + "  " + strings.Join(texts, ", ")
}

// section writes a list under its heading, if it has any.
func section(w *bufio.Writer, heading string, notes []note) {
	if len(notes) == 0 {
		return
	}
	writeLine(w, heading)
	for _, of := range notes {
		writeLine(w, "  "+of.about+": "+of.text)
	}
}

// writeLine keeps the first error in w, where Flush finds it.
func writeLine(w *bufio.Writer, line string) {
	_, _ = w.WriteString(strings.TrimRight(line, " "))
	_ = w.WriteByte('\n')
}
