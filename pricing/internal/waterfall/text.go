package waterfall

import (
	"strings"
	"unicode/utf8"
)

const (
	textBar   = 40 // cells of a bar
	textLabel = 32 // longest label in runes; a longer one is cut and marked
)

// Text draws the chart in fixed-width characters, one line a bar: label, signed
// change, running value, and a bar of at most 40 characters (+ up, - down,
// = total).
func Text(c *Chart) string {
	bars := c.layout(textBar)
	labels, deltas, values := 0, 0, 0
	for i := range bars {
		bars[i].label = shorten(bars[i].label)
		labels = max(labels, utf8.RuneCountInString(bars[i].label))
		deltas = max(deltas, len(bars[i].delta))
		values = max(values, len(bars[i].value))
	}
	var b strings.Builder
	line(&b, clean(c.Title))
	for _, bar := range bars {
		line(&b, padRight(bar.label, labels)+"  "+padLeft(bar.delta, deltas)+"  "+padLeft(bar.value, values)+"  "+bar.text())
	}
	for _, note := range c.Notes {
		line(&b, clean(note))
	}
	if len(c.Rejected) > 0 {
		line(&b, "not applied:")
	}
	for _, r := range c.Rejected {
		line(&b, "  "+clean(r.Label)+": "+clean(r.Why))
	}
	return b.String()
}

func (b bar) text() string {
	return strings.Repeat(" ", int(b.from)) + strings.Repeat(string("+-="[b.kind]), int(b.to-b.from))
}

func line(b *strings.Builder, s string) {
	b.WriteString(strings.TrimRight(s, " "))
	b.WriteByte('\n')
}

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= textLabel {
		return s
	}
	return string([]rune(s)[:textLabel-3]) + "..."
}

func padRight(s string, n int) string {
	return s + strings.Repeat(" ", n-utf8.RuneCountInString(s))
}

func padLeft(s string, n int) string { return strings.Repeat(" ", n-len(s)) + s }
