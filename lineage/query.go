package lineage

import (
	"errors"
	"fmt"
	"time"
)

// A Level says in which layer a query walks.
type Level uint8

// The levels. The zero value is the level of the start node.
const (
	JobLevel     Level = iota + 1 // the job layer
	DatasetLevel                  // the dataset layer, and the column layer lifted to datasets
	ColumnLevel                   // the column layer
)

// A Direction says which way a query follows edges.
type Direction uint8

// The directions.
const (
	Downstream Direction = iota
	Upstream
)

// A Query says how far and along what a traversal goes. The zero value is everything,
// downstream, at the level of the start node.
//
// At column level a column is followed along its own edges, along those of what it is a
// part of (of a and of the whole dataset for a.b) and along those of its parts; its
// siblings are not reached by that. A dataset as start, or where an edge leads to all of
// it, stands for its columns. An edge from * to * leads to the column of the same name.
// Where a job states edges between datasets but none between their columns, the trace
// ends: the dataset that it cannot enter is listed as blind.
//
// At dataset level a job is a part of an edge. A job as start leads to the datasets that
// it writes, or upstream to those that it reads.
type Query struct {
	Level     Level
	Depth     int // in edges; 0: no limit, 1: the direct neighbours
	Direction Direction
	Types     []string // of transformations, one of which an edge must have; edges without kinds count as DIRECT
	Subtypes  []string // likewise; DIRECT without one counts as TRANSFORMATION
	Origins   []Origin
	Jobs      []JobRef
	SeenSince time.Time // only edges last seen then or later
	SkipStale bool
	Widen     bool // at column level: go on at dataset level where column edges are missing
	MaxNodes  int  // reached, the start not counted; 0: no limit
	MaxEdges  int  // followed, at dataset level each edge between columns too; 0: no limit
}

// Validate returns [ErrInvalid] for each field with a value that means nothing: a level,
// direction or origin that is none, and a depth or budget below zero. Everything that
// takes a query does so first.
func (q Query) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("lineage: query: "+format+": %w", append(args, ErrInvalid)...))
	}
	if q.Level > ColumnLevel {
		refuse("Level %d is none", uint8(q.Level))
	}
	if q.Direction > Upstream {
		refuse("Direction %d is none", uint8(q.Direction))
	}
	for i, n := range [...]int{q.Depth, q.MaxNodes, q.MaxEdges} {
		if n < 0 {
			refuse("%s %d is less than zero", [...]string{"Depth", "MaxNodes", "MaxEdges"}[i], n)
		}
	}
	for i, o := range q.Origins {
		if o < Declared || o > Manual {
			refuse("Origins[%d] %d is none", i, uint8(o))
		}
	}
	return errors.Join(errs...)
}
