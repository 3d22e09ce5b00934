package stock

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Check returns an [InvalidError] for a key that no store accepts.
func (k Key) Check() error {
	var p problems
	k.check(&p, "")
	return p.err()
}

// CheckKeys returns an [InvalidError] for what [Store] does not accept in Levels.
func CheckKeys(keys []Key) error {
	var p problems
	for i, k := range keys {
		k.check(&p, fmt.Sprintf("key %d: ", i+1))
	}
	return p.err()
}

func (k Key) check(p *problems, where string) {
	name(p, where+"sku", k.SKU)
	if k.Location != "" {
		name(p, where+"location", k.Location)
	}
}

func name(p *problems, what, s string) {
	switch {
	case s == "":
		p.add("%s: empty", what)
	case len(s) > MaxName:
		p.add("%s: %d bytes: want at most %d", what, len(s), MaxName)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		p.add("%s %q: not UTF-8 without NUL", what, s)
	}
}

// CheckOnHand returns an [InvalidError] for what [Store] does not accept in
// SetOnHand.
func CheckOnHand(k Key, n int64) error {
	var p problems
	k.check(&p, "")
	if n < 0 || n > MaxOnHand {
		p.add("%d on hand: want 0 to %d", n, MaxOnHand)
	}
	return p.err()
}

// CheckBuckets returns an [InvalidError] for what [Store] does not accept in
// SetBuckets.
func CheckBuckets(k Key, n int) error {
	var p problems
	k.check(&p, "")
	if n < 1 || n > MaxBuckets {
		p.add("%d buckets: want 1 to %d", n, MaxBuckets)
	}
	return p.err()
}

// Check returns an [InvalidError] with all that is wrong with a hold that is to be
// taken at the time at.
func (h Hold) Check(at time.Time) error {
	var p problems
	name(&p, "hold", h.ID)
	checkLines(&p, h.Lines)
	if !h.Until.Truncate(time.Microsecond).After(at) {
		p.add("until %s: want a time after %s", h.Until.Format(time.RFC3339Nano), at.Format(time.RFC3339Nano))
	}
	return p.err()
}

// Check returns an [InvalidError] with all that is wrong with a line.
func (l Line) Check() error {
	var p problems
	l.check(&p, "")
	return p.err()
}

func (l Line) check(p *problems, where string) {
	l.Key.check(p, where)
	if l.Quantity < 1 || l.Quantity > MaxQuantity {
		p.add("%squantity %d: want 1 to %d", where, l.Quantity, MaxQuantity)
	}
}

func checkLines(p *problems, lines []Line) {
	if len(lines) == 0 || len(lines) > MaxLines {
		p.add("%d lines: want 1 to %d", len(lines), MaxLines)
		return
	}
	for i, l := range lines {
		l.check(p, fmt.Sprintf("line %d: ", i+1))
	}
}

// Check returns an [InvalidError] with all that is wrong with a move made at the
// time at.
func (m Move) Check(at time.Time) error {
	var p problems
	switch m.Kind {
	case MoveReserve:
		return Hold{ID: m.Hold, Lines: m.Lines, Until: m.Until}.Check(at)
	case MoveExtend, MoveRelease, MoveCommit:
		name(&p, "hold", m.Hold)
	case MoveRestock:
		checkLines(&p, m.Lines)
	default:
		p.add("%v: want a kind of move", m.Kind)
	}
	return p.err()
}

// CheckMoves returns an [InvalidError] with all that is wrong with moves made at the
// time at, and says of each problem in which move it is.
func CheckMoves(at time.Time, moves []Move) error {
	var p problems
	for i, m := range moves {
		if invalid, ok := errors.AsType[*InvalidError](m.Check(at)); ok {
			for _, problem := range invalid.Problems {
				p.add("move %d: %s", i+1, problem)
			}
		}
	}
	return p.err()
}
