package sqlpricing_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/pricing/sqlpricing"
)

// What needs a database is tested in the module integration.

func TestNewReportsAllThatIsWrong(t *testing.T) {
	_, err := sqlpricing.New(nil, sqlpricing.Config{Prefix: "Bad-"})
	if err == nil {
		t.Fatal("it is accepted")
	}
	for _, want := range []string{"db", "Dialect(0)", `"Bad-"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
	for _, dialect := range []sqlpricing.Dialect{sqlpricing.PostgreSQL, sqlpricing.SQLite} {
		for _, db := range []sqlpricing.DB{new(sql.DB), new(sql.Conn), new(sql.Tx)} { // none of them is used
			if _, err := sqlpricing.New(db, sqlpricing.Config{Dialect: dialect, Prefix: "pricing_"}); err != nil {
				t.Errorf("%v in %T: %v", dialect, db, err)
			}
		}
	}
}
