package lineage

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// nameOf returns the name of a value, or one that says its type and number.
func nameOf[T ~uint8](x T, typ string, names ...string) string {
	if int(x) < len(names) && names[x] != "" {
		return names[x]
	}
	return typ + "(" + strconv.Itoa(int(x)) + ")"
}

// String returns the name of the layer: job, dataset or column.
func (l Layer) String() string { return nameOf(l, "Layer", "", "job", "dataset", "column") }

// String returns the name of the level: job, dataset or column; start for the zero value.
func (l Level) String() string { return nameOf(l, "Level", "start", "job", "dataset", "column") }

// String returns downstream or upstream.
func (d Direction) String() string { return nameOf(d, "Direction", "downstream", "upstream") }

// String returns the change in lower case.
func (c LifecycleChange) String() string {
	return nameOf(c, "LifecycleChange", "unchanged", "created", "altered", "truncated", "overwritten", "dropped", "renamed")
}

// String returns the state in lower case.
func (s RunState) String() string {
	return nameOf(s, "RunState", "", "seen", "started", "running", "complete", "failed", "aborted")
}

// String returns raw or all.
func (p Part) String() string { return nameOf(p, "Part", "", "raw", "all") }

// String returns the names of the lists that are stated, with + between them; none for the
// zero value.
func (a Aspects) String() string {
	if a == 0 {
		return "none"
	}
	var out []string
	for i, name := range []string{"dataset edges", "column edges", "schema", "symlinks", "owners", "tags", "", ""} {
		if bit := Aspects(1) << i; a&bit != 0 {
			if name == "" {
				name = fmt.Sprintf("Aspects(%d)", uint8(bit))
			}
			out = append(out, name)
		}
	}
	return strings.Join(out, "+")
}

// String returns the text of the dataset's node, which [ParseNodeID] reads; empty for the
// zero value.
func (r DatasetRef) String() string {
	if r == (DatasetRef{}) {
		return ""
	}
	return r.Node().String()
}

// String returns the text of the job's node, which [ParseNodeID] reads; empty for the zero
// value.
func (r JobRef) String() string {
	if r == (JobRef{}) {
		return ""
	}
	return r.Node().String()
}

// String returns the change as drop NODE, rename NODE to NAME, retype NODE to TYPE or
// redefine NODE.
func (c Change) String() string {
	text := c.Kind.String() + " " + c.Node.String()
	if c.To != "" {
		text += " to " + c.To
	}
	return text
}

// String returns the type, the subtype and whether it masks, as DIRECT/IDENTITY/masked;
// DIRECT where nothing is said, for it counts as that.
func (t Transformation) String() string {
	text := t.Type
	if text == "" {
		text = Direct
	}
	if t.Subtype != "" {
		text += "/" + t.Subtype
	}
	if t.Masking {
		text += "/masked"
	}
	return text
}

// String returns the ends of the edge, and the job in parentheses.
func (e Edge) String() string {
	text := e.From.String() + " > " + e.To.String()
	if e.Job != (JobRef{}) {
		text += " (" + e.Job.String() + ")"
	}
	return text
}

// String returns the nodes of the path with > between them; empty for a path without edges.
func (p Path) String() string {
	var b strings.Builder
	for i, e := range p.Edges {
		if i == 0 {
			b.WriteString(e.From.String())
		}
		b.WriteString(" > " + e.To.String())
	}
	return b.String()
}

// MarshalText is String.
func (id RecordID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what [RecordID.String] writes. Everything else is [ErrInvalid].
func (id *RecordID) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(id)) {
		return fmt.Errorf("lineage: record ID %q: %d bytes, where there are %d: %w", text, len(text), hex.EncodedLen(len(id)), ErrInvalid)
	}
	var out RecordID
	if _, err := hex.Decode(out[:], text); err != nil {
		return fmt.Errorf("lineage: record ID %q: %w: %w", text, err, ErrInvalid)
	}
	*id = out
	return nil
}
