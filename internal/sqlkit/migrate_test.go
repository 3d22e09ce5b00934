package sqlkit_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/sqlkit"
)

// folder returns migrations from names and texts in turn.
func folder(files ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for pair := range slices.Chunk(files, 2) {
		fsys["migrations/"+pair[0]] = &fstest.MapFile{Data: []byte(pair[1])}
	}
	return fsys
}

func twoSteps() fstest.MapFS {
	return folder("0001_books.sql", "put first;\nput second;\n", "0002_parts.sql", "put third;\n")
}

// digests returns the SHA-256 of each step, as the table has them.
func digests(t *testing.T, fsys fs.FS, d sqlkit.Dialect) (sums []string) {
	t.Helper()
	steps, err := sqlkit.Steps(fsys, d)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range steps {
		sums = append(sums, s.SHA256)
	}
	return sums
}

func migrated(t *testing.T, d sqlkit.Dialect) []string {
	t.Helper()
	sums := digests(t, twoSteps(), d)
	return []string{
		"table migrations", "first", "second", "step books 1 books " + sums[0], "third", "step books 2 parts " + sums[1],
	}
}

func TestMigrateAppliesWhatIsMissingAndRemembersIt(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		first := twoSteps()
		delete(first, "migrations/0002_parts.sql")
		for _, fsys := range []fs.FS{first, twoSteps(), twoSteps()} {
			if err := kit.Migrate(f.Context(), fsys); err != nil {
				f.Fatal(err)
			}
		}
		checkFacts(f, migrated(f.T, kit.Dialect())...)
		if n := f.statements("commit"); n != 3 {
			f.Errorf("%d transactions, want one for each call", n)
		}
	})
}

func TestMigrateWithoutStepsLeftOnlyReads(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		if err := kit.Migrate(f.Context(), twoSteps()); err != nil {
			f.Fatal(err)
		}
		sent := len(f.log)
		if err := kit.Migrate(f.Context(), twoSteps()); err != nil {
			f.Fatal(err)
		}
		checkOnlyReads(f.T, f.log[sent:])
	})
}

func checkOnlyReads(t *testing.T, statements []string) {
	t.Helper()
	for _, s := range statements {
		if verb, _, _ := strings.Cut(s, " "); !slices.Contains([]string{"begin", "select", "commit", "rollback"}, verb) {
			t.Errorf("sent %q, want nothing but reads", s)
		}
	}
}

func TestMigrateRefusesAnotherHistoryBeforeAnyWrite(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fsys fs.FS
		want string
	}{
		"edited":  {folder("0001_books.sql", "put first;", "0002_parts.sql", "put third;\n", "0003_more.sql", "put more;"), "step 1 books was edited"},
		"newer":   {folder("0001_books.sql", "put first;\nput second;\n"), "step 2 parts is not known here"},
		"renamed": {folder("0001_books.sql", "put first;\nput second;\n", "0002_bits.sql", "put third;\n"), "step 2 was applied as parts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onPools(t, func(f *fake, kit *sqlkit.Kit) {
				if err := kit.Migrate(f.Context(), twoSteps()); err != nil {
					f.Fatal(err)
				}
				sent := len(f.log)
				err := kit.Migrate(f.Context(), test.fsys)
				if !errors.Is(err, sqlkit.ErrMigration) || !strings.Contains(err.Error(), test.want) {
					f.Errorf("%v, want ErrMigration with %q", err, test.want)
				}
				checkOnlyReads(f.T, f.log[sent:])
				checkFacts(f, migrated(f.T, kit.Dialect())...)
			})
		})
	}
}

func TestMigrateRefusesAHistoryWithAGap(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		f.facts = []string{"table migrations", "step books 2 parts " + digests(f.T, twoSteps(), kit.Dialect())[1]}
		err := kit.Migrate(f.Context(), twoSteps())
		if !errors.Is(err, sqlkit.ErrMigration) || !strings.Contains(err.Error(), "step 1 was not") {
			f.Errorf("%v, want ErrMigration", err)
		}
	})
}

func TestMigrateThatFailsAnywhereLeavesTheDatabaseAsItWas(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		failure := errors.New("permission denied")
		failed := 0
		for n := 0; ; n++ {
			f.fault(fault{skip: n, err: failure})
			err := kit.Migrate(f.Context(), twoSteps())
			if err == nil {
				break // the fault is still to come
			}
			failed++
			if !errors.Is(err, failure) || errors.Is(err, sqlkit.ErrMigration) {
				f.Errorf("statement %d: %v, want %v", n, err, failure)
			}
			checkFacts(f)
		}
		if failed < 9 { // begin, look, its row, create, put, put, insert, put, insert, commit
			f.Errorf("failed at %d statements, want all of them", failed)
		}
		checkFacts(f, migrated(f.T, kit.Dialect())...)
	})
}

func TestMigrateNamesTheStepThatFails(t *testing.T) {
	t.Parallel()
	onPools(t, func(f *fake, kit *sqlkit.Kit) {
		err := kit.Migrate(f.Context(), folder("0001_books.sql", "put first;", "0002_parts.sql", "drop all;"))
		if err == nil || !strings.Contains(err.Error(), "migrate books: step 2 parts: ") {
			f.Errorf("%v, want the step's number and name", err)
		}
		checkFacts(f)
	})
}

func TestEnginesShareATableOfMigrations(t *testing.T) {
	t.Parallel()
	for _, d := range []sqlkit.Dialect{sqlkit.PostgreSQL, sqlkit.SQLite} {
		f, db := newFake(t, d)
		fsys := folder("0001_orders.sql", "put orders;")
		for engine, steps := range map[string]fs.FS{"books": twoSteps(), "orders": fsys} {
			kit, err := sqlkit.New(db, sqlkit.Config{Engine: engine, Dialect: d, Prefix: "shop_"})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := kit.Migrate(t.Context(), steps); err != nil {
					t.Errorf("%v: %v", d, err)
				}
			}
		}
		facts := f.committed()
		for _, want := range []string{
			"table shop_migrations", "step books 2 parts " + digests(t, twoSteps(), d)[1], "step orders 1 orders " + digests(t, fsys, d)[0],
		} {
			if !slices.Contains(facts, want) {
				t.Errorf("%v: no %q in %q", d, want, facts)
			}
		}
	}
}

func TestSecondMigratorWaitsAndHasNothingToDo(t *testing.T) {
	t.Parallel()
	for _, d := range []sqlkit.Dialect{sqlkit.PostgreSQL, sqlkit.SQLite} {
		synctest.Test(t, func(t *testing.T) {
			f, db := newFake(t, d)
			started, goOn := make(chan struct{}), make(chan struct{})
			f.fault(fault{on: "put second", do: func(context.Context) {
				close(started)
				<-goOn
			}})
			var wg sync.WaitGroup
			migrate := func() {
				if err := newKit(t, db, d).Migrate(t.Context(), twoSteps()); err != nil {
					t.Errorf("%v: %v", d, err)
				}
			}
			wg.Go(migrate)
			<-started
			wg.Go(migrate)
			time.Sleep(time.Minute) // far beyond the attempts of InTx
			close(goOn)
			wg.Wait()
			if diff := cmp.Diff(migrated(t, d), f.committed()); diff != "" {
				t.Errorf("%v (-want +got):\n%s", d, diff)
			}
		})
	}
}

func TestMigrateKeepsToACallersTransaction(t *testing.T) {
	t.Parallel()
	for _, d := range []sqlkit.Dialect{sqlkit.PostgreSQL, sqlkit.SQLite} {
		f, db := newFake(t, d)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		kit := newKit(t, tx, d)
		if err := kit.Migrate(t.Context(), folder("0001_books.sql", "put first; drop all;")); err == nil {
			t.Errorf("%v: no error", d)
		}
		if err := kit.Migrate(t.Context(), twoSteps()); err != nil {
			t.Errorf("%v: %v", d, err)
		}
		checkFacts(f)
		if err := tx.Commit(); err != nil {
			t.Errorf("%v: %v", d, err)
		}
		checkFacts(f, migrated(t, d)...)
	}
}
