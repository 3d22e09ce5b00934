package sqlkit_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/sqlkit"
)

func scanText(row sqlkit.Scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

func TestAllReturnsEachRowOrAnError(t *testing.T) {
	t.Parallel()
	f, db := newFake(t, sqlkit.SQLite)
	all := func(ctx context.Context) ([]string, error) { return sqlkit.All(ctx, db, scanText, "select facts") }
	if got, err := all(t.Context()); got != nil || err != nil {
		t.Errorf("of nothing: %q, %v", got, err)
	}
	f.facts = []string{"a", "b", "c"}
	got, err := all(t.Context())
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	failure := errors.New("connection lost")
	for _, x := range []fault{{on: "select", err: failure}, {on: "row", err: failure}, {on: "row", skip: 2, err: failure}, {on: "row", skip: 3, err: failure}} {
		f.fault(x)
		if got, err := all(t.Context()); got != nil || !errors.Is(err, failure) {
			t.Errorf("failure at %s %d: %q, %v", x.on, x.skip, got, err)
		}
	}
	_, err = sqlkit.All(t.Context(), db, func(sqlkit.Scanner) (string, error) { return "", failure }, "select facts")
	if !errors.Is(err, failure) {
		t.Errorf("failure of scan: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(failure)
	if _, err := all(ctx); !errors.Is(err, failure) {
		t.Errorf("ended context: %v, want its cause", err)
	}
	if open := db.Stats().InUse; open != 0 {
		t.Errorf("%d connections in use, want none", open)
	}
}

func TestPagesYieldsEachElementOnce(t *testing.T) {
	t.Parallel()
	for n := range 8 {
		calls := 0
		pages := sqlkit.Pages(3, func(after *int) ([]int, error) {
			calls++
			from := 0
			if after != nil {
				from = *after + 1
			}
			var page []int
			for i := from; i < min(from+3, n); i++ {
				page = append(page, i)
			}
			return page, nil
		})
		for range 2 { // it can be ranged over again
			calls = 0
			var got []int
			for i, err := range pages {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, i)
			}
			if want := slices.Collect(count(n)); !slices.Equal(got, want) || calls != n/3+1 {
				t.Errorf("n = %d: %d in %d pages, want %d in %d", n, got, calls, want, n/3+1)
			}
		}
	}
}

func count(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func TestPagesEndsWithTheLoopAndWithTheFirstError(t *testing.T) {
	t.Parallel()
	calls := 0
	pages := sqlkit.Pages(1, func(*int) ([]int, error) {
		if calls++; calls == 3 {
			return nil, errStore
		}
		return []int{calls}, nil
	})
	for _, err := range pages {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if calls != 1 {
		t.Errorf("after a break: %d pages were loaded, want 1", calls)
	}
	calls = 0
	var errs []error
	for _, err := range pages {
		errs = append(errs, err)
	}
	if len(errs) != 3 || !errors.Is(errs[2], errStore) || errs[0] != nil || errs[1] != nil {
		t.Errorf("errors %v, want the third alone, and then the end", errs)
	}
}

func TestMicrosHoldsEachTimeToTheMicrosecond(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		{},
		time.Unix(0, 0),
		time.Date(2026, 2, 3, 4, 5, 6, 789_012_999, time.FixedZone("", 3600)),
		time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		got, want := sqlkit.FromMicros(sqlkit.Micros(at)), at.UTC().Add(-time.Duration(at.Nanosecond()%1000))
		if !got.Equal(want) || got.Location() != time.UTC || got.IsZero() != want.IsZero() {
			t.Errorf("%v came back as %v, want %v", at, got, want)
		}
	}
	if sqlkit.Micros(time.UnixMicro(math.MaxInt64)) != math.MaxInt64 {
		t.Error("the last microsecond is not held")
	}
}
