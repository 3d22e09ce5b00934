package openlineage_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/lineage"
	"github.com/tenon-go/tenon/lineage/openlineage"
)

// line is a job event in a line.
func line(job string) string {
	return `{"eventTime":"2024-01-01T00:00:00Z","producer":"a:b","schemaURL":"a:b","job":{"namespace":"ns","name":"` + job + `"}}` + "\n"
}

func TestReaderGoesOnAfterARefusedEvent(t *testing.T) {
	t.Parallel()
	in := line("a") + "\n  \r\n" + `{"job":` + "\n" + line("b") + strings.TrimSuffix(line("c"), "\n")
	var got []string
	for e, err := range openlineage.NewReader(strings.NewReader(in), openlineage.Config{}).Events() {
		var refusal *lineage.EventError
		switch {
		case err == nil:
			got = append(got, e.Job.Ref.Name)
		case errors.As(err, &refusal):
			got = append(got, fmt.Sprintf("refused %d", refusal.Index))
		default:
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"a", "refused 1", "b", "c"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReaderEndsAtAnErrorOfItsInput(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader(line("a")), iotest.ErrReader(broken))
	var errs []error
	for _, err := range openlineage.NewReader(in, openlineage.Config{}).Events() {
		errs = append(errs, err)
	}
	if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], broken) {
		t.Errorf("errors %v", errs)
	}
}

func TestReaderStopsWhenAsked(t *testing.T) {
	t.Parallel()
	n := 0
	for _, err := range openlineage.NewReader(strings.NewReader(line("a")+line("b")), openlineage.Config{}).Events() {
		if n++; err == nil {
			break
		}
	}
	if n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestReaderTellsWarningsWithTheirEvent(t *testing.T) {
	t.Parallel()
	var got []string
	cfg := openlineage.Config{Warn: func(index int, w openlineage.Warning) { got = append(got, fmt.Sprintf("%d %s", index, w)) }}
	in := line("a") + strings.Replace(line("b"), `"producer":"a:b",`, "", 1)
	for _, err := range openlineage.NewReader(strings.NewReader(in), cfg).Events() {
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"1 producer: required"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReaderTakesALineOfTheGreatestLength(t *testing.T) {
	t.Parallel()
	event := strings.TrimSuffix(line("a"), "\n")
	event += strings.Repeat(" ", openlineage.MaxBytes-len(event))
	for in, sentinel := range map[string]error{event: nil, event + "\n": nil, " " + event + "\n": lineage.ErrTooLarge} {
		for _, err := range openlineage.NewReader(strings.NewReader(in), openlineage.Config{}).Events() {
			if !errors.Is(err, sentinel) {
				t.Errorf("%d bytes: %v", len(in), err)
			}
		}
	}
}
