package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"
)

const (
	headSize   = 8
	nameFormat = "%016x-%08x.log"

	// No log comes so far. A file that says so is not ours: the numbers after it would begin again at 0, or be too long for a name.
	farthestEpoch  = 1 << 62
	farthestSerial = 1 << 31
)

var (
	// ErrClosed is what a log that was closed says.
	ErrClosed = errors.New("log is closed")
	// ErrInUse marks a directory that has an open log.
	ErrInUse = errors.New("directory is in use")
)

// An Old is a file that was there when the log was opened.
type Old struct {
	Name  string
	Epoch uint64
}

// A Log takes requests. [Open] makes it. It is safe for concurrent use.
type Log struct {
	fs     FS
	unlock func() error // nil = nothing to unlock

	mu     sync.Mutex
	file   File // nil = the next request makes one
	size   int64
	names  []Old // of all files, in order
	epoch  uint64
	serial uint64
	buf    []byte
	head   *group // what was written since the last sync
	closed bool
}

// A group is requests that are synced together.
type group struct {
	done chan struct{}
	err  error
}

// Open returns a log in a directory, which writes an epoch after all that are there, and the files to be read again, in order. The error Is
// ErrInUse if the directory has another log, of any process.
func Open(fs FS) (*Log, []Old, error) {
	if err := fs.MakeDir(); err != nil {
		return nil, nil, fmt.Errorf("log: %w", err)
	}
	l := &Log{fs: fs}
	if shared, ok := fs.(Locker); ok {
		unlock, err := shared.Lock()
		if err != nil {
			return nil, nil, fmt.Errorf("log: %w", err)
		}
		l.unlock = unlock
	}
	names, err := fs.Names()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("log: %w", err), l.release())
	}
	for _, name := range names {
		one := Old{Name: name}
		var serial uint64
		if n, err := fmt.Sscanf(name, nameFormat, &one.Epoch, &serial); n != 2 || err != nil || fmt.Sprintf(nameFormat, one.Epoch, serial) != name {
			continue // Not ours.
		}
		if one.Epoch > farthestEpoch || serial > farthestSerial {
			continue
		}
		l.names = append(l.names, one)
		l.epoch, l.serial = max(l.epoch, one.Epoch), max(l.serial, serial)
	}
	l.epoch++
	return l, slices.Clone(l.names), nil
}

// Epoch returns the epoch that is written.
func (l *Log) Epoch() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch
}

// Append writes a request, and returns what waits until it is durable. After an error it is not there.
func (l *Log) Append(req []byte) (wait func() error, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	if l.file == nil {
		if err := l.create(); err != nil {
			return nil, err
		}
	}
	l.buf = appendRecord(l.buf[:0], req)
	if _, err := l.file.Write(l.buf); err != nil {
		// What was written of it would hide all that comes after it.
		err = fmt.Errorf("log: %w", err)
		if cut := l.file.Truncate(l.size); cut != nil {
			l.abandon(err)
		}
		return nil, err
	}
	l.size += int64(len(l.buf))
	if l.head == nil {
		l.head = &group{done: make(chan struct{})}
	}
	g := l.head
	return func() error {
		<-g.done
		return g.err
	}, nil
}

// create makes the next file. Its name has to be durable before anything in it can be.
func (l *Log) create() error {
	l.serial++
	name := fmt.Sprintf(nameFormat, l.epoch, l.serial)
	file, err := l.fs.Create(name)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	l.names = append(l.names, Old{Name: name, Epoch: l.epoch}) // From now on it is to be removed some day.
	if err := l.fs.Sync(); err != nil {
		_ = file.Close() // Nothing is in it.
		return fmt.Errorf("log: %w", err)
	}
	l.file, l.size = file, 0
	return nil
}

// abandon goes on in another file. Those who wait for what was not synced yet are told that it is not durable: the next sync is of the other file.
func (l *Log) abandon(err error) {
	_ = l.file.Close() // What counts was synced, or its writers are told that it is not.
	l.file, l.size = nil, 0
	l.tell(err)
}

// tell lets those go on who wait for the next sync.
func (l *Log) tell(err error) {
	if g := l.head; g != nil {
		l.head, g.err = nil, err
		close(g.done)
	}
}

func appendRecord(b, req []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(req))) //nolint:gosec // A request is far below 4 GiB.
	b = binary.LittleEndian.AppendUint32(b, sum(b[:4], req))
	return append(b, req...)
}

// sum covers the length too, so that zeros are no record.
func sum(length, req []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Update(0, table, length), table, req)
}

// Sync makes durable what was written before the call, and lets those go on who wait for that. If that fails, the log goes on in another file:
// nobody knows what is in this one.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sync()
}

func (l *Log) sync() error {
	if l.head == nil {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		err = fmt.Errorf("log: %w", err)
		l.abandon(err)
		return err
	}
	l.tell(nil)
	return nil
}

// Rotate has what comes from now on belong to an epoch.
func (l *Log) Rotate(epoch uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.sync()
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
		l.file, l.size = nil, 0
	}
	l.epoch = epoch
	return err
}

// Size returns how much was written since the last file began.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// Settle removes the files of an epoch and of all before it, but that which is written. What cannot be removed is tried again by the next call.
func (l *Log) Settle(epoch uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	removed := false
	l.names = slices.DeleteFunc(l.names, func(one Old) bool {
		if one.Epoch > epoch || l.file != nil && one.Epoch == l.epoch {
			return false
		}
		if err := l.fs.Remove(one.Name); err != nil {
			errs = append(errs, err)
			return false
		}
		removed = true
		return true
	})
	if removed {
		errs = append(errs, l.fs.Sync())
	}
	return errors.Join(errs...)
}

// release lets others have the directory.
func (l *Log) release() error {
	if l.unlock == nil {
		return nil
	}
	defer func() { l.unlock = nil }()
	return l.unlock()
}

// Close syncs and ends the log, and lets another have the directory. Its files stay.
func (l *Log) Close() error {
	err := l.Rotate(l.Epoch())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return errors.Join(err, l.release())
}
