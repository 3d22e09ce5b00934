package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/internal/wire"
)

// AppendJSON appends an ExportTraceServiceRequest to dst in OTLP's JSON. Fields that have their default are left out; what is not UTF-8 becomes
// U+FFFD. A malformed request is a *tracing.RequestError, and dst is as it was.
func AppendJSON(dst, req []byte) ([]byte, error) {
	if err := tracing.Scan(req, func(tracing.View, tracing.Rejection) {}); err != nil {
		return dst, err
	}
	before := len(dst)
	dst, err := appendMessage(dst, req, wire.Request, 0)
	if err != nil {
		return dst[:before], err
	}
	return dst, nil
}

// A found field of a message: where the walk met it.
type found struct {
	count int
	last  wire.Walker // at the last one
}

// appendMessage appends the object of a message of type t. Fields come by number, and those of one number together: they may be scattered.
func appendMessage(dst, message []byte, t wire.Type, depth int) ([]byte, error) {
	if depth > maxMessages { // Of a span that a scan rejects.
		return dst, &tracing.RequestError{Reason: wire.ErrDepth.Error()}
	}
	var all [wire.SpanFlags + 1]found
	newest := walk(message, t, &all)
	dst = append(dst, '{')
	for number, f := range wire.Fields(t) {
		if all[number].count == 0 || t == wire.AnyValue && number != newest { // Of a oneof the last counts.
			continue
		}
		w := &all[number].last
		if !f.Repeated && t != wire.AnyValue && isDefault(w, f.Kind) {
			continue
		}
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), f.Name...), '"', ':')
		var err error
		switch {
		case f.Repeated:
			dst, err = appendRepeated(dst, message, w.Number, f, depth)
		case f.Kind == wire.Message && all[number].count > 1: // In a row they are their merge.
			dst, err = appendMessage(dst, joined(message, w.Number), f.Of, depth+1)
		default:
			dst, err = appendOne(dst, w, f, depth)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// walk finds the known fields of a message, and returns the number of the one that came last. The deprecated field of ResourceSpans is in the
// place of what came after it, if that is not there.
func walk(message []byte, t wire.Type, all *[wire.SpanFlags + 1]found) (newest int) {
	fields := wire.Fields(t)
	var deprecated found
	for w := wire.Walk(message); w.Next(); {
		if t == wire.ResourceSpans && w.Number == wire.ResourceSpansDeprecated {
			deprecated = found{deprecated.count + 1, w}
		}
		if int(w.Number) >= len(fields) || fields[w.Number].Kind == wire.Unknown {
			continue
		}
		newest = int(w.Number)
		all[newest] = found{all[newest].count + 1, w}
	}
	if all[wire.ResourceSpansScopeSpans].count == 0 {
		all[wire.ResourceSpansScopeSpans] = deprecated
	}
	return newest
}

// joined returns the bytes of all fields of a number.
func joined(message []byte, number int32) []byte {
	var all []byte
	for w := wire.Walk(message); w.Next(); {
		if w.Number == number {
			all = append(all, w.Bytes()...)
		}
	}
	return all
}

func appendRepeated(dst, message []byte, number int32, f wire.Field, depth int) ([]byte, error) {
	dst = append(dst, '[')
	for w := wire.Walk(message); w.Next(); {
		if w.Number != number {
			continue
		}
		if dst[len(dst)-1] != '[' {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendOne(dst, &w, f, depth); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func isDefault(w *wire.Walker, kind wire.Kind) bool {
	switch {
	case kind == wire.Message:
		return false
	case kind.Wire() == wire.Len:
		return w.From == w.To
	}
	return w.Value == 0
}

// appendOne appends the value of the field that w is at.
func appendOne(dst []byte, w *wire.Walker, f wire.Field, depth int) ([]byte, error) {
	switch f.Kind {
	case wire.Message:
		return appendMessage(dst, w.Bytes(), f.Of, depth+1)
	case wire.String:
		dst = appendString(dst, w.Bytes())
	case wire.Bytes:
		dst = append(base64.StdEncoding.AppendEncode(append(dst, '"'), w.Bytes()), '"')
	case wire.TraceID, wire.SpanID:
		dst = append(hex.AppendEncode(append(dst, '"'), w.Bytes()), '"')
	case wire.Bool:
		dst = strconv.AppendBool(dst, w.Value != 0)
	case wire.Enum:
		dst = strconv.AppendInt(dst, int64(int32(w.Value)), 10) //nolint:gosec // An enum has 32 bits.
	case wire.Uint32, wire.Fixed32:
		dst = strconv.AppendUint(dst, uint64(uint32(w.Value)), 10) //nolint:gosec // It has 32 bits.
	case wire.Int64:
		dst = append(strconv.AppendInt(append(dst, '"'), int64(w.Value), 10), '"') //nolint:gosec // Two's complement.
	case wire.Fixed64:
		dst = append(strconv.AppendUint(append(dst, '"'), w.Value, 10), '"')
	case wire.Double:
		dst = appendDouble(dst, math.Float64frombits(w.Value))
	case wire.Unknown:
	}
	return dst, nil
}

func appendDouble(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// appendString appends a JSON string. Characters that HTML minds are escaped, as encoding/json does, so that a body may stand in a page.
func appendString(dst, s []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' || r == '<' || r == '>' || r == '&':
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
	return append(dst, '"')
}
