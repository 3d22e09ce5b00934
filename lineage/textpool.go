package lineage

import "strings"

// A textPool keeps strings side by side, for as long as it is there. A name that is cut out
// of an event, and kept where it is, holds up the room of all that was read with it: a
// thousandth of that is names.
type textPool struct {
	block strings.Builder
	known map[string]string
}

// textBytes is the size of a block.
const textBytes = 16 << 10

// keep returns a copy.
func (p *textPool) keep(s string) string {
	if s == "" || len(s) > textBytes/4 {
		return s
	}
	if p.block.Cap()-p.block.Len() < len(s) {
		p.block = strings.Builder{} // What was taken from the last one goes on.
		p.block.Grow(textBytes)
	}
	n := p.block.Len()
	p.block.WriteString(s)
	return p.block.String()[n:]
}

// once returns the one copy of a string that is asked for again and again.
func (p *textPool) once(s string) string {
	kept, ok := p.known[s]
	if !ok {
		if p.known == nil {
			p.known = map[string]string{}
		}
		kept = p.keep(s)
		p.known[kept] = kept
	}
	return kept
}
