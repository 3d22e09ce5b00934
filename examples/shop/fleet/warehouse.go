package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/tracing/propagation"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// errJam is what goes wrong at the warehouse; the record is delivered again then.
var errJam = errors.New("the label printer jams")

// A warehouse packs what comes from the queue.
type warehouse struct {
	tracer  trace.Tracer
	jams    int           // at each so manieth parcel the printer jams
	perUnit time.Duration // that packing takes: its spans say so, and nobody waits for it
	parcels int
}

// work packs until the queue is closed. It returns the first record that it cannot read.
func (w *warehouse) work(ctx context.Context, queue <-chan Record) error {
	var unread error
	for record := range queue {
		var h orders.HandOver
		if err := json.Unmarshal(record.Value, &h); err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		w.parcels++
		jam := w.parcels%w.jams == 0
		for w.pack(ctx, &record, h, jam) != nil {
			jam = false
		}
	}
	return unread
}

// pack packs the parcel of a record, within the trace of who sent it.
func (w *warehouse) pack(ctx context.Context, record *Record, h orders.HandOver, jam bool) error {
	ctx = propagation.W3C{}.Extract(ctx, record.Carrier())
	start := time.Now()
	ctx, span := w.tracer.Start(ctx, "process parcels", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(start),
		trace.WithAttributes(attribute.String("messaging.destination.name", "parcels")))
	if jam {
		span.RecordError(errJam)
		span.SetStatus(codes.Error, errJam.Error())
		span.End()
		return errJam
	}
	var units int64
	for _, l := range h.Lines {
		units += l.Quantity
	}
	end := start.Add(time.Duration(units) * w.perUnit)
	_, pack := w.tracer.Start(ctx, "pack", trace.WithTimestamp(start), trace.WithAttributes(attribute.Int64("units", units)))
	pack.End(trace.WithTimestamp(end))
	span.End(trace.WithTimestamp(end))
	return nil
}
