package propagation_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/tracing/propagation"
	otel "go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

func ExampleNew() {
	headers := propagation.New(propagation.W3C{}, propagation.B3{}, propagation.Baggage{})

	in := http.Header{}
	in.Set("X-B3-TraceId", "a3ce929d0e0e4736")
	in.Set("X-B3-SpanId", "00f067aa0ba902b7")
	in.Set("X-B3-Sampled", "1")
	ctx := headers.Extract(context.Background(), propagation.Header(in))

	out := http.Header{}
	headers.Inject(ctx, propagation.Header(out))
	fmt.Println(out.Get("Traceparent"))
	// Output: 00-0000000000000000a3ce929d0e0e4736-00f067aa0ba902b7-01
}

// The headers of a Kafka client are a slice that may hold a key several times: what sends writes the context into those of
// a record, and what receives goes on with it.
func ExampleFuncs() {
	type header struct {
		Key   string
		Value []byte
	}
	carrier := func(headers *[]header) otel.TextMapCarrier {
		is := func(key string) func(header) bool {
			return func(h header) bool { return strings.EqualFold(h.Key, key) }
		}
		return propagation.Funcs{
			Values: func(key string) (values []string) {
				for _, h := range *headers {
					if is(key)(h) {
						values = append(values, string(h.Value))
					}
				}
				return values
			},
			Set: func(key, value string) {
				*headers = append(slices.DeleteFunc(*headers, is(key)), header{key, []byte(value)})
			},
		}.Carrier()
	}

	request := propagation.Map{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	producer := propagation.W3C{}.Extract(context.Background(), request)
	record := []header{{"content-type", []byte("application/json")}}
	propagation.W3C{}.Inject(producer, carrier(&record))
	fmt.Printf("%s: %s\n", record[1].Key, record[1].Value)

	consumer := propagation.W3C{}.Extract(context.Background(), carrier(&record))
	fmt.Println(trace.SpanContextFromContext(consumer).TraceID())
	// Output:
	// traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	// 4bf92f3577b34da6a3ce929d0e0e4736
}

// The headers of AMQP and of NATS are maps, and convert.
func ExampleTable() {
	ctx := propagation.W3C{}.Extract(context.Background(), propagation.Map{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})

	amqp := map[string]any{"x-death": int64(1)}
	propagation.W3C{}.Inject(ctx, propagation.Table(amqp))
	nats := map[string][]string{}
	propagation.W3C{}.Inject(ctx, propagation.Metadata(nats))

	fmt.Println(amqp["traceparent"])
	fmt.Println(nats["traceparent"])
	// Output:
	// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	// [00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01]
}

// A process continues the trace of the one that started it.
func ExampleEnviron() {
	env := propagation.Environ{"PATH=/bin", "TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"} // os.Environ()
	ctx := propagation.W3C{}.Extract(context.Background(), &env)

	child := propagation.Environ{"PATH=/bin"}
	propagation.W3C{}.Inject(ctx, &child)
	fmt.Println(child) // exec.Cmd.Env
	// Output: [PATH=/bin TRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01]
}
