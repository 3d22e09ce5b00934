package orders

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/orders/stock"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// A Config says how checkouts run. Every zero field stands for its default. What
// concerns a checkout is written into it when it begins and holds to its end.
type Config struct {
	// Discounts finds what is taken off; nil: nothing.
	Discounts Discounter
	// Redeem holds and commits those discounts; nil: they are not limited.
	Redeem Redeemer
	// Capture says when money is taken.
	Capture CaptureMode
	// HoldFor is how long a cart is locked and its stock held before payment, a minute to
	// 24 hours; 0: 10 minutes.
	HoldFor time.Duration
	// PayFor is how long a payment may take, BuyerFor how long the buyer may take to act,
	// UnknownFor how long a doubt lasts before people are told: each a second to 24
	// hours; 0: 15 minutes.
	PayFor, BuyerFor, UnknownFor time.Duration
	// CallFor is how long one call to the outside may take, a millisecond to an hour; 0: 30
	// seconds. A lease is at least twice that.
	CallFor time.Duration
	// KeepKeys is how long an idempotency key is remembered, at least 30 days; 0: that.
	KeepKeys time.Duration
	// Tries is the refusal at which a checkout is given up, 1 to 100; 0: 3.
	Tries int
	// Later leaves all calls to a Runner or Drive: commands only write. Required where the
	// store runs in a caller's transaction.
	Later bool
	// Now is the clock; nil: time.Now. Times are kept to the microsecond, in UTC.
	Now func() time.Time
	// NewID makes ids of carts, checkouts and lines, without "/", and secrets of guests'
	// carts: nobody can guess them. nil: 128 random bits.
	NewID func() string
	// Rand spreads attempts, 0 to 1; nil: math/rand.
	Rand func() float64
	// Logger hears of calls without an outcome; nil: nobody.
	Logger *slog.Logger
	// Tracer gets a span for each call to the outside; nil: none.
	Tracer trace.Tracer
}

// Orders runs carts, checkouts and orders on a store. It is safe for concurrent use,
// and so are any number of them on one store. It starts nothing: see [Runner].
type Orders struct {
	store      Store
	pricer     Pricer
	gateway    Gateway
	fulfilment Fulfilment
	cfg        Config
	worker     string // who has what is performed inline
	log        *slog.Logger
	tracer     trace.Tracer

	mu     sync.Mutex
	panics int64
}

// New returns an engine on a store. It reports everything that is wrong at once.
func New(store Store, pricer Pricer, gateway Gateway, fulfilment Fulfilment, cfg Config) (*Orders, error) {
	var problems []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	check(store != nil, "store is nil")
	check(pricer != nil, "pricer is nil")
	check(gateway != nil, "gateway is nil")
	check(fulfilment != nil, "fulfilment is nil")
	within := func(name string, d *time.Duration, least, most, def time.Duration) {
		*d = cmp.Or(*d, def)
		check(*d >= least && *d <= most, "%s %v: want %v to %v", name, *d, least, most)
	}
	const day = 24 * time.Hour
	within("HoldFor", &cfg.HoldFor, time.Minute, day, 10*time.Minute)
	within("PayFor", &cfg.PayFor, time.Second, day, 15*time.Minute)
	within("BuyerFor", &cfg.BuyerFor, time.Second, day, 15*time.Minute)
	within("UnknownFor", &cfg.UnknownFor, time.Second, day, 15*time.Minute)
	within("CallFor", &cfg.CallFor, time.Millisecond, time.Hour, 30*time.Second)
	within("KeepKeys", &cfg.KeepKeys, 30*day, 36500*day, 30*day)
	cfg.Tries = cmp.Or(cfg.Tries, 3)
	check(cfg.Tries >= 1 && cfg.Tries <= 100, "Tries %d: want 1 to 100", cfg.Tries)
	check(int(cfg.Capture) < len(captureModes), "Capture: no mode %d", cfg.Capture)
	check(cfg.Redeem == nil || cfg.Discounts != nil, "Redeem without Discounts")
	if shared, ok := store.(TransactionalStore); ok && shared.InTransaction() {
		check(cfg.Later, "the store runs in a transaction: want Later")
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("orders: new: %w", &InvalidError{Problems: problems})
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the default clock
	}
	if cfg.NewID == nil {
		cfg.NewID = rand.Text //nolint:forbidigo // the default source
	}
	if cfg.Rand == nil {
		cfg.Rand = mathrand.Float64 //nolint:forbidigo // the default
	}
	log := cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	tracer := cfg.Tracer
	if tracer == nil {
		tracer = noop.NewTracerProvider().Tracer("")
	}
	return &Orders{
		store: store, pricer: pricer, gateway: gateway, fulfilment: fulfilment,
		cfg: cfg, worker: cfg.NewID(), log: log, tracer: tracer,
	}, nil
}

// policy is what new checkouts are run by.
func (s *Orders) policy() Policy {
	return Policy{
		Capture: s.cfg.Capture, Redeem: s.cfg.Redeem != nil, HoldFor: s.cfg.HoldFor, PayFor: s.cfg.PayFor,
		BuyerFor: s.cfg.BuyerFor, UnknownFor: s.cfg.UnknownFor, Tries: s.cfg.Tries,
	}
}

// now is the time of a decision, as every store can keep it.
func (s *Orders) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// lease is how long an effect that is performed inline is its caller's.
func (s *Orders) lease() time.Duration { return 2 * s.cfg.CallFor }

// An attempt is one decision, and what its change has beside it.
type attempt struct {
	decision Decision
	// known reports whether an effect of this key was there before: a lease of it can
	// be somebody's.
	known  func(key string) bool
	acks   []Ack
	record *Record
	carts  []Cart // beside the decision's
}

// A written is what a change that was made leaves to do.
type written struct {
	leased []Claimed // to whoever made it
	// unclaimed says that an effect is due that had to be left unleased.
	unclaimed bool
	answer    error // of the decision
	observed  Observed
}

// commitTries is how often a decision is made again because others were first.
const commitTries = 8

// errReplayed ends a command whose answer is there already.
var errReplayed = errors.New("replayed")

// commit decides and writes. When others were first it decides again, on what is there
// then; when the stock that a decision relied on is gone, with that as its news. Worker
// gets the new effects that are due, unless it is empty.
func (s *Orders) commit(ctx context.Context, worker string,
	try func(ctx context.Context, at time.Time, answer StockAnswer) (attempt, error),
) (written, error) {
	answer := HoldThere
	for range commitTries {
		at := s.now()
		a, err := try(ctx, at, answer)
		if err != nil {
			return written{}, err
		}
		w, err := s.apply(ctx, worker, at, a)
		var conflict *ConflictError
		var short *stock.ShortError
		switch {
		case err == nil:
			return w, nil
		case errors.As(err, &conflict) && conflict.Kind != ConflictEffect:
			answer = HoldThere
		case errors.Is(err, stock.ErrEnded) && answer == HoldThere:
			answer = HoldGone
		case errors.As(err, &short) && answer == HoldGone:
			answer = SoldOut
		default:
			return written{}, err
		}
	}
	return written{}, ErrBusy
}

// apply writes one attempt, if there is anything to write.
func (s *Orders) apply(ctx context.Context, worker string, at time.Time, a attempt) (written, error) {
	d := a.decision
	w := written{answer: d.Answer, observed: d.Observed}
	c := Change{
		At: at, Carts: a.carts, Checkout: d.Checkout, Order: d.Order, Record: a.record, Acks: a.acks, Cancel: d.Cancel,
		Effects: d.Effects, Events: d.Events, Postings: d.Postings, Stock: d.Stock,
	}
	if d.Cart != nil {
		c.Carts = append(slices.Clip(c.Carts), *d.Cart)
	}
	if len(c.Carts) == 0 && c.Checkout == nil && c.Order == nil && len(c.Events) == 0 && len(c.Effects) == 0 && len(c.Cancel) == 0 {
		return w, nil
	}
	w.leased, w.unclaimed = a.lease(at, at.Add(s.lease()))
	switch {
	case worker == "" || w.unclaimed:
		w.unclaimed = w.unclaimed || len(w.leased) > 0
		w.leased = nil
	case len(w.leased) > 0:
		c.Worker, c.LeaseUntil = worker, at.Add(s.lease())
	}
	return w, s.store.Apply(ctx, c)
}

// lease returns what is due at once as it will be leased: a new effect has the fence 1,
// one that is acknowledged the next one. One that is there already and is not
// acknowledged may be leased to somebody: then nothing is leased.
func (a attempt) lease(at, until time.Time) (leased []Claimed, unclaimed bool) {
	for _, e := range a.decision.Effects {
		if e.Due.After(at) {
			continue
		}
		fence := int64(1)
		if i := slices.IndexFunc(a.acks, func(ack Ack) bool { return ack.Key == e.Key }); i >= 0 {
			fence = a.acks[i].Fence + 1
		} else if a.known(e.Key) {
			return nil, true
		}
		leased = append(leased, Claimed{Effect: e, Fence: fence, Until: until})
	}
	return leased, false
}

// inline is who performs what a command asks for: its caller, unless that is left to a
// runner.
func (s *Orders) inline() string {
	if s.cfg.Later {
		return ""
	}
	return s.worker
}

// follow performs what a command has asked for, unless that is left to a runner.
func (s *Orders) follow(ctx context.Context, id CheckoutID, w written) error {
	if s.cfg.Later {
		return w.answer
	}
	answer, err := s.performAll(ctx, s.worker, w.leased)
	if err == nil && w.unclaimed {
		var told error
		told, err = s.drive(ctx, id)
		answer = cmp.Or(answer, told)
	}
	return cmp.Or(err, w.answer, answer)
}

// decide reads the aggregate that one of the ids names, and decides a command on it.
func (s *Orders) decide(ctx context.Context, checkout CheckoutID, order OrderID, command any, at time.Time) (a attempt, err error) {
	if order == "" {
		c, err := s.store.Checkout(ctx, checkout)
		if err != nil {
			return a, err
		}
		cmd, ok := command.(Command)
		if !ok {
			return a, &TransitionError{From: c.State.String(), Command: fmt.Sprintf("%T", command)}
		}
		a.known = knownSteps(c.Steps)
		a.decision, err = DecideCheckout(c, cmd, at)
		return a, err
	}
	o, err := s.store.Order(ctx, order)
	if err != nil {
		return a, err
	}
	cmd, ok := command.(OrderCommand)
	if !ok {
		return a, &TransitionError{From: o.State.String(), Command: fmt.Sprintf("%T", command)}
	}
	a.known = knownSteps(o.Steps)
	a.decision, err = DecideOrder(o, cmd, at)
	return a, err
}

func knownSteps(steps []Step) func(string) bool {
	return func(key string) bool {
		return slices.ContainsFunc(steps, func(s Step) bool { return s.Key == key })
	}
}
