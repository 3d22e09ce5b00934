//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package wal

import (
	"errors"
	"io/fs"
	"os"
)

// Lock makes the file anew. On Windows one that another process has open cannot be removed before; elsewhere this tells nobody apart.
func (d Dir) Lock() (unlock func() error, err error) {
	if err := os.Remove(d.path(lockName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(ErrInUse, err)
	}
	file, err := os.OpenFile(d.path(lockName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		err = ErrInUse
	}
	if err != nil {
		return nil, err
	}
	return file.Close, nil
}
