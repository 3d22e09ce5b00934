package openlineage

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/tenon-go/tenon/lineage"
)

// A Reader reads events that stand one in a line (NDJSON), such as a file that the file
// transport of an OpenLineage client wrote. Not safe for concurrent use.
type Reader struct {
	r   io.Reader
	cfg Config
}

// NewReader returns a reader of r. A compressed stream is to be unpacked by r: reading
// stops at the first line that is longer than MaxBytes, so that a small one that unpacks
// to much does no harm.
func NewReader(r io.Reader, cfg Config) *Reader { return &Reader{r: r, cfg: cfg} }

// Events returns the events in the order of the input, once. An event that is refused is
// a *lineage.EventError with its index, from 0 and without empty lines, and the next one
// follows; after a line that is too long (lineage.ErrTooLarge with no path), or an error
// of the input, the sequence ends. Warnings go to Config.Warn.
func (r *Reader) Events() iter.Seq2[lineage.Event, error] {
	return func(yield func(lineage.Event, error) bool) {
		lines := bufio.NewScanner(r.r)
		lines.Buffer(nil, MaxBytes+1) // The line feed counts.
		index := 0
		for lines.Scan() {
			line := bytes.TrimSpace(lines.Bytes())
			if len(line) == 0 {
				continue
			}
			event, warnings, err := decode(line, index, r.cfg)
			if r.cfg.Warn != nil {
				for _, w := range warnings {
					r.cfg.Warn(index, w)
				}
			}
			if !yield(event, err) {
				return
			}
			index++
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			yield(lineage.Event{}, tooLong(index))
		case err != nil:
			yield(lineage.Event{}, fmt.Errorf("openlineage: read event %d: %w", index, err))
		}
	}
}
