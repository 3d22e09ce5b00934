package retry_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// timelines are stories of calls, by the name of their golden files.
func timelines() map[string]retry.Timeline {
	ms := func(n int) time.Time { return at.Add(time.Duration(n) * time.Millisecond) }
	answer := func(kind resilience.Kind, code string) resilience.Verdict {
		return resilience.Verdict{Kind: kind, Code: code, Answered: code != ""}
	}
	long := errors.New(strings.Repeat("a long story, ", 10) + "\nwith a second line")
	return map[string]retry.Timeline{
		"used_up": {Cause: retry.CauseMaxAttempts, Attempts: []retry.Attempt{
			{Number: 1, End: ms(0), Wait: 100 * time.Millisecond, Err: errors.New("unavailable"), Verdict: answer(resilience.KindTransient, "503")},
			{Number: 2, Start: ms(100), End: ms(120), Wait: 200 * time.Millisecond, Err: context.DeadlineExceeded, Verdict: answer(resilience.KindTimeout, "")},
			{Number: 3, Start: ms(320), End: ms(390), Err: long, Verdict: answer(resilience.KindTransient, "503")},
		}},
		"rejected": {Cause: retry.CauseRejected, Attempts: []retry.Attempt{
			{Number: 8, Start: ms(0), End: ms(50), Wait: 50 * time.Millisecond, Err: errors.New(`<b> & "quotes"`), Verdict: answer(resilience.KindThrottled, "429")},
			{Number: 9, Start: ms(100), End: ms(100), Err: errors.New("breaker open"), Verdict: answer(resilience.KindRejected, "")},
		}},
		"hedged": {Attempts: []retry.Attempt{
			{Number: 2, Start: ms(10), End: ms(15), Err: errDown, Verdict: answer(resilience.KindTransient, "")},
			{Number: 1, Start: ms(0), End: ms(40), Err: errDown, Verdict: answer(resilience.KindTransient, "")},
		}},
		"at_once": {Cause: retry.CausePermanent, Attempts: []retry.Attempt{{Number: 1, End: ms(0), Verdict: answer(resilience.KindPermanent, "404")}}},
		"nothing": {Cause: retry.CauseCanceled},
	}
}

func TestTimelinesLookAsBefore(t *testing.T) {
	for name, line := range timelines() {
		t.Run(name, func(t *testing.T) {
			var svg bytes.Buffer
			if err := line.SVG(&svg); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", line.String())
			golden(t, name+".svg", svg.String())
			wellFormed(t, svg.Bytes())
		})
	}
}

// golden compares with a golden file, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "timeline", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", name, diff)
	}
}

// wellFormed reads a document to its end.
func wellFormed(t *testing.T, doc []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		_, err := d.Token()
		if err == io.EOF { //nolint:errorlint // as Token documents
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
	}
}

// brokenWriter fails.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errDown }

func TestAnSVGReturnsTheErrorOfItsWriter(t *testing.T) {
	if err := timelines()["used_up"].SVG(brokenWriter{}); !errors.Is(err, errDown) {
		t.Errorf("got %v", err)
	}
}

func TestATimelineIsThatOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		p := policy(t, retry.Config{Backoff: retry.Fixed{Base: time.Second}, MaxAttempts: 2})
		e := asError(t, retry.Run(t.Context(), p, func(context.Context) error { time.Sleep(time.Minute); return errDown }))
		v := resilience.Verdict{Kind: resilience.KindTransient}
		want := retry.Timeline{Cause: retry.CauseMaxAttempts, Attempts: []retry.Attempt{
			{Number: 1, End: begin.Add(time.Minute), Err: errDown, Verdict: v, Wait: time.Second},
			{Number: 2, Start: begin.Add(61 * time.Second), End: begin.Add(121 * time.Second), Err: errDown, Verdict: v},
		}}
		if diff := cmp.Diff(want, e.Timeline(), cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if e.Prev != time.Second {
			t.Errorf("the last attempt came after %v", e.Prev)
		}
	})
}
