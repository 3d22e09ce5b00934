package sqlorders

import (
	"fmt"
	"strings"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/orders/stock"
)

// stockQueries are the statements on stock. {lock} and {skip} wait for the lock of
// what is read, or pass over what is locked; SQLite has locked it all.
type stockQueries struct {
	kit *sqlkit.Kit

	endHold, extendHold, readHold, movePart, splitPart, expire, liveHolds string
	update, addKey, lockKey, readKey, addBucket, dropBucket               string
}

func newStockQueries(kit *sqlkit.Kit) stockQueries {
	q := stockQueries{kit: kit}
	// The row 0 of a hold is locked before the others are touched, so that it tells
	// also the sweep, which passes over holds that somebody is at.
	const liveHold = `hold = (select hold from {prefix}stock_holds where hold = ?1 and n = 0 and state = 'live' {lock}) and state = 'live'`
	q.endHold = q.sql(`update {prefix}stock_holds set state = ?2 where ` + liveHold + ` returning sku, location, bucket, quantity`)
	q.extendHold = q.sql(`update {prefix}stock_holds set until = case when until < ?2 then ?2 else until end where ` + liveHold)
	q.readHold = q.sql(`select n, sku, location, quantity, state from {prefix}stock_holds where hold = ? order by n`)
	q.movePart = q.sql(`update {prefix}stock_holds set bucket = ?, quantity = ? where hold = ? and n = ?`)
	q.splitPart = q.sql(`insert into {prefix}stock_holds (hold, n, sku, location, bucket, quantity, until, state)
select hold, cast(? as integer), sku, location, cast(? as integer), cast(? as bigint), until, state
from {prefix}stock_holds where hold = ? and n = ?`)
	q.expire = q.sql(`with dead as (
select hold as id from {prefix}stock_holds where n = 0 and state = 'live' and until <= ? order by until limit ? {skip})
update {prefix}stock_holds set state = 'expired' from dead
where hold = dead.id and state = 'live' returning hold, sku, location, bucket, quantity`)
	q.liveHolds = q.sql(`select hold, sku, location, quantity, until from {prefix}stock_holds
where state = 'live' and hold in (
select hold from {prefix}stock_holds where state = 'live' and n = 0 and hold > ? order by hold limit ?)
order by hold, n`)
	q.update = q.sql(`update {prefix}stock_levels set on_hand = on_hand + ?, reserved = reserved + ?
where sku = ? and location = ? and bucket = ? and on_hand - reserved >= ?`)
	q.addKey = q.sql(`insert into {prefix}stock_levels (sku, location, bucket, on_hand, reserved)
values (?, ?, 0, 0, 0) on conflict do nothing`)
	q.lockKey = q.sql(`select bucket from {prefix}stock_levels
where sku = ? and location = ? and bucket = 0 {lock}`)
	q.readKey = q.sql(`select sku, location, bucket, on_hand, reserved from {prefix}stock_levels
where sku = ? and location = ? order by bucket {lock}`)
	q.addBucket = q.sql(`insert into {prefix}stock_levels (sku, location, bucket, on_hand, reserved) values (?, ?, ?, ?, 0)`)
	q.dropBucket = q.sql(`delete from {prefix}stock_levels where sku = ? and location = ? and bucket = ?`)
	return q
}

func (q *stockQueries) sql(text string) string {
	lock, skip := "for update", "for update skip locked"
	if q.kit.Dialect() == SQLite {
		lock, skip = "", ""
	}
	return q.kit.SQL(strings.NewReplacer("{lock}", lock, "{skip}", skip).Replace(text))
}

// insertHold writes a hold of lines; it returns n and bucket of the rows that were
// not there. Each row names a random bucket that has room at the moment, which only
// the update that follows takes.
func (q *stockQueries) insertHold(id string, until int64, lines []stock.Line) (query string, args []any) {
	bucket := `0`
	if q.kit.Dialect() == PostgreSQL {
		bucket = `coalesce((select bucket from {prefix}stock_levels where sku = ?%[2]d and location = ?%[3]d
and on_hand - reserved >= ?%[4]d order by random() limit 1), 0)`
	}
	row := `(?1, %[1]d, ?%[2]d, ?%[3]d, ` + bucket + `, ?%[4]d, ?2, 'live')`
	args = append(args, id, until)
	rows := make([]string, len(lines))
	for i, l := range lines {
		rows[i] = fmt.Sprintf(row, i, 3+3*i, 4+3*i, 5+3*i)
		args = append(args, l.SKU, l.Location, l.Quantity)
	}
	return q.sql(`insert into {prefix}stock_holds (hold, n, sku, location, bucket, quantity, until, state) values ` +
		strings.Join(rows, ", ") + ` on conflict do nothing returning n, bucket`), args
}

func (q *stockQueries) expireHolds(ids []string) (query string, args []any) {
	for _, id := range ids {
		args = append(args, id)
	}
	return q.sql(`update {prefix}stock_holds set state = 'expired' where state = 'live' and hold in (` + sqlkit.Marks(len(ids)) + `)`), args
}

// ofKeys returns a query with the keys in the place of {keys}, and its arguments.
func (q *stockQueries) ofKeys(text string, keys []stock.Key, before ...any) (query string, args []any) {
	args = before
	for _, k := range keys {
		args = append(args, k.SKU, k.Location)
	}
	return q.sql(strings.ReplaceAll(text, "{keys}", "(sku, location) in (values "+sqlkit.Tuples(len(keys), 2)+")")), args
}

// The queries of keys.
const (
	// levelsOfKeys is as of one moment, as a statement has one snapshot.
	levelsOfKeys = `select sku, location, cast(sum(on_hand) as bigint), cast(sum(reserved) as bigint) from {prefix}stock_levels where {keys} group by sku, location`
	// roomOfKeys says also which keys have dead holds.
	roomOfKeys = `select sku, location, cast(sum(on_hand - reserved) as bigint), exists (
select 1 from {prefix}stock_holds h where h.sku = l.sku and h.location = l.location and h.state = 'live' and h.until <= ?)
from {prefix}stock_levels l where {keys} group by sku, location`
	lockKeys = `select sku, location, bucket, on_hand, reserved from {prefix}stock_levels where {keys}
order by sku, location, bucket {lock}`
	// deadOfKeys returns the keys of the dead holds that have one of keys.
	deadOfKeys = `select distinct sku, location from {prefix}stock_holds where state = 'live' and hold in (
select hold from {prefix}stock_holds where state = 'live' and until <= ? and {keys})`
	// sweepKeys locks these holds, save those that somebody is at, and returns them.
	sweepKeys = `with dead as (
select hold as id from {prefix}stock_holds where n = 0 and state = 'live' and until <= ? and hold in (
select hold from {prefix}stock_holds where state = 'live' and until <= ? and {keys}) {skip})
select hold, sku, location, bucket, quantity from {prefix}stock_holds join dead on hold = id where state = 'live'`
)
