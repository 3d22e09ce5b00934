//go:build unix

package dbtest_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenon-go/tenon/integration/dbtest"
)

// child names an environment variable that is set in the processes that tests of
// this file start, with the test binary as their program.
const child = "DBTEST_CHILD"

// TestChild is what those processes run: it shows where its server is, and waits
// to be killed.
func TestChild(t *testing.T) {
	t.Parallel()
	if os.Getenv(child) == "" {
		t.Skip("not a child process")
	}
	db := dbtest.PostgreSQL(t)
	var dir string
	if err := db.QueryRowContext(t.Context(), "show data_directory").Scan(&dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stdout.WriteString("server in " + dir + "\n"); err != nil {
		t.Fatal(err)
	}
	<-t.Context().Done()
}

func startChild(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.v", "-test.timeout=2m") //nolint:gosec // this program
	cmd.Env = append(os.Environ(), append(env, child+"=1")...)
	return cmd
}

func TestClusterEndsWithAProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	dbtest.PostgreSQL(t) // skips the test where there is none
	if os.Getenv("TENON_POSTGRES_DSN") != "" {
		t.Skip("there is a server already")
	}
	cmd := startChild(t)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var data string
	lines := bufio.NewScanner(stdout)
	for data == "" && lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "server in "); ok {
			data = after
		}
	}
	if data == "" {
		t.Fatalf("the child said nothing: %v, %v", lines.Err(), cmd.Wait())
	}
	if _, err := os.Stat(filepath.Join(data, "postmaster.pid")); err != nil {
		t.Errorf("server before the kill: %v", err)
	}

	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child was not killed")
	}
	folder := filepath.Dir(data)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return // the guard removes it once the server has stopped
		}
		if time.Now().After(deadline) {
			t.Fatalf("20 s after the process: %s is still there", folder)
		}
	}
}

func TestWithoutServerATestIsSkippedButFailsInCI(t *testing.T) {
	t.Parallel()
	none := []string{"TENON_POSTGRES_DSN=", "TENON_POSTGRES_BIN=" + t.TempDir()}
	for ci, want := range map[string]string{"": "--- SKIP: TestChild", "true": "--- FAIL: TestChild"} {
		out, err := startChild(t, append(none, "CI="+ci)...).CombinedOutput()
		if failed := err != nil; failed != (ci == "true") {
			t.Errorf("CI=%s: %v", ci, err)
		}
		if !strings.Contains(string(out), want) || strings.Count(string(out), "no PostgreSQL") != 1 {
			t.Errorf("CI=%s: want %q and one line with the reason:\n%s", ci, want, out)
		}
	}
}

func TestServerThatDoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"host=" + t.TempDir() + " user=nobody",
		"postgres://nobody@localhost:1/postgres",
	} {
		out, err := startChild(t, "TENON_POSTGRES_DSN="+dsn, "CI=").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--- FAIL: TestChild") {
			t.Errorf("%s: %v\n%s", dsn, err, out)
		}
	}
}

func TestServerThatDoesNotStartIsAnErrorInItsOwnWords(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, dir := range []string{filepath.Dir(bin), bin} { // open for whoever the server runs as
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // nothing in it is secret
			t.Fatal(err)
		}
	}
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\necho no space left >&2\nexit 1\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out, err := startChild(t, "TENON_POSTGRES_DSN=", "TENON_POSTGRES_BIN="+bin, "CI=").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: TestChild") || !strings.Contains(string(out), "no space left") {
		t.Errorf("%v\n%s", err, out)
	}
}
