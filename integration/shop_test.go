package integration_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/integration/dbtest"
)

// The shop is the same program on either database: what it prints differs only
// in how long things took and who was faster.
func TestShopPrintsTheSameOnBothDatabases(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	dsn := dbtest.PostgreSQLDSN(t)
	program := filepath.Join(t.TempDir(), "shop")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../examples", "-o", program, "./shop").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), program, args...).Output()
		if err != nil {
			t.Fatalf("shop %q: %v", args, err)
		}
		return regexp.MustCompile(`(?m)^(took|~) .*\n`).ReplaceAllString(string(out), "")
	}
	if diff := cmp.Diff(run("-once"), run("-once", "-dsn", dsn)); diff != "" {
		t.Errorf("(-SQLite +PostgreSQL):\n%s", diff)
	}
	var left int
	db := dbtest.OpenPostgreSQL(t, dsn)
	if err := db.QueryRowContext(t.Context(), "select count(*) from pg_namespace where nspname like 'tenon_shop_%'").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d schemas are left behind, error %v", left, err)
	}
}
