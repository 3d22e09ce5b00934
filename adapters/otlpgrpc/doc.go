// Package otlpgrpc carries spans in OTLP over gRPC: the trace service on any server, and a client.
//
//	err := otlpgrpc.Register(server, sink, otlpgrpc.Config{})           // *grpc.Server, or any other registrar
//	client, err := otlpgrpc.NewClient(conn, otlpgrpc.ClientConfig{})    // a sink: gzip, tried again as the server says
//
// Neither knows the messages of OTLP: a request is received and sent as a google.protobuf.Empty, whose unknown bytes are the payload, and so the
// sink has the bytes that were sent. A server with the [Codec] does not even look for fields in them:
//
//	server := grpc.NewServer(grpc.ForceServerCodecV2(otlpgrpc.Codec{}), grpc.MaxRecvMsgSize(64<<20))
//
// # Answers
//
//	taken                      OK; with partial_success where spans were rejected
//	*tracing.OverloadError     UNAVAILABLE with RetryInfo; when the sink is closing too
//	larger than MaxBody        RESOURCE_EXHAUSTED without RetryInfo, which tells clients not to try again
//	larger than the sink       likewise: its Admit says that it can never hold it
//	*tracing.RequestError      INVALID_ARGUMENT with BadRequest
//	tracing.ErrPermanent       INVALID_ARGUMENT
//	the call ended             CANCELLED or DEADLINE_EXCEEDED
//	any other failure          UNAVAILABLE with RetryInfo
//
// What is larger than the server's MaxRecvMsgSize (4 MiB unless set) is refused by grpc, as RESOURCE_EXHAUSTED too. Bytes that are no fields of
// protobuf are refused by grpc as INTERNAL, unless the server has the Codec.
//
// # Guarantees
//
//   - A request is taken as a whole or refused as a whole. Nothing is handed to the sink for a call that has ended.
//   - If the sink is a tracing.Admitter, a body is charged from when grpc hands it over until it is answered. Before that, the server's
//     MaxRecvMsgSize and MaxConcurrentStreams bound it.
//   - Requests in gzip are understood, as clients send it unasked: the package links grpc's compressor.
//   - A [Client] counts what the server rejected; what it could not deliver is an error that says whether trying again makes sense.
//
// # Sources
//
// OTLP specification 1.9 (OTLP/gRPC: responses, throttling) and opentelemetry-proto 1.11; google.rpc.RetryInfo and BadRequest.
package otlpgrpc
