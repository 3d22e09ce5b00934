package main

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// serve answers on an address of this machine until it is stopped.
func serve(handler http.Handler) (url string, stop func(context.Context) error) {
	server := httptest.NewServer(handler)
	return server.URL, server.Config.Shutdown
}

// sell traces twenty checkouts of a service, sends the spans, and returns the traces' IDs.
func sell(ctx context.Context, collectorURL string) (traces []trace.TraceID, err error) {
	client, err := otlp.NewClient(collectorURL, otlp.ClientConfig{})
	if err != nil {
		return nil, err
	}
	provider, err := tracing.New(client, tracing.Config{ //nolint:contextcheck // it lives longer than ctx
		Resource: []attribute.KeyValue{attribute.String("service.name", "shop")}, NewIDs: sameIDs(),
	})
	if err != nil {
		return nil, err
	}
	tracer, start := provider.Tracer("example"), time.Now()
	for i := range 20 {
		took := 20 * time.Millisecond
		in, checkout := tracer.Start(ctx, "checkout", trace.WithTimestamp(start))
		_, charge := tracer.Start(in, "charge card", trace.WithTimestamp(start))
		switch i {
		case 6:
			charge.SetStatus(codes.Error, "card expired")
		case 11:
			took = 3 * time.Second
		}
		charge.End(trace.WithTimestamp(start.Add(took)))
		checkout.End(trace.WithTimestamp(start.Add(took)))
		traces = append(traces, checkout.SpanContext().TraceID())
	}
	return traces, provider.Close(ctx)
}

// sameIDs returns what draws the same IDs on each run, so that a share of traces is of the same ones.
func sameIDs() func() (trace.TraceID, trace.SpanID) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // on purpose
	return func() (id trace.TraceID, span trace.SpanID) {
		binary.BigEndian.PutUint64(id[:], random.Uint64())
		binary.BigEndian.PutUint64(id[8:], random.Uint64())
		binary.BigEndian.PutUint64(span[:], random.Uint64())
		return id, span
	}
}
