package sqlkit_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/sqlkit"
)

func TestStepsAreThoseOfTheDialectInOrder(t *testing.T) {
	t.Parallel()
	fsys := folder(
		"0002_parts.sqlite.sql", "lite;", "0001_books.sql", "both;\r\n", "0002_parts.postgresql.sql", "pg;", "0003_more.sql", "more;",
	)
	for d, second := range map[sqlkit.Dialect]string{sqlkit.PostgreSQL: "pg;", sqlkit.SQLite: "lite;"} {
		got, err := sqlkit.Steps(fsys, d)
		if err != nil {
			t.Fatal(err)
		}
		want := []sqlkit.Step{step(1, "books", "both;\n"), step(2, "parts", second), step(3, "more", "more;")}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", d, diff)
		}
	}
}

func step(number int, name, text string) sqlkit.Step {
	sum := sha256.Sum256([]byte(text))
	return sqlkit.Step{Number: number, Name: name, SQL: text, SHA256: hex.EncodeToString(sum[:])}
}

func TestStepsReportsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fsys fs.FS
		want []string
	}{
		"nothing":         {folder(), []string{"no step of SQLite"}},
		"only PostgreSQL": {folder("0001_books.postgresql.sql", "x;"), []string{"no step of SQLite"}},
		"gap":             {folder("0001_books.sql", "x;", "0003_parts.sql", "x;"), []string{"0003_parts.sql: the next step of SQLite is number 2"}},
		"gap in one": {
			folder("0001_books.sql", "x;", "0002_parts.postgresql.sql", "x;", "0003_more.sql", "x;"),
			[]string{"0003_more.sql: the next step of SQLite is number 2"},
		},
		"twice":              {folder("0001_books.sql", "x;", "0001_parts.sql", "x;"), []string{"0001_parts.sql: the next"}},
		"shared and special": {folder("0001_books.sql", "x;", "0001_books.sqlite.sql", "x;"), []string{"the next step of SQLite is number"}},
		"names and empty": {
			folder("1_books.sql", "x;", "0001_Books.sql", "x;", "0001_books.mysql.sql", "x;", "0001_books.sql", " \n"),
			[]string{"1_books.sql: want a name", "0001_Books.sql: want a name", "0001_books.mysql.sql: want a name", "0001_books.sql: empty"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := sqlkit.Steps(test.fsys, sqlkit.SQLite)
			if err == nil || got != nil {
				t.Fatalf("%v, %v, want an error alone", got, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
		})
	}
}
