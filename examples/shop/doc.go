// Command shop runs a small shop on the engines of Tenon, scene by scene, and
// prints what each of them did.
//
// Without arguments it uses orders that the repository ships, which are
// generated, and SQLite in a temporary folder:
//
//	go run ./examples/shop
//
// Flags:
//
//	-orders FILE.csv   orders in the form of the UCI "Online Retail" data set; may be
//	                   given several times
//	-dsn postgres://   PostgreSQL instead of SQLite; the tables live in a schema of
//	                   this run's own, which is dropped at the end
//	-once              run the scenes to their end and exit; until a scene serves
//	                   pages this is what happens anyway
//
// Scene one, pricing, learns a price book from the orders, publishes it through
// a store, prices every line of every order with it and says how many lines the
// book reproduces to the penny. What cannot be priced is listed with its reason.
//
// Scene two, promotions, redeems a set of promotions for every order, prints what fired
// and what did not and why, lets shoppers race for a code that ten orders may have, and
// shows the balances.
//
// Scene three, checkout, has the people of the file buy everything again over HTTP, eight
// at a time, where there is four fifths of what they want. The bank is a server of its own
// that loses answers, is late, repeats itself and refuses. At the end the books of stock,
// orders, bank, postings and promotions are compared; the program fails if they disagree.
//
// Scene four, resilience, sends payments and parcels through guards.
//
// Scene five, lineage, computes reports from the orders, takes their events of OpenLineage,
// and says what breaks where a column is dropped, and where customers' numbers arrive.
//
// Scene six, tracing, sells baskets through a browser, a shop, a bank and a warehouse, which
// trace with the SDK of OpenTelemetry and send their spans over OTLP/HTTP and OTLP/gRPC to a
// collector that is part of the program. It says which traces were kept, which not and why,
// draws one, and shows the collector's ledger; the program fails if a span of what the
// services saw is missing, or a trace with an error, or a slow one.
//
// The same input gives the same output on every run and either database, save for the lines
// that begin with "took" or "~": they tell how long something took, or what depends on who
// was faster.
package main
