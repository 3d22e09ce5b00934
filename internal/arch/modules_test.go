package arch_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goVersion is the go line of every module. A patch version here would force each importer's toolchain.
const goVersion = "1.26.0"

// toolsModule is the one module outside the workspace: its requirements must not choose versions for the others.
const toolsModule = "tools"

// A modFile is what go mod edit -json reports about a go.mod or, as far as it goes, go work edit -json about a go.work.
type modFile struct {
	Module        struct{ Path string }
	Go, Toolchain string
	Require       []struct{ Path string }
	Replace       []struct{ Old, New struct{ Path string } }
	Use           []struct{ DiskPath string }
}

// checkModule returns what is wrong with the go.mod in a folder of the repository ("." for the root).
func checkModule(dir string, m modFile) []string {
	var problems []string
	blame := func(format string, args ...any) {
		problems = append(problems, path.Join(dir, "go.mod")+": "+fmt.Sprintf(format, args...))
	}
	if m.Go != goVersion {
		blame("go %s, want %s", m.Go, goVersion)
	}
	if m.Toolchain != "" {
		blame("a toolchain line forces importers' toolchains")
	}
	if want := path.Join(module, dir); m.Module.Path != want {
		blame("module %s, want %s", m.Module.Path, want)
	}
	for _, r := range m.Require {
		if dir == "." && isBarred(r.Path) {
			blame("requires %s: a driver, server or SDK lives in a nested module", r.Path)
		}
		if r.Path == module && !replacesRoot(dir, m) {
			blame("requires the root module without replacing it by its relative path")
		}
	}
	if dir == "." && len(m.Replace) > 0 {
		blame("importers ignore a replace of the root module, so that they would build other code than its tests do")
	}
	return problems
}

// isBarred reports whether a module must not stand in the root go.mod.
func isBarred(name string) bool {
	return slices.ContainsFunc(barred(), func(b string) bool { return within(name, b) })
}

// replacesRoot reports whether the module in a folder finds the root module by relative path, so that it builds with
// the workspace and without.
func replacesRoot(dir string, m modFile) bool {
	for _, r := range m.Replace {
		if r.Old.Path == module && !path.IsAbs(r.New.Path) && path.Join(dir, r.New.Path) == "." {
			return true
		}
	}
	return false
}

// checkWorkspace returns what is wrong with the go.work of a repository with modules in these folders.
func checkWorkspace(w modFile, dirs []string) []string {
	var problems []string
	if w.Go != goVersion {
		problems = append(problems, fmt.Sprintf("go.work: go %s, want %s", w.Go, goVersion))
	}
	if w.Toolchain != "" {
		problems = append(problems, "go.work: a toolchain line")
	}
	if len(w.Replace) > 0 {
		problems = append(problems, "go.work: a replace that the modules do not have when they are built alone")
	}
	for _, dir := range dirs {
		used := slices.ContainsFunc(w.Use, func(u struct{ DiskPath string }) bool { return path.Clean(u.DiskPath) == dir })
		if used == (dir == toolsModule) {
			problems = append(problems, fmt.Sprintf("go.work: uses %s: %t", dir, used))
		}
	}
	return problems
}

// moduleDirs returns the folders of the repository that have a go.mod, relative to its root.
func moduleDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := fs.WalkDir(os.DirFS(root(t)), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.Name() == "go.mod":
			dirs = append(dirs, path.Dir(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// modEdit reads a go.mod or go.work file by "go mod edit" or "go work edit".
func modEdit(t *testing.T, kind, file string) modFile {
	t.Helper()
	if _, err := os.Stat(file); err != nil { // Also tells the test cache what the result depends on.
		t.Fatal(err)
	}
	var m modFile
	if err := json.Unmarshal(run(t, filepath.Dir(file), nil, kind, "edit", "-json", file), &m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return m
}

func TestModulesForceNothingOnImporters(t *testing.T) {
	dirs := moduleDirs(t)
	for _, dir := range dirs {
		report(t, checkModule(dir, modEdit(t, "mod", filepath.Join(root(t), dir, "go.mod"))))
	}
	report(t, checkWorkspace(modEdit(t, "work", filepath.Join(root(t), "go.work")), dirs))
	for _, dir := range dirs {
		if dir != "." && dir != toolsModule && !slices.Contains(house().nested, dir) {
			t.Errorf("%s: the plan does not name this module", dir)
		}
	}
}

func TestModuleCheckFindsEachFault(t *testing.T) {
	const (
		requiresRoot = `"Require":[{"Path":"ROOT"}]`
		oneUp        = `"Replace":[{"Old":{"Path":"ROOT"},"New":{"Path":"../"}}]`
		twoUp        = `"Replace":[{"Old":{"Path":"ROOT"},"New":{"Path":"../.."}}]`
	)
	requires := func(module string) string { return `"Require":[{"Path":"` + module + `"}]` }
	tests := []struct {
		name, dir, module string
		json              string // the file besides its module line
		want              string // a part of the only problem; "": none
	}{
		{"sound", ".", "ROOT", `"Go":"1.26.0",` + requires(decimal), ""},
		{"nested", "examples", "ROOT/examples", `"Go":"1.26.0",` + requiresRoot + "," + oneUp, ""},
		{"deeper", "adapters/pgx", "ROOT/adapters/pgx", `"Go":"1.26.0",` + requiresRoot + "," + twoUp, ""},
		{"driver outside", "adapters/pgx", "ROOT/adapters/pgx", `"Go":"1.26.0",` + requires("github.com/jackc/pgx/v5"), ""},
		{"patch version", ".", "ROOT", `"Go":"1.26.8"`, "go 1.26.8"},
		{"toolchain", ".", "ROOT", `"Go":"1.26.0","Toolchain":"go1.26.8"`, "toolchain line"},
		{"misnamed", "examples", "ROOT", `"Go":"1.26.0"`, "want ROOT/examples"},
		{"driver", ".", "ROOT", `"Go":"1.26.0",` + requires("github.com/jackc/pgx/v5"), "requires github.com/jackc/pgx/v5"},
		{"grpc", ".", "ROOT", `"Go":"1.26.0",` + requires("google.golang.org/grpc"), "requires google.golang.org/grpc"},
		{"otel sdk", ".", "ROOT", `"Go":"1.26.0",` + requires("go.opentelemetry.io/otel/sdk"), "requires go.opentelemetry.io/otel/sdk"},
		{"otel api", ".", "ROOT", `"Go":"1.26.0",` + requires("go.opentelemetry.io/otel/trace"), ""},
		{"no replace", "examples", "ROOT/examples", `"Go":"1.26.0",` + requiresRoot, "without replacing"},
		{"replace elsewhere", "examples", "ROOT/examples", `"Go":"1.26.0",` + requiresRoot + "," + twoUp, "without replacing"},
		{"replaced root", ".", "ROOT", `"Go":"1.26.0","Replace":[{"Old":{"Path":"a"},"New":{"Path":"b"}}]`, "importers ignore a replace"},
	}
	for _, tt := range tests {
		var m modFile
		text := fmt.Sprintf(`{"Module":{"Path":%q},%s}`, tt.module, tt.json)
		if err := json.Unmarshal([]byte(strings.ReplaceAll(text, "ROOT", module)), &m); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got, want := checkModule(tt.dir, m), strings.ReplaceAll(tt.want, "ROOT", module)
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
			t.Errorf("%s: problems %q, want %q", tt.name, got, want)
		}
	}
}

func TestWorkspaceCheckFindsEachFault(t *testing.T) {
	dirs := []string{".", "examples", toolsModule}
	const uses = `"Use":[{"DiskPath":"."},{"DiskPath":"./examples"}]`
	tests := []struct {
		name, json string
		want       int
	}{
		{"sound", `{"Go":"1.26.0",` + uses + `}`, 0},
		{"patch version", `{"Go":"1.26.8",` + uses + `}`, 1},
		{"toolchain", `{"Go":"1.26.0","Toolchain":"go1.26.8",` + uses + `}`, 1},
		{"missing module", `{"Go":"1.26.0","Use":[{"DiskPath":"."}]}`, 1},
		{"tools inside", `{"Go":"1.26.0","Use":[{"DiskPath":"."},{"DiskPath":"./examples"},{"DiskPath":"./tools"}]}`, 1},
		{"replace", `{"Go":"1.26.0",` + uses + `,"Replace":[{"Old":{"Path":"a"},"New":{"Path":"b"}}]}`, 1},
	}
	for _, tt := range tests {
		var w modFile
		if err := json.Unmarshal([]byte(tt.json), &w); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := checkWorkspace(w, dirs); len(got) != tt.want {
			t.Errorf("%s: problems %q, want %d", tt.name, got, tt.want)
		}
	}
}
