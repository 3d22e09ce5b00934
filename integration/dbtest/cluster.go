//go:build unix

package dbtest

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

//go:embed guard.sh
var guard string

// startCluster makes a cluster, which lives until this process ends.
func startCluster() (postgres, error) {
	bin, err := binaries()
	if err != nil {
		return postgres{}, err
	}
	owner, err := unprivileged()
	if err != nil {
		return postgres{}, err
	}
	dir, err := newFolder(owner)
	if err != nil {
		return postgres{}, fmt.Errorf("PostgreSQL: %w", err)
	}
	lease, err := startGuard(bin, dir, owner)
	if err != nil {
		return postgres{}, errors.Join(fmt.Errorf("PostgreSQL: start a cluster with %s: %w", bin, err), os.RemoveAll(dir))
	}
	return postgres{dsn: fmt.Sprintf("host=%s user=tenon dbname=postgres", dir), lease: lease}, nil
}

// startGuard starts the shell that runs the cluster, and waits for its answer.
// Closing the lease ends both.
func startGuard(bin, dir string, owner *syscall.Credential) (lease io.Closer, err error) {
	cmd := exec.Command("sh", "-c", guard, "guard", bin, dir) //nolint:gosec,noctx // bin is the developer's; it ends when this process does
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"} // without PGDATA, PGPORT and the like
	// A terminal's interrupt goes to its whole process group, and must not end the guard before the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: owner}
	lease, err = cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	answer := make([]byte, len("ready"))
	n, err := io.ReadFull(stdout, answer)
	if err == nil && string(answer) == "ready" {
		return lease, nil
	}
	rest, err := io.ReadAll(stdout) // the server's own words
	return nil, fmt.Errorf("%s%s%w", answer[:n], rest, errors.Join(err, cmd.Wait()))
}

// binaries returns the folder with PostgreSQL's programs.
func binaries() (string, error) {
	if dir := os.Getenv("TENON_POSTGRES_BIN"); dir != "" {
		if !isComplete(dir) {
			return "", fmt.Errorf("%w: TENON_POSTGRES_BIN=%s has no initdb, pg_ctl and postgres", errNone, dir)
		}
		return dir, nil
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), installed()...) {
		if program, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil && isComplete(filepath.Dir(program)) {
			return filepath.Dir(program), nil
		}
	}
	return "", fmt.Errorf("%w: TENON_POSTGRES_DSN is not set, and initdb, pg_ctl and postgres are not installed", errNone)
}

// installed returns where distributions put PostgreSQL's programs, the newest
// version first.
func installed() []string {
	var dirs []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/usr/local/bin",
		"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // the patterns are well formed
		}
		slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

// version returns the number in the name of a folder, 0 where it has none.
func version(dir string) int {
	digits := strings.FieldsFunc(dir, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[0])
	if err != nil {
		return 0
	}
	return n
}

func isComplete(dir string) bool {
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode()&0o111 == 0 { //nolint:gosec // where to look is the developer's to say
			return false
		}
	}
	return true
}

// unprivileged returns whom to run the server as, nil for the present user.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nil is the value for this user
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("%w: it does not run as root, and there is neither a user postgres nor nobody", errNone)
}

// newFolder returns a new folder that belongs to owner. A socket's path has a
// limit of about 100 bytes and owner may not get into a folder of root's, so a
// TMPDIR that is long or, for root, not the usual one is passed over.
func newFolder(owner *syscall.Credential) (string, error) {
	parent := os.TempDir()
	if owner != nil || len(parent) > 60 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "tenon-postgres-")
	if err != nil || owner == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(owner.Uid), int(owner.Gid))
}
