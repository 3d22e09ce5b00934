package sqlorders

import (
	"fmt"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/orders"
)

// queries are the statements of a Store, in the dialect of its database.
type queries struct {
	kit *sqlkit.Kit

	cart, addCart, putCart, cartVersion                 string
	checkout, addCheckout, putCheckout, checkoutVersion string
	order, addOrder, putOrder, orderVersion             string
	request, addRequest, forget                         string
	due, dueOf, owned, ack, fence, cancel, putEffect    string
	addEvent, addPosting                                string
	events, eventsByRef, eventsByAggregate, eventsBoth  string
	postings                                            string
	nextEvent                                           string // the expression
	lockHistory, outrun, lockStreams, catchUp           string // of PostgreSQL
}

// In PostgreSQL a row's seq begins with its transaction's number, and streams end below
// the oldest transaction that is under way: what is added later comes later. A
// transaction that has its number already when another one writes and commits, as a
// caller's may, goes on from there: within an aggregate a seq is above the one before,
// and is still not shown while its transaction is under way. The caller's own
// transaction sees what it has added itself.
//
// A database that was dumped and restored into another server finds itself at smaller
// numbers. How far it is ahead of them, catchUp writes down.
const (
	ahead   = `coalesce((select max(ahead) from {prefix}epochs), 0)`
	visible = ` and (seq < (txid_snapshot_xmin(txid_current_snapshot()) + ` + ahead + `) * 65536
		or seq / 65536 = txid_current_if_assigned() + ` + ahead + `)`
	// nextInTx is the first free number in a table, at or above that of the
	// transaction and above another number.
	nextInTx = `(select coalesce((select max(seq) from {prefix}%s where seq between low and low | 65535), low - 1) + 1
		from (select greatest((txid_current() + ` + ahead + `) * 65536, %s) as low) as t)`
	nextInOrder = `(select coalesce(max(seq), 0) + 1 from {prefix}%s)`

	outrun = `select exists (select 1 from (select max(seq) as seq from {prefix}events union all select max(seq) from {prefix}postings) as s
		where seq >= (txid_snapshot_xmax(txid_current_snapshot()) + ` + ahead + `) * 65536)`
	lockStreams = `lock table {prefix}events, {prefix}postings in access exclusive mode`
	catchUp     = `insert into {prefix}epochs (ahead)
		select max(seq) / 65536 + 1 - txid_snapshot_xmin(txid_current_snapshot())
		from (select max(seq) as seq from {prefix}events union all select max(seq) from {prefix}postings) as s
		having max(seq) >= (txid_snapshot_xmax(txid_current_snapshot()) + ` + ahead + `) * 65536`

	// lockHistory has one transaction at a time append to an aggregate, where no
	// version of it does that.
	lockHistory = `select pg_advisory_xact_lock(hashtextextended('{prefix}events/' || ?1, 0))`
)

func newQueries(kit *sqlkit.Kit) queries {
	lock, shown := "", ""
	nextEvent, nextPosting := fmt.Sprintf(nextInOrder, "events"), fmt.Sprintf(nextInOrder, "postings")
	if kit.Dialect() == sqlkit.PostgreSQL {
		lock, shown = " for update skip locked", visible
		nextEvent, nextPosting = fmt.Sprintf(nextInTx, "events", "(select max(seq) from last)"), fmt.Sprintf(nextInTx, "postings", "?2")
	}
	event := `select seq, body from {prefix}events where seq > ?1`
	page := ` order by seq limit ?2`
	due := `select fence, leased, body from {prefix}effects where done = 0 and due <= ?1 and (leased is null or leased <= ?1)`
	first := ` order by due, key limit ?2` + lock
	sql := kit.SQL
	return queries{
		kit:       kit,
		nextEvent: nextEvent,

		lockHistory: sql(lockHistory),
		outrun:      sql(outrun),
		lockStreams: sql(lockStreams),
		catchUp:     sql(catchUp),

		cart:        sql(`select body from {prefix}carts where id = ?1`),
		addCart:     sql(`insert into {prefix}carts (id, version, body) values (?1, ?2, ?3) on conflict do nothing`),
		putCart:     sql(`update {prefix}carts set version = ?2, body = ?3 where id = ?1 and version = ?2 - 1`),
		cartVersion: sql(`select version from {prefix}carts where id = ?1`),

		checkout:        sql(`select body from {prefix}checkouts where id = ?1`),
		addCheckout:     sql(`insert into {prefix}checkouts (id, version, body, cart, live) values (?1, ?2, ?3, ?4, ?5) on conflict do nothing`),
		putCheckout:     sql(`update {prefix}checkouts set version = ?2, body = ?3, cart = ?4, live = ?5 where id = ?1 and version = ?2 - 1`),
		checkoutVersion: sql(`select version from {prefix}checkouts where id = ?1`),

		order:        sql(`select body from {prefix}orders where id = ?1`),
		addOrder:     sql(`insert into {prefix}orders (id, version, body) values (?1, ?2, ?3) on conflict do nothing`),
		putOrder:     sql(`update {prefix}orders set version = ?2, body = ?3 where id = ?1 and version = ?2 - 1`),
		orderVersion: sql(`select version from {prefix}orders where id = ?1`),

		request: sql(`select body from {prefix}requests where scope = ?1 and key = ?2`),
		addRequest: sql(`insert into {prefix}requests (scope, key, keep_until, body) values (?1, ?2, ?3, ?4)
			on conflict (scope, key) do update set keep_until = excluded.keep_until, body = excluded.body
			where {prefix}requests.keep_until <= ?5`),
		forget: sql(`delete from {prefix}requests where (scope, key) in
			(select scope, key from {prefix}requests where keep_until <= ?1 order by keep_until limit 2` + lock + `)`),

		due:    sql(due + first),
		dueOf:  sql(due + ` and owner = ?3` + first),
		owned:  sql(`select body from {prefix}effects where owner = ?1 and done = 0 order by due, key`),
		ack:    sql(`update {prefix}effects set leased = null, done = ?1 where key = ?2 and fence = ?3 and fence > 0 and done = 0`),
		fence:  sql(`select fence from {prefix}effects where key = ?1 and done = 0`),
		cancel: sql(`update {prefix}effects set leased = null, done = 1 where key = ?1 and done = 0`),
		putEffect: sql(`insert into {prefix}effects as e (key, owner, due, fence, leased, worker, done, body) values (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)
			on conflict (key) do update set owner = excluded.owner, due = excluded.due, body = excluded.body, done = 0,
				fence = e.fence + case when e.done = 1 or e.leased is null or e.leased <= ?8 then excluded.fence else 0 end,
				worker = case when e.done = 1 or e.leased is null or e.leased <= ?8 then excluded.worker else e.worker end,
				leased = case when e.done = 1 then excluded.leased
					when e.leased is null or e.leased <= ?8 then coalesce(excluded.leased, e.leased) else e.leased end`),

		addEvent:          sql(`insert into {prefix}events (seq, aggregate, number, ref, body) values (?1, ?2, ?3, ?4, ?5)`),
		events:            sql(event + shown + page),
		eventsByRef:       sql(event + ` and ref = ?3 and ref <> ''` + page),
		eventsByAggregate: sql(event + ` and aggregate = ?3` + page),
		eventsBoth:        sql(event + ` and ref = ?3 and ref <> '' and aggregate = ?4` + page),

		addPosting: sql(`insert into {prefix}postings (seq, body) values (` + nextPosting + `, ?1)`),
		postings:   sql(`select seq, body from {prefix}postings where seq > ?1` + shown + page),
	}
}

// eventsOf returns the statement for a query, and its arguments after the first two.
func (q *queries) eventsOf(e orders.EventQuery) (query string, args []any) {
	switch {
	case e.Ref != "" && e.Aggregate != "":
		return q.eventsBoth, []any{e.Ref, e.Aggregate}
	case e.Ref != "":
		return q.eventsByRef, []any{e.Ref}
	case e.Aggregate != "":
		return q.eventsByAggregate, []any{e.Aggregate}
	default:
		return q.events, nil
	}
}

// numbersOf returns the next seq, under an empty name, and the last numbers of n
// aggregates.
func (q *queries) numbersOf(n int) string {
	return q.kit.SQL(`with last as (select aggregate, max(number) as number, max(seq) as seq from {prefix}events
			where aggregate in (` + sqlkit.Marks(n) + `) group by aggregate)
		select '', ` + q.nextEvent + ` union all select aggregate, number from last`)
}

// leaseMany leases n rows.
func (q *queries) leaseMany(n int) string {
	return q.kit.SQL(`update {prefix}effects set fence = fence + 1, leased = ?, worker = ? where key in (` + sqlkit.Marks(n) + `)`)
}
