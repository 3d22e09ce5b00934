package sqlkit_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/internal/sqlkit"
)

func TestNewReportsAllProblems(t *testing.T) {
	t.Parallel()
	_, err := sqlkit.New(nil, sqlkit.Config{Prefix: "Shop", Attempts: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"db: required", "Dialect(0): PostgreSQL or SQLite", `table prefix "Shop"`, "engine: required", "attempts: -1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}

func TestTablePrefixNeedsNoQuotes(t *testing.T) {
	t.Parallel()
	_, db := newFake(t, sqlkit.SQLite)
	for prefix, want := range map[string]bool{
		"": true, "a": true, "_": true, "shop_2_": true, strings.Repeat("a", 31): true,
		"A": false, "1a": false, "a-b": false, "a.b": false, "a b": false, "é": false, `a"`: false, "a;": false, "a\n": false,
		strings.Repeat("a", 32): false, "sqlite_": false, "sqlite_a": false, "sqlite": true,
	} {
		_, err := sqlkit.New(db, sqlkit.Config{Engine: "books", Dialect: sqlkit.SQLite, Prefix: prefix})
		if got := err == nil; got != want {
			t.Errorf("prefix %q: %v, want allowed %t", prefix, err, want)
		}
	}
}

// Wrappers embed what they wrap, as sqlx and tracing libraries do.
type (
	wrappedDB   struct{ *sql.DB }
	wrappedConn struct{ *sql.Conn }
	wrappedTx   struct{ *sql.Tx }
	opaqueDB    struct{ sqlkit.DB }
)

func TestNewTakesWhatCanBeginOrIsATransaction(t *testing.T) {
	t.Parallel()
	f, db := newFake(t, sqlkit.PostgreSQL)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, db := range []sqlkit.DB{db, wrappedDB{db}, conn, wrappedConn{conn}, tx, wrappedTx{tx}} {
		kit, err := sqlkit.New(db, sqlkit.Config{Engine: "books", Dialect: sqlkit.PostgreSQL})
		if err != nil {
			t.Errorf("%T: %v", db, err)
			continue
		}
		if err := kit.InTx(t.Context(), put(nil)); err != nil {
			t.Errorf("%T: %v", db, err)
		}
		if kit.DB() != db {
			t.Errorf("%T: DB returns %T", db, kit.DB())
		}
	}
	if begun, saved := f.statements("begin"), f.statements("savepoint"); begun != 1+4 || saved != 2 {
		t.Errorf("began %d and saved %d, want 5 and 2", begun, saved)
	}
	if _, err := sqlkit.New(opaqueDB{db}, sqlkit.Config{Engine: "books", Dialect: sqlkit.PostgreSQL}); err == nil {
		t.Error("took a DB that can neither begin nor is a transaction")
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestSQLIsWrittenForTheDialect(t *testing.T) {
	t.Parallel()
	const query = "update {prefix}books set data = cast(? as {blob}) where id = ? -- {prefix}?"
	for d, want := range map[sqlkit.Dialect]string{
		sqlkit.PostgreSQL: "update shop_books set data = cast($1 as bytea) where id = $2 -- shop_?",
		sqlkit.SQLite:     "update shop_books set data = cast(? as blob) where id = ? -- shop_?",
	} {
		_, db := newFake(t, d)
		kit, err := sqlkit.New(db, sqlkit.Config{Engine: "books", Dialect: d, Prefix: "shop_"})
		if err != nil {
			t.Fatal(err)
		}
		if got := kit.SQL(query); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestDialectsHaveNames(t *testing.T) {
	t.Parallel()
	for d, want := range map[sqlkit.Dialect]string{sqlkit.PostgreSQL: "PostgreSQL", sqlkit.SQLite: "SQLite", 0: "Dialect(0)", 7: "Dialect(7)"} {
		if got := d.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
