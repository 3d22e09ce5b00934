package otlpgrpc_test

import (
	"context"
	"testing"

	"github.com/tenon-go/tenon/adapters/otlpgrpc"
	"github.com/tenon-go/tenon/tracing"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// A discarder is a sink that looks at nothing.
type discarder struct{}

func (discarder) Ingest(context.Context, []byte) (tracing.Result, error) {
	return tracing.Result{}, nil
}

// What a request of 1,000 spans costs between grpc, which has it in pieces of 16 KiB, and the sink.
func BenchmarkReceive(b *testing.B) {
	r := &registrar{}
	if err := otlpgrpc.Register(r, discarder{}, otlpgrpc.Config{}); err != nil {
		b.Fatal(err)
	}
	var pieces mem.BufferSlice
	var size int64
	for rest := some(1000); len(rest) > 0; {
		n := min(len(rest), 16<<10)
		pieces, rest, size = append(pieces, mem.SliceBuffer(rest[:n])), rest[n:], size+int64(n)
	}
	for name, codec := range map[string]encoding.CodecV2{"proto": encoding.GetCodecV2("proto"), "Codec": otlpgrpc.Codec{}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				answer, err := r.desc.Methods[0].Handler(nil, b.Context(), func(into any) error { return codec.Unmarshal(pieces, into) }, nil)
				if err != nil || answer == nil {
					b.Fatal(answer, err)
				}
			}
		})
	}
}
