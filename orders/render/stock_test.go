package render_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/render"
	"github.com/tenon-go/tenon/orders/stock"
	"pgregory.net/rapid"
)

func stockText(t *testing.T, s render.StockSheet) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.Stock(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// mustAdd fails unless what was there at first is there or sold, and holds have what is reserved.
func mustAdd(t *rapid.T, s *render.StockSheet) {
	var held int64
	for _, h := range s.Holds {
		for _, l := range h.Lines {
			held += l.Quantity
		}
	}
	for _, l := range s.Levels {
		if l.OnHand+s.Sold[l.Key] != 10 || l.Reserved != held {
			t.Fatalf("%s, %d sold, %d held", l, s.Sold[l.Key], held)
		}
	}
	var b bytes.Buffer
	if err := render.Stock(&b, *s); err != nil || strings.Contains(b.String(), "different moments") {
		t.Fatalf("%v in\n%s", err, b.String())
	}
}

func TestStockReadsWhatIsSoldAndHeld(t *testing.T) {
	t.Parallel()
	s := newShop(t, orders.Config{})
	s.begin(2, card()) // sold
	sold := s.id
	s.begin(3) // held, and past its time
	s.host.Pass(11 * time.Minute)
	s.begin(1) // held
	s.host.Pass(30 * time.Second)
	_, err := s.CancelOrder(t.Context(), orders.OrderID(sold), orders.Cancellation{Key: "c", Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}})
	s.must(err)
	s.must(s.store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "B", Location: "berlin"}, 5))
	s.must(s.store.Stock().Reserve(t.Context(), s.host.Now(), stock.Hold{
		ID: string(sold) + "/gift-wrap", Lines: []stock.Line{{Key: stock.Key{SKU: "B", Location: "berlin"}, Quantity: 1}}, Until: s.host.Now().Add(time.Hour),
	}))
	all, err := render.ReadStock(t.Context(), s.store, s.host.Now())
	s.must(err)
	golden(t, "stock.txt", stockText(t, all))
	some, err := render.ReadStock(t.Context(), s.store, s.host.Now(), stock.Key{SKU: "never\nseen\x1b"}, stock.Key{SKU: "A"})
	s.must(err)
	golden(t, "stock_some.txt", stockText(t, some))
}

// plainStock is a stock that shows no holds.
type plainStock struct{ stock.Store }

// failing is a store of which one part fails.
type failing struct {
	*keeper

	stock stock.Store
}

func (f *failing) Stock() stock.Store { return f.stock }

func (f *failing) Order(context.Context, orders.OrderID) (orders.Order, error) {
	return orders.Order{}, errBroken
}

func TestAStoreWithoutHoldsSaysSo(t *testing.T) {
	t.Parallel()
	s := newShop(t, orders.Config{})
	s.begin(2)
	sheet, err := render.ReadStock(t.Context(), &failing{s.store, plainStock{s.store.Stock()}}, s.host.Now(), stock.Key{SKU: "A"})
	s.must(err)
	if text := stockText(t, sheet); !strings.HasSuffix(text, "\nholds: this store does not show them\n") || !strings.Contains(text, "10         2     8     0\n") {
		t.Errorf("%s", text)
	}
}

func TestErrorsOfTheStoreAreReturned(t *testing.T) {
	t.Parallel()
	s := newShop(t, orders.Config{})
	s.begin(2, card())
	if _, err := render.ReadStock(t.Context(), &failing{s.store, s.store.Stock()}, s.host.Now()); !errors.Is(err, errBroken) {
		t.Errorf("%v, want the store's", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBroken)
	if _, err := render.ReadStock(ctx, s.store, s.host.Now()); !errors.Is(err, errBroken) {
		t.Errorf("%v, want the context's", err)
	}
}

func TestPartsOfDifferentMomentsAreSaid(t *testing.T) {
	t.Parallel()
	key := stock.Key{SKU: "A"}
	sheet := render.StockSheet{
		At: noon(), Levels: []stock.Level{{Key: key, OnHand: 5, Reserved: 3}},
		Holds: []render.Held{{Hold: stock.Hold{ID: "h", Lines: []stock.Line{{Key: key, Quantity: 2}}, Until: noon()}, Since: noon().Add(-time.Hour)}},
	}
	text := stockText(t, sheet)
	for _, want := range []string{
		"read at different moments: the holds have 2 units of these, reserved are 3\n",
		"1h and more       1      2                1\n", // an hour is no longer under an hour, and the end of a hold is past its time
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
}
