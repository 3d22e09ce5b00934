package openlineage_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// many repeats a text with a number in it.
func many(n int, text string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = strings.ReplaceAll(text, "#", strconv.Itoa(i))
	}
	return strings.Join(parts, ",")
}

func TestHostileInputIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 4<<10+1)
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	small := openlineage.Config{Limits: lineage.Limits{Fields: 10, Edges: 10}}
	for _, c := range []struct {
		name         string
		cfg          openlineage.Config
		data         []byte
		path, reason string
	}{
		{"long text", openlineage.Config{}, make([]byte, openlineage.MaxBytes+1), "", "bytes"},
		{"long job name", openlineage.Config{}, frame{job: `"job":{"namespace":"n","name":"` + long + `"}`}.text(), "job.name", "4097 bytes"},
		{"long namespace", openlineage.Config{}, frame{job: `"job":{"namespace":"` + long + `","name":"n"}`}.text(), "job.namespace", "4097 bytes"},
		{"long run ID", openlineage.Config{}, frame{run: `"run":{"runId":"` + long + `"}`}.text(), "run.runId", "4097 bytes"},
		{"long field", openlineage.Config{}, out(`"schema":{"fields":[{"name":"` + long + `"}]}`).text(), "outputs[0].facets.schema.fields[0].name", "4097 bytes"},
		{"long path of fields", openlineage.Config{}, out(`"schema":{"fields":[{"name":"` + long[1:] + `","fields":[{"name":"a"}]}]}`).text(), "", "nested field"},
		{"many fields", openlineage.Config{}, out(`"schema":{"fields":[` + many(100_001, `{"name":"#"}`) + `]}`).text(), "outputs[0].facets.schema.fields[100000]", "100000 fields"},
		{"many fields, nested", small, out(`"schema":{"fields":[{"name":"a","fields":[` + many(10, `{"name":"#"}`) + `]}]}`).text(), "outputs[0].facets.schema.fields[0].fields[9]", "10 fields"},
		{"many columns", small, columns(`"fields":{` + many(11, `"#":{"inputFields":[]}`) + `}`), "outputs[0].facets.columnLineage.fields.10", "10 columns"},
		{"many edges", small, columns(`"fields":{"a":{"inputFields":[` + many(11, `{"namespace":"n","name":"#","field":"f"}`) + `]}}`), "", "11 edges"},
		{"many datasets", openlineage.Config{}, frame{inputs: `"inputs":[` + many(100_001, `{"namespace":"n","name":"#"}`) + `]`}.text(), "inputs[100000]", "100000 datasets"},
		{"many tags", openlineage.Config{}, out(`"tags":{"tags":[` + many(1<<20+1, `{}`) + `]}`).text(), "", "1000 other findings"},
		{"deep", openlineage.Config{}, frame{tail: `,"x":` + deep(64)}.text(), "x", "deeper than 64"},
		{"very deep", openlineage.Config{}, []byte(deep(1 << 20)), "", "deeper than 64"},
		{"depth behind a thousand warnings", openlineage.Config{}, frame{tail: `,` + many(1001, `"w#":0`) + `,"x":` + deep(64)}.text(), "", "deeper than 64"},
		{"a name behind a thousand warnings", openlineage.Config{}, []byte(`{` + many(1001, `"w#":0`) + `,"job":{"namespace":"n","name":"` + long + `"}}`), "", "1000 other findings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refused(t, c.data, c.cfg, c.path, c.reason, lineage.ErrTooLarge)
		})
	}
	if _, _, err := openlineage.Decode(frame{tail: `,"x":` + deep(63)}.text(), openlineage.Config{}); err != nil {
		t.Error("64 levels:", err)
	}
	if _, _, err := openlineage.Decode(frame{job: `"job":{"namespace":"n","name":"` + long[1:] + `"}`}.text(), openlineage.Config{}); err != nil {
		t.Error("a name of 4 KiB:", err)
	}
}

func TestNestedPathsDoNotMultiplyTheInput(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 4000)
	data := out(`"schema":{"fields":[{"name":"` + name + `","fields":[` + many(20_000, `{"name":"#"}`) + `]}]}`).text()
	refused(t, data, openlineage.Config{}, "", "nested field", lineage.ErrTooLarge)
}

func TestWarningsAreCountedBeyondAThousand(t *testing.T) {
	t.Parallel()
	f := frame{tail: `,` + many(900, `"w#":0`)}
	f.outputs = out(`"tags":{"tags":[` + many(600, `{"key":"#","value":"","field":"c"}`) + `]}`).outputs
	_, warned, err := openlineage.Decode(f.text(), openlineage.Config{})
	if err != nil || len(warned) != 1001 || warned[1000].Reason != "500 more warnings" {
		t.Errorf("%d warnings, %v", len(warned), err)
	}
}

// counted counts what is read of it.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func TestReaderStopsInABombOfGzip(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(append(frame{}.text(), '\n')); err != nil {
		t.Fatal(err)
	}
	blank := make([]byte, 1<<20)
	for i := range blank {
		blank[i] = ' '
	}
	for range 24 {
		if _, err := w.Write(blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	unpacked, err := gzip.NewReader(&bomb)
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{r: unpacked}
	var errs []error
	for _, err := range openlineage.NewReader(c, openlineage.Config{}).Events() {
		errs = append(errs, err)
	}
	if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], lineage.ErrTooLarge) {
		t.Errorf("errors %v", errs)
	}
	if c.n > openlineage.MaxBytes+1<<20 {
		t.Errorf("%d bytes read", c.n)
	}
}
