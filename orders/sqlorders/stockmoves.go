package sqlorders

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/orders/stock"
)

// errMiss says that a transaction found too little in the rows that it tried. It is
// to be made again, as a later round.
var errMiss = errors.New("too little in the rows tried")

// A stockPart is units of a hold in a row of levels.
type stockPart struct {
	hold     string
	row      stockRow
	quantity int64
}

// A stockStep is what a move does to rows of levels.
type stockStep struct {
	move             stock.Move
	onHand, reserved int64 // -1, 0 or 1 times the quantities of
	parts            []stockPart
}

// A stockTx makes moves within a transaction. It touches holds first and collects
// what that does to levels, which are written last: until the commit nobody else
// gets at them.
type stockTx struct {
	q     *stockQueries
	tx    sqlkit.DB
	at    int64
	steps []stockStep
}

// apply makes all moves in tx, which is then to be committed at once, or fails and
// leaves it to be rolled back. Moves have been checked. errMiss, in rounds before
// lastRound only: roll back and try the next round.
func (q *stockQueries) apply(ctx context.Context, tx sqlkit.DB, at int64, moves []stock.Move, round int) error {
	t := &stockTx{q: q, tx: tx, at: at}
	for _, m := range moves {
		if err := t.move(ctx, m); err != nil {
			return moveError(m, err)
		}
	}
	if round > 0 {
		return t.writeLocked(ctx, round)
	}
	return t.writeGuarded(ctx)
}

func moveError(m stock.Move, err error) error {
	if m.Hold == "" {
		return fmt.Errorf("%v: %w", m.Kind, err)
	}
	return fmt.Errorf("%v %q: %w", m.Kind, m.Hold, err)
}

func (t *stockTx) move(ctx context.Context, m stock.Move) error {
	switch m.Kind {
	case stock.MoveReserve:
		return t.reserve(ctx, m)
	case stock.MoveExtend:
		return t.extend(ctx, m)
	case stock.MoveRelease:
		return t.end(ctx, m, "released", stockStep{move: m, reserved: -1})
	case stock.MoveCommit:
		return t.end(ctx, m, "committed", stockStep{move: m, reserved: -1, onHand: -1})
	default:
		t.steps = append(t.steps, stockStep{move: m, onHand: 1, parts: partsOf("", stock.Sum(m.Lines))})
		return nil
	}
}

func partsOf(hold string, lines []stock.Line) []stockPart {
	parts := make([]stockPart, len(lines))
	for i, l := range lines {
		parts[i] = stockPart{hold: hold, row: stockRow{Key: l.Key}, quantity: l.Quantity}
	}
	return parts
}

func (t *stockTx) reserve(ctx context.Context, m stock.Move) error {
	m.Lines = stock.Sum(m.Lines)
	type place struct{ n, bucket int }
	query, args := t.q.insertHold(m.Hold, sqlkit.Micros(m.Until), m.Lines)
	inserted, err := sqlkit.All(ctx, t.tx, func(row sqlkit.Scanner) (p place, err error) {
		return p, row.Scan(&p.n, &p.bucket)
	}, query, args...)
	if err != nil {
		return err
	}
	if len(inserted) < len(m.Lines) {
		return t.reserveAgain(ctx, m, func(n int) bool {
			return slices.ContainsFunc(inserted, func(p place) bool { return p.n == n })
		})
	}
	parts := partsOf(m.Hold, m.Lines)
	for _, p := range inserted {
		parts[p.n].row.bucket = p.bucket
	}
	t.steps = append(t.steps, stockStep{move: m, reserved: 1, parts: parts})
	return nil
}

// A heldRow is a row of a hold.
type heldRow struct {
	n     int
	line  stock.Line
	state string
}

func (t *stockTx) held(ctx context.Context, id string) ([]heldRow, error) {
	return sqlkit.All(ctx, t.tx, func(row sqlkit.Scanner) (h heldRow, err error) {
		return h, row.Scan(&h.n, &h.line.SKU, &h.line.Location, &h.line.Quantity, &h.state)
	}, t.q.readHold, id)
}

// reserveAgain is for a hold that was there before. A row is ours where it was not:
// then the hold has fewer rows than we have lines, so that it is another.
func (t *stockTx) reserveAgain(ctx context.Context, m stock.Move, ours func(n int) bool) error {
	rows, err := t.held(ctx, m.Hold)
	if err != nil {
		return err
	}
	var lines []stock.Line
	for _, r := range rows {
		if !ours(r.n) {
			lines = append(lines, r.line)
		}
	}
	if !slices.Equal(stock.Sum(lines), m.Lines) {
		return stock.ErrHold
	}
	return t.extend(ctx, m)
}

func (t *stockTx) extend(ctx context.Context, m stock.Move) error {
	n, err := changed(ctx, t.tx, t.q.extendHold, m.Hold, sqlkit.Micros(m.Until))
	if err != nil || n > 0 {
		return err
	}
	return t.ended(ctx, m.Hold, "")
}

// end ends a hold, and takes note of what that does to its rows.
func (t *stockTx) end(ctx context.Context, m stock.Move, state string, step stockStep) (err error) {
	step.parts, err = sqlkit.All(ctx, t.tx, func(row sqlkit.Scanner) (stockPart, error) {
		p := stockPart{hold: m.Hold}
		return p, row.Scan(&p.row.SKU, &p.row.Location, &p.row.bucket, &p.quantity)
	}, t.q.endHold, m.Hold, state)
	if err != nil {
		return err
	}
	if len(step.parts) == 0 {
		return t.ended(ctx, m.Hold, state)
	}
	t.steps = append(t.steps, step)
	return nil
}

// ended returns why a hold that is not live is not as it should be; nil where it has
// ended as wanted.
func (t *stockTx) ended(ctx context.Context, id, wanted string) error {
	rows, err := t.held(ctx, id)
	switch {
	case err != nil:
		return err
	case len(rows) == 0 || rows[0].state == "live": // came after we looked
		return stock.ErrNotFound
	case rows[0].state == wanted, rows[0].state == "expired" && wanted == "released":
		return nil
	}
	return fmt.Errorf("it was %s: %w", rows[0].state, stock.ErrEnded)
}

// writeGuarded writes levels without having read them: each update looks whether
// there is enough.
func (t *stockTx) writeGuarded(ctx context.Context) error {
	changes := stockChanges{}
	for _, s := range t.steps {
		changes.add(s, s.parts)
	}
	err := changes.write(ctx, t.tx, t.q)
	if errors.Is(err, errMiss) && len(t.steps) == 1 {
		return t.soldOut(ctx, t.steps[0], changes)
	}
	return err
}

// soldOut is where a hold missed. Most often that is because there is not enough at
// all, which one look tells without a lock; errMiss where it is not so, or where
// dead holds have to be swept first.
func (t *stockTx) soldOut(ctx context.Context, s stockStep, changes stockChanges) error {
	rooms, err := t.rooms(ctx, keysOf(s.parts))
	if err != nil {
		return err
	}
	var short []stock.Shortage
	for _, p := range s.parts {
		room := rooms[p.row.Key]
		if changes[p.row].written {
			room.left += p.quantity // by this transaction
		}
		if p.quantity <= room.left {
			continue
		}
		if room.dead {
			return errMiss
		}
		short = append(short, stock.Shortage{Key: p.row.Key, Asked: p.quantity, Left: room.left})
	}
	if short == nil {
		return errMiss
	}
	return moveError(s.move, &stock.ShortError{Short: short})
}

// A stockRoom is what is left of a key, and whether it has dead holds.
type stockRoom struct {
	left int64
	dead bool
}

func (t *stockTx) rooms(ctx context.Context, keys []stock.Key) (map[stock.Key]stockRoom, error) {
	rooms := make(map[stock.Key]stockRoom, len(keys))
	query, args := t.q.ofKeys(roomOfKeys, keys, t.at)
	_, err := sqlkit.All(ctx, t.tx, func(row sqlkit.Scanner) (_ struct{}, err error) {
		var k stock.Key
		var r stockRoom
		err = row.Scan(&k.SKU, &k.Location, &r.left, &r.dead)
		rooms[k] = r
		return struct{}{}, err
	}, query, args...)
	return rooms, err
}

// keysOf returns the keys of parts, ascending, each once.
func keysOf(parts []stockPart) []stock.Key {
	keys := make([]stock.Key, len(parts))
	for i, p := range parts {
		keys[i] = p.row.Key
	}
	slices.SortFunc(keys, stock.Key.Compare)
	return slices.Compact(keys)
}
