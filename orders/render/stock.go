package render

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/stock"
)

// A StockSheet is what [Stock] shows.
type StockSheet struct {
	At     time.Time
	Levels []stock.Level
	// Sold are the units that orders have taken and that were not cancelled. What it does not name was not sold.
	Sold  map[stock.Key]int64
	Holds []Held
	// NoHolds says that the holds could not be read.
	NoHolds bool
}

// A Held is a live hold and what it is for.
type Held struct {
	stock.Hold

	Since    time.Time    // when it was taken; zero: not known
	Checkout orders.State // of the checkout that has it; StateNone: nobody's
}

// ReadStock reads a sheet. Without keys it has all that holds and orders name. Holds are read where the store's stock is a
// stock.Lister; one that is not of a checkout has no Since. It reads all events, each order and the checkout of each hold,
// one after the other, so that in a shop that sells meanwhile the parts are of different moments. Errors are the store's.
func ReadStock(ctx context.Context, store orders.StockStore, at time.Time, keys ...stock.Key) (StockSheet, error) {
	s := StockSheet{At: at}
	read := store.Stock()
	err := s.readHolds(ctx, store, read)
	if err == nil {
		err = s.readSold(ctx, store)
	}
	if err == nil {
		s.Levels, err = read.Levels(ctx, s.keys(keys))
	}
	if err != nil {
		return StockSheet{}, fmt.Errorf("render: stock: %w", err)
	}
	return s, nil
}

// readHolds finds the checkout of a hold by its id, which begins with that of the checkout.
func (s *StockSheet) readHolds(ctx context.Context, store orders.Store, read stock.Store) error {
	lister, can := read.(stock.Lister)
	if s.NoHolds = !can; !can {
		return nil
	}
	for h, err := range lister.Holds(ctx) {
		if err != nil {
			return err
		}
		held := Held{Hold: h}
		id, _, _ := strings.Cut(h.ID, "/")
		switch c, err := store.Checkout(ctx, orders.CheckoutID(id)); {
		case errors.Is(err, orders.ErrNotFound):
		case err != nil:
			return err
		case c.Hold == h.ID:
			// The first hold is taken as the checkout begins. A later one is committed as soon as it is taken.
			held.Since, held.Checkout = c.Began, c.State
		}
		s.Holds = append(s.Holds, held)
	}
	return nil
}

func (s *StockSheet) readSold(ctx context.Context, store orders.Store) error {
	var ids []orders.OrderID
	for e, err := range store.Events(ctx, 0, orders.EventQuery{}) {
		if err != nil {
			return err
		}
		if id, is := strings.CutPrefix(e.Aggregate, orderPrefix); is && e.Number == 1 {
			ids = append(ids, orders.OrderID(id))
		}
	}
	s.Sold = make(map[stock.Key]int64)
	for _, id := range ids {
		o, err := store.Order(ctx, id)
		if err != nil {
			return err
		}
		for _, l := range o.Lines {
			s.Sold[stock.Key{SKU: l.SKU, Location: l.Location}] += l.Quantity - o.Units[l.ID].Cancelled
		}
	}
	return nil
}

// keys are those that were asked for, or all that are known.
func (s *StockSheet) keys(asked []stock.Key) []stock.Key {
	if len(asked) > 0 {
		return asked
	}
	all := slices.Collect(maps.Keys(s.Sold))
	for _, h := range s.Holds {
		for _, l := range h.Lines {
			all = append(all, l.Key)
		}
	}
	slices.SortFunc(all, stock.Key.Compare)
	return slices.Compact(all)
}

// The bounds of a hold's age, in which [Stock] counts them.
const (
	ageYoung = time.Minute
	ageGrown = 5 * time.Minute
	ageOld   = 15 * time.Minute
	ageLast  = time.Hour
)

// Stock writes a table for a fixed-width font: a row for each level, in the order of their keys, and their sums; below it
// the live holds of their units by age, and of each age how many units they have, and how many holds are past their time, which the next
// who needs their units may sweep. Where holds and reserved units do not add up, which happens when they were read at
// different moments, it says so. Errors of w are returned as they are.
func Stock(w io.Writer, s StockSheet) error {
	out := bufio.NewWriter(w)
	writeLine(out, "stock at "+clock(s.At)+" UTC")
	levels := slices.SortedFunc(slices.Values(s.Levels), func(a, b stock.Level) int { return a.Compare(b.Key) })
	table := [][]string{{"sku", "on hand", "reserved", "left", "sold"}}
	var total stock.Level
	var sold int64
	for _, l := range levels {
		table = append(table, []string{shorten(printable(l.Key.String()), textName), number(l.OnHand), number(l.Reserved), number(l.Left()), number(s.Sold[l.Key])})
		total.OnHand, total.Reserved, sold = total.OnHand+l.OnHand, total.Reserved+l.Reserved, sold+s.Sold[l.Key]
	}
	writeTable(out, append(table, []string{"total", number(total.OnHand), number(total.Reserved), number(total.Left()), number(sold)}))
	if s.NoHolds {
		writeLine(out, "holds: this store does not show them")
		return out.Flush()
	}
	if units := s.ages(out); units != total.Reserved {
		writeLine(out, "read at different moments: the holds have "+counted(units, "unit")+" of these, reserved are "+number(total.Reserved))
	}
	return out.Flush()
}

// textName is the longest name that a table shows whole, in runes.
const textName = 32

func number(n int64) string { return strconv.FormatInt(n, 10) }

// An age counts the holds of one row.
type age struct {
	name               string
	holds, units, over int64
}

// add counts a hold of some units.
func (a *age) add(units int64, over bool) {
	a.holds++
	a.units += units
	if over {
		a.over++
	}
}

// ages writes the holds of the levels by age, and the oldest by name: it is the one to ask about. It returns how many units
// they have.
func (s *StockSheet) ages(w *bufio.Writer) int64 {
	rows := []age{{name: "under 1m"}, {name: "1m to 5m"}, {name: "5m to 15m"}, {name: "15m to 1h"}, {name: "1h and more"}, {name: "not known"}}
	sum := age{name: "total"}
	var oldest *Held
	for h, units := range s.shown() {
		over := !s.At.Before(h.Until)
		rows[s.ageOf(h)].add(units, over)
		sum.add(units, over)
		if !h.Since.IsZero() && (oldest == nil || cmp.Or(h.Since.Compare(oldest.Since), strings.Compare(h.ID, oldest.ID)) < 0) {
			oldest = h
		}
	}
	if sum.holds == 0 {
		writeLine(w, "holds: none")
		return 0
	}
	table := [][]string{{"holds by age", "holds", "units", "past their time"}}
	for _, r := range append(rows, sum) {
		if r.holds > 0 {
			table = append(table, []string{r.name, number(r.holds), number(r.units), number(r.over)})
		}
	}
	writeTable(w, table)
	if oldest != nil {
		writeLine(w, "oldest: "+s.words(oldest))
	}
	return sum.units
}

// shown yields the holds that have units of the levels, and how many.
func (s *StockSheet) shown() iter.Seq2[*Held, int64] {
	levels := make(map[stock.Key]bool, len(s.Levels))
	for _, l := range s.Levels {
		levels[l.Key] = true
	}
	return func(yield func(*Held, int64) bool) {
		for i := range s.Holds {
			var units int64
			for _, l := range s.Holds[i].Lines {
				if levels[l.Key] {
					units += l.Quantity
				}
			}
			if units > 0 && !yield(&s.Holds[i], units) {
				return
			}
		}
	}
}

// ageOf is the row of a hold.
func (s *StockSheet) ageOf(h *Held) int {
	bounds := []time.Duration{ageYoung, ageGrown, ageOld, ageLast}
	if h.Since.IsZero() {
		return len(bounds) + 1
	}
	d := s.At.Sub(h.Since)
	row := slices.IndexFunc(bounds, func(bound time.Duration) bool { return d < bound })
	if row < 0 {
		return len(bounds)
	}
	return row
}

// words says what there is to know of a hold.
func (s *StockSheet) words(h *Held) string {
	const most = 3
	var lines []string
	for i, l := range h.Lines {
		if i == most {
			lines = append(lines, counted(len(h.Lines)-most, "line")+" more")
			break
		}
		lines = append(lines, l.String())
	}
	ends := "ends in " + span(h.Until.Sub(s.At))
	if !s.At.Before(h.Until) {
		ends = "past its time by " + span(s.At.Sub(h.Until))
	}
	return printable(fmt.Sprintf("%s, taken %s ago, checkout %s, %s: %s", h.ID, span(s.At.Sub(h.Since)), h.Checkout, ends, strings.Join(lines, ", ")))
}

// writeTable writes rows in columns of equal width, all but the first to the right. The first row is the head, and above
// the last one is a rule.
func writeTable(w *bufio.Writer, table [][]string) {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	length := 2 * (len(widths) - 1)
	for _, n := range widths {
		length += n
	}
	for n, row := range table {
		if n == len(table)-1 {
			writeLine(w, strings.Repeat("-", length))
		}
		cells := make([]string, len(row))
		for i, cell := range row {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if cells[i] = space + cell; i == 0 {
				cells[i] = cell + space
			}
		}
		writeLine(w, strings.Join(cells, "  "))
	}
}
