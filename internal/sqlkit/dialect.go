package sqlkit

import (
	"fmt"
	"regexp"
	"strings"
)

// Dialect is the SQL that a database speaks. The zero value is none: a store
// requires one and guesses nothing from the driver.
type Dialect uint8

// The dialects.
const (
	PostgreSQL Dialect = iota + 1 // 12 and later
	SQLite                        // 3.35 and later
)

// String returns "PostgreSQL", "SQLite", or "Dialect(0)" and the like for what is none.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "PostgreSQL"
	case SQLite:
		return "SQLite"
	default:
		return fmt.Sprintf("Dialect(%d)", uint8(d))
	}
}

func (d Dialect) check() error {
	if d != PostgreSQL && d != SQLite {
		return fmt.Errorf("%v: PostgreSQL or SQLite is required", d)
	}
	return nil
}

func (d Dialect) blob() string {
	if d == PostgreSQL {
		return "bytea"
	}
	return "blob"
}

// checkPrefix allows what needs no quotes in either dialect. PostgreSQL cuts a
// name after 63 bytes without an error: 31 leave 32 for the table's own.
func checkPrefix(prefix string) error {
	ok, err := regexp.MatchString(`^([a-z_][a-z0-9_]{0,30})?$`, prefix)
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("table prefix %q: want at most 31 of a-z, 0-9 and _, and no digit first", prefix)
	case strings.HasPrefix(prefix, "sqlite_"):
		return fmt.Errorf("table prefix %q: SQLite keeps names with sqlite_ for itself", prefix)
	}
	return nil
}
