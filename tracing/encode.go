package tracing

import (
	"math"
	"time"

	"github.com/tenon-go/tenon/tracing/internal/wire"
	"go.opentelemetry.io/otel/attribute"
)

// Encode is the way back from [Decode]: an ExportTraceServiceRequest of spans, in order. Neighbours that share their Resource, or their Scope
// too, by pointer, share the messages.
func Encode(spans []Span) []byte {
	var b []byte
	for i := 0; i < len(spans); {
		resource := spans[i].Resource
		var mark int
		b, mark = wire.Begin(b, wire.RequestResourceSpans)
		b = appendResource(b, resource)
		for i < len(spans) && spans[i].Resource == resource {
			scope := spans[i].Scope
			var inner int
			b, inner = wire.Begin(b, wire.ResourceSpansScopeSpans)
			b = appendScope(b, scope)
			for ; i < len(spans) && spans[i].Resource == resource && spans[i].Scope == scope; i++ {
				var span int
				b, span = wire.Begin(b, wire.ScopeSpansSpans)
				b = wire.End(AppendSpan(b, &spans[i]), span)
			}
			b = wire.End(b, inner)
		}
		b = wire.End(b, mark)
	}
	return b
}

// AppendSpan appends the Span message of s to b. Times before 1970 are written as not told, those beyond 2554 as the last instant.
func AppendSpan(b []byte, s *Span) []byte {
	b = wire.AppendLen(b, wire.SpanTraceID, s.TraceID[:])
	b = wire.AppendLen(b, wire.SpanSpanID, s.ID[:])
	b = wire.AppendText(b, wire.SpanTraceState, s.TraceState)
	if s.Parent.IsValid() {
		b = wire.AppendLen(b, wire.SpanParentID, s.Parent[:])
	}
	b = wire.AppendText(b, wire.SpanName, s.Name)
	b = wire.AppendVarint(b, wire.SpanKind, uint64(int32(s.Kind))) //nolint:gosec // An enum, as its 64 bits.
	b = wire.AppendFixed64(b, wire.SpanStart, nanos(s.Start))
	b = wire.AppendFixed64(b, wire.SpanEnd, nanos(s.End))
	b = appendAttributes(b, wire.SpanAttributes, s.Attributes)
	b = wire.AppendVarint(b, wire.SpanDroppedAttributes, uint64(s.Dropped.Attributes))
	for i := range s.Events {
		b = appendEvent(b, &s.Events[i])
	}
	b = wire.AppendVarint(b, wire.SpanDroppedEvents, uint64(s.Dropped.Events))
	for i := range s.Links {
		b = appendLink(b, &s.Links[i])
	}
	b = wire.AppendVarint(b, wire.SpanDroppedLinks, uint64(s.Dropped.Links))
	if s.Status != (Status{}) {
		var mark int
		b, mark = wire.Begin(b, wire.SpanStatus)
		b = wire.AppendText(b, wire.StatusMessage, s.Status.Message)
		b = wire.AppendVarint(b, wire.StatusCode, uint64(int32(statusCode(uint64(s.Status.Code))))) //nolint:gosec // An enum, as its 64 bits.
		b = wire.End(b, mark)
	}
	return wire.AppendFixed32(b, wire.SpanFlags, s.Flags)
}

func appendEvent(b []byte, e *Event) []byte {
	b, mark := wire.Begin(b, wire.SpanEvents)
	b = wire.AppendFixed64(b, wire.EventTime, nanos(e.Time))
	b = wire.AppendText(b, wire.EventName, e.Name)
	b = appendAttributes(b, wire.EventAttributes, e.Attributes)
	return wire.End(wire.AppendVarint(b, wire.EventDropped, uint64(e.Dropped)), mark)
}

func appendLink(b []byte, l *Link) []byte {
	b, mark := wire.Begin(b, wire.SpanLinks)
	b = wire.AppendLen(b, wire.LinkTraceID, l.TraceID[:])
	b = wire.AppendLen(b, wire.LinkSpanID, l.ID[:])
	b = wire.AppendText(b, wire.LinkTraceState, l.TraceState)
	b = appendAttributes(b, wire.LinkAttributes, l.Attributes)
	b = wire.AppendVarint(b, wire.LinkDropped, uint64(l.Dropped))
	return wire.End(wire.AppendFixed32(b, wire.LinkFlags, l.Flags), mark)
}

// appendResource appends the fields resource and schema_url of ResourceSpans.
func appendResource(b []byte, r *Resource) []byte {
	if r == nil {
		return b
	}
	b, mark := wire.Begin(b, wire.ResourceSpansResource)
	b = appendAttributes(b, wire.ResourceAttributes, r.Attributes)
	b = wire.AppendVarint(b, wire.ResourceDropped, uint64(r.Dropped))
	for _, e := range r.Entities {
		var inner int
		b, inner = wire.Begin(b, wire.ResourceEntityRefs)
		b = wire.AppendText(b, wire.EntitySchemaURL, e.SchemaURL)
		b = wire.AppendText(b, wire.EntityType, e.Type)
		for _, key := range e.IDKeys {
			b = wire.AppendLen(b, wire.EntityIDKeys, key)
		}
		for _, key := range e.DescriptionKeys {
			b = wire.AppendLen(b, wire.EntityDescriptionKeys, key)
		}
		b = wire.End(b, inner)
	}
	b = wire.End(b, mark)
	return wire.AppendText(b, wire.ResourceSpansSchemaURL, r.SchemaURL)
}

// appendScope appends the fields scope and schema_url of ScopeSpans.
func appendScope(b []byte, s *Scope) []byte {
	if s == nil {
		return b
	}
	b, mark := wire.Begin(b, wire.ScopeSpansScope)
	b = wire.AppendText(b, wire.ScopeName, s.Name)
	b = wire.AppendText(b, wire.ScopeVersion, s.Version)
	b = appendAttributes(b, wire.ScopeAttributes, s.Attributes)
	b = wire.AppendVarint(b, wire.ScopeDropped, uint64(s.Dropped))
	b = wire.End(b, mark)
	return wire.AppendText(b, wire.ScopeSpansSchemaURL, s.SchemaURL)
}

func appendAttributes(b []byte, number int, attributes []attribute.KeyValue) []byte {
	for i := range attributes {
		b = appendKeyValue(b, number, &attributes[i])
	}
	return b
}

func appendKeyValue(b []byte, number int, kv *attribute.KeyValue) []byte {
	if kv.Value.Type() == attribute.STRING && number < 16 && len(kv.Key) > 0 {
		if key, value := string(kv.Key), kv.Value.AsString(); len(key)+len(value) < short {
			return appendShort(b, number, key, value)
		}
	}
	b, mark := wire.Begin(b, number)
	b = wire.AppendText(b, wire.KeyValueKey, string(kv.Key))
	return wire.End(appendValue(b, wire.KeyValueValue, &kv.Value), mark)
}

// short is how long key and value together may be for all their lengths to fit in a byte.
const short = 0x80 - 6

// appendShort appends what most attributes are, a KeyValue of short strings, with lengths that are known ahead.
func appendShort(b []byte, number int, key, value string) []byte {
	k, v := byte(len(key)), byte(len(value))                                        //nolint:gosec // Both are below 128.
	b = append(b, byte(number<<3|wire.Len), 6+k+v, wire.KeyValueKey<<3|wire.Len, k) //nolint:gosec // The number is below 16.
	b = append(b, key...)
	b = append(b, wire.KeyValueValue<<3|wire.Len, 2+v, wire.ValueString<<3|wire.Len, v)
	return append(b, value...)
}

// appendValue appends an AnyValue as a field of that number. Values are members of a oneof, so that zeros are written.
func appendValue(b []byte, number int, v *attribute.Value) []byte {
	b, mark := wire.Begin(b, number)
	switch v.Type() {
	case attribute.STRING:
		b = wire.AppendLen(b, wire.ValueString, v.AsString())
	case attribute.BOOL:
		b = append(wire.AppendTag(b, wire.ValueBool, wire.Varint), 0)
		if v.AsBool() {
			b[len(b)-1] = 1
		}
	case attribute.INT64:
		b = wire.AppendUvarint(wire.AppendTag(b, wire.ValueInt, wire.Varint), uint64(v.AsInt64())) //nolint:gosec // Two's complement.
	case attribute.FLOAT64:
		b = wire.AppendUint64(wire.AppendTag(b, wire.ValueDouble, wire.I64), math.Float64bits(v.AsFloat64()))
	case attribute.BYTESLICE:
		b = wire.AppendLen(b, wire.ValueBytes, v.AsByteSlice())
	case attribute.MAP:
		var inner int
		b, inner = wire.Begin(b, wire.ValueMap)
		b = appendAttributes(b, wire.ListValues, v.AsMap())
		b = wire.End(b, inner)
	case attribute.SLICE, attribute.STRINGSLICE, attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE:
		b = appendList(b, v)
	case attribute.EMPTY: // None of the oneof.
	}
	return wire.End(b, mark)
}

func appendList(b []byte, v *attribute.Value) []byte {
	b, mark := wire.Begin(b, wire.ValueArray)
	switch v.Type() { //nolint:exhaustive // Lists only.
	case attribute.SLICE:
		b = appendValues(b, v.AsSlice(), func(v attribute.Value) attribute.Value { return v })
	case attribute.STRINGSLICE:
		b = appendValues(b, v.AsStringSlice(), attribute.StringValue)
	case attribute.BOOLSLICE:
		b = appendValues(b, v.AsBoolSlice(), attribute.BoolValue)
	case attribute.INT64SLICE:
		b = appendValues(b, v.AsInt64Slice(), attribute.Int64Value)
	case attribute.FLOAT64SLICE:
		b = appendValues(b, v.AsFloat64Slice(), attribute.Float64Value)
	}
	return wire.End(b, mark)
}

func appendValues[T any](b []byte, values []T, of func(T) attribute.Value) []byte {
	for _, v := range values {
		value := of(v)
		b = appendValue(b, wire.ListValues, &value)
	}
	return b
}

// nanos returns nanoseconds since 1970.
func nanos(t time.Time) uint64 {
	seconds, rest := t.Unix(), uint64(t.Nanosecond()) //nolint:gosec // Below a second.
	switch {
	case seconds < 0:
		return 0
	case uint64(seconds) > (math.MaxUint64-rest)/1e9:
		return math.MaxUint64
	}
	return uint64(seconds)*1e9 + rest
}
