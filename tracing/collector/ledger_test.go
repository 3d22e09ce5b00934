package collector_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"github.com/tenon-go/tenon/tracing/sampling"
)

var update = flag.Bool("update", false, "write the golden files anew")

// mixedLedger is that of a collector to which everything happens.
func mixedLedger(t *testing.T) (ledger collector.Ledger) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		out := &taker{}
		c := start(t, out, collector.Config{MaxBytes: 128 << 10, Policies: []sampling.Policy{sampling.Errors{}, sampling.Count{Min: 3}}})
		take(t, c, tracing.Encode([]tracing.Span{span(1, 1), span(1, 2, failed), span(1, 1), span(2, 1), span(3, 1), span(3, 2), span(3, 3), {}}))
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		take(t, c, tracing.Encode([]tracing.Span{span(2, 2)}))
		take(t, c, tracing.Encode([]tracing.Span{span(2, 3, failed)}))
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls := 0
		out.set(func(int) error {
			calls++
			return fmt.Errorf("call %d: %w", calls, tracing.ErrPermanent)
		}, 0)
		for i := range byte(2) {
			take(t, c, tracing.Encode([]tracing.Span{span(10+i, 1, failed)}))
			if err := c.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Ingest(t.Context(), []byte{0x0a}); !errors.Is(err, tracing.ErrPermanent) {
			t.Fatal(err)
		}
		if _, err := c.Admit(1 << 20); !errors.Is(err, tracing.ErrPermanent) {
			t.Fatal(err)
		}
		take(t, c, tracing.Encode([]tracing.Span{span(20, 1)}))
		ledger = balanced(t, c)
		finish(t, c)
	})
	return ledger
}

func TestLedgerAsATable(t *testing.T) {
	got := mixedLedger(t).String()
	const name = "testdata/ledger.txt"
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	differ(t, "table", strings.Split(string(want), "\n"), strings.Split(got, "\n"))
}

// TestReasonsOfFailuresAreFew: what an output says of each batch is no reason.
func TestReasonsOfFailuresAreFew(t *testing.T) {
	var got []string
	for _, one := range mixedLedger(t).Reasons {
		if one.Fate == collector.FateFailed {
			got = append(got, fmt.Sprint(one.Reason, " ", one.Spans))
		}
	}
	differ(t, "failed", []string{"output 2"}, got)
}

func TestFatesAreTextInJSON(t *testing.T) {
	text, err := json.Marshal(collector.Reason{Fate: collector.FateSampledOut, Reason: "no-policy"})
	if err != nil || !strings.Contains(string(text), `"Fate":"sampled out"`) {
		t.Errorf("%s, %v", text, err)
	}
}
