package consume_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tenon-go/tenon/promotions/internal/consume"
	"pgregory.net/rapid"
)

// drawClasses makes classes of few units and few prices, so that there are ties.
func drawClasses(t *rapid.T, units, needs int) []consume.Class {
	var classes []consume.Class
	for range rapid.IntRange(0, 5).Draw(t, "classes") {
		n := rapid.IntRange(0, min(units, 4)).Draw(t, "count")
		units -= n
		classes = append(classes, consume.Class{
			Price: rapid.Int64Range(1, 5).Draw(t, "price"), Count: int64(n),
			Fits: uint8(rapid.IntRange(0, 1<<needs-1).Draw(t, "fits")), //nolint:gosec // at most 8 bits
		})
	}
	return classes
}

func drawBuyGet(t *rapid.T) consume.BuyGet {
	return consume.BuyGet{
		Buy: rapid.Int64Range(1, 3).Draw(t, "buy"), Get: rapid.Int64Range(1, 3).Draw(t, "get"),
		Max:       rapid.SampledFrom([]int64{0, 0, 1, 2}).Draw(t, "max"),
		Pick:      rapid.SampledFrom([]consume.Pick{consume.Cheapest, consume.Dearest}).Draw(t, "pick"),
		NotDearer: rapid.Bool().Draw(t, "not dearer"),
	}
}

func TestBuyGetIsTheBestMatchingOfUnits(t *testing.T) {
	var s consume.Solver
	rapid.Check(t, func(t *rapid.T) {
		classes, q := drawClasses(t, 9, 2), drawBuyGet(t)
		times, got, bought := s.BuyGet(classes, q)
		wantTimes, wantGot, wantBought := bruteBuyGet(classes, q)
		compare(t, [][]int64{{wantTimes}, wantGot, wantBought}, [][]int64{{times}, got, bought})
	})
}

func TestBuyGetPerGroupCutsUnitsFromTheDearest(t *testing.T) {
	var s consume.Solver
	rapid.Check(t, func(t *rapid.T) {
		classes, q := drawClasses(t, 12, 0), drawBuyGet(t)
		q.PerGroup = true
		for i := range classes {
			classes[i].Fits = consume.FitsBuy | consume.FitsGet
		}
		times, got, bought := s.BuyGet(classes, q)
		wantTimes, wantGot, wantBought := brutePerGroup(classes, q)
		compare(t, [][]int64{{wantTimes}, wantGot, wantBought}, [][]int64{{times}, got, bought})
	})
}

func TestBundleIsTheBestMatchingOfUnits(t *testing.T) {
	var s consume.Solver
	rapid.Check(t, func(t *rapid.T) {
		b := consume.Bundle{
			Needs: rapid.SliceOfN(rapid.Int64Range(1, 3), 1, 4).Draw(t, "needs"),
			Max:   rapid.SampledFrom([]int64{0, 0, 1, 2}).Draw(t, "max"),
			Pick:  rapid.SampledFrom([]consume.Pick{consume.Cheapest, consume.Dearest}).Draw(t, "pick"),
		}
		classes := drawClasses(t, 8, len(b.Needs))
		times, apps := s.Bundle(classes, b)
		got := [][]int64{}
		for _, app := range apps {
			for range app.Times {
				units := make([]int64, len(classes))
				for _, take := range app.Takes {
					units[take.Class] = take.Units
				}
				got = append(got, units)
			}
		}
		want := bruteBundle(classes, b)
		if times != int64(len(want)) {
			t.Fatalf("times = %d, want %d", times, len(want))
		}
		compare(t, want, got)
	})
}

func compare(t *rapid.T, want, got [][]int64) {
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func TestSizesNearTheEndOfInt64NeverWrap(t *testing.T) {
	var s consume.Solver
	const huge = math.MaxInt64
	classes := []consume.Class{{Price: 5, Count: 1e12, Fits: 3}, {Price: 7, Count: 1e12, Fits: 3}}
	for _, perGroup := range []bool{false, true} {
		for _, notDearer := range []bool{false, true} {
			q := consume.BuyGet{Buy: huge, Get: huge, PerGroup: perGroup, NotDearer: notDearer}
			if times, _, _ := s.BuyGet(classes, q); times != 0 {
				t.Errorf("%+v: times = %d", q, times)
			}
		}
	}
	if times, _ := s.Bundle(classes, consume.Bundle{Needs: []int64{huge, huge, 1}}); times != 0 {
		t.Errorf("bundle: times = %d", times)
	}
	times, got, bought := s.BuyGet(classes, consume.BuyGet{Buy: 2, Get: 1, NotDearer: true})
	want := [][]int64{{666666666666}, {666666666666, 0}, {333333333332, 1e12}}
	if diff := cmp.Diff(want, [][]int64{{times}, got, bought}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Invariant: promotions P7.
func TestEqualApplicationsAreCounted(t *testing.T) {
	var s consume.Solver
	classes := []consume.Class{{Price: 5, Count: 1e9 + 1, Fits: 3}, {Price: 4, Count: 1e9, Fits: 2}}
	times, apps := s.Bundle(classes, consume.Bundle{Needs: []int64{2, 1}})
	if times != 5e8 || len(apps) != 1 || apps[0].Times != times {
		t.Errorf("times = %d, apps = %+v", times, apps)
	}
}

func BenchmarkBundle(b *testing.B) {
	var s consume.Solver
	classes := []consume.Class{{Price: 5, Count: 1e9 + 1, Fits: 3}, {Price: 4, Count: 1e9, Fits: 2}}
	q := consume.Bundle{Needs: []int64{2, 1}}
	for b.Loop() {
		s.Bundle(classes, q)
	}
}
