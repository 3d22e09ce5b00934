package bulkhead

import "time"

// MaxLimit is the largest limit.
const MaxLimit = inUseMask

// Config says what happens to callers who find no slot free. The zero Config refuses them at once.
type Config struct {
	// Queue is how many callers may wait; of a Partitioned, in each partition. 0 = none; 0 to MaxLimit. No value means unbounded: a
	// queue without an end turns an outage into an overflow.
	Queue int
	// MaxWait is how long a caller waits at most. 0 = as long as its context allows; needs a Queue.
	MaxWait time.Duration
	// Order is which waiter is next. LIFOWhenLate needs a MaxWait.
	Order Order
	// ShedLowest lets a newcomer at a full queue take the place of a waiter of lower priority. Needs a Queue.
	ShedLowest bool
	// OnReject is called for each caller that finds no slot or no room to wait, has waited for too long or was shed, in its own
	// goroutine and under no lock. The error may be shared: do not change it. nil = none.
	OnReject func(*FullError)
	// Now is the clock. It is read where callers wait, and for the calls that an adaptive semaphore times. nil = time.Now.
	Now func() time.Time
}

// validate adds every problem of the config and of a limit.
func (c Config) validate(p *problems, limit int) {
	checkLimit(p, limit)
	p.check(c.Queue >= 0 && c.Queue <= MaxLimit, "Queue %d: want 0 to %d", c.Queue, MaxLimit)
	p.check(c.MaxWait >= 0, "MaxWait %v: want at least 0", c.MaxWait)
	p.check(c.Order <= LIFOWhenLate, "Order %d: want FIFO or LIFOWhenLate", c.Order)
	p.check(c.MaxWait == 0 || c.Queue != 0, "MaxWait %v without a Queue: nobody would wait", c.MaxWait)
	p.check(!c.ShedLowest || c.Queue != 0, "ShedLowest without a Queue: nobody could be shed")
	p.check(c.Order != LIFOWhenLate || c.MaxWait != 0, "LIFOWhenLate without a MaxWait: nobody would be late")
}

func checkLimit(p *problems, limit int) {
	p.check(limit >= 0 && limit <= MaxLimit, "limit %d: want 0 to %d", limit, MaxLimit)
}

// settings are a config and a limit in force. They are immutable, so that a refusal reads them without a lock.
type settings struct {
	Config
	limit   int
	stopped bool
	ready   *FullError // the refusal where all is as full as it gets
}

func newSettings(limit int, cfg Config) *settings {
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the default of an injected clock
	}
	return &settings{Config: cfg, limit: limit, ready: &FullError{InUse: limit, Limit: limit, Waiting: cfg.Queue}}
}

// reject reports a refusal, and returns it.
func (s *settings) reject(e *FullError) error {
	if s.OnReject != nil {
		s.OnReject(e)
	}
	return e
}
