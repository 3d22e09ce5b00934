package sqlkit

import (
	"context"
	"iter"
)

// Scanner is what *sql.Row and *sql.Rows have in common, so that one function
// reads both.
type Scanner interface {
	Scan(dest ...any) error
}

// All returns what scan makes of the rows of a query, nil for none. It holds its
// connection no longer than the call.
func All[T any](ctx context.Context, db DB, scan func(Scanner) (T, error), query string, args ...any) (all []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, because(ctx, err)
	}
	defer func() { _ = rows.Close() }() // after the last row it has nothing to add to Err
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, because(ctx, err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, because(ctx, err)
	}
	return all, nil
}

// Pages yields the elements of one page after another, of size elements each but
// the last. page returns the one that follows after, the first where after is
// nil. A page is loaded whole before its first element is yielded: the loop's
// body finds the connection free, also in a pool of one and in a transaction. The
// sequence is live, can be ranged over again, and ends with the first error.
func Pages[T any](size int, page func(after *T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var after *T
		for {
			loaded, err := page(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, one := range loaded {
				if !yield(one, nil) {
					return
				}
			}
			if len(loaded) < size {
				return
			}
			after = &loaded[len(loaded)-1]
		}
	}
}
