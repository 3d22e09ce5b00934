package propagation

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/baggage"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A Chain is several propagators in one; [New] makes it. The zero value neither injects nor extracts.
type Chain struct{ propagators []otel.TextMapPropagator }

// New returns a propagator that injects with all of ps, and extracts the span context with the first of them that finds one. Baggage
// of all that bring some is joined; of one name the last counts.
func New(ps ...otel.TextMapPropagator) Chain { return Chain{slices.Clone(ps)} }

// Inject writes the fields of every propagator.
func (c Chain) Inject(ctx context.Context, carrier otel.TextMapCarrier) {
	for _, p := range c.propagators {
		p.Inject(ctx, carrier)
	}
}

// Extract returns ctx with the span context of the first propagator that finds one, and all baggage.
func (c Chain) Extract(ctx context.Context, carrier otel.TextMapCarrier) context.Context {
	before, found := trace.SpanContextFromContext(ctx), false
	own := baggage.FromContext(ctx)
	for _, p := range c.propagators {
		next := p.Extract(ctx, carrier)
		bag := joined(own, baggage.FromContext(ctx), baggage.FromContext(next))
		if !found { // Else what it says of the trace, and of its sampling, is another format's answer to the same request.
			ctx, found = next, !trace.SpanContextFromContext(next).Equal(before)
		}
		ctx = baggage.ContextWithBaggage(ctx, bag)
	}
	return ctx
}

// joined returns what a propagator left of baggage, and what it took away that those before it had brought: all but the context's own.
func joined(own, before, left baggage.Baggage) baggage.Baggage {
	if before.Len() == 0 {
		return left
	}
	all := newBag(left.Members()...)
	for _, member := range before.Members() {
		key := member.Key()
		if left.Member(key).Key() == "" && own.Member(key).String() != member.String() {
			all.add(member)
		}
	}
	return all.bag
}

// Fields returns the names of all fields that Inject may set, each once.
func (c Chain) Fields() []string {
	var fields []string
	for _, p := range c.propagators {
		for _, field := range p.Fields() {
			if !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
	}
	return fields
}
