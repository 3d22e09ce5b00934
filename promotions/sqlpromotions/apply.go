package sqlpromotions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/promotions"
)

// A call is one of Apply.
type call struct {
	batch             promotions.Batch
	debits, reversals string // as they are stored
	entry             promotions.Entry
	err               error // how it was decided
	party             *party
	done              chan struct{}
}

// newCall prepares a batch, and refuses one that no store takes before anybody waits
// for it.
func newCall(b promotions.Batch) (*call, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	c := &call{batch: b, entry: b.Entry}
	c.entry.Key, c.entry.Version = b.Key, b.Version+1
	c.entry.Expires = c.entry.Expires.UTC().Truncate(time.Microsecond)
	debits, err1 := json.Marshal(b.Entry.Debits)
	reversals, err2 := json.Marshal(b.Entry.Reversals)
	c.debits, c.reversals = string(debits), string(reversals)
	// What the caller gets back shares nothing with what it gave.
	c.entry.Debits, c.entry.Reversals, c.entry.Result = nil, nil, slices.Clone(b.Entry.Result)
	return c, errors.Join(err1, err2, json.Unmarshal(debits, &c.entry.Debits), json.Unmarshal(reversals, &c.entry.Reversals))
}

// row is how the call's entry is stored.
func (c *call) row() []any {
	e := &c.entry
	result := []byte(e.Result)
	if result == nil {
		result = []byte{} // null is no value of the column
	}
	return []any{[]byte(e.Key), e.Version, string(e.State), e.Fingerprint[:], c.debits, c.reversals, result, sqlkit.Micros(e.Expires)}
}

// write decides calls of distinct keys in order and writes those that are accepted,
// in one transaction. Its error is that of all of them.
func (s *Store) write(ctx context.Context, calls []*call) error {
	const tries = 8 // nodes that write one new entry at a time
	var err error
	for range tries {
		err = s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
			return s.writeIn(ctx, tx, calls)
		})
		if !errors.Is(err, errLost) {
			break
		}
	}
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// Why a transaction ends without a commit.
var (
	// errNothing: every call is refused.
	errNothing = errors.New("nothing to write")
	// errLost: another node wrote an entry between the read and the write, as nothing
	// but a row that is there can be locked.
	errLost = errors.New("another node was faster")
)

func (s *Store) writeIn(ctx context.Context, tx sqlkit.DB, calls []*call) error {
	balances, err := s.lockAccounts(ctx, tx, calls)
	if err != nil {
		return err
	}
	versions, err := s.lockEntries(ctx, tx, calls)
	if err != nil {
		return err
	}
	changed := make(map[string]bool)
	var accepted []*call
	for _, c := range calls {
		var after []promotions.Account
		if after, c.err = c.batch.Decide(versions[c.batch.Key], balances); c.err != nil {
			continue
		}
		for _, a := range after {
			balances[a.ID], changed[a.ID] = a, true
		}
		accepted = append(accepted, c)
	}
	if len(accepted) == 0 {
		return errNothing
	}
	if err := s.writeEntries(ctx, tx, accepted); err != nil {
		return err
	}
	return s.writeAccounts(ctx, tx, balances, changed)
}

// accountsPerStatement keeps four arguments for each within what a statement takes.
const accountsPerStatement = sqlkit.MaxArgs / 4

// lockAccounts locks the accounts that the calls move, in order of id, and makes
// those that are not there.
func (s *Store) lockAccounts(ctx context.Context, tx sqlkit.DB, calls []*call) (map[string]promotions.Account, error) {
	moved := make(map[string]bool)
	for _, c := range calls {
		for _, m := range c.batch.Moves {
			moved[m.Account] = true
		}
	}
	ids := slices.Sorted(maps.Keys(moved))
	for page := range slices.Chunk(ids, accountsPerStatement) {
		var args []any
		for _, id := range page {
			args = append(args, id, "", 0, 0)
		}
		if _, err := tx.ExecContext(ctx, s.q.makeAccounts(len(page)), args...); err != nil {
			return nil, err
		}
	}
	balances := make(map[string]promotions.Account, len(ids))
	for page := range slices.Chunk(ids, accountsPerStatement) {
		some, err := s.balances(ctx, tx, s.q.lockAccounts(len(page)), page)
		if err != nil {
			return nil, err
		}
		maps.Copy(balances, some)
	}
	return balances, nil
}

// lockEntries locks the entries that are there, in order of key, and returns their
// versions.
func (s *Store) lockEntries(ctx context.Context, tx sqlkit.DB, calls []*call) (map[string]int64, error) {
	args := make([]any, len(calls))
	for i, c := range calls {
		args[i] = []byte(c.batch.Key)
	}
	list, err := sqlkit.All(ctx, tx, scanVersion, s.q.lockEntries(len(args)), args...)
	if err != nil {
		return nil, err
	}
	versions := make(map[string]int64, len(list))
	for _, e := range list {
		versions[e.Key] = e.Version
	}
	return versions, nil
}

// writeEntries writes entries in order of key. An entry that was not there to be
// locked may be by now: errLost.
func (s *Store) writeEntries(ctx context.Context, tx sqlkit.DB, calls []*call) error {
	calls = slices.Clone(calls)
	slices.SortFunc(calls, func(a, b *call) int { return strings.Compare(a.batch.Key, b.batch.Key) })
	var args []any
	for _, c := range calls {
		args = append(args, c.row()...)
	}
	result, err := tx.ExecContext(ctx, s.q.writeEntries(len(calls)), args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != int64(len(calls)) {
		err = fmt.Errorf("%d of %d entries: %w", n, len(calls), errLost)
	}
	return err
}

func (s *Store) writeAccounts(ctx context.Context, tx sqlkit.DB, balances map[string]promotions.Account, changed map[string]bool) error {
	for page := range slices.Chunk(slices.Sorted(maps.Keys(changed)), accountsPerStatement) {
		var args []any
		for _, id := range page {
			a := balances[id]
			args = append(args, a.ID, a.Unit, a.Reserved, a.Committed)
		}
		if _, err := tx.ExecContext(ctx, s.q.writeAccounts(len(page)), args...); err != nil {
			return err
		}
	}
	return nil
}
