package bench_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	"github.com/looplab/fsm"
	"github.com/qmuntal/stateless"
	"github.com/tenon-go/tenon/integration/dbtest"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/sqlorders"
)

// stepsToPlaced is a checkout's way from nothing to placed, through one redirect.
func stepsToPlaced() []orders.Trigger {
	return []orders.Trigger{orders.OnBegin, orders.OnPay, orders.OnAuthorised, orders.OnWaiting, orders.OnConfirm, orders.OnPaid}
}

// BenchmarkStep takes the same six steps with the table of package orders and with the libraries
// that hosts use for state machines. Theirs are built once and set back to the start each time.
func BenchmarkStep(b *testing.B) {
	b.Run("tenon", func(b *testing.B) {
		path := stepsToPlaced()
		b.ReportAllocs()
		for b.Loop() {
			state := orders.StateNone
			for _, on := range path {
				state, _ = orders.Next(state, on)
			}
			if state != orders.StatePlaced {
				b.Fatal(state)
			}
		}
	})
	b.Run("stateless", stepStateless)
	b.Run("looplab", stepLooplab)
}

func stepStateless(b *testing.B) {
	var state stateless.State
	machine := stateless.NewStateMachineWithExternalStorage(
		func(context.Context) (stateless.State, error) { return state, nil },
		func(_ context.Context, s stateless.State) error { state = s; return nil }, stateless.FiringImmediate)
	for t := range orders.Transitions() {
		if t.From == t.To {
			machine.Configure(t.From).PermitReentry(t.On)
		} else {
			machine.Configure(t.From).Permit(t.On, t.To)
		}
	}
	path := stepsToPlaced()
	b.ReportAllocs()
	for b.Loop() {
		state = orders.StateNone
		for _, on := range path {
			if err := machine.FireCtx(b.Context(), on); err != nil {
				b.Fatal(err)
			}
		}
		if state != orders.StatePlaced {
			b.Fatal(state)
		}
	}
}

func stepLooplab(b *testing.B) {
	var events fsm.Events
	for t := range orders.Transitions() {
		events = append(events, fsm.EventDesc{Name: t.On.String(), Src: []string{t.From.String()}, Dst: t.To.String()})
	}
	machine := fsm.NewFSM(orders.StateNone.String(), events, nil)
	path := stepsToPlaced()
	b.ReportAllocs()
	for b.Loop() {
		machine.SetState(orders.StateNone.String())
		for _, on := range path {
			err := machine.Event(b.Context(), on.String())
			if _, back := errors.AsType[fsm.NoTransitionError](err); err != nil && !back { // back in its state is an error there
				b.Fatal(err)
			}
		}
		if machine.Current() != orders.StatePlaced.String() {
			b.Fatal(machine.Current())
		}
	}
}

// checkoutFlow is a checkout as a durable workflow: the four calls to the outside as steps, which
// do nothing but are written down. Carts, stock, events and postings are the host's own there, and
// not in it.
func checkoutFlow(ctx dbos.Context, cart string) (string, error) {
	for _, name := range [...]string{"reserve", "authorise", "capture", "hand over"} {
		if _, err := dbos.RunAsStep(ctx, func(context.Context) (string, error) { return cart, nil }, dbos.WithStepName(name)); err != nil {
			return "", err
		}
	}
	return cart, nil
}

// BenchmarkCheckoutVsDBOS places orders on PostgreSQL one after the other, and in the same run as
// many workflows of a general engine for durable steps: x-dbos is how many times as long it takes.
func BenchmarkCheckoutVsDBOS(b *testing.B) {
	dbtest.Durable(b)
	checkout(b, sqlOrders(b, dbtest.PostgreSQL(b), sqlorders.PostgreSQL))
	ours := b.Elapsed()
	ctx := needed(dbos.NewContext(b.Context(), dbos.Config{
		DatabaseURL: dbtest.PostgreSQLDSN(b), AppName: "checkout", Logger: slog.New(slog.DiscardHandler),
	}))
	dbos.RegisterWorkflow(ctx, checkoutFlow)
	if err := dbos.Launch(ctx); err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := dbos.Shutdown(ctx, time.Minute); err != nil {
			b.Error(err)
		}
	}()
	start := time.Now()
	for range b.N {
		if _, err := needed(dbos.RunWorkflow(ctx, checkoutFlow, "cart")).GetResult(); err != nil {
			b.Fatal(err)
		}
	}
	theirs := time.Since(start)
	b.ReportMetric(float64(b.N)/theirs.Seconds(), "dbos-orders/s")
	b.ReportMetric(float64(theirs)/float64(ours), "x-dbos")
}
