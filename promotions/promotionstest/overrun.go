package promotionstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest/internal/contract"
)

// An Overrun is an attack on a ledger: goroutines that all want the last uses of one
// code and the last cents of one budget. They reserve, replace what they reserved,
// commit in time and late, release, reverse in parts, and sweep. It proves of a store
// that no limit is overrun by a use or a cent, and that its sums are those of its
// entries and of the receipts that it gave.
//
// [Overrun.Run] attacks from one process. Several processes that may be killed call
// [Overrun.Attack], while another calls [Overrun.Audit].
type Overrun struct {
	// Name begins the keys of a process; it is different for each, and without "/". A
	// process of the same name as one that was killed takes over what that committed.
	Name string
	// Seed of the random choices.
	Seed uint64
	// Attempts to reserve, new or in place of another, in all.
	Attempts int
	// Goroutines is how many attack; 0 means 64.
	Goroutines int
	// Uses and Budget, in cents, are the limits; 0 means 150 and 9,000.
	Uses, Budget int64
	// Now is the clock; nil is time.Now. The reservations live for one second of it, so
	// that a clock that runs faster lets more of them expire.
	Now func() time.Time
	// Observe is told of each receipt: what an order has of the budget by it, and its
	// state, which is "" where a limit refused it. Several goroutines call it at a time;
	// nil: nobody is told.
	Observe func(key string, state promotions.State, cents int64)
}

// A Tally counts what an attack did.
type Tally struct {
	Attempts, Refused, Reserved, Replaced, Committed, Late, TooLate, Released, Reversed, Swept, Audits int64
}

func (t *Tally) add(o Tally) {
	t.Attempts += o.Attempts
	t.Refused += o.Refused
	t.Reserved += o.Reserved
	t.Replaced += o.Replaced
	t.Committed += o.Committed
	t.Late += o.Late
	t.TooLate += o.TooLate
	t.Released += o.Released
	t.Reversed += o.Reversed
	t.Swept += o.Swept
	t.Audits += o.Audits
}

// order is a result that takes cents from the hot budget and a use of the hot code.
func (o Overrun) order(cart byte, cents int64) contract.Order {
	return contract.Order{Cart: cart, Minor: cents, Promotion: "hot", Code: "HOT", Budget: o.Budget, Uses: o.Uses}
}

func (o Overrun) withDefaults() Overrun {
	const goroutines, uses, budget = 64, 150, 9000
	if o.Goroutines == 0 {
		o.Goroutines = goroutines
	}
	if o.Uses == 0 {
		o.Uses = uses
	}
	if o.Budget == 0 {
		o.Budget = budget
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	if o.Observe == nil {
		o.Observe = func(string, promotions.State, int64) {}
	}
	return o
}

// Run attacks an empty store, and stops all goroutines at 100 moments and at the end
// to audit it and to compare it with their receipts. The error says which rule is
// broken.
func (o Overrun) Run(ctx context.Context, s promotions.Store) (Tally, error) {
	const audits = 100
	o = o.withDefaults()
	a := &assault{Overrun: o, every: int64(max(o.Attempts/audits, 1))}
	return a.run(ctx, s, true)
}

// Attack attacks a store that others attack as well, without audits. It takes over
// what a process of its name had committed.
func (o Overrun) Attack(ctx context.Context, s promotions.Store) (Tally, error) {
	a := &assault{Overrun: o.withDefaults()}
	return a.run(ctx, s, false)
}

// Audit checks a store on which the orders of an attack alone are, and which does not
// change while it is read: limits, and sums against entries.
func (o Overrun) Audit(ctx context.Context, s promotions.Store) error {
	o = o.withDefaults()
	accounts, err := o.accounts(ctx, s)
	if err != nil {
		return err
	}
	var failed error
	err = contract.Balanced(accounts, func(yield func(promotions.Entry) bool) {
		for e, err := range s.Entries(ctx, "") {
			if failed = err; err != nil || !yield(e) {
				return
			}
		}
	})
	return errors.Join(failed, err)
}

// accounts reads both accounts and checks their limits.
func (o Overrun) accounts(ctx context.Context, s promotions.Store) ([]promotions.Account, error) {
	hot := o.order(0, 0)
	accounts, err := s.Accounts(ctx, []string{hot.CodeAccount(), hot.BudgetAccount()})
	if err != nil {
		return nil, err
	}
	for i, limit := range []int64{o.Uses, o.Budget} {
		if a := accounts[i]; a.Reserved < 0 || a.Committed < 0 || a.Reserved+a.Committed > limit {
			return nil, fmt.Errorf("account %s overrun: reserved %d, committed %d, limit %d", a.ID, a.Reserved, a.Committed, limit)
		}
	}
	return accounts, nil
}

// An assault is an attack under way.
type assault struct {
	Overrun

	every    int64        // attempts from audit to audit; 0: none
	world    sync.RWMutex // held for writing while it is audited
	attempts atomic.Int64
	failed   atomic.Pointer[error]
	fighters []*fighter
	results  [101]promotions.Result // by cents, made once: the ledger's work is to be seen, not theirs
}

func (a *assault) run(ctx context.Context, s promotions.Store, audited bool) (Tally, error) {
	late := new(atomic.Int64)
	l, err := promotions.New(s, promotions.Config{TTL: time.Second, Tries: 50, Now: a.Now, OnLate: func(promotions.Entry) { late.Add(1) }})
	if err != nil {
		return Tally{}, err
	}
	for cents := range a.results {
		a.results[cents] = a.order(byte(cents), int64(cents)).Result()
	}
	for i := range a.Goroutines {
		a.fighters = append(a.fighters, &fighter{
			assault: a, ledger: l, name: fmt.Sprintf("%s/%d/", a.Name, i),
			rand: rand.New(rand.NewPCG(a.Seed, uint64(i))),
		})
	}
	if !audited {
		if err := a.inherit(ctx, s); err != nil {
			return Tally{}, err
		}
	}
	var wg sync.WaitGroup
	for _, f := range a.fighters {
		wg.Go(func() { f.fight(ctx, s) })
	}
	wg.Wait()
	var t Tally
	for _, f := range a.fighters {
		t.add(f.tally)
	}
	t.Late = late.Load()
	if err := a.failed.Load(); err != nil {
		return t, fmt.Errorf("seed %d, after %d attempts: %w", a.Seed, t.Attempts, *err)
	}
	if audited {
		if err := a.audit(ctx, s); err != nil {
			return t, fmt.Errorf("seed %d, at the end: %w", a.Seed, err)
		}
	}
	return t, ctx.Err()
}

// inherit takes over what is committed under the attack's name.
func (a *assault) inherit(ctx context.Context, s promotions.Store) error {
	prefix := a.Name + "/"
	for e, err := range s.Entries(ctx, prefix) {
		if err != nil {
			return err
		}
		if !strings.HasPrefix(e.Key, prefix) {
			return nil
		}
		for _, f := range a.fighters {
			if rest, mine := strings.CutPrefix(e.Key, f.name); mine {
				f.inherit(e, rest)
			}
		}
	}
	return nil
}

func (a *assault) fail(err error) { a.failed.CompareAndSwap(nil, &err) }

// audit checks the store and compares it with the receipts. The world stands still.
func (a *assault) audit(ctx context.Context, s promotions.Store) error {
	if err := a.Audit(ctx, s); err != nil {
		return err
	}
	accounts, err := a.accounts(ctx, s)
	if err != nil {
		return err
	}
	var uses, cents, reserved int64
	for _, f := range a.fighters {
		for _, o := range f.paid {
			uses++
			cents += o.cents
		}
		for _, o := range f.live {
			reserved += o.cents
		}
	}
	code, budget := accounts[0], accounts[1]
	if code.Committed != uses || budget.Committed != cents {
		return fmt.Errorf("the receipts say that %d uses and %d cents are committed, the accounts %d and %d", uses, cents, code.Committed, budget.Committed)
	}
	if budget.Reserved > reserved { // some may have been swept since
		return fmt.Errorf("the receipts say that %d cents are reserved, the account %d", reserved, budget.Reserved)
	}
	return nil
}

// A fighter is one goroutine of an attack.
type fighter struct {
	*assault

	ledger *promotions.Ledger
	rand   *rand.Rand
	name   string
	next   int
	idle   []string // keys that hold nothing and can be used again
	live   []held   // reserved by its receipt
	paid   []held   // committed, and not all reversed
	tally  Tally
}

// held is an order, and what it has of the budget by its last receipt.
type held struct {
	key       string
	cents     int64
	reversals int
}

// inherit takes over an entry of a process that was killed.
func (f *fighter) inherit(e promotions.Entry, rest string) {
	var n int
	if _, err := fmt.Sscan(rest, &n); err == nil {
		f.next = max(f.next, n+1)
	}
	if cents := contract.Held(e)[f.order(0, 0).BudgetAccount()][1]; e.State == promotions.Committed && cents > 0 {
		f.paid = append(f.paid, held{e.Key, cents, len(e.Reversals)})
	}
}

func (f *fighter) fight(ctx context.Context, s promotions.Store) {
	for f.failed.Load() == nil && ctx.Err() == nil {
		n := f.attempts.Load()
		if n >= int64(f.Attempts) {
			return
		}
		f.world.RLock()
		err := f.act(ctx)
		f.world.RUnlock()
		if err != nil && ctx.Err() == nil {
			f.fail(err)
		}
		if now := f.attempts.Load(); f.every > 0 && n/f.every != now/f.every {
			f.stop(ctx, s, now/f.every)
		}
	}
}

// stop stops the world for the audit with a number, unless another fighter did.
func (f *fighter) stop(ctx context.Context, s promotions.Store, number int64) {
	f.world.Lock()
	defer f.world.Unlock()
	if done := f.audits(); done >= number {
		return
	}
	f.tally.Audits++
	if err := f.audit(ctx, s); err != nil {
		f.fail(err)
	}
}

// audits is how many there were. The world stands still.
func (a *assault) audits() (n int64) {
	for _, f := range a.fighters {
		n += f.tally.Audits
	}
	return n
}

// act does one thing.
func (f *fighter) act(ctx context.Context) error {
	const most = 4 // orders of each kind, so that there is something to fight for
	switch x := f.rand.IntN(100); {
	case x < 10 && len(f.live) > 0:
		return f.replace(ctx)
	case x < 13 && len(f.live) > 0:
		return f.commit(ctx)
	case x < 23 && len(f.live) > 0 || len(f.live) >= most:
		return f.release(ctx)
	case x < 30 && len(f.paid) > 0 || len(f.paid) >= most:
		return f.reverse(ctx)
	case x < 31:
		n, err := f.ledger.Sweep(ctx, 20)
		f.tally.Swept += int64(n)
		return err
	default:
		return f.reserve(ctx)
	}
}

// pick takes a random order out of a list.
func (f *fighter) pick(list *[]held) held {
	i := f.rand.IntN(len(*list))
	o := (*list)[i]
	(*list)[i] = (*list)[len(*list)-1]
	*list = (*list)[:len(*list)-1]
	return o
}

func (f *fighter) reserve(ctx context.Context) error {
	var key string
	if n := len(f.idle); n > 0 {
		key, f.idle = f.idle[n-1], f.idle[:n-1]
	} else {
		key = fmt.Sprintf("%s%d", f.name, f.next)
		f.next++
	}
	took, cents, err := f.take(ctx, key)
	if took {
		f.tally.Reserved++
		f.live = append(f.live, held{key: key, cents: cents})
	} else {
		f.idle = append(f.idle, key)
	}
	return err
}

// take tries to reserve, and reports whether it did and how much.
func (f *fighter) take(ctx context.Context, key string) (took bool, cents int64, err error) {
	f.attempts.Add(1)
	f.tally.Attempts++
	n := 1 + f.rand.IntN(len(f.results)-1)
	cents = int64(n)
	receipt, err := f.ledger.Reserve(ctx, key, f.results[n])
	switch {
	case errors.Is(err, promotions.ErrLimit) || errors.Is(err, promotions.ErrBusy):
		f.tally.Refused++
		f.Observe(key, "", 0)
		return false, 0, nil
	case err != nil:
		return false, 0, err
	case receipt.State != promotions.Reserved:
		return false, 0, fmt.Errorf("%s is %s after its reservation", key, receipt.State)
	}
	f.Observe(key, receipt.State, cents)
	return true, cents, nil
}

func (f *fighter) replace(ctx context.Context) error {
	o := f.pick(&f.live)
	took, cents, err := f.take(ctx, o.key)
	if took {
		f.tally.Replaced++
		o.cents = cents
	}
	f.live = append(f.live, o)
	return err
}

func (f *fighter) commit(ctx context.Context) error {
	o := f.pick(&f.live)
	receipt, err := f.ledger.Commit(ctx, o.key)
	switch {
	case errors.Is(err, promotions.ErrExpired):
		f.tally.TooLate++
		f.idle = append(f.idle, o.key)
		return nil
	case errors.Is(err, promotions.ErrBusy):
		f.live = append(f.live, o)
		return nil
	case err != nil:
		return err
	}
	f.tally.Committed++
	f.paid = append(f.paid, o)
	f.Observe(o.key, receipt.State, o.cents)
	return nil
}

func (f *fighter) release(ctx context.Context) error {
	o := f.pick(&f.live)
	receipt, err := f.ledger.Release(ctx, o.key)
	if errors.Is(err, promotions.ErrBusy) {
		f.live = append(f.live, o)
		return nil
	}
	if err != nil {
		return err
	}
	f.tally.Released++
	f.idle = append(f.idle, o.key)
	f.Observe(o.key, receipt.State, 0)
	return nil
}

// reverse gives back a part of an order, or the rest.
func (f *fighter) reverse(ctx context.Context) error {
	o := f.pick(&f.paid)
	r := promotions.Reversal{Key: fmt.Sprintf("r%d", o.reversals)}
	back := o.cents
	if half := o.cents / 2; half > 0 && o.reversals == 0 {
		back = half
		r.Amounts = map[string]money.Amount{"hot": money.New(half, money.MustISO("EUR"))}
	}
	receipt, err := f.ledger.Reverse(ctx, o.key, r)
	if err != nil {
		return err
	}
	f.tally.Reversed++
	o.cents -= back
	o.reversals++
	if o.cents > 0 {
		f.paid = append(f.paid, o)
	}
	if done := receipt.State == promotions.Reversed; done != (o.cents == 0) {
		return fmt.Errorf("%s is %s with %d cents left", o.key, receipt.State, o.cents)
	}
	f.Observe(o.key, receipt.State, o.cents)
	return nil
}
