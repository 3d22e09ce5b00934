package wal

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// An FS is what a log needs of a file system, all in one directory.
type FS interface {
	// MakeDir makes the directory, if it is not there.
	MakeDir() error
	// Names returns the names of the files, sorted.
	Names() ([]string, error)
	Open(name string) (io.ReadCloser, error)
	// Create makes a file, which must not be there, to be written at its end.
	Create(name string) (File, error)
	Remove(name string) error
	// Sync makes what was created and removed durable.
	Sync() error
}

// A Locker is an FS that others can reach too. It is optional.
type Locker interface {
	// Lock takes the directory until unlock is called or the process ends. The error Is ErrInUse if somebody has it.
	Lock() (unlock func() error, err error)
}

// A File is one that is written.
type File interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

// Dir is an FS of the operating system, and a Locker. It has a file of the name lock for that, which stays.
type Dir string

var (
	_ FS     = Dir("")
	_ Locker = Dir("")
)

const lockName = "lock"

// MakeDir makes the directory and those above it.
func (d Dir) MakeDir() error { return os.MkdirAll(string(d), 0o750) }

// Names lists the directory.
func (d Dir) Names() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Open opens a file for reading.
func (d Dir) Open(name string) (io.ReadCloser, error) { return os.Open(d.path(name)) }

// Create makes a file that only its owner may read: spans hold what users sent.
func (d Dir) Create(name string) (File, error) {
	return os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
}

// Remove removes a file.
func (d Dir) Remove(name string) error { return os.Remove(d.path(name)) }

// Sync syncs the directory.
func (d Dir) Sync() error {
	dir, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (d Dir) path(name string) string { return filepath.Join(string(d), filepath.Base(name)) }
