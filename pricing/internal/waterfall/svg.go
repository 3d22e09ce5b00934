package waterfall

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// Sizes of the drawing, in user units.
const (
	svgWidth  = 840
	svgRow    = 26
	svgBars   = 400 // longest bar
	svgLabelX = 12
	svgDeltaX = 330 // right edge
	svgValueX = 420 // right edge
	svgBarX   = 432
)

// svgStyle are the fills of up, down and total. Colours of one lightness are
// told apart by the pattern too: stripes, dots, plain.
const svgStyle = `<defs>` +
	`<pattern id="up" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#0072b2"/><rect width="2" height="6" fill="#56b4e9"/></pattern>` +
	`<pattern id="down" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#d55e00"/><circle cx="3" cy="3" r="1.5" fill="#ffd9b8"/></pattern>` +
	`<pattern id="total" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#444444"/></pattern>` +
	`</defs>` + "\n"

// SVG draws the chart as a stand-alone SVG 1.1 image. All values stand in it as
// text.
func SVG(c *Chart) []byte {
	bars := c.layout(svgBars)
	rows := 1 + len(bars) + len(c.Notes) + len(c.Rejected)
	if len(c.Rejected) > 0 {
		rows++
	}
	height := svgRow*rows + svgRow/2
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" font-size="14">`+"\n", svgWidth, height, svgWidth, height)
	b.WriteString("<title>" + escape(clean(c.Title)) + "</title>\n")
	b.WriteString(svgStyle)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", svgWidth, height)

	y := svgRow
	text(&b, svgLabelX, y, "start", clean(c.Title))
	for _, bar := range bars {
		y += svgRow
		text(&b, svgLabelX, y, "start", shorten(bar.label))
		if bar.delta != "" {
			text(&b, svgDeltaX, y, "end", bar.delta)
		}
		text(&b, svgValueX, y, "end", bar.value)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="url(#%s)"/>`+"\n",
			svgBarX+bar.from, y-svgRow+11, bar.to-bar.from, svgRow-8, [...]string{"up", "down", "total"}[bar.kind])
	}
	for _, note := range c.Notes {
		y += svgRow
		text(&b, svgLabelX, y, "start", clean(note))
	}
	if len(c.Rejected) > 0 {
		y += svgRow
		text(&b, svgLabelX, y, "start", "not applied:")
	}
	for _, r := range c.Rejected {
		y += svgRow
		text(&b, 2*svgLabelX, y, "start", clean(r.Label)+": "+clean(r.Why))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func text(b *bytes.Buffer, x, y int, anchor, s string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", x, y, anchor, escape(s))
}

func escape(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return "" // a bytes.Buffer takes every write
	}
	return b.String()
}
