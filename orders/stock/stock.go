package stock

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// What a store accepts at most.
const (
	MaxQuantity = 1_000_000         // of one line
	MaxLines    = 1_000             // of one hold
	MaxOnHand   = 1_000_000_000_000 // of one key
	MaxBuckets  = 64                // of one key
	MaxName     = 255               // bytes of an id, a SKU or a location
)

// A Key names what is counted: a SKU at a location. Names are valid UTF-8 without
// NUL. A location may be empty, for a shop that has but one; a SKU may not.
type Key struct{ SKU, Location string }

// String returns "SKU" or "SKU@location".
func (k Key) String() string {
	if k.Location == "" {
		return k.SKU
	}
	return k.SKU + "@" + k.Location
}

// Compare orders keys by SKU, then by location, bytewise. It is the order in which
// stores lock.
func (k Key) Compare(other Key) int {
	return cmp.Or(strings.Compare(k.SKU, other.SKU), strings.Compare(k.Location, other.Location))
}

// A Line is a number of units of a key.
type Line struct {
	Key

	Quantity int64 // 1 to MaxQuantity
}

// String returns "2 of SKU@location".
func (l Line) String() string { return fmt.Sprintf("%d of %v", l.Quantity, l.Key) }

// Sum returns the lines in ascending order of their keys, those of one key added
// up. It does not change lines.
func Sum(lines []Line) []Line {
	sum := slices.SortedFunc(slices.Values(lines), func(a, b Line) int { return a.Compare(b.Key) })
	n := 0
	for _, l := range sum {
		if n > 0 && sum[n-1].Key == l.Key {
			sum[n-1].Quantity += l.Quantity
			continue
		}
		sum[n] = l
		n++
	}
	return sum[:n]
}

// A Level is how much there is of a key. 0 ≤ Reserved ≤ OnHand, and Reserved is
// the sum of the live holds.
type Level struct {
	Key

	OnHand   int64 // units that the shop has, those that are held among them
	Reserved int64 // units that are held
}

// String returns "SKU@location: 5 on hand, 2 reserved".
func (l Level) String() string {
	return fmt.Sprintf("%v: %d on hand, %d reserved", l.Key, l.OnHand, l.Reserved)
}

// Left returns what nobody holds.
func (l Level) Left() int64 { return l.OnHand - l.Reserved }

// A Hold is units that are set aside until a moment.
type Hold struct {
	ID string
	// Lines are 1 to MaxLines. Lines of one key count together; a store gives them
	// back as Sum does.
	Lines []Line
	// Until is when others may have the units, to the microsecond. A hold can be
	// swept from then on, not before.
	Until time.Time
}

// A Store keeps levels and holds. It is safe for concurrent use, and linearisable:
// each call takes effect as a whole at one moment between its start and its end, or
// not at all where it returns an error. Calls never wait for each other in a circle.
//
// A call checks its input first, and reports all that is wrong as an *[InvalidError].
// When ctx has ended, the error is also context.Cause(ctx). Any other error that is
// not named here is the storage's, and nothing was changed, unless a store's own
// documentation says that it may not know. Then the call is to be repeated, which is
// safe for all of them.
//
// The time at is the caller's now. A hold is dead from its Until on, Until included;
// a dead hold is live until it is swept.
type Store interface {
	// Reserve takes all units of a hold, or none. Afterwards the hold is live with
	// these lines, no unit of which is in another hold, and ends no sooner than
	// h.Until. Where it is live already with the same lines, in whatever order and
	// split, Reserve does no more than Extend would.
	//
	// Dead holds of the hold's keys are swept where their units are needed, but for
	// those that others are about to extend or end. The time is then linear in their
	// number, else in that of the lines.
	//
	// *ShortError: less is left of some keys, all of which it lists, than their lines
	// ask for together. A key that was never set has nothing left.
	// ErrHold: the hold is there, live or ended, with other lines.
	// ErrEnded: it is there with the same lines, and has ended.
	Reserve(ctx context.Context, at time.Time, h Hold) error

	// Extend lets a live hold, dead or not, end no sooner than until. It never
	// shortens: an earlier time is fine, and changes nothing.
	//
	// ErrNotFound, ErrEnded.
	Extend(ctx context.Context, at time.Time, id string, until time.Time) error

	// Release gives the units of a live hold back. A hold that was released or swept
	// before is fine.
	//
	// ErrNotFound; ErrEnded: it was committed.
	Release(ctx context.Context, at time.Time, id string) error

	// Commit takes the units of a live hold, dead or not, from what is on hand. A hold
	// that was committed before is fine.
	//
	// ErrNotFound; ErrEnded: it was released or swept.
	Commit(ctx context.Context, at time.Time, id string) error

	// Expire sweeps dead holds, those that ended first, and returns how many: at most
	// limit, which is at least 1. It passes over holds that others are about to extend
	// or end. When it fails, those that it counts are swept, in steps of 100 or so.
	Expire(ctx context.Context, at time.Time, limit int) (int, error)

	// Levels returns the level of each key, in their order and all as of one moment.
	// A key that was never set is at 0. Dead holds count until they are swept.
	Levels(ctx context.Context, keys []Key) ([]Level, error)

	// SetOnHand says how many units of a key there are, 0 to MaxOnHand, those that are
	// held among them. The key need not be known.
	//
	// ErrReserved: that would be less than is reserved.
	SetOnHand(ctx context.Context, key Key, n int64) error

	// SetBuckets spreads a key over n counters, 1 to MaxBuckets, so that as many
	// transactions can reserve it at once where a database locks rows. Nothing else
	// changes: what is left can be had to the last unit, and Levels adds up. A store
	// without row locks has no use for it.
	//
	// ErrNotFound: the key was never set.
	SetBuckets(ctx context.Context, key Key, n int) error
}

// An Applier is a [Store] that makes several moves at once: all, in their order, or
// none. Each later move sees what the earlier ones did, so that a hold can be
// released and another one have its units. The errors are those of the moves, of
// the first that fails.
type Applier interface {
	Apply(ctx context.Context, at time.Time, moves []Move) error
}

// A Lister is a [Store] that shows its live holds, by ascending id, the dead ones
// that nobody has swept among them. Lines are as by [Sum]. The sequence is live and
// may miss what changes meanwhile; it can be ranged over again, and ends with the
// first error.
type Lister interface {
	Holds(ctx context.Context) iter.Seq2[Hold, error]
}

// MoveKind says what a Move does.
type MoveKind uint8

// The kinds of moves.
const (
	MoveReserve MoveKind = iota + 1 // Store.Reserve of Hold, Lines and Until
	MoveExtend                      // Store.Extend of Hold to Until
	MoveRelease                     // Store.Release of Hold
	MoveCommit                      // Store.Commit of Hold
	MoveRestock                     // adds Lines to what is on hand, as often as it is made
)

// String returns "reserve" and the like.
func (k MoveKind) String() string {
	names := [...]string{MoveReserve: "reserve", MoveExtend: "extend", MoveRelease: "release", MoveCommit: "commit", MoveRestock: "restock"}
	if k == 0 || int(k) >= len(names) {
		return fmt.Sprintf("MoveKind(%d)", uint8(k))
	}
	return names[k]
}

// A Move is one change of stock as a value. Fields that its kind does not name are
// zero.
type Move struct {
	Kind  MoveKind
	Hold  string
	Lines []Line
	Until time.Time
}
