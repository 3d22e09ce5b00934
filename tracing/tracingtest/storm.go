package tracingtest

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A Storm is traces of 10 spans at a rate that heeds no answer: the children of some traces in one request, as one process has them, their roots
// in the next. Of 200 traces of a request, two have a child that failed, and one a root that took 5 s. A request that is refused is sent again
// once, after its delay.
type Storm struct {
	Rate        int           // traces a second
	For         time.Duration // how long
	Traces      int           // in a request; 0 = 200
	Connections int           // requests on their way at once; 0 = 4
	Salt        uint64        // storms of different salts have other traces
	// Send sends a request once, of which it keeps nothing. A refusal is a *tracing.OverloadError. It is called by as many as Connections says.
	Send func(ctx context.Context, req []byte) error
}

// A Toll is what a storm did.
type Toll struct {
	Traces    int                    // that were sent: fewer than Rate asks for where Send took too long
	Spans     int                    // that were acknowledged
	Requests  int                    // that were sent, each time
	Refused   int                    // requests, each time
	GivenUp   int                    // requests that were refused twice
	Undelayed int                    // refusals that did not say when to come back
	Failed    error                  // of the first that was no refusal
	Must      map[trace.TraceID]bool // of which a failed child or a slow root was acknowledged
}

// A volley is one of as many senders as there are connections.
type volley struct{ children, roots *Replay }

// A gale is a storm under way.
type gale struct {
	Storm
	free chan volley

	mu   sync.Mutex
	toll Toll
}

const (
	stormTraces      = 200
	stormConnections = 4
	failedOf, slowOf = 100, 200 // one of so many traces
	stormSpans       = 10
)

// Run sends it all, and waits for the last answer.
func (s Storm) Run(ctx context.Context) Toll {
	s.Traces, s.Connections = cmp.Or(s.Traces, stormTraces), cmp.Or(s.Connections, stormConnections)
	g := &gale{Storm: s, free: make(chan volley, s.Connections), toll: Toll{Must: map[trace.TraceID]bool{}}}
	begin := time.Now() //nolint:forbidigo // A rate is one of the real clock, or of a bubble of package synctest.
	for range s.Connections {
		load := Load{Traces: s.Traces, Spans: stormSpans, Change: change}
		load.Skip = func(_, span int) bool { return span == 0 }
		children := NewReplay(load, s.Salt, begin)
		load.Skip = func(_, span int) bool { return span > 0 }
		g.free <- volley{children, NewReplay(load, s.Salt, begin)}
	}
	var all sync.WaitGroup
	for n := uint64(0); ; n++ {
		due := time.Duration(float64(n) * float64(s.Traces) / float64(s.Rate) * float64(time.Second))
		time.Sleep(due - time.Since(begin)) //nolint:forbidigo // As above.
		v := <-g.free
		if due >= s.For || time.Since(begin) >= s.For || ctx.Err() != nil { //nolint:forbidigo // As above.
			break
		}
		g.toll.Traces += s.Traces
		all.Go(func() {
			v = g.send(ctx, v, n, false)
			v = g.send(ctx, v, n, true)
			g.free <- v
		})
	}
	all.Wait()
	return g.toll
}

// change makes of each 200 traces two with a child that failed, and one with a root that took 5 s.
func change(t, span int, s *tracing.Span) {
	switch {
	case span == 1 && t%failedOf == failedOf/3:
		s.Status.Code = codes.Error
	case span == 0 && t%slowOf == slowOf/2:
		s.End = s.Start.Add(5 * time.Second)
	}
}

// send sends half of some traces, and once more where it is refused: with what is free by then. It returns what is free after it.
func (g *gale) send(ctx context.Context, v volley, n uint64, roots bool) volley {
	for try := range 2 {
		replay := v.children
		if roots {
			replay = v.roots
		}
		wait, again := g.count(replay, try, g.Send(ctx, replay.At(n)), roots)
		if !again {
			break
		}
		g.free <- v
		time.Sleep(wait) //nolint:forbidigo // A refusal means this clock.
		v = <-g.free
	}
	return v
}

// count counts an answer, and tells whether and when to send again.
func (g *gale) count(replay *Replay, try int, err error, roots bool) (wait time.Duration, again bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.toll.Requests++
	overload, refused := errors.AsType[*tracing.OverloadError](err)
	switch {
	case refused:
		g.toll.Refused++
		if overload.RetryAfter <= 0 {
			g.toll.Undelayed++
		}
		if try > 0 {
			g.toll.GivenUp++
		}
		return overload.RetryAfter, try == 0
	case err != nil:
		g.toll.Failed = cmp.Or(g.toll.Failed, err)
		return 0, false
	}
	of, first := failedOf, failedOf/3
	g.toll.Spans += (stormSpans - 1) * g.Traces
	if roots {
		of, first = slowOf, slowOf/2
		g.toll.Spans += (2 - stormSpans) * g.Traces
	}
	for t := first; t < g.Traces; t += of {
		g.toll.Must[replay.IDs()[t]] = true
	}
	return 0, false
}
