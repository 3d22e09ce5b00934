package persist_test

import (
	"maps"
	"testing"

	"github.com/tenon-go/tenon/lineage/internal/persist"
	"pgregory.net/rapid"
)

// Each version stays what it was, whatever is written after it.
func TestVersionsNeverChange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var v persist.Vector[int]
		versions := []persist.Vector[int]{v}
		models := []map[int32]int{{}}
		edit := v.Edit()
		now := map[int32]int{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "publish") == 0 {
				versions = append(versions, edit.Vector())
				models = append(models, maps.Clone(now))
				continue
			}
			i := rapid.Int32Range(0, 600).Draw(t, "index")
			x := rapid.Int().Draw(t, "value")
			edit.Set(i, x)
			now[i] = x
			if edit.At(i) != x {
				t.Fatal("the editor does not show what it wrote")
			}
		}
		for n, v := range versions {
			check(t, v, models[n])
		}
	})
}

func check(t *rapid.T, v persist.Vector[int], want map[int32]int) {
	for i := range int32(700) {
		if got := v.At(i); got != want[i] {
			t.Fatalf("got %d at %d, want %d", got, i, want[i])
		}
	}
}
