package arch_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestImporterCarriesLittle builds what a user of one engine has: a module that imports it and nothing else.
func TestImporterCarriesLittle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pkg      string
		requires int // at most so many lines in the importer's go.mod, Tenon's own among them
	}{
		{"money", 2},
		{"orders/stock", 2},
		{"pricing", 8},
		{"promotions", 8},
		{"resilience/guard", 2},
		{"tracing/propagation", 4},
		{"tracing/otlp", 5},
	} {
		t.Run(tt.pkg, func(t *testing.T) {
			t.Parallel()
			m := tidyImporter(t, tt.pkg)
			if len(m.Require) == 0 || len(m.Require) > tt.requires {
				t.Errorf("an importer of %s requires %d modules, want 1 to %d: %v", tt.pkg, len(m.Require), tt.requires, m.Require)
			}
			for _, r := range m.Require {
				if isBarred(r.Path) {
					t.Errorf("an importer of %s requires %s", tt.pkg, r.Path)
				}
			}
		})
	}
}

// tidyImporter writes a program that imports a package of the repository, lets go mod tidy choose its requirements,
// builds it and returns its go.mod.
func tidyImporter(t *testing.T, rel string) modFile {
	t.Helper()
	dir, repository := t.TempDir(), root(t)
	sums, err := os.ReadFile(filepath.Join(repository, "go.sum")) // Checksums are then known without asking anyone.
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": fmt.Sprintf("module importer.test\n\ngo %s\n\nrequire %[2]s v0.0.0\n\nreplace %[2]s => %[3]s\n",
			goVersion, module, filepath.ToSlash(repository)),
		"go.sum":  string(sums),
		"main.go": fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", in(rel)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"GOWORK=off", "GOFLAGS=-mod=mod"}
	run(t, dir, env, "mod", "tidy")
	run(t, dir, env, "build", "-o", filepath.Join(dir, "importer"), ".")
	return modEdit(t, "mod", filepath.Join(dir, "go.mod"))
}
