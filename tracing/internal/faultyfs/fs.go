package faultyfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/tenon-go/tenon/tracing/internal/wal"
)

// ErrInjected is what an operation of an [FS] fails with.
var ErrInjected = errors.New("injected fault")

// An FS is a directory in memory that fails on command, and forgets in a crash what was not synced. The zero value is empty; it is safe for
// concurrent use.
type FS struct {
	mu      sync.Mutex
	files   map[string]*content // as programs see them
	durable map[string]*content // as they are after a crash
	count   int
	from    int // the first operation that fails; 0 = none
	until   int // the last
}

// A content is the bytes of a file, of which the first are durable.
type content struct {
	data   []byte
	synced int
}

// FailAt makes the n-th write, sync, create, remove or truncate from now on fail, and only that one. A write that fails leaves half of its bytes.
// 0 = none.
func (f *FS) FailAt(n int) { f.fail(n, n) }

// FailFrom makes the n-th such operation and all after it fail, as when the power is cut.
func (f *FS) FailFrom(n int) { f.fail(n, 1<<30) }

func (f *FS) fail(from, until int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count, f.from, f.until = 0, from, until
}

// Count returns how many such operations there were since the last command.
func (f *FS) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Crash returns the directory as it is found after a crash of now: files without what was not synced, or with some of it.
func (f *FS) Crash(source *rand.Rand) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := &FS{files: map[string]*content{}, durable: map[string]*content{}}
	for _, name := range slices.Sorted(maps.Keys(f.durable)) {
		was := f.durable[name]
		kept := min(was.synced, len(was.data))
		kept += source.IntN(len(was.data) - kept + 1)
		one := &content{data: bytes.Clone(was.data[:kept]), synced: kept}
		found.files[name], found.durable[name] = one, one
	}
	return found
}

// step counts an operation. The lock is held.
func (f *FS) step(what string) error {
	f.count++
	if f.from > 0 && f.count >= f.from && f.count <= f.until {
		return fmt.Errorf("%s: %w", what, ErrInjected)
	}
	return nil
}

// MakeDir makes the directory.
func (f *FS) MakeDir() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files == nil {
		f.files, f.durable = map[string]*content{}, map[string]*content{}
	}
	return nil
}

// Names lists the directory.
func (f *FS) Names() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.files)), nil
}

// Open opens a file for reading.
func (f *FS) Open(name string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one, ok := f.files[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(bytes.Clone(one.data))), nil
}

// Create makes a file.
func (f *FS) Create(name string) (wal.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step("create"); err != nil {
		return nil, err
	}
	if _, ok := f.files[name]; ok {
		return nil, fmt.Errorf("create %s: %w", name, fs.ErrExist)
	}
	f.files[name] = &content{}
	return &faultyFile{f, f.files[name]}, nil
}

// Remove removes a file.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step("remove"); err != nil {
		return err
	}
	delete(f.files, name)
	return nil
}

// Sync makes what was created and removed durable.
func (f *FS) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step("sync directory"); err != nil {
		return err
	}
	f.durable = maps.Clone(f.files)
	return nil
}

// A faultyFile is a file that is written.
type faultyFile struct {
	fs *FS
	*content
}

func (f *faultyFile) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step("write"); err != nil {
		f.data = append(f.data, p[:len(p)/2]...)
		return len(p) / 2, err
	}
	f.data = append(f.data, p...)
	return len(p), nil
}

func (f *faultyFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step("sync"); err != nil {
		return err
	}
	f.synced = len(f.data)
	return nil
}

func (f *faultyFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step("truncate"); err != nil {
		return err
	}
	f.data = f.data[:size]
	f.synced = min(f.synced, len(f.data))
	return nil
}

func (f *faultyFile) Close() error { return nil }
