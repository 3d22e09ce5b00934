package lineage

import (
	"log/slog"
	"time"
)

// A Config sets an [Engine] up. The zero value is usable.
type Config struct {
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Identity normalises the name of a dataset before anything else is done with it; nil:
	// names as sent. It is pure. IdentityKey names it: state that was made under another
	// key is made anew.
	Identity    func(DatasetRef) DatasetRef
	IdentityKey string
	// CloseAfter says after how many runs in a row that have outputs, but no longer a
	// target, the target's edges end. 0: 5; negative: never.
	CloseAfter int
	// AssertFailed lets failed and aborted runs assert what they saw.
	AssertFailed bool
	// MaxAhead says how far in the future an event's time may be. 0: one hour.
	MaxAhead time.Duration
	// Retention says what Prune leaves.
	Retention Retention
	// Poll says how often records of other engines on the same store are looked for. 0: 100
	// ms; negative: never.
	Poll time.Duration
	// CheckpointEvery says after how many records a checkpoint is saved. 0: 100,000;
	// negative: never. It is written in the background, as the store reads it: Ingest waits
	// for a copy of where each scope's statements begin and end, and not of what they state.
	CheckpointEvery int
	// DropRaw drops Event.Raw instead of storing it.
	DropRaw bool
	// Limits bounds one event.
	Limits Limits
	// Progress, if not nil, is told how a load or a rebuild goes on. It must not call the
	// engine.
	Progress func(Progress)
	// Logger takes what goes wrong in the background; nil: nothing is logged.
	Logger *slog.Logger
}

// Retention says how long records are kept. Zero fields mean 30 days, 7 years and 100.
type Retention struct {
	Raw        time.Duration // the bytes as sent
	Runs       time.Duration // the records
	KeepPerJob int           // the newest runs of a job, however old
}

// Limits bounds one event. Zero fields mean 100,000 fields, 1,000,000 edges, and names
// of 4 KiB.
type Limits struct {
	Fields    int
	Edges     int
	NameBytes int
}

// A Progress is how far a load or a rebuild is.
type Progress struct {
	Phase   string // load, rebuild
	Records int
	Edges   int
}

// An Outcome says what became of one event.
type Outcome uint8

// The outcomes.
const (
	Applied   Outcome = iota + 1
	Duplicate         // it was there, and changed nothing
	Rejected
)

// String returns the outcome in lower case.
func (o Outcome) String() string {
	switch o {
	case Applied:
		return "applied"
	case Duplicate:
		return "duplicate"
	case Rejected:
		return "rejected"
	}
	return nameOf(o, "Outcome")
}

// A Result is what became of one event.
type Result struct {
	ID      RecordID
	Outcome Outcome
	Err     *EventError // Rejected: why
}

// A Report has a result for each event of a call, in the order given.
type Report struct{ Results []Result }

// A RunState is what a run came to, by all of its events in whatever order they came.
type RunState uint8

// The states of a run. Seen is a run of which there are only untyped and OTHER events.
const (
	RunSeen RunState = iota + 1
	RunStarted
	RunRunning
	RunComplete
	RunFailed
	RunAborted
)

// A Run is one run of a job.
type Run struct {
	ID       string
	Job      JobRef
	State    RunState
	Began    time.Time // of the first event
	Ended    time.Time // of the terminal event; zero: none
	Parent   *RunRef
	Error    string
	Conflict bool         // terminal events of more than one type came
	Inputs   []DatasetRef // sorted
	Outputs  []DatasetRef // sorted
	Events   int
	Newest   RunKey // the place of its newest event: RunQuery.Before of the next page
}

// An Explanation says why an edge is there. Lists are never nil.
type Explanation struct {
	Edge    Edge
	First   time.Time // of the snapshots that hold the edge
	Last    time.Time
	Records []RecordID // the newest that assert it, newest first, at most 100
	Runs    []string   // their runs
	SQL     string     // the newest statement of the job
}

// A Status is the state of an engine.
type Status struct {
	Cursor    Cursor
	Lag       time.Duration // since the log was last read to its end
	Records   int64         // applied by this engine, loaded ones too
	Nodes     int
	Edges     int   // stretches of all times
	Conflicts int64 // runs with terminal events of more than one type
	Rejected  int64
	Ignored   int64 // checkpoints that were torn, or of another configuration
	Err       error // why the log cannot be read now, or ErrClosed; nil: it can
}
