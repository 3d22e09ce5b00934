package wal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/tenon-go/tenon/tracing/internal/faultyfs"
	"github.com/tenon-go/tenon/tracing/internal/wal"
)

// logOf returns a directory with one file of requests 1 to n, the file, and its bytes.
func logOf(t *testing.T, n int) (fs *faultyfs.FS, file wal.Old, data []byte) {
	t.Helper()
	fs = &faultyfs.FS{}
	log, _, err := wal.Open(fs)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := log.Append(request(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	_, old, err := wal.Open(fs)
	if err != nil || len(old) != 1 {
		t.Fatal(old, err)
	}
	return fs, old[0], content(t, fs, old[0].Name)
}

func content(t *testing.T, fs wal.FS, name string) []byte {
	t.Helper()
	in, err := fs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	var data bytes.Buffer
	if _, err := data.ReadFrom(in); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// replace writes a file anew.
func replace(t *testing.T, fs wal.FS, name string, data []byte) {
	t.Helper()
	if err := fs.Remove(name); err != nil {
		t.Fatal(err)
	}
	file, err := fs.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
}

// TestOneDamagedByteCostsOneRequest flips each byte of a file: all other requests are read, and what is not read is kept.
func TestOneDamagedByteCostsOneRequest(t *testing.T) {
	const n = 6
	fs, file, whole := logOf(t, n)
	begin, request := 0, 0
	for at := range whole {
		if size := 8 + int(binary.LittleEndian.Uint32(whole[begin:])); at == begin+size {
			begin, request = at, request+1
		}
		data := bytes.Clone(whole)
		data[at] ^= 0x10
		replace(t, fs, file.Name, data)
		var got []int
		harm, err := wal.Read(fs, file.Name, func(req []byte) error {
			got = append(got, int(req[0]))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []int{1, 2, 3, 4, 5, 6}
		want = slices.Delete(want, request, request+1)
		last := request == n-1
		size := int64(8 + int(binary.LittleEndian.Uint32(whole[begin:])))
		if !slices.Equal(got, want) || harm.Cut != last || (harm.Skipped == 0) != last || !last && harm.Skipped != size {
			t.Fatalf("byte %d, of request %d: read %d, %+v", at, request+1, got, harm)
		}
		if !last && !bytes.Equal(content(t, fs, file.Name+".damaged"), data[begin:int64(begin)+size]) {
			t.Fatalf("byte %d: the damaged bytes are not kept", at)
		}
	}
}

// TestDamageInManyPlaces skips each, and keeps all in one file, which is no log.
func TestDamageInManyPlaces(t *testing.T) {
	fs, file, data := logOf(t, 6)
	data[9] ^= 1
	data[8+37+8+74+9] ^= 1
	replace(t, fs, file.Name, data)
	files := []wal.Old{file}
	if got, cuts := readAll(t, fs, files); len(got) != 4 || cuts > 0 {
		t.Errorf("%d requests, %d cuts", len(got), cuts)
	}
	if kept := content(t, fs, file.Name+".damaged"); len(kept) != 8+37+8+111 {
		t.Errorf("%d bytes are kept", len(kept))
	}
	if _, old, err := wal.Open(fs); err != nil || len(old) != 1 {
		t.Errorf("files of the log: %v, %v", old, err)
	}
	for at := 1; at <= 7; at++ { // Remove, create, two writes, two syncs.
		fs.FailAt(at)
		_, err := wal.Read(fs, file.Name, func([]byte) error { return nil })
		if errors.Is(err, faultyfs.ErrInjected) != (at <= fs.Count()) {
			t.Errorf("operation %d fails: got %v", at, err)
		}
	}
}
