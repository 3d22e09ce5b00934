package wire_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tenon-go/tenon/tracing/internal/wire"
)

// What is appended is walked, whatever the length of a message's length.
func TestAppendedFieldsAreWalked(t *testing.T) {
	for _, size := range []int{0, 1, 127, 128, 16383, 16384, 3 << 20} {
		content := bytes.Repeat([]byte{7}, size)
		b := wire.AppendVarint([]byte(nil), 5, 300)
		b, outer := wire.Begin(b, 100)
		b, inner := wire.Begin(b, 2)
		b = append(b, content...)
		b = wire.End(b, inner)
		b = wire.AppendFixed32(b, 3, 9)
		b = wire.End(b, outer)
		b = wire.AppendFixed64(b, 4, 1<<40)

		w := wire.Walk(b)
		if !w.Next() || w.Number != 5 || w.Wire != wire.Varint || w.Value != 300 {
			t.Fatalf("%d: first field %+v", size, w)
		}
		if !w.Next() || w.Number != 100 || w.Wire != wire.Len {
			t.Fatalf("%d: second field %+v", size, w)
		}
		in := w.In()
		if !in.Next() || !bytes.Equal(in.Bytes(), content) || !in.Next() || in.Value != 9 || in.Next() || in.Err() != nil {
			t.Fatalf("%d: inner message %+v", size, in)
		}
		if !w.Next() || w.Value != 1<<40 || w.Next() || w.Err() != nil {
			t.Fatalf("%d: last field %+v", size, w)
		}
	}
}

func TestDefaultsAreLeftOut(t *testing.T) {
	b := wire.AppendVarint(wire.AppendFixed64(wire.AppendFixed32(wire.AppendText([]byte(nil), 1, ""), 2, 0), 3, 0), 4, 0)
	if len(b) > 0 {
		t.Errorf("appended %x", b)
	}
	if b = wire.AppendLen(nil, 1, ""); len(b) != 2 {
		t.Errorf("an empty message is %x, want its tag and length", b)
	}
}

// Malformed bytes count before what is merely unfit, wherever they stand.
func TestMalformedComesBeforeUnfit(t *testing.T) {
	deep := []byte{}
	for range 40 {
		deep = wire.AppendLen(nil, wire.ValueArray, wire.AppendLen(nil, wire.ListValues, deep))
	}
	attribute := func(value []byte) []byte {
		return wire.AppendLen(nil, wire.SpanAttributes, wire.AppendLen(nil, wire.KeyValueValue, value))
	}
	shortID := wire.AppendLen(nil, wire.SpanLinks, wire.AppendLen(nil, wire.LinkTraceID, "x"))
	broken := attribute([]byte{0x80})
	for name, test := range map[string]struct {
		message []byte
		want    error
	}{
		"deep":           {attribute(deep), wire.ErrDepth},
		"short ID":       {shortID, wire.ErrID},
		"the first":      {append(bytes.Clone(shortID), attribute(deep)...), wire.ErrID},
		"then malformed": {append(attribute(deep), broken...), &wire.Error{Offset: len(attribute(deep)) + 4, Reason: "broken varint"}},
		"fine":           {attribute(nil), nil},
	} {
		err := wire.Check(wire.Walk(test.message), wire.Span)
		if at, ok := errors.AsType[*wire.Error](test.want); ok {
			got, ok := errors.AsType[*wire.Error](err)
			if !ok || *got != *at || wire.Unfit(err) {
				t.Errorf("%s: got %v, want %v", name, err, at)
			}
			continue
		}
		if !errors.Is(err, test.want) || wire.Unfit(err) != (test.want != nil) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestSchemaIsWhole(t *testing.T) {
	for kind := wire.Request; kind <= wire.KeyValueList; kind++ {
		named := 0
		for _, f := range wire.Fields(kind) {
			if f.Name == "" {
				continue
			}
			named++
			if f.Kind == wire.Unknown || f.Kind == wire.Message && f.Of <= wire.Request {
				t.Errorf("message %d: field %s has no kind", kind, f.Name)
			}
		}
		if named == 0 {
			t.Errorf("message %d has no fields", kind)
		}
	}
}
