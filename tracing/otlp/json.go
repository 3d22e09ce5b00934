package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/wire"
)

// maxMessages is how many messages a JSON body may nest: those a span may have below it, and it is the fourth itself.
const maxMessages = wire.MaxDepth + 3

// FromJSON turns an ExportTraceServiceRequest in OTLP's JSON into protobuf. IDs are hex in any case, enums integers, 64-bit numbers strings or
// numbers; names are in lowerCamelCase, unknown ones are ignored, and null is as if the field were absent. What is wrong is a
// *tracing.RequestError with its Path; so is a body that nests more messages than a span may. Whether the IDs are good is for
// [tracing.Scan] to say.
func FromJSON(body []byte) ([]byte, error) {
	r := &jsonReader{scanner: scanner{text: body}, out: make([]byte, 0, len(body)/2)}
	r.message(wire.Request, 0)
	if r.err == nil && (r.peek() != 0 || r.at < len(body)) {
		r.fail("more than one value")
	}
	if r.err != nil {
		return nil, &tracing.RequestError{Offset: r.at, Path: r.path(), Reason: r.err.Error()}
	}
	return r.out, nil
}

// A jsonReader writes protobuf while it reads JSON.
type jsonReader struct {
	scanner

	out   []byte
	steps []step // to the value at hand; after an error, to what is wrong
}

type step struct {
	name  string
	index int // -1 = the value of the field itself
}

func (r *jsonReader) path() string {
	var path strings.Builder
	for _, s := range r.steps {
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(s.name)
		if s.index >= 0 {
			path.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	if path.Len() == 0 {
		return "$"
	}
	return path.String()
}

// message reads an object as the fields of a message.
func (r *jsonReader) message(t wire.Type, depth int) {
	if depth > maxMessages {
		r.fail("nested deeper than 64 messages")
		return
	}
	r.members(func(name []byte) {
		number := fieldNumber(t, name)
		if number == 0 {
			r.skip(0)
			return
		}
		if r.null() {
			return
		}
		f := wire.Fields(t)[number]
		r.steps = append(r.steps, step{f.Name, -1})
		if f.Repeated {
			r.elements(func(i int) {
				r.steps[len(r.steps)-1].index = i
				r.field(number, f, depth)
			})
		} else {
			r.field(number, f, depth)
		}
		if r.err == nil {
			r.steps = r.steps[:len(r.steps)-1]
		}
	})
}

// fieldNumber returns the number of a field; 0 if the message has none of that name.
func fieldNumber(t wire.Type, name []byte) int {
	for number, f := range wire.Fields(t) {
		if f.Name == string(name) && f.Name != "" {
			return number
		}
	}
	return 0
}

// field reads the value of a field. Zeros are written, because they count in AnyValue.
func (r *jsonReader) field(number int, f wire.Field, depth int) {
	switch f.Kind {
	case wire.Message:
		var mark int
		r.out, mark = wire.Begin(r.out, number)
		r.message(f.Of, depth+1)
		r.out = wire.End(r.out, mark)
	case wire.String:
		r.out = wire.AppendLen(r.out, number, r.str())
	case wire.Bytes:
		r.out = wire.AppendLen(r.out, number, r.base64())
	case wire.TraceID, wire.SpanID:
		id, err := hex.AppendDecode(nil, r.str())
		if err != nil {
			r.fail("want hex digits")
		}
		r.out = wire.AppendLen(r.out, number, id)
	case wire.Bool:
		v := uint64(0)
		if r.boolean() {
			v = 1
		}
		r.varint(number, v)
	case wire.Enum:
		if r.peek() == '"' {
			r.fail("want an integer")
		}
		r.varint(number, uint64(r.integer(math.MinInt32, math.MaxInt32))) //nolint:gosec // Two's complement.
	case wire.Uint32:
		r.varint(number, uint64(r.integer(0, math.MaxUint32))) //nolint:gosec // Not negative.
	case wire.Int64:
		r.varint(number, uint64(r.integer(math.MinInt64, math.MaxInt64))) //nolint:gosec // Two's complement.
	case wire.Fixed32:
		r.out = wire.AppendFixed32(r.out, number, uint32(r.integer(0, math.MaxUint32))) //nolint:gosec // In range.
	case wire.Fixed64:
		r.out = wire.AppendFixed64(r.out, number, r.unsigned())
	case wire.Double:
		r.out = wire.AppendUint64(wire.AppendTag(r.out, number, wire.I64), math.Float64bits(r.double()))
	case wire.Unknown:
	}
}

func (r *jsonReader) varint(number int, v uint64) {
	r.out = wire.AppendUvarint(wire.AppendTag(r.out, number, wire.Varint), v)
}

// digits reads a number, or a string that holds one.
func (r *jsonReader) digits() string {
	if r.peek() == '"' {
		return string(r.str())
	}
	return string(r.number())
}

// integer reads an integer, which may have an exponent or zeros behind its point.
func (r *jsonReader) integer(low, high int64) int64 {
	s := r.digits()
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		f, bad := decimal(s)
		if bad == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			v, err = int64(f), nil
		}
	}
	if err != nil || v < low || v > high {
		r.fail("want an integer from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10))
	}
	return v
}

func (r *jsonReader) unsigned() uint64 {
	s := r.digits()
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		f, bad := decimal(s)
		if bad == nil && f == math.Trunc(f) && f >= 0 && f < 1<<53 {
			v, err = uint64(f), nil
		}
	}
	if err != nil {
		r.fail("want an integer from 0 to 18446744073709551615")
	}
	return v
}

func (r *jsonReader) double() float64 {
	s := r.digits()
	switch s {
	case "NaN":
		return math.NaN()
	case "Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	v, err := decimal(s)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		r.fail("want a number of 64 bits")
	}
	return v
}

// decimal reads a number without the hex digits and underscores that Go has beyond JSON.
func decimal(s string) (float64, error) {
	if strings.ContainsAny(s, "xX_") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// base64 reads bytes, in either alphabet, padded or not.
func (r *jsonReader) base64() []byte {
	s := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(string(r.str()), "="))
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		r.fail("want base64")
	}
	return b
}
