package sonybreaker

import (
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/breaker/internal/relay"
)

// Breaker is a breaker.Engine and a breaker.Judge. New makes it; it is safe for concurrent use.
type Breaker struct {
	engine  *gobreaker.TwoStepCircuitBreaker[struct{}]
	name    string
	timeout time.Duration
	judge   func(error) breaker.Outcome
	late    atomic.Uint64
	stay    atomic.Pointer[stay]
	tripped gobreaker.Counts // what tripped it last; guarded by gobreaker's lock
	changes relay.Relay[breaker.Change]
	tell    func(breaker.Change)
}

var (
	_ breaker.Engine = (*Breaker)(nil)
	_ breaker.Judge  = (*Breaker)(nil)
)

// stay is the time in one state.
type stay struct{ since, until time.Time }

// The errors that tell gobreaker what became of a call.
var (
	errFailure  = errors.New("failure")
	errExcluded = errors.New("excluded")
)

// New returns gobreaker's breaker of st. Of cfg it takes Outcome, OnChange and Name (else that of st); every other field, and IsSuccessful and
// IsExcluded of st, must be unset: what they would say is said by Outcome, or is not in gobreaker's power. The error is a
// breaker.ErrConfig that names them all.
//
// Both st.OnStateChange and cfg.OnChange are called, in this order, once for each change and under no lock. A Change has Counts only of a trip.
func New(st gobreaker.Settings, cfg breaker.Config) (*Breaker, error) {
	if err := validate(st, cfg); err != nil {
		return nil, err
	}
	b := &Breaker{name: st.Name, judge: cfg.Outcome, timeout: st.Timeout}
	if cfg.Name != "" {
		b.name = cfg.Name
	}
	if b.timeout <= 0 {
		b.timeout = time.Minute // as gobreaker does
	}
	b.tell = teller(st.OnStateChange, cfg.OnChange)
	b.stay.Store(&stay{since: now()})

	st.Name = b.name
	st.ReadyToTrip = b.readyToTrip(st.ReadyToTrip)
	st.OnStateChange = b.changed
	st.IsSuccessful = func(err error) bool { return err == nil }
	st.IsExcluded = func(err error) bool { return errors.Is(err, errExcluded) }
	b.engine = gobreaker.NewTwoStepCircuitBreaker[struct{}](st)
	return b, nil
}

// validate names every field that must not be set.
func validate(st gobreaker.Settings, cfg breaker.Config) error {
	var problems []error
	unset := func(set bool, field string) {
		if set {
			problems = append(problems, fmt.Errorf("%s: want it unset", field))
		}
	}
	unset(st.IsSuccessful != nil, "Settings.IsSuccessful")
	unset(st.IsExcluded != nil, "Settings.IsExcluded")
	if st.Name != "" && cfg.Name != "" && st.Name != cfg.Name {
		problems = append(problems, fmt.Errorf("Settings.Name %q and Config.Name %q: want one of them", st.Name, cfg.Name))
	}
	v := reflect.ValueOf(cfg)
	for i := range v.NumField() {
		switch field := v.Type().Field(i).Name; field {
		case "Name", "Outcome", "OnChange":
		default:
			unset(!v.Field(i).IsZero(), "Config."+field)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("sonybreaker: %w: %w", breaker.ErrConfig, errors.Join(problems...))
}

// teller returns the function that reports a change to both callbacks.
func teller(sony func(string, gobreaker.State, gobreaker.State), ours func(breaker.Change)) func(breaker.Change) {
	return func(c breaker.Change) {
		if sony != nil {
			sony(c.Name, toSony(c.From), toSony(c.To))
		}
		if ours != nil {
			ours(c)
		}
	}
}

// readyToTrip keeps the counts that trip, which are gone when gobreaker reports the change. It runs under gobreaker's lock.
func (b *Breaker) readyToTrip(decide func(gobreaker.Counts) bool) func(gobreaker.Counts) bool {
	if decide == nil {
		decide = func(c gobreaker.Counts) bool { return c.ConsecutiveFailures > 5 } // gobreaker's own
	}
	return func(c gobreaker.Counts) bool {
		if !decide(c) {
			return false
		}
		b.tripped = c
		return true
	}
}

// changed queues a change. It runs under gobreaker's lock.
func (b *Breaker) changed(name string, from, to gobreaker.State) {
	s := &stay{since: now()}
	if to == gobreaker.StateOpen {
		s.until = s.since.Add(b.timeout)
	}
	b.stay.Store(s)
	c := breaker.Change{Name: name, From: stateOf(from), To: stateOf(to), At: s.since}
	if from == gobreaker.StateClosed {
		c.Counts = countsOf(b.tripped)
	}
	b.changes.Add(c)
}

// report runs the callbacks of changes that wait. It follows each use of gobreaker, since any may have moved it.
func (b *Breaker) report() { b.changes.Run(b.tell) }

// Allow gives the right to one call, or refuses with a *breaker.OpenError around gobreaker's error.
func (b *Breaker) Allow() (breaker.Ticket, error) {
	done, err := b.engine.Allow()
	refused := b.refusal(err) // before callbacks, which may move it on
	b.report()
	if refused != nil {
		return breaker.Ticket{}, refused
	}
	return breaker.NewTicket(pass{b, done}), nil
}

// pass is what a ticket holds.
type pass struct {
	owner *Breaker
	done  func(error)
}

// refusal returns gobreaker's error as one of breaker's, nil for none.
func (b *Breaker) refusal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gobreaker.ErrTooManyRequests):
		return &breaker.OpenError{Name: b.name, State: breaker.HalfOpen, Err: err}
	default:
		return &breaker.OpenError{Name: b.name, State: breaker.Open, Until: b.stay.Load().until, Err: err}
	}
}

// Record gives a ticket back. One that was recorded before, or is of another engine, is ignored and counted in Stats.Late. Record panics on
// an Outcome that is none.
func (b *Breaker) Record(t breaker.Ticket, o breaker.Outcome) {
	var result error
	switch o {
	case breaker.Success:
	case breaker.Failure:
		result = errFailure
	case breaker.Excluded, breaker.Unused:
		result = errExcluded
	default:
		panic("sonybreaker: record: " + o.String() + " is no outcome")
	}
	p, ok := t.Value().(pass)
	if !ok || p.owner != b || !t.Use() {
		b.late.Add(1)
		return
	}
	p.done(result)
	b.report()
}

// State returns the state of now. It moves gobreaker on if that is due.
func (b *Breaker) State() breaker.State {
	s := b.engine.State()
	b.report()
	return stateOf(s)
}

// Counts returns what gobreaker has counted, as it was when it was last touched by Allow, Record or State.
func (b *Breaker) Counts() breaker.Counts { return countsOf(b.engine.Counts()) }

// Outcome asks Config.Outcome.
func (b *Breaker) Outcome(err error) breaker.Outcome {
	if b.judge != nil {
		return b.judge(err)
	}
	return 0
}

// Stats returns all that is known of now. Late has only what this package notices: tickets recorded twice, and those of other engines.
func (b *Breaker) Stats() breaker.Stats {
	state := b.State()
	s := b.stay.Load()
	return breaker.Stats{Name: b.name, State: state, Since: s.since, Until: s.until, Counts: b.Counts(), Late: b.late.Load()}
}

// stateOf returns a state of gobreaker as one of breaker's.
func stateOf(s gobreaker.State) breaker.State {
	switch s {
	case gobreaker.StateOpen:
		return breaker.Open
	case gobreaker.StateHalfOpen:
		return breaker.HalfOpen
	default:
		return breaker.Closed
	}
}

// toSony is the other way.
func toSony(s breaker.State) gobreaker.State {
	switch s {
	case breaker.Open:
		return gobreaker.StateOpen
	case breaker.HalfOpen:
		return gobreaker.StateHalfOpen
	default:
		return gobreaker.StateClosed
	}
}

// countsOf returns counts of gobreaker as those of breaker.
func countsOf(c gobreaker.Counts) breaker.Counts {
	return breaker.Counts{
		Successes:           int(c.TotalSuccesses),
		Failures:            int(c.TotalFailures),
		Excluded:            int(c.TotalExclusions),
		ConsecutiveFailures: int(c.ConsecutiveFailures),
	}
}

// now is the clock that gobreaker goes by.
func now() time.Time {
	return time.Now().UTC() //nolint:forbidigo // gobreaker knows no other clock
}
