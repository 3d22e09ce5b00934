package tracing

// rooms are what spans were appended to before, up to those of a large batch, which grew beyond it. Tracers that have no spans hold none,
// because there may be many.
type rooms struct {
	all   [][]byte
	bytes int
}

func (r *rooms) take() []byte {
	last := len(r.all) - 1
	if last < 0 {
		return nil
	}
	room := r.all[last]
	r.all = r.all[:last]
	r.bytes -= cap(room)
	return room
}

// give takes back the room of spans that are no longer needed there.
func (r *rooms) give(p *pending) {
	if size := cap(p.spans); r.bytes+size <= 2*maxBatchBytes {
		r.all = append(r.all, p.spans[:0])
		r.bytes += size
	}
	p.spans = nil
}
