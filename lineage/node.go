package lineage

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// A NodeKind says what a node is.
type NodeKind uint8

// The kinds of nodes. A run is history, never a node.
const (
	DatasetNode NodeKind = iota + 1
	ColumnNode
	JobNode
)

// String returns the first part of a node's text form.
func (k NodeKind) String() string {
	switch k {
	case DatasetNode:
		return "dataset"
	case ColumnNode:
		return "datasetField"
	case JobNode:
		return "job"
	case setNode:
	}
	return nameOf(k, "NodeKind")
}

// A DatasetRef names a dataset as OpenLineage does. Both parts are kept as sent.
type DatasetRef struct{ Namespace, Name string }

// Node returns the dataset as a node.
func (r DatasetRef) Node() NodeID {
	return NodeID{Kind: DatasetNode, Namespace: r.Namespace, Name: r.Name}
}

// Column returns a column of the dataset as a node. An empty path is the dataset
// itself, "*" stands for all its columns.
func (r DatasetRef) Column(path string) NodeID {
	if path == "" {
		return r.Node()
	}
	return NodeID{Kind: ColumnNode, Namespace: r.Namespace, Name: r.Name, Field: path}
}

// Compare orders datasets by namespace, then by name.
func (r DatasetRef) Compare(o DatasetRef) int {
	return cmp.Or(strings.Compare(r.Namespace, o.Namespace), strings.Compare(r.Name, o.Name))
}

// A JobRef names a job as OpenLineage does. Both parts are kept as sent.
type JobRef struct{ Namespace, Name string }

// Node returns the job as a node.
func (r JobRef) Node() NodeID { return NodeID{Kind: JobNode, Namespace: r.Namespace, Name: r.Name} }

// Compare orders jobs by namespace, then by name.
func (r JobRef) Compare(o JobRef) int {
	return cmp.Or(strings.Compare(r.Namespace, o.Namespace), strings.Compare(r.Name, o.Name))
}

// A NodeID names a dataset, a column or a job. It is comparable; the zero value names
// nothing. Field is the path of a column (a.b, a[].c), or "*" for every column that
// has a namesake at the other end of an edge; it is empty for datasets and jobs.
type NodeID struct {
	Kind      NodeKind
	Namespace string
	Name      string
	Field     string
}

// IsZero reports whether the ID names nothing.
func (id NodeID) IsZero() bool { return id == NodeID{} }

// Dataset returns the dataset that the node is or belongs to; it is zero for a job.
func (id NodeID) Dataset() DatasetRef {
	if id.Kind == JobNode {
		return DatasetRef{}
	}
	return DatasetRef{Namespace: id.Namespace, Name: id.Name}
}

// Job returns the job that the node is, or zero.
func (id NodeID) Job() JobRef {
	if id.Kind != JobNode {
		return JobRef{}
	}
	return JobRef{Namespace: id.Namespace, Name: id.Name}
}

// wrong returns why the ID names nothing; empty: it names something.
func (id NodeID) wrong() string {
	switch {
	case id.IsZero():
		return "the zero ID"
	case id.Kind < DatasetNode || id.Kind > JobNode:
		return fmt.Sprintf("Kind %d is none", uint8(id.Kind))
	case id.Name == "":
		return "Name is empty"
	case id.Kind == ColumnNode && id.Field == "":
		return "Field of a column is empty"
	case id.Kind != ColumnNode && id.Field != "":
		return fmt.Sprintf("Field %q of what is no column", id.Field)
	}
	return ""
}

// valid returns ErrInvalid for an ID that names nothing.
func (id NodeID) valid(what string) error {
	if why := id.wrong(); why != "" {
		return fmt.Errorf("lineage: %s %q: %s: %w", what, id.String(), why, ErrInvalid)
	}
	return nil
}

// Compare orders nodes by namespace, name, field and kind, so that a dataset stands
// before its columns. It is the order of every list of nodes in this package.
func (id NodeID) Compare(o NodeID) int {
	return cmp.Or(
		strings.Compare(id.Namespace, o.Namespace), strings.Compare(id.Name, o.Name),
		strings.Compare(id.Field, o.Field), cmp.Compare(id.Kind, o.Kind))
}

// String returns dataset:namespace:name, datasetField:namespace:name:field or
// job:namespace:name. A percent sign or colon inside a part is percent-encoded, so that
// [ParseNodeID] reads the same node back.
func (id NodeID) String() string {
	if id.IsZero() {
		return ""
	}
	text := id.Kind.String() + ":" + escape(id.Namespace) + ":" + escape(id.Name)
	if id.Kind == ColumnNode {
		text += ":" + escape(id.Field)
	}
	return text
}

// MarshalText is String.
func (id NodeID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is [ParseNodeID]; the empty text is the zero ID.
func (id *NodeID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = NodeID{}
		return nil
	}
	parsed, err := ParseNodeID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

// ParseNodeID reads what [NodeID.String] writes. Everything else is [ErrInvalid]: an
// unknown kind, a wrong number of parts, an empty name or field, or a percent sign that
// does not begin %25 or %3A.
func ParseNodeID(text string) (NodeID, error) {
	parts := strings.Split(text, ":")
	var id NodeID
	want := 3
	switch parts[0] {
	case "dataset":
		id.Kind = DatasetNode
	case "datasetField":
		id.Kind, want = ColumnNode, 4
	case "job":
		id.Kind = JobNode
	default:
		return NodeID{}, fmt.Errorf("lineage: parse node %q: kind is none of dataset, datasetField, job: %w", text, ErrInvalid)
	}
	if len(parts) != want {
		return NodeID{}, fmt.Errorf("lineage: parse node %q: %d parts, where %s has %d: %w", text, len(parts), parts[0], want, ErrInvalid)
	}
	for i, into := range []*string{&id.Namespace, &id.Name, &id.Field}[:want-1] {
		part, err := unescape(parts[i+1])
		if err != nil {
			return NodeID{}, fmt.Errorf("lineage: parse node %q: %w: %w", text, err, ErrInvalid)
		}
		*into = part
	}
	if id.Name == "" || id.Kind == ColumnNode && id.Field == "" {
		return NodeID{}, fmt.Errorf("lineage: parse node %q: an empty name: %w", text, ErrInvalid)
	}
	return id, nil
}

// escape encodes what would end a part or begin an escape.
func escape(part string) string {
	if !strings.ContainsAny(part, "%:") {
		return part
	}
	return strings.NewReplacer("%", "%25", ":", "%3A").Replace(part)
}

// errEscape is the reason that ParseNodeID gives for a stray percent sign.
var errEscape = errors.New("a percent sign that begins neither %25 nor %3A")

// unescape undoes escape. It takes no other escapes, so that a node has one text only.
func unescape(part string) (string, error) {
	for rest := part; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return strings.NewReplacer("%25", "%", "%3A", ":").Replace(part), nil
		}
		if !strings.HasPrefix(after, "25") && !strings.HasPrefix(after, "3A") {
			return "", errEscape
		}
		rest = after[2:]
	}
}
