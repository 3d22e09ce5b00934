package storm

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// Comparison is the same contention under several strategies, in the order that Compare was given.
type Comparison struct {
	Clients, Runs int
	Rows          []Contention
}

// Compare runs Contend for each of the strategies, with the same seed; for all five where none is named. The strategy of cfg is not used.
func Compare(cfg ContendConfig, by ...Strategy) Comparison {
	if len(by) == 0 {
		by = []Strategy{Full, Equal, Decorrelated, Exponential, None}
	}
	cfg = cfg.filled()
	c := Comparison{Clients: cfg.Clients, Runs: cfg.Runs}
	for _, s := range by {
		cfg.Backoff = s
		c.Rows = append(c.Rows, Contend(cfg))
	}
	return c
}

// String returns a table with a row for each strategy: mean calls and mean time.
func (c Comparison) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s %8s %9s\n", "backoff", "calls", "time")
	for _, r := range c.Rows {
		fmt.Fprintf(&b, "%-12v %8.0f %8.2fs\n", r.Backoff, r.Calls, r.Time.Seconds())
	}
	return b.String()
}

// Chart draws two bars for each strategy, calls and time, as an SVG document. It returns the error of w.
func (c Comparison) Chart(w io.Writer) error {
	const row, left, width = 48, 110, 480
	calls, total := 1.0, time.Duration(1)
	for _, r := range c.Rows {
		calls, total = max(calls, r.Calls), max(total, r.Time)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<svg xmlns=%q width=\"720\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
		"http://www.w3.org/2000/svg", row*len(c.Rows)+32)
	fmt.Fprintf(&b, "  <text x=\"4\" y=\"18\">%d clients write one row, means of %d runs: ", c.Clients, c.Runs)
	b.WriteString("<tspan fill=\"#2c5f8a\">calls</tspan>, <tspan fill=\"#b0702c\">time</tspan></text>\n")
	bar := func(y int, part float64, fill, label string) {
		length := int(part * width)
		fmt.Fprintf(&b, "  <rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"16\" fill=%q/>\n", left, y, length, fill)
		fmt.Fprintf(&b, "  <text x=\"%d\" y=\"%d\">%s</text>\n", left+length+6, y+12, label)
	}
	for i, r := range c.Rows {
		y := 32 + row*i
		fmt.Fprintf(&b, "  <text x=\"4\" y=\"%d\">%v</text>\n", y+22, r.Backoff)
		bar(y, r.Calls/calls, "#2c5f8a", fmt.Sprintf("%.0f", r.Calls))
		bar(y+18, float64(r.Time)/float64(total), "#b0702c", fmt.Sprintf("%.2fs", r.Time.Seconds()))
	}
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}
