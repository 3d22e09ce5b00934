// Package sqlorders keeps orders and their stock in PostgreSQL or SQLite, by
// database/sql and whatever driver the program has. It imports none.
//
//	store, err := sqlorders.New(db, sqlorders.Config{Dialect: sqlorders.PostgreSQL, Prefix: "shop_"})
//	...
//	err = store.Migrate(ctx)
//
// [NewStock] is the stock alone.
//
// # Tables of orders
//
//	carts, checkouts, orders  id, version, body; a unique index on the cart of live checkouts
//	effects                   key, owner, due, fence, leased, worker, done, body
//	events                    seq, aggregate, number, ref, body
//	postings                  seq, body
//	requests                  scope, key, keep_until, body
//	epochs                    ahead; PostgreSQL only
//
// A body is the JSON of what the engine writes, and the columns beside it are what the
// database has to know. Only requests are ever deleted, two that are over for each that
// comes.
//
// # Streams
//
// SQLite has one writer: its events are numbered one after the other. In PostgreSQL a
// seq is 65,536 times the number of the transaction, and the event's place in it; streams
// end below the oldest transaction of the whole server that is under way and has written,
// in whatever database. So one that is left open holds them back, and shows in
// pg_stat_activity as the smallest backend_xid; nothing is lost by it, and queries by
// aggregate or reference, which is all that the engine itself asks, do not wait for it.
//
// A server that a dump was restored into counts its transactions from the start. Migrate
// sees that and has the streams go on where they were: it must be called there before
// anything is written.
//
// # Tables of stock
//
//	stock_levels  sku, location, bucket, on_hand, reserved           one row, or one per bucket
//	stock_holds   hold, n, sku, location, bucket, quantity, until, state
//
// A hold is a row per key, or per bucket that its units come from; its row 0 stands
// for the whole where it is locked. Rows of holds that ended stay, so that a repeat
// is told from a first time. Times are microseconds since 1970 in UTC.
//
// # Locks
//
// A change locks its request, carts, checkout, order and effects in this order, then
// rows of holds and last rows of levels, those in ascending order of SKU, location and
// bucket. So no two wait for each other, and a row that everybody wants is locked for
// one statement and the commit. Only a reservation that found too little looks for dead holds with rows of levels locked,
// and passes over those that are locked themselves instead of waiting.
//
// PostgreSQL runs at READ COMMITTED; serialization failures and deadlocks are
// repeated. SQLite begins immediate, and has one writer at a time: open it in WAL
// mode with a busy timeout of 5 s.
//
// # The caller's transaction
//
// The constructors take a *sql.Tx as well. What is done then stands or falls with
// that transaction, which is neither committed nor repeated here; what failed is
// undone by a savepoint. In SQLite such a transaction has to begin immediate too, or it
// meets another writer half-way and fails: with modernc.org/sqlite that is _txlock=immediate
// in the data source name.
package sqlorders
