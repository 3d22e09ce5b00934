package sqlpromotions

import (
	"encoding/json"
	"fmt"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/promotions"
)

const entryColumns = `entry_key, version, state, fingerprint, debits, reversals, result, expires`

// queries are the statements.
type queries struct {
	kit                 *sqlkit.Kit
	lock                string // what locks the rows of a query
	entry, entries, due string
}

func newQueries(kit *sqlkit.Kit) queries {
	q := queries{
		kit:     kit,
		entry:   kit.SQL(`select ` + entryColumns + ` from {prefix}entries where entry_key = ?`),
		entries: kit.SQL(`select ` + entryColumns + ` from {prefix}entries where entry_key > ? order by entry_key limit ?`),
		due:     kit.SQL(`select entry_key from {prefix}entries where state = 'RESERVED' and expires <= ? order by expires, entry_key limit ?`),
	}
	if kit.Dialect() == sqlkit.PostgreSQL {
		q.lock = " for update" // SQLite's transaction holds the only write lock
	}
	return q
}

func (q *queries) readAccounts(n int) string {
	return q.kit.SQL(`select id, unit, reserved, committed from {prefix}accounts where id in (` + sqlkit.Marks(n) + `)`)
}

func (q *queries) lockAccounts(n int) string { return q.readAccounts(n) + ` order by id` + q.lock }

// makeAccounts makes those that are missing, so that all can be locked. One without
// a unit is as good as not there.
func (q *queries) makeAccounts(n int) string {
	return q.kit.SQL(`insert into {prefix}accounts (id, unit, reserved, committed) values ` + sqlkit.Tuples(n, 4) + ` on conflict do nothing`)
}

func (q *queries) writeAccounts(n int) string {
	return q.kit.SQL(`insert into {prefix}accounts (id, unit, reserved, committed) values ` + sqlkit.Tuples(n, 4) +
		` on conflict (id) do update set unit = excluded.unit, reserved = excluded.reserved, committed = excluded.committed`)
}

func (q *queries) lockEntries(n int) string {
	return q.kit.SQL(`select entry_key, version from {prefix}entries where entry_key in (`+sqlkit.Marks(n)+`) order by entry_key`) + q.lock
}

// writeEntries passes over an entry whose version is not the one before.
func (q *queries) writeEntries(n int) string {
	return q.kit.SQL(`insert into {prefix}entries (` + entryColumns + `) values ` + sqlkit.Tuples(n, 8) +
		` on conflict (entry_key) do update set version = excluded.version, state = excluded.state, fingerprint = excluded.fingerprint,
debits = excluded.debits, reversals = excluded.reversals, result = excluded.result, expires = excluded.expires
where {prefix}entries.version = excluded.version - 1`)
}

func scanAccount(row sqlkit.Scanner) (a promotions.Account, err error) {
	err = row.Scan(&a.ID, &a.Unit, &a.Reserved, &a.Committed)
	return a, err
}

func scanKey(row sqlkit.Scanner) (string, error) {
	var key []byte
	err := row.Scan(&key)
	return string(key), err
}

func scanVersion(row sqlkit.Scanner) (promotions.Entry, error) {
	var key []byte
	var e promotions.Entry
	err := row.Scan(&key, &e.Version)
	e.Key = string(key)
	return e, err
}

func scanEntry(row sqlkit.Scanner) (promotions.Entry, error) {
	var (
		e                        promotions.Entry
		key, fingerprint, result []byte
		debits, reversals        string
		expires                  int64
	)
	if err := row.Scan(&key, &e.Version, &e.State, &fingerprint, &debits, &reversals, &result, &expires); err != nil {
		return e, err
	}
	e.Key, e.Expires = string(key), sqlkit.FromMicros(expires)
	if copy(e.Fingerprint[:], fingerprint) != len(e.Fingerprint) {
		return e, fmt.Errorf("a fingerprint of %d bytes", len(fingerprint))
	}
	if len(result) > 0 {
		e.Result = result
	}
	if err := json.Unmarshal([]byte(debits), &e.Debits); err != nil {
		return e, fmt.Errorf("debits: %w", err)
	}
	if err := json.Unmarshal([]byte(reversals), &e.Reversals); err != nil {
		return e, fmt.Errorf("reversals: %w", err)
	}
	return e, nil
}
