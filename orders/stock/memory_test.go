package stock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/orders/stock"
	"pgregory.net/rapid"
)

func at(s int64) time.Time { return time.Unix(1_750_000_000+s, 0).UTC() }

// attempts is how many holds the proofs try: TENON_STOCK_ATTEMPTS, else 10,000.
func attempts(t *testing.T) int {
	t.Helper()
	text := os.Getenv("TENON_STOCK_ATTEMPTS")
	if text == "" {
		return 10_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Invariant: orders O1.
func TestMemoryNeverOversells(t *testing.T) {
	t.Parallel()
	const workers, units = 16, 1000
	n := attempts(t) / workers
	s := stock.NewMemoryStore()
	keys := []stock.Key{{SKU: "A"}, {SKU: "B"}}
	for _, k := range keys {
		if err := s.SetOnHand(t.Context(), k, units); err != nil {
			t.Fatal(err)
		}
	}
	var sold atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range n {
				if err := sell(s, keys, w, i, &sold); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	levels, err := s.Levels(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range levels {
		if l.OnHand != units-sold.Load() || l.Reserved != 0 {
			t.Errorf("%v, and %d were sold", l, sold.Load())
		}
	}
}

// sell takes a unit of each of two keys, in one or the other order, if they are
// there, and releases every third hold. It looks whether both went at once.
func sell(s stock.Store, keys []stock.Key, worker, i int, sold *atomic.Int64) error {
	ctx, id := context.Background(), fmt.Sprint(worker, "/", i)
	lines := []stock.Line{{Key: keys[(worker+i)%2], Quantity: 1}, {Key: keys[(worker+i+1)%2], Quantity: 1}}
	err := s.Reserve(ctx, at(0), stock.Hold{ID: id, Lines: lines, Until: at(600)})
	switch {
	case err == nil && i%3 == 0:
		err = s.Release(ctx, at(1), id)
	case err == nil:
		sold.Add(1)
		err = s.Commit(ctx, at(1), id)
	case errors.Is(err, stock.ErrShort):
		err = nil
	}
	levels, look := s.Levels(ctx, keys)
	if look == nil && (levels[0].OnHand != levels[1].OnHand || levels[0].Reserved != levels[1].Reserved || levels[0].Left() < 0) {
		look = fmt.Errorf("%v", levels)
	}
	return errors.Join(err, look)
}

func TestSumAddsUpTheLinesOfAKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) stock.Line {
			k := stock.Key{SKU: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "sku"), Location: rapid.SampledFrom([]string{"", "x"}).Draw(t, "location")}
			return stock.Line{Key: k, Quantity: rapid.Int64Range(1, 9).Draw(t, "quantity")}
		}), 0, 12).Draw(t, "lines")
		want := map[stock.Key]int64{}
		for _, l := range lines {
			want[l.Key] += l.Quantity
		}
		got := map[stock.Key]int64{}
		for i, l := range stock.Sum(lines) {
			if got[l.Key] = l.Quantity; i > 0 && stock.Sum(lines)[i-1].Compare(l.Key) >= 0 {
				t.Fatalf("%v is not ascending", stock.Sum(lines))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	s := stock.NewMemoryStore()
	err := s.Reserve(t.Context(), at(0), stock.Hold{ID: "h", Until: at(1), Lines: []stock.Line{{Key: stock.Key{SKU: "A", Location: "x"}, Quantity: 3}}})
	if got, want := fmt.Sprint(err), `stock: reserve "h": short of A@x: 3 asked, 0 left`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err = s.Apply(t.Context(), at(0), []stock.Move{{Kind: stock.MoveCommit, Hold: "h"}, {Kind: 9}, {Kind: stock.MoveRestock, Lines: []stock.Line{{}}}})
	if got, want := fmt.Sprint(err), "stock: apply: invalid: move 2: MoveKind(9): want a kind of move; move 3: line 1: sku: empty; move 3: line 1: quantity 0: want 1 to 1000000"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
