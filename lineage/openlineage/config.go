package openlineage

import (
	"cmp"

	"github.com/tenon-go/tenon/lineage"
)

// MaxBytes is how long the text of one event may be.
const MaxBytes = 16 << 20

// maxDepth is how deep objects and lists may stand in each other.
const maxDepth = 64

// maxWarnings is how many warnings an event gets; those beyond are counted.
const maxWarnings = 1000

// A Config says how events are read. The zero value is usable.
type Config struct {
	// Strict refuses what the schemas do not have, instead of mending it.
	Strict bool
	// Limits bounds one event; zero fields are its defaults.
	Limits lineage.Limits
	// Warn, if not nil, takes the warnings of a Reader, with the index of their event.
	Warn func(index int, w Warning)
}

// A Warning is something that is wrong in an event, but was mended or passed over.
type Warning struct {
	Path   string // JSON path, such as outputs[0].facets.schema; empty: the event
	Reason string
}

// String returns path and reason.
func (w Warning) String() string {
	if w.Path == "" {
		return w.Reason
	}
	return w.Path + ": " + w.Reason
}

// withDefaults fills in the limits that are zero.
func withDefaults(l lineage.Limits) lineage.Limits {
	return lineage.Limits{
		Fields:    cmp.Or(l.Fields, 100_000),
		Edges:     cmp.Or(l.Edges, 1_000_000),
		NameBytes: cmp.Or(l.NameBytes, 4<<10),
	}
}
