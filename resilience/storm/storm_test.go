package storm_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/retry/budget"
	"github.com/tenon-go/tenon/resilience/storm"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestAConfigHasOneResult(t *testing.T) {
	cfg := storm.ContendConfig{Clients: 20, Runs: 5, Backoff: storm.Equal, Seed: 7}
	first := storm.Contend(cfg)
	if again := storm.Contend(cfg); again != first {
		t.Errorf("got %+v, then %+v", first, again)
	}
	cfg.Seed = 8
	if other := storm.Contend(cfg); other == first {
		t.Errorf("two seeds gave %+v", other)
	}
}

func TestDefaultsAreThoseOfTheModel(t *testing.T) {
	full := storm.ContendConfig{Clients: 100, Runs: 100, Backoff: storm.Full, Base: 5 * time.Millisecond, Cap: 2 * time.Second}
	if got, want := storm.Contend(storm.ContendConfig{Clients: -1, Base: -1}), storm.Contend(full); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestContentionKeepsToItsLimits needs no random numbers to know: each client writes once and succeeds, and with each success at least one
// version passes, so that a client loses to each other one at most once a version.
func TestContentionKeepsToItsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := storm.ContendConfig{
			Clients: rapid.IntRange(1, 30).Draw(t, "clients"), Runs: 1, Seed: rapid.Uint64().Draw(t, "seed"),
			Backoff: rapid.SampledFrom([]storm.Strategy{storm.Full, storm.Equal, storm.Decorrelated, storm.Exponential, storm.None}).Draw(t, "backoff"),
			Base:    time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "base")),
		}
		n := float64(cfg.Clients)
		got := storm.Contend(cfg)
		if got.Calls < n || got.Calls > n*(n+1)/2 || got.Time <= 0 || got.Backoff != cfg.Backoff {
			t.Fatalf("got %+v of %+v", got, cfg)
		}
	})
}

func TestOutageCountsAttempts(t *testing.T) {
	quota, err := budget.NewQuota(50, budget.QuotaConfig{Cost: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  storm.OutageConfig
		want int
	}{
		{storm.OutageConfig{}, 0},
		{storm.OutageConfig{Calls: -1}, 0},
		{storm.OutageConfig{Calls: 7}, 21},
		{storm.OutageConfig{Calls: 7, MaxAttempts: 5}, 35},
		{storm.OutageConfig{Calls: 7, MaxAttempts: -5}, 7},
		{storm.OutageConfig{Calls: 7, Budget: quota}, 7 + 5},
		{storm.OutageConfig{Calls: 7, Budget: quota}, 7}, // the budget is used up
	} {
		if got := storm.Outage(c.cfg); got != c.want {
			t.Errorf("%+v: %d attempts, want %d", c.cfg, got, c.want)
		}
	}
}

func TestAComparisonHasARowForEachStrategy(t *testing.T) {
	cfg := storm.ContendConfig{Clients: 10, Runs: 3, Seed: 1}
	c := storm.Compare(cfg, storm.None, storm.Full)
	if len(c.Rows) != 2 || c.Rows[0].Backoff != storm.None || c.Rows[1] != storm.Contend(cfg) || c.Clients != 10 || c.Runs != 3 {
		t.Errorf("got %+v", c)
	}
	if all := storm.Compare(cfg); len(all.Rows) != 5 {
		t.Errorf("%d rows for all strategies", len(all.Rows))
	}
	if lines := strings.Count(c.String(), "\n"); lines != 3 {
		t.Errorf("%d lines in\n%v", lines, c)
	}
}

func TestStrategiesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for s := storm.Full; s <= storm.None; s++ {
		seen[s.String()] = true
	}
	if len(seen) != 5 || storm.Strategy(9).String() != "Strategy(9)" {
		t.Errorf("names %v", seen)
	}
}

func TestAChartLooksAsBefore(t *testing.T) {
	c := storm.Comparison{Clients: 100, Runs: 100, Rows: []storm.Contention{
		{Backoff: storm.Full, Calls: 796.4, Time: 4888 * time.Millisecond},
		{Backoff: storm.None, Calls: 2426.1, Time: 2033 * time.Millisecond},
	}}
	for name, c := range map[string]storm.Comparison{"two.svg": c, "none.svg": {}} {
		var got bytes.Buffer
		if err := c.Chart(&got); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
		for d := xml.NewDecoder(&got); ; {
			if _, err := d.Token(); err == io.EOF { //nolint:errorlint // as Token documents
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	errFull := errors.New("disk full")
	if err := c.Chart(brokenWriter{errFull}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

// brokenWriter fails.
type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// BenchmarkContend is one run.
func BenchmarkContend(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		storm.Contend(storm.ContendConfig{Clients: 100, Runs: 1})
	}
}
