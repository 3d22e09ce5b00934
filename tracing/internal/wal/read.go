package wal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
)

// damaged is what is added to the name of a file for what in it is unreadable.
const damaged = ".damaged"

// maxSought bounds what is summed up to find the next record, so that a hostile file ends.
const maxSought = 4 << 30

// A Harm is what was wrong with a file.
type Harm struct {
	Cut     bool  // it ended in the middle of a record, or its last record is not what was written: what a crash leaves
	Skipped int64 // bytes before its end that are no record, and are kept in a file beside it
}

// Read calls visit for each request of a file in order, until its error. What is damaged before the end is skipped up to the next whole record,
// and its bytes are durable in a file of that name with ".damaged" behind it, before Read returns.
func Read(fsys FS, name string, visit func(req []byte) error) (harm Harm, err error) {
	file, err := fsys.Open(name)
	if err != nil {
		return Harm{}, fmt.Errorf("log: %w", err)
	}
	defer func() { _ = file.Close() }() // It was read only.
	r := reader{fs: fsys, name: name, in: bufio.NewReader(file)}
	for {
		whole, err := r.next()
		if err == nil && !whole && r.record.Len() > 0 {
			whole, err = r.resume(&harm)
		}
		if err != nil {
			return harm, errors.Join(fmt.Errorf("log: %s: %w", name, err), r.close())
		}
		if !whole {
			return harm, r.close()
		}
		if err := visit(r.record.Bytes()[headSize:]); err != nil {
			return harm, errors.Join(err, r.close())
		}
	}
}

// A reader reads a file of the log.
type reader struct {
	fs     FS
	name   string
	in     io.Reader
	record bytes.Buffer // the last that was read, or what there is of it
	aside  File         // where skipped bytes go; nil = there were none
}

// next reads a record. If there is no whole one, what was read of it is in record.
func (r *reader) next() (whole bool, err error) {
	r.record.Reset()
	if all, err := r.read(headSize); !all {
		return false, err
	}
	size := int64(binary.LittleEndian.Uint32(r.record.Bytes()))
	if all, err := r.read(size); !all { // It grows as there is something, whatever the length says.
		return false, err
	}
	return isRecord(r.record.Bytes()), nil
}

func (r *reader) read(size int64) (all bool, err error) {
	_, err = io.CopyN(&r.record, r.in, size)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err
}

// resume goes on with the first whole record behind what is damaged, if there is one: else that is the end.
func (r *reader) resume(harm *Harm) (whole bool, err error) {
	if _, err := r.read(math.MaxInt64); err != nil {
		return false, err
	}
	rest := bytes.Clone(r.record.Bytes())
	skipped := seek(rest)
	if skipped < 0 {
		harm.Cut = true
		return false, nil
	}
	harm.Skipped += int64(skipped)
	if err := r.keep(rest[:skipped]); err != nil {
		return false, err
	}
	r.in = bytes.NewReader(rest[skipped:])
	return r.next()
}

// isRecord tells of the bytes of one whether they are what was written.
func isRecord(b []byte) bool {
	return sum(b[:4], b[headSize:]) == binary.LittleEndian.Uint32(b[4:])
}

// seek returns where the first whole record begins behind one that is damaged; below 0 = there is none. If that takes too long, it is the end.
func seek(rest []byte) int {
	sought := 0
	at := func(from int) bool {
		if len(rest)-from < headSize {
			return false
		}
		to := int64(from) + headSize + int64(binary.LittleEndian.Uint32(rest[from:]))
		if to > int64(len(rest)) {
			return false
		}
		sought += int(to) - from
		return isRecord(rest[from:to])
	}
	if len(rest) >= headSize { // Mostly the length is as it was.
		if next := headSize + int64(binary.LittleEndian.Uint32(rest)); next < int64(len(rest)) && at(int(next)) {
			return int(next)
		}
	}
	for from := 1; from < len(rest); from++ {
		if at(from) {
			return from
		}
		if sought > maxSought {
			return len(rest)
		}
	}
	return -1
}

// keep writes bytes beside the file. What was written there when the file was read before is written anew.
func (r *reader) keep(skipped []byte) error {
	if r.aside == nil {
		name := r.name + damaged
		aside, err := r.fs.Create(name)
		if errors.Is(err, fs.ErrExist) {
			if err = r.fs.Remove(name); err == nil {
				aside, err = r.fs.Create(name)
			}
		}
		if err != nil {
			return err
		}
		r.aside = aside
	}
	_, err := r.aside.Write(skipped)
	return err
}

// close makes durable what was kept.
func (r *reader) close() error {
	if r.aside == nil {
		return nil
	}
	if err := errors.Join(r.aside.Sync(), r.aside.Close(), r.fs.Sync()); err != nil {
		return fmt.Errorf("log: %s: %w", r.name, err)
	}
	return nil
}
