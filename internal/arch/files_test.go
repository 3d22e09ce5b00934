package arch_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	softLines = 400 // above it a file is named in the log
	hardLines = 700
	testLines = 900
	maxFiles  = 12 // source files of a package, doc.go and errors.go apart
)

// wide are packages that may have more files: their parts share what no other package may
// see, and a split would have to show it.
var wide = map[string]int{ //nolint:gochecknoglobals // immutable
	module + "/lineage": 41, // the numbered nodes of its graph, which fold, views and walks have in common
}

// checkPackage returns what is wrong with the layout of a package at dir of the file tree: its documentation, an empty
// shell, more files than one noun needs.
func checkPackage(tree fs.FS, dir string, p pkg) []string {
	var problems []string
	blame := func(format string, args ...any) {
		problems = append(problems, p.ImportPath+": "+fmt.Sprintf(format, args...))
	}
	sources := slices.DeleteFunc(p.sources(), func(name string) bool { return name == "doc.go" || name == "errors.go" })
	if most := max(maxFiles, wide[p.ImportPath]); len(sources) > most {
		blame("%d source files besides doc.go and errors.go, at most %d: split it by noun", len(sources), most)
	}
	isRoot := p.ImportPath == module
	if content := append(p.sources(), p.tests()...); !isRoot && slices.Equal(content, []string{"doc.go"}) {
		blame("an empty package")
	}
	for _, name := range p.sources() {
		file, err := parser.ParseFile(token.NewFileSet(), name, read(tree, path.Join(dir, name)), parser.ParseComments)
		switch {
		case err != nil:
			blame("%v", err)
		case name == "doc.go":
			opening := "Package " + p.Name + " "
			if p.Name == "main" {
				opening = "Command " + path.Base(p.ImportPath) + " "
			}
			if !strings.HasPrefix(file.Doc.Text(), opening) {
				blame("the comment of doc.go must start with %q", opening)
			}
			if isRoot && hasCode(file) {
				blame("doc.go of the root package holds no code")
			}
		case file.Doc != nil && !ast.IsGenerated(file):
			blame("%s carries a package comment: it belongs in doc.go", name)
		}
	}
	if !slices.Contains(p.sources(), "doc.go") {
		blame("no doc.go")
	}
	return problems
}

// hasCode reports whether a file declares anything.
func hasCode(f *ast.File) bool { return len(f.Decls) > 0 }

// read returns a file's bytes, or none: then parsing says what is missing.
func read(tree fs.FS, name string) []byte {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil
	}
	return text
}

// checkLength returns the Go files of a tree that are longer than the hard limit, and those above the soft one.
// Generated files have no reader and no limit.
func checkLength(tree fs.FS) (hard, soft []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "bin" || d.Name() == "testdata" || d.Name() != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		lines, limit := bytes.Count(text, []byte("\n")), hardLines
		isTest := strings.HasSuffix(name, "_test.go")
		if isTest {
			limit = testLines
		}
		switch {
		case isGenerated(text):
		case lines > limit:
			hard = append(hard, fmt.Sprintf("%s: %d lines, at most %d: split it by idea", name, lines, limit))
		case lines > softLines && !isTest:
			soft = append(soft, fmt.Sprintf("%s: %d lines", name, lines))
		}
		return nil
	})
	return hard, soft, err
}

// isGenerated reports whether a file carries the mark of a generator.
func isGenerated(text []byte) bool {
	file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ParseComments|parser.PackageClauseOnly)
	return err == nil && ast.IsGenerated(file)
}

func TestPackagesAreLaidOutAlike(t *testing.T) {
	top := root(t)
	for _, p := range workspace(t) {
		dir, err := filepath.Rel(top, p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		report(t, checkPackage(os.DirFS(top), filepath.ToSlash(dir), p))
	}
}

func TestFilesHoldOneIdea(t *testing.T) {
	hard, soft, err := checkLength(os.DirFS(root(t)))
	if err != nil {
		t.Fatal(err)
	}
	report(t, hard)
	for _, s := range soft {
		t.Logf("over the soft limit of %d lines: %s", softLines, s)
	}
}

func TestLayoutCheckFindsEachFault(t *testing.T) {
	const (
		sound = "// Package orders sells.\npackage orders"
		shop  = "// Command shop sells.\npackage main"
	)
	few, many := []string{"doc.go", "order.go"}, []string{"doc.go", "errors.go"}
	for i := range maxFiles {
		many = append(many, fmt.Sprintf("f%d.go", i))
	}
	tests := []struct {
		name, path, pkg string
		files           []string // sources, "package p" where the next two do not say more
		doc, order      string   // text of doc.go and order.go
		want            string   // a part of the only problem; "": none
	}{
		{"sound", "orders", "orders", few, sound, "", ""},
		{"a program", "examples/shop", "main", []string{"doc.go", "main.go"}, shop, "", ""},
		{"at the limit", "orders", "orders", many, sound, "", ""},
		{"too many files", "orders", "orders", append(many, "more.go"), sound, "", "split it by noun"},
		{"no doc.go", "orders", "orders", []string{"order.go"}, "", "", "no doc.go"},
		{"another package's words", "orders", "orders", few, "// Package ordersx sells.\npackage orders", "", `must start with "Package orders "`},
		{"a detached comment", "orders", "orders", few, "// Package orders sells.\n\npackage orders", "", "must start with"},
		{"a program called package", "examples/shop", "main", few, "// Package main sells.\npackage main", "", `must start with "Command shop "`},
		{"a second comment", "orders", "orders", few, sound, "// Orders.\npackage orders", "order.go carries a package comment"},
		{"an empty package", "orders", "orders", []string{"doc.go"}, sound, "", "an empty package"},
		{"the root", ".", "tenon", []string{"doc.go"}, "// Package tenon maps.\npackage tenon", "", ""},
		{"code in the root", ".", "tenon", []string{"doc.go"}, "// Package tenon maps.\npackage tenon\nvar X int", "", "holds no code"},
		{"tests for some builds", "orders", "orders", append(few, "race_test.go"), sound, "", ""},
		{"broken", "orders", "orders", few, sound, "func", "expected 'package'"},
	}
	for _, tt := range tests {
		tree := fstest.MapFS{}
		for _, name := range tt.files {
			tree["x/"+name] = &fstest.MapFile{Data: []byte("package p")}
		}
		tree["x/race_test.go"] = &fstest.MapFile{Data: []byte("// For the race detector.\npackage p")}
		for name, text := range map[string]string{"x/doc.go": tt.doc, "x/order.go": tt.order} {
			if text != "" {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
		}
		got := checkPackage(tree, "x", pkg{ImportPath: in(tt.path), Name: tt.pkg, IgnoredGoFiles: tt.files})
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: problems %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLengthCheckFindsLongFiles(t *testing.T) {
	const generated = "// Code generated by hand. DO NOT EDIT.\n\npackage a\n"
	file := func(head string, lines int) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(head + strings.Repeat("\n", lines-strings.Count(head, "\n")))}
	}
	hard, soft, err := checkLength(fstest.MapFS{
		"a/at.go":         file("package a", hardLines),
		"a/over.go":       file("package a", hardLines+1),
		"a/soft.go":       file("package a", softLines+1),
		"a/short.go":      file("package a", softLines),
		"a/at_test.go":    file("package a", testLines),
		"a/over_test.go":  file("package a", testLines+1),
		"a/zgenerated.go": file(generated, 2*hardLines),
		"a/testdata/x.go": file("package x", 2*hardLines),
		"a/data.txt":      file("", 2*hardLines),
		".git/x.go":       file("package x", 2*hardLines),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(hard) != 2 || !strings.HasPrefix(hard[0], "a/over.go:") || !strings.HasPrefix(hard[1], "a/over_test.go:") {
		t.Errorf("over the hard limit: %q, want a/over.go and a/over_test.go", hard)
	}
	if len(soft) != 2 || !strings.HasPrefix(soft[0], "a/at.go:") || !strings.HasPrefix(soft[1], "a/soft.go:") {
		t.Errorf("over the soft limit: %q, want a/at.go and a/soft.go", soft)
	}
}
