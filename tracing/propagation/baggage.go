package propagation

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	otel "go.opentelemetry.io/otel/propagation"
)

const (
	baggageField = "baggage"

	// What every platform has to pass on, and no one has to pass on more.
	maxBaggageMembers = 64
	maxBaggageBytes   = 8192
)

// Baggage propagates the baggage of OpenTelemetry in the field of W3C Baggage. The zero value is ready.
type Baggage struct{}

// Inject writes the baggage of ctx, by key, if there is any. Members beyond the 64th or 8,192 bytes are left out.
func (Baggage) Inject(ctx context.Context, carrier otel.TextMapCarrier) {
	var field strings.Builder
	for i, member := range sortedMembers(ctx) {
		s := member.String()
		if i == maxBaggageMembers || field.Len()+1+len(s) > maxBaggageBytes {
			break
		}
		if i > 0 {
			field.WriteByte(',')
		}
		field.WriteString(s)
	}
	if field.Len() > 0 {
		carrier.Set(baggageField, field.String())
	}
}

// Extract returns ctx with the baggage of the carrier instead of its own, or ctx as it is when none of that is good. Lines are joined; of members of
// one key the last stays; members that are malformed, beyond the 64th, or beyond 8,192 bytes in all are left out.
func (Baggage) Extract(ctx context.Context, carrier otel.TextMapCarrier) context.Context {
	bag := newBag()
	for s := range members(values(carrier, baggageField)) {
		if bag.full(len(s)) {
			break
		}
		parsed, err := baggage.Parse(s)
		if err != nil {
			continue
		}
		for _, member := range parsed.Members() {
			bag.add(member)
		}
	}
	if bag.bag.Len() == 0 {
		return ctx
	}
	return bag.into(ctx)
}

// members returns the texts between the commas of lines.
func members(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range lines {
			for s := range strings.SplitSeq(line, ",") {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Fields returns the name of the field that Inject sets.
func (Baggage) Fields() []string { return []string{baggageField} }

// A bag is baggage within the limits.
type bag struct {
	bag  baggage.Baggage
	size int // bytes of the members read, their commas included
}

func newBag(members ...baggage.Member) *bag {
	b := &bag{}
	for _, member := range members {
		b.add(member)
	}
	return b
}

// full charges size bytes, and tells whether they are too many.
func (b *bag) full(size int) bool {
	b.size += size + 1
	return b.size > maxBaggageBytes+1
}

// add sets a member unless it is one too many.
func (b *bag) add(member baggage.Member) {
	if b.bag.Len() >= maxBaggageMembers && b.bag.Member(member.Key()).Key() == "" {
		return
	}
	if next, err := b.bag.SetMember(member); err == nil {
		b.bag = next
	}
}

func (b *bag) into(ctx context.Context) context.Context {
	return baggage.ContextWithBaggage(ctx, b.bag)
}

// sortedMembers returns the baggage of ctx by key, because its own order changes from call to call.
func sortedMembers(ctx context.Context) []baggage.Member {
	return slices.SortedFunc(slices.Values(baggage.FromContext(ctx).Members()), func(a, b baggage.Member) int {
		return cmp.Compare(a.Key(), b.Key())
	})
}
