package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tenon-go/tenon/tracing/internal/faultyfs"
	"github.com/tenon-go/tenon/tracing/internal/wal"
)

func request(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n*37%500) } //nolint:gosec // The low byte is enough.

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// readAll returns the requests of all files of a log, and how many files were cut.
func readAll(t *testing.T, fs wal.FS, files []wal.Old) (all [][]byte, cuts int) {
	t.Helper()
	for _, file := range files {
		harm, err := wal.Read(fs, file.Name, func(req []byte) error {
			all = append(all, bytes.Clone(req))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if harm.Cut {
			cuts++
		}
	}
	return all, cuts
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	dir := wal.Dir(filepath.Join(t.TempDir(), "a", "log"))
	var want [][]byte
	for run := range 3 {
		log, old, err := wal.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, cuts := readAll(t, dir, old)
		if !slices.EqualFunc(got, want, bytes.Equal) || cuts > 0 {
			t.Fatalf("run %d: %d requests, %d cuts, want %d", run, len(got), cuts, len(want))
		}
		want = append(want, write(t, log, 20)...)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(nil); !errors.Is(err, wal.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(string(dir), "notes.txt"), []byte("not a log"), 0o600); err != nil {
		t.Fatal(err)
	}
	log, old, err := wal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Settle(old[2].Epoch); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if _, left, err := wal.Open(dir); err != nil || len(left) != len(old)-3 {
		t.Errorf("%d files, of which 3 are settled: %d are left, %v", len(old), len(left), err)
	}
}

func TestADirectoryIsThatOfOneLog(t *testing.T) {
	dir := wal.Dir(t.TempDir())
	log, _, err := wal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := wal.Open(dir); !errors.Is(err, wal.ErrInUse) {
		t.Errorf("opened twice: got %v, want ErrInUse", err)
	}
	for range 2 {
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if log, _, err = wal.Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

// write appends requests, of which seven at a time are an epoch.
func write(t *testing.T, log *wal.Log, requests int) (written [][]byte) {
	t.Helper()
	for n := range requests {
		if _, err := log.Append(request(n)); err != nil {
			t.Fatal(err)
		}
		written = append(written, request(n))
		if n%7 == 6 {
			if err := log.Rotate(log.Epoch() + 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	return written
}

// TestWhatIsDurableSurvivesACrash lets each operation fail, alone or with all after it, and crashes: what Append and its wait acknowledged is
// read again, in order.
func TestWhatIsDurableSurvivesACrash(t *testing.T) {
	var whole faultyfs.FS
	if got := work(t, &whole); len(got) != 4 {
		t.Fatalf("without faults %d are acknowledged", len(got))
	}
	for at := 1; at <= whole.Count(); at++ {
		for name, fail := range map[string]func(*faultyfs.FS, int){"once": (*faultyfs.FS).FailAt, "from then on": (*faultyfs.FS).FailFrom} {
			t.Run(fmt.Sprintf("operation %d fails %s", at, name), func(t *testing.T) {
				var fs faultyfs.FS
				fail(&fs, at)
				acknowledged := work(t, &fs)
				for seed := range uint64(5) {
					found(t, fs.Crash(seeded(seed)), acknowledged)
				}
			})
		}
	}
}

// work writes 12 requests, and returns those of which it was told that they are durable.
func work(t *testing.T, fs *faultyfs.FS) (acknowledged [][]byte) {
	t.Helper()
	log, _, err := wal.Open(fs)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 12; n++ {
		wait, err := log.Append(request(n))
		if n%3 == 0 {
			_ = log.Sync() // Those who wait are told.
		}
		if n == 6 {
			_ = log.Rotate(log.Epoch() + 1) // Likewise.
		}
		if n%3 == 0 && err == nil && wait() == nil {
			acknowledged = append(acknowledged, request(n))
		}
		if n == 9 {
			_ = log.Settle(0) // Of nothing.
		}
	}
	return acknowledged
}

// found wants requests to be read again, in order.
func found(t *testing.T, fs wal.FS, acknowledged [][]byte) {
	t.Helper()
	_, old, err := wal.Open(fs)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := readAll(t, fs, old)
	next := 0
	for _, req := range got {
		if next < len(acknowledged) && bytes.Equal(req, acknowledged[next]) {
			next++
		}
	}
	if next < len(acknowledged) {
		t.Errorf("%d of %d acknowledged requests are found", next, len(acknowledged))
	}
}

// TestWhatWasWrittenToAnAbandonedFileIsNotDurable plays random windows of faults, in which a write and the truncation after it fail too: a sync of
// the next file says nothing of what was written to the one before.
func TestWhatWasWrittenToAnAbandonedFileIsNotDurable(t *testing.T) {
	durable := 0
	for seed := range uint64(600) {
		var fs faultyfs.FS
		acknowledged := faultWindows(t, &fs, seeded(seed))
		durable += len(acknowledged)
		found(t, fs.Crash(seeded(seed)), acknowledged)
	}
	if durable < 600 {
		t.Errorf("only %d requests were acknowledged: this proves little", durable)
	}
}

// faultWindows writes 12 requests, of which some meet faults, and returns those of which it was told that they are durable.
func faultWindows(t *testing.T, fs *faultyfs.FS, source *rand.Rand) (acknowledged [][]byte) {
	t.Helper()
	log, _, err := wal.Open(fs)
	if err != nil {
		t.Fatal(err)
	}
	waits := map[int]func() error{}
	for n := 1; n <= 12; n++ {
		switch source.IntN(6) {
		case 0:
			fs.FailFrom(1 + source.IntN(2))
		case 1:
			fs.FailAt(1 + source.IntN(3))
		case 2:
			_ = log.Rotate(log.Epoch() + 1) // Those who wait are told.
		default:
			fs.FailAt(0)
		}
		if wait, err := log.Append(request(n)); err == nil {
			waits[n] = wait
		}
		if source.IntN(3) > 0 {
			continue
		}
		_ = log.Sync() // Likewise.
		for _, n := range slices.Sorted(maps.Keys(waits)) {
			if waits[n]() == nil {
				acknowledged = append(acknowledged, request(n))
			}
		}
		clear(waits)
	}
	return acknowledged
}

func TestTornTailsAreCut(t *testing.T) {
	dir := wal.Dir(t.TempDir())
	log, _, err := wal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := log.Append(request(n + 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	_, old, err := wal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(string(dir), old[0].Name)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	ends := map[int]int{0: 0, 8 + 37: 1, 16 + 37 + 74: 2, len(whole): 3}
	complete := 0
	for size := range len(whole) + 1 {
		n, atEnd := ends[size]
		if atEnd {
			complete = n
		}
		if err := os.WriteFile(name, whole[:size], 0o600); err != nil { //nolint:gosec // A name that the log made.
			t.Fatal(err)
		}
		got, cuts := readAll(t, dir, old)
		if len(got) != complete || (cuts == 0) != atEnd {
			t.Fatalf("%d of %d bytes: %d requests, want %d; %d cuts", size, len(whole), len(got), complete, cuts)
		}
	}
}

// TestForeignNumbersAreNotCountedOn opens a log beside files of the last epoch and the last serial that a name can have.
func TestForeignNumbersAreNotCountedOn(t *testing.T) {
	for _, name := range []string{"ffffffffffffffff-00000001.log", "0000000000000001-ffffffff.log"} {
		var fs faultyfs.FS
		if err := fs.MakeDir(); err != nil {
			t.Fatal(err)
		}
		if _, err := fs.Create(name); err != nil {
			t.Fatal(err)
		}
		log, old, err := wal.Open(&fs)
		if err != nil || len(old) > 0 || log.Epoch() == 0 {
			t.Fatalf("beside %s: epoch %d, %v, %v", name, log.Epoch(), old, err)
		}
		write(t, log, 1)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if _, old, err = wal.Open(&fs); err != nil || len(old) != 1 {
			t.Errorf("beside %s: %v is to be read again, %v", name, old, err)
		}
	}
}

// FuzzLog reads hostile files: they end, and what was written before is found.
func FuzzLog(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 64))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, tail []byte) {
		var fs faultyfs.FS
		log, _, err := wal.Open(&fs)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append([]byte("first")); err != nil {
			t.Fatal(err)
		}
		files, err := fs.Names()
		if err != nil {
			t.Fatal(err)
		}
		in, err := fs.Open(files[0])
		if err != nil {
			t.Fatal(err)
		}
		var data bytes.Buffer
		if _, err := data.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		hostile, err := fs.Create(fmt.Sprintf("%016x-%08x.log", 9, 9))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hostile.Write(append(data.Bytes(), tail...)); err != nil {
			t.Fatal(err)
		}
		_, old, err := wal.Open(&fs)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := readAll(t, &fs, old[1:]); len(got) == 0 || string(got[0]) != "first" {
			t.Errorf("%d requests", len(got))
		}
	})
}
