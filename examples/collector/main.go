package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/otlp"
	"github.com/tenon-go/tenon/tracing/sampling"
)

func main() {
	ctx := context.Background()
	out := collector.NewRecent(0) // holds the newest; an otlp.Client forwards, a collector.OutputFunc does what you like
	tail, err := collector.New(out, collector.Config{Policies: []sampling.Policy{
		sampling.Errors{}, sampling.Slow{Over: time.Second}, sampling.Probability{P: 0.1},
	}})
	check(err)
	handler, err := otlp.NewHandler(tail, otlp.HandlerConfig{}) // over gRPC: otlpgrpc.Register(server, tail, otlpgrpc.Config{})
	check(err)
	url, stop := serve(handler)      // http.ListenAndServe(":4318", handler)
	checkouts, err := sell(ctx, url) // what the exporter of any SDK sends; one fails, one takes long
	check(err)
	check(stop(ctx))       // nothing comes any more
	check(tail.Close(ctx)) // decides about the rest, and waits until the output has it

	for i, id := range checkouts {
		if d, _ := tail.Explain(id); d.Keep {
			fmt.Printf("checkout %2d is kept by %s: %s\n", i+1, d.Policy, d.Reason)
		}
	}
	l := tail.Ledger()
	fmt.Println(l.Received.Spans, "spans received =", l.Exported.Spans, "exported +", l.SampledOut.Spans, "sampled out, nothing lost:", l.Check() == nil && l.Loss() == 0)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
