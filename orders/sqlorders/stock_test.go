package sqlorders_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/orders/sqlorders"
)

// What needs a database is tested in the module integration.

func TestNewStockReportsAllThatIsWrong(t *testing.T) {
	_, err := sqlorders.NewStock(nil, sqlorders.Config{Prefix: "Bad-"})
	if err == nil {
		t.Fatal("it is accepted")
	}
	for _, want := range []string{"db", "Dialect(0)", `"Bad-"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
	for _, db := range []sqlorders.DB{new(sql.DB), new(sql.Conn), new(sql.Tx)} { // none of them is used
		if _, err := sqlorders.NewStock(db, sqlorders.Config{Dialect: sqlorders.SQLite, Prefix: "shop_"}); err != nil {
			t.Errorf("%T: %v", db, err)
		}
	}
}
