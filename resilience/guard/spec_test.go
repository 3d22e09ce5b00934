package guard_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/guard"
	"github.com/tenon-go/tenon/resilience/retry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestScenarios plays the files of testdata/spec: specs, a line of three dashes, and what is to be said of them: their problems, or their canonical form and
// what each explains.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/spec/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in, want, _ := strings.Cut(string(data), "---\n")
			got := scenario(t, in)
			if *update {
				if err := os.WriteFile(file, []byte(in+"---\n"+got), 0o644); err != nil { //nolint:gosec // a file of testdata
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func scenario(t *testing.T, in string) string {
	t.Helper()
	specs, err := guard.ParseSpecs(strings.NewReader(in))
	if err != nil {
		if !errors.Is(err, guard.ErrSpec) || specs != nil {
			t.Errorf("got %v, %v", specs, err)
		}
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		canonical, err := json.Marshal(specs[name])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n%v", name, canonical, specs[name].Explain())
	}
	return b.String()
}

// everything is a spec with every key.
const everything = `{"payments": {
	"retry": {
		"max_attempts": 4, "retry_on": ["503", "UNAVAILABLE"],
		"backoff": {"kind": "exponential", "base": "50ms", "throttled": "2s", "factor": 1.5, "cap": "10s", "jitter": "proportional", "part": 0.2},
		"budget": {"kind": "ratio", "ratio": 0.2, "ttl": "10s", "per_second": 1.5},
		"max_elapsed": "30s", "min_remaining": "10ms", "hint_cap": "4s", "hint_rule": "clamp", "nested": "eager", "idempotent": true
	},
	"breaker": {
		"failure_ratio": 0.25, "min_calls": 10, "consecutive_failures": 7, "window": "20s", "buckets": 5,
		"slow_call": "1s", "slow_ratio": 0.75, "open_for": "3s", "open_max": "40s", "probes": 2
	},
	"bulkhead": {"limit": 64, "queue": 32, "max_wait": "250ms", "order": "lifo_when_late", "weights": {"gold": 3, "*": 1}},
	"attempt_timeout": "1.5s"
}}`

func everythingSpec() guard.Spec {
	return guard.Spec{
		Retry: &guard.RetrySpec{
			MaxAttempts: 4, RetryOn: []string{"503", "UNAVAILABLE"},
			Backoff: &guard.BackoffSpec{
				Kind: "exponential", Base: 50 * time.Millisecond, Throttled: 2 * time.Second, Factor: 1.5, Cap: 10 * time.Second,
				Jitter: "proportional", Part: 0.2,
			},
			Budget:     &guard.BudgetSpec{Kind: "ratio", TTL: 10 * time.Second, PerSecond: 1.5, Ratio: 0.2},
			MaxElapsed: 30 * time.Second, MinRemaining: 10 * time.Millisecond, HintCap: 4 * time.Second,
			HintRule: retry.Clamp, Nested: retry.Eager, Idempotent: true,
		},
		Breaker: &guard.BreakerSpec{
			FailureRatio: 0.25, MinCalls: 10, ConsecutiveFailures: 7, Window: 20 * time.Second, Buckets: 5,
			SlowCall: time.Second, SlowRatio: 0.75, OpenFor: 3 * time.Second, OpenMax: 40 * time.Second, Probes: 2,
		},
		Bulkhead: &guard.BulkheadSpec{
			Limit: 64, Queue: 32, MaxWait: 250 * time.Millisecond, Order: bulkhead.LIFOWhenLate, Weights: map[string]int{"gold": 3, "*": 1},
		},
		AttemptTimeout: 1500 * time.Millisecond,
	}
}

func TestEveryKeyIsReadAndWritten(t *testing.T) {
	specs, err := guard.ParseSpecs(strings.NewReader(everything))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]guard.Spec{"payments": everythingSpec()}
	if diff := cmp.Diff(want, specs); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	written, err := json.Marshal(specs)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(everything)); err != nil {
		t.Fatal(err)
	}
	// Package json sorts the keys of maps.
	sorted := strings.Replace(compact.String(), `"gold":3,"*":1`, `"*":1,"gold":3`, 1)
	if diff := cmp.Diff(sorted, string(written)); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

func TestASpecReadsItselfInAConfigOfTheHost(t *testing.T) {
	var host struct{ Guard guard.Spec }
	host.Guard.AttemptTimeout = time.Minute
	err := json.Unmarshal([]byte(`{"Guard": {"bulkhead": {"limit": 3, "limits": 4}, "attempt_timeout": "-1s"}}`), &host)
	if !errors.Is(err, guard.ErrSpec) || host.Guard.AttemptTimeout != time.Minute || host.Guard.Bulkhead != nil {
		t.Errorf("got %+v, %v", host.Guard, err)
	}
	if err := json.Unmarshal([]byte(`{"Guard": {"bulkhead": {"limit": 3}}}`), &host); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(guard.Spec{Bulkhead: &guard.BulkheadSpec{Limit: 3}}, host.Guard); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASpecMadeInCodeIsCheckedToo(t *testing.T) {
	s := guard.Spec{
		Retry: &guard.RetrySpec{
			MaxAttempts: -1, RetryOn: []string{""}, HintRule: 9,
			Backoff: &guard.BackoffSpec{Kind: "golden", Jitter: "some"}, Budget: &guard.BudgetSpec{Kind: "quota", Tokens: -1, TTL: 1},
		},
		Breaker:        &guard.BreakerSpec{Window: -1},
		Bulkhead:       &guard.BulkheadSpec{Limit: -1, MaxWait: 5},
		AttemptTimeout: -1,
	}
	err := s.Validate()
	if !errors.Is(err, guard.ErrSpec) {
		t.Fatal(err)
	}
	const want = `guard: invalid spec: retry.retry_on: "": want a code such as "503"
retry.backoff.jitter: "some": want none, full, equal, decorrelated or proportional
retry.backoff.kind: "golden": want fixed, linear or exponential
retry.budget.ttl: a quota budget has none
retry.budget: tokens -1: want 0 to 1000000000
retry: MaxAttempts -1: want at least 1, or 0 for 3
retry: HintRule 9: want GiveUp, Clamp or Exact
breaker: Window -1ns: want more than 0, up to 24h0m0s, or 0 for 10s
bulkhead: limit -1: want 0 to 1048575
bulkhead: MaxWait 5ns without a Queue: nobody would wait
attempt_timeout: -1ns: want more than 0, or 0 for none`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if found, ok := errors.AsType[*guard.Problem](err); !ok || found.Path != "retry.retry_on" {
		t.Errorf("the first problem is %+v", found)
	}
	if _, err := json.Marshal(s); err == nil || !strings.Contains(err.Error(), "hint_rule") {
		t.Errorf("a hint rule without a name was written: %v", err)
	}
	explained := s.Explain()
	if len(explained.Warnings) != 11 || explained.Attempts != 1 {
		t.Errorf("explained: %v", explained)
	}
}

func TestABrokenReaderIsNoSpec(t *testing.T) {
	errBroken := errors.New("broken pipe")
	if specs, err := guard.ParseSpecs(iotest.ErrReader(errBroken)); !errors.Is(err, errBroken) || specs != nil {
		t.Errorf("got %v, %v", specs, err)
	}
}

// FuzzSpec: what is read is valid, is written, and is read back as it was; what is not read is an ErrSpec; and explaining ends.
func FuzzSpec(f *testing.F) {
	f.Add(everything)
	f.Add(`{"a":{},"b":{"retry":{"backoff":{"kind":"linear","step":"1s"},"budget":{"kind":"token","tokens":10,"ratio":0.1}}}}`)
	f.Add(`{"a":{"retry":{"max_attempts":9223372036854775807,"backoff":{"base":"2562047h47m16.854775807s","jitter":"decorrelated"}}}}`)
	f.Add(`{"a":{"retry":null,"retry":{"x":1}},"":{"bulkhead":{"weights":{}}}}`)
	files, err := filepath.Glob("testdata/spec/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		in, _, _ := strings.Cut(string(data), "---\n")
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		specs, err := guard.ParseSpecs(strings.NewReader(in))
		switch {
		case err == nil:
			soundSpecs(t, specs)
		case !errors.Is(err, guard.ErrSpec):
			t.Fatal(err)
		}
	})
}

// soundSpecs checks specs that were read.
func soundSpecs(t *testing.T, specs map[string]guard.Spec) {
	t.Helper()
	for name, spec := range specs {
		if err := spec.Validate(); err != nil {
			t.Fatalf("%s: read and invalid: %v", name, err)
		}
		if e := spec.Explain(); e.Attempts < 1 || e.Elapsed < 0 || e.Amplification < 1 || e.String() == "" {
			t.Fatalf("%s: %+v", name, e)
		}
	}
	written, err := json.Marshal(specs)
	if err != nil {
		t.Fatal(err)
	}
	again, err := guard.ParseSpecs(bytes.NewReader(written))
	if err != nil {
		t.Fatalf("%s: %v", written, err)
	}
	if diff := cmp.Diff(specs, again); diff != "" {
		t.Fatalf("%s (-read +read back):\n%s", written, diff)
	}
}
