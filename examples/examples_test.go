package examples_test

import (
	"bytes"
	"flag"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden outputs")

// TestProgramsPrintTheirGoldenOutput runs every program below this folder that has no tests of its own.
func TestProgramsPrintTheirGoldenOutput(t *testing.T) {
	t.Parallel()
	for _, dir := range programs(t) {
		t.Run(filepath.ToSlash(dir), func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), "go", "run", "./"+filepath.ToSlash(dir))
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("go run: %v\n%s", err, stderr.Bytes())
			}
			golden := filepath.Join(dir, "testdata", "output.txt")
			if *update {
				if err := os.WriteFile(golden, stdout.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("a program needs its output in a file, or a test of its own: %v", err)
			}
			if !bytes.Equal(stdout.Bytes(), want) {
				t.Errorf("it prints other than %s:\n--- want\n%s--- got\n%s", golden, want, stdout.Bytes())
			}
		})
	}
}

// The README shows programs that run, line by line.
func TestREADMEShowsPrograms(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"quickstart", "redeem", "checkout", "impact", "collector"} {
		program, err := os.ReadFile(filepath.Join(name, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(readme, append([]byte("```go\n"), append(program, "```"...)...)) {
			t.Errorf("README.md does not hold %s/main.go as it is", name)
		}
	}
}

// programs returns the folders that hold a main package and no test file. A program inside another one's folder is a
// part of that one, such as a generator of its data.
func programs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || name == "." {
			return err
		}
		isProgram, hasTests := inspect(t, name)
		if isProgram && !hasTests {
			dirs = append(dirs, name)
		}
		if isProgram || d.Name() == "testdata" {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// inspect reports whether a folder holds a main package, and whether it holds tests.
func inspect(t *testing.T, dir string) (isProgram, hasTests bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			hasTests = true
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		isProgram = isProgram || file.Name.Name == "main"
	}
	return isProgram, hasTests
}
