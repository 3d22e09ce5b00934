package render

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenon-go/tenon/orders"
)

// Sizes of the picture, in user units.
const (
	svgMargin  = 28
	svgLanes   = 246 // left edge of the first moment
	svgLeast   = 860 // width
	svgLane    = 38
	svgState   = 22 // height of a state, of a hold and of a call
	svgHold    = 8
	svgCall    = 12
	svgLine    = 20  // of the list of events
	svgLast    = 64  // width of the last moment
	svgRune    = 7   // width that a rune is taken to have
	svgCapital = 8   // and one of a state
	svgWords   = 336 // left edge of what the list says of an event
)

// svgStyle is the look of everything. Fonts are those of the reader.
const svgStyle = `<style>
text{font-family:ui-sans-serif,system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:13px;fill:#1f2933}
.title{font-size:19px;font-weight:650}
.quiet,.detail{fill:#6b7683;font-size:11px}
.name{font-weight:600}
.alert{fill:#c92a2a}
.gap{fill:#6b7683;font-size:10px;text-anchor:middle}
.badge{fill:#495766;font-size:10px;font-weight:700;text-anchor:middle}
.state{fill:#fff;font-size:11px;font-weight:600}
.section{font-size:12px;font-weight:700;letter-spacing:.06em;fill:#6b7683}
.after{text-anchor:end;fill:#6b7683;font-size:11px;font-variant-numeric:tabular-nums}
.rule{stroke:#dde2e8}
.moment{stroke:#eceff2}
.mark{stroke:#fff;stroke-width:1.8;fill:none;stroke-linecap:round;stroke-linejoin:round}
</style>
<defs><pattern id="doubt" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#ffe8cc"/><rect width="3" height="6" fill="#ffa94d"/></pattern></defs>
`

// Timeline draws the course of one checkout as a stand-alone picture, SVG 1.1, from all of its events, and from those of its
// order where they are given too, in any order when they have their Seq. Every event is a moment, numbered along the top;
// how far apart two are drawn follows the magnitude of the time between them, which stands above. Below are the states, the
// hold of stock with a notch wherever its end was put off, and a bar for each call outside: dark while it has no answer,
// hatched while it is in doubt, blue while the other side is at it, with a mark for each report. The list at the end says
// the same in words.
//
// Events that are not the whole history of one checkout, and of its order if any, are orders.ErrHistory, before anything is
// written; errors of w are returned as they are.
func Timeline(w io.Writer, events []orders.Event) error {
	c, err := follow(events)
	if err != nil {
		return fmt.Errorf("render: timeline: %w", err)
	}
	d := &drawing{course: c, y: 46}
	d.place()
	d.title()
	d.axis()
	top := d.y
	d.states("checkout", c.checkout)
	d.states("order", c.order)
	d.holds()
	for _, o := range c.calls {
		d.call(o)
	}
	d.guides(top)
	d.legend()
	d.list()
	return d.write(w)
}

// A drawing collects the picture from top to bottom.
type drawing struct {
	*course

	b      strings.Builder
	behind strings.Builder // what the rest is drawn on
	x      []int           // of the moments, and of the end
	width  int
	y      int // upper edge of what comes next, or its baseline
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

// text writes words of a class.
func (d *drawing) text(class string, x, y int, words string) {
	d.printf(`<text class="%s" x="%d" y="%d">%s</text>`, class, x, y, escape(words))
}

// place finds where the moments stand: far enough apart for the time between them and for the names of the states.
func (d *drawing) place() {
	widths := make([]int, len(d.moments))
	for i := range widths {
		widths[i] = svgLast
		if i+1 < len(d.moments) {
			widths[i] = apart(d.moments[i+1].at.Sub(d.moments[i].at))
		}
	}
	for _, states := range [][]stretch{d.checkout, d.order} {
		for _, s := range states {
			to := d.end(s.to)
			has := 0
			for _, n := range widths[s.from:to] {
				has += n
			}
			widths[to-1] += max(0, len(s.name)*svgCapital+18-has)
		}
	}
	d.x = []int{svgLanes}
	for _, n := range widths {
		d.x = append(d.x, d.x[len(d.x)-1]+n)
	}
	d.width = max(svgLeast, d.x[len(d.x)-1]+svgMargin)
	d.x[len(d.x)-1] = d.width - svgMargin
}

// apart is how far two moments stand apart.
func apart(gap time.Duration) int {
	switch {
	case gap <= 0:
		return 30
	case gap < time.Second:
		return 44
	case gap < time.Minute:
		return 54
	case gap < time.Hour:
		return 66
	default:
		return 84
	}
}

// end is the moment at which a stretch ends; what has not ended lasts to the edge.
func (d *drawing) end(moment int) int {
	if moment < 0 {
		return len(d.moments)
	}
	return moment
}

func (d *drawing) title() {
	first, last := d.moments[0].at, d.moments[len(d.moments)-1].at
	d.text("title", svgMargin, d.y, "Checkout "+shorten(printable(d.id), 60))
	words := counted(len(d.moments), "event")
	if last.After(first) {
		words += " in " + span(last.Sub(first))
	}
	words += " from " + clock(first) + " UTC; it is " + d.checkout[len(d.checkout)-1].name
	if n := len(d.order); n > 0 {
		words += ", its order " + d.order[n-1].name
	}
	d.text("quiet", svgMargin, d.y+20, words)
	d.y += 62
}

// axis draws the numbers of the moments and the times between them.
func (d *drawing) axis() {
	d.text("quiet", svgMargin, d.y+4, "event")
	d.printf(`<line class="rule" x1="%d" y1="%d" x2="%d" y2="%d"/>`, svgLanes, d.y, d.width-svgMargin, d.y)
	for i, m := range d.moments {
		if i > 0 && m.at.After(d.moments[i-1].at) {
			d.text("gap", (d.x[i-1]+d.x[i])/2, d.y-14, span(m.at.Sub(d.moments[i-1].at)))
		}
		d.printf(`<circle cx="%d" cy="%d" r="9" fill="#fff" stroke="#c3cad2"/>`, d.x[i], d.y)
		d.text("badge", d.x[i], d.y+4, strconv.Itoa(i+1))
	}
	d.y += 22
}

// lane begins a lane with its name, and returns the middle of it.
func (d *drawing) lane(name, detail string) int {
	middle := d.y + svgLane/2
	if detail == "" {
		d.text("name", svgMargin, middle+5, name)
	} else {
		d.text("name", svgMargin, middle-2, shorten(name, 30))
		d.text("detail", svgMargin, middle+13, shorten(detail, 36))
	}
	d.y += svgLane
	return middle
}

// states draws the states of one machine.
func (d *drawing) states(name string, states []stretch) {
	if len(states) == 0 {
		return
	}
	middle := d.lane(name, "")
	for _, s := range states {
		from, to := d.x[s.from], d.x[d.end(s.to)]
		d.printf(`<g class="state-of-%s"><rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="%s"/>`, name, from+1, middle-svgState/2, to-from-2, svgState, colour(s.name))
		d.text("state", from+8, middle+4, s.name)
		d.printf(`</g>`)
	}
}

// colour says of a state who acts: blue the buyer, violet the gateway, green the warehouse, red a person, amber undoing.
func colour(state string) string {
	switch state {
	case orders.StateLocked.String(), orders.StateAwaitingBuyer.String():
		return "#3b5bdb"
	case orders.StateAuthorising.String(), orders.OrderCapturing.String():
		return "#7048e8"
	case orders.StatePlaced.String(), orders.OrderReady.String(), orders.OrderFulfilling.String(), orders.OrderCompleted.String():
		return "#2b8a3e"
	case orders.OrderOnHold.String():
		return "#c92a2a"
	case orders.StateCancelling.String():
		return "#d9630d"
	default:
		return "#69737f"
	}
}

// holds draws the hold of stock.
func (d *drawing) holds() {
	if len(d.hold) == 0 {
		return
	}
	last := d.hold[len(d.hold)-1]
	middle := d.lane("stock", last.name+"; until "+d.until.UTC().Format("15:04:05"))
	for _, h := range d.hold {
		from, to := d.x[h.from], d.x[d.end(h.to)]
		d.printf(`<g class="hold"><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="#0c8599"/></g>`, escape(h.name), from, middle-svgHold/2, to-from, svgHold)
	}
	for _, n := range d.extended {
		d.printf(`<path d="M%d %dv%d" stroke="#0c8599" stroke-width="3"/>`, d.x[n], middle-svgHold, 2*svgHold)
	}
}

// call draws one call.
func (d *drawing) call(o *call) {
	p := &o.step
	name := p.Kind.String()
	if p.Amount.Sign() > 0 {
		name += " " + p.Amount.String()
	}
	if p.Tender != "" {
		name += ", " + p.Tender
	}
	middle := d.lane(strings.ReplaceAll(printable(name), "_", " "), printable(p.Key))
	d.printf(`<g class="call"><title>%s</title>`, escape(name+", "+p.Key+": "+p.Status.String()))
	from, fill := o.from, "#69737f"
	piece := func(to int) {
		if x, end := d.x[from], d.x[to]; end > x {
			d.printf(`<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, x, middle-svgCall/2, end-x, svgCall, fill)
		}
	}
	for _, m := range o.marks {
		if o.to >= 0 && m.moment > o.to {
			break // it came after the call was given up
		}
		piece(m.moment)
		from, fill = m.moment, between(m.status)
	}
	if o.to < 0 || from < o.to {
		piece(d.end(o.to))
	}
	for _, m := range o.marks {
		d.mark(m.status, d.x[m.moment], middle)
	}
	d.printf(`</g>`)
}

// between is the look of a call after a report, until the next one.
func between(s orders.OutcomeStatus) string {
	switch s {
	case orders.Unknown:
		return "url(#doubt)"
	case orders.Waiting:
		return "#a5b8f5"
	default:
		return "#d5dae0"
	}
}

// mark draws one report.
func (d *drawing) mark(s orders.OutcomeStatus, x, y int) {
	fill, sign := "#69737f", "M-3 0h6"
	switch s {
	case orders.Done:
		fill, sign = "#2b8a3e", "M-3.5 0.5l2.5 2.5l4.5-5.5"
	case orders.Refused:
		fill, sign = "#c92a2a", "M-3-3l6 6M3-3l-6 6"
	case orders.Waiting:
		fill, sign = "#3b5bdb", "M-2-3v6M2-3v6"
	case orders.Unknown:
		fill, sign = "#d9630d", "M-2.4-2.2a2.5 2.5 0 1 1 3.4 2.4q-1 .4-1 1.4M0 4v.2"
	case orders.NotFound:
		sign = "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0"
	case orders.NotSent:
	}
	d.printf(`<g class="report" data-status="%s" transform="translate(%d %d)"><circle r="8" fill="%s" stroke="#fff"/><path class="mark" d="%s"/></g>`, s, x, y, fill, sign)
}

// guides draws a line down from each moment, behind everything.
func (d *drawing) guides(top int) {
	for i := range d.moments {
		fmt.Fprintf(&d.behind, `<line class="moment" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", d.x[i], top-12, d.x[i], d.y)
	}
}

// legend explains the marks, where there are any.
func (d *drawing) legend() {
	if !slices.ContainsFunc(d.calls, func(o *call) bool { return len(o.marks) > 0 }) {
		return
	}
	d.y += 16
	x := svgLanes + 8
	for _, of := range []struct {
		status orders.OutcomeStatus
		words  string
	}{
		{orders.Done, "done"},
		{orders.Refused, "refused"},
		{orders.Waiting, "waiting"},
		{orders.Unknown, "in doubt"},
		{orders.NotSent, "not sent"},
		{orders.NotFound, "not found"},
	} {
		d.printf(`<g class="legend">`)
		d.mark(of.status, x, d.y)
		d.text("quiet", x+14, d.y+4, of.words)
		d.printf(`</g>`)
		x += 40 + len(of.words)*svgRune
	}
}

// list says what happened, event by event.
func (d *drawing) list() {
	d.y += 38
	d.text("section", svgMargin, d.y, "EVENTS")
	d.y += 4
	most := (d.width - svgWords - svgMargin) / svgRune
	for i, m := range d.moments {
		d.y += svgLine
		d.printf(`<g class="event" data-number="%d">`, i+1)
		d.printf(`<circle cx="%d" cy="%d" r="9" fill="#fff" stroke="#c3cad2"/>`, svgMargin+9, d.y-4)
		d.text("badge", svgMargin+9, d.y, strconv.Itoa(i+1))
		after := "start"
		if passed := m.at.Sub(d.moments[0].at); passed > 0 {
			after = "+" + span(passed)
		}
		d.text("after", svgMargin+88, d.y, after)
		d.text(m.class(), svgMargin+100, d.y, shorten(m.name(), 27))
		for n, line := range wrap(m.words(), most) {
			if n > 0 {
				d.y += svgLine - 4
			}
			d.text("note", svgWords, d.y, line)
		}
		d.printf(`</g>`)
	}
	d.y += svgMargin
}

// name is the kind of an event, in words.
func (m *moment) name() string {
	name := strings.ReplaceAll(printable(m.kind), "_", " ")
	if m.order {
		return "order " + name
	}
	return name
}

// class makes an alert stand out: it is for people.
func (m *moment) class() string {
	if m.kind == "alert" {
		return "name alert"
	}
	return "name"
}

// words is what else there is to say of an event.
func (m *moment) words() string {
	var words []string
	if m.fromState != m.toState {
		words = append(words, cmp.Or(m.fromState, "NONE")+" to "+m.toState)
	}
	if m.key != "" {
		words = append(words, m.key)
	}
	if m.by != "" {
		words = append(words, "by "+m.by)
	}
	if m.reason != "" {
		words = append(words, m.reason)
	}
	return printable(strings.Join(words, "; "))
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
	_, _ = out.WriteString("<title>" + escape("Checkout "+printable(d.id)) + "</title>\n" + svgStyle)
	_, _ = fmt.Fprintf(out, `<rect x="0.5" y="0.5" width="%d" height="%d" rx="10" fill="#ffffff" stroke="#dde2e8"/>`+"\n", d.width-1, d.y-1)
	_, _ = out.WriteString(d.behind.String() + d.b.String() + "</svg>\n")
	return out.Flush()
}
