package retry_test

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/retry"
	"pgregory.net/rapid"
)

func TestRetryAfterReadsOnlyTheGrammar(t *testing.T) {
	for line, want := range map[string]time.Duration{
		"0":                                0,
		"\t 120 ":                          2 * time.Minute,
		"Thu, 31 Dec 2026 23:59:60 GMT":    38*24*time.Hour + 12*time.Hour,
		"Thu Dec 31 23:59:60 2026":         38*24*time.Hour + 12*time.Hour,
		"Thursday, 31-Dec-26 23:59:60 GMT": 38*24*time.Hour + 12*time.Hour,
		"Fri, 23 Nov 2026 12:00:01 GMT":    time.Second, // a Monday
		"Mon, 29 Feb 2027 12:00:00 GMT":    -1,
		"Mon, 23 Nov 2026 12:00:60 GMT":    -1, // leap seconds come at midnight
		"Mon, 23 Nov 2026 12:00:01.5 GMT":  -1,
		"Mon,  23 Nov 2026 12:00:01 GMT":   -1,
		"Mon, 3 Nov 2026 12:00:01 GMT":     -1,
		"MON, 23 Nov 2026 12:00:01 GMT":    -1,
		"Mon, 23 Nov 2026 12:00:01 gmt":    -1,
		"Mon, 23 Nov 26 12:00:01 GMT":      -1,
		"Mon, 23-Nov-26 12:00:01 GMT":      -1,
		"Monday, 23-NOV-26 12:00:01 GMT":   -1,
		"Mon Nov 23 12:00:01 2026 GMT":     -1,
		"Mon Nov 03 12:00:01 2026":         -1, // a day of one digit has a space before it
		"Xyz, 23 Nov 2026 12:00:01 GMT":    -1,
		"1 2":                              -1,
		"١٢":                               -1,
		"":                                 -1,
	} {
		got, ok := retry.ParseRetryAfter([]string{line}, at)
		if ok != (want >= 0) || got != max(0, want) {
			t.Errorf("%q: got %v, %v; want %v", line, got, ok, want)
		}
	}
}

func TestRetryAfterYearsOfTwoDigits(t *testing.T) {
	for _, c := range []struct {
		now, line string
		want      string // a date; "" = invalid
	}{
		{"2026-11-23", "Monday, 23-Nov-76 00:00:00 GMT", "2076-11-23"}, // 50 years to the second
		{"2026-11-23", "Monday, 23-Nov-76 00:00:01 GMT", "1976-11-23"},
		{"2026-11-23", "Monday, 01-Jan-00 00:00:00 GMT", "2000-01-01"},
		{"1999-12-31", "Saturday, 01-Jan-00 00:00:00 GMT", "2000-01-01"},
		{"2099-12-31", "Friday, 01-Jan-00 00:00:00 GMT", "2100-01-01"},
		{"2099-12-31", "Sunday, 29-Feb-00 00:00:00 GMT", ""}, // 2100 is no leap year
		{"2001-01-01", "Tuesday, 29-Feb-00 00:00:00 GMT", "2000-02-29"},
		{"1899-01-01", "Thursday, 01-Jan-48 00:00:00 GMT", "1948-01-01"},
	} {
		now, err := time.Parse(time.DateOnly, c.now)
		if err != nil {
			t.Fatal(err)
		}
		want := time.Duration(-1)
		if c.want != "" {
			date, err := time.Parse(time.DateOnly, c.want)
			if err != nil {
				t.Fatal(err)
			}
			want = max(0, date.Sub(now))
		}
		got, ok := retry.ParseRetryAfter([]string{c.line}, now)
		if ok != (want >= 0) || got != max(0, want) {
			t.Errorf("%s at %s: got %v, %v; want %v", c.line, c.now, got, ok, want)
		}
	}
}

func TestRetryAfterTakesTheLongestOfItsLines(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  time.Duration
	}{
		{nil, -1},
		{[]string{"never", ""}, -1},
		{[]string{"1", "Mon, 23 Nov 2026 12:00:09 GMT", "3"}, 9 * time.Second},
		{[]string{"Sun, 06 Nov 1994 08:49:37 GMT", "soon"}, 0},
	} {
		got, ok := retry.ParseRetryAfter(c.lines, at)
		if ok != (c.want >= 0) || got != max(0, c.want) {
			t.Errorf("%q: got %v, %v; want %v", c.lines, got, ok, c.want)
		}
	}
}

// TestRetryAfterReadsWhatHTTPWrites also shows that the zone of the clock does not matter.
func TestRetryAfterReadsWhatHTTPWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0).In(time.FixedZone("", rapid.IntRange(-40000, 40000).Draw(t, "zone")))
		wait := time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "wait")) * time.Second
		date := now.Add(wait).UTC()
		for _, layout := range []string{http.TimeFormat, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
			line := date.Format(layout)
			if got, ok := retry.ParseRetryAfter([]string{line}, now); !ok || got != wait {
				t.Fatalf("%q at %v: got %v, %v; want %v", line, now, got, ok, wait)
			}
		}
	})
}

// FuzzRetryAfter compares with the parser of net/http where the two agree on the grammar: not in case, leap seconds and years of two
// digits.
func FuzzRetryAfter(f *testing.F) {
	for _, line := range []string{
		"120", "-1", " 5\t", "99999999999999999999", "Mon, 23 Nov 2026 12:02:00 GMT", "Monday, 23-Nov-26 12:02:00 GMT", "Mon Nov 23 12:02:00 2026",
		"Thu, 31 Dec 2026 23:59:60 GMT", "Sunday, 06-Nov-77 08:49:37 GMT", "1.5", "",
	} {
		f.Add(line, int64(1795435200))
	}
	f.Fuzz(func(t *testing.T, line string, unix int64) {
		now := time.Unix(unix%4e9, 0)
		got, ok := retry.ParseRetryAfter([]string{line}, now)
		if got < 0 || !ok && got != 0 {
			t.Fatalf("%q: got %v, %v", line, got, ok)
		}
		trimmed := strings.Trim(line, " \t")
		digits := trimmed != "" && strings.Trim(trimmed, "0123456789") == ""
		if digits && !ok {
			t.Fatalf("%q: not read", line)
		}
		date, err := http.ParseTime(trimmed)
		switch {
		case !ok && err == nil && date.Format(http.TimeFormat) == trimmed:
			t.Fatalf("%q: not read, though net/http does", line)
		case !ok || digits || strings.Contains(line, "23:59:60"):
		case err != nil:
			t.Fatalf("%q: read as %v, though net/http does not: %v", line, got, err)
		case !strings.Contains(trimmed, "-"):
			if want := min(math.MaxInt64, max(0, date.Sub(now))); got != want {
				t.Fatalf("%q: got %v, want %v", line, got, want)
			}
		case got > 51*366*24*time.Hour:
			t.Fatalf("%q: %v is more than 50 years", line, got)
		}
	})
}
