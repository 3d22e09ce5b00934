package openlineage_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// host puts bare facets into an event. The suffix of the folder's name says where they
// belong.
func host(t *testing.T, s sample) []byte {
	t.Helper()
	folder := strings.Split(s.file, "/")[1]
	var facets map[string]json.RawMessage
	if err := json.Unmarshal(s.data, &facets); err != nil {
		t.Fatal(err)
	}
	output := map[string]any{"namespace": "ns", "name": "target"}
	input := map[string]any{"namespace": "ns", "name": "source"}
	job := map[string]any{"namespace": "ns", "name": "job"}
	run := map[string]any{"runId": "0190a000-0000-7000-8000-000000000001"}
	switch {
	case folder == "LineageFacet" && strings.Contains(s.file, "dataset-to-dataset"):
		output["facets"] = facets
	case folder == "LineageFacet":
		job["facets"] = facets
	case strings.HasSuffix(folder, "InputDatasetFacet"):
		input["inputFacets"] = facets
	case strings.HasSuffix(folder, "OutputDatasetFacet"):
		output["outputFacets"] = facets
	case strings.HasSuffix(folder, "DatasetFacet"):
		output["facets"] = facets
	case strings.HasSuffix(folder, "JobFacet"):
		job["facets"] = facets
	default:
		run["facets"] = facets
	}
	event, err := json.Marshal(map[string]any{
		"eventTime": "2024-01-01T00:00:00Z", "eventType": "COMPLETE", "producer": "https://example.com/producer",
		"schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
		"run":       run, "job": job, "inputs": []any{input}, "outputs": []any{output},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func TestFacetSamplesDecode(t *testing.T) {
	samples := read(t, "samples/*.json", "samples/*/*.json")
	passed := 0
	for _, s := range samples {
		ok := t.Run(strings.TrimPrefix(s.file, "samples/"), func(t *testing.T) {
			data := s.data
			if strings.Count(s.file, "/") > 1 {
				data = host(t, s)
			}
			_, warned, err := openlineage.Decode(data, openlineage.Config{})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range warned {
				t.Logf("warning: %s", w)
			}
			if strings.HasPrefix(s.file, "samples/LineageFacet") || strings.HasPrefix(s.file, "samples/Schema") {
				if _, _, err := openlineage.Decode(data, openlineage.Config{Strict: true}); err != nil {
					t.Errorf("strict: %v", err)
				}
			}
		})
		if ok {
			passed++
		}
	}
	t.Logf("cases openlineage/samples: passed %d of %d", passed, len(samples))
}

func TestExplicitLineageStatesItsEdgesExactly(t *testing.T) {
	t.Parallel()
	const all = lineage.DatasetEdges | lineage.ColumnEdges
	for file, want := range map[string]struct {
		outputs []string // of the targets
		states  lineage.Aspects
		jobs    []string
	}{
		"dataset-to-dataset": {
			outputs: []string{"target <- public.customers", "target.customer_id <- public.customers.id DIRECT/IDENTITY"},
			states:  all,
		},
		"dataset-to-job": {jobs: []string{"job daily.load <- public.staging_orders.order_id INDIRECT/FILTER"}},
		"generator":      {outputs: []string{"public.extracted_data.total <- job job DIRECT/AGGREGATION"}, states: all},
		"implicit-job":   {jobs: []string{"job job <- public.transactions INDIRECT/FILTER"}},
		"job-to-dataset": {outputs: []string{"public.daily_summary <- job daily.extract"}, states: all},
		"job-to-job":     {jobs: []string{"job daily.load <- job daily.transform"}},
		"mixed-sources": {
			outputs: []string{
				"public.enriched_orders <- job daily.enrichment",
				"public.enriched_orders <- public.orders",
				"public.enriched_orders.customer_segment <- job daily.enrichment DIRECT/TRANSFORMATION",
				"public.enriched_orders.customer_segment <- public.orders.customer_id",
			},
			states: all,
		},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			s := read(t, "samples/LineageFacet/"+file+".json")[0]
			e, warned, err := openlineage.Decode(host(t, s), openlineage.Config{Strict: true})
			if err != nil || len(warned) > 0 {
				t.Fatal(warned, err)
			}
			if !e.Explicit {
				t.Error("not explicit")
			}
			var edges []string
			var states lineage.Aspects
			for _, d := range e.Outputs {
				edges = append(edges, texts(d.Edges)...)
				states |= d.States
			}
			if diff := cmp.Diff(want.outputs, edges); diff != "" {
				t.Errorf("outputs (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(want.jobs, texts(e.JobEdges)); diff != "" {
				t.Errorf("jobs (-want +got)\n%s", diff)
			}
			if states != want.states {
				t.Errorf("states %b, want %b", states, want.states)
			}
		})
	}
}

func TestColumnLineageSampleHoistsJoins(t *testing.T) {
	t.Parallel()
	want := []string{
		"target <- CUSTOMERS.ID INDIRECT/JOIN",
		"target <- DISCOUNTS.CUSTOMERS_ID INDIRECT/JOIN",
		"target.AMOUNT_OFF <- DISCOUNTS.AMOUNT_OFF DIRECT/IDENTITY",
		"target.ENDS_AT <- DISCOUNTS.ENDS_AT DIRECT/IDENTITY",
		"target.NAME <- CUSTOMERS.NAME DIRECT/IDENTITY",
		"target.STARTS_AT <- DISCOUNTS.STARTS_AT DIRECT/IDENTITY",
	}
	s := read(t, "samples/ColumnLineageDatasetFacet/1.json")[0]
	e, _, err := openlineage.Decode(host(t, s), openlineage.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, texts(e.Outputs[0].Edges)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNestedFieldsHavePaths(t *testing.T) {
	t.Parallel()
	want := []string{
		"user_id", "counterparty_id", "currency", "amount", "phones", "phones[]",
		"addresses", "addresses.type", "addresses.country", "addresses.zip", "addresses.state", "addresses.street",
		"custom_properties", "custom_properties.key", "custom_properties.value", "custom_properties.value._0", "custom_properties.value._1",
	}
	s := read(t, "samples/SchemaDatasetFacet/1.json")[0]
	e, _, err := openlineage.Decode(host(t, s), openlineage.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range e.Outputs[0].Fields {
		got = append(got, f.Path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
