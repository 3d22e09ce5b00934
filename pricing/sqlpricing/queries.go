package sqlpricing

import (
	"database/sql"
	"fmt"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/pricing"
)

// queries are the statements whose text is always the same.
type queries struct {
	book, draft, heads, manifest                     string // reads
	createBook, claimDraft, putDraft, dropDraftParts string // of SaveDraft
	claimVersion, addVersion, copyRefs               string // of Publish
	lockBook, dropRefs, dropVersions, dropParts      string // of Prune
}

func newQueries(kit *sqlkit.Kit) queries {
	// What Prune removes: arguments are the book, how many to keep, and the time.
	const pruned = `book = ?1 and version > 0
	and version <= (select b.last - ?2 from {prefix}books b where b.name = ?1)
	and version < (select max(v.version) from {prefix}versions v where v.book = ?1 and v.version > 0 and v.effective_from <= ?3)
	and not exists (select 1 from {prefix}versions v where v.book = ?1 and v.version > 0 and v.version <= {prefix}versions.version and v.effective_from > ?3)`
	return queries{
		book: kit.SQL(`select draft_revision, last from {prefix}books where name = ?`),
		draft: kit.SQL(`select b.draft_revision, v.policy, r.part, r.digest, p.data
from {prefix}books b
join {prefix}versions v on v.book = b.name and v.version = 0
left join {prefix}version_parts r on r.book = v.book and r.version = v.version
left join {prefix}parts p on p.book = r.book and p.digest = r.digest
where b.name = ? order by r.part`),
		heads: kit.SQL(`select version, digest, effective_from, published_at, published_by, note, immediate
from {prefix}versions where book = ? and version > ? order by version limit ?`),
		manifest: kit.SQL(`select v.policy, r.part, r.digest
from {prefix}versions v left join {prefix}version_parts r on r.book = v.book and r.version = v.version
where v.book = ? and v.version = ? and v.version > 0`),

		createBook: kit.SQL(`insert into {prefix}books (name, draft_revision, last) values (?, 1, 0) on conflict do nothing`),
		claimDraft: kit.SQL(`update {prefix}books set draft_revision = draft_revision + 1 where name = ? and draft_revision = ?`),
		putDraft: kit.SQL(`insert into {prefix}versions
(book, version, digest, policy, effective_from, published_at, published_by, note, immediate) values (?, 0, ?, ?, 0, 0, '', '', 0)
on conflict (book, version) do update set digest = excluded.digest, policy = excluded.policy`),
		dropDraftParts: kit.SQL(`delete from {prefix}version_parts where book = ? and version = 0`),

		claimVersion: kit.SQL(`update {prefix}books set last = last + 1 where name = ? and last = ? and draft_revision = ?`),
		addVersion: kit.SQL(`insert into {prefix}versions
(book, version, digest, policy, effective_from, published_at, published_by, note, immediate)
select book, cast(? as bigint), digest, policy, cast(? as bigint), cast(? as bigint), cast(? as text), cast(? as text), cast(? as integer)
from {prefix}versions where book = ? and version = 0 returning digest`),
		copyRefs: kit.SQL(`insert into {prefix}version_parts (book, version, part, digest)
select book, cast(? as bigint), part, digest from {prefix}version_parts where book = ? and version = 0`),

		lockBook:     kit.SQL(`update {prefix}books set last = last where name = ?`),
		dropRefs:     kit.SQL(`delete from {prefix}version_parts where book = ?1 and version in (select version from {prefix}versions where ` + pruned + `)`),
		dropVersions: kit.SQL(`delete from {prefix}versions where ` + pruned),
		dropParts: kit.SQL(`delete from {prefix}parts where book = ? and not exists
(select 1 from {prefix}version_parts r where r.book = {prefix}parts.book and r.digest = {prefix}parts.digest)`),
	}
}

func scanHead(row sqlkit.Scanner) (pricing.Head, error) {
	var (
		h               pricing.Head
		digest          []byte
		from, published int64
		immediate       int
	)
	if err := row.Scan(&h.Version, &digest, &from, &published, &h.By, &h.Note, &immediate); err != nil {
		return h, err
	}
	h.EffectiveFrom, h.PublishedAt, h.Immediate = sqlkit.FromMicros(from), sqlkit.FromMicros(published), immediate != 0
	return h, setDigest(&h.Digest, digest)
}

// scanRef adds a row of a version to its manifest. Without rules, a version has
// one row without a part.
func scanRef(row sqlkit.Scanner, m *pricing.Manifest) error {
	var part sql.NullInt64
	var digest []byte
	if err := row.Scan(&m.Policy, &part, &digest); err != nil {
		return err
	}
	return setPart(m, part, digest)
}

// scanDraftPart does the same for the draft, whose parts come along.
func scanDraftPart(row sqlkit.Scanner, revision *uint64, m *pricing.Manifest) (p pricing.Part, err error) {
	var part sql.NullInt64
	var digest []byte
	if err := row.Scan(revision, &m.Policy, &part, &digest, &p.Data); err != nil {
		return p, err
	}
	if err := setPart(m, part, digest); err != nil || !part.Valid {
		return p, err
	}
	p.Digest = m.Parts[part.Int64]
	return p, nil
}

func setPart(m *pricing.Manifest, part sql.NullInt64, digest []byte) error {
	switch {
	case !part.Valid:
		return nil
	case part.Int64 < 0 || part.Int64 >= int64(len(m.Parts)):
		return fmt.Errorf("part %d: %w", part.Int64, pricing.ErrTorn)
	}
	return setDigest(&m.Parts[part.Int64], digest)
}

func scanPart(row sqlkit.Scanner) (p pricing.Part, err error) {
	var digest []byte
	if err := row.Scan(&digest, &p.Data); err != nil {
		return p, err
	}
	return p, setDigest(&p.Digest, digest)
}

func scanDigest(row sqlkit.Scanner) (d pricing.Digest, err error) {
	var digest []byte
	if err := row.Scan(&digest); err != nil {
		return d, err
	}
	return d, setDigest(&d, digest)
}

func setDigest(d *pricing.Digest, b []byte) error {
	if copy(d[:], b) != len(d) || len(b) != len(d) {
		return fmt.Errorf("a digest of %d bytes: %w", len(b), pricing.ErrTorn)
	}
	return nil
}
