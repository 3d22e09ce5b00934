package orders

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders/stock"
)

// OpenCart opens an empty cart. For a guest, an owner without an ID, it returns the
// secret that every [CartRef] of this cart must bring; it is stored nowhere. The cart of
// a customer has none: the host knows who asks.
func (s *Orders) OpenCart(ctx context.Context, owner Buyer, c money.Currency) (cart Cart, token string, err error) {
	if c.IsZero() {
		return Cart{}, "", fmt.Errorf("orders: open cart: %w: none", ErrCurrency)
	}
	if owner.ID == "" {
		token = s.cfg.NewID()
	}
	_, err = s.commit(ctx, "", func(_ context.Context, at time.Time, _ StockAnswer) (attempt, error) {
		cart = Cart{ID: CartID(s.cfg.NewID()), Version: 1, Owner: owner, Currency: c, At: at}
		if token != "" {
			cart.Token = hashToken(token)
		}
		return attempt{decision: Decision{Cart: &cart}}, nil
	})
	if err != nil {
		return Cart{}, "", fmt.Errorf("orders: open cart: %w", err)
	}
	return cart, token, nil
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Cart returns a cart as it is.
func (s *Orders) Cart(ctx context.Context, ref CartRef) (Cart, error) {
	c, err := s.cart(ctx, ref)
	if err != nil {
		return Cart{}, fmt.Errorf("orders: cart %s: %w", ref.ID, err)
	}
	return c, nil
}

// cart reads a cart. A guest's with another token is not there.
func (s *Orders) cart(ctx context.Context, ref CartRef) (Cart, error) {
	c, err := s.store.Cart(ctx, ref.ID)
	if err != nil {
		return Cart{}, err
	}
	if c.Token != "" && subtle.ConstantTimeCompare([]byte(c.Token), []byte(hashToken(ref.Token))) != 1 {
		return Cart{}, ErrNotFound
	}
	return c, nil
}

// scope is whose idempotency keys a cart's commands have.
func scope(owner Buyer, cart CartID) string {
	if owner.ID != "" {
		return "customer/" + owner.ID
	}
	return "cart/" + string(cart)
}

// replay returns the aggregate of an earlier request with a key, errReplayed says that
// there is one. A key that came with another request is [ErrKeyReused].
func (s *Orders) replay(ctx context.Context, scope, key, hash string) (aggregate string, err error) {
	if key == "" {
		return "", nil
	}
	r, err := s.store.Replay(ctx, scope, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case r.Hash != hash:
		return "", fmt.Errorf("key %q: %w", key, ErrKeyReused)
	}
	_, id, _ := strings.Cut(r.Aggregate, "/")
	return id, errReplayed
}

// record is a request to be kept; none without a key.
func (s *Orders) record(scope, key, hash, aggregate string, at time.Time) *Record {
	if key == "" {
		return nil
	}
	return &Record{Scope: scope, Key: key, Hash: hash, Aggregate: aggregate, At: at, KeepUntil: at.Add(s.cfg.KeepKeys)}
}

// AddLine puts units into a cart. A line with the same SKU, location and options
// grows, else there is a new one, with a new id where l has none.
func (s *Orders) AddLine(ctx context.Context, ref CartRef, l CartLine) (Cart, error) {
	if len(l.Options) == 0 {
		l.Options = nil // the same request as with an empty map
	}
	return s.changeCart(ctx, ref, "add line", l, func(c Cart, at time.Time) (Cart, error) {
		if l.ID == "" {
			l.ID = s.cfg.NewID()
		}
		return c.addLine(l, ref.Version, at)
	})
}

// SetQuantity changes the quantity of a line, to one or more.
func (s *Orders) SetQuantity(ctx context.Context, ref CartRef, q LineQty) (Cart, error) {
	return s.changeCart(ctx, ref, "set quantity", q, func(c Cart, at time.Time) (Cart, error) {
		return c.setQuantity(q, ref.Version, at)
	})
}

// RemoveLine takes a line out of a cart.
func (s *Orders) RemoveLine(ctx context.Context, ref CartRef, line string) (Cart, error) {
	return s.changeCart(ctx, ref, "remove line", line, func(c Cart, at time.Time) (Cart, error) {
		return c.removeLine(line, ref.Version, at)
	})
}

// changeCart makes one change of an open cart. The answer to a repeat is the cart as it
// stands.
func (s *Orders) changeCart(ctx context.Context, ref CartRef, name string, request any, change func(Cart, time.Time) (Cart, error)) (Cart, error) {
	var cart Cart
	_, err := s.commit(ctx, "", func(ctx context.Context, at time.Time, _ StockAnswer) (a attempt, err error) {
		if cart, err = s.cart(ctx, ref); err != nil {
			return a, err
		}
		hash, err := requestHash(name, ref.ID, request)
		if err != nil {
			return a, err
		}
		whose := scope(cart.Owner, cart.ID)
		if _, err := s.replay(ctx, whose, ref.Key, hash); err != nil {
			return a, err
		}
		if cart, err = s.endLock(ctx, cart, at); err != nil {
			return a, err
		}
		if cart, err = change(cart, at); err != nil {
			return a, err
		}
		a.decision.Cart = &cart
		a.record = s.record(whose, ref.Key, hash, "cart/"+string(cart.ID), at)
		return a, nil
	})
	if err != nil && !errors.Is(err, errReplayed) {
		return Cart{}, fmt.Errorf("orders: %s: cart %s: %w", name, ref.ID, err)
	}
	return cart, nil
}

// endLock expires the checkout of a cart whose lock is over, and returns the cart as it
// is then.
func (s *Orders) endLock(ctx context.Context, c Cart, at time.Time) (Cart, error) {
	if c.State != CartLocked || at.Before(c.Until) {
		return c, nil
	}
	_, err := s.commit(ctx, "", func(ctx context.Context, at time.Time, _ StockAnswer) (attempt, error) {
		return s.decide(ctx, c.Lock, "", Expire{}, at)
	})
	if err != nil {
		return Cart{}, fmt.Errorf("end checkout %s: %w", c.Lock, err)
	}
	return s.store.Cart(ctx, c.ID)
}

// Claim merges a guest's cart into a customer's: lines of the same SKU, location and
// options add up, and the guest's cart is MERGED. A second claim is the same answer.
// [ErrLocked] when a checkout has one of them.
func (s *Orders) Claim(ctx context.Context, guest, into CartRef) (Cart, error) {
	var cart Cart
	_, err := s.commit(ctx, "", func(ctx context.Context, at time.Time, _ StockAnswer) (a attempt, err error) {
		if cart, err = s.cart(ctx, into); err != nil {
			return a, fmt.Errorf("cart %s: %w", into.ID, err)
		}
		from, err := s.cart(ctx, guest)
		switch {
		case err != nil:
			return a, err
		case from.State == CartMerged && from.Into == into.ID:
			return a, errReplayed
		case from.Owner.ID != "" || cart.Owner.ID == "":
			return a, &InvalidError{Problems: []string{"want the cart of a guest, and that of a customer"}}
		}
		shown := []Cart{cart, from} // a lock that is over has changed nothing that is shown
		if from, err = s.endLock(ctx, from, at); err != nil {
			return a, err
		}
		if cart, err = s.endLock(ctx, cart, at); err != nil {
			return a, err
		}
		var merged Cart
		if cart, merged, err = cart.merge(from, s.cfg.NewID, at); err != nil {
			return a, err
		}
		for i, ref := range []CartRef{into, guest} {
			if ref.Version != 0 && ref.Version != shown[i].Version {
				return a, &CartChangedError{Cart: shown[i]}
			}
		}
		a.carts = []Cart{cart, merged}
		return a, nil
	})
	if err != nil && !errors.Is(err, errReplayed) {
		return Cart{}, fmt.Errorf("orders: claim: cart %s: %w", guest.ID, err)
	}
	return cart, nil
}

// A Quote is what a checkout of a cart would cost.
type Quote struct {
	Cart      Cart
	Priced    Priced
	Discounts Discounts
	Total     money.Amount // as Checkout.Total: what Begin expects
}

// Quote says what a buyer has to be shown: the total that Begin or Place must be asked
// for, and the version of the cart that it is for. It locks and holds nothing. Of req it
// reads what prices and discounts depend on.
func (s *Orders) Quote(ctx context.Context, ref CartRef, req BeginRequest) (q Quote, err error) {
	if q.Cart, err = s.cart(ctx, ref); err == nil {
		if req.Buyer == (Buyer{}) {
			req.Buyer = q.Cart.Owner
		}
		b := Begin{Cart: q.Cart, Buyer: req.Buyer, Address: req.Address, Codes: req.Codes}
		if err = s.price(ctx, &b, s.now()); err == nil {
			q.Priced, q.Discounts = b.Priced, b.Discounts
			q.Total, err = totalOf(b.Cart, b.Priced, b.Discounts, nil)
		}
	}
	if err != nil {
		return Quote{}, fmt.Errorf("orders: quote: cart %s: %w", ref.ID, err)
	}
	return q, nil
}

// Begin locks a cart, prices it, compares the total with the one that the buyer was
// shown, and holds the stock; with tenders it goes on as Pay does. Key and Version of
// the ref are required. A request that is refused leaves nothing behind, and its key
// may be used again.
//
// What was asked for before under the key waits, as long as ctx and at most
// Config.CallFor, for a call that another caller is making, and is answered with the
// checkout as it stands: *[InProgressError] when the wait ends first. A checkout whose
// call is in doubt is answered at once, AUTHORISING; a Runner finds out.
//
// Where ctx ends within a call to the gateway, that call is in doubt. A host that does not
// want each closed browser tab to be one gives a context that outlives the request.
//
// The checkout comes back with an error too when it was made and then given up:
// *[DiscountError].
func (s *Orders) Begin(ctx context.Context, ref CartRef, req BeginRequest) (Checkout, error) {
	if ref.Key == "" || ref.Version == 0 {
		return Checkout{}, fmt.Errorf("orders: begin: %w", &InvalidError{Problems: []string{"Key and Version are required"}})
	}
	var id CheckoutID
	w, err := s.commit(ctx, s.inline(), func(ctx context.Context, at time.Time, _ StockAnswer) (a attempt, err error) {
		cart, err := s.cart(ctx, ref)
		if err != nil {
			return a, err
		}
		if req.Buyer == (Buyer{}) {
			req.Buyer = cart.Owner
		}
		hash, err := req.hash(cart)
		if err != nil {
			return a, err
		}
		whose := scope(cart.Owner, cart.ID)
		earlier, err := s.replay(ctx, whose, ref.Key, hash)
		if id = CheckoutID(earlier); err != nil {
			return a, err
		}
		version, shown := ref.Version, cart.Version
		if cart, err = s.endLock(ctx, cart, at); err != nil {
			return a, err
		}
		if version == shown {
			version = cart.Version // a lock that is over has changed nothing that is shown
		}
		id = CheckoutID(s.cfg.NewID())
		a.record = s.record(whose, ref.Key, hash, "checkout/"+string(id), at)
		a.known = knownSteps(nil)
		a.decision, err = s.begin(ctx, id, cart, version, req, at)
		return a, err
	})
	if err != nil && !errors.Is(err, errReplayed) {
		return Checkout{}, fmt.Errorf("orders: begin: cart %s: %w", ref.ID, err)
	}
	return s.answer(ctx, "begin", id, w, err)
}

// begin prices a cart and decides its checkout.
func (s *Orders) begin(ctx context.Context, id CheckoutID, cart Cart, version int64, req BeginRequest, at time.Time) (d Decision, err error) {
	b := Begin{
		ID: id, Cart: cart, CartVersion: version, Buyer: req.Buyer, Address: req.Address, Codes: req.Codes,
		Expected: req.Expected, Tenders: req.Tenders, Attributes: req.Attributes, Policy: s.policy(),
	}
	if cart.State == CartOpen && cart.Version == version {
		if err := s.price(ctx, &b, at); err != nil {
			return d, err
		}
	}
	return DecideCheckout(Checkout{}, b, at)
}

// price asks the host for prices and discounts, of which a panic is an error.
func (s *Orders) price(ctx context.Context, b *Begin, at time.Time) error {
	r := PriceRequest{Cart: b.Cart, Buyer: b.Buyer, Address: b.Address, At: at}
	err := s.guarded(func() (err error) {
		b.Priced, err = s.pricer.PriceCart(ctx, r)
		return err
	})
	if err != nil {
		return fmt.Errorf("price: %w", err)
	}
	if s.cfg.Discounts == nil {
		return nil
	}
	err = s.guarded(func() (err error) {
		b.Discounts, err = s.cfg.Discounts.Discount(ctx, Redemption{PriceRequest: r, Priced: b.Priced, Codes: b.Codes})
		return err
	})
	if err != nil {
		return fmt.Errorf("discount: %w", err)
	}
	return nil
}

// Place is Begin with tenders: it goes on until the order is placed, the buyer has to
// act, or a call has no answer. A total of zero needs no tender. What it answers, and
// what is next:
//
//	PLACED                 the order has the checkout's id
//	AWAITING_BUYER         show Checkout.Action, then Confirm
//	AUTHORISING            nobody knows yet: show that, and ask Checkout again
//	LOCKED                 Checkout.Refusal says why: Pay with another tender, or Cancel
//	CANCELLED              given up; the cart is open again
//	*TotalChangedError     show the new total, with the same key
//	*CartChangedError      show the cart, which may differ by no more than its version
//	*stock.ShortError      show what is left
//	ErrLocked              another checkout has the cart, Cart.Lock: Pay or Cancel that
//	ErrKeyReused           the form was sent before, with other content
func (s *Orders) Place(ctx context.Context, ref CartRef, req BeginRequest) (Checkout, error) {
	if len(req.Tenders) == 0 && req.Expected.Sign() != 0 {
		return Checkout{}, fmt.Errorf("orders: place: cart %s: %w: no tender for %s", ref.ID, ErrTenderSum, req.Expected)
	}
	return s.Begin(ctx, ref, req)
}

// Pay pays a checkout, whose tenders and what is authorised already add up to its
// total. What was asked for before under the key is answered with the checkout as it stands.
// [ErrExpired] when its lock is over.
func (s *Orders) Pay(ctx context.Context, id CheckoutID, req PayRequest) (Checkout, error) {
	w, err := s.commit(ctx, s.inline(), func(ctx context.Context, at time.Time, _ StockAnswer) (a attempt, err error) {
		c, err := s.store.Checkout(ctx, id)
		if err != nil {
			return a, err
		}
		hash, err := requestHash("pay", id, req.Tenders)
		if err != nil {
			return a, err
		}
		whose := scope(c.Cart.Owner, c.Cart.ID)
		if _, err := s.replay(ctx, whose, req.Key, hash); err != nil {
			return a, err
		}
		a.record = s.record(whose, req.Key, hash, "checkout/"+string(id), at)
		a.known = knownSteps(c.Steps)
		a.decision, err = DecideCheckout(c, Pay{Tenders: req.Tenders}, at)
		return a, err
	})
	if errors.Is(err, stock.ErrEnded) {
		err = ErrExpired
	}
	return s.answer(ctx, "pay", id, w, err)
}

// Confirm says that the buyer is back: the payment that waits for it is looked up.
func (s *Orders) Confirm(ctx context.Context, id CheckoutID) (Checkout, error) {
	return s.checkoutCommand(ctx, "confirm", id, Confirm{})
}

// Cancel gives a checkout up: what is authorised is voided, the stock goes back on sale,
// the cart is open again. While a call is under way or in doubt it is noted, and done
// when that has an answer. A checkout that is PLACED stays: cancel the order.
func (s *Orders) Cancel(ctx context.Context, id CheckoutID, reason string) (Checkout, error) {
	return s.checkoutCommand(ctx, "cancel", id, Cancel{Reason: reason})
}

func (s *Orders) checkoutCommand(ctx context.Context, name string, id CheckoutID, cmd Command) (Checkout, error) {
	w, err := s.commit(ctx, s.inline(), func(ctx context.Context, at time.Time, _ StockAnswer) (attempt, error) {
		return s.decide(ctx, id, "", cmd, at)
	})
	return s.answer(ctx, name, id, w, err)
}

// answer performs what a command has asked for, and returns its checkout as it stands
// then. A repeat waits for the first one.
func (s *Orders) answer(ctx context.Context, name string, id CheckoutID, w written, err error) (Checkout, error) {
	replayed := errors.Is(err, errReplayed)
	if err != nil && !replayed {
		return Checkout{}, fmt.Errorf("orders: %s: checkout %s: %w", name, id, err)
	}
	told := s.follow(ctx, id, w)
	read := context.WithoutCancel(ctx) // the state is the answer, also to a caller whose time is over
	var c Checkout
	if replayed {
		c, err = s.await(ctx, read, id)
	} else {
		c, err = s.store.Checkout(read, id)
	}
	if err = errors.Join(told, err); err != nil {
		return c, fmt.Errorf("orders: %s: checkout %s: %w", name, id, err)
	}
	return c, nil
}

// await returns a checkout when no call of it is under way, or an *[InProgressError]
// when ctx, or the time of one call, is over.
func (s *Orders) await(ctx, read context.Context, id CheckoutID) (Checkout, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallFor)
	defer cancel()
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		c, err := s.store.Checkout(read, id)
		if err != nil || s.cfg.Later || !c.calling() {
			return c, err
		}
		if pause(ctx, wait) != nil {
			return c, &InProgressError{Checkout: c}
		}
	}
}

// calling reports whether a call was asked for and has had no answer of any kind. A look
// after a key that was given up is for much later.
func (c Checkout) calling() bool {
	for _, step := range c.Steps {
		if step.Open && step.Attempt == 0 && !step.Waits && step.Kind != EffectRecheck {
			return true
		}
	}
	return false
}

// Ship says that units have left. With deferred capture their share is taken now.
func (s *Orders) Ship(ctx context.Context, id OrderID, sh Shipment) (Order, error) {
	return s.orderCommand(ctx, "ship", id, sh.Key, sh.Lines, Ship{Lines: sh.Lines})
}

// CancelOrder cancels units that have not left: the warehouse is asked to stop them,
// then they go back on sale, and what was paid for them is given back. Those that it
// could not stop are the *[ShippedError] that comes with the order; it comes once, and
// whoever repeats the request reads in Order.Units what was cancelled.
func (s *Orders) CancelOrder(ctx context.Context, id OrderID, c Cancellation) (Order, error) {
	if len(c.Lines) == 0 {
		c.Lines = nil
	}
	return s.orderCommand(ctx, "cancel order", id, c.Key, []any{c.Lines, c.Reason}, CancelOrder{Lines: c.Lines, Reason: c.Reason})
}

// Capture takes the money that is left to take, under an idempotency key, or without one:
// before shipment where capture is deferred, or again where it failed. Where a capture that
// was refused was answered as done later, it is *[InvalidError]: the money is there.
func (s *Orders) Capture(ctx context.Context, id OrderID, key string) (Order, error) {
	return s.orderCommand(ctx, "capture", id, key, nil, Capture{})
}

// Release lets an order that is on hold go on without the money that is missing, under
// an idempotency key, on an operator's word.
func (s *Orders) Release(ctx context.Context, id OrderID, key string, r Release) (Order, error) {
	return s.orderCommand(ctx, "release", id, key, r, r)
}

func (s *Orders) orderCommand(ctx context.Context, name string, id OrderID, key string, request any, cmd OrderCommand) (Order, error) {
	w, err := s.commit(ctx, s.inline(), func(ctx context.Context, at time.Time, _ StockAnswer) (a attempt, err error) {
		o, err := s.store.Order(ctx, id)
		if err != nil {
			return a, err
		}
		hash, err := requestHash(name, id, request)
		if err != nil {
			return a, err
		}
		whose := scope(o.Buyer, o.Cart)
		if _, err := s.replay(ctx, whose, key, hash); err != nil {
			return a, err
		}
		a.record = s.record(whose, key, hash, "order/"+string(id), at)
		a.known = knownSteps(o.Steps)
		a.decision, err = DecideOrder(o, cmd, at)
		return a, err
	})
	if err != nil && !errors.Is(err, errReplayed) {
		return Order{}, fmt.Errorf("orders: %s: order %s: %w", name, id, err)
	}
	told := s.follow(ctx, CheckoutID(id), w)
	o, err := s.store.Order(context.WithoutCancel(ctx), id)
	if err = errors.Join(told, err); err != nil {
		return o, fmt.Errorf("orders: %s: order %s: %w", name, id, err)
	}
	return o, nil
}

// Checkout returns a checkout as it stands.
func (s *Orders) Checkout(ctx context.Context, id CheckoutID) (Checkout, error) {
	c, err := s.store.Checkout(ctx, id)
	if err != nil {
		return Checkout{}, fmt.Errorf("orders: checkout %s: %w", id, err)
	}
	return c, nil
}

// Order returns an order as it stands.
func (s *Orders) Order(ctx context.Context, id OrderID) (Order, error) {
	o, err := s.store.Order(ctx, id)
	if err != nil {
		return Order{}, fmt.Errorf("orders: order %s: %w", id, err)
	}
	return o, nil
}

// Events yields what happened after an event, in one order for all; see [Store].
func (s *Orders) Events(ctx context.Context, after int64, q EventQuery) iter.Seq2[Event, error] {
	return s.store.Events(ctx, after, q)
}

// Postings yields what is to be posted to the host's books, in the order in which it was
// committed. Posting it twice to a [ledger.Book] is a no-op.
func (s *Orders) Postings(ctx context.Context, after int64) iter.Seq2[ledger.Transaction, error] {
	return s.store.Postings(ctx, after)
}

// Resolve ends an effect by an operator's word, who says what came of it and why this is
// known: one that is in doubt, or one that a refusal has left to people, whose Step is
// Stuck. By and reason are required, and the outcome is Done or Refused. Done is taken as
// if the gateway had said so. Refused ends what is in doubt as a refusal; of what was
// refused already it says that nobody tries again: what is owed stays in the books, as
// the event "written_off" says.
func (s *Orders) Resolve(ctx context.Context, effect string, o Outcome, by, reason string) error {
	id, _, _ := strings.Cut(effect, "/")
	w, err := s.commit(ctx, s.inline(), func(ctx context.Context, at time.Time, answer StockAnswer) (a attempt, err error) {
		c, err := s.store.Checkout(ctx, CheckoutID(id))
		if err != nil {
			return a, err
		}
		order := OrderID(id)
		if knownSteps(c.Steps)(effect) {
			order = ""
		}
		r := Resolve{Report: Report{Key: effect, Outcome: o, Stock: answer, Jitter: s.cfg.Rand()}, By: by, Reason: reason}
		return s.decide(ctx, c.ID, order, r, at)
	})
	if err == nil {
		err = s.follow(ctx, CheckoutID(id), w)
	}
	if err != nil {
		return fmt.Errorf("orders: resolve %s: %w", effect, err)
	}
	return nil
}
