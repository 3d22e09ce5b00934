package sqlpricing

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/internal/limits"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is what *sql.DB, *sql.Conn and *sql.Tx have in common.
type DB interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Dialect is the SQL that a database speaks; nothing is guessed from its driver.
type Dialect = sqlkit.Dialect

// The dialects.
const (
	PostgreSQL = sqlkit.PostgreSQL // 12 and later
	SQLite     = sqlkit.SQLite     // 3.35 and later
)

var (
	// ErrMigration says that the migrations that the database has behind it are
	// not those of this program. Nothing was written.
	ErrMigration = sqlkit.ErrMigration
	// ErrOutcomeUnknown says that a commit was sent and not answered. Repeat the
	// write: where it had happened, it is pricing.ErrConflict now.
	ErrOutcomeUnknown = sqlkit.ErrOutcomeUnknown
)

// Config says which database it is.
type Config struct {
	// Dialect is the database's, required.
	Dialect Dialect
	// Prefix begins the name of every table: at most 31 of a-z, 0-9 and _, no digit
	// first. Empty is none.
	Prefix string
}

// A Store is a [pricing.Store] in a database. It is safe for concurrent use if
// its DB is a *sql.DB; with a *sql.Conn or *sql.Tx one call follows another.
type Store struct {
	kit *sqlkit.Kit
	q   queries
}

var _ pricing.Store = (*Store)(nil)

// New returns the store in db, a *sql.DB, *sql.Conn or *sql.Tx, or all that is
// wrong with its input. It does not touch the database: the tables come by
// Migrate.
func New(db DB, cfg Config) (*Store, error) {
	kit, err := sqlkit.New(db, sqlkit.Config{Engine: "pricing", Dialect: cfg.Dialect, Prefix: cfg.Prefix})
	if err != nil {
		return nil, fmt.Errorf("sqlpricing: new: %w", err)
	}
	return &Store{kit: kit, q: newQueries(kit)}, nil
}

// Migrate makes the tables, or brings those of an older program up to date, in
// one transaction. Migrators wait for each other; who comes second has nothing to
// do. [ErrMigration] before any write when a migration that the database has
// behind it is not, or no longer, the one that this program knows.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.kit.Migrate(ctx, migrations); err != nil {
		return fmt.Errorf("sqlpricing: %w", err)
	}
	return nil
}

// SaveDraft implements [pricing.Store]. It sends only parts that the book lacks.
func (s *Store) SaveDraft(ctx context.Context, book string, d pricing.Draft) (pricing.Draft, error) {
	d.Rules.Version, d.Rules.EffectiveFrom = 0, time.Time{}
	m, parts, err := pricing.Cut(d.Rules)
	if err == nil {
		err = errors.Join(limits.Book(book), number("revision", d.Revision))
	}
	if err == nil {
		err = s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
			return s.saveDraft(ctx, tx, book, d.Revision, m, parts)
		})
	}
	if err != nil {
		return pricing.Draft{}, fmt.Errorf("sqlpricing: save draft of %q over revision %d: %w", book, d.Revision, err)
	}
	d.Revision++
	return d, nil
}

func (s *Store) saveDraft(ctx context.Context, tx sqlkit.DB, book string, revision uint64, m pricing.Manifest, parts []pricing.Part) error {
	claim, args := s.q.claimDraft, []any{book, revision}
	if revision == 0 {
		claim, args = s.q.createBook, []any{book}
	}
	if claimed, err := changed(ctx, tx, claim, args...); err != nil {
		return err
	} else if claimed == 0 {
		return fmt.Errorf("the draft has another revision: %w", pricing.ErrConflict)
	}
	if err := s.addParts(ctx, tx, book, parts); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, s.q.dropDraftParts, book); err != nil {
		return err
	}
	digest := m.Digest()
	if _, err := tx.ExecContext(ctx, s.q.putDraft, book, digest[:], m.Policy); err != nil {
		return err
	}
	return s.addRefs(ctx, tx, book, m)
}

// Publish implements [pricing.Store].
func (s *Store) Publish(ctx context.Context, book string, p pricing.Publication) (pricing.Head, error) {
	h := pricing.Head{
		Version:       p.After + 1,
		EffectiveFrom: p.EffectiveFrom.UTC(),
		PublishedAt:   sqlkit.FromMicros(sqlkit.Micros(p.At)),
		By:            p.By,
		Note:          p.Note,
		Immediate:     p.Immediate,
	}
	err := errors.Join(limits.Publication(p.At, p.EffectiveFrom, p.By, p.Note), number("revision", p.Revision), number("version", p.After))
	if err == nil {
		err = s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) error {
			return s.publish(ctx, tx, book, p, &h)
		})
	}
	if err != nil {
		return pricing.Head{}, fmt.Errorf("sqlpricing: publish %q: %w", book, err)
	}
	return h, nil
}

// publish fills in the head's digest, which is the draft's.
func (s *Store) publish(ctx context.Context, tx sqlkit.DB, book string, p pricing.Publication, h *pricing.Head) error {
	claimed, err := changed(ctx, tx, s.q.claimVersion, book, p.After, p.Revision)
	if err != nil {
		return err
	}
	if claimed == 0 {
		return s.whyNot(ctx, tx, book, p)
	}
	row := tx.QueryRowContext(ctx, s.q.addVersion, h.Version, sqlkit.Micros(p.EffectiveFrom), sqlkit.Micros(p.At), p.By, p.Note, bit(p.Immediate), book)
	if h.Digest, err = scanDigest(row); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, s.q.copyRefs, h.Version, book)
	return err
}

// whyNot says why a publication hit no book.
func (s *Store) whyNot(ctx context.Context, tx sqlkit.DB, book string, p pricing.Publication) error {
	var revision, last uint64
	err := tx.QueryRowContext(ctx, s.q.book, book).Scan(&revision, &last)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return pricing.ErrNotFound
	case err != nil:
		return err
	}
	return fmt.Errorf("revision %d after version %d, where there are %d and %d: %w", p.Revision, p.After, revision, last, pricing.ErrConflict)
}

// Draft implements [pricing.Store].
func (s *Store) Draft(ctx context.Context, book string) (pricing.Draft, error) {
	d, err := s.draft(ctx, book)
	if err != nil {
		return pricing.Draft{}, fmt.Errorf("sqlpricing: draft of %q: %w", book, err)
	}
	return d, nil
}

func (s *Store) draft(ctx context.Context, book string) (pricing.Draft, error) {
	var d pricing.Draft
	var m pricing.Manifest
	scan := func(row sqlkit.Scanner) (pricing.Part, error) {
		return scanDraftPart(row, &d.Revision, &m)
	}
	parts, err := sqlkit.All(ctx, s.kit.DB(), scan, s.q.draft, book)
	if err != nil {
		return d, err
	}
	if len(parts) == 0 {
		return d, pricing.ErrNotFound
	}
	if parts[0].Digest == (pricing.Digest{}) {
		parts = nil // a draft without rules: one row, and no part in it
	}
	d.Rules, err = pricing.Join(m, parts)
	return d, err
}

// Heads implements [pricing.Store]. It reads pages of 500.
func (s *Store) Heads(ctx context.Context, book string, after uint64) iter.Seq2[pricing.Head, error] {
	const size = 500
	return sqlkit.Pages(size, func(last *pricing.Head) ([]pricing.Head, error) {
		from := min(after, math.MaxInt64)
		if last != nil {
			from = last.Version
		}
		heads, err := sqlkit.All(ctx, s.kit.DB(), scanHead, s.q.heads, book, from, size)
		if err != nil {
			return nil, fmt.Errorf("sqlpricing: heads of %q after %d: %w", book, from, err)
		}
		return heads, nil
	})
}

// Manifest implements [pricing.Store].
func (s *Store) Manifest(ctx context.Context, book string, version uint64) (pricing.Manifest, error) {
	m := pricing.Manifest{Version: version}
	scan := func(row sqlkit.Scanner) (struct{}, error) {
		return struct{}{}, scanRef(row, &m)
	}
	rows, err := sqlkit.All(ctx, s.kit.DB(), scan, s.q.manifest, book, min(version, math.MaxInt64))
	if err == nil && len(rows) == 0 {
		err = pricing.ErrNotFound
	}
	if err != nil {
		return pricing.Manifest{}, fmt.Errorf("sqlpricing: manifest of %q version %d: %w", book, version, err)
	}
	return m, nil
}

// Prune implements [pricing.Store].
func (s *Store) Prune(ctx context.Context, book string, keep int, at time.Time) (int, error) {
	var removed int64
	err := s.kit.InTx(ctx, func(ctx context.Context, tx sqlkit.DB) (err error) {
		removed, err = s.prune(ctx, tx, book, int64(max(keep, 0)), sqlkit.Micros(at))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("sqlpricing: prune %q: %w", book, err)
	}
	return int(removed), nil
}

func (s *Store) prune(ctx context.Context, tx sqlkit.DB, book string, keep, at int64) (removed int64, err error) {
	// The lock keeps a part that is unused now from coming into use meanwhile.
	if locked, err := changed(ctx, tx, s.q.lockBook, book); err != nil || locked == 0 {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, s.q.dropRefs, book, keep, at); err != nil {
		return 0, err
	}
	if removed, err = changed(ctx, tx, s.q.dropVersions, book, keep, at); err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, s.q.dropParts, book)
	return removed, err
}

// changed runs a statement and returns how many rows it changed.
func changed(ctx context.Context, tx sqlkit.DB, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// number checks that a column can hold n, which no count of saves ever exceeds.
func number(what string, n uint64) error {
	if n >= math.MaxInt64 {
		return fmt.Errorf("no %s is as high as %d: %w", what, n, pricing.ErrConflict)
	}
	return nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
