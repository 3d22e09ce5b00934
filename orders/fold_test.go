package orders_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/orders"
)

func TestFoldRefusesAHistoryThatIsNotOne(t *testing.T) {
	t.Parallel()
	whole := placed(t, orders.CaptureNow).events["order/ck1"]
	if _, err := orders.FoldOrder(slices.Values(whole)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]orders.Event) []orders.Event{
		"the first is missing": func(e []orders.Event) []orders.Event { return e[1:] },
		"one is missing":       func(e []orders.Event) []orders.Event { return slices.Delete(e, 1, 2) },
		"one is there twice":   func(e []orders.Event) []orders.Event { return slices.Insert(e, 1, e[0]) },
		"reordered":            func(e []orders.Event) []orders.Event { e[0], e[1] = e[1], e[0]; return e },
		"another form":         func(e []orders.Event) []orders.Event { e[1].Form = 9; return e },
		"another aggregate":    func(e []orders.Event) []orders.Event { e[1].Aggregate = "order/x"; return e },
		"torn":                 func(e []orders.Event) []orders.Event { e[1].Data = e[1].Data[:5]; return e },
		"unknown field":        func(e []orders.Event) []orders.Event { e[1].Data = json.RawMessage(`{"x":1}`); return e },
		"another type":         func(e []orders.Event) []orders.Event { e[1].Data = json.RawMessage(`{"placed":5}`); return e },
		"another count":        func(e []orders.Event) []orders.Event { e[len(e)-1].Data = json.RawMessage(`{"events":77}`); return e },
		"of a checkout":        func([]orders.Event) []orders.Event { return placed(t, orders.CaptureNow).events["checkout/ck1"] },
	} {
		o, err := orders.FoldOrder(slices.Values(change(slices.Clone(whole))))
		if !errors.Is(err, orders.ErrHistory) {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(orders.Order{}, o, sameAmount()); diff != "" {
			t.Errorf("%s: an error comes with a state:\n%s", name, diff)
		}
	}
}

// FuzzFold reads events of any age and origin: an error or a state, which is what its own
// JSON says.
func FuzzFold(f *testing.F) {
	s := newSim(f)
	s.must(begin(orders.CaptureNow)) // short seeds: the fuzzer shrinks what it finds of them
	f.Add([]byte(encode(f, s.events["checkout/ck1"])))
	f.Add([]byte(`[{"aggregate":"order/","number":1,"form":1,"data":{"events":1}}]`))
	f.Add([]byte(`[{"aggregate":"checkout/a","number":1,"form":0,"data":{"id":"a"}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var events []orders.Event
		if json.Unmarshal(data, &events) != nil {
			t.Skip()
		}
		if c, err := orders.FoldCheckout(slices.Values(events)); err == nil {
			reread(t, reread(t, c))
		}
		if o, err := orders.FoldOrder(slices.Values(events)); err == nil {
			reread(t, reread(t, o))
		}
	})
}
