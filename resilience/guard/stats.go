package guard

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/bulkhead"
)

// Stats is a look at a guard and its parts. What several guards share shows in each of them.
type Stats struct {
	Name            string
	Retries, Hedges uint64   // attempts beyond the first of their call
	Balance         *float64 // of the retry budget, in its unit; nil where there is none

	Breaker   *breaker.Stats       // nil where there is none; an engine without a Stats method gives name, state and counts
	Bulkhead  *bulkhead.Stats      // nil where there is none
	Parts     []bulkhead.PartStats // of a Partitioned, by name
	Abandoned int                  // functions of a Pool that run with nobody waiting for them
}

// Stats returns the present numbers. It takes the locks that failures of the breaker and waiters of the bulkhead take.
func (g *Guard) Stats() Stats {
	p := g.plan.Load()
	s := Stats{Name: g.name, Retries: g.retries.Load(), Hedges: g.hedges.Load()}
	if p.budget != nil {
		balance := p.budget.Balance()
		s.Balance = &balance
	}
	if e := p.parts.Breaker; e != nil {
		stats := breakerStats(e, g.name)
		s.Breaker = &stats
	}
	switch {
	case p.parts.Semaphore != nil:
		stats := p.parts.Semaphore.Stats()
		s.Bulkhead = &stats
	case p.parts.Partitioned != nil:
		stats := p.parts.Partitioned.Stats()
		s.Bulkhead, s.Parts = &stats.Stats, stats.Parts
	case p.pool != nil:
		stats := p.pool.Stats()
		s.Bulkhead, s.Abandoned = &stats.Stats, stats.Abandoned
	}
	return s
}

// breakerStats returns what an engine tells of itself.
func breakerStats(e breaker.Engine, name string) breaker.Stats {
	if full, ok := e.(interface{ Stats() breaker.Stats }); ok {
		return full.Stats()
	}
	return breaker.Stats{Name: name, State: e.State(), Counts: e.Counts()}
}

// String draws a table of what there is, such as
//
//	guard     payments
//	attempts  retries 12, hedges 0, budget 94.2
//	breaker   closed, successes 310, failures 9, excluded 2, in a row 0, late 0
//	bulkhead  in use 3 of 64, waiting 0, accepted 321, rejected 0 (shed 0, waited out 0), left 0
//
// and for a Partitioned a line for each partition.
func (s Stats) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "guard\t%s\nattempts\tretries %d, hedges %d", s.Name, s.Retries, s.Hedges)
	if s.Balance != nil {
		fmt.Fprintf(&b, ", budget %.4g", *s.Balance)
	}
	b.WriteByte('\n')
	if e := s.Breaker; e != nil {
		fmt.Fprintf(&b, "breaker\t%v, successes %d, failures %d, excluded %d, in a row %d, late %d\n",
			e.State, e.Counts.Successes, e.Counts.Failures, e.Counts.Excluded, e.Counts.ConsecutiveFailures, e.Late)
	}
	if s.Bulkhead != nil {
		fmt.Fprintf(&b, "bulkhead\t%v", *s.Bulkhead)
		if s.Abandoned > 0 {
			fmt.Fprintf(&b, ", abandoned %d", s.Abandoned)
		}
		b.WriteByte('\n')
	}
	for _, part := range s.Parts {
		fmt.Fprintf(&b, "  %s\t%v\n", part.Name, part.Stats)
	}
	return aligned(b.String())
}

// aligned returns lines with tabs as a table.
func aligned(lines string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(w, lines) // a strings.Builder does not fail
	_ = w.Flush()
	return b.String()
}
