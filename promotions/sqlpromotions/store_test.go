package sqlpromotions_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/promotions/sqlpromotions"
)

// What needs a database is tested in the module integration.

func TestNewReportsAllThatIsWrong(t *testing.T) {
	_, err := sqlpromotions.New(nil, sqlpromotions.Config{Prefix: "Bad-"})
	if err == nil {
		t.Fatal("it is accepted")
	}
	for _, want := range []string{"db", "Dialect(0)", `"Bad-"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
	for _, dialect := range []sqlpromotions.Dialect{sqlpromotions.PostgreSQL, sqlpromotions.SQLite} {
		for _, db := range []sqlpromotions.DB{new(sql.DB), new(sql.Conn), new(sql.Tx)} { // none of them is used
			if _, err := sqlpromotions.New(db, sqlpromotions.Config{Dialect: dialect, Prefix: "promotions_"}); err != nil {
				t.Errorf("%v in %T: %v", dialect, db, err)
			}
		}
	}
}
