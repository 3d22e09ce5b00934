// Package otlp carries spans in OTLP over HTTP: a receiver, a client, JSON beside protobuf, and requests taken apart and put together.
//
//	handler, err := otlp.NewHandler(sink, otlp.HandlerConfig{})                   // protobuf and JSON, gzip and zstd
//	client, err := otlp.NewClient("http://collector:4318", otlp.ClientConfig{})   // a sink: gzip, tried again as the server says
//	req, err := otlp.FromJSON(body)
//	text, err := otlp.AppendJSON(nil, req)
//
// [Groups] are the spans of a request by trace, a [Builder] puts requests together, and [Split] divides them among many.
//
// # Guarantees
//
//   - AppendJSON(FromJSON(x)) has the values of x, FromJSON(AppendJSON(y)) those of y.
//   - Bad JSON is refused with the path of what is wrong, in time and memory that its size bounds, however deep it is.
//   - A [Builder] copies Span, resource and scope messages byte for byte.
//   - A handler takes a request as a whole or refuses it as a whole, and says which and why in the form of the request. Memory for bodies is
//     charged to the sink, if that is a tracing.Admitter, before it is used. What it refuses without asking the sink is in its Stats.
//   - A [Client] counts what the server rejected; what it could not deliver is an error that says whether trying again makes sense.
//
// # Sources
//
// OTLP specification 1.9 and opentelemetry-proto 1.11, JSON mapping of protobuf; google.rpc.Status.
package otlp
