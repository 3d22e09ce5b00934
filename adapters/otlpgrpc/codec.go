package otlpgrpc

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// A Codec is grpc's codec for protobuf, but that it hands OTLP requests over as they came, without a look at their fields; malformed ones are
// refused by the sink then. Give it to a server by grpc.ForceServerCodecV2; all services of that server may use it. The zero value is ready,
// and safe for concurrent use.
type Codec struct{}

var _ encoding.CodecV2 = Codec{}

// standard is what grpc itself registered, so that also a Codec that is registered in its place finds it.
var standard = encoding.GetCodecV2(proto.Name) //nolint:gochecknoglobals // Never changed, and shared by all in grpc too.

// Name returns the name of grpc's codec for protobuf.
func (Codec) Name() string { return proto.Name }

// Marshal is that of grpc's codec.
func (Codec) Marshal(v any) (mem.BufferSlice, error) { return standard.Marshal(v) }

// Unmarshal is that of grpc's codec, except for OTLP requests, of which it copies the bytes.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	req, ok := v.(*request)
	if !ok {
		return standard.Unmarshal(data, v)
	}
	req.ProtoReflect().SetUnknown(data.Materialize())
	return nil
}
