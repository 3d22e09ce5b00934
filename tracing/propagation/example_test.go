package propagation_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/tenon-go/tenon/tracing/propagation"
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

// The headers of a Kafka client are a slice that may hold a key several times.
func ExampleFuncs() {
	type header struct {
		Key   string
		Value []byte
	}
	headers := []header{{"Traceparent", []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")}}

	record := propagation.Funcs{
		Values: func(key string) (values []string) {
			for _, h := range headers {
				if strings.EqualFold(h.Key, key) {
					values = append(values, string(h.Value))
				}
			}
			return values
		},
		Set: func(key, value string) { headers = append(headers, header{key, []byte(value)}) },
	}.Carrier()

	ctx := propagation.W3C{}.Extract(context.Background(), record)
	fmt.Println(trace.SpanContextFromContext(ctx).TraceID())
	// Output: 4bf92f3577b34da6a3ce929d0e0e4736
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
