package sqlkit_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tenon-go/tenon/internal/sqlkit"
)

// A fake is a database that holds a list of facts and knows as much SQL as the
// kit speaks, with "put x" for the statement of a store: it adds the fact x, which
// may be there once. What it has in common with the real ones is what a kit
// has to get right: transactions, savepoints, PostgreSQL's refusal to go on after
// an error, SQLite's single writer. Its faults strike at chosen statements.
type fake struct {
	*testing.T // that it is part of

	dialect  sqlkit.Dialect
	advisory chan struct{} // holds one token while PostgreSQL's advisory lock is taken

	mu     sync.Mutex
	facts  []string // committed
	writer *fakeConn
	log    []string
	faults []*fault
	conns  int // open ones
}

// A fault strikes at a statement that begins with on, after passing over some.
type fault struct {
	on    string
	skip  int
	times int   // 0: once
	err   error // nil: it succeeds
	late  bool  // it takes effect first
	drop  bool  // the whole transaction is rolled back, as SQLite does of its own accord
	do    func(context.Context)
}

type (
	pgError   string // a SQLSTATE
	liteError int    // a result code
)

func (e pgError) Error() string    { return "SQLSTATE " + string(e) }
func (e pgError) SQLState() string { return string(e) }
func (e liteError) Error() string  { return fmt.Sprintf("result code %d", int(e)) }
func (e liteError) Code() int      { return int(e) }

// newFake returns a fake and a pool on it. When the test ends, no connection and
// no lock may be left.
func newFake(t *testing.T, d sqlkit.Dialect) (*fake, *sql.DB) {
	t.Helper()
	f := &fake{T: t, dialect: d, advisory: make(chan struct{}, 1)}
	db := sql.OpenDB(f)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if f.conns != 0 || f.writer != nil || len(f.advisory) != 0 {
			t.Errorf("left: %d connections, writer %v, %d advisory locks", f.conns, f.writer, len(f.advisory))
		}
	})
	return f, db
}

func newKit(t *testing.T, db sqlkit.DB, d sqlkit.Dialect) *sqlkit.Kit {
	t.Helper()
	kit, err := sqlkit.New(db, sqlkit.Config{Engine: "books", Dialect: d, Rand: func() float64 { return 0.5 }})
	if err != nil {
		t.Fatal(err)
	}
	return kit
}

func (f *fake) fault(x fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x.times = max(x.times, 1)
	f.faults = append(f.faults, &x)
}

// committed returns the facts that another connection sees.
func (f *fake) committed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.facts)
}

// statements returns how many statements so far began with prefix.
func (f *fake) statements(prefix string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.log {
		if strings.HasPrefix(s, prefix) {
			n++
		}
	}
	return n
}

func (f *fake) Connect(context.Context) (driver.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns++
	return &fakeConn{db: f}, nil
}

func (f *fake) Driver() driver.Driver { return nil }

// A fakeConn is a connection to a fake.
type fakeConn struct {
	db      *fake
	open    bool // in a transaction
	aborted bool
	locked  bool     // has the advisory lock
	work    []string // facts of the transaction
	saves   []int    // lengths of work
}

func (c *fakeConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not used") }
func (c *fakeConn) Begin() (driver.Tx, error)           { return nil, errors.New("not used") }

func (c *fakeConn) Close() error {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	c.end()
	c.db.conns--
	return nil
}

func (c *fakeConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.run(ctx, strings.TrimSpace("begin "+strings.ToLower(isolation(opts))), nil); err != nil {
		return nil, err
	}
	return fakeTx{c, ctx}, nil
}

func isolation(opts driver.TxOptions) string {
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		return level.String()
	}
	return ""
}

type fakeTx struct {
	c   *fakeConn
	ctx context.Context //nolint:containedctx // drivers end a transaction by the context that began it
}

func (t fakeTx) Commit() error   { return t.c.run(t.ctx, "commit", nil) }
func (t fakeTx) Rollback() error { return t.c.run(t.ctx, "rollback", nil) }

func (c *fakeConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), c.run(ctx, query, args)
}

func (c *fakeConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.run(ctx, query, args); err != nil {
		return nil, err
	}
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	all := slices.Concat(c.db.facts, c.work)
	rows := &fakeRows{db: c.db}
	switch {
	case strings.HasPrefix(query, "select count("):
		rows.add(boolToInt(slices.Contains(all, fmt.Sprint("table ", args[0].Value))))
	case strings.HasPrefix(query, "select number"):
		for _, fact := range all {
			if word := strings.Fields(fact); word[0] == "step" && word[1] == args[0].Value {
				rows.add(word[2], word[3], word[4])
			}
		}
	default:
		for _, fact := range all {
			rows.add(fact)
		}
	}
	return rows, nil
}

func boolToInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

type fakeRows struct {
	db   *fake
	rows [][]driver.Value
}

func (r *fakeRows) add(row ...driver.Value) { r.rows = append(r.rows, row) }
func (r *fakeRows) Close() error            { return nil }

func (r *fakeRows) Columns() []string {
	if len(r.rows) == 0 {
		return []string{"column"}
	}
	return make([]string, len(r.rows[0]))
}

func (r *fakeRows) Next(dest []driver.Value) error {
	if fault := r.db.strike("row"); fault != nil {
		return fault.err
	}
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// strike returns the fault that is due at statement, if any.
func (f *fake) strike(statement string) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, x := range f.faults {
		switch {
		case !strings.HasPrefix(statement, x.on):
			continue
		case x.skip > 0:
			x.skip--
			return nil
		}
		if x.times--; x.times == 0 {
			f.faults = slices.Delete(f.faults, i, i+1)
		}
		return x
	}
	return nil
}

// run runs a statement, or several that have no arguments.
func (c *fakeConn) run(ctx context.Context, text string, args []driver.NamedValue) error {
	for statement := range strings.SplitSeq(strings.TrimRight(text, "; \n"), ";") {
		if err := c.runOne(ctx, strings.TrimSpace(statement), args); err != nil {
			if c.db.dialect == sqlkit.PostgreSQL && c.open {
				c.aborted = true
			}
			return err
		}
	}
	return nil
}

func (c *fakeConn) runOne(ctx context.Context, statement string, args []driver.NamedValue) error {
	x := c.db.strike(statement)
	if x == nil {
		x = &fault{}
	}
	if x.do != nil {
		x.do(ctx)
	}
	if ctx.Err() != nil && !x.late {
		return ctx.Err()
	}
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	c.db.log = append(c.db.log, statement)
	if x.drop || x.err != nil && !x.late && statement == "commit" && c.db.dialect == sqlkit.PostgreSQL {
		c.end() // PostgreSQL has no transaction after COMMIT, whatever becomes of it
	}
	if x.err != nil && !x.late {
		return x.err
	}
	if err := c.apply(ctx, statement, args); err != nil {
		return err
	}
	return x.err
}

func (c *fakeConn) apply(ctx context.Context, statement string, args []driver.NamedValue) error {
	if c.aborted && statement != "rollback" && statement != "commit" && statement != "rollback to savepoint tenon" {
		return pgError("25P02")
	}
	switch verb, rest, _ := strings.Cut(statement, " "); verb {
	case "begin":
		return c.begin(rest)
	case "commit":
		return c.finish(verb)
	case "rollback":
		if rest != "" {
			return c.rollbackTo()
		}
		return c.finish(verb)
	case "savepoint", "release":
		return c.savepoint(verb)
	case "put":
		return c.put(fill(rest, args))
	case "create":
		return c.put("table " + strings.Fields(rest)[1])
	case "insert":
		return c.put(fill("step", args))
	case "select":
		if strings.HasPrefix(rest, "pg_advisory_xact_lock") {
			return c.lock(ctx)
		}
		return nil
	default:
		return fmt.Errorf("syntax error: %q", statement)
	}
}

// fill returns words with the arguments in place of a placeholder, or behind.
func fill(words string, args []driver.NamedValue) string {
	words = strings.TrimRight(words, "?$1")
	for _, a := range args {
		words += fmt.Sprint(" ", a.Value)
	}
	return strings.TrimSpace(words)
}

func (c *fakeConn) begin(mode string) error {
	switch {
	case c.open:
		return liteError(1)
	case mode == "immediate" && c.db.writer != nil:
		return liteError(5)
	case mode == "immediate":
		c.db.writer = c
	}
	c.open = true
	return nil
}

func (c *fakeConn) finish(verb string) error {
	if !c.open {
		return liteError(1)
	}
	defer c.end()
	if verb == "commit" && c.aborted {
		return errors.New("commit unexpectedly resulted in rollback")
	}
	if verb == "commit" {
		c.db.facts = append(c.db.facts, c.work...)
	}
	return nil
}

// end forgets the transaction.
func (c *fakeConn) end() {
	if c.db.writer == c {
		c.db.writer = nil
	}
	if c.locked {
		<-c.db.advisory
	}
	*c = fakeConn{db: c.db}
}

func (c *fakeConn) savepoint(verb string) error {
	switch {
	case verb == "savepoint" && c.open:
		c.saves = append(c.saves, len(c.work))
	case len(c.saves) == 0:
		return errors.New("no such savepoint")
	default:
		c.saves = c.saves[:len(c.saves)-1]
	}
	return nil
}

func (c *fakeConn) rollbackTo() error {
	if len(c.saves) == 0 {
		return errors.New("no such savepoint")
	}
	c.work, c.aborted = c.work[:c.saves[len(c.saves)-1]], false
	return nil
}

func (c *fakeConn) put(fact string) error {
	if slices.Contains(c.db.facts, fact) || slices.Contains(c.work, fact) {
		if c.db.dialect == sqlkit.PostgreSQL {
			return pgError("23505")
		}
		return liteError(2067)
	}
	if c.open {
		c.work = append(c.work, fact)
	} else {
		c.db.facts = append(c.db.facts, fact)
	}
	return nil
}

// lock waits for the advisory lock, unless it has it, without holding up other
// connections.
func (c *fakeConn) lock(ctx context.Context) error {
	if c.locked {
		return nil
	}
	c.db.mu.Unlock()
	defer c.db.mu.Lock()
	select {
	case c.db.advisory <- struct{}{}:
		c.locked = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
