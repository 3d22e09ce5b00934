package lineage

import (
	"cmp"
	"math/bits"
	"strings"
	"sync"
	"time"
)

// An Origin says how a statement came about. Statements of one origin never close
// edges of another.
type Origin uint8

// The origins. In an [Event] the zero value means: Observed where it has a run, else
// Declared.
const (
	Declared Origin = iota + 1 // by a job or dataset event: complete, what a new one omits closes
	Observed                   // by a run
	SQL                        // parsed from a statement; hidden while the job has Observed column edges on the target
	Manual                     // by a person
)

// String returns the origin in lower case.
func (o Origin) String() string {
	switch o {
	case Declared:
		return "declared"
	case Observed:
		return "observed"
	case SQL:
		return "sql"
	case Manual:
		return "manual"
	}
	return nameOf(o, "Origin")
}

// A Certainty says how a column edge was found. It is carried, not compared.
type Certainty uint8

// The certainties, from the strongest.
const (
	Exact    Certainty = iota // stated
	Resolved                  // every name was found in a schema
	Assumed                   // the only candidate, or a star without a schema
)

// String returns the certainty in lower case.
func (c Certainty) String() string {
	switch c {
	case Exact:
		return "exact"
	case Resolved:
		return "resolved"
	case Assumed:
		return "assumed"
	}
	return nameOf(c, "Certainty")
}

// An EventType is what a run event reports.
type EventType uint8

// The event types. Untyped is an event without a type.
const (
	Untyped EventType = iota
	Start
	Running
	Complete
	Abort
	Fail
	Other
)

// String returns the type as OpenLineage spells it; Untyped is empty.
func (t EventType) String() string {
	switch t {
	case Start:
		return "START"
	case Running:
		return "RUNNING"
	case Complete:
		return "COMPLETE"
	case Abort:
		return "ABORT"
	case Fail:
		return "FAIL"
	case Other:
		return "OTHER"
	case Untyped:
		return ""
	}
	return nameOf(t, "EventType")
}

// Terminal reports whether the type ends a run.
func (t EventType) Terminal() bool { return t == Complete || t == Fail || t == Abort }

// A Lifecycle is what happened to a dataset as a whole.
type Lifecycle struct {
	Change LifecycleChange
	From   DatasetRef // Renamed: the name before. The fact's dataset has the new name.
}

// A LifecycleChange is the kind of a [Lifecycle].
type LifecycleChange uint8

// The changes. Only Dropped and Renamed end edges, those of all names that the dataset has at
// the time. Where the new name is one of these, the others are left as they are.
const (
	Unchanged LifecycleChange = iota
	Created
	Altered
	Truncated
	Overwritten
	Dropped
	Renamed
)

// Aspects says which lists of a [DatasetFact] are statements. A clear bit means that
// nothing is said, a set bit with an empty list means that there is none.
type Aspects uint8

// The aspects.
const (
	DatasetEdges Aspects = 1 << iota // Edges that have no column at either end
	ColumnEdges                      // Edges that have a column at either end
	Schema                           // Fields
	Symlinks                         // Aliases
	Owners                           // Owners
	Tags                             // Tags
)

// Has reports whether all bits of b are set.
func (a Aspects) Has(b Aspects) bool { return a&b == b }

// An Event is a normalised statement, the only way into an [Engine].
//
// An event with a Run is a run event and needs a Job; one with a Job only is a job
// event; one with neither is a dataset event and states its Outputs. Where Explicit is
// false and the event has a job, its dataset edges are its inputs x outputs. A list of
// inputs that is empty but not nil states of a job that nothing is read; a run that names
// no input states no dataset edges. Where Explicit is true the edges are those of the facts and JobEdges alone. Column
// edges are those of Outputs[i].Edges that have a column at either end: one from a column
// to the whole target is dataset-wide, one from a dataset has an unknown column. All are
// stated by the bit ColumnEdges.
type Event struct {
	Producer string
	Origin   Origin    // zero: Observed with a run, else Declared
	Time     time.Time // used in UTC and to the microsecond
	Run      *RunFact
	Job      *JobFact
	Inputs   []DatasetFact // nil and empty differ in a job event: nil states nothing
	Outputs  []DatasetFact
	JobEdges []EdgeFact // Explicit: edges that end in a job or begin in one
	Explicit bool
	Raw      []byte // the event as sent; not part of its identity
}

// A RunFact says what an event reports of a run.
type RunFact struct {
	ID     string
	Type   EventType
	Parent *RunRef
	Error  string
}

// A RunRef names a run and its job.
type RunRef struct {
	ID  string
	Job JobRef
}

// A JobFact says what an event reports of a job. Empty means not stated.
type JobFact struct {
	Ref        JobRef
	Type       string   // such as QUERY, DAG, TASK
	Processing string   // BATCH, STREAMING or NONE; STREAMING makes each event of a run a snapshot
	SQL        string   // the statement that the job ran
	Dialect    string   // of SQL
	Owners     []string // nil: not stated
	Tags       []string // nil: not stated
	Retired    bool     // with Origin Manual: ends the job's open edges
}

// Streaming is the Processing of a job whose runs state edges while they run.
const Streaming = "STREAMING"

// A DatasetFact says what an event reports of one dataset.
type DatasetFact struct {
	Ref       DatasetRef
	Type      string // TABLE, VIEW, TOPIC, FILE, MODEL, DASHBOARD, EXPOSURE, or as sent
	States    Aspects
	Edges     []EdgeFact   // To: the dataset or a column of it
	Fields    []Field      // with all nested paths
	Aliases   []DatasetRef // other names of the dataset
	Lifecycle Lifecycle
	Owners    []string
	Tags      []string
	Rows      int64 // read or written; 0: not stated
	Bytes     int64
	Primary   bool // with Origin Manual: the name that stands for all aliases
}

// A Field is a column of a schema.
type Field struct {
	Path string // a.b, a[].c
	Type string // as sent; empty: not stated
}

// An EdgeFact is one edge that an event states.
type EdgeFact struct {
	From, To  NodeID
	Kinds     []Transformation
	Certainty Certainty
}

// A Transformation says how an edge's target is made from its source. Type and Subtype
// are kept as sent. A Type other than INDIRECT counts as DIRECT; a Subtype of DIRECT
// other than IDENTITY and AGGREGATION counts as TRANSFORMATION. Description is carried,
// not compared.
type Transformation struct {
	Type        string
	Subtype     string
	Description string
	Masking     bool
}

// The types and subtypes of transformations that OpenLineage names.
const (
	Direct         = "DIRECT"
	Indirect       = "INDIRECT"
	Identity       = "IDENTITY"
	Transform      = "TRANSFORMATION"
	Aggregation    = "AGGREGATION"
	JoinKey        = "JOIN"
	GroupBy        = "GROUP_BY"
	FilterCriteria = "FILTER"
	SortKey        = "SORT"
	Window         = "WINDOW"
	Conditional    = "CONDITIONAL"
)

// Compare orders by type, subtype and masking. Descriptions do not count.
func (t Transformation) Compare(o Transformation) int {
	masking := 0
	if t.Masking != o.Masking {
		masking = -1
		if t.Masking {
			masking = 1
		}
	}
	return cmp.Or(strings.Compare(t.Type, o.Type), strings.Compare(t.Subtype, o.Subtype), masking)
}

// counts returns the type and the subtype that t counts as. INDIRECT has no subtypes that
// matter.
func (t Transformation) counts() (typ, subtype string) {
	switch {
	case t.Type == Indirect:
		return Indirect, t.Subtype
	case t.Subtype == Identity, t.Subtype == Aggregation:
		return Direct, t.Subtype
	}
	return Direct, Transform
}

// classes is a set of the eight classes of a path: direct (identity, transformation or
// aggregation) or indirect, each of them clear or masked. A node keeps the set of the
// classes of all paths that reach it, and not their maximum: beside a masked direct path
// an unmasked indirect one would otherwise read as an unmasked direct one.
type classes uint8

// class returns the set of one class: rank is 0 identity, 1 transformation, 2
// aggregation, 3 indirect.
func class(rank int, masked bool) classes {
	if masked {
		return 1 << (rank + 4)
	}
	return 1 << rank
}

// The sets of classes that matter to an answer.
const (
	clearDirect  classes = 0b0000_0111
	maskedDirect classes = 0b0111_0000
	direct               = clearDirect | maskedDirect
	unchanged    classes = 0b0000_0001 // the identity that is not masked
)

// classesOf returns the classes of an edge. Without kinds it counts as DIRECT.
func classesOf(kinds []Transformation) classes {
	if len(kinds) == 0 {
		return class(1, false)
	}
	var c classes
	for _, t := range kinds {
		rank := 3
		if typ, subtype := t.counts(); typ == Direct {
			rank = map[string]int{Identity: 0, Transform: 1, Aggregation: 2}[subtype]
		}
		c |= class(rank, t.Masking)
	}
	return c
}

// composition is what the paths of one set become when they go on along an edge of
// another: indirect if either is, else the stronger; masked if either is.
type composition [256][256]classes

// compose makes the table once, when something asks for it.
//
//nolint:gochecknoglobals // an immutable table
var compose = sync.OnceValue(func() *composition {
	t := new(composition)
	for a := 1; a < 256; a++ {
		for b := 1; b < 256; b++ {
			if restA, restB := a&(a-1), b&(b-1); restA != 0 || restB != 0 {
				// By all but the lowest class of each side, and by that one: they are there already.
				t[a][b] = t[restA][b] | t[a-restA][restB] | t[a-restA][b-restB]
				continue
			}
			i, j := bits.TrailingZeros8(uint8(a)), bits.TrailingZeros8(uint8(b))
			t[a][b] = class(max(i%4, j%4), i >= 4 || j >= 4)
		}
	}
	return t
})
