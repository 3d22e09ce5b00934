package simulate

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/tenon-go/tenon/money"
)

// Text writes the diff as tables for a fixed-width font: sums, promotions, the largest
// changes without their explanations, and failures. Errors are those of w.
func (d *Diff) Text(w io.Writer) error {
	out := bufio.NewWriter(w) // it keeps the first error
	_, _ = fmt.Fprintf(out, "%d carts, %d failed\n", d.Carts, d.FailedCarts)
	rows := [][]string{{"currency", "carts", "changed", "before", "old off", "new off", "old total", "new total", "change"}}
	for _, s := range d.Sums {
		rows = append(rows, []string{
			s.Currency.String(), fmt.Sprint(s.Carts), fmt.Sprint(s.Changed), s.Subtotal.Text(), s.OldDiscount.Text(),
			s.NewDiscount.Text(), s.OldTotal.Text(), s.NewTotal.Text(), difference(s.OldTotal, s.NewTotal),
		})
	}
	table(out, rows)
	rows = [][]string{{"promotion", "currency", "old fired", "new fired", "old took", "new took", "change"}}
	for _, f := range d.Fired {
		rows = append(rows, []string{
			f.Promotion, f.Currency.String(), fmt.Sprint(f.OldTimes), fmt.Sprint(f.NewTimes), f.OldTaken.Text(),
			f.NewTaken.Text(), difference(f.OldTaken, f.NewTaken),
		})
	}
	table(out, rows)
	rows = [][]string{{"cart", "old off", "new off", "change"}}
	for _, c := range d.Largest {
		rows = append(rows, []string{fmt.Sprint(c.Cart), c.Old.Text(), c.New.Text(), difference(c.Old, c.New)})
	}
	table(out, rows)
	for _, f := range d.Failed {
		_, _ = fmt.Fprintf(out, "cart %d failed: %v\n", f.Cart, f.Err)
	}
	return out.Flush()
}

// difference is how far the new amount is from the old one, with its sign.
func difference(before, after money.Amount) string {
	change, err := after.Sub(before)
	if err != nil {
		return "?"
	}
	if change.Sign() > 0 {
		return "+" + change.Text()
	}
	return change.Text()
}

// table writes rows, if there are any below the first, in columns aligned to the right.
func table(out *bufio.Writer, rows [][]string) {
	if len(rows) == 1 {
		return
	}
	_ = out.WriteByte('\n') // out keeps the error
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t")+"\t") // out keeps the error
	}
	_ = w.Flush()
}
