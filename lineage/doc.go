// Package lineage keeps which column is made from which, by which job, since when, and
// through what kind of transformation, and answers for any instant what is upstream and
// downstream of a column, what a change breaks, and where a datum arrives in clear.
//
// # Model
//
// Nodes are datasets, columns and jobs; a run is history, never a node. An [Event] is a
// normalised statement of a run, a job or a dataset, and the only way in. From there:
//
//	event ── Ingest ──► record      an event as stored: ID, cursor, time learnt
//	                      │         (a Store is a log of them)
//	                      ▼
//	                   snapshot     the complete edges of one scope at one instant;
//	                      │         scope = origin, job, target, layer
//	                      ▼
//	                   interval     an edge holds over each stretch of consecutive
//	                      │         snapshots of its scope that have it: [From, To)
//	                      ▼
//	                     view       the graph at one instant or over one window, as
//	                                believed now or at a recording time
//
// Three layers of edges lie on each other, and none overwrites another: jobs with what they
// read and write, datasets, and columns. Statements of one origin (declared, observed,
// parsed SQL, made by hand) never end edges of another.
//
// What a run comes to is a function of the set of its events, not of their order:
//
//	newest terminal   else events of type      state      asserts
//	COMPLETE          any                      complete   yes
//	FAIL              any                      failed     no, unless Config.AssertFailed
//	ABORT             any                      aborted    no, unless Config.AssertFailed
//	none              RUNNING                  running    if it streams
//	none              START                    started    if it streams
//	none              OTHER or no type         seen       no
//
// A batch run asserts once, at the time of its newest terminal event, what its events say
// together. A run that streams asserts with each event that names datasets.
//
// A path of edges has one of eight classes, and a node is reached by a set of them. A hop
// that is INDIRECT makes the path indirect, otherwise the strongest subtype stands; one
// masking hop masks it:
//
//	                  unmasked   masked
//	IDENTITY          clear      masked
//	TRANSFORMATION    clear      masked
//	AGGREGATION       clear      masked
//	INDIRECT          inferred   inferred
//
// # Guarantees
//
// The numbers are those by which tests name what they prove.
//
//  1. Every answer is a function of the set of records: any order, repetition and batching
//     gives the same state.
//  2. Absence is not evidence: what is missing changes nothing, what is stated to be empty
//     ends edges.
//  3. At each instant an edge is valid exactly if the newest snapshot of its scope has it.
//     Two things else end edges: a dataset that is dropped or renamed, or loses the column;
//     and a target that a job's runs omit Config.CloseAfter times in a row, from the first.
//     A dataset is dropped or renamed under all names that it has at the time, and its schema
//     ends then, or goes on under the new name; owners and tags stay. A column is lost under
//     the name whose schema lost it.
//  4. No snapshot of one origin closes another's edges. Edges that differ in job, origin or
//     kinds are different.
//  5. The zero [At] is now. Upstream is downstream of the reversed graph. Diff(v, v) is
//     empty.
//  6. Depth counts edges; a step from dataset to dataset is one. Every query ends.
//  7. What is cut, by a budget or a context or for want of column knowledge, says so.
//  8. Checkpoints and pruning change no answer within the retention horizon.
//
// An [Engine] and a [View] are safe for concurrent use. Ingest returns when the events are
// stored and in every view made afterwards; calls at the same time share one write. A view
// of now costs no I/O and takes no lock. Reading costs what it visits. An event costs its own
// edges and a copy of the rows that they are in; if it is late and says something new, or
// ends what a job omits, it costs the history of its job too. Other engines on the same
// [Store] see a record after [Config].Poll.
//
// # Parts
//
// The engine takes events of any origin. Package openlineage decodes OpenLineage's,
// sqlrecords keeps the log in PostgreSQL or SQLite, lineagetest has the suite that a Store
// must pass and a naive model of all of this. It does not parse SQL, serve HTTP, or keep
// data quality or versions of data.
//
// # Sources
//
// OpenLineage specification 2-0-2 and its facets. Algorithms: compressed sparse
// rows; Tarjan, "Depth-first search and linear graph algorithms" (1972), for cycles; Bloom,
// "Space/time trade-offs in hash coding with allowable errors" (1970), for runs that were
// seen.
package lineage
