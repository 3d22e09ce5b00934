// Package openlineage reads and writes OpenLineage 2-0-2.
//
// [Decode] turns a run, job or dataset event into a lineage.Event, [Encode] an event into
// JSON that the schemas accept, and a [Reader] goes over a file of events, one a line.
//
// # What is read
//
// The facets that a lineage.Event has fields for: schema, columnLineage, lineage,
// symlinks, ownership, tags, lifecycleStateChange, datasetType, inputStatistics,
// outputStatistics, jobType, sql, parent and errorMessage. Everything else stays in
// Event.Raw, which Decode copies.
//
//	facet with an empty list, or "_deleted": true      stated: there is none
//	no facet, or one whose list is null or not there   not stated
//	"inputs": [] of a job event                        stated: nothing is read
//	"inputs": [] in all events of a run                not stated
//	no "inputs", or null                               not stated
//
// A nested field of a schema has the path a.b, and the field "_element" of a list a[].
// A tag is its key, or key=value where the value is not "true"; a tag of a column stays
// in Raw.
//
// # Columns
//
// The entries of columnLineage.dataset are edges from a column to the whole target. A
// producer may repeat them in every field instead: a pair of input and JOIN, FILTER,
// GROUP_BY or SORT that each field of a facet carries becomes such an edge. The edges of
// a dataset are sorted, with one edge for each pair of ends.
//
// A lineage facet, of the job or of a dataset, makes an event Explicit: columnLineage is
// not read then. A target that is not among the outputs is added to them. Inputs that
// are stated state all that leads to the target, its columns too.
//
// # Lenient and strict
//
// Decode mends what producers get wrong, and says so by a [Warning] each: no producer
// or schemaURL, a time without a zone (UTC is meant) or finer than a microsecond, null
// for a list, a value of the wrong type, a repeated key (the first counts), unknown
// facets, event types and keys. What cannot be mended refuses the event: malformed JSON,
// no time, no job, run ID or dataset name. With [Config.Strict] everything does that the
// schemas do not have, required keys and formats too; facets that are not read are only
// checked for what all facets have.
//
// A refusal is a *lineage.EventError with path and reason. It is lineage.ErrTooLarge
// where a limit was reached: 16 MiB of text, 64 levels, 100,000 datasets, 2^20 elements
// of lists, and lineage.Limits, whose Fields bounds the fields of schemas and the columns
// of lineage facets each.
//
// Source: OpenLineage 2-0-2 (openlineage.io/spec/2-0-2/OpenLineage.json) and its facets.
package openlineage
