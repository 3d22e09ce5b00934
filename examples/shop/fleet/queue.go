package fleet

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/tracing/propagation"
	"go.opentelemetry.io/otel/attribute"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// A Record is a message of the queue, in the form that clients of Kafka have.
type Record struct {
	Headers []Header
	Value   []byte
}

// A Header is a field of a record, of which there may be several of one key.
type Header struct {
	Key   string
	Value []byte
}

// Carrier carries trace contexts in the headers of the record.
func (r *Record) Carrier() otel.TextMapCarrier {
	is := func(key string) func(Header) bool {
		return func(h Header) bool { return strings.EqualFold(h.Key, key) }
	}
	return propagation.Funcs{
		Values: func(key string) (values []string) {
			for _, h := range r.Headers {
				if is(key)(h) {
					values = append(values, string(h.Value))
				}
			}
			return values
		},
		Set: func(key, value string) {
			r.Headers = append(slices.DeleteFunc(r.Headers, is(key)), Header{key, []byte(value)})
		},
	}.Carrier()
}

// A dispatcher is the shop's side of the queue: orders that are handed over go to the warehouse.
type dispatcher struct {
	queue  chan<- Record
	tracer trace.Tracer
}

// HandOver implements orders.Fulfilment.
func (d dispatcher) HandOver(ctx context.Context, h orders.HandOver) (orders.Outcome, error) {
	ctx, span := d.tracer.Start(ctx, "send parcels", trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attribute.String("messaging.destination.name", "parcels")))
	defer span.End()
	body, err := json.Marshal(h)
	if err != nil {
		return orders.Outcome{}, err
	}
	record := Record{Value: body}
	propagation.W3C{}.Inject(ctx, record.Carrier())
	select {
	case d.queue <- record:
		return orders.Outcome{Status: orders.Done}, nil
	case <-ctx.Done():
		return orders.Outcome{}, context.Cause(ctx)
	}
}

// Stop implements orders.Fulfilment.
func (d dispatcher) Stop(context.Context, string, []orders.LineQty) (orders.Outcome, error) {
	return orders.Outcome{Status: orders.Refused, Reason: "it is on its way"}, nil
}
