package otlp

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	zstdWindow = 8 << 20 // what a frame may look back on, as its specification advises
	zstdBlock  = 128 << 10
)

// zstd unpacks a body, which it reads as it is before: what the frames look back on is memory too, and only frames that are there say how much
// that is. So a slow client is not charged for it.
func (h *Handler) zstd(body io.Reader, buf *[]byte, charge *charge) *status {
	packed := h.buffer()
	defer h.keep(packed)
	charge.body = 0 // Beside what is charged for buf.
	if err := charge.upTo(int64(cap(*packed))); err != nil {
		return unaffordable(err)
	}
	if refused := h.fill(packed, body, charge); refused != nil {
		return refused
	}
	if err := charge.more(windowOf(*packed) + 2*zstdBlock); err != nil {
		return unaffordable(err)
	}
	unzip, err := zstd.NewReader(bytes.NewReader(*packed), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
	if err != nil {
		return h.unreadable(err)
	}
	defer unzip.Close()
	charge.body = int64(cap(*buf))
	return h.fill(buf, unzip, charge)
}

// windowOf returns the largest window of the frames of a body, as far as they can be read.
func windowOf(packed []byte) int64 {
	window := uint64(0)
	for len(packed) > 0 {
		var header zstd.Header
		if err := header.Decode(packed); err != nil { // The decoder says so too.
			break
		}
		window = max(window, header.WindowSize)
		if header.SingleSegment {
			window = max(window, header.FrameContentSize)
		}
		packed = packed[frameSize(packed, &header):]
	}
	return int64(min(window, zstdWindow))
}

// frameSize returns the size of the frame at the beginning, or of all if that is less.
func frameSize(packed []byte, header *zstd.Header) int {
	if uint64(header.SkippableSize) > uint64(len(packed)) {
		return len(packed)
	}
	size := header.HeaderSize + int(header.SkippableSize)
	for last := header.Skippable; !last && size+3 <= len(packed); {
		block := int(packed[size]) | int(packed[size+1])<<8 | int(packed[size+2])<<16
		const repeatedByte = 1
		last = block&1 != 0
		if block>>1&3 == repeatedByte {
			size += 3 + 1
		} else {
			size += 3 + block>>3
		}
		if last && header.HasCheckSum {
			size += 4
		}
	}
	return min(size, len(packed))
}
