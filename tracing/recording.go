package tracing

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// A recording is a span that goes on. At End its message is written, and nothing changes it any more; it is not used again for another
// span, because its context is asked for later.
type recording struct {
	trace.Span // a noop's, as in Provider

	tracer *tracer
	state  trace.TraceState
	mu     sync.Mutex
	ended  bool
	data   Span
}

func newRecording(t *tracer, sc *trace.SpanContextConfig, state, name string, cfg *trace.SpanConfig) *recording {
	start := cfg.Timestamp()
	if start.IsZero() {
		start = t.provider.cfg.Now()
	}
	s := &recording{
		Span: noop.Span{}, tracer: t, state: sc.TraceState,
		data: Span{
			TraceID: sc.TraceID, ID: sc.SpanID, TraceState: state, Name: name, Kind: trace.ValidateSpanKind(cfg.SpanKind()),
			Start: start, Flags: uint32(sc.TraceFlags) | FlagKnowsRemote,
		},
	}
	if attributes := cfg.Attributes(); t.provider.plain(attributes) {
		s.data.Attributes = attributes // The slice is the config's own.
	} else {
		s.set(attributes)
	}
	for _, link := range cfg.Links() {
		s.link(link)
	}
	return s
}

// change calls do with the span's data, unless the span ended.
func (s *recording) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		do()
	}
}

// End completes the span and hands it to the batcher. Further calls do nothing.
func (s *recording) End(options ...trace.SpanEndOption) {
	end := time.Time{}
	if len(options) > 0 {
		cfg := trace.NewSpanEndConfig(options...)
		end = cfg.Timestamp()
	}
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	s.mu.Unlock()
	if end.IsZero() { // By the monotonic clock, so that no correction of the other one makes a duration negative.
		end = s.data.Start.Add(s.tracer.provider.since(s.data.Start))
	}
	s.data.End = end
	s.tracer.provider.batcher.end(&s.tracer.pending, &s.data)
}

// IsRecording tells whether the span goes on.
func (s *recording) IsRecording() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended
}

// SpanContext returns the span's context, after End too.
func (s *recording) SpanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: s.data.TraceID, SpanID: s.data.ID, TraceFlags: trace.TraceFlags(s.data.Flags), TraceState: s.state, //nolint:gosec // The flags of W3C are the lowest 8 bits.
	})
}

// TracerProvider returns the provider that made the span's tracer.
func (s *recording) TracerProvider() trace.TracerProvider { return s.tracer.provider }

// SetName changes the name.
func (s *recording) SetName(name string) {
	s.change(func() { s.data.Name = name })
}

// SetStatus changes the status unless it would become a lower one: OK is above Error, and that above Unset. A description is kept of an
// error only.
func (s *recording) SetStatus(code codes.Code, description string) {
	s.change(func() {
		if code < s.data.Status.Code { // The API numbers them by rank.
			return
		}
		if code != codes.Error {
			description = ""
		}
		s.data.Status = Status{Code: code, Message: description}
	})
}

// SetAttributes sets attributes, those there are too.
func (s *recording) SetAttributes(attributes ...attribute.KeyValue) {
	s.change(func() { s.set(attributes) })
}

func (s *recording) set(attributes []attribute.KeyValue) {
	for _, kv := range attributes {
		i := slices.IndexFunc(s.data.Attributes, func(have attribute.KeyValue) bool { return have.Key == kv.Key })
		switch {
		case !kv.Valid():
			s.data.Dropped.Attributes++
		case i >= 0:
			s.data.Attributes[i].Value = kv.Value
		case len(s.data.Attributes) >= s.tracer.provider.cfg.Limits.Attributes:
			s.data.Dropped.Attributes++
		default:
			s.data.Attributes = append(s.data.Attributes, kv)
		}
	}
}

// plain tells whether attributes can be those of a span as they are: few, each with a key of its own and a value. Checked is cheaper than copied.
func (p *Provider) plain(attributes []attribute.KeyValue) bool {
	if len(attributes) > min(p.cfg.Limits.Attributes, 16) {
		return false
	}
	for i := range attributes {
		if !attributes[i].Valid() {
			return false
		}
		for j := range i {
			if attributes[j].Key == attributes[i].Key {
				return false
			}
		}
	}
	return true
}

// AddEvent adds an event.
func (s *recording) AddEvent(name string, options ...trace.EventOption) {
	cfg := trace.NewEventConfig(options...)
	s.event(name, cfg.Timestamp(), cfg.Attributes())
}

func (s *recording) event(name string, at time.Time, attributes []attribute.KeyValue) {
	if at.IsZero() {
		at = s.tracer.provider.cfg.Now()
	}
	s.change(func() {
		if len(s.data.Events) >= s.tracer.provider.cfg.Limits.Events {
			s.data.Dropped.Events++
			return
		}
		kept, dropped := s.limited(attributes)
		s.data.Events = append(s.data.Events, Event{Time: at, Name: name, Attributes: kept, Dropped: dropped})
	})
}

// limited returns a copy of the attributes that an event or a link may have, and how many it may not have.
func (s *recording) limited(attributes []attribute.KeyValue) (kept []attribute.KeyValue, dropped uint32) {
	for _, kv := range attributes {
		if !kv.Valid() || len(kept) >= s.tracer.provider.cfg.Limits.Attributes {
			dropped++
			continue
		}
		kept = append(kept, kv)
	}
	return kept, dropped
}

// AddLink adds a link. One to no span, without attributes, says nothing and is left out.
func (s *recording) AddLink(link trace.Link) {
	s.change(func() { s.link(link) })
}

func (s *recording) link(link trace.Link) {
	sc := link.SpanContext
	if !sc.IsValid() && len(link.Attributes) == 0 && sc.TraceState().Len() == 0 {
		return
	}
	if len(s.data.Links) >= s.tracer.provider.cfg.Limits.Links {
		s.data.Dropped.Links++
		return
	}
	flags := uint32(sc.TraceFlags()) | FlagKnowsRemote
	if sc.IsRemote() {
		flags |= FlagRemoteIsParent
	}
	kept, dropped := s.limited(link.Attributes)
	s.data.Links = append(s.data.Links, Link{
		TraceID: sc.TraceID(), ID: sc.SpanID(), TraceState: sc.TraceState().String(), Flags: flags, Attributes: kept, Dropped: dropped,
	})
}

// RecordError adds an event named exception that tells of err. It sets no status. nil does nothing.
func (s *recording) RecordError(err error, options ...trace.EventOption) {
	if err == nil || !s.IsRecording() {
		return
	}
	cfg := trace.NewEventConfig(options...)
	attributes := append(cfg.Attributes(),
		attribute.String("exception.type", fmt.Sprintf("%T", err)),
		attribute.String("exception.message", err.Error()))
	if cfg.StackTrace() {
		attributes = append(attributes, attribute.String("exception.stacktrace", string(debug.Stack())))
	}
	s.event("exception", cfg.Timestamp(), attributes)
}
