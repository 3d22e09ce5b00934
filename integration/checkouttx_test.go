package integration_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/integration/dbtest"
)

// One transaction over orders, promotions and a table of the host prints on PostgreSQL what
// it prints on SQLite.
func TestOneTransactionOverOrdersAndPromotionsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	dsn := dbtest.PostgreSQLDSN(t)
	const folder = "../examples/checkouttx"
	program := filepath.Join(t.TempDir(), "checkouttx")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", folder, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(folder, "testdata", "output.txt"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := exec.CommandContext(t.Context(), program, "-dsn", dsn).CombinedOutput()
	if diff := cmp.Diff(string(want), string(got)); err != nil || diff != "" {
		t.Errorf("error %v (-SQLite +PostgreSQL):\n%s", err, diff)
	}
}
