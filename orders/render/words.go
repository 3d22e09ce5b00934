package render

import (
	"bufio"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// printable makes a text one line that can be shown, so that a name can neither forge a line nor break a picture.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
}

// shorten keeps both ends of a name that is longer than n runes: names of one family differ in one of them.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	tail := (n - 2) / 2
	return string(runes[:n-2-tail]) + ".." + string(runes[len(runes)-tail:])
}

// counted is a number with its noun, whose plural takes an s.
func counted[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(int64(n), 10) + " " + noun + "s"
}

// span is a duration as people read it: the finest part is a hundredth of the whole or so.
func span(d time.Duration) string {
	if d < time.Millisecond {
		return "under 1ms"
	}
	unit := time.Millisecond
	switch {
	case d >= time.Hour:
		unit = time.Minute
	case d >= 10*time.Second:
		unit = time.Second
	case d >= time.Second:
		unit = 100 * time.Millisecond
	}
	s := d.Round(unit).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// clock is a moment, in UTC, to the second: what people compare is minutes.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// writeLine keeps the first error in w, where Flush finds it.
func writeLine(w *bufio.Writer, line string) {
	_, _ = w.WriteString(strings.TrimRight(line, " "))
	_ = w.WriteByte('\n')
}

// What the name of an aggregate begins with.
const (
	checkoutPrefix = "checkout/"
	orderPrefix    = "order/"
)
