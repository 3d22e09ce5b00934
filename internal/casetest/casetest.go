package casetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Env names the folder of the cases when it is set.
const Env = "TENON_TESTDATA"

// File is one JSON file of a folder.
type File struct {
	Name string // without its folder
	Data []byte
}

// Case is one case of a file.
type Case struct {
	File string          // the file's name
	List string          // the array that holds the case: "cases", another name, or "" where the file is an array
	ID   string          // its "id", else its "name", else its place in the list
	Kind string          // its "kind", if it has one
	Op   string          // its "op", if it has one
	Raw  json.RawMessage // the case
	Doc  json.RawMessage // the whole file, for what its cases have in common
}

// Decode reads the case into v, and fails the test when it does not fit. Fields that v does not
// have are ignored.
func (c Case) Decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(c.Raw, v); err != nil {
		t.Fatalf("%s: case %s: %v", c.File, c.ID, err)
	}
}

// Run runs each case of each JSON file in folder (slashes separate, as in "lineage/dialects") as a
// subtest. Run returns false for a case of a kind that it does not support; it must not call
// t.Parallel. The lists name arrays, beside "cases", that hold the cases of a file; a file that has
// none is a subtest that is skipped with one line.
func Run(t *testing.T, folder string, run func(t *testing.T, c Case) (supported bool), lists ...string) {
	t.Helper()
	RunIf(t, folder, func(string) bool { return true }, run, lists...)
}

// RunIf is Run for a folder that several packages share: it passes over the files that are another's, by name. One package takes all that no
// other does, so that a file nobody knows is listed as such.
func RunIf(t *testing.T, folder string, ours func(name string) bool, run func(t *testing.T, c Case) (supported bool), lists ...string) {
	t.Helper()
	for _, f := range Files(t, folder) {
		if !ours(f.Name) {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			cases, err := f.cases(append([]string{"cases"}, lists...))
			if errors.Is(err, errNoCases) {
				t.Skipf("cases %s/%s: not run: %v", folder, f.Name, err)
			}
			if err != nil {
				t.Fatalf("cases %s/%s: %v", folder, f.Name, err)
			}
			runFile(t, folder+"/"+f.Name, cases, run)
		})
	}
}

// Files returns the JSON files in folder, by name. It skips the test when there is none.
func Files(t *testing.T, folder string) []File {
	t.Helper()
	dir := Path(t, strings.Split(folder, "/")...)
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skipf("no third-party cases: no JSON file in %s", dir)
	}
	files := make([]File, 0, len(names))
	for _, name := range names {
		data, err := os.ReadFile(name) //nolint:gosec // a file of the folder that the test was pointed to
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, File{Name: filepath.Base(name), Data: data})
	}
	return files
}

// Path returns the path of a file or folder of the third-party data. It skips the test when it is
// absent.
func Path(t *testing.T, elem ...string) string {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Skipf("no third-party cases: %v", err)
	}
	path := filepath.Join(append([]string{dir}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no third-party cases: %v", err)
	}
	return path
}

// root returns the folder of the third-party data, which may be absent.
func root() (string, error) {
	if dir := os.Getenv(Env); dir != "" {
		return dir, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "testdata"), nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.work upwards from the working directory, and %s is not set", Env)
		}
		dir = up
	}
}

// runFile runs the cases of one file and logs how many passed.
func runFile(t *testing.T, name string, cases []Case, run func(t *testing.T, c Case) bool) {
	t.Helper()
	passed, unsupported := 0, make(map[string]int)
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			if !run(t, c) {
				unsupported[c.label()]++
				t.Skipf("%s is not supported", c.label())
			}
			if !t.Failed() { // a case that stopped its test does not come here
				passed++
			}
		})
	}
	for _, label := range slices.Sorted(maps.Keys(unsupported)) {
		t.Logf("cases %s: not supported: %s, %d", name, label, unsupported[label])
	}
	t.Logf("cases %s: passed %d of %d", name, passed, len(cases))
}

// label names what a test may not support.
func (c Case) label() string {
	switch {
	case c.Kind != "" && c.Op != "":
		return fmt.Sprintf("kind %s, op %s", c.Kind, c.Op)
	case c.Op != "":
		return "op " + c.Op
	case c.Kind != "":
		return "kind " + c.Kind
	default:
		return "a case without a kind"
	}
}

// errNoCases marks a file of no form that holds cases.
var errNoCases = errors.New("no array of cases")

// cases reads the cases of a file: those of an array, or of each of the lists that an object has.
func (f File) cases(lists []string) ([]Case, error) {
	if bytes.HasPrefix(bytes.TrimSpace(f.Data), []byte("[")) {
		return f.read("", f.Data)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(f.Data, &object); err != nil {
		return nil, err
	}
	var all []Case
	found := false
	for _, list := range lists {
		data, ok := object[list]
		if !ok {
			continue
		}
		found = true
		cases, err := f.read(list, data)
		if err != nil {
			return nil, err
		}
		all = append(all, cases...)
	}
	if !found {
		return nil, fmt.Errorf("%w under any of %q", errNoCases, lists)
	}
	return all, nil
}

// read makes cases of a JSON array.
func (f File) read(list string, data []byte) ([]Case, error) {
	var raws []json.RawMessage
	if err := json.Unmarshal(data, &raws); err != nil {
		return nil, err
	}
	cases := make([]Case, 0, len(raws))
	for i, raw := range raws {
		var fields map[string]any // any: "kind" is a string in some files and a number in others
		if err := json.Unmarshal(raw, &fields); err != nil {
			return nil, fmt.Errorf("case %d: %w", i, err)
		}
		text := func(field string) string { s, _ := fields[field].(string); return s }
		c := Case{File: f.Name, List: list, ID: text("id"), Kind: text("kind"), Op: text("op"), Raw: raw, Doc: f.Data}
		if c.ID == "" {
			c.ID = text("name")
		}
		if c.ID == "" {
			c.ID = strconv.Itoa(i)
		}
		cases = append(cases, c)
	}
	return cases, nil
}
