package otlpgrpc_test

import (
	"context"
	"fmt"
	"net"

	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// A printer is a sink; a program has a collector.
type printer struct{}

func (printer) Ingest(_ context.Context, req []byte) (tracing.Result, error) {
	spans, err := tracing.Decode(req)
	for i := range spans {
		fmt.Println(spans[i].Name)
	}
	return tracing.Result{Accepted: len(spans)}, err
}

// A server that takes OTLP over gRPC, as 4317 is in most places, and a client of it.
func ExampleRegister() {
	server := grpc.NewServer(grpc.ForceServerCodecV2(otlpgrpc.Codec{}), grpc.MaxRecvMsgSize(64<<20))
	if err := otlpgrpc.Register(server, printer{}, otlpgrpc.Config{}); err != nil {
		fmt.Println(err)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // A port of this machine.
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()

	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := otlpgrpc.NewClient(conn, otlpgrpc.ClientConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := client.Ingest(context.Background(), some(2))
	fmt.Println(result.Accepted, err)
	server.GracefulStop()
	fmt.Println(<-served, conn.Close())
	// Output:
	// span 0
	// span 1
	// 2 <nil>
	// <nil> <nil>
}
