package retry

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Timeline is the story of a call, to be looked at.
type Timeline struct {
	Attempts []Attempt // in the order of their ends
	Cause    Cause     // why the call ended; 0 = it went on or succeeded
}

// Timeline returns the story of the call.
func (e *Error) Timeline() Timeline { return Timeline{Attempts: e.Attempts, Cause: e.Cause} }

// Width of the bars, in characters and in pixels; longest error text, in characters.
const (
	textWidth = 32
	svgWidth  = 400
	maxText   = 60
)

// String draws a waterfall as text, a line for each attempt: = while it ran, . while the call waited after it, < where it ended but its
// start is not known.
//
//	#1 [<.......                        ]  wait 100ms  transient 503: unavailable
//	#2 [        ==................      ]  20ms  wait 200ms  timeout: context deadline exceeded
//	#3 [                          ======]  70ms  transient 503: unavailable
//	   attempts used up
func (t Timeline) String() string {
	var b strings.Builder
	from, total := t.span()
	for _, a := range t.Attempts {
		start, end, next := a.places(from, total, textWidth)
		start = min(start, textWidth-1)
		end = max(end, start+1) // whatever took time is seen
		bar := strings.Repeat(" ", start) + strings.Repeat("=", end-start) + strings.Repeat(".", max(0, next-end))
		if a.Start.IsZero() {
			bar = strings.Replace(bar, "=", "<", 1)
		}
		fmt.Fprintf(&b, "#%d [%-*s]  %s\n", a.Number, textWidth, bar, a.label())
	}
	if t.Cause != 0 {
		fmt.Fprintf(&b, "   %v\n", t.Cause)
	}
	return b.String()
}

// SVG draws the waterfall as an SVG document. What errors say is escaped.
func (t Timeline) SVG(w io.Writer) error {
	const row, left = 24, 40
	var b bytes.Buffer
	from, total := t.span()
	height := row * (len(t.Attempts) + 1)
	fmt.Fprintf(&b, "<svg xmlns=%q width=\"900\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		"http://www.w3.org/2000/svg", height)
	for i, a := range t.Attempts {
		start, end, next := a.places(from, total, svgWidth)
		y := row * i
		fmt.Fprintf(&b, "  <text x=\"4\" y=\"%d\">#%d</text>\n", y+16, a.Number)
		fmt.Fprintf(&b, "  <rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"2\" fill=\"#999\"/>\n", left+end, y+11, max(0, next-end))
		fmt.Fprintf(&b, "  <rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"16\" fill=%q/>\n", left+start, y+4, max(2, end-start), a.color())
		fmt.Fprintf(&b, "  <text x=\"%d\" y=\"%d\">", left+svgWidth+12, y+16)
		if err := xml.EscapeText(&b, []byte(a.label())); err != nil {
			return err
		}
		b.WriteString("</text>\n")
	}
	if t.Cause != 0 {
		fmt.Fprintf(&b, "  <text x=\"%d\" y=\"%d\" font-weight=\"bold\">%v</text>\n", left, height-8, t.Cause)
	}
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// span returns where the axis begins and how long it is, never 0.
func (t Timeline) span() (from time.Time, total time.Duration) {
	var to time.Time
	for i, a := range t.Attempts {
		if i == 0 || a.begin().Before(from) {
			from = a.begin()
		}
		if end := a.End.Add(a.Wait); i == 0 || end.After(to) {
			to = end
		}
	}
	return from, max(1, to.Sub(from))
}

// begin is the start of the attempt, or its end where the start is not known.
func (a Attempt) begin() time.Time {
	if a.Start.IsZero() {
		return a.End
	}
	return a.Start
}

// places returns where the attempt starts, ends and is followed by the next on an axis of the width.
func (a Attempt) places(from time.Time, total time.Duration, width int) (start, end, next int) {
	at := func(t time.Time) int {
		return max(0, min(width, int(float64(t.Sub(from))/float64(total)*float64(width)+0.5)))
	}
	return at(a.begin()), at(a.End), at(a.End.Add(a.Wait))
}

// label says what the bars do not: times, verdict and error.
func (a Attempt) label() string {
	var parts []string
	if !a.Start.IsZero() {
		parts = append(parts, short(a.End.Sub(a.Start)))
	}
	if a.Wait > 0 {
		parts = append(parts, "wait "+short(a.Wait))
	}
	verdict := a.Verdict.Kind.String()
	if a.Verdict.Code != "" {
		verdict += " " + a.Verdict.Code
	}
	if a.Err != nil {
		verdict += ": " + oneLine(a.Err.Error())
	}
	return strings.Join(append(parts, verdict), "  ")
}

// color is that of the bar: one for failures of the service, one for refusals that cost it nothing.
func (a Attempt) color() string {
	if a.Verdict.Sent() {
		return "#c0392b"
	}
	return "#f39c12"
}

// short prints a duration with three digits or so.
func short(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}

// oneLine returns the first line of a text, cut to what fits.
func oneLine(s string) string {
	s, _, more := strings.Cut(strings.TrimSpace(s), "\n")
	if utf8.RuneCountInString(s) > maxText {
		s, more = string([]rune(s)[:maxText]), true
	}
	if more {
		s += " ..."
	}
	return s
}
