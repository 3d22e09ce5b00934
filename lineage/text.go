package lineage

import "strings"

// A text keeps strings side by side, for as long as it is there. A name that is cut out of an
// event, and kept where it is, holds up the room of all that was read with it: a thousandth
// of that is names.
type text struct {
	block strings.Builder
	known map[string]string
}

// textBytes is the size of a block.
const textBytes = 16 << 10

// keep returns a copy.
func (t *text) keep(s string) string {
	if s == "" || len(s) > textBytes/4 {
		return s
	}
	if t.block.Cap()-t.block.Len() < len(s) {
		t.block = strings.Builder{} // What was taken from the last one goes on.
		t.block.Grow(textBytes)
	}
	n := t.block.Len()
	t.block.WriteString(s)
	return t.block.String()[n:]
}

// once returns the one copy of a string that is asked for again and again.
func (t *text) once(s string) string {
	kept, ok := t.known[s]
	if !ok {
		if t.known == nil {
			t.known = map[string]string{}
		}
		kept = t.keep(s)
		t.known[kept] = kept
	}
	return kept
}
