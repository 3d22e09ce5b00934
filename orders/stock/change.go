package stock

import (
	"fmt"
	"slices"
	"time"
)

// A change is some moves under way.
type change struct {
	store          *MemoryStore
	at             time.Time
	locked, needed mask
	undo           []func()
}

// make makes all moves or none.
func (c *change) make(moves []Move) error {
	c.store.lock(c.locked)
	defer c.store.unlock(c.locked)
	for _, m := range moves {
		if err := c.move(m); err != nil {
			for _, undo := range slices.Backward(c.undo) {
				undo()
			}
			if m.Hold == "" {
				return fmt.Errorf("%v: %w", m.Kind, err)
			}
			return fmt.Errorf("%v %q: %w", m.Kind, m.Hold, err)
		}
	}
	return nil
}

func (c *change) move(m Move) error {
	if m.Kind == MoveRestock {
		for _, l := range m.Lines {
			c.restock(l)
		}
		return nil
	}
	h := c.store.shards[c.store.index(m.Hold)].holds[m.Hold]
	if h != nil {
		if err := c.need(c.store.maskOf(h.id, h.lines)); err != nil {
			return err
		}
	}
	if m.Kind == MoveReserve {
		return c.reserve(h, m)
	}
	if h == nil {
		return ErrNotFound
	}
	switch m.Kind {
	case MoveRelease:
		return c.end(h, released)
	case MoveCommit:
		return c.end(h, committed)
	default:
		return c.extend(h, m.Until)
	}
}

func (c *change) need(m mask) error {
	c.needed |= m
	if m&^c.locked != 0 {
		return errLocks
	}
	return nil
}

func (c *change) reserve(h *hold, m Move) error {
	lines := Sum(m.Lines)
	if h != nil {
		if !slices.Equal(h.lines, lines) {
			return ErrHold
		}
		return c.extend(h, m.Until)
	}
	if err := c.room(lines); err != nil {
		return err
	}
	h = &hold{id: m.Hold, lines: lines, until: toMicros(m.Until), state: live}
	holds := c.store.shards[c.store.index(h.id)].holds
	holds[h.id] = h
	c.store.take(h)
	c.undo = append(c.undo, func() {
		c.store.give(h)
		delete(holds, h.id)
	})
	return nil
}

// room makes sure that there is enough for all lines, and sweeps for it.
func (c *change) room(lines []Line) error {
	var short []Shortage
	for _, l := range lines {
		level, left := c.store.level(l.Key), int64(0)
		if level != nil {
			left = level.onHand - level.reserved
		}
		if level != nil && left < l.Quantity && !level.next.After(c.at) {
			// The other lines of a dead hold may be in any shard.
			if err := c.need(all); err != nil {
				return err
			}
			c.sweep(level)
			left = level.onHand - level.reserved
		}
		if left < l.Quantity {
			short = append(short, Shortage{Key: l.Key, Asked: l.Quantity, Left: left})
		}
	}
	if short != nil {
		return &ShortError{Short: short}
	}
	return nil
}

// sweep ends a level's dead holds, and learns when the next one dies.
func (c *change) sweep(l *level) {
	next := never()
	for h := range l.holds {
		if h.until.After(c.at) {
			next = earlier(next, h.until)
			continue
		}
		c.finish(h, expired)
	}
	l.next = next
}

func (c *change) extend(h *hold, until time.Time) error {
	if h.state != live {
		return fmt.Errorf("it was %s: %w", h.state, ErrEnded)
	}
	if was, until := h.until, toMicros(until); until.After(was) {
		h.until = until
		c.undo = append(c.undo, func() { h.until = was })
	}
	return nil
}

// end ends a hold the way that the caller wants, unless that has happened.
func (c *change) end(h *hold, as state) error {
	switch {
	case h.state == live:
		c.finish(h, as)
		return nil
	case h.state == as, h.state == expired && as == released:
		return nil
	}
	return fmt.Errorf("it was %s: %w", h.state, ErrEnded)
}

func (c *change) finish(h *hold, as state) {
	c.store.give(h)
	h.state = as
	if as == committed {
		c.store.addOnHand(h.lines, -1)
	}
	c.undo = append(c.undo, func() {
		if as == committed {
			c.store.addOnHand(h.lines, +1)
		}
		h.state = live
		c.store.take(h)
	})
}

func (c *change) restock(l Line) {
	was := c.store.level(l.Key)
	level := c.store.known(l.Key)
	level.onHand += l.Quantity
	c.undo = append(c.undo, func() {
		level.onHand -= l.Quantity
		if was == nil {
			delete(c.store.shards[c.store.index(l.SKU)].levels, l.Key)
		}
	})
}
