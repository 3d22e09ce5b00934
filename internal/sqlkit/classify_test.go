package sqlkit_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/tenon-go/tenon/internal/sqlkit"
)

// The other shapes of SQLite's errors: of fields, and of methods with types of
// the driver's own.
type (
	fieldsError  struct{ Code, ExtendedCode fieldCode }
	fieldCode    int
	methodsError struct{ code uint16 }
)

func (fieldsError) Error() string { return "fields" }

func (*methodsError) Error() string          { return "methods" }
func (e *methodsError) Code() uint8          { return uint8(e.code & 0xff) }
func (e *methodsError) ExtendedCode() uint16 { return e.code }

// Errors that look like them and are none.
type (
	httpError   struct{ Code int }
	stringError struct{ Code, ExtendedCode string }
	oddError    struct{}
)

func (httpError) Error() string          { return "http" }
func (stringError) Error() string        { return "string" }
func (oddError) Error() string           { return "odd" }
func (oddError) Code() string            { return "5" }
func (oddError) ExtendedCode(string) int { return 2067 }

func TestUniqueViolationIsToldFromOtherErrors(t *testing.T) {
	t.Parallel()
	wrap := func(err error) error { return errors.Join(fs.ErrExist, fmt.Errorf("put: %w", err)) }
	for _, test := range []struct {
		dialect sqlkit.Dialect
		err     error
		want    bool
	}{
		{sqlkit.PostgreSQL, pgError("23505"), true},
		{sqlkit.PostgreSQL, wrap(pgError("23505")), true},
		{sqlkit.PostgreSQL, pgError("23503"), false},
		{sqlkit.PostgreSQL, liteError(2067), false},
		{sqlkit.PostgreSQL, fs.ErrExist, false},
		{sqlkit.PostgreSQL, nil, false},
		{sqlkit.SQLite, liteError(2067), true},
		{sqlkit.SQLite, liteError(1555), true},
		{sqlkit.SQLite, liteError(2579), true},
		{sqlkit.SQLite, wrap(liteError(2067)), true},
		{sqlkit.SQLite, fieldsError{19, 1555}, true},
		{sqlkit.SQLite, &fieldsError{19, 2067}, true},
		{sqlkit.SQLite, wrap(&methodsError{2067}), true},
		{sqlkit.SQLite, liteError(19), false},
		{sqlkit.SQLite, fieldsError{19, 787}, false},
		{sqlkit.SQLite, &methodsError{1299}, false},
		{sqlkit.SQLite, httpError{2067}, false},
		{sqlkit.SQLite, stringError{"19", "2067"}, false},
		{sqlkit.SQLite, oddError{}, false},
		{sqlkit.SQLite, (*fieldsError)(nil), false},
		{sqlkit.SQLite, wrap(wrap(fs.ErrClosed)), false},
		{sqlkit.SQLite, pgError("23505"), false},
		{sqlkit.SQLite, nil, false},
	} {
		_, db := newFake(t, test.dialect)
		if got := newKit(t, db, test.dialect).IsUnique(test.err); got != test.want {
			t.Errorf("%v: %T %v: %t, want %t", test.dialect, test.err, test.err, got, test.want)
		}
	}
}

func TestOnlyContentionIsRepeated(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		repeated := map[error]bool{
			liteError(5): true, liteError(6): true, liteError(5 | 2<<8): true, liteError(6 | 1<<8): true, fieldsError{5, 517}: true,
			&methodsError{261}: true, liteError(2067): false, liteError(1): false, errStore: false, pgError("40001"): false, httpError{5}: false,
		}
		if kit.Dialect() == sqlkit.PostgreSQL {
			repeated = map[error]bool{
				pgError("40001"): true, pgError("40P01"): true,
				pgError("23505"): false, pgError("55P03"): false, pgError("40002"): false, errStore: false, liteError(5): false,
			}
		}
		for err, want := range repeated {
			f.fault(fault{on: "put", err: err})
			sent := f.statements("begin")
			got := kit.InTx(f.Context(), put(nil, fmt.Sprintf("%T%p", err, &err)))
			if again := f.statements("begin")-sent == 2; again != want || (got == nil) != want {
				f.Errorf("%T %v: repeated %t with %v, want %t", err, err, again, got, want)
			}
		}
	})
}
