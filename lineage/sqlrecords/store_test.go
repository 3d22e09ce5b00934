package sqlrecords_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/lineage/sqlrecords"
)

// What needs a database is tested in the module integration.

func TestNewReportsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := sqlrecords.New(nil, sqlrecords.Config{Prefix: "Bad-"})
	if err == nil {
		t.Fatal("it is accepted")
	}
	for _, want := range []string{"db", "Dialect(0)", `"Bad-"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
	for _, dialect := range []sqlrecords.Dialect{sqlrecords.PostgreSQL, sqlrecords.SQLite} {
		for _, db := range []sqlrecords.DB{new(sql.DB), new(sql.Conn), new(sql.Tx)} { // none of them is used
			if _, err := sqlrecords.New(db, sqlrecords.Config{Dialect: dialect, Prefix: "lineage_"}); err != nil {
				t.Errorf("%v in %T: %v", dialect, db, err)
			}
		}
	}
}
