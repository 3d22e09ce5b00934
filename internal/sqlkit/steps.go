package sqlkit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A Step is one migration.
type Step struct {
	Number int // 1, 2, 3 and so on
	Name   string
	SQL    string // before {prefix} and {blob} are filled in
	SHA256 string // of SQL, in hexadecimal
}

// Steps reads the migrations of a dialect from the folder "migrations" of fsys, in
// order. A step is a file such as 0001_books.sql; where one text cannot serve
// both dialects it is a file for each, 0001_books.postgresql.sql and
// 0001_books.sqlite.sql. Line ends are made \n first, so that a checkout
// that changes them does not look like an edit.
//
// All of a step runs in one transaction and in one call: statements end with a
// semicolon, nothing that must run outside of transactions can be in it, and
// there are no placeholders.
//
// It fails on a name of another form, a number that is missing or there twice, and
// an empty file or folder; all at once.
func Steps(fsys fs.FS, dialect Dialect) ([]Step, error) {
	files, err := fs.Glob(fsys, "migrations/*.sql") // in the order of their names
	if err != nil {
		return nil, err
	}
	var steps []Step
	var errs []error
	for _, file := range files {
		step, ours, err := readStep(fsys, file, dialect)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
		case !ours:
		case step.Number != len(steps)+1:
			errs = append(errs, fmt.Errorf("%s: the next step of %v is number %d", file, dialect, len(steps)+1))
		default:
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("migrations: no step of %v", dialect))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return steps, nil
}

// readStep returns the step in file, and whether it is one of dialect.
func readStep(fsys fs.FS, file string, dialect Dialect) (step Step, ours bool, err error) {
	form, err := regexp.Compile(`^(\d{4})_([a-z0-9_]+)(?:\.(postgresql|sqlite))?\.sql$`)
	if err != nil {
		return Step{}, false, err
	}
	name := form.FindStringSubmatch(path.Base(file))
	if name == nil {
		return Step{}, false, errors.New("want a name such as 0001_books.sql, 0001_books.postgresql.sql or 0001_books.sqlite.sql")
	}
	number, err := strconv.Atoi(name[1])
	if err != nil {
		return Step{}, false, err
	}
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return Step{}, false, err
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	if strings.TrimSpace(text) == "" {
		return Step{}, false, errors.New("empty")
	}
	sum := sha256.Sum256([]byte(text))
	step = Step{Number: number, Name: name[2], SQL: text, SHA256: hex.EncodeToString(sum[:])}
	return step, name[3] == "" || name[3] == strings.ToLower(dialect.String()), nil
}
