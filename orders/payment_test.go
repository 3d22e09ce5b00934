package orders_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"pgregory.net/rapid"
)

// balanceCase is the balance of a third-party case, in decimal strings.
type balanceCase struct {
	Authorised       string `json:"authorised"`
	Charged          string `json:"charged"`
	Refunded         string `json:"refunded"`
	Cancelled        string `json:"cancelled"`
	AuthorisePending string `json:"authorise_pending"`
	ChargePending    string `json:"charge_pending"`
	RefundPending    string `json:"refund_pending"`
	CancelPending    string `json:"cancel_pending"`
}

func (b balanceCase) balance(t *testing.T, c money.Currency) orders.Balance {
	t.Helper()
	read := func(text string) money.Amount {
		if text == "" {
			text = "0"
		}
		a, err := money.Parse(text, c)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	return orders.Balance{
		Authorised: read(b.Authorised), Charged: read(b.Charged), Refunded: read(b.Refunded), Cancelled: read(b.Cancelled),
		AuthorisePending: read(b.AuthorisePending), ChargePending: read(b.ChargePending),
		RefundPending: read(b.RefundPending), CancelPending: read(b.CancelPending),
	}
}

func TestCases(t *testing.T) {
	t.Parallel()
	ours := func(name string) bool { return name != "stock.json" && name != "gateway.json" }
	casetest.RunIf(t, "orders", ours, func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var in struct {
			Currency string      `json:"currency"`
			Initial  balanceCase `json:"initial"`
			Events   []struct {
				ID     string               `json:"id"`
				At     int64                `json:"at"`
				Kind   orders.PaymentKind   `json:"kind"`
				Status orders.PaymentStatus `json:"status"`
				Amount string               `json:"amount"`
				Ref    string               `json:"ref"`
			} `json:"events"`
			Want *balanceCase `json:"want"`
		}
		c.Decode(t, &in)
		if in.Want == nil {
			return false
		}
		currency, err := money.ISO(in.Currency)
		if err != nil {
			t.Fatal(err)
		}
		var events []orders.PaymentEvent
		for _, e := range in.Events {
			amount, err := money.Parse(e.Amount, currency)
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, orders.PaymentEvent{
				Source: "psp", ID: e.ID, Ref: e.Ref, Kind: e.Kind, Status: e.Status, Amount: amount, At: time.Unix(e.At, 0).UTC(),
			})
		}
		initial, want := in.Initial.balance(t, currency), in.Want.balance(t, currency)
		r := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			got := orders.FoldPayment(initial, events)
			if diff := cmp.Diff(want, got, sameAmount()); diff != "" {
				t.Fatalf("%v (-want +got):\n%s", events, diff)
			}
			if len(events) > 0 {
				events = append(events, events[r.IntN(len(events))])
			}
			r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		}
		return true
	})
}

// paymentEvents draws events that meet each other: few references, few moments.
func paymentEvents() *rapid.Generator[[]orders.PaymentEvent] {
	return rapid.Custom(func(t *rapid.T) []orders.PaymentEvent {
		var out []orders.PaymentEvent
		for i := range rapid.IntRange(0, 8).Draw(t, "n") {
			out = append(out, orders.PaymentEvent{
				Source: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "source"),
				ID:     strconv.Itoa(i),
				Ref:    rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(t, "ref"),
				Kind:   orders.PaymentKind(rapid.Uint8Range(0, 3).Draw(t, "kind")),
				Status: orders.PaymentStatus(rapid.Uint8Range(0, 5).Draw(t, "status")),
				Amount: eur(rapid.Int64Range(0, 5000).Draw(t, "amount")),
				At:     start().Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "at")) * time.Second),
			})
		}
		return out
	})
}

// Invariant: orders O11.
func TestOrderAndRepetitionOfEventsMakeNoDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := paymentEvents().Draw(t, "events")
		want := orders.FoldPayment(orders.Balance{}, events)
		shuffled := rapid.Permutation(events).Draw(t, "permuted")
		if len(events) > 0 {
			shuffled = append(shuffled, rapid.SampledFrom(events).Draw(t, "again"))
		}
		before := slices.Clone(shuffled)
		if diff := cmp.Diff(want, orders.FoldPayment(orders.Balance{}, shuffled), sameAmount()); diff != "" {
			t.Fatalf("(-first +permuted):\n%s", diff)
		}
		if diff := cmp.Diff(before, shuffled, sameAmount()); diff != "" {
			t.Fatalf("the fold has changed its argument:\n%s", diff)
		}
		if want.Authorised.Sign() < 0 {
			t.Fatalf("authorised %s", want.Authorised)
		}
	})
}

func TestOwnOutcomeAndWebhookOfOneMovementCountOnce(t *testing.T) {
	t.Parallel()
	s := placed(t, orders.CaptureNow)
	for _, key := range []string{"ck1/authorise/1", "ck1/capture/1"} {
		for i, named := range []orders.PaymentEvent{{Key: key}, {Ref: "ref:" + key}, {Key: key, Ref: "ref:" + key}} {
			e := named
			e.Source, e.ID, e.Status, e.At, e.Amount = "psp", key+strconv.Itoa(i), orders.PaymentSucceeded, s.now, eur(3000)
			if key == "ck1/capture/1" {
				e.Kind = orders.PaymentCharge
			}
			if d := s.mustOrder(orders.Observe{Event: e}); d.Observed != (orders.Observed{}) {
				t.Errorf("%s, named %d: %+v", key, i, d.Observed)
			}
			if d := s.mustOrder(orders.Observe{Event: e}); !d.Observed.Duplicate || d.Order != nil {
				t.Errorf("%s, named %d, again: %+v", key, i, d)
			}
		}
	}
	e := orders.PaymentEvent{Source: "psp", ID: "x", Ref: "other", Kind: orders.PaymentCharge, Status: orders.PaymentSucceeded, At: s.now, Amount: eur(100)}
	if d := s.mustOrder(orders.Observe{Event: e}); !d.Observed.Differs {
		t.Errorf("a charge that nobody asked for: %+v", d.Observed)
	}
}

func FuzzFoldPayment(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		var events []orders.PaymentEvent
		for ; len(data) >= 5 && len(events) < 50; data = data[5:] {
			events = append(events, orders.PaymentEvent{
				Source: "s", ID: strconv.Itoa(int(data[0])), Ref: []string{"", "a", "b", "c"}[data[1]%4],
				Kind: orders.PaymentKind(data[2]), Status: orders.PaymentStatus(data[3]), Amount: eur(int64(data[4]) << (data[1] % 56)),
				At: start().Add(time.Duration(data[1]%8) * time.Second),
			})
		}
		want := orders.FoldPayment(orders.Balance{}, events)
		slices.Reverse(events)
		if diff := cmp.Diff(want, orders.FoldPayment(orders.Balance{}, append(events, events...)), sameAmount()); diff != "" {
			t.Fatalf("(-first +reversed and doubled):\n%s", diff)
		}
	})
}

func BenchmarkFoldPayment(b *testing.B) {
	b.Run("events=10", func(b *testing.B) {
		var events []orders.PaymentEvent
		for i := range 10 {
			events = append(events, orders.PaymentEvent{
				Source: "psp", ID: strconv.Itoa(i), Ref: "r" + strconv.Itoa(i/2), Kind: orders.PaymentKind(i / 2 % 4),
				Status: orders.PaymentStatus(i % 2), Amount: eur(1000), At: start().Add(time.Duration(i) * time.Second),
			})
		}
		b.ReportAllocs()
		for b.Loop() {
			orders.FoldPayment(orders.Balance{}, events)
		}
	})
}
