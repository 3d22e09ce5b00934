package otlp_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/trace"
)

// A counter is a sink that counts spans.
type counter struct{}

func (counter) Ingest(_ context.Context, req []byte) (tracing.Result, error) {
	var groups otlp.Groups
	result, err := groups.Read(req)
	for i := range groups.Len() {
		id, spans := groups.Trace(i)
		fmt.Println(id, spans)
	}
	return result, err
}

// A receiver in a few lines.
func ExampleNewHandler() {
	handler, err := otlp.NewHandler(counter{}, otlp.HandlerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	body := `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}]}]}`
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+"/v1/traces", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := server.Client().Do(req)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Status, resp.Body.Close())
	// Output:
	// 5b8efff798038103d269b633813fc60c 1
	// 200 OK <nil>
}

// The client is the sink of a provider: spans go to a collector, without an SDK.
func ExampleNewClient() {
	handler, err := otlp.NewHandler(counter{}, otlp.HandlerConfig{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	client, err := otlp.NewClient(server.URL, otlp.ClientConfig{})
	if err != nil {
		log.Fatal(err)
	}
	id := func() (trace.TraceID, trace.SpanID) { return trace.TraceID{15: 1}, trace.SpanID{7: 2} }
	provider, err := tracing.New(client, tracing.Config{NewIDs: id})
	if err != nil {
		log.Fatal(err)
	}
	_, span := provider.Tracer("shop").Start(context.Background(), "checkout")
	span.End()
	if err := provider.Close(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", client.Stats())
	// Output:
	// 00000000000000000000000000000001 1
	// {Tries:1 Requests:1 Failed:0 Accepted:1 Rejected:0 LastError:}
}

func ExampleFromJSON() {
	_, err := otlp.FromJSON([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_SERVER"}]}]}]}`))
	fmt.Println(err)
	// Output: tracing: request: resourceSpans[0].scopeSpans[0].spans[0].kind: want an integer
}
