// Package sqlorders keeps orders and their stock in PostgreSQL or SQLite, by
// database/sql and whatever driver the program has. It imports none.
//
//	stock, err := sqlorders.NewStock(db, sqlorders.Config{Dialect: sqlorders.PostgreSQL, Prefix: "shop_"})
//	...
//	err = stock.Migrate(ctx)
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
// Every transaction locks rows of holds first and rows of levels last, those in
// ascending order of SKU, location and bucket. So no two wait for each other, and a
// row that everybody wants is locked for one statement and the commit. Only a
// reservation that found too little looks for dead holds with rows of levels locked,
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
// undone by a savepoint.
package sqlorders
