package orders

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenon-go/tenon/money/ledger"
	"github.com/tenon-go/tenon/orders/internal/lease"
	"github.com/tenon-go/tenon/orders/internal/mergepatch"
	"github.com/tenon-go/tenon/orders/stock"
)

// A Store keeps carts, checkouts and orders with their events, effects, requests and
// postings, and the stock that they move.
//
// What every store promises, and orderstest.TestStore checks:
//
//   - It is safe for concurrent use, by goroutines and by processes.
//   - A Change happens as a whole or not at all, also where its context ends on the
//     way. Only if the answer to a finished write is lost can it have happened and
//     reported an error; the caller reads what is there and decides again.
//   - What comes back is what was written, as its JSON has it. Times are in UTC, to the
//     microsecond. What a caller got or gave is its own: changing it changes nothing here.
//   - Nothing is deleted, save requests after their KeepUntil.
//   - Errors carry the sentinels named here; an ended context is reported as such.
//   - Sequences end after an error, can be stopped early, and can be ranged over again,
//     which asks again.
type Store interface {
	// Cart, Checkout and Order return the aggregate as it was written last.
	// ErrNotFound without one.
	Cart(ctx context.Context, id CartID) (Cart, error)
	Checkout(ctx context.Context, id CheckoutID) (Checkout, error)
	Order(ctx context.Context, id OrderID) (Order, error)

	// Apply makes a change: all of it, or on any error nothing. The errors that its
	// parts can have are named at [Change]; where several apply, any of them.
	Apply(ctx context.Context, c Change) error

	// Replay returns what a request with this key in this scope came to. ErrNotFound
	// when there was none. After KeepUntil it may be forgotten.
	Replay(ctx context.Context, scope, key string) (Record, error)

	// Claim leases due effects to a worker, the earliest due first, and of those due at
	// once the one with the smaller key. An effect is claimable when Due is not after
	// r.At and no lease of it ends after r.At. Two claims never have the same effect
	// at one time; concurrent claims do not wait for each other's rows. None is no
	// error.
	Claim(ctx context.Context, r ClaimRequest) ([]Claimed, error)

	// Events yields the events with a Seq above after, ascending. Seq is above 0 and may
	// have gaps; within an aggregate it grows with Number. The sequence is live: it ends
	// with what is visible then.
	//
	// Without a query it is the stream that others follow, and its order is one for all:
	// who has seen an event will never find an earlier one that was not there before.
	// To keep that, a store may hold back what was committed while something that could
	// come before it is still under way.
	//
	// With an aggregate or a reference it is all that was committed when it was asked,
	// held back or not: what a decision needs to know.
	Events(ctx context.Context, after int64, q EventQuery) iter.Seq2[Event, error]

	// Postings yields the ledger transactions with a Seq above after, ascending, in the
	// order of what they post: an aggregate's in that of its versions. It is a stream as
	// that of Events.
	Postings(ctx context.Context, after int64) iter.Seq2[ledger.Transaction, error]
}

// A TransactionalStore is a [Store] that may run in a transaction of the caller's, which
// others do not see yet: then nobody may be called.
type TransactionalStore interface {
	Store
	InTransaction() bool
}

// An EffectLister is a [Store] that shows what is still to be done for a checkout and its
// order, and leases nothing: the effects that are not over, the earliest due first and of
// those due at once the one with the smaller key. None is no error.
type EffectLister interface {
	Store
	Effects(ctx context.Context, id CheckoutID) ([]Effect, error)
}

// A StockStore is a [Store] that shows its stock: the rows that Apply moves.
type StockStore interface {
	Store
	Stock() stock.Store
}

// A Change is what one decision writes.
type Change struct {
	// At is the time of the decision: for leases and stock.
	At time.Time

	// Carts, Checkout and Order are new states. One of version n takes the place of
	// version n-1, and with n = 1 of nothing; else *ConflictError with Kind
	// ConflictCart and so on, and the stored version. A cart has one live checkout at
	// most (State.Live): a second one is a *ConflictError of ConflictCart.
	Carts    []Cart
	Checkout *Checkout
	Order    *Order

	// Record is the request that this change answers. *ConflictError with
	// ConflictRequest when its scope has the key already.
	Record *Record

	// Acks are the leased effects that this change reports. Each must be there and have
	// this fence, above 0, else *ConflictError with ConflictEffect and the stored fence
	// (0: it is over, or was never leased). Its lease ends; unless the key is in Effects or Cancel, the row is over.
	Acks []Ack
	// Cancel are effects that are over, by key. One that is not there, or over, is
	// passed over; a lease on it does not count.
	Cancel []string
	// Effects are added, or take the place of a row with the same key: its due time,
	// attempts, doubt and payload. A row that is leased and not in Acks keeps its
	// lease and its fence, so that who holds it can still report.
	Effects []Effect
	// Worker, when set, leases at once those of Effects that are due at At and not
	// leased, until LeaseUntil: their fence grows by one as with a claim, and a new row's is
	// 1.
	Worker     string
	LeaseUntil time.Time

	// Events are appended; the store gives them their Seq. Number must follow the
	// aggregate's last one without a gap, else *ConflictError with ConflictCheckout or
	// ConflictOrder; Number 0 takes the next one of its aggregate, also when several
	// do so at once.
	Events []Event
	// Postings, with a Key, are appended to the stream of postings.
	Postings ledger.Transaction
	// Stock moves come last, in their order: *stock.ShortError, stock.ErrEnded and the
	// other errors of [stock.Store], at At.
	Stock []stock.Move
}

// An Ack names a leased effect.
type Ack struct {
	Key   string
	Fence int64
}

// A Record is a request under an idempotency key and what it became.
type Record struct {
	Scope     string    `json:"scope"` // whose key: "customer/<id>" or "cart/<id>"
	Key       string    `json:"key"`
	Hash      string    `json:"hash"`      // SHA-256 of the request, hexadecimal
	Aggregate string    `json:"aggregate"` // "cart/<id>", "checkout/<id>" or "order/<id>"
	At        time.Time `json:"at"`
	KeepUntil time.Time `json:"keep_until"` // it may be forgotten from then on
}

// A ClaimRequest asks for due effects.
type ClaimRequest struct {
	At     time.Time
	Worker string
	Lease  time.Duration // how long; above zero
	Limit  int           // how many at most; above zero
	// Checkout, when set, asks only for effects of this checkout and of its order.
	Checkout CheckoutID
}

// A Claimed is an effect that is leased. Fence grows with every lease of it. Abandoned
// says that an earlier lease ended without a report: the call may have been made.
type Claimed struct {
	Effect    Effect
	Fence     int64
	Until     time.Time // when the lease ends
	Abandoned bool
}

// An EventQuery chooses events: those that fit all that is set.
type EventQuery struct {
	Aggregate string // "checkout/<id>", "order/<id>", "unmatched/<source>"
	Ref       string // a gateway's reference
}

// An Event is what happened to one aggregate. Events are the audit log, and, read in
// the order of Seq, an outbox.
type Event struct {
	Seq       int64     `json:"seq,omitzero"` // the place in the store's stream, given by the store
	Aggregate string    `json:"aggregate"`    // "checkout/<id>", "order/<id>", or "unmatched/<source>"
	Number    int64     `json:"number"`       // 1, 2, 3 of its aggregate
	Form      int       `json:"form"`         // of Data; see EventForm
	Kind      string    `json:"kind"`         // "begun", "authorised"; doc.go lists them
	At        time.Time `json:"at"`
	Key       string    `json:"key,omitzero"`    // the effect that it is about
	Ref       string    `json:"ref,omitzero"`    // the gateway's name for the movement
	By        string    `json:"by,omitzero"`     // the operator
	Reason    string    `json:"reason,omitzero"` // in words
	// Data is a JSON merge patch (RFC 7396): what the event changed in its checkout or
	// order. All of them, merged one after the other into {}, are its JSON. Of an
	// unmatched event it is the [PaymentEvent].
	Data json.RawMessage `json:"data"`
}

// EventForm is the form in which events are written now.
const EventForm = 1

// A Decision is what a command changes: what its caller writes in one [Change], and
// nothing else. The zero Decision changes nothing: the state is the answer.
type Decision struct {
	Checkout *Checkout // the new state; nil: as it was
	Order    *Order
	Cart     *Cart
	Stock    []stock.Move
	Events   []Event
	Effects  []Effect // new ones, and new terms for those that are there
	Cancel   []string // effects that are over, the one reported among them
	Postings ledger.Transaction
	// Answer is what the caller is told although the change is made: *[DiscountError],
	// *[ShippedError], *stock.ShortError as "sold out" (the store's error).
	Answer   error
	Observed Observed // of an [Observe]
}

// fold merges the patches of events into state, and returns the number of the last one.
func fold(events iter.Seq[Event], state any, aggregate func() string) (int64, error) {
	doc, last, name := map[string]any{}, int64(0), ""
	for e := range events {
		switch {
		case e.Form != EventForm:
			return 0, fmt.Errorf("%w: event %d: form %d", ErrHistory, e.Number, e.Form)
		case e.Number != last+1 || last > 0 && e.Aggregate != name:
			return 0, fmt.Errorf("%w: event %d of %s after %d of %s", ErrHistory, e.Number, e.Aggregate, last, name)
		}
		patch, err := mergepatch.Decode(e.Data)
		if err != nil {
			return 0, fmt.Errorf("%w: event %d: %w", ErrHistory, e.Number, err)
		}
		mergepatch.Merge(doc, patch)
		last, name = e.Number, e.Aggregate
	}
	if last == 0 {
		return 0, nil
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrHistory, err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(state); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrHistory, err)
	}
	if aggregate() != name {
		return 0, fmt.Errorf("%w: events of %s make %s", ErrHistory, name, aggregate())
	}
	return last, nil
}

// NewMemoryStore returns an empty store in memory, with stock of its own. It is a
// whole store, for tests and for programs that may forget.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		stock:     stock.NewMemoryStore(),
		carts:     make(map[CartID]memoryState),
		checkouts: make(map[CheckoutID]memoryState),
		orders:    make(map[OrderID]memoryState),
		live:      make(map[CartID]CheckoutID),
		requests:  make(map[requestKey]Record),
		effects:   lease.New[Effect](),
		histories: make(map[string][]int),
		refs:      make(map[string][]int),
	}
}

// A MemoryStore is a [Store] that lives as long as its process. It is safe for
// concurrent use; a change takes one mutex for what it writes. States are kept as
// their JSON, so that nothing is shared with a caller.
type MemoryStore struct {
	stock *stock.MemoryStore

	mu        sync.Mutex
	carts     map[CartID]memoryState
	checkouts map[CheckoutID]memoryState
	orders    map[OrderID]memoryState
	live      map[CartID]CheckoutID
	requests  map[requestKey]Record
	kept      []Record // requests, in the order in which they came
	effects   *lease.Table[Effect]
	events    []Event          // Seq is the index and one
	histories map[string][]int // indexes of events by aggregate
	refs      map[string][]int // and by reference
	postings  []ledger.Transaction
}

// memoryState is an aggregate as it was written last.
type memoryState struct {
	version int64
	body    []byte
}

type requestKey struct{ scope, key string }

var _ interface {
	StockStore
	EffectLister
} = (*MemoryStore)(nil)

// Stock returns the stock that Apply moves.
func (s *MemoryStore) Stock() stock.Store { return s.stock }

// Cart implements [Store].
func (s *MemoryStore) Cart(ctx context.Context, id CartID) (c Cart, err error) {
	return c, readState(ctx, s, s.carts, id, &c)
}

// Checkout implements [Store].
func (s *MemoryStore) Checkout(ctx context.Context, id CheckoutID) (c Checkout, err error) {
	return c, readState(ctx, s, s.checkouts, id, &c)
}

// Order implements [Store].
func (s *MemoryStore) Order(ctx context.Context, id OrderID) (o Order, err error) {
	return o, readState(ctx, s, s.orders, id, &o)
}

func readState[K ~string](ctx context.Context, s *MemoryStore, states map[K]memoryState, id K, into any) error {
	if ctx.Err() != nil {
		return fmt.Errorf("orders: memory store: read %s: %w", id, context.Cause(ctx))
	}
	s.mu.Lock()
	state, ok := states[id]
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("orders: memory store: %s: %w", id, ErrNotFound)
	}
	if err := json.Unmarshal(state.body, into); err != nil {
		return fmt.Errorf("orders: memory store: read %s: %w", id, err)
	}
	return nil
}

// Replay implements [Store].
func (s *MemoryStore) Replay(ctx context.Context, scope, key string) (Record, error) {
	if ctx.Err() != nil {
		return Record{}, fmt.Errorf("orders: memory store: replay %s: %w", key, context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[requestKey{scope, key}]
	if !ok {
		return Record{}, fmt.Errorf("orders: memory store: request %s of %s: %w", key, scope, ErrNotFound)
	}
	return r, nil
}

// Claim implements [Store].
func (s *MemoryStore) Claim(ctx context.Context, r ClaimRequest) ([]Claimed, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("orders: memory store: claim: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	until := r.At.Add(r.Lease).UTC().Truncate(time.Microsecond)
	leases := s.effects.Claim(string(r.Checkout), r.At, until, r.Limit)
	claimed := make([]Claimed, len(leases))
	for i, l := range leases {
		l.Value.Payload = slices.Clone(l.Value.Payload)
		claimed[i] = Claimed{Effect: l.Value, Fence: l.Fence, Until: l.Until, Abandoned: l.Abandoned}
	}
	return claimed, nil
}

// Effects implements [EffectLister].
func (s *MemoryStore) Effects(ctx context.Context, id CheckoutID) ([]Effect, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("orders: memory store: effects: %w", context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	effects := s.effects.Owned(string(id))
	for i := range effects {
		effects[i].Payload = slices.Clone(effects[i].Payload)
	}
	return effects, nil
}

// Apply implements [Store].
func (s *MemoryStore) Apply(ctx context.Context, c Change) error {
	if err := s.apply(ctx, c); err != nil {
		return fmt.Errorf("orders: memory store: apply: %w", err)
	}
	return nil
}

// apply checks all of a change before it writes any of it.
func (s *MemoryStore) apply(ctx context.Context, c Change) error {
	w, err := encodeChange(c)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(c); err != nil {
		return err
	}
	if len(c.Stock) > 0 {
		if err := s.stock.Apply(ctx, c.At, c.Stock); err != nil {
			return err
		}
	}
	s.write(c, w)
	return nil
}

// encoded is the states of a change as JSON.
type encoded struct {
	carts           [][]byte
	checkout, order []byte
}

func encodeChange(c Change) (e encoded, err error) {
	for _, cart := range c.Carts {
		body, err := json.Marshal(cart)
		if err != nil {
			return e, fmt.Errorf("cart %s: %w", cart.ID, err)
		}
		e.carts = append(e.carts, body)
	}
	if c.Checkout != nil {
		if e.checkout, err = json.Marshal(c.Checkout); err != nil {
			return e, fmt.Errorf("checkout %s: %w", c.Checkout.ID, err)
		}
	}
	if c.Order != nil {
		if e.order, err = json.Marshal(c.Order); err != nil {
			return e, fmt.Errorf("order %s: %w", c.Order.ID, err)
		}
	}
	return e, nil
}

func (s *MemoryStore) check(c Change) error {
	for _, cart := range c.Carts {
		if err := checkVersion(ConflictCart, s.carts, cart.ID, cart.Version); err != nil {
			return err
		}
	}
	if c.Checkout != nil {
		if err := s.checkCheckout(c.Checkout); err != nil {
			return err
		}
	}
	if c.Order != nil {
		if err := checkVersion(ConflictOrder, s.orders, c.Order.ID, c.Order.Version); err != nil {
			return err
		}
	}
	if r := c.Record; r != nil {
		if old, ok := s.requests[requestKey{r.Scope, r.Key}]; ok && c.At.Before(old.KeepUntil) {
			return &ConflictError{Kind: ConflictRequest, ID: r.Key}
		}
	}
	for _, ack := range c.Acks {
		if fence := s.effects.Fence(ack.Key); fence == 0 || fence != ack.Fence {
			return &ConflictError{Kind: ConflictEffect, ID: ack.Key, Current: fence}
		}
	}
	return s.checkEvents(c.Events)
}

func checkVersion[K ~string](kind ConflictKind, states map[K]memoryState, id K, version int64) error {
	if current := states[id].version; current != version-1 {
		return &ConflictError{Kind: kind, ID: string(id), Current: current}
	}
	return nil
}

func (s *MemoryStore) checkCheckout(c *Checkout) error {
	if err := checkVersion(ConflictCheckout, s.checkouts, c.ID, c.Version); err != nil {
		return err
	}
	cart := c.Cart.ID
	if other, ok := s.live[cart]; ok && other != c.ID && c.State.Live() {
		return &ConflictError{Kind: ConflictCart, ID: string(cart), Current: s.carts[cart].version}
	}
	return nil
}

// checkEvents checks that the numbers go on from those that are there.
func (s *MemoryStore) checkEvents(events []Event) error {
	last := make(map[string]int64)
	for _, e := range events {
		n, ok := last[e.Aggregate]
		if !ok {
			n = int64(len(s.histories[e.Aggregate]))
		}
		if e.Number != 0 && e.Number != n+1 {
			kind, id, _ := strings.Cut(e.Aggregate, "/")
			return &ConflictError{Kind: ConflictKind(kind), ID: id, Current: n}
		}
		last[e.Aggregate] = n + 1
	}
	return nil
}

func (s *MemoryStore) write(c Change, w encoded) {
	for i, cart := range c.Carts {
		s.carts[cart.ID] = memoryState{cart.Version, w.carts[i]}
	}
	if c.Checkout != nil {
		s.checkouts[c.Checkout.ID] = memoryState{c.Checkout.Version, w.checkout}
		switch cart := c.Checkout.Cart.ID; {
		case c.Checkout.State.Live():
			s.live[cart] = c.Checkout.ID
		case s.live[cart] == c.Checkout.ID:
			delete(s.live, cart)
		}
	}
	if c.Order != nil {
		s.orders[c.Order.ID] = memoryState{c.Order.Version, w.order}
	}
	if c.Record != nil {
		s.keep(*c.Record)
	}
	s.writeEffects(c)
	for _, e := range c.Events {
		s.append(e)
	}
	if c.Postings.Key != "" {
		t := copyPostings(c.Postings)
		t.Seq = int64(len(s.postings)) + 1
		s.postings = append(s.postings, t)
	}
}

func (s *MemoryStore) writeEffects(c Change) {
	for _, ack := range c.Acks {
		s.effects.Ack(ack.Key)
		if !slices.ContainsFunc(c.Effects, func(e Effect) bool { return e.Key == ack.Key }) {
			s.effects.End(ack.Key)
		}
	}
	for _, key := range c.Cancel {
		s.effects.End(key)
	}
	for _, e := range c.Effects {
		e.Payload = slices.Clone(e.Payload)
		s.effects.Put(e.Key, cmp.Or(string(e.Checkout), string(e.Order)), e.Due, e)
		if c.Worker != "" {
			s.effects.Take(e.Key, c.At, c.LeaseUntil)
		}
	}
}

func (s *MemoryStore) append(e Event) {
	n := len(s.events)
	s.histories[e.Aggregate] = append(s.histories[e.Aggregate], n)
	if e.Ref != "" {
		s.refs[e.Ref] = append(s.refs[e.Ref], n)
	}
	e.Seq, e.Number = int64(n)+1, int64(len(s.histories[e.Aggregate]))
	e.Data = slices.Clone(e.Data)
	s.events = append(s.events, e)
}

// keep stores a request, and forgets those that were to be kept until then: two for
// one, so that what is kept is bounded.
func (s *MemoryStore) keep(r Record) {
	for range 2 {
		if len(s.kept) == 0 || r.At.Before(s.kept[0].KeepUntil) {
			break
		}
		key := requestKey{s.kept[0].Scope, s.kept[0].Key}
		if s.requests[key] == s.kept[0] {
			delete(s.requests, key)
		}
		s.kept = s.kept[1:]
	}
	s.requests[requestKey{r.Scope, r.Key}] = r
	s.kept = append(s.kept, r)
}

func copyPostings(t ledger.Transaction) ledger.Transaction {
	t.Postings = slices.Clone(t.Postings)
	return t
}

// Events implements [Store]. What is asked for by aggregate or reference is found in
// its own number of steps.
func (s *MemoryStore) Events(ctx context.Context, after int64, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for _, e := range s.history(after, q) {
			if ctx.Err() != nil {
				yield(Event{}, fmt.Errorf("orders: memory store: events: %w", context.Cause(ctx)))
				return
			}
			e.Data = slices.Clone(e.Data)
			if !yield(e, nil) {
				return
			}
		}
	}
}

// history returns the events that a query means. Those that are there are never
// written again.
func (s *MemoryStore) history(after int64, q EventQuery) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q == (EventQuery{}) {
		return above(s.events, after)
	}
	indexes := s.refs[q.Ref]
	if q.Ref == "" {
		indexes = s.histories[q.Aggregate]
	}
	var events []Event
	for _, i := range indexes {
		e := s.events[i]
		if e.Seq > after && (q.Aggregate == "" || e.Aggregate == q.Aggregate) {
			events = append(events, e)
		}
	}
	return events
}

// above returns the elements whose Seq, their index and one, is above a number.
func above[T any](all []T, after int64) []T { return all[min(max(after, 0), int64(len(all))):] }

// Postings implements [Store].
func (s *MemoryStore) Postings(ctx context.Context, after int64) iter.Seq2[ledger.Transaction, error] {
	return func(yield func(ledger.Transaction, error) bool) {
		s.mu.Lock()
		all := above(s.postings, after)
		s.mu.Unlock()
		for _, t := range all {
			if ctx.Err() != nil {
				yield(ledger.Transaction{}, fmt.Errorf("orders: memory store: postings: %w", context.Cause(ctx)))
				return
			}
			if !yield(copyPostings(t), nil) {
				return
			}
		}
	}
}
