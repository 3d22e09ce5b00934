package tracing

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/tenon-go/tenon/tracing/propagation"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const defaultLimit = 128

// DebugAttribute is true of the first span that a Provider makes of a trace which is to be kept by all means, as senders say by the debug flags of
// B3 and Jaeger. Spans do not say so otherwise, and policies see spans only: sampling.Attr{Key: tracing.DebugAttribute} keeps such traces.
const DebugAttribute = "sampling.debug"

// A Config says how spans are made and sent.
type Config struct {
	// Resource is what all spans come from, service.name above all.
	Resource []attribute.KeyValue
	// Probability is the share of traces that start here and are recorded: 0 = 1, negative = none, at most 1.
	Probability float64
	// IgnoreParent decides by Probability also about traces that come from another process, whose sampled flag, or b3: 1, else counts.
	IgnoreParent bool
	// Limits of a span; what is beyond is counted in its Dropped.
	Limits Limits
	// MaxBatch, MaxDelay and MaxQueueBytes are those of a BatchConfig.
	MaxBatch      int
	MaxDelay      time.Duration
	MaxQueueBytes int
	// NewIDs returns IDs, of which the trace's has at least its last seven bytes at random, as the random flag says; only that of the span
	// is used where there is a parent. nil = random. It must be safe for concurrent use.
	NewIDs func() (trace.TraceID, trace.SpanID)
	// Now is the clock; nil = time.Now. It must be safe for concurrent use.
	Now func() time.Time
}

// Limits of a span.
type Limits struct{ Attributes, Events, Links int } // 0 = 128 each

func (c Config) withDefaults() Config {
	if c.Probability == 0 {
		c.Probability = 1
	}
	for _, limit := range []*int{&c.Limits.Attributes, &c.Limits.Events, &c.Limits.Links} {
		if *limit == 0 {
			*limit = defaultLimit
		}
	}
	if c.Now == nil {
		c.Now = time.Now //nolint:forbidigo // the default clock
	}
	return c
}

func (c Config) validate(sink Sink) error {
	var errs problems
	errs.add(!(c.Probability <= 1), "Probability %v: want at most 1", c.Probability) // So that NaN is refused.
	errs.add(c.Limits.Attributes < 0 || c.Limits.Events < 0 || c.Limits.Links < 0, "Limits %+v: want none below 0", c.Limits)
	for _, kv := range c.Resource {
		errs.add(!kv.Valid(), "Resource: attribute %q has no value or no key", kv.Key)
	}
	return errors.Join(append(errs, c.batch().validate(sink))...)
}

func (c Config) batch() BatchConfig {
	return BatchConfig{MaxBatch: c.MaxBatch, MaxDelay: c.MaxDelay, MaxQueueBytes: c.MaxQueueBytes}
}

// A BatchConfig says how spans are put together and sent.
type BatchConfig struct {
	// MaxBatch is how many spans are sent at once; 0 = 512. A batch is also sent at 1 MiB.
	MaxBatch int
	// MaxDelay is how long a span waits for others; 0 = 1 s.
	MaxDelay time.Duration
	// MaxQueueBytes bounds the spans that were not yet taken by the sink; 0 = 8 MiB. Spans that end beyond it are dropped and counted.
	MaxQueueBytes int
}

func (c BatchConfig) withDefaults() BatchConfig {
	if c.MaxBatch == 0 {
		c.MaxBatch = defaultBatch
	}
	if c.MaxDelay == 0 {
		c.MaxDelay = defaultDelay
	}
	if c.MaxQueueBytes == 0 {
		c.MaxQueueBytes = defaultQueueBytes
	}
	return c
}

func (c BatchConfig) validate(sink Sink) error {
	var errs problems
	errs.add(sink == nil, "no sink")
	errs.add(c.MaxBatch < 0, "MaxBatch %d: want 0 or more", c.MaxBatch)
	errs.add(c.MaxDelay < 0, "MaxDelay %v: want 0 or more", c.MaxDelay)
	errs.add(c.MaxQueueBytes < 0, "MaxQueueBytes %d: want 0 or more", c.MaxQueueBytes)
	return errors.Join(errs...)
}

// problems of a config.
type problems []error

func (p *problems) add(bad bool, format string, args ...any) {
	if bad {
		*p = append(*p, fmt.Errorf("tracing: %w: %s", ErrConfig, fmt.Sprintf(format, args...)))
	}
}

// A Provider makes spans and sends them to a Sink. It is an OpenTelemetry TracerProvider, which otelhttp, otelgrpc and other instrumentation
// take as it is. [New] makes it; Close ends it. It is safe for concurrent use.
type Provider struct {
	noop.TracerProvider // so that methods which the API gets later do not break the build

	cfg       Config
	since     func(time.Time) time.Duration
	threshold Threshold
	state     trace.TraceState // of traces that start here
	stateText string
	resource  []byte // the field of ResourceSpans
	batcher   *Batcher

	mu      sync.Mutex
	tracers map[scopeKey]*tracer
}

type scopeKey struct {
	name, version, schema string
	attributes            attribute.Distinct
}

// New returns a Provider that sends to sink, from a goroutine of its own. The error Is ErrConfig and names every problem.
func New(sink Sink, cfg Config) (*Provider, error) {
	if err := cfg.validate(sink); err != nil {
		return nil, err
	}
	batcher, err := NewBatcher(sink, cfg.batch())
	if err != nil {
		return nil, err
	}
	since := time.Since //nolint:forbidigo // the default clock, where it need not tell the hour
	if cfg.Now != nil {
		since = func(start time.Time) time.Duration { return cfg.Now().Sub(start) }
	}
	cfg = cfg.withDefaults()
	p := &Provider{cfg: cfg, since: since, threshold: ThresholdOf(cfg.Probability), resource: resourceField(cfg.Resource), batcher: batcher, tracers: map[scopeKey]*tracer{}}
	p.state = withThreshold(trace.TraceState{}, p.threshold)
	p.stateText = p.state.String()
	return p, nil
}

// Tracer returns the tracer of a scope; the same one each time.
func (p *Provider) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	cfg := trace.NewTracerConfig(options...)
	attributes := cfg.InstrumentationAttributes()
	key := scopeKey{name, cfg.InstrumentationVersion(), cfg.SchemaURL(), attributes.Equivalent()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.tracers[key]; t != nil {
		return t
	}
	scope := &Scope{Name: name, Version: key.version, SchemaURL: key.schema, Attributes: attributes.ToSlice()}
	t := &tracer{provider: p, pending: pending{resource: p.resource, scope: appendScope(nil, scope)}}
	p.tracers[key] = t
	return t
}

// Flush is that of [Batcher].
func (p *Provider) Flush(ctx context.Context) error { return p.batcher.Flush(ctx) }

// Close is that of [Batcher].
func (p *Provider) Close(ctx context.Context) error { return p.batcher.Close(ctx) }

// Stats returns what became of the spans that ended.
func (p *Provider) Stats() Stats { return p.batcher.Stats() }

// A tracer makes the spans of one scope.
type tracer struct {
	noop.Tracer // as in Provider

	provider *Provider
	pending  pending // guarded by the batcher
}

// Start makes a span below the one in ctx, or a root.
func (t *tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	p := t.provider
	if ctx == nil { // As the API allows.
		ctx = context.Background()
	}
	cfg := trace.NewSpanStartConfig(options...)
	parent := trace.SpanContext{}
	above := trace.SpanFromContext(ctx)
	if !cfg.NewRoot() {
		if _, ok := above.(*unsampled); ok { // Nobody will see a difference below it.
			return ctx, above
		}
		parent = above.SpanContext()
	}
	sc := p.newIDs(parent.IsValid())
	said := propagation.Unsaid
	if parent.IsRemote() || !parent.IsValid() && !cfg.NewRoot() {
		said = propagation.SamplingOf(ctx)
	}
	var stateText string
	if !parent.IsValid() {
		stateText = p.begin(said, &sc)
	} else {
		sc.TraceID, sc.TraceState = parent.TraceID(), parent.TraceState()
		sc.TraceFlags = parent.TraceFlags() & (trace.FlagsSampled | trace.FlagsRandom)
		if local, ok := above.(*recording); ok {
			stateText = local.data.TraceState
		} else if parent.IsRemote() && p.judge(said, &sc) {
			stateText = sc.TraceState.String()
		} else {
			stateText = propagation.StateOf(ctx)
		}
	}
	if !sc.TraceFlags.IsSampled() {
		s := &unsampled{Span: noop.Span{}, sc: trace.NewSpanContext(sc), provider: p}
		return trace.ContextWithSpan(ctx, s), s
	}
	s := newRecording(t, &sc, stateText, name, &cfg)
	if parent.IsValid() {
		s.data.Parent = parent.SpanID()
	}
	if parent.IsRemote() {
		s.data.Flags |= FlagRemoteIsParent
	}
	ctx = trace.ContextWithSpan(ctx, s)
	if said == propagation.Debug {
		s.set([]attribute.KeyValue{attribute.Bool(DebugAttribute, true)})
		if !parent.IsValid() {
			ctx = propagation.WithDebug(ctx)
		}
	}
	return ctx, s
}

// begin decides about a trace that starts here, and returns its tracestate as text.
func (p *Provider) begin(said propagation.Sampling, sc *trace.SpanContextConfig) string {
	switch {
	case said == propagation.Debug || said == propagation.Accepted && !p.cfg.IgnoreParent:
		sc.TraceFlags |= trace.FlagsSampled
		sc.TraceState = withThreshold(trace.TraceState{}, 0)
		return sc.TraceState.String()
	case said != propagation.Denied && p.threshold.Keeps(Randomness(sc.TraceID, "")):
		sc.TraceFlags |= trace.FlagsSampled
		sc.TraceState = p.state
		return p.stateText
	}
	return ""
}

// judge decides about a trace that comes from another process, or leaves it as that said. It tells whether it decided.
func (p *Provider) judge(said propagation.Sampling, sc *trace.SpanContextConfig) bool {
	switch {
	case said == propagation.Debug || said != propagation.Deferred && !p.cfg.IgnoreParent:
		return false
	case p.threshold.Keeps(Randomness(sc.TraceID, sc.TraceState.String())):
		sc.TraceFlags |= trace.FlagsSampled
		sc.TraceState = withThreshold(sc.TraceState, p.threshold)
	default:
		sc.TraceFlags &^= trace.FlagsSampled
		sc.TraceState = withThreshold(sc.TraceState, MaxThreshold)
	}
	return true
}

// newIDs returns the IDs of a new span: neither is zero, and that of the trace is left out if the span has a parent.
func (p *Provider) newIDs(parent bool) trace.SpanContextConfig {
	sc := trace.SpanContextConfig{TraceFlags: trace.FlagsRandom}
	if p.cfg.NewIDs != nil {
		sc.TraceID, sc.SpanID = p.cfg.NewIDs()
		return sc
	}
	for !sc.SpanID.IsValid() {
		binary.BigEndian.PutUint64(sc.SpanID[:], rand.Uint64()) //nolint:forbidigo,gosec // The default of Config.NewIDs; not a secret.
	}
	for !parent && !sc.TraceID.IsValid() {
		binary.BigEndian.PutUint64(sc.TraceID[:8], rand.Uint64()) //nolint:forbidigo,gosec // Likewise.
		binary.BigEndian.PutUint64(sc.TraceID[8:], rand.Uint64()) //nolint:forbidigo,gosec // Likewise.
	}
	return sc
}

// resourceField returns the field resource of ResourceSpans.
func resourceField(attributes []attribute.KeyValue) []byte {
	return appendResource(nil, &Resource{Attributes: attributes})
}

// An unsampled span has its context only, and stands for those below it too.
type unsampled struct {
	trace.Span // a noop's

	sc       trace.SpanContext
	provider *Provider
}

// SpanContext returns the span's context, which goes into outgoing calls.
func (s *unsampled) SpanContext() trace.SpanContext { return s.sc }

// TracerProvider returns the provider, so that spans below are made by it.
func (s *unsampled) TracerProvider() trace.TracerProvider { return s.provider }
