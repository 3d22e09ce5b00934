package persist_test

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage/internal/persist"
	"pgregory.net/rapid"
)

// Each version of a list is what a slice would be, and stays that whatever is written
// after it.
func TestListsNeverChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.SliceOfN(rapid.IntRange(0, 1000), 0, 500).Draw(t, "items")
		slices.Sort(now)
		edit := persist.NewList(slices.Clone(now))
		var versions []*persist.List[int]
		var models [][]int
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			x := rapid.IntRange(0, 1000).Draw(t, "value")
			at := edit.Find(func(y *int) bool { return *y < x })
			i, found := slices.BinarySearch(now, x)
			if y, ok := edit.At(at); ok != (i < len(now)) || ok && y != now[i] {
				t.Fatalf("got %d, %t at the place of %d, which is %d of %v", y, ok, x, i, now)
			}
			neighbours(t, edit, at, now, i)
			switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
			case what == 0:
				versions, models = append(versions, edit.List()), append(models, slices.Clone(now))
				edit = versions[len(versions)-1].Edit()
			case what < 6:
				edit.Insert(at, x)
				now = slices.Insert(now, i, x)
			case !found:
			case what == 6:
				edit.Set(at, x)
			default:
				edit.Delete(at)
				now = slices.Delete(now, i, i+1)
			}
		}
		versions, models = append(versions, edit.List()), append(models, now)
		for n, v := range versions {
			checkList(t, v, models[n])
		}
	})
}

// neighbours checks what stands beside place i.
func neighbours(t *rapid.T, edit *persist.ListEditor[int], at persist.Place, now []int, i int) {
	before, ok := edit.Before(at)
	if ok != (i > 0) {
		t.Fatalf("a place before that of %d: %t", i, ok)
	}
	if x, _ := edit.At(before); ok && x != now[i-1] {
		t.Fatalf("got %d before place %d, want %d", x, i, now[i-1])
	}
	if i >= len(now) {
		return
	}
	x, ok := edit.At(edit.Next(at))
	if ok != (i+1 < len(now)) || ok && x != now[i+1] {
		t.Fatalf("got %d, %t after place %d of %v", x, ok, i, now)
	}
}

func checkList(t *rapid.T, l *persist.List[int], want []int) {
	got := []int{}
	for i := range l.Parts() {
		first, items := l.Part(i)
		if first != len(got) || len(items) == 0 {
			t.Fatalf("a part of %d items begins at %d, not at %d", len(items), first, len(got))
		}
		got = append(got, items...)
	}
	if diff := gocmp.Diff(append([]int{}, want...), got); diff != "" || l.Len() != len(want) {
		t.Fatalf("%d items (-want +got):\n%s", l.Len(), diff)
	}
	for i, x := range want {
		if l.At(i) != x {
			t.Fatalf("got %d at %d, want %d", l.At(i), i, x)
		}
	}
}

// What comes in order fills the parts, and long lists are made of few.
func TestAListThatGrowsAtItsEndFillsItsParts(t *testing.T) {
	t.Parallel()
	edit := persist.NewList[int](nil)
	for x := range 12_800 {
		edit.Insert(edit.Find(func(y *int) bool { return cmp.Less(*y, x) }), x)
	}
	if parts := edit.List().Parts(); parts != 100 {
		t.Errorf("%d parts", parts)
	}
}
