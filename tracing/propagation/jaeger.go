package propagation

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	jaegerField   = "uber-trace-id"
	jaegerBaggage = "uberctx-"
	jaegerSampled = 1
	jaegerDebug   = 2
)

// Jaeger propagates span contexts in the field uber-trace-id of the Jaeger clients, trace:span:parent:flags, and baggage in fields uberctx-KEY.
// IDs may lack leading zeros, and the field may be URL-encoded. The zero value is ready.
//
// Names of baggage become lower case, because HTTP loses their case: beside [Baggage], which keeps it, a member Tenant arrives as both Tenant
// and tenant. Name members in lower case where both are in use.
type Jaeger struct{}

// Inject writes the span context of ctx, if it is valid, and its baggage. The parent's ID is written as 0: it is no longer used.
func (Jaeger) Inject(ctx context.Context, carrier otel.TextMapCarrier) {
	for _, member := range sortedMembers(ctx) {
		carrier.Set(jaegerBaggage+member.Key(), url.QueryEscape(member.Value()))
	}
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return
	}
	flags := 0
	switch {
	case SamplingOf(ctx) == Debug:
		flags = jaegerSampled | jaegerDebug
	case sc.IsSampled():
		flags = jaegerSampled
	}
	carrier.Set(jaegerField, sc.TraceID().String()+":"+sc.SpanID().String()+":0:"+strconv.Itoa(flags))
}

// Extract returns ctx with the remote span context of the carrier, if that has a valid one, and with the carrier's baggage added to that of
// ctx; the carrier's members replace those of the same name.
func (Jaeger) Extract(ctx context.Context, carrier otel.TextMapCarrier) context.Context {
	ctx = jaegerMembers(ctx, carrier)
	found, ok := parseJaeger(strings.Trim(carrier.Get(jaegerField), " \t"))
	if !ok {
		return ctx
	}
	return found.into(ctx)
}

// Fields returns the name of the field that Inject sets; those of baggage depend on the context.
func (Jaeger) Fields() []string { return []string{jaegerField} }

func parseJaeger(s string) (foreign, bool) {
	if strings.Contains(s, "%") {
		plain, err := url.QueryUnescape(s)
		if err != nil {
			return foreign{}, false
		}
		s = plain
	}
	parts := strings.Split(s, ":")
	if len(parts) != 4 {
		return foreign{}, false
	}
	var f foreign
	if !decodePadded(f.trace[:], parts[0]) || !decodePadded(f.span[:], parts[1]) {
		return foreign{}, false
	}
	if parts[3] != "" {
		flags, err := strconv.ParseUint(parts[3], 16, 64)
		if err != nil {
			return foreign{}, false
		}
		f.sampled = flags&jaegerSampled != 0
		if f.sampled && flags&jaegerDebug != 0 {
			f.sampling = Debug
		}
	}
	return f, f.trace.IsValid() && f.span.IsValid()
}

// decodePadded reads hex that may lack leading zeros.
func decodePadded(dst []byte, s string) bool {
	if missing := 2*len(dst) - len(s); missing > 0 {
		s = strings.Repeat("0", missing) + s
	}
	return decodeHex(dst, s)
}

func jaegerMembers(ctx context.Context, carrier otel.TextMapCarrier) context.Context {
	var fields []string
	for _, key := range carrier.Keys() {
		if len(key) > len(jaegerBaggage) && strings.EqualFold(key[:len(jaegerBaggage)], jaegerBaggage) {
			fields = append(fields, key)
		}
	}
	if len(fields) == 0 {
		return ctx
	}
	slices.Sort(fields) // Where there are too many, the same ones stay each time.
	bag := newBag(baggage.FromContext(ctx).Members()...)
	for _, field := range fields {
		value, err := url.QueryUnescape(carrier.Get(field))
		if err != nil {
			continue
		}
		if member, err := baggage.NewMemberRaw(strings.ToLower(field[len(jaegerBaggage):]), value); err == nil {
			bag.add(member)
		}
	}
	return bag.into(ctx)
}
