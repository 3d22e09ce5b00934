// Package stock keeps what a shop can sell: levels per SKU and location, and
// holds, which set units aside until a moment that is fixed when they are taken.
//
//	err := store.Reserve(ctx, now, stock.Hold{ID: "h1", Lines: lines, Until: now.Add(10 * time.Minute)})
//
// A hold takes all of its lines or nothing. It ends once: committed, when its
// units leave the shop, or released, by the caller or by whoever needs the units
// after its time.
//
//	            Reserve         Commit    on hand -= quantity, reserved -= quantity
//	(none) ────────────► live ─┬──────► committed
//	                      ▲ │  ├──────► released
//	               Extend └─┘  └──────► expired      from Until on: by Expire, or by a Reserve that is short
//
// Times are the caller's: a store has no clock. From Until on a hold may be swept;
// until somebody does, its units are still its own, and it may be extended or
// committed. So a slow payment does not lose what nobody else asked for.
//
// # Guarantees
//
//   - 0 ≤ reserved ≤ on hand, and reserved is the sum of the live holds, for each
//     key and at every moment.
//   - Every call is atomic, and calls that run at once are as if one followed
//     the other. Calls with the same hold and the same arguments can be repeated:
//     the second one changes nothing and has the same answer.
//   - Holds of several keys never wait for each other in a circle, whatever the
//     order of their lines.
//   - A refused call changes nothing.
//
// # Stores
//
// [NewMemoryStore] is complete, for tests and for one process. Package sqlorders has
// the same on PostgreSQL and SQLite, for many. A store of your own passes
// orderstest.TestStock. Two abilities are optional: [Applier], several moves in
// one transaction, and [Lister], the live holds.
//
// What ended stays known by its id, so that a late repeat is answered as what it
// is; nothing removes it.
//
// # What it does not do
//
// It does not choose a location, has no back-orders and no stock in transit.
package stock
