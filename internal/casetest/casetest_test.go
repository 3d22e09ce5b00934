package casetest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/casetest"
)

// The files of the tests, by the name that TestInner finds them under.
var forms = map[string]string{ //nolint:gochecknoglobals // an immutable table
	"a.json": `{"cases": [
		{"id": "good", "kind": "sum", "op": "add", "want": 3},
		{"id": "bad", "kind": "sum", "op": "add", "want": 4},
		{"id": "new", "kind": "sum", "op": "pow"},
		{"name": "named", "kind": "sum", "op": "pow"},
		{"kind": 7, "want": 3}]}`,
	"b.json": `{"rows": [{"want": 3}]}`,
	"c.json": `[{"want": 3}]`,
	"d.json": `{"other": []}`,
	"e.json": `{"cases": [1]}`,
}

// TestInner is the test whose behaviour the others judge, in a process of its own: a failure in it
// is one of the things that they want to see.
func TestInner(t *testing.T) {
	if os.Getenv("CASETEST_INNER") == "" {
		t.Skip("run by the other tests")
	}
	casetest.Run(t, "adding/up", func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var fields struct{ Want int }
		c.Decode(t, &fields)
		if c.Op == "pow" {
			return false
		}
		if fields.Want != 3 {
			t.Errorf("want %d", fields.Want)
		}
		return true
	}, "rows")
}

// inner runs TestInner over root and returns its output without times and places.
func inner(t *testing.T, root string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInner$", "-test.v") //nolint:gosec // this test binary
	cmd.Env = append(os.Environ(), "CASETEST_INNER=1", casetest.Env+"="+root)
	out, _ := cmd.CombinedOutput() // its status says that a case failed, as its output does
	var lines []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "=== ") {
			continue
		}
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			_, line, _ = strings.Cut(text, ": ")
		}
		line, _, _ = strings.Cut(line, " (0.")
		line, _, _ = strings.Cut(line, ": json: ") // the words of encoding/json are its own
		lines = append(lines, line)
	}
	return lines
}

func TestRunCountsEveryCaseOfEveryFile(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, "adding", "up")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, data := range forms {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := inner(t, root)
	want := []string{
		"want 4",
		"kind sum, op pow is not supported",
		"kind sum, op pow is not supported",
		"cases adding/up/a.json: not supported: kind sum, op pow, 2",
		"cases adding/up/a.json: passed 2 of 5",
		"cases adding/up/b.json: passed 1 of 1",
		"cases adding/up/c.json: passed 1 of 1",
		`cases adding/up/d.json: not run: no array of cases under any of ["cases" "rows"]`,
		"cases adding/up/e.json: case 0",
		"--- FAIL: TestInner",
		"--- FAIL: TestInner/a.json",
		"--- PASS: TestInner/a.json/good",
		"--- FAIL: TestInner/a.json/bad",
		"--- SKIP: TestInner/a.json/new",
		"--- SKIP: TestInner/a.json/named",
		"--- PASS: TestInner/a.json/4",
		"--- PASS: TestInner/b.json",
		"--- PASS: TestInner/b.json/0",
		"--- PASS: TestInner/c.json",
		"--- PASS: TestInner/c.json/0",
		"--- SKIP: TestInner/d.json",
		"--- FAIL: TestInner/e.json",
		"FAIL",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestAbsentCasesSkipWithOneLine(t *testing.T) {
	root := t.TempDir()
	missing := filepath.Join(root, "adding", "up")
	want := []string{
		"no third-party cases: stat " + missing + ": no such file or directory",
		"--- SKIP: TestInner",
		"PASS",
	}
	if diff := cmp.Diff(want, inner(t, root)); diff != "" {
		t.Errorf("absent folder (-want +got):\n%s", diff)
	}
	if err := os.MkdirAll(missing, 0o750); err != nil {
		t.Fatal(err)
	}
	want[0] = "no third-party cases: no JSON file in " + missing
	if diff := cmp.Diff(want, inner(t, root)); diff != "" {
		t.Errorf("empty folder (-want +got):\n%s", diff)
	}
}

func TestPathIsBesideTheRepositoryRoot(t *testing.T) {
	parent := t.TempDir()
	work := filepath.Join(parent, "repository", "engine", "deep")
	data := filepath.Join(parent, "shared", "testdata", "engine")
	for _, dir := range []string{work, data} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, "repository", "go.work"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(casetest.Env, "")
	t.Chdir(work)
	got, err := filepath.EvalSymlinks(casetest.Path(t, "engine"))
	if err != nil {
		t.Fatal(err)
	}
	if want, err := filepath.EvalSymlinks(data); err != nil || got != want {
		t.Errorf("Path = %s, want %s (%v)", got, want, err)
	}
}
