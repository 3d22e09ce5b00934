package orderstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/orders/stock"
)

// TestStockCases runs the third-party cases of stock against a store; newStore is as
// for TestStock. Where the cases are absent the test is skipped.
func TestStockCases(t *testing.T, newStore func(t *testing.T) stock.Store) {
	t.Helper()
	ours := func(name string) bool { return strings.HasPrefix(name, "stock") }
	casetest.RunIf(t, "orders", ours, func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var sc stockCase
		c.Decode(t, &sc)
		s := newStore(t)
		if err := sc.run(t.Context(), s); errors.Is(err, errUnknown) {
			t.Log(err)
			return false
		} else if err != nil {
			t.Error(err)
		}
		return true
	})
}

// errUnknown says that a case has something that these tests do not know.
var errUnknown = errors.New("not known")

type stockCase struct {
	Levels  map[string]int64
	Buckets json.RawMessage // a number, or numbers by SKU
	Steps   []stockStep
	Want    map[string][2]int64 // on hand and reserved by SKU
}

type stockStep struct {
	Op    string
	At    int64
	Hold  string
	Lines []struct {
		SKU      string
		Quantity int64
	}
	Until  int64
	Limit  int
	SKU    string
	OnHand int64 `json:"on_hand"`
	Want   json.RawMessage
	Count  *int
}

func (c *stockCase) run(ctx context.Context, s stock.Store) error {
	for sku, n := range c.Levels {
		if err := s.SetOnHand(ctx, stock.Key{SKU: sku}, n); err != nil {
			return err
		}
	}
	if err := c.setBuckets(ctx, s); err != nil {
		return err
	}
	for i, step := range c.Steps {
		if err := step.run(ctx, s); err != nil {
			return fmt.Errorf("step %d: %s at %d: %w", i+1, step.Op, step.At, err)
		}
	}
	skus := slices.Sorted(maps.Keys(c.Want))
	keys := make([]stock.Key, len(skus))
	for i, sku := range skus {
		keys[i].SKU = sku
	}
	levels, err := s.Levels(ctx, keys)
	if err != nil {
		return err
	}
	got := map[string][2]int64{}
	for _, l := range levels {
		got[l.SKU] = [2]int64{l.OnHand, l.Reserved}
	}
	if diff := cmp.Diff(c.Want, got); c.Want != nil && diff != "" {
		return fmt.Errorf("[on hand, reserved] (-want +got):\n%s", diff) //nolint:err113 // for people
	}
	return nil
}

func (c *stockCase) setBuckets(ctx context.Context, s stock.Store) error {
	if c.Buckets == nil {
		return nil
	}
	n, by := 0, map[string]int{}
	if json.Unmarshal(c.Buckets, &n) == nil {
		for sku := range c.Levels {
			by[sku] = n
		}
	} else if json.Unmarshal(c.Buckets, &by) != nil {
		return fmt.Errorf("buckets %s: %w", c.Buckets, errUnknown)
	}
	for sku, n := range by {
		if err := s.SetBuckets(ctx, stock.Key{SKU: sku}, n); err != nil {
			return err
		}
	}
	return nil
}

// run makes the step and compares its answer.
func (s stockStep) run(ctx context.Context, store stock.Store) error {
	n, err := s.do(ctx, store)
	if errors.Is(err, errUnknown) {
		return err
	}
	if s.Count != nil && n != *s.Count {
		return fmt.Errorf("count %d, want %d", n, *s.Count) //nolint:err113 // for people
	}
	if s.Want == nil {
		return nil
	}
	var short struct {
		Short map[string]struct{ Asked, Left int64 }
	}
	var word string
	if json.Unmarshal(s.Want, &word) != nil {
		if json.Unmarshal(s.Want, &short) != nil || short.Short == nil {
			return fmt.Errorf("want %s: %w", s.Want, errUnknown)
		}
		word = "short"
	}
	sentinel, ok := map[string]error{
		"ok": nil, "short": stock.ErrShort, "conflict": stock.ErrHold, "ended": stock.ErrEnded,
		"reserved": stock.ErrReserved, "invalid": stock.ErrInvalid, "not_found": stock.ErrNotFound,
	}[word]
	if !ok {
		return fmt.Errorf("want %s: %w", s.Want, errUnknown)
	}
	if !errors.Is(err, sentinel) {
		return fmt.Errorf("got %w, want %s", err, s.Want)
	}
	var got *stock.ShortError
	if short.Short == nil || !errors.As(err, &got) {
		return nil
	}
	by := map[string]struct{ Asked, Left int64 }{}
	for _, one := range got.Short {
		by[one.SKU] = struct{ Asked, Left int64 }{one.Asked, one.Left}
	}
	if diff := cmp.Diff(short.Short, by); diff != "" {
		return fmt.Errorf("short (-want +got):\n%s", diff) //nolint:err113 // for people
	}
	return nil
}

func (s stockStep) do(ctx context.Context, store stock.Store) (n int, err error) {
	at := func(s int64) time.Time { return time.Unix(1_750_000_000+s, 0) }
	switch s.Op {
	case "reserve":
		h := stock.Hold{ID: s.Hold, Until: at(s.Until)}
		for _, l := range s.Lines {
			h.Lines = append(h.Lines, stock.Line{Key: stock.Key{SKU: l.SKU}, Quantity: l.Quantity})
		}
		return 0, store.Reserve(ctx, at(s.At), h)
	case "extend":
		return 0, store.Extend(ctx, at(s.At), s.Hold, at(s.Until))
	case "release":
		return 0, store.Release(ctx, at(s.At), s.Hold)
	case "commit":
		return 0, store.Commit(ctx, at(s.At), s.Hold)
	case "expire":
		return store.Expire(ctx, at(s.At), s.Limit)
	case "set_on_hand":
		return 0, store.SetOnHand(ctx, stock.Key{SKU: s.SKU}, s.OnHand)
	default:
		return 0, fmt.Errorf("op %q: %w", s.Op, errUnknown)
	}
}
