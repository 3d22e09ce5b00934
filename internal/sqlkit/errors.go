package sqlkit

import "errors"

// What a store re-exports, to be tested with [errors.Is].
var (
	// ErrMigration says that the steps which the database has behind it are not
	// those of this program: one was edited after it was applied, or is unknown
	// here because a newer program applied it. Nothing was written.
	ErrMigration = errors.New("database and program disagree on migrations")

	// ErrOutcomeUnknown says that a transaction was to be committed and no answer
	// came: it stands as a whole, or nothing of it does. Repeating the call is safe
	// where a repeat is told from a first time: by an idempotency key, which then
	// finds what it wrote before; or by compare-and-set, where a repeat that loses
	// against itself gets the store's conflict, and reading shows whose write is
	// there. Anything else, such as adding to a sum, must be read before it is
	// repeated.
	ErrOutcomeUnknown = errors.New("commit was not answered, its outcome is unknown")
)
