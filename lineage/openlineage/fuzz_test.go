package openlineage_test

import (
	"testing"

	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// FuzzDecode checks that what Decode takes can be encoded, and is read back the same.
func FuzzDecode(f *testing.F) {
	f.Add(frame{}.text())
	f.Add([]byte(line("job")))
	f.Add(columns(`"fields":{"a":{"inputFields":[` + from("x", `{"type":"INDIRECT","subtype":"JOIN"}`) + `]}},"dataset":[` + from("y", "") + `]`))
	f.Add(out(`"schema":{"fields":[{"name":"a","fields":[{"name":"_element"}]}]},"lineage":{"inputs":[{"type":"JOB"}]}`).text())
	f.Add([]byte(`{"eventTime":"2024-01-01T00:00:00","dataset":{"namespace":"","name":"t","facets":{"lineage":{"_deleted":true}}}}`))
	f.Add([]byte(`{"eventTime":"2024-01-01T00:00:00Z","dataset":{"namespace":"n","name":"t","":{"":0}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, _, err := openlineage.Decode(data, openlineage.Config{Limits: lineage.Limits{NameBytes: 1 << 20}})
		if err != nil {
			if _, _, strict := openlineage.Decode(data, openlineage.Config{Strict: true, Limits: lineage.Limits{NameBytes: 1 << 20}}); strict == nil {
				t.Fatalf("only strict decode takes it: %v", err)
			}
			return
		}
		again(t, "fuzzed", e)
	})
}
