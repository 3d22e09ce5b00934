package orders_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/stock"
	"pgregory.net/rapid"
)

// Two nodes do what a shop does that keeps its books on paper: maps, one clerk, and no
// versions. Payments are refused, wait for the buyer, lose their answers, are not sent, and
// arrive after all; the store fails in the middle.
//
// Invariant: orders O1.
// Invariant: orders O3.
// Invariant: orders O6.
// Invariant: orders O10.
func TestTheEngineDoesWhatAShopOnPaperDoes(t *testing.T) {
	t.Parallel()
	want := 100_000
	if text := os.Getenv("TENON_MODEL_STEPS"); text != "" {
		var err error
		if want, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	steps, begun, placed, closed := 0, 0, 0, 0
	for steps < want && !t.Failed() {
		rapid.Check(t, func(rt *rapid.T) {
			p := newPaper(rt)
			rt.Repeat(map[string]func(*rapid.T){
				"open": p.open, "fill": p.fill, "begin": p.begin, "place": p.place, "place one": p.place, "pay": p.pay, "again": p.again,
				"return": p.comeBack, "give up": p.giveUp, "ship": p.ship, "cancel": p.cancel, "capture": p.capture,
				"time": p.time, "store fails": p.storeFails, "night": func(*rapid.T) { p.night(); p.rest() }, "": p.compare,
			})
			p.night()
			p.rest()
			p.compare(rt)
			steps += p.steps
			for _, c := range p.checkouts {
				begun++
				if c.state == orders.StatePlaced {
					placed++
				}
				if c.state == orders.StatePlaced && sum(c.shipped)+sum(c.back) == sum(c.units) {
					closed++
				}
			}
		})
	}
	t.Logf("%d steps, %d checkouts, %d orders, %d of them shipped or cancelled to the last unit", steps, begun, placed, closed)
}

// A paperCart is a cart as the clerk knows it.
type paperCart struct {
	ref      orders.CartRef
	units    map[string]int64 // by SKU
	ordered  bool
	checkout *paperCheckout // the last one
	clicks   int
}

// A paperCheckout is a checkout and its order.
type paperCheckout struct {
	id       orders.CheckoutID
	ref      orders.CartRef
	req      orders.BeginRequest
	cart     *paperCart
	state    orders.State
	tries    int
	units    map[string]int64
	shipped  map[string]int64
	back     map[string]int64 // cancelled
	captured bool             // all that is left, where capture is deferred
	ships    int
}

func (c *paperCheckout) live() bool {
	return c.state != orders.StatePlaced && c.state != orders.StateCancelled
}

// open is how many units are neither shipped nor cancelled.
func (c *paperCheckout) open(sku string) int64 { return c.units[sku] - c.shipped[sku] - c.back[sku] }

func sum(units map[string]int64) (n int64) {
	for _, q := range units {
		n += q
	}
	return n
}

// A paper is the shop on paper, and the engines that it is compared with.
type paper struct {
	host      *orderstest.Host
	store     *countedStore
	nodes     []*orders.Orders
	deferred  bool
	shelf     map[string]int64
	carts     []*paperCart
	checkouts []*paperCheckout
	steps     int
	ids       int
	t         *rapid.T
}

func newPaper(t *rapid.T) *paper {
	gateway := orderstest.NewGateway(
		orderstest.Script{Call: "authorise:refused", Fault: orderstest.Refuse}, orderstest.Script{Call: "authorise:buyer", Fault: orderstest.Buyer},
		orderstest.Script{Call: "authorise:before", Fault: orderstest.LostBefore}, orderstest.Script{Call: "authorise:unsent", Fault: orderstest.NotSent},
		orderstest.Script{Call: "authorise:late", Fault: orderstest.LostLate}, orderstest.Script{Call: "authorise:lost", Fault: orderstest.LostAfter},
		orderstest.Script{Call: "capture:lost", Fault: orderstest.LostAfter}, orderstest.Script{Call: "void:lost", Fault: orderstest.LostAfter},
		orderstest.Script{Call: "refund:lost", Fault: orderstest.LostAfter},
	)
	p := &paper{
		t: t, host: orderstest.NewHost(gateway, euro(1_000)), store: &countedStore{MemoryStore: orders.NewMemoryStore()},
		deferred: rapid.Bool().Draw(t, "deferred"), shelf: map[string]int64{"A": 6, "B": 3},
	}
	for sku, n := range p.shelf {
		p.must(p.store.Stock().SetOnHand(context.Background(), stock.Key{SKU: sku}, n))
	}
	cfg := p.host.Config()
	if p.deferred {
		cfg.Capture = orders.CaptureDeferred
	}
	for range 2 {
		s, err := orders.New(p.store, p.host, gateway, p.host, cfg)
		p.must(err)
		p.nodes = append(p.nodes, s)
	}
	return p
}

func (p *paper) must(err error) {
	if err != nil {
		p.t.Fatalf("%v; calls %q", err, p.host.Gateway.Log())
	}
}

func (p *paper) node() *orders.Orders {
	return p.nodes[rapid.IntRange(0, len(p.nodes)-1).Draw(p.t, "node")]
}

func (p *paper) ctx() context.Context { return context.Background() }

func (p *paper) open(t *rapid.T) {
	p.t = t
	if len(p.carts) > 5 {
		t.Skip()
	}
	cart, token, err := p.node().OpenCart(p.ctx(), orders.Buyer{Email: "guest@shop.example"}, money.MustISO("EUR"))
	p.must(err)
	p.carts = append(p.carts, &paperCart{ref: orders.CartRef{ID: cart.ID, Token: token}, units: map[string]int64{}})
}

func (p *paper) anyCart(t *rapid.T) *paperCart {
	p.t = t
	if len(p.carts) == 0 {
		t.Skip()
	}
	return p.carts[rapid.IntRange(0, len(p.carts)-1).Draw(t, "cart")]
}

func (c *paperCart) locked() bool { return c.checkout != nil && c.checkout.live() }

func (p *paper) fill(t *rapid.T) {
	c := p.anyCart(t)
	sku, n := rapid.SampledFrom([]string{"A", "B"}).Draw(t, "sku"), rapid.Int64Range(1, 3).Draw(t, "units")
	_, err := p.node().AddLine(p.ctx(), c.ref, orders.CartLine{ID: sku, SKU: sku, Quantity: n})
	switch {
	case c.locked() && !errors.Is(err, orders.ErrLocked), c.ordered && err == nil:
		t.Fatalf("a cart that is locked %t, ordered %t, is filled: %v", c.locked(), c.ordered, err)
	case !c.locked() && !c.ordered:
		p.must(err)
		c.units[sku] += n
	}
}

// left is what nobody has, or has a hold of.
func (p *paper) left(sku string) int64 {
	n := p.shelf[sku]
	for _, c := range p.checkouts {
		if c.state != orders.StateCancelled {
			n -= c.units[sku] - c.back[sku]
		}
	}
	return n
}

// kinds are what the gateway's script knows, and how an authorisation of each ends at first.
func kinds() map[string]orders.State {
	return map[string]orders.State{
		"card": orders.StatePlaced, "lost": orders.StatePlaced, "refused": orders.StateLocked, "buyer": orders.StateAwaitingBuyer,
		"before": orders.StateAuthorising, "unsent": orders.StateAuthorising, "late": orders.StateAuthorising,
	}
}

// tenders pays a total, and says how that ends.
func (p *paper) tenders(total int64) (tenders []orders.Tender, state orders.State) {
	kind := rapid.SampledFrom([]string{"card", "card", "card", "lost", "lost", "refused", "buyer", "before", "unsent", "late"})
	p.ids++
	one := orders.Tender{ID: fmt.Sprint("t", p.ids), Kind: kind.Draw(p.t, "kind"), Token: "tok"}
	if state = kinds()[one.Kind]; state != orders.StatePlaced || !rapid.Bool().Draw(p.t, "split") {
		return []orders.Tender{one}, state
	}
	one.Amount = euro(total / 2)
	two := orders.Tender{ID: one.ID + "b", Kind: kind.Draw(p.t, "second"), Token: "tok"}
	return []orders.Tender{one, two}, kinds()[two.Kind]
}

func (p *paper) begin(t *rapid.T) {
	c := p.anyCart(t)
	p.checkout(c, nil, orders.StateLocked)
}

func (p *paper) place(t *rapid.T) {
	c := p.anyCart(t)
	tenders, state := p.tenders(1_000 * sum(c.units))
	p.checkout(c, tenders, state)
}

// checkout begins one, where the clerk would.
func (p *paper) checkout(c *paperCart, tenders []orders.Tender, state orders.State) {
	c.clicks++
	ref := c.ref
	ref.Key = fmt.Sprint("click", c.clicks)
	cart, err := p.nodes[0].Cart(p.ctx(), c.ref)
	p.must(err)
	ref.Version = cart.Version
	req := orders.BeginRequest{Expected: euro(1_000 * sum(c.units)), Tenders: tenders}
	short := false
	for sku, n := range c.units {
		short = short || n > p.left(sku)
	}
	commits := p.store.commits
	got, err := p.node().Begin(p.ctx(), ref, req)
	switch {
	case c.locked():
		p.refused(err, orders.ErrLocked, commits)
	case c.ordered || sum(c.units) == 0:
		if err == nil {
			p.t.Fatalf("a cart with %v, ordered %t, is begun", c.units, c.ordered)
		}
	case short:
		p.refused(err, stock.ErrShort, commits)
	default:
		p.must(err)
		c.checkout = &paperCheckout{
			id: got.ID, ref: ref, req: req, cart: c, state: state, units: maps.Clone(c.units), shipped: map[string]int64{}, back: map[string]int64{},
		}
		if tenders != nil && state == orders.StateLocked {
			c.checkout.tries = 1
		}
		p.checkouts = append(p.checkouts, c.checkout)
		p.took(c.checkout, got)
	}
}

// refused is a command that must have changed nothing.
func (p *paper) refused(err, want error, commits int) {
	if !errors.Is(err, want) || p.store.commits != commits {
		p.t.Fatalf("%v and %d commits, want %v", err, p.store.commits-commits, want)
	}
}

// took compares a checkout with the clerk's.
func (p *paper) took(c *paperCheckout, got orders.Checkout) {
	if got.ID != c.id || got.State != c.state {
		p.t.Fatalf("checkout %s is %s (%s), want %s %s; calls %q", got.ID, got.State, got.Cause, c.id, c.state, p.host.Gateway.Log())
	}
	c.cart.ordered = c.cart.ordered || c.state == orders.StatePlaced
}

func (p *paper) anyCheckout(t *rapid.T) *paperCheckout {
	p.t = t
	if len(p.checkouts) == 0 {
		t.Skip()
	}
	return p.checkouts[rapid.IntRange(0, len(p.checkouts)-1).Draw(t, "checkout")]
}

func (p *paper) pay(t *rapid.T) {
	c := p.anyCheckout(t)
	was, err := p.nodes[0].Checkout(p.ctx(), c.id)
	p.must(err)
	left := 1_000 * sum(c.units)
	for _, tender := range was.Tenders {
		minor, _ := tender.Authorised.Minor()
		left -= minor
	}
	tenders, state := p.tenders(left)
	commits := p.store.commits
	got, err := p.node().Pay(p.ctx(), c.id, orders.PayRequest{Key: fmt.Sprint("pay", p.ids), Tenders: tenders})
	switch c.state {
	case orders.StateLocked:
		p.must(err)
		if c.state = state; state == orders.StateLocked {
			if c.tries++; c.tries == 3 {
				c.state = orders.StateCancelled
			}
		}
		p.took(c, got)
	case orders.StatePlaced:
		p.must(err)
		p.took(c, got)
	default:
		p.refused(err, orders.ErrTransition, commits)
	}
}

// again is the click that came before, and the same key on something else.
func (p *paper) again(t *rapid.T) {
	c := p.anyCheckout(t)
	if sum(c.cart.units) != sum(c.units) {
		t.Skip() // another cart is another request
	}
	commits := p.store.commits
	if c.state == orders.StateAuthorising && c.req.Tenders == nil {
		t.Skip()
	}
	got, err := p.node().Begin(p.ctx(), c.ref, c.req)
	p.must(err)
	p.took(c, got)
	other := c.req
	other.Codes = []string{"TEN"}
	_, err = p.node().Begin(p.ctx(), c.ref, other)
	p.refused(err, orders.ErrKeyReused, commits)
}

// comeBack is the buyers who have done what their banks asked for.
func (p *paper) comeBack(t *rapid.T) {
	p.t = t
	p.host.Gateway.Approve()
	for i, c := range p.checkouts {
		if c.state != orders.StateAwaitingBuyer {
			continue
		}
		c.state = orders.StatePlaced
		c.cart.ordered = true
		was, err := p.nodes[0].Checkout(p.ctx(), c.id)
		p.must(err)
		if i%2 == 0 {
			got, err := p.node().Confirm(p.ctx(), c.id)
			p.must(err)
			p.took(c, got)
			continue
		}
		step := was.Steps[len(was.Steps)-1]
		_, err = p.node().Observe(p.ctx(), orders.PaymentEvent{
			Source: "psp", ID: step.Key, Key: step.Key, Kind: orders.PaymentAuthorisation, Status: orders.PaymentSucceeded, Amount: step.Amount, At: p.host.Now(),
		})
		p.must(err)
		p.must(p.node().Drive(p.ctx(), c.id))
	}
}

func (p *paper) giveUp(t *rapid.T) {
	c := p.anyCheckout(t)
	got, err := p.node().Cancel(p.ctx(), c.id, "changed my mind")
	p.must(err)
	if c.live() {
		c.state = orders.StateCancelled
	}
	p.took(c, got)
}

func (p *paper) anyOrder(t *rapid.T) (c *paperCheckout, sku string, n int64) {
	c = p.anyCheckout(t)
	sku = rapid.SampledFrom(slices.Sorted(maps.Keys(c.units))).Draw(t, "line")
	c.ships++
	return c, sku, rapid.Int64Range(1, 4).Draw(t, "units")
}

// result compares what a command to an order comes to with what the clerk says, and reports
// whether it is done.
func (p *paper) result(c *paperCheckout, sku string, n int64, err error, commits int) bool {
	rest := int64(0)
	for other := range c.units {
		rest += c.open(other)
	}
	switch {
	case c.state != orders.StatePlaced:
		p.refused(err, orders.ErrNotFound, commits)
	case rest == 0:
		p.refused(err, orders.ErrTransition, commits)
	case n > c.open(sku):
		p.refused(err, orders.ErrInvalid, commits)
	default:
		p.must(err)
		return true
	}
	return false
}

func (p *paper) ship(t *rapid.T) {
	c, sku, n := p.anyOrder(t)
	commits := p.store.commits
	shipment := orders.Shipment{Key: fmt.Sprint("ship", c.ships), Lines: []orders.LineQty{{Line: sku, Quantity: n}}}
	_, err := p.node().Ship(p.ctx(), orders.OrderID(c.id), shipment)
	if !p.result(c, sku, n, err, commits) {
		return
	}
	c.shipped[sku] += n
	if _, err := p.node().Ship(p.ctx(), orders.OrderID(c.id), shipment); err != nil {
		t.Fatalf("the same shipment again: %v", err)
	}
}

func (p *paper) cancel(t *rapid.T) {
	c, sku, n := p.anyOrder(t)
	commits := p.store.commits
	some := orders.Cancellation{Key: fmt.Sprint("cancel", c.ships), Lines: []orders.LineQty{{Line: sku, Quantity: n}}, Reason: "too many"}
	_, err := p.node().CancelOrder(p.ctx(), orders.OrderID(c.id), some)
	if p.result(c, sku, n, err, commits) {
		c.back[sku] += n
	}
}

func (p *paper) capture(t *rapid.T) {
	c := p.anyCheckout(t)
	commits := p.store.commits
	c.ships++
	_, err := p.node().Capture(p.ctx(), orders.OrderID(c.id), fmt.Sprint("capture", c.ships))
	switch {
	case c.state != orders.StatePlaced:
		p.refused(err, orders.ErrNotFound, commits)
	case err != nil:
		p.refused(err, orders.ErrTransition, commits)
	default:
		c.captured = true
	}
}

// time passes, less than any checkout may take, and a runner looks after what is due.
func (p *paper) time(t *rapid.T) {
	p.t = t
	p.host.Pass(time.Duration(rapid.IntRange(1, 5).Draw(t, "seconds")) * time.Second)
	p.runner()
}

func (p *paper) runner() int {
	r, err := orders.NewRunner(p.node(), orders.RunnerConfig{Parallel: 1})
	p.must(err)
	n, err := r.Step(p.ctx())
	p.must(err)
	return n
}

// storeFails in one of the next commits; the day ends there.
func (p *paper) storeFails(t *rapid.T) {
	p.t = t
	c := p.anyCart(t)
	if c.locked() || c.ordered || sum(c.units) == 0 || p.left("A") < c.units["A"] || p.left("B") < c.units["B"] {
		t.Skip()
	}
	n, down := rapid.IntRange(1, 4).Draw(t, "commit"), errors.New("disk full")
	p.store.before = func(orders.Change) {
		if n--; n == 0 {
			p.store.fail = down
		}
	}
	c.clicks++
	cart, err := p.nodes[0].Cart(p.ctx(), c.ref)
	p.must(err)
	ref := c.ref
	ref.Key, ref.Version = fmt.Sprint("click", c.clicks), cart.Version
	req := orders.BeginRequest{Expected: euro(1_000 * sum(c.units)), Tenders: []orders.Tender{{ID: "t", Kind: "card", Token: "tok"}}}
	if _, err = p.node().Begin(p.ctx(), ref, req); err != nil && !errors.Is(err, down) {
		t.Fatal(err)
	}
	p.store.before, p.store.fail = nil, nil
	p.night()
	// The buyer asks again, on the other node perhaps: now it is placed.
	got, err := p.node().Begin(p.ctx(), ref, req)
	p.must(err)
	c.checkout = &paperCheckout{
		id: got.ID, ref: ref, req: req, cart: c, state: orders.StatePlaced, units: maps.Clone(c.units), shipped: map[string]int64{}, back: map[string]int64{},
	}
	p.checkouts = append(p.checkouts, c.checkout)
	p.took(c.checkout, got)
}

// night is long enough for everything to end: who has not paid is given up, save whose
// payment has arrived meanwhile.
func (p *paper) night() {
	p.host.Gateway.Arrive()
	for wait := 5 * time.Minute; wait < 3*time.Hour; {
		if p.runner() > 0 {
			wait = 5 * time.Minute
			continue
		}
		p.host.Pass(wait)
		wait *= 2
	}
	for _, c := range p.checkouts {
		if !c.live() {
			continue
		}
		got, err := p.nodes[0].Checkout(p.ctx(), c.id)
		p.must(err)
		c.state = orders.StateCancelled
		if late := slices.ContainsFunc(got.Tenders, func(t orders.CheckoutTender) bool { return t.Tender.Kind == "late" }); late && got.State == orders.StatePlaced {
			c.state = got.State
		}
		p.took(c, got)
	}
}

// rest is what is so when nothing is under way: only what is still to be shipped is
// authorised.
func (p *paper) rest() {
	p.must(orderstest.Check(p.ctx(), p.store, p.host.Now()))
	live, _ := p.host.Gateway.Books(money.MustISO("EUR"))
	least, open := int64(0), false
	for _, c := range p.checkouts {
		for sku := range c.units {
			if n := c.open(sku); c.state == orders.StatePlaced && p.deferred && !c.captured && n > 0 {
				least += 1_000 * n
				open = true
			}
		}
	}
	if minor, _ := live.Minor(); minor < least || !open && minor != 0 {
		p.t.Fatalf("%v authorised, want at least %v; calls %q", live, euro(least), p.host.Gateway.Log())
	}
}

// compare is the clerk's books beside the engine's, and the bank's, after each step.
func (p *paper) compare(t *rapid.T) {
	p.t = t
	p.steps++
	onHand, held, owed := maps.Clone(p.shelf), map[string]int64{}, int64(0)
	for _, c := range p.checkouts {
		for sku, n := range c.units {
			switch {
			case c.state == orders.StatePlaced:
				onHand[sku] -= n - c.back[sku]
				if owed += 1_000 * (n - c.back[sku]); p.deferred && !c.captured {
					owed -= 1_000 * c.open(sku)
				}
			case c.live():
				held[sku] += n
			}
		}
	}
	levels, err := p.store.Stock().Levels(p.ctx(), []stock.Key{{SKU: "A"}, {SKU: "B"}})
	p.must(err)
	for _, l := range levels {
		if l.OnHand != onHand[l.SKU] || l.Reserved != held[l.SKU] {
			t.Fatalf("%s: %d on hand and %d held, want %d and %d", l.SKU, l.OnHand, l.Reserved, onHand[l.SKU], held[l.SKU])
		}
	}
	if _, captured := p.host.Gateway.Books(money.MustISO("EUR")); captured != euro(owed) {
		t.Fatalf("%v captured, want %v; calls %q", captured, euro(owed), p.host.Gateway.Log())
	}
	if doubled := p.host.Gateway.Doubled(); len(doubled) > 0 {
		t.Fatalf("doubled: %q", doubled)
	}
	p.compareCarts()
}

func (p *paper) compareCarts() {
	for _, c := range p.carts {
		got, err := p.nodes[0].Cart(p.ctx(), c.ref)
		p.must(err)
		units := map[string]int64{}
		for _, l := range got.Lines {
			units[l.SKU] = l.Quantity
		}
		if !maps.Equal(units, c.units) || (cmp.Or(got.State, orders.CartOpen) == orders.CartOrdered) != c.ordered {
			p.t.Fatalf("cart %s has %v, ordered %t, want %v", got.State, units, c.ordered, c.units)
		}
	}
}
