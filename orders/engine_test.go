package orders_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
)

// countedStore counts the commits of a store, and can fail them.
type countedStore struct {
	*orders.MemoryStore

	mu      sync.Mutex
	commits int
	fail    error // of the next Apply
	before  func(c orders.Change)
}

func (s *countedStore) Apply(ctx context.Context, c orders.Change) error {
	if s.before != nil {
		s.before(c)
	}
	s.mu.Lock()
	err := s.fail
	s.fail = nil
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err = s.MemoryStore.Apply(ctx, c); err == nil {
		s.mu.Lock()
		s.commits++
		s.mu.Unlock()
	}
	return err
}

// A shop is an engine with a fake host, where a unit of A costs 50.00 and there are five.
type testShop struct {
	*orders.Orders

	host  *orderstest.Host
	store *countedStore
}

func euro(minor int64) money.Amount { return money.New(minor, money.MustISO("EUR")) }

func newShop(t *testing.T, change func(*orders.Config), script ...orderstest.Script) *testShop {
	t.Helper()
	h := orderstest.NewHost(orderstest.NewGateway(script...), euro(5_000))
	store := &countedStore{MemoryStore: orders.NewMemoryStore()}
	if err := store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, 5); err != nil {
		t.Fatal(err)
	}
	cfg := h.Config()
	if change != nil {
		change(&cfg)
	}
	return &testShop{h.Engine(t, store, cfg), h, store}
}

func (s *testShop) cart(t *testing.T, units int64) orders.CartRef {
	t.Helper()
	return s.host.Cart(t, s.Orders, money.MustISO("EUR"), units)
}

// paying is a request for units, paid by cards.
func paying(units int64, tenders ...int64) orders.BeginRequest {
	req := orders.BeginRequest{Expected: euro(5_000 * units)}
	for i, minor := range tenders {
		req.Tenders = append(req.Tenders, orders.Tender{ID: fmt.Sprintf("t%d", i), Kind: "card", Token: "tok", Amount: euro(minor)})
	}
	return req
}

func TestACheckoutTakesAsManyCommitsAsItSays(t *testing.T) {
	t.Parallel()
	deferred := func(c *orders.Config) { c.Capture = orders.CaptureDeferred }
	for _, tt := range []struct {
		name    string
		change  func(*orders.Config)
		tenders []int64
		redeem  bool
		want    int
	}{
		{"one tender", nil, []int64{5_000}, false, 4},
		{"deferred", deferred, []int64{5_000}, false, 3},
		{"three tenders", nil, []int64{1_000, 1_500, 2_500}, false, 8},
		{"three tenders, deferred", deferred, []int64{1_000, 1_500, 2_500}, false, 5},
		{"a discount that is held", nil, []int64{5_000}, true, 6},
		{"a discount that is held, deferred", deferred, []int64{5_000}, true, 5},
	} {
		s := newShop(t, tt.change)
		ref := s.cart(t, 1)
		if tt.redeem {
			s.host.Price, s.host.Off = euro(6_000), euro(1_000)
			cfg := s.host.Config()
			cfg.Discounts, cfg.Redeem = s.host, s.host
			if tt.change != nil {
				tt.change(&cfg)
			}
			s.Orders = s.host.Engine(t, s.store, cfg)
		}
		before := s.store.commits
		c, err := s.Place(t.Context(), ref, paying(1, tt.tenders...))
		if err != nil || c.State != orders.StatePlaced {
			t.Fatalf("%s: %s, %v", tt.name, c.State, err)
		}
		if got := s.store.commits - before; got != tt.want {
			t.Errorf("%s: %d commits, want %d", tt.name, got, tt.want)
		}
	}
}

// Invariant: orders O3.
func TestTheSameKeyIsTheSameCheckout(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ref := s.cart(t, 1)
	first, err := s.Place(t.Context(), ref, paying(1, 5_000))
	if err != nil {
		t.Fatal(err)
	}
	commits := s.store.commits
	again, err := s.Place(t.Context(), ref, paying(1, 5_000))
	if err != nil || again.ID != first.ID || s.store.commits != commits {
		t.Errorf("again: %s and %v, want %s and nothing written", again.ID, err, first.ID)
	}
	if _, err := s.Place(t.Context(), ref, paying(1, 2_000, 3_000)); !errors.Is(err, orders.ErrKeyReused) {
		t.Errorf("another request under the key: %v, want ErrKeyReused", err)
	}
	if len(s.host.Gateway.Log()) != 2 {
		t.Errorf("calls: %q", s.host.Gateway.Log())
	}
}

// Sixteen clicks on two nodes: one checkout, one charge.
//
// Invariant: orders O4.
func TestClicksAtOnceAreOneCheckout(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	other := s.host.Engine(t, s.store, s.host.Config())
	ref := s.cart(t, 1)
	var wg sync.WaitGroup
	ids := make([]orders.CheckoutID, 16)
	for i := range ids {
		wg.Go(func() {
			node := s.Orders
			if i%2 == 1 {
				node = other
			}
			c, err := node.Place(t.Context(), ref, paying(1, 5_000))
			if err != nil && !errors.Is(err, orders.ErrInProgress) {
				t.Errorf("click %d: %v", i, err)
			}
			ids[i] = c.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("checkouts %q", ids)
			break
		}
	}
	if _, captured := s.host.Gateway.Books(money.MustISO("EUR")); captured != euro(5_000) {
		t.Errorf("%v captured; calls %q", captured, s.host.Gateway.Log())
	}
	s.balance(t)
}

func (s *testShop) balance(t *testing.T) {
	t.Helper()
	if err := orderstest.Check(t.Context(), s.store, time.Time{}); err != nil {
		t.Error(err)
	}
}

// While the first call has no answer, the same request waits as long as its context lasts.
func TestARepeatWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ref := s.cart(t, 1)
	called, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.host.Gateway.During = func(string, string) { once.Do(func() { close(called); <-release }) }
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Place(t.Context(), ref, paying(1, 5_000)); err != nil {
			t.Error(err)
		}
	})
	<-called
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := s.Place(ctx, ref, paying(1, 5_000))
	var progress *orders.InProgressError
	if !errors.As(err, &progress) || progress.Checkout.State != orders.StateAuthorising {
		t.Errorf("meanwhile: %v, want *InProgressError", err)
	}
	close(release)
	wg.Wait()
	if c, err := s.Place(t.Context(), ref, paying(1, 5_000)); err != nil || c.State != orders.StatePlaced {
		t.Errorf("then: %s, %v", c.State, err)
	}
}

// Invariant: orders O10.
func TestARefusedBeginLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ref := s.cart(t, 6)
	commits := s.store.commits
	var short *stock.ShortError
	if _, err := s.Place(t.Context(), ref, paying(6, 30_000)); !errors.As(err, &short) {
		t.Errorf("six of five: %v, want *stock.ShortError", err)
	}
	var total *orders.TotalChangedError
	if _, err := s.Place(t.Context(), ref, paying(1, 5_000)); !errors.As(err, &total) || total.Is != euro(30_000) {
		t.Errorf("another total: %v, want *TotalChangedError", err)
	}
	if _, err := s.Place(t.Context(), ref, paying(6, 29_999)); !errors.Is(err, orders.ErrTenderSum) {
		t.Errorf("a cent too little: %v, want ErrTenderSum", err)
	}
	stale := ref
	stale.Version--
	var changed *orders.CartChangedError
	if _, err := s.Place(t.Context(), stale, paying(6, 30_000)); !errors.As(err, &changed) {
		t.Errorf("a cart that was shown before: %v, want *CartChangedError", err)
	}
	if s.store.commits != commits || len(s.host.Gateway.Log()) != 0 {
		t.Errorf("%d commits, calls %q", s.store.commits-commits, s.host.Gateway.Log())
	}
	if cart, err := s.Cart(t.Context(), ref); err != nil || cart.State != orders.CartOpen {
		t.Errorf("cart is %s, %v", cart.State, err)
	}
}

func TestALockedCartCannotBeChangedUntilItsLockIsOver(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ref := s.cart(t, 1)
	first, err := s.Begin(t.Context(), ref, paying(1))
	if err != nil || first.State != orders.StateLocked {
		t.Fatalf("%s, %v", first.State, err)
	}
	change := orders.CartRef{ID: ref.ID, Token: ref.Token}
	if _, err := s.SetQuantity(t.Context(), change, orders.LineQty{Line: "l1", Quantity: 2}); !errors.Is(err, orders.ErrLocked) {
		t.Errorf("a change: %v, want ErrLocked", err)
	}
	s.host.Pass(11 * time.Minute)
	if _, err := s.Pay(t.Context(), first.ID, orders.PayRequest{Key: "p", Tenders: paying(1, 5_000).Tenders}); !errors.Is(err, orders.ErrExpired) {
		t.Errorf("payment after the lock: %v, want ErrExpired", err)
	}
	cart, err := s.SetQuantity(t.Context(), change, orders.LineQty{Line: "l1", Quantity: 2})
	if err != nil || cart.Lines[0].Quantity != 2 {
		t.Fatalf("a change after the lock: %+v, %v", cart.Lines, err)
	}
	ref.Version, ref.Key = cart.Version, "other"
	c, err := s.Place(t.Context(), ref, paying(2, 10_000))
	if err != nil || c.State != orders.StatePlaced {
		t.Errorf("then: %s, %v", c.State, err)
	}
	s.host.Settle(t, s.Orders)
	s.balance(t)
}

// What a lock that is over leaves behind changes nothing that the buyer saw.
func TestACartIsBegunAsItWasShownWithALockThatIsOver(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ref := s.cart(t, 1)
	if _, err := s.Begin(t.Context(), ref, paying(1)); err != nil {
		t.Fatal(err)
	}
	s.host.Pass(11 * time.Minute)
	shown, err := s.Cart(t.Context(), ref)
	if err != nil || shown.Version == ref.Version {
		t.Fatalf("version %d, %v", shown.Version, err)
	}
	ref.Version, ref.Key = shown.Version, "other"
	if c, err := s.Place(t.Context(), ref, paying(1, 5_000)); err != nil || c.State != orders.StatePlaced {
		t.Errorf("%s, %v", c.State, err)
	}
	s.balance(t)
}

func TestAGuestsCartIsClaimedOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ctx := t.Context()
	guest := s.cart(t, 1)
	mine, token, err := s.OpenCart(ctx, orders.Buyer{ID: "u1"}, money.MustISO("EUR"))
	if err != nil || token != "" {
		t.Fatalf("token %q, %v", token, err)
	}
	into := orders.CartRef{ID: mine.ID}
	if _, err := s.AddLine(ctx, into, orders.CartLine{ID: "mine", SKU: "A", Quantity: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(ctx, orders.CartRef{ID: guest.ID, Token: "guessed"}, into); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("a guessed token: %v, want ErrNotFound", err)
	}
	for range 2 {
		cart, err := s.Claim(ctx, guest, into)
		if err != nil || len(cart.Lines) != 1 || cart.Lines[0].Quantity != 3 {
			t.Errorf("claimed: %+v, %v", cart.Lines, err)
		}
	}
}

// Invariant: orders O11.
func TestWebhooksInAnyOrderChangeNothing(t *testing.T) {
	t.Parallel()
	for _, fault := range []orderstest.Fault{orderstest.WebhookFirst, orderstest.WebhookTwice, orderstest.Twice} {
		s := newShop(t, nil, orderstest.Script{Call: "authorise", Fault: fault}, orderstest.Script{Call: "capture", Fault: fault})
		var seen []orders.Observed
		s.host.Gateway.Webhook = func(e orders.PaymentEvent) {
			o, err := s.Observe(t.Context(), e)
			if err != nil {
				t.Error(err)
			}
			seen = append(seen, o)
		}
		c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
		if err != nil || c.State != orders.StatePlaced {
			t.Errorf("%s: %s, %v", fault, c.State, err)
		}
		s.host.Settle(t, s.Orders)
		if _, captured := s.host.Gateway.Books(money.MustISO("EUR")); captured != euro(5_000) {
			t.Errorf("%s: %v captured; calls %q, webhooks %+v", fault, captured, s.host.Gateway.Log(), seen)
		}
		s.balance(t)
	}
}

func TestAPanicOfTheGatewayIsADoubt(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.Panics}, orderstest.Script{Call: "lookup", Nth: 1, Fault: orderstest.LostBefore})
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StateAuthorising {
		t.Fatalf("%s, %v", c.State, err)
	}
	r, err := s.Recover(t.Context())
	if err != nil || r.Panics != 1 || r.Doubtful != 1 || r.Checkouts[orders.StateAuthorising] != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	s.host.Settle(t, s.Orders)
	if c, err = s.Checkout(t.Context(), c.ID); err != nil || c.State != orders.StatePlaced {
		t.Errorf("then: %s, %v", c.State, err)
	}
	s.balance(t)
}

func TestAStoreThatFailsAfterTheAnswerIsLookedUpLater(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil)
	ref := s.cart(t, 1)
	down := errors.New("disk full")
	s.host.Gateway.During = func(call, _ string) {
		if call == "authorise" {
			s.store.mu.Lock()
			s.store.fail = down
			s.store.mu.Unlock()
		}
	}
	if _, err := s.Place(t.Context(), ref, paying(1, 5_000)); !errors.Is(err, down) {
		t.Fatalf("%v, want the store's error", err)
	}
	s.host.Gateway.During = nil
	s.host.Settle(t, s.Orders)
	c, err := s.Place(t.Context(), ref, paying(1, 5_000))
	if err != nil || c.State != orders.StatePlaced {
		t.Errorf("%s, %v", c.State, err)
	}
	if log := s.host.Gateway.Log(); len(log) != 2 {
		t.Errorf("calls: %q, want one of each", log)
	}
	s.balance(t)
}

func TestLaterLeavesAllCallsToTheRunner(t *testing.T) {
	t.Parallel()
	s := newShop(t, func(c *orders.Config) { c.Later = true })
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StateAuthorising || len(s.host.Gateway.Log()) != 0 {
		t.Fatalf("%s, %v, calls %q", c.State, err, s.host.Gateway.Log())
	}
	s.host.Settle(t, s.Orders)
	if c, err = s.Checkout(t.Context(), c.ID); err != nil || c.State != orders.StatePlaced {
		t.Errorf("then: %s, %v", c.State, err)
	}
}

func TestAnOperatorResolvesADoubt(t *testing.T) {
	t.Parallel()
	s := newShop(t, nil, orderstest.Script{Call: "authorise", Fault: orderstest.LostBefore}, orderstest.Script{Call: "lookup", Fault: orderstest.LostBefore})
	c, err := s.Place(t.Context(), s.cart(t, 1), paying(1, 5_000))
	if err != nil || c.State != orders.StateAuthorising {
		t.Fatalf("%s, %v", c.State, err)
	}
	if err := s.Resolve(t.Context(), c.Steps[0].Key, orders.Outcome{Status: orders.Refused, Reason: "the bank says no"}, "ann", "called the bank"); err != nil {
		t.Fatal(err)
	}
	if c, err = s.Checkout(t.Context(), c.ID); err != nil || c.State != orders.StateLocked || c.Refusal == nil {
		t.Errorf("then: %s, %+v, %v", c.State, c.Refusal, err)
	}
	s.balance(t)
}

func TestNewReportsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := orders.New(nil, nil, nil, nil, orders.Config{HoldFor: time.Second, Tries: 1000})
	var invalid *orders.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Problems) != 6 {
		t.Errorf("%v, want six problems", err)
	}
	s := newShop(t, nil)
	_, err = orders.NewRunner(s.Orders, orders.RunnerConfig{Lease: time.Second, Batch: -1})
	if !errors.As(err, &invalid) || len(invalid.Problems) != 2 {
		t.Errorf("%v, want two problems", err)
	}
}

// A runner performs what is due when it is due, and ends with its context.
func TestARunnerRunsUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := orderstest.NewHost(orderstest.NewGateway(orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.NotSent}), euro(5_000))
		store := orders.NewMemoryStore()
		if err := store.Stock().SetOnHand(t.Context(), stock.Key{SKU: "A"}, 5); err != nil {
			t.Fatal(err)
		}
		s := h.Engine(t, store, orders.Config{})
		runner, err := orders.NewRunner(s, orders.RunnerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() { done <- runner.Run(ctx) }()
		c, err := s.Place(t.Context(), h.Cart(t, s, money.MustISO("EUR"), 1), paying(1, 5_000))
		if err != nil || c.State != orders.StateAuthorising {
			t.Fatalf("%s, %v", c.State, err)
		}
		time.Sleep(time.Minute)
		if c, err = s.Checkout(t.Context(), c.ID); err != nil || c.State != orders.StatePlaced {
			t.Errorf("after a minute: %s, %v", c.State, err)
		}
		ended := errors.New("closing time")
		cancel(ended)
		if err := <-done; !errors.Is(err, ended) {
			t.Errorf("Run returns %v", err)
		}
	})
}
