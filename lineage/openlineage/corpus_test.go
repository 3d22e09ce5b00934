package openlineage_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/internal/casetest"
)

// A sample is one event of the third-party data.
type sample struct {
	file string
	data []byte
}

// read returns the JSON files that match patterns below the openlineage folder.
func read(tb testing.TB, patterns ...string) []sample {
	tb.Helper()
	var samples []sample
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(folder(tb), filepath.FromSlash(pattern)))
		if err != nil {
			tb.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				tb.Fatal(err)
			}
			name, _ := filepath.Rel(folder(tb), file)
			samples = append(samples, sample{filepath.ToSlash(name), data})
		}
	}
	if len(samples) == 0 {
		tb.Skipf("no files %s", strings.Join(patterns, ", "))
	}
	return samples
}

// folder is that of the OpenLineage data, also for a benchmark, which casetest.Path does
// not take.
func folder(tb testing.TB) string {
	tb.Helper()
	root := os.Getenv(casetest.Env)
	dir, err := os.Getwd()
	for root == "" && err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.work")); missing == nil {
			root = filepath.Join(dir, "..", "shared", "testdata")
		}
		dir = filepath.Dir(dir)
	}
	return filepath.Join(root, "openlineage")
}

// fill makes an event of a fragment: it replaces placeholders, and adds what an event
// needs and a fragment leaves out.
func fill(tb testing.TB, fragment []byte) []byte {
	tb.Helper()
	var event map[string]any
	if err := json.Unmarshal(fragment, &event); err != nil {
		tb.Fatal(err)
	}
	for key, v := range event {
		event[key] = replaced(key, v)
	}
	fallback(event, "eventTime", "2024-01-01T00:00:00Z")
	fallback(event, "eventType", "COMPLETE")
	fallback(event, "producer", "https://example.com/producer")
	fallback(event, "schemaURL", "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent")
	fallback(object(event, "run"), "runId", "0190a000-0000-7000-8000-000000000001")
	named(object(event, "job"))
	for _, list := range []string{"inputs", "outputs"} {
		datasets, _ := event[list].([]any)
		for _, d := range datasets {
			if o, ok := d.(map[string]any); ok {
				named(o)
			}
		}
	}
	data, err := json.Marshal(event)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func named(o map[string]any) {
	fallback(o, "namespace", "filled")
	fallback(o, "name", "filled")
}

func fallback(o map[string]any, key string, v any) {
	if _, ok := o[key]; !ok {
		o[key] = v
	}
}

func object(o map[string]any, key string) map[string]any {
	fallback(o, key, map[string]any{})
	inner, _ := o[key].(map[string]any)
	return inner
}

// replaced returns a value without placeholders.
func replaced(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = replaced(k, x)
		}
	case []any:
		for i, x := range v {
			v[i] = replaced(key, x)
		}
	case string:
		switch {
		case !strings.Contains(v, "${json-unit"):
		case key == "eventTime":
			return "2024-01-01T00:00:00Z"
		case key == "runId":
			return "0190a000-0000-7000-8000-000000000002"
		case strings.Contains(v, "any-number"):
			return 1
		default:
			return strings.ReplaceAll(v, "${json-unit.", "filled ")
		}
	}
	return v
}

// corpus returns the scenario events, and the Spark and Flink fragments, filled.
func corpus(tb testing.TB) []sample {
	tb.Helper()
	samples := read(tb, "consumer_scenarios/*/events/*.json", "spark_expectations/*/*.json", "flink/*/*.json")
	for i := range samples {
		samples[i].data = fill(tb, samples[i].data)
	}
	return samples
}
