package explain

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tenon-go/tenon/promotions"
)

// Sizes of the picture, in user units.
const (
	svgMargin = 28
	svgBarX   = 226 // left edge
	svgBarW   = 176 // of the dearest row
	svgBarH   = 18
	svgBefore = 480 // right edge, as all numbers
	svgCells  = 496 // left edge of the first column
	svgCell   = 96  // width of a column with its gap
	svgGap    = 6
	svgOff    = 76  // from the last column to the right edge of what is taken
	svgPays   = 164 // and of what is paid
	svgRow    = 42
	svgLine   = 21 // of what is said in words
	svgLeast  = 860
	svgRune   = 7 // width that a rune is taken to have
)

// svgHues tell promotions apart; from the ninth on they come again, and the numbers still tell.
const svgHues = "3b5bdb 0c8599 e67700 c2255c 6741d9 2b8a3e c92a2a 5c940d"

// svgStyle is the look of everything. Fonts are those of the reader.
const svgStyle = `<style>
text{font-family:ui-sans-serif,system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:13px;fill:#1f2933}
.title{font-size:19px;font-weight:650}
.head,.detail,.quiet{fill:#6b7683;font-size:11px}
.name,.about,.pays{font-weight:600}
.before,.cell,.off,.pays{text-anchor:end;font-variant-numeric:tabular-nums}
.head.number{text-anchor:end}
.badge{fill:#fff;font-size:11px;font-weight:700;text-anchor:middle}
.units{fill:#fff;font-size:10px;font-weight:600}
.section{font-size:12px;font-weight:700;letter-spacing:.06em;fill:#6b7683}
.off{fill:#c2255c}
.rule{stroke:#dde2e8}
</style>
<defs><pattern id="given" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="5" height="5" fill="#f1f3f5"/><rect width="2" height="5" fill="#d5dae0"/></pattern></defs>
`

// SVG writes what [Text] does as a stand-alone picture, SVG 1.1, whose height and width follow the cart. The hue of a column
// is that of its promotion in the list below, and the deeper a cell, the larger the part of the price that was taken. In the
// bar of a row the full parts are paid, the hatched ones are not.
func SVG(w io.Writer, s *promotions.Snapshot, c promotions.Cart, r promotions.Result) error {
	ch, err := build(s, &c, &r)
	if err != nil {
		return err
	}
	d := &drawing{right: svgCells + len(ch.fired)*svgCell + svgPays}
	d.width = max(svgLeast, d.right+svgMargin)
	d.right = d.width - svgMargin
	d.y = 46
	d.title(ch, &r)
	d.table(ch)
	d.words(ch)
	return d.write(w)
}

// A drawing collects the picture from top to bottom.
type drawing struct {
	b           strings.Builder
	width       int
	right       int // right edge of what is paid
	y           int // baseline of what comes next
	description string
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

// text writes words of a class.
func (d *drawing) text(class string, x, y int, words string) {
	d.printf(`<text class="%s" x="%d" y="%d">%s</text>`, class, x, y, escape(words))
}

func (d *drawing) title(ch *chart, r *promotions.Result) {
	d.description = fmt.Sprintf("%s %s to pay of %s, %s off", ch.currency, r.Total.Text(), r.Subtotal.Text(), r.Discount.Text())
	d.text("title", svgMargin, d.y, r.Total.Text()+" "+ch.currency)
	d.text("quiet", svgMargin, d.y+20, "to pay of "+r.Subtotal.Text()+"; "+r.Discount.Text()+" off by "+counted(len(ch.fired), "promotion"))
	d.y += 62
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// table draws the heads, a row for each line and charge, and the sums.
func (d *drawing) table(ch *chart) {
	d.text("head", svgMargin, d.y, "line")
	d.text("head", svgBarX, d.y, "paid and given")
	d.text("head number", svgBefore, d.y, "before")
	for i, of := range ch.fired {
		x := svgCells + i*svgCell
		d.badge(i, x+(svgCell-svgGap)/2, d.y-21)
		d.printf(`<text class="head" x="%d" y="%d" text-anchor="middle">%s</text>`, x+(svgCell-svgGap)/2, d.y, escape(shorten(of.id, 14)))
	}
	d.text("head number", d.right-svgPays+svgOff, d.y, "off")
	d.text("head number", d.right, d.y, "pays")
	d.y += 12
	for i := range ch.rows {
		d.rule()
		d.row("row", &ch.rows[i])
	}
	d.printf(`<rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="#f1f3f5"/>`, svgMargin-10, d.y, d.right-svgMargin+20, svgRow-8)
	d.y -= 4
	d.row("total", &ch.total)
	d.y += 6
}

func (d *drawing) rule() {
	d.printf(`<line class="rule" x1="%d" y1="%d" x2="%d" y2="%d"/>`, svgMargin, d.y, d.right, d.y)
}

// badge is the number of a column.
func (d *drawing) badge(column, x, y int) {
	d.printf(`<circle cx="%d" cy="%d" r="10" fill="%s"/>`, x, y, hue(column))
	d.text("badge", x, y+4, strconv.Itoa(column+1))
}

func (d *drawing) row(class string, r *row) {
	d.printf(`<g class="%s">`, class)
	middle := d.y + svgRow/2 + 5
	if r.detail == "" {
		d.text("name", svgMargin, middle, r.name)
	} else {
		d.text("name", svgMargin, middle-8, shorten(r.name, 26))
		d.text("detail", svgMargin, middle+8, shorten(r.detail, 32))
	}
	d.bar(r)
	d.text("before", svgBefore, middle, r.before)
	for i, cell := range r.cells {
		if cell == "" {
			continue
		}
		x := svgCells + i*svgCell
		if i < len(r.weights) {
			d.printf(`<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="%s" fill-opacity="0.%03d"/>`,
				x, d.y+6, svgCell-svgGap, svgRow-12, hue(i), 80+r.weights[i]*370/1000)
		}
		d.printf(`<text class="cell" data-column="%d" x="%d" y="%d">%s</text>`, i, x+svgCell-svgGap-10, middle, escape(cell))
	}
	d.text("off", d.right-svgPays+svgOff, middle, r.discount)
	d.text("pays", d.right, middle, r.after)
	d.printf(`</g>`)
	d.y += svgRow
}

// bar draws the runs side by side; the gap between them is part of the second.
func (d *drawing) bar(r *row) {
	const gap = 2
	y, length := d.y+(svgRow-svgBarH)/2, max(4, svgBarW*r.size/1000)
	var from int64
	for i, part := range r.runs {
		to := min(1000, from+part.width)
		x, end := svgBarX+from*length/1000, svgBarX+to*length/1000
		if i > 0 {
			x += gap
		}
		width := max(1, end-x)
		paid := (width*part.paid + 500) / 1000
		d.printf(`<g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="2" fill="url(#given)"/><rect x="%d" y="%d" width="%d" height="%d" rx="2" fill="#495766"/>`,
			escape(part.words()), x, y, width, svgBarH, x, y, paid, svgBarH)
		if label := strconv.FormatInt(part.units, 10) + "×"; part.units > 1 && paid >= int64(svgRune*utf8.RuneCountInString(label)+4) {
			d.printf(`<text class="units" x="%d" y="%d">%s</text>`, x+5, y+svgBarH-5, label)
		}
		d.printf(`</g>`)
		from = to
	}
}

// words says what a run pays.
func (p *run) words() string {
	if p.units == 0 {
		return p.before + " to " + p.after
	}
	return counted(int(p.units), "unit") + ": " + p.before + " to " + p.after
}

// words writes the sentences.
func (d *drawing) words(ch *chart) {
	for _, line := range ch.summary {
		d.y += svgLine
		d.text("quiet", svgMargin, d.y, line)
	}
	d.section("FIRED, IN THIS ORDER", ch.told, func(i int) { d.badge(i, svgMargin+10, d.y-4) })
	dot := func(fill string) func(int) {
		return func(int) {
			d.printf(`<circle cx="%d" cy="%d" r="4" fill="%s" stroke="#8a95a1" stroke-width="1.5"/>`, svgMargin+10, d.y-4, fill)
		}
	}
	d.section("NOT FIRED", ch.refused, dot("#fff"))
	d.section("GIFTS", ch.gifts, dot("#8a95a1"))
	d.section("CODES", ch.codes, dot("#8a95a1"))
	d.y += svgMargin
}

// section writes a list under its heading, if it has any, each point behind a mark.
func (d *drawing) section(heading string, notes []note, mark func(i int)) {
	if len(notes) == 0 {
		return
	}
	d.y += svgLine + 16
	d.text("section", svgMargin, d.y, heading)
	d.y += 4
	const indent = svgMargin + 28
	for i, of := range notes {
		for n, line := range wrap(of.about+": "+of.text, (d.right-indent)/svgRune) {
			d.y += svgLine
			if n > 0 {
				d.text("text", indent, d.y-3, line)
				continue
			}
			d.y += 3
			mark(i)
			if rest, whole := strings.CutPrefix(line, of.about+": "); whole {
				d.printf(`<text class="note" x="%d" y="%d"><tspan class="about">%s</tspan>: %s</text>`, indent, d.y, escape(of.about), escape(rest))
			} else {
				d.text("note", indent, d.y, line)
			}
		}
	}
}

// wrap breaks a sentence into lines of at most n runes, between words where it can.
func wrap(sentence string, n int) []string {
	var lines []string
	line := ""
	for word := range strings.SplitSeq(sentence, " ") {
		switch {
		case line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= n:
			line += " " + word
			continue
		case line != "":
			lines = append(lines, line)
		}
		for utf8.RuneCountInString(word) > n {
			runes := []rune(word)
			lines, word = append(lines, string(runes[:n])), string(runes[n:])
		}
		line = word
	}
	return append(lines, line)
}

func hue(column int) string {
	const hues = (len(svgHues) + 1) / 7
	at := column % hues * 7
	return "#" + svgHues[at:at+6]
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return "" // a Builder takes every write
	}
	return b.String()
}

// write puts the picture around what was drawn, whose height is known only now.
func (d *drawing) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	_, _ = fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+"\n", d.width, d.y, d.width, d.y)
	_, _ = out.WriteString("<title>" + escape(d.description) + "</title>\n" + svgStyle)
	_, _ = fmt.Fprintf(out, `<rect x="0.5" y="0.5" width="%d" height="%d" rx="10" fill="#ffffff" stroke="#dde2e8"/>`+"\n", d.width-1, d.y-1)
	_, _ = out.WriteString(d.b.String() + "</svg>\n")
	return out.Flush()
}
