package faulttest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// ErrInjected is what a step fails with unless told otherwise.
var ErrInjected = errors.New("injected fault")

// Faults make steps of the pools that share them fail. The zero value has none
// do so.
type Faults struct {
	mu    sync.Mutex
	count int // steps since the last command
	at    int // the step that fails; 0: none
	err   error
	steps []string
	lost  bool // the next commit takes effect, and its answer is lost
}

// FailAt makes the n-th step from now on fail with ErrInjected before it does
// anything, and only that one. 0 is none.
func (f *Faults) FailAt(n int) { f.FailAtWith(n, ErrInjected) }

// FailAtWith is FailAt with another error, such as one that a database gives.
func (f *Faults) FailAtWith(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count, f.at, f.err, f.steps = 0, n, err, nil
}

// LoseCommit makes the next commit do what it should and report ErrInjected
// nevertheless.
func (f *Faults) LoseCommit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = true
}

// Steps returns the steps since the last command, for a test's log.
func (f *Faults) Steps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps
}

// step counts one and returns the error with which it has to fail.
func (f *Faults) step(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if f.at > 0 {
		f.steps = append(f.steps, what)
	}
	if f.count == f.at {
		return f.err
	}
	return nil
}

// answer returns the error by which the answer of a successful commit is replaced.
func (f *Faults) answer() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lost {
		f.lost = false
		return ErrInjected
	}
	return nil
}

// Open returns a pool of a registered driver whose steps f can make fail, closed
// when the test ends. Pools may share their faults.
func Open(tb testing.TB, driverName, dsn string, f *Faults) *sql.DB {
	tb.Helper()
	plain, err := sql.Open(driverName, dsn)
	if err != nil {
		tb.Fatalf("open %s: %v", driverName, err)
	}
	base := plain.Driver()
	if err := plain.Close(); err != nil { // it has no connection yet
		tb.Fatalf("close %s: %v", driverName, err)
	}
	db := sql.OpenDB(&connector{base: base, dsn: dsn, faults: f})
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("close %s: %v", driverName, err)
		}
	})
	return db
}

type connector struct {
	base   driver.Driver
	dsn    string
	faults *Faults
}

// Driver returns the driver underneath.
func (c *connector) Driver() driver.Driver { return c.base }

// Connect opens a connection and wraps it.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	var opened driver.Conn
	var err error
	if base, ok := c.base.(driver.DriverContext); ok {
		var inner driver.Connector
		if inner, err = base.OpenConnector(c.dsn); err == nil {
			opened, err = inner.Connect(ctx)
		}
	} else {
		opened, err = c.base.Open(c.dsn)
	}
	if err != nil {
		return nil, err
	}
	able, ok := opened.(baseConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("faulttest: %T lacks methods of database/sql/driver", opened), opened.Close())
	}
	return &conn{baseConn: able, faults: c.faults}, nil
}

// baseConn is what a driver of today can do, pgx and modernc's SQLite among them.
type baseConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type conn struct {
	baseConn
	faults *Faults
}

// The methods that are not here are those of the connection underneath.

// ExecContext is a step.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.faults.step(query); err != nil {
		return nil, err
	}
	result, err := c.baseConn.ExecContext(ctx, query, args)
	if err == nil && strings.EqualFold(query, "commit") {
		err = c.faults.answer()
	}
	return result, err
}

// QueryContext is a step.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.faults.step(query); err != nil {
		return nil, err
	}
	return c.baseConn.QueryContext(ctx, query, args)
}

// BeginTx is a step, and so is the commit of its transaction.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.faults.step("begin"); err != nil {
		return nil, err
	}
	inner, err := c.baseConn.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &tx{Tx: inner, faults: c.faults}, nil
}

// ResetSession asks the connection underneath, if it can be asked.
func (c *conn) ResetSession(ctx context.Context) error {
	if base, ok := c.baseConn.(driver.SessionResetter); ok {
		return base.ResetSession(ctx)
	}
	return nil
}

// IsValid asks the connection underneath, if it can be asked.
func (c *conn) IsValid() bool {
	base, ok := c.baseConn.(driver.Validator)
	return !ok || base.IsValid()
}

// CheckNamedValue asks the connection underneath, if it can be asked.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if base, ok := c.baseConn.(driver.NamedValueChecker); ok {
		return base.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type tx struct {
	driver.Tx
	faults *Faults
}

// Commit is a step. Where it fails before it does anything the transaction is
// rolled back, as a server does whose client is gone.
func (t *tx) Commit() error {
	if err := t.faults.step("commit"); err != nil {
		return errors.Join(err, t.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.faults.answer()
}
