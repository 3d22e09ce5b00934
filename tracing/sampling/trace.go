package sampling

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A Trace is what policies are asked about: all spans of one ID that had come when it was closed. Who made it owns what its views read.
type Trace struct {
	ID trace.TraceID
	// R is the randomness of 56 bits, from a span's rv or the ID.
	R uint64
	// Floor is the highest threshold by which spans of it were sampled before; 0 = none. It is not above R.
	Floor tracing.Threshold
	// Spans and Errors count spans, Bytes is the size of their messages.
	Spans, Errors, Bytes int
	// Start and End are the first start and the last end that spans tell. End is not before Start.
	Start, End time.Time
	// Root is a span without a parent; the zero View = none was seen.
	Root tracing.View
	// Missing counts the spans named as parents that had not come.
	Missing int
	// Closed says why the trace was closed.
	Closed tracing.Closed
	// Each are the spans in any order, as often as it is asked; never nil.
	Each iter.Seq[tracing.View]
}

// Duration returns the extent of the trace, from Start to End.
func (t Trace) Duration() time.Duration { return t.End.Sub(t.Start) }

// operation returns the service and the name of the root; none if none was seen.
func (t Trace) operation() (service, name string) {
	if !t.Root.ID().IsValid() {
		return "", ""
	}
	return t.Root.Service(), t.Root.Name()
}

// some tells whether a span satisfies holds.
func (t Trace) some(holds func(tracing.View) bool) bool {
	for v := range t.Each {
		if holds(v) {
			return true
		}
	}
	return false
}

// Claims collects what the tracestates of a trace's spans say about sampling. The zero Claims is ready.
type Claims struct {
	r     uint64
	told  bool // r is that of a span
	floor tracing.Threshold
	odd   int
}

// Add takes a span.
func (c *Claims) Add(v tracing.View) {
	state := v.TraceState()
	if state == "" {
		return
	}
	r := tracing.Randomness(v.TraceID(), state)
	if !c.told && r != tracing.Randomness(v.TraceID(), "") {
		c.r, c.told = r, true
	}
	floor, ok := tracing.ThresholdIn(state)
	switch {
	case !ok:
	case floor.Keeps(r):
		c.floor = max(c.floor, floor)
	default:
		c.odd++
	}
}

// Result returns R and Floor of the trace, and how many spans had a threshold that their randomness does not reach: by it they would not have
// come, so it is ignored.
func (c *Claims) Result(id trace.TraceID) (r uint64, floor tracing.Threshold, odd int) {
	r = tracing.Randomness(id, "")
	if c.told {
		r = c.r
	}
	if !c.floor.Keeps(r) { // Spans that do not agree about R.
		return r, 0, c.odd + 1
	}
	return r, c.floor, c.odd
}

// TraceOf returns the trace of an ExportTraceServiceRequest, complete or closed with missing parents, to try policies on. It reads from req,
// which must not change. A trace whose spans tell no time is at the time at. The error is a *tracing.RequestError if req is malformed, and names
// what is wrong if it does not hold spans of exactly one trace, all good.
func TraceOf(req []byte, at time.Time) (Trace, error) {
	var views []tracing.View
	var bad error
	err := tracing.Scan(req, func(v tracing.View, rejected tracing.Rejection) {
		switch {
		case bad != nil:
		case rejected != tracing.Fine:
			bad = fmt.Errorf("sampling: trace: span %d: %s", len(views), rejected)
		case len(views) > 0 && v.TraceID() != views[0].TraceID():
			bad = fmt.Errorf("sampling: trace: spans of %s and %s", views[0].TraceID(), v.TraceID())
		default:
			views = append(views, v)
		}
	})
	if err = cmp.Or(err, bad); err != nil {
		return Trace{}, err
	}
	if len(views) == 0 {
		return Trace{}, errors.New("sampling: trace: no spans")
	}
	return traceOf(views, at), nil
}

func traceOf(views []tracing.View, at time.Time) Trace {
	t := Trace{ID: views[0].TraceID(), Spans: len(views), Each: slices.Values(views), Closed: tracing.ClosedComplete}
	var claims Claims
	present, parents := map[trace.SpanID]bool{}, map[trace.SpanID]bool{}
	for _, v := range views {
		claims.Add(v)
		t.Bytes += len(v.Raw())
		if v.Status() == codes.Error {
			t.Errors++
		}
		extend(&t, v.Start(), v.End())
		present[v.ID()] = true
		if v.Parent().IsValid() {
			parents[v.Parent()] = true
		} else if !t.Root.ID().IsValid() {
			t.Root = v
		}
	}
	if t.Start.IsZero() {
		t.Start, t.End = at, at
	}
	for parent := range parents {
		if !present[parent] {
			t.Missing++
		}
	}
	if t.Missing > 0 {
		t.Closed = tracing.ClosedMissingParents
	}
	t.R, t.Floor, _ = claims.Result(t.ID)
	return t
}

// extend takes over the times that a span tells.
func extend(t *Trace, times ...time.Time) {
	for _, at := range times {
		if at.IsZero() {
			continue
		}
		if t.Start.IsZero() || at.Before(t.Start) {
			t.Start = at
		}
		if at.After(t.End) {
			t.End = at
		}
	}
}
