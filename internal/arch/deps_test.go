package arch_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite deps.txt")

const depsHeader = `# Third-party modules that code of the root module can bring into an importer's binary (tests and *test packages apart).
# Rewrite: go test ./internal/arch -run TestDependenciesAreListed -update
`

// shippedModules returns the third-party modules among a dependency closure, sorted.
func shippedModules(closure []pkg) []string {
	var modules []string
	for _, p := range closure {
		if p.Module != nil && p.Module.Path != module { // The standard library has no module.
			modules = append(modules, p.Module.Path)
		}
	}
	slices.Sort(modules)
	return slices.Compact(modules)
}

// shipped returns the import paths of the root module's packages that are not there for tests.
func shipped(pkgs []pkg) []string {
	var paths []string
	for _, p := range pkgs {
		if p.Module != nil && p.Module.Path == module && !isTestPackage(p.ImportPath) {
			paths = append(paths, p.ImportPath)
		}
	}
	return paths
}

func TestDependenciesAreListed(t *testing.T) {
	closure := list(t, append([]string{"-deps"}, shipped(workspace(t))...)...)
	want := depsHeader + strings.Join(append(shippedModules(closure), ""), "\n")
	file := filepath.Join(root(t), "deps.txt")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("deps.txt differs from what shipped code reaches (-reached +listed):\n%s", diff)
	}
}

func TestDependencyListLeavesTestsOut(t *testing.T) {
	own := pkg{ImportPath: in("orders")}
	suite := pkg{ImportPath: in("orders/orderstest")}
	nested := pkg{ImportPath: in("examples/shop")}
	third := pkg{ImportPath: "b.example/b/c"}
	twin := pkg{ImportPath: "b.example/b"}
	first := pkg{ImportPath: "a.example/a"}
	for p, m := range map[*pkg]string{
		&own: module, &suite: module, &nested: in("examples"), &third: "b.example/b", &twin: "b.example/b", &first: "a.example/a",
	} {
		p.Module = &struct {
			Path string
			Main bool
		}{Path: m}
	}
	if diff := cmp.Diff([]string{in("orders")}, shipped([]pkg{own, suite, nested})); diff != "" {
		t.Errorf("shipped packages (-want +got):\n%s", diff)
	}
	closure := []pkg{{ImportPath: "fmt"}, own, third, twin, first}
	if diff := cmp.Diff([]string{"a.example/a", "b.example/b"}, shippedModules(closure)); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
}
