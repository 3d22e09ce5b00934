package otlp

import (
	"iter"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/trace"
)

// Groups are the spans of a request, trace by trace. The zero value is ready; used again for the next request, it allocates next to nothing.
// It is not safe for concurrent use.
type Groups struct {
	// Room is asked by Read before there are more than 16,384 spans, and again for each further 16,384: how many there may be then, and how many
	// traces there are so far. An error ends Read; nil = there is always room.
	Room func(spans, traces int) error

	views  []tracing.View
	next   []int32 // the view of the same trace that came next; -1 = none
	traces []chain
	index  map[trace.TraceID]int32
	counts map[tracing.Rejection]int
	full   error // of Room
}

const roomEvery = 1 << 14 // spans

// A chain is the views of a trace.
type chain struct {
	id          trace.TraceID
	first, last int32
	spans       int
}

// Read takes the spans of a request in place of those of the one before; the views are good for as long as req does not change. A malformed
// request is a *tracing.RequestError, after which there are none, as after an error of Room.
func (g *Groups) Read(req []byte) (tracing.Result, error) {
	g.reset()
	var result tracing.Result
	err := tracing.Scan(req, func(v tracing.View, rejected tracing.Rejection) {
		if rejected == tracing.Fine {
			if g.roomy() {
				g.add(v)
				result.Accepted++
			}
			return
		}
		if result.Rejected == 0 {
			result.Reason = string(rejected)
		}
		result.Rejected++
		g.counts[rejected]++
	})
	if err == nil {
		err = g.full
	}
	if err != nil {
		g.reset()
		return tracing.Result{}, err
	}
	return result, nil
}

// roomy tells whether there is room for one more span.
func (g *Groups) roomy() bool {
	if n := len(g.views); g.Room != nil && g.full == nil && n > 0 && n%roomEvery == 0 {
		g.full = g.Room(n+roomEvery, len(g.traces))
	}
	return g.full == nil
}

func (g *Groups) reset() {
	if g.index == nil {
		g.index, g.counts = map[trace.TraceID]int32{}, map[tracing.Rejection]int{}
	}
	clear(g.views) // They would hold the request.
	clear(g.index)
	clear(g.counts)
	g.views, g.next, g.traces, g.full = g.views[:0], g.next[:0], g.traces[:0], nil
}

func (g *Groups) add(v tracing.View) {
	at, id := int32(len(g.views)), v.TraceID() //nolint:gosec // A request has far fewer than 2^31 spans: each takes 28 bytes or more.
	g.views, g.next = append(g.views, v), append(g.next, -1)
	t := len(g.traces) - 1
	if t < 0 || g.traces[t].id != id { // Mostly the spans of a trace come together.
		known, ok := g.index[id]
		if !ok {
			g.index[id] = int32(len(g.traces)) //nolint:gosec // Not more than spans.
			g.traces = append(g.traces, chain{id: id, first: at, last: at, spans: 1})
			return
		}
		t = int(known)
	}
	c := &g.traces[t]
	g.next[c.last] = at
	c.last = at
	c.spans++
}

// Len returns how many traces there are.
func (g *Groups) Len() int { return len(g.traces) }

// Trace returns the ID of a trace and how many spans it has here. Traces are numbered from 0 by their first span.
func (g *Groups) Trace(i int) (id trace.TraceID, spans int) { return g.traces[i].id, g.traces[i].spans }

// Views returns the spans of a trace, in order.
func (g *Groups) Views(i int) iter.Seq[tracing.View] {
	return func(yield func(tracing.View) bool) {
		for at := g.traces[i].first; at >= 0; at = g.next[at] {
			if !yield(g.views[at]) {
				return
			}
		}
	}
}

// Rejected returns how many spans were rejected for each reason. The map is good until the next Read.
func (g *Groups) Rejected() map[tracing.Rejection]int { return g.counts }
