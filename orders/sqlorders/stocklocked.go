package sqlorders

import (
	"context"
	"maps"
	"slices"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/orders/stock"
)

// lastRound is that in which a hold that found too little is short, whatever
// others are doing meanwhile.
const lastRound = 5

// A lockedStock is rows of levels that a transaction has locked, with what its
// steps made of them so far.
type lockedStock struct {
	t       *stockTx
	buckets map[stock.Key][]*stockBucket // ascending
	before  map[stock.Key]int64          // left when they were locked
	placed  map[string][]stockPart       // holds that got their units here
	changes stockChanges
}

// writeLocked is for moves that missed: it locks all rows of their keys at once,
// sweeps dead holds there, and takes the units from wherever they are.
func (t *stockTx) writeLocked(ctx context.Context, round int) error {
	var asked, all []stockPart
	for _, s := range t.steps {
		if s.move.Kind == stock.MoveReserve {
			asked = append(asked, s.parts...)
		}
		all = append(all, s.parts...)
	}
	keys := keysOf(asked)
	near, err := t.keysOfDead(ctx, keys)
	if err != nil {
		return err
	}
	l, err := t.lock(ctx, keysOf(append(all, near...)))
	if err != nil {
		return err
	}
	if err := l.sweep(ctx, keys); err != nil {
		return err
	}
	for _, s := range t.steps {
		if err := l.step(ctx, s, round); err != nil {
			return moveError(s.move, err)
		}
	}
	return l.changes.write(ctx, t.tx, t.q)
}

// keysOfDead returns parts with the keys that dead holds of keys have.
func (t *stockTx) keysOfDead(ctx context.Context, keys []stock.Key) ([]stockPart, error) {
	if len(keys) == 0 { // no move asks for units
		return nil, nil
	}
	query, args := t.q.ofKeys(deadOfKeys, keys, t.at)
	return sqlkit.All(ctx, t.tx, func(row sqlkit.Scanner) (p stockPart, err error) {
		return p, row.Scan(&p.row.SKU, &p.row.Location)
	}, query, args...)
}

func scanPart(row sqlkit.Scanner) (p stockPart, err error) {
	return p, row.Scan(&p.hold, &p.row.SKU, &p.row.Location, &p.row.bucket, &p.quantity)
}

// lock locks all rows of keys.
func (t *stockTx) lock(ctx context.Context, keys []stock.Key) (*lockedStock, error) {
	l := &lockedStock{
		t: t, buckets: map[stock.Key][]*stockBucket{}, before: map[stock.Key]int64{},
		placed: map[string][]stockPart{}, changes: stockChanges{},
	}
	for some := range slices.Chunk(keys, sqlkit.MaxArgs/2) {
		query, args := t.q.ofKeys(lockKeys, some)
		buckets, err := sqlkit.All(ctx, t.tx, scanBucket, query, args...)
		if err != nil {
			return nil, err
		}
		for _, b := range buckets {
			l.buckets[b.row.Key] = append(l.buckets[b.row.Key], b)
			l.before[b.row.Key] += b.left()
		}
	}
	return l, nil
}

// sweep ends the dead holds of keys, but for those that have rows which are not
// locked, and those that somebody else is at.
func (l *lockedStock) sweep(ctx context.Context, keys []stock.Key) error {
	if len(keys) == 0 {
		return nil
	}
	query, args := l.t.q.ofKeys(sweepKeys, keys, l.t.at, l.t.at)
	parts, err := sqlkit.All(ctx, l.t.tx, scanPart, query, args...)
	if err != nil {
		return err
	}
	byHold := map[string][]stockPart{}
	for _, p := range parts {
		byHold[p.hold] = append(byHold[p.hold], p)
	}
	for id, parts := range byHold {
		if slices.ContainsFunc(parts, func(p stockPart) bool { return l.buckets[p.row.Key] == nil }) {
			delete(byHold, id)
		}
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(byHold)), sqlkit.MaxArgs) {
		query, args := l.t.q.expireHolds(ids)
		if _, err := l.t.tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
		for _, id := range ids {
			l.do(stockStep{reserved: -1}, byHold[id])
		}
	}
	return nil
}

func (l *lockedStock) step(ctx context.Context, s stockStep, round int) error {
	if s.move.Kind == stock.MoveReserve {
		return l.reserve(ctx, s, round)
	}
	parts := s.parts
	if placed := l.placed[s.move.Hold]; placed != nil {
		parts = placed
	}
	l.do(s, parts)
	return nil
}

// do notes what a step does to rows.
func (l *lockedStock) do(s stockStep, parts []stockPart) {
	for _, p := range parts {
		b := l.bucket(p.row)
		b.onHand += s.onHand * p.quantity
		b.reserved += s.reserved * p.quantity
	}
	l.changes.add(s, parts)
}

// bucket returns a row; a new one is that of a key that gets its first stock.
func (l *lockedStock) bucket(row stockRow) *stockBucket {
	all := l.buckets[row.Key]
	if i := slices.IndexFunc(all, func(b *stockBucket) bool { return b.row == row }); i >= 0 {
		return all[i]
	}
	b := &stockBucket{row: row}
	l.buckets[row.Key] = append(all, b)
	return b
}

// reserve finds units for a hold in rows of its keys, and writes where they are.
func (l *lockedStock) reserve(ctx context.Context, s stockStep, round int) error {
	var placed []stockPart
	var short []stock.Shortage
	extra := len(s.parts)
	for n, p := range s.parts {
		parts, left := l.place(p)
		if left < p.quantity {
			short = append(short, stock.Shortage{Key: p.row.Key, Asked: p.quantity, Left: left})
			continue
		}
		placed = append(placed, parts...)
		if len(short) > 0 || len(parts) == 1 && parts[0].row == p.row {
			continue
		}
		if err := l.t.rewrite(ctx, n, parts, extra); err != nil {
			return err
		}
		extra += len(parts) - 1
	}
	if short != nil {
		return l.short(ctx, short, round)
	}
	l.placed[s.move.Hold] = placed
	l.do(s, placed)
	return nil
}

// place takes a part from the first bucket that has it all, else from several. It
// returns how much is left, which may be too little.
func (l *lockedStock) place(p stockPart) (parts []stockPart, left int64) {
	missing := p.quantity
	for _, b := range l.buckets[p.row.Key] {
		room := b.left()
		left += room
		if room >= p.quantity {
			return []stockPart{{hold: p.hold, row: b.row, quantity: p.quantity}}, room
		}
		if take := min(room, missing); take > 0 {
			parts = append(parts, stockPart{hold: p.hold, row: b.row, quantity: take})
			missing -= take
		}
	}
	return parts, left
}

// rewrite puts row n of a hold where its units are, with rows from extra on for
// those in further buckets.
func (t *stockTx) rewrite(ctx context.Context, n int, parts []stockPart, extra int) error {
	first := parts[0]
	if _, err := t.tx.ExecContext(ctx, t.q.movePart, first.row.bucket, first.quantity, first.hold, n); err != nil {
		return err
	}
	for i, p := range parts[1:] {
		if _, err := t.tx.ExecContext(ctx, t.q.splitPart, extra+i, p.row.bucket, p.quantity, p.hold, n); err != nil {
			return err
		}
	}
	return nil
}

// short looks once more, with the rows locked: buckets that came while they were
// waited for, and dead holds that another sweep had and gave up, are worth another
// round.
func (l *lockedStock) short(ctx context.Context, short []stock.Shortage, round int) error {
	if round < lastRound {
		keys := make([]stock.Key, len(short))
		for i, s := range short {
			keys[i] = s.Key
		}
		rooms, err := l.t.rooms(ctx, keys)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if rooms[k].left != l.before[k] || rooms[k].dead {
				return errMiss
			}
		}
	}
	return &stock.ShortError{Short: short}
}
