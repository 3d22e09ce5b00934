package timeline_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage/internal/timeline"
	"pgregory.net/rapid"
)

func order(a, b int) int { return cmp.Compare(a, b) }

// An assertion is a set at a key.
type assertion struct {
	key timeline.Key
	set []int
}

func key(t int64, id byte) timeline.Key {
	return timeline.Key{Time: t, ID: [32]byte{id}}
}

// naive returns the intervals of assertions by looking at each element alone.
func naive(list []assertion) []timeline.Interval[int] {
	slices.SortFunc(list, func(a, b assertion) int { return a.key.Compare(b.key) })
	var out []timeline.Interval[int]
	for e := range 4 {
		var open *timeline.Interval[int]
		for _, a := range append(slices.Clone(list), assertion{key: key(math.MaxInt64, 0)}) {
			has := slices.Contains(a.set, e)
			switch {
			case has && open == nil:
				open = &timeline.Interval[int]{Elem: e, Begin: a.key.Time, Seen: a.key.Time}
			case has:
				open.Seen = a.key.Time
			case open != nil:
				if open.End = a.key.Time; open.Begin < open.End {
					out = append(out, *open)
				}
				open = nil
			}
		}
	}
	return out
}

// A log is a line and the assertions that are in it.
type log struct {
	line timeline.Line[int]
	have map[timeline.Key][]int
}

// known makes the stretch around a key known.
func (l *log) known(t *rapid.T, k timeline.Key) {
	i := l.line.Inner(k)
	if i < 0 {
		return
	}
	s := l.line.Stretches[i]
	var exact []timeline.Stretch[int]
	for at, set := range l.have {
		if s.First.Compare(at) <= 0 && at.Compare(s.Last) <= 0 {
			exact = append(exact, timeline.Stretch[int]{First: at, Last: at, Count: 1, Set: set})
		}
	}
	slices.SortFunc(exact, func(a, b timeline.Stretch[int]) int { return a.First.Compare(b.First) })
	if len(exact) != s.Count {
		t.Fatalf("a stretch of %d has %d assertions", s.Count, len(exact))
	}
	l.line.Expand(i, exact)
}

// step asserts a set at a key, or takes back what is there.
func (l *log) step(t *rapid.T, k timeline.Key, set []int) {
	_, there := l.have[k]
	if there || !l.line.Absorbs(k, set, order) {
		l.known(t, k)
	}
	if there {
		l.line.Remove(k, order)
		delete(l.have, k)
	} else {
		l.line.Insert(k, set, order)
		l.have[k] = set
	}
	l.line.Compact(order)
}

// Whatever the order in which sets are asserted and taken back, the intervals are those
// of the sets that are left; a stretch whose keys are unknown is made known first.
func TestIntervalsAreAFunctionOfWhatIsAsserted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := log{have: map[timeline.Key][]int{}}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			k := key(rapid.Int64Range(0, 8).Draw(t, "time"), rapid.Byte().Draw(t, "id")%3)
			members := rapid.IntRange(0, 15).Draw(t, "set")
			l.step(t, k, slices.DeleteFunc([]int{0, 1, 2, 3}, func(e int) bool { return members>>e&1 == 0 }))
		}
		var list []assertion
		for k, set := range l.have {
			list = append(list, assertion{k, set})
		}
		if diff := gocmp.Diff(naive(list), l.line.Intervals(nil, math.MaxInt64, order)); diff != "" {
			t.Fatal(diff)
		}
		for i := 1; i < len(l.line.Stretches); i++ {
			if slices.Equal(l.line.Stretches[i-1].Set, l.line.Stretches[i].Set) {
				t.Fatal("two stretches in a row are equal")
			}
		}
	})
}

func TestACutEndsWhatHeldAndTheNextAssertionBeginsAgain(t *testing.T) {
	t.Parallel()
	var line timeline.Line[int]
	line.Insert(key(1, 0), []int{1, 2}, order)
	cut := timeline.Cut[int]{Key: key(5, 0), Apply: func([]int) []int { return []int{2} }}
	line.Breaks = []timeline.Key{cut.Key}
	line.Insert(key(9, 0), []int{1, 2}, order)
	want := []timeline.Interval[int]{
		{Elem: 1, Begin: 1, End: 5, Seen: 1},
		{Elem: 1, Begin: 9, End: 100, Seen: 9},
		{Elem: 2, Begin: 1, End: 100, Seen: 9},
	}
	if diff := gocmp.Diff(want, line.Intervals([]timeline.Cut[int]{cut}, 100, order)); diff != "" {
		t.Error(diff)
	}
}

// What is asserted at the key of a cut comes before it.
func TestACutIsAfterTheAssertionAtItsKey(t *testing.T) {
	t.Parallel()
	var line timeline.Line[int]
	cut := timeline.Cut[int]{Key: key(5, 0), Apply: func([]int) []int { return nil }}
	line.Breaks = []timeline.Key{cut.Key}
	line.Insert(key(5, 0), []int{1}, order)
	line.Insert(key(7, 0), []int{1}, order)
	want := []timeline.Interval[int]{{Elem: 1, Begin: 7, End: 100, Seen: 7}}
	if diff := gocmp.Diff(want, line.Intervals([]timeline.Cut[int]{cut}, 100, order)); diff != "" {
		t.Error(diff)
	}
}
