package openlineage_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tenon-go/tenon/lineage/openlineage"
)

// BenchmarkDecode reads the scenario, Spark and Flink events, beside encoding/json that
// unmarshals them into the same types. x-json is how many events it reads in the time
// that encoding/json takes for one.
func BenchmarkDecode(b *testing.B) {
	events := corpus(b)
	size := 0
	for _, e := range events {
		size += len(e.data)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var ours, floor time.Duration
	for b.Loop() {
		began := time.Now()
		for _, e := range events {
			if _, _, err := openlineage.Decode(e.data, openlineage.Config{}); err != nil {
				b.Fatal(e.file, err)
			}
		}
		middle := time.Now()
		for _, e := range events {
			var w openlineage.WireEvent
			if err := json.Unmarshal(e.data, &w); err != nil {
				b.Fatal(e.file, err)
			}
		}
		ours += middle.Sub(began)
		floor += time.Since(middle)
	}
	n := float64(b.N * len(events))
	b.ReportMetric(n/ours.Seconds(), "events/s")
	b.ReportMetric(floor.Seconds()/ours.Seconds(), "x-json")
}
