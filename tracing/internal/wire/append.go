package wire

import "encoding/binary"

// AppendVarint appends a varint field. Zero is left out, as it is the default.
func AppendVarint(b []byte, number int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return AppendUvarint(AppendTag(b, number, Varint), v)
}

// AppendFixed64 appends an I64 field. Zero is left out.
func AppendFixed64(b []byte, number int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return AppendUint64(AppendTag(b, number, I64), v)
}

// AppendFixed32 appends an I32 field. Zero is left out.
func AppendFixed32(b []byte, number int, v uint32) []byte {
	if v == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint32(AppendTag(b, number, I32), v)
}

// AppendLen appends a Len field. Nothing is left out: an empty message is not the same as none.
func AppendLen[T ~string | ~[]byte](b []byte, number int, v T) []byte {
	return append(AppendUvarint(AppendTag(b, number, Len), uint64(len(v))), v...)
}

// AppendText appends a Len field unless it is empty.
func AppendText[T ~string | ~[]byte](b []byte, number int, v T) []byte {
	if len(v) == 0 {
		return b
	}
	return AppendLen(b, number, v)
}

// AppendTag appends the tag of a field, whose content follows.
func AppendTag(b []byte, number int, wire uint8) []byte {
	return AppendUvarint(b, uint64(number)<<3|uint64(wire)) //nolint:gosec // A field's number.
}

// AppendUvarint appends a bare varint.
func AppendUvarint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	return binary.AppendUvarint(b, v)
}

// AppendUint64 appends a bare I64.
func AppendUint64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

// Begin appends the tag of a message whose length is not known yet, and one byte for that. End sets it.
func Begin(b []byte, number int) (with []byte, mark int) {
	b = append(AppendTag(b, number, Len), 0)
	return b, len(b)
}

// End sets the length of the message that began at mark to all that was appended since. One of 128 bytes or more is moved to make room.
func End(b []byte, mark int) []byte {
	size := len(b) - mark
	if size < 0x80 {
		b[mark-1] = byte(size) //nolint:gosec // Below 128.
		return b
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(size))
	b = append(b, length[1:n]...)
	copy(b[mark-1+n:], b[mark:mark+size])
	copy(b[mark-1:], length[:n])
	return b
}
