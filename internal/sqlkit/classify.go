package sqlkit

import (
	"database/sql"
	"errors"
	"reflect"
	"strings"
)

// Result codes of SQLite, https://sqlite.org/rescode.html. The low byte of an
// extended code is its primary one.
const (
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteIOErr      = 10
	sqliteConstraint = 19

	sqliteConstraintPrimaryKey = sqliteConstraint | 6<<8
	sqliteConstraintUnique     = sqliteConstraint | 8<<8
	sqliteConstraintRowID      = sqliteConstraint | 10<<8
)

// IsUnique reports whether err, or an error that it wraps, says that a row with
// the same unique or primary key is there. No driver is imported to know that:
//
//   - PostgreSQL: SQLSTATE 23505 by SQLState() string, as of pgx and pq.
//   - SQLite: extended codes 1555, 2067 and 2579 by Code() int, as of modernc's
//     driver, or by methods or fields called Code and ExtendedCode, as of the other
//     two that are common.
func (k *Kit) IsUnique(err error) bool {
	if k.dialect == PostgreSQL {
		return sqlState(err) == "23505"
	}
	switch sqliteCode(err) {
	case sqliteConstraintPrimaryKey, sqliteConstraintUnique, sqliteConstraintRowID:
		return true
	}
	return false
}

// isContention reports whether err says that the transaction failed because of
// another one, so that it may succeed if it is repeated from its start.
func (k *Kit) isContention(err error) bool {
	if k.dialect == PostgreSQL {
		state := sqlState(err)
		return state == "40001" || state == "40P01" // serialization failure, deadlock
	}
	primary := sqliteCode(err) & 0xff
	return primary == sqliteBusy || primary == sqliteLocked
}

// isRefusal reports whether err, from COMMIT, is the database's answer that
// nothing was committed. An error of the network or of the disk is none, and
// neither is one by which the server ends the session (classes 08 and 57) or
// says itself that it does not know (40003): it may come after the commit.
func (k *Kit) isRefusal(err error) bool {
	if errors.Is(err, sql.ErrTxDone) {
		return true // Savepoint had to roll back
	}
	if k.dialect == PostgreSQL {
		state := sqlState(err)
		return state != "" && state != "40003" && !strings.HasPrefix(state, "08") && !strings.HasPrefix(state, "57")
	}
	primary := sqliteCode(err) & 0xff
	return primary != 0 && primary != sqliteIOErr
}

// sqlState returns the five characters that PostgreSQL classifies errors by, ""
// where err has none.
func sqlState(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

// sqliteCode returns SQLite's result code, extended where the driver tells it,
// and 0 where err has none.
func sqliteCode(err error) int {
	switch e := err.(type) { //nolint:errorlint // this walks the tree itself, as one of the shapes has no method to look for
	case nil:
		return 0
	case interface{ Code() int }:
		return e.Code()
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			if code := sqliteCode(inner); code != 0 {
				return code
			}
		}
		return 0
	}
	if code := extendedCode(reflect.ValueOf(err)); code != 0 {
		return code
	}
	return sqliteCode(errors.Unwrap(err))
}

// extendedCode reads the code from an error that has both Code and ExtendedCode,
// as methods or as fields, of integer types that only its driver knows.
func extendedCode(v reflect.Value) int {
	if v.MethodByName("Code").IsValid() {
		return callForInt(v.MethodByName("ExtendedCode"))
	}
	if v = reflect.Indirect(v); v.Kind() == reflect.Struct && v.FieldByName("Code").IsValid() {
		return toInt(v.FieldByName("ExtendedCode"))
	}
	return 0
}

func callForInt(method reflect.Value) int {
	if !method.IsValid() || method.Type().NumIn() != 0 || method.Type().NumOut() != 1 {
		return 0
	}
	return toInt(method.Call(nil)[0])
}

func toInt(v reflect.Value) int {
	switch {
	case !v.IsValid():
		return 0
	case v.CanInt():
		return int(v.Int())
	case v.CanUint():
		return int(v.Uint()) //nolint:gosec // a result code is below 2^16
	}
	return 0
}
