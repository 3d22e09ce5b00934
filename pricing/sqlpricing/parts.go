package sqlpricing

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"github.com/tenon-go/tenon/pricing"
)

// Parts of 100,000 rules have some 80 KB each: a statement that brings or fetches
// this many has some megabytes.
const partsPerStatement = 32

// Parts implements [pricing.Store]. It reads pages of 32.
func (s *Store) Parts(ctx context.Context, book string, digests []pricing.Digest) iter.Seq2[pricing.Part, error] {
	return func(yield func(pricing.Part, error) bool) {
		for page := range slices.Chunk(distinct(digests), partsPerStatement) {
			parts, err := s.readParts(ctx, book, page)
			if err != nil {
				yield(pricing.Part{}, fmt.Errorf("sqlpricing: parts of %q: %w", book, err))
				return
			}
			for _, p := range parts {
				if !yield(p, nil) {
					return
				}
			}
			if len(parts) < len(page) {
				err := fmt.Errorf("sqlpricing: parts of %q: %d of %d missing: %w", book, len(page)-len(parts), len(page), pricing.ErrTorn)
				yield(pricing.Part{}, err)
				return
			}
		}
	}
}

func (s *Store) readParts(ctx context.Context, book string, page []pricing.Digest) ([]pricing.Part, error) {
	query := s.kit.SQL("select digest, data from {prefix}parts where book = ? and digest in (" + sqlkit.Marks(len(page)) + ")")
	return sqlkit.All(ctx, s.kit.DB(), scanPart, query, bookAnd(book, page)...)
}

// distinct returns the digests that are not zero, each once.
func distinct(digests []pricing.Digest) []pricing.Digest {
	seen := make(map[pricing.Digest]bool, len(digests))
	seen[pricing.Digest{}] = true
	var list []pricing.Digest
	for _, d := range digests {
		if !seen[d] {
			seen[d] = true
			list = append(list, d)
		}
	}
	return list
}

// addParts inserts those parts that the book lacks. Its row is locked: none of
// those found can be pruned before the commit.
func (s *Store) addParts(ctx context.Context, tx sqlkit.DB, book string, parts []pricing.Part) error {
	if len(parts) == 0 {
		return nil
	}
	digests := make([]pricing.Digest, len(parts))
	for i, p := range parts {
		digests[i] = p.Digest
	}
	query := s.kit.SQL("select digest from {prefix}parts where book = ? and digest in (" + sqlkit.Marks(len(parts)) + ")")
	there, err := sqlkit.All(ctx, tx, scanDigest, query, bookAnd(book, digests)...)
	if err != nil {
		return err
	}
	have := make(map[pricing.Digest]bool, len(there))
	for _, d := range there {
		have[d] = true
	}
	missing := slices.DeleteFunc(slices.Clone(parts), func(p pricing.Part) bool { return have[p.Digest] })
	for page := range slices.Chunk(missing, partsPerStatement) {
		var args []any
		for _, p := range page {
			args = append(args, book, p.Digest[:], p.Data)
		}
		query := s.kit.SQL("insert into {prefix}parts (book, digest, data) values " + sqlkit.Tuples(len(page), 3) + " on conflict do nothing")
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// addRefs makes the draft refer to the parts of m.
func (s *Store) addRefs(ctx context.Context, tx sqlkit.DB, book string, m pricing.Manifest) error {
	var args []any
	rows := 0
	for i, d := range m.Parts {
		if d != (pricing.Digest{}) {
			args = append(args, book, 0, i, d[:])
			rows++
		}
	}
	if rows == 0 {
		return nil
	}
	query := s.kit.SQL("insert into {prefix}version_parts (book, version, part, digest) values " + sqlkit.Tuples(rows, 4))
	_, err := tx.ExecContext(ctx, query, args...)
	return err
}

// bookAnd returns the arguments of a query for these digests of a book.
func bookAnd(book string, digests []pricing.Digest) []any {
	args := make([]any, 0, len(digests)+1)
	args = append(args, book)
	for i := range digests {
		args = append(args, digests[i][:])
	}
	return args
}
