package breaker

import (
	"fmt"
	"time"
)

// Stats is a look at a breaker.
type Stats struct {
	Name   string
	State  State
	Since  time.Time // the state was entered, in UTC
	Until  time.Time // a timer ends the state, in UTC; zero = none does
	Counts Counts
	// Late is how many results were ignored, since the breaker was made: recorded twice, after a change of state, or after their bucket lapsed.
	Late uint64
}

// Stats returns all that is known of now.
func (b *Breaker) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.current()
	c, _ := e.window.sum((*bucket).read)
	return Stats{Name: b.cfg.Load().Name, State: e.state, Since: e.since, Until: e.until, Counts: c, Late: b.late.Load()}
}

// String draws a table of two lines, such as
//
//	state      successes  failures  excluded  slow  in a row  late  since
//	half-open          1         0         2     0         0     4  2026-03-01T09:30:05Z, until 2026-03-01T09:30:10Z
func (s Stats) String() string {
	c := s.Counts
	times := s.Since.Format(time.RFC3339)
	if !s.Until.IsZero() {
		times += ", until " + s.Until.Format(time.RFC3339)
	}
	return fmt.Sprintf("%-12s  %9s  %8s  %8s  %6s  %8s  %6s  since\n%-12v  %9d  %8d  %8d  %6d  %8d  %6d  %s\n",
		"state", "successes", "failures", "excluded", "slow", "in a row", "late",
		s.State, c.Successes, c.Failures, c.Excluded, c.Slow, c.ConsecutiveFailures, s.Late, times)
}
