package tracingtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/trace"
)

// Naive is a collector that has all requests before it, and no bound: what a real one comes to when its memory is not short. It takes its time:
// each decision looks at all spans again.
type Naive struct {
	Policies      []sampling.Policy // without memory, as it decides trace by trace; nil = keep all
	Quiet, MaxAge time.Duration     // not 0
	Slack         time.Duration     // how much later than it says a collector may close a trace
}

// A SpanFate is what became of a span, under which Outcome counts it.
type SpanFate struct {
	Span string // Key of it
	Fate string // "exported", "sampled out", "sampled out late" or "duplicate"
}

// An Outcome is what a collector should have come to.
type Outcome struct {
	Decisions map[trace.TraceID]tracing.Decision // the last of each trace, without At
	Fates     map[SpanFate]int
	Partial   map[trace.TraceID]bool // a late span keeps what was dropped
}

// Key is all that makes a span what it is: its bytes, and those of what it has in common with others.
func Key(v tracing.View) string {
	from := v.Origin()
	return fmt.Sprintf("%s %q %q %q %q %q", v.TraceID(), v.Raw(), from.Resource, from.ResourceSchema, from.Scope, from.ScopeSchema)
}

// A pile is the spans of a trace that is open.
type pile struct {
	views       []tracing.View
	seen        map[string]bool
	first, last time.Duration
}

// Run deals with arrivals in order. The error says that they cannot be told: that a request is malformed, or comes within Slack of when a trace
// closes.
func (n Naive) Run(arrivals []Arrival) (Outcome, error) {
	jury, err := sampling.NewJury(n.Policies)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Decisions: map[trace.TraceID]tracing.Decision{}, Fates: map[SpanFate]int{}, Partial: map[trace.TraceID]bool{}}
	traces, err := apart(arrivals)
	if err != nil {
		return Outcome{}, err
	}
	for id, batches := range traces {
		if err := n.live(&out, jury, id, batches); err != nil {
			return Outcome{}, err
		}
	}
	return out, nil
}

// A batch is the spans of a trace that come at once.
type batch struct {
	at    time.Duration
	views []tracing.View
}

// apart returns what comes of each trace.
func apart(arrivals []Arrival) (map[trace.TraceID][]batch, error) {
	traces := map[trace.TraceID][]batch{}
	for _, arrival := range arrivals {
		var groups otlp.Groups
		if _, err := groups.Read(arrival.Req); err != nil {
			return nil, err
		}
		for i := range groups.Len() {
			id, _ := groups.Trace(i)
			traces[id] = append(traces[id], batch{at: arrival.At, views: slices.Collect(groups.Views(i))})
		}
	}
	return traces, nil
}

// live takes a trace from its first span to its last.
func (n Naive) live(out *Outcome, jury *sampling.Jury, id trace.TraceID, batches []batch) error {
	p := &pile{seen: map[string]bool{}, first: batches[0].at}
	for _, one := range batches {
		if p != nil && len(p.views) > 0 {
			closed, at := n.closing(p)
			if one.at > at && one.at <= at+n.Slack {
				return fmt.Errorf("tracingtest: trace %s: spans at %v, and it closes at %v", id, one.at, at)
			}
			if one.at > at {
				if err := out.close(jury, id, p, closed); err != nil {
					return err
				}
				p = nil
			}
		}
		if p == nil {
			out.late(jury, id, one.views)
			continue
		}
		out.pile(p, one.views)
		p.last = one.at
	}
	if p == nil {
		return nil
	}
	closed, _ := n.closing(p)
	return out.close(jury, id, p, closed)
}

func (out *Outcome) pile(p *pile, views []tracing.View) {
	for _, v := range views {
		if key := Key(v); p.seen[key] {
			out.Fates[SpanFate{key, "duplicate"}]++
		} else {
			p.seen[key] = true
			p.views = append(p.views, v)
		}
	}
}

// closing returns why and when a trace closes if nothing else comes.
func (n Naive) closing(p *pile) (why tracing.Closed, at time.Duration) {
	present, rooted, missing := map[trace.SpanID]bool{}, false, false
	for _, v := range p.views {
		present[v.ID()] = true
		rooted = rooted || !v.Parent().IsValid()
	}
	for _, v := range p.views {
		missing = missing || v.Parent().IsValid() && !present[v.Parent()]
	}
	oldest := p.first + n.MaxAge
	switch {
	case !rooted:
		return tracing.ClosedAge, oldest
	case missing:
		why, at = tracing.ClosedMissingParents, p.last+3*n.Quiet
	default:
		why, at = tracing.ClosedComplete, p.last+n.Quiet
	}
	if oldest < at {
		return tracing.ClosedAge, oldest
	}
	return why, at
}

func (out *Outcome) close(jury *sampling.Jury, id trace.TraceID, p *pile, why tracing.Closed) error {
	var b otlp.Builder
	for _, v := range p.views {
		b.Add(v)
	}
	t, err := sampling.TraceOf(b.Bytes(), time.Time{})
	if err != nil {
		return err
	}
	t.Closed = why
	decision, _ := jury.Decide(t, time.Time{})
	out.Decisions[id] = decision
	fate := "sampled out"
	if decision.Keep {
		fate = "exported"
	}
	for _, v := range p.views {
		out.Fates[SpanFate{Key(v), fate}]++
	}
	return nil
}

func (out *Outcome) late(jury *sampling.Jury, id trace.TraceID, views []tracing.View) {
	decision := out.Decisions[id]
	if !decision.Keep {
		for _, v := range views {
			if policy, _ := jury.Early(v); policy != "" {
				decision = tracing.Decision{Trace: id, Keep: true, Policy: policy, Closed: tracing.ClosedEarly}
				out.Partial[id] = true
				break
			}
		}
	}
	out.Decisions[id] = decision
	seen := map[string]bool{}
	for _, v := range views {
		switch key := Key(v); {
		case !decision.Keep:
			out.Fates[SpanFate{key, "sampled out late"}]++
		case seen[key]:
			out.Fates[SpanFate{key, "duplicate"}]++
		default:
			seen[key] = true
			out.Fates[SpanFate{key, "exported"}]++
		}
	}
}

// Count returns how many spans met a fate.
func (out *Outcome) Count(fate string) int {
	total := 0
	for one, n := range out.Fates {
		if one.Fate == fate {
			total += n
		}
	}
	return total
}
