package retry

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseRetryAfter reads the lines of the HTTP field Retry-After (RFC 9110, sections 10.2.3 and 5.6.7), at being the time of the answer:
// whole seconds, or a date in any of the three formats. A line that is neither is as good as absent; of several valid ones the longest
// wait holds. The wait is never negative, 0 for a date that has passed, and ends at the largest time.Duration. It is false where no line
// is valid.
func ParseRetryAfter(lines []string, at time.Time) (time.Duration, bool) {
	var longest time.Duration
	found := false
	for _, line := range lines {
		line = strings.Trim(line, " \t")
		wait, ok := parseSeconds(line)
		if !ok {
			var date time.Time
			if date, ok = parseDate(line, at); ok {
				wait = max(0, date.Sub(at))
			}
		}
		if ok {
			longest, found = max(longest, wait), true
		}
	}
	return longest, found
}

// parseSeconds reads a number of seconds: digits only, any number of them.
func parseSeconds(s string) (time.Duration, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > math.MaxInt64/int64(time.Second) { // too large is all that can be wrong with digits
		return math.MaxInt64, true
	}
	return time.Duration(n) * time.Second, true
}

// The formats of an HTTP-date.
const (
	fixdate = "Mon, 02 Jan 2006 15:04:05 GMT"
	rfc850  = "Monday, 02-Jan-06 15:04:05 GMT"
	asctime = time.ANSIC
)

// parseDate reads an HTTP-date. http.ParseTime knows neither the leap second nor the rule for years of two digits, and ignores case.
func parseDate(s string, at time.Time) (time.Time, bool) {
	whole := strings.Replace(s, " 23:59:60", " 23:59:59", 1)
	for _, layout := range []string{fixdate, rfc850, asctime} {
		t, err := time.Parse(layout, whole)
		if err != nil || !strict(t, layout, whole) {
			continue
		}
		valid := true
		if layout == rfc850 {
			t, valid = nearest(t, at)
		}
		if whole != s {
			t = t.Add(time.Second)
		}
		return t, valid
	}
	return time.Time{}, false
}

// strict reports whether s is how layout writes t. A weekday that is not that of the date is let pass, but not one in the wrong case.
func strict(t time.Time, layout, s string) bool {
	weekday, rest, _ := strings.Cut(s, " ")
	_, want, _ := strings.Cut(t.Format(layout), " ")
	return rest == want && weekday == strings.ToUpper(weekday[:1])+strings.ToLower(weekday[1:])
}

// nearest returns t in the latest century that does not put it more than 50 years after at; not true where that year has no such day.
func nearest(t, at time.Time) (time.Time, bool) {
	year := at.Year()/100*100 + 100 + t.Year()%100
	for {
		d := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
		if !d.After(at.AddDate(50, 0, 0)) {
			return d, d.Day() == t.Day()
		}
		year -= 100
	}
}
