package wire

import (
	"encoding/binary"
	"fmt"
)

// Wire types.
const (
	Varint     = 0
	I64        = 1
	Len        = 2
	StartGroup = 3
	EndGroup   = 4
	I32        = 5
)

// Why bytes are no message.
const (
	reasonVarint = "broken varint"
	reasonNumber = "illegal field number"
	reasonLong   = "field longer than its message"
	reasonGroup  = "group"
	reasonWire   = "illegal wire type"
)

// An Error says where bytes stop being a message.
type Error struct {
	Offset int // in the bytes that the walk began with
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("offset %d: %s", e.Offset, e.Reason) }

// A Walker reads the fields of a message in order:
//
//	for w := wire.Walk(message); w.Next(); {
//		switch w.Number { ... }
//	}
//
// Next ends at the end of the message or at the first field that cannot be read, which Err then tells apart.
type Walker struct {
	Number int32
	Wire   uint8
	Value  uint64 // of a Varint, I64 or I32
	From   int    // of a Len: its bytes are those of the buffer from here
	To     int

	buf    []byte
	start  int // of the field
	at     int // behind it
	end    int
	reason string
}

// Walk returns a walker over all of a message.
func Walk(message []byte) Walker { return Walker{buf: message, end: len(message)} }

// In returns a walker over the bytes of w's field, with offsets as w has them.
func (w *Walker) In() Walker { return Walker{buf: w.buf, at: w.From, end: w.To} }

// Bytes returns the bytes of a Len. They are the buffer's own.
func (w *Walker) Bytes() []byte { return w.buf[w.From:w.To:w.To] }

// Err returns why Next ended, if that was before the end.
func (w *Walker) Err() error {
	if w.reason == "" {
		return nil
	}
	return &Error{Offset: w.start, Reason: w.reason}
}

// Next moves to the next field.
func (w *Walker) Next() bool {
	if w.at >= w.end {
		return false
	}
	w.start = w.at
	b := w.buf[:w.end]
	tag, at := uvarint(b, w.at)
	if at < 0 {
		return w.fail(reasonVarint)
	}
	w.Number, w.Wire = int32(tag>>3), uint8(tag&7) //nolint:gosec // Numbers beyond 32 bits wrap, as they do in pdata.
	if w.Number <= 0 {
		return w.fail(reasonNumber)
	}
	switch w.Wire {
	case Varint:
		if w.Value, at = uvarint(b, at); at < 0 {
			return w.fail(reasonVarint)
		}
	case Len:
		size, from := uvarint(b, at)
		if from < 0 || size > uint64(len(b)-from) { //nolint:gosec // Not negative.
			return w.fail(reasonLong)
		}
		at = from + int(size) //nolint:gosec // Not above the end.
		w.From, w.To = from, at
	case I64:
		if len(b)-at < 8 {
			return w.fail(reasonLong)
		}
		w.Value = binary.LittleEndian.Uint64(b[at:])
		at += 8
	case I32:
		if len(b)-at < 4 {
			return w.fail(reasonLong)
		}
		w.Value = uint64(binary.LittleEndian.Uint32(b[at:]))
		at += 4
	case StartGroup, EndGroup:
		return w.fail(reasonGroup)
	default:
		return w.fail(reasonWire)
	}
	w.at = at
	return true
}

func (w *Walker) fail(reason string) bool {
	w.at, w.reason = w.end, reason
	return false
}
