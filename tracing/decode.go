package tracing

import (
	"bytes"
	"math"

	"github.com/tenon-go/tenon/tracing/internal/wire"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Decode takes an ExportTraceServiceRequest apart. The spans keep nothing of req; those of one scope share their Resource and Scope. Text
// stays as it is, UTF-8 or not. A malformed request, or one with a span that [Scan] would reject, is a *RequestError.
func Decode(req []byte) ([]Span, error) {
	req = bytes.Clone(req) // All strings are parts of this.
	var spans []Span
	var origin *Origin
	var resource *Resource
	var scope *Scope
	err := scan(req, func(v *View, at int, rejected Rejection) error {
		if rejected != Fine {
			return &RequestError{Offset: at, Reason: string(rejected)}
		}
		if v.origin != origin {
			if origin == nil || !same(origin.Resource, v.origin.Resource) || !same(origin.ResourceSchema, v.origin.ResourceSchema) {
				resource = readResource(v.origin)
			}
			origin, scope = v.origin, readScope(v.origin)
		}
		span := readSpan(v.raw)
		span.Resource, span.Scope = resource, scope
		spans = append(spans, span)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return spans, nil
}

// same tells whether a and b are the same bytes at the same place.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func readSpan(raw []byte) Span {
	var s Span
	w := wire.Walk(raw)
	for w.Next() {
		switch w.Number {
		case wire.SpanTraceID:
			setID(s.TraceID[:], w.Bytes(), Fine)
		case wire.SpanSpanID:
			setID(s.ID[:], w.Bytes(), Fine)
		case wire.SpanParentID:
			setID(s.Parent[:], w.Bytes(), Fine)
		case wire.SpanTraceState:
			s.TraceState = text(w.Bytes())
		case wire.SpanName:
			s.Name = text(w.Bytes())
		case wire.SpanKind:
			s.Kind = trace.SpanKind(int32(w.Value)) //nolint:gosec // An enum has 32 bits.
		case wire.SpanStart:
			s.Start = timeOf(w.Value)
		case wire.SpanEnd:
			s.End = timeOf(w.Value)
		case wire.SpanAttributes:
			s.Attributes = append(s.Attributes, readKeyValue(w.In(), text))
		case wire.SpanEvents:
			s.Events = append(s.Events, readEvent(w.In()))
		case wire.SpanLinks:
			s.Links = append(s.Links, readLink(w.In(), text))
		case wire.SpanStatus:
			readStatus(w.In(), &s.Status)
		case wire.SpanFlags:
			s.Flags = uint32(w.Value) //nolint:gosec // A fixed32.
		default:
			readDropped(&w, &s.Dropped)
		}
	}
	return s
}

func readDropped(w *wire.Walker, d *Dropped) {
	count := uint32(w.Value) //nolint:gosec // Counts have 32 bits.
	switch w.Number {
	case wire.SpanDroppedAttributes:
		d.Attributes = count
	case wire.SpanDroppedEvents:
		d.Events = count
	case wire.SpanDroppedLinks:
		d.Links = count
	}
}

func readEvent(w wire.Walker) Event {
	var e Event
	for w.Next() {
		switch w.Number {
		case wire.EventTime:
			e.Time = timeOf(w.Value)
		case wire.EventName:
			e.Name = text(w.Bytes())
		case wire.EventAttributes:
			e.Attributes = append(e.Attributes, readKeyValue(w.In(), text))
		case wire.EventDropped:
			e.Dropped = uint32(w.Value) //nolint:gosec // Counts have 32 bits.
		}
	}
	return e
}

func readLink(w wire.Walker, read reader) Link {
	var l Link
	for w.Next() {
		switch w.Number {
		case wire.LinkTraceID:
			setID(l.TraceID[:], w.Bytes(), Fine)
		case wire.LinkSpanID:
			setID(l.ID[:], w.Bytes(), Fine)
		case wire.LinkTraceState:
			l.TraceState = read(w.Bytes())
		case wire.LinkAttributes:
			l.Attributes = append(l.Attributes, readKeyValue(w.In(), read))
		case wire.LinkDropped:
			l.Dropped = uint32(w.Value) //nolint:gosec // Counts have 32 bits.
		case wire.LinkFlags:
			l.Flags = uint32(w.Value) //nolint:gosec // A fixed32.
		}
	}
	return l
}

func readStatus(w wire.Walker, s *Status) {
	for w.Next() {
		switch w.Number {
		case wire.StatusMessage:
			s.Message = text(w.Bytes())
		case wire.StatusCode:
			s.Code = codes.Code(statusCode(uint64(uint32(w.Value)))) //nolint:gosec // An enum has 32 bits.
		}
	}
}

func readResource(o *Origin) *Resource {
	if len(o.Resource) == 0 && len(o.ResourceSchema) == 0 {
		return nil
	}
	r := &Resource{SchemaURL: text(o.ResourceSchema)}
	for w := wire.Walk(o.Resource); w.Next(); {
		switch w.Number {
		case wire.ResourceAttributes:
			r.Attributes = append(r.Attributes, readKeyValue(w.In(), text))
		case wire.ResourceDropped:
			r.Dropped = uint32(w.Value) //nolint:gosec // Counts have 32 bits.
		case wire.ResourceEntityRefs:
			r.Entities = append(r.Entities, readEntity(w.In()))
		}
	}
	return r
}

func readEntity(w wire.Walker) Entity {
	var e Entity
	for w.Next() {
		switch w.Number {
		case wire.EntitySchemaURL:
			e.SchemaURL = text(w.Bytes())
		case wire.EntityType:
			e.Type = text(w.Bytes())
		case wire.EntityIDKeys:
			e.IDKeys = append(e.IDKeys, text(w.Bytes()))
		case wire.EntityDescriptionKeys:
			e.DescriptionKeys = append(e.DescriptionKeys, text(w.Bytes()))
		}
	}
	return e
}

func readScope(o *Origin) *Scope {
	if len(o.Scope) == 0 && len(o.ScopeSchema) == 0 {
		return nil
	}
	s := &Scope{SchemaURL: text(o.ScopeSchema)}
	for w := wire.Walk(o.Scope); w.Next(); {
		switch w.Number {
		case wire.ScopeName:
			s.Name = text(w.Bytes())
		case wire.ScopeVersion:
			s.Version = text(w.Bytes())
		case wire.ScopeAttributes:
			s.Attributes = append(s.Attributes, readKeyValue(w.In(), text))
		case wire.ScopeDropped:
			s.Dropped = uint32(w.Value) //nolint:gosec // Counts have 32 bits.
		}
	}
	return s
}

// A reader makes a string of bytes: text or shown.
type reader func([]byte) string

func readKeyValue(w wire.Walker, read reader) attribute.KeyValue {
	key, value := readPair(w)
	return attribute.KeyValue{Key: attribute.Key(read(key)), Value: readValue(value, read)}
}

// readPair returns the key and the walker over the value of a KeyValue. Of repeated values the walker is over all, which are their merge.
func readPair(w wire.Walker) (key []byte, value wire.Walker) {
	all, values := w, 0
	for w.Next() {
		switch {
		case w.Wire != wire.Len:
		case w.Number == wire.KeyValueKey:
			key = w.Bytes()
		case w.Number == wire.KeyValueValue:
			value = w.In()
			values++
		}
	}
	if values > 1 {
		value = wire.Walk(joined(all, wire.KeyValueValue))
	}
	return key, value
}

// readValue reads an AnyValue, whose last field counts. Lists of one type become the API's lists of it.
func readValue(w wire.Walker, read reader) attribute.Value {
	var v attribute.Value
	for w.Next() {
		switch {
		case w.Number == wire.ValueString && w.Wire == wire.Len:
			v = attribute.StringValue(read(w.Bytes()))
		case w.Number == wire.ValueBool && w.Wire == wire.Varint:
			v = attribute.BoolValue(w.Value != 0)
		case w.Number == wire.ValueInt && w.Wire == wire.Varint:
			v = attribute.Int64Value(int64(w.Value)) //nolint:gosec // Two's complement.
		case w.Number == wire.ValueDouble && w.Wire == wire.I64:
			v = attribute.Float64Value(math.Float64frombits(w.Value))
		case w.Number == wire.ValueArray && w.Wire == wire.Len:
			v = readArray(w.In(), read)
		case w.Number == wire.ValueMap && w.Wire == wire.Len:
			var members []attribute.KeyValue
			for in := w.In(); in.Next(); {
				if in.Number == wire.ListValues && in.Wire == wire.Len {
					members = append(members, readKeyValue(in.In(), read))
				}
			}
			v = attribute.MapValue(members...)
		case w.Number == wire.ValueBytes && w.Wire == wire.Len:
			v = attribute.ByteSliceValue(w.Bytes())
		case w.Number == valueIndex: // Into a dictionary that traces do not have.
			v = attribute.Value{}
		}
	}
	return v
}

// valueIndex is the field of AnyValue that belongs to profiles.
const valueIndex = 8

func readArray(w wire.Walker, read reader) attribute.Value {
	var values []attribute.Value
	for w.Next() {
		if w.Number == wire.ListValues && w.Wire == wire.Len {
			values = append(values, readValue(w.In(), read))
		}
	}
	if len(values) == 0 {
		return attribute.SliceValue()
	}
	for _, v := range values {
		if v.Type() != values[0].Type() {
			return attribute.SliceValue(values...)
		}
	}
	switch values[0].Type() { //nolint:exhaustive // The others have no lists of their own.
	case attribute.STRING:
		return attribute.StringSliceValue(collect(values, attribute.Value.AsString))
	case attribute.BOOL:
		return attribute.BoolSliceValue(collect(values, attribute.Value.AsBool))
	case attribute.INT64:
		return attribute.Int64SliceValue(collect(values, attribute.Value.AsInt64))
	case attribute.FLOAT64:
		return attribute.Float64SliceValue(collect(values, attribute.Value.AsFloat64))
	}
	return attribute.SliceValue(values...)
}

func collect[T any](values []attribute.Value, as func(attribute.Value) T) []T {
	all := make([]T, len(values))
	for i, v := range values {
		all[i] = as(v)
	}
	return all
}
