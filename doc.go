// Package tenon is the map of a suite of embeddable Go engines; it holds no code.
//
// A tenon is the part of a joint that is cut to fit into another piece. Each package below is one domain engine that a
// service imports, gives its own storage, and calls. There is no server to run, no framework to join and no global
// state, and importing one engine brings in nothing of the others.
//
// # Engines
//
//   - [github.com/tenon-go/tenon/money]: exact amounts and currencies, named rounding, splits that add up to the last
//     minor unit. The one vocabulary that engines share.
//   - [github.com/tenon-go/tenon/money/ledger]: double-entry books whose postings sum to zero.
//   - [github.com/tenon-go/tenon/pricing]: what a thing costs, for whom, when and why: price books compiled to immutable
//     snapshots, quotes that explain themselves, and changes that take effect on every node in the same second.
//   - [github.com/tenon-go/tenon/promotions]: which promotions fire on a cart and for how much, the best combination that is
//     legal, proven, and a ledger that keeps budgets, uses and codes from being overrun.
//   - [github.com/tenon-go/tenon/orders]: carts, checkouts and orders over a payment gateway and a warehouse that may fail
//     anywhere; [github.com/tenon-go/tenon/orders/stock] holds what is being bought, and can be used alone.
//   - [github.com/tenon-go/tenon/lineage]: which column is made from which, by which job, since when and how, from events of
//     [github.com/tenon-go/tenon/lineage/openlineage]; what a change breaks, and where a personal datum arrives.
//   - [github.com/tenon-go/tenon/resilience/retry], [github.com/tenon-go/tenon/resilience/breaker] and
//     [github.com/tenon-go/tenon/resilience/bulkhead]: calls that fail, made safe: what is worth repeating, when to stop calling, and
//     how much one dependency may take. [github.com/tenon-go/tenon/resilience/guard] puts the three around a call, and
//     [github.com/tenon-go/tenon/resilience/storm] computes what a policy does to a service that is down.
//   - [github.com/tenon-go/tenon/tracing]: spans made, read and carried without an SDK: a TracerProvider, OTLP requests read
//     in place, and [github.com/tenon-go/tenon/tracing/otlp], a receiver and a client.
//   - [github.com/tenon-go/tenon/tracing/collector]: tail sampling that loses no error, by the policies of
//     [github.com/tenon-go/tenon/tracing/sampling].
//   - [github.com/tenon-go/tenon/tracing/propagation]: the trace context of a request, in and out of the headers of HTTP,
//     gRPC, queues and processes, as W3C, B3 and Jaeger write it.
//
// Beside an engine pkg that stores something stand pkg/sqlpkg, its store on database/sql for PostgreSQL and SQLite, which imports no driver,
// and pkg/pkgtest, the conformance suite that any other store has to pass. Engines do not import each other: what joins
// two of them is a few lines in the host, and the examples module shows them.
//
// # Conventions
//
// Construction. New takes what is required as parameters and the rest as a plain Config struct, last and by value, whose
// zero fields stand for the documented defaults. It reports everything that is wrong at once, joined by [errors.Join].
// Where a zero value is useful, the type's documentation says so; nil and empty mean the same.
//
// Storage. An engine declares the small interface that it stores through, and ships a complete store in memory. Writes
// compare and set a version, so that a concurrent change is an error to the caller and never a lost update. SQL stores
// take the methods that [database/sql.DB], [database/sql.Conn] and [database/sql.Tx] share: within a caller's
// transaction they neither commit nor retry, so that one transaction can span several engines. Their tables are created
// by an explicit Migrate, never on import.
//
// Errors. A package exports sentinels for [errors.Is], and types with fields for [errors.As] where a caller needs to
// know which rule, line or currency it was; a type's Is matches its sentinel. What goes wrong names the input and its
// place, and changes nothing. Nothing is dropped, truncated or rounded in silence.
//
// Time. A decision is a function of the time that it is given. Long-lived parts take Config.Now, where nil is
// [time.Now]. Times are compared as instants and kept in UTC.
//
// Money. Amounts are exact; no signature has a float. A result is rounded only where a name or a parameter says so.
//
// Context. It is the first parameter of whatever may block and is never stored. What it ends returns
// [context.Cause], wrapped.
//
// Concurrency. Every type says whether it is safe for concurrent use. Snapshots and other values are immutable and can be
// shared. Whoever starts a goroutine stops it and waits for it.
package tenon
