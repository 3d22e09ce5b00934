package render_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/orderstest"
	"github.com/tenon-go/tenon/orders/render"
	"pgregory.net/rapid"
)

// A drawn is what a reader sees of a picture.
type drawn struct {
	states map[string][]string // by lane
	calls  map[string][]string // the reports by the key of the call
	ends   map[string]string   // the status in a call's tooltip
	holds  []string
	events []string // the names of the list
	width  int
}

// look reads a picture, which must be well-formed and have nothing but shapes and words.
//
//nolint:gocognit // a tree that is walked once, each element in its place
func look(t *testing.T, picture string) drawn {
	t.Helper()
	d := drawn{states: map[string][]string{}, calls: map[string][]string{}, ends: map[string]string{}}
	allowed := strings.Fields("svg title style defs pattern rect line circle path g text")
	var groups []string
	var class, key string
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return d
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		switch token := token.(type) {
		case xml.StartElement:
			class = attribute(token, "class")
			name := token.Name.Local
			if !slices.Contains(allowed, name) {
				t.Errorf("element %s", name)
			}
			switch {
			case name == "svg":
				d.width = atoi(t, attribute(token, "width"))
			case name == "title":
				class = "title"
			case name == "rect" && attribute(token, "x") != "":
				d.fits(t, token)
			}
			if name == "g" {
				groups = append(groups, class)
				if class == "report" && slices.Contains(groups, "call") {
					d.calls[key] = append(d.calls[key], attribute(token, "data-status"))
				}
			}
		case xml.EndElement:
			if token.Name.Local == "g" {
				groups = groups[:len(groups)-1]
			}
			class = ""
		case xml.CharData:
			group := ""
			if len(groups) > 0 {
				group = groups[len(groups)-1]
			}
			words := string(token)
			switch {
			case class == "state":
				lane := strings.TrimPrefix(group, "state-of-")
				d.states[lane] = append(d.states[lane], words)
			case class == "title" && group == "call":
				rest, status, _ := strings.Cut(words, ": ")
				key = rest[strings.LastIndex(rest, ", ")+2:]
				d.calls[key], d.ends[key] = nil, status
			case class == "title" && group == "hold":
				d.holds = append(d.holds, words)
			case strings.HasPrefix(class, "name") && group == "event":
				d.events = append(d.events, words)
			}
		}
	}
}

// fits fails where a rectangle is empty or leaves the picture.
func (d *drawn) fits(t *testing.T, rect xml.StartElement) {
	t.Helper()
	if attribute(rect, "x") == "0.5" {
		return // the frame
	}
	if x, w := atoi(t, attribute(rect, "x")), atoi(t, attribute(rect, "width")); x < 0 || w <= 0 || x+w > d.width {
		t.Errorf("a rectangle from %d, %d wide, in a picture of %d", x, w, d.width)
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// truth is what a picture must show, from the folds of all beginnings of the history.
func truth(t *testing.T, events []orders.Event) drawn {
	t.Helper()
	d := drawn{states: map[string][]string{}, calls: map[string][]string{}, ends: map[string]string{}}
	then := map[string][]orders.Event{}
	grow := func(lane, state string) {
		if s := d.states[lane]; len(s) == 0 || s[len(s)-1] != state {
			d.states[lane] = append(s, state)
		}
	}
	for _, e := range events {
		lane, _, _ := strings.Cut(e.Aggregate, "/")
		then[lane] = append(then[lane], e)
		name := strings.ReplaceAll(e.Kind, "_", " ")
		if lane == "order" {
			name = "order " + name
			o, err := orders.FoldOrder(slices.Values(then[lane]))
			if err != nil {
				t.Fatal(err)
			}
			grow(lane, o.State.String())
		} else {
			c, err := orders.FoldCheckout(slices.Values(then[lane]))
			if err != nil {
				t.Fatal(err)
			}
			grow(lane, c.State.String())
			for _, p := range c.Steps {
				d.ends[p.Key] = p.Status.String()
			}
		}
		d.events = append(d.events, name)
	}
	return d
}

// drive does something at random with a checkout; what is refused is fine.
func (s *shop) drive(rt *rapid.T, n int) {
	s.t.Helper()
	ctx := s.t.Context()
	var err error
	switch rapid.SampledFrom([]string{"pay", "pay", "confirm", "cancel", "time", "time", "long", "ship", "capture", "cancel order"}).Draw(rt, "do") {
	case "pay":
		_, err = s.Pay(ctx, s.id, orders.PayRequest{Key: fmt.Sprint("pay", n), Tenders: []orders.Tender{{ID: fmt.Sprint("card", n), Kind: "card"}}})
	case "confirm":
		s.host.Gateway.Approve()
		_, err = s.Confirm(ctx, s.id)
	case "cancel":
		_, err = s.Cancel(ctx, s.id, "")
	case "time":
		s.later(5 * time.Second)
	case "long":
		s.later(40 * time.Minute)
	case "ship":
		_, err = s.Ship(ctx, orders.OrderID(s.id), orders.Shipment{Key: fmt.Sprint("ship", n), Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}})
	case "capture":
		_, err = s.Capture(ctx, orders.OrderID(s.id), fmt.Sprint("capture", n))
	case "cancel order":
		_, err = s.CancelOrder(ctx, orders.OrderID(s.id), orders.Cancellation{Key: fmt.Sprint("cancel", n), Lines: []orders.LineQty{{Line: "l1", Quantity: 1}}})
	}
	if err != nil && !slices.ContainsFunc([]error{orders.ErrTransition, orders.ErrNotFound, orders.ErrExpired, orders.ErrInvalid, orders.ErrTenderSum}, func(e error) bool { return errors.Is(err, e) }) {
		s.t.Fatal(err)
	}
}

func TestAPictureShowsWhatHappened(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var script []orderstest.Script
		for _, call := range []string{"authorise", "capture", "void", "refund", "lookup"} {
			for nth := 1; nth <= 3; nth++ {
				fault := rapid.SampledFrom([]orderstest.Fault{"", "", orderstest.LostBefore, orderstest.LostAfter, orderstest.NotSent, orderstest.Refuse, orderstest.Buyer, orderstest.Partial}).Draw(rt, call)
				script = append(script, orderstest.Script{Call: call, Nth: nth, Fault: fault})
			}
		}
		s := newShop(t, orders.Config{Capture: rapid.SampledFrom([]orders.CaptureMode{orders.CaptureNow, orders.CaptureDeferred}).Draw(rt, "capture")}, script...)
		s.begin(3)
		for n := range rapid.IntRange(0, 8).Draw(rt, "steps") {
			s.drive(rt, n)
		}
		s.compare(rt)
		sheet, err := render.ReadStock(t.Context(), s.store, s.host.Now())
		s.must(err)
		mustAdd(rt, &sheet)
	})
}

// compare looks at the picture of what has happened.
func (s *shop) compare(rt *rapid.T) {
	events := s.events()
	picture := timeline(s.t, events)
	got, want := look(s.t, picture), truth(s.t, events)
	if diff := cmp.Diff(want.states, got.states); diff != "" {
		rt.Fatalf("states (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.events, got.events); diff != "" {
		rt.Fatalf("events (-want +got):\n%s", diff)
	}
	for key, status := range want.ends {
		if got.ends[key] != status {
			rt.Fatalf("%s is %s and shown as %q", key, status, got.ends[key])
		}
	}
	s.compareReports(rt, got)
	if held := s.standing().Checkout.Hold != ""; held != (got.holds[len(got.holds)-1] == "held") {
		rt.Fatalf("held: %v, shown as %v", held, got.holds)
	}
	backwards := slices.Clone(events)
	slices.Reverse(backwards)
	if timeline(s.t, backwards) != picture {
		rt.Fatalf("the order in which events are given changes the picture")
	}
}

// compareReports compares the reports of each call with the gateway's log and with each other.
func (s *shop) compareReports(rt *rapid.T, got drawn) {
	calls := map[string]int{}
	for _, line := range s.host.Gateway.Log() {
		calls[strings.Fields(line)[1]]++
	}
	for key, n := range calls {
		// A call that was made was reported once at least: nothing dies here.
		if len(got.calls[key]) == 0 {
			rt.Fatalf("%s was called %d times, and no report is shown", key, n)
		}
	}
	for key, reports := range got.calls {
		for i, r := range reports[:max(0, len(reports)-1)] {
			if (r == "done" || r == "refused") && !strings.Contains(key, "refund") && !strings.Contains(key, "unvoided") {
				rt.Fatalf("report %d of %s was final: %v", i, key, reports)
			}
		}
		if n := len(reports); n > 0 && reports[n-1] != got.ends[key] {
			rt.Fatalf("%s ends %s, its reports are %v", key, got.ends[key], reports)
		}
	}
}

func TestADoubtIsShownFromTheReportThatMadeItToTheOneThatEndsIt(t *testing.T) {
	t.Parallel()
	s := scenes()["doubt"](t)
	d := look(t, timeline(t, s.events()))
	if want := []string{"unknown", "unknown", "unknown", "done"}; !slices.Equal(d.calls["ck-5/authorise/1"], want) {
		t.Errorf("reports %v, want %v", d.calls["ck-5/authorise/1"], want)
	}
	if n := strings.Count(timeline(t, s.events()), `fill="url(#doubt)"`); n != 3 {
		t.Errorf("%d hatched pieces, want one after each report without an answer", n)
	}
	if want := []string{"sold"}; !slices.Equal(d.holds, want) {
		t.Errorf("holds %v, want %v", d.holds, want)
	}
}

func TestWhatIsNoWholeHistoryIsRefusedBeforeAnythingIsDrawn(t *testing.T) {
	t.Parallel()
	one := scenes()["plain"](t).events()
	of := func(prefix string) []orders.Event {
		return slices.DeleteFunc(slices.Clone(one), func(e orders.Event) bool { return !strings.HasPrefix(e.Aggregate, prefix) })
	}
	strange := slices.Clone(of("order/"))
	for i := range strange {
		strange[i].Data = bytes.ReplaceAll(strange[i].Data, []byte("ck-5"), []byte("ck-9"))
		strange[i].Aggregate = "order/ck-9"
	}
	for name, events := range map[string][]orders.Event{
		"nothing":               nil,
		"a gap":                 slices.Delete(slices.Clone(one), 1, 2),
		"only the order":        of("order/"),
		"unmatched events":      append(of("checkout/"), orders.Event{Aggregate: "unmatched/psp", Number: 1}),
		"another's order":       append(of("checkout/"), strange...),
		"the same event twice":  append(of("checkout/"), one[0]),
		"an order in two parts": slices.Delete(slices.Clone(one), len(one)-2, len(one)-1),
	} {
		var b bytes.Buffer
		if err := render.Timeline(&b, events); !errors.Is(err, orders.ErrHistory) || b.Len() > 0 {
			t.Errorf("%s: %v and %d bytes", name, err, b.Len())
		}
	}
	if d := look(t, timeline(t, of("checkout/"))); len(d.states["order"]) > 0 || len(d.states["checkout"]) != 3 {
		t.Errorf("the checkout alone shows %v", d.states)
	}
}

// Reasons come from gateways and buyers. None may be anything but words in the picture.
func TestHostileWordsStayWords(t *testing.T) {
	t.Parallel()
	s := newShop(t, orders.Config{}, orderstest.Script{Call: "authorise", Nth: 1, Fault: orderstest.Buyer})
	s.begin(1, orders.Tender{Kind: "\"'><b>&\x1b", Token: "tok-secret"})
	_, err := s.Cancel(t.Context(), s.id, "</text><script>x</script>\n\x1b[31m\u202e&]]>")
	s.must(err)
	picture := timeline(t, s.events())
	look(t, picture)
	if strings.ContainsAny(picture, "\x1b\u202e") || strings.Contains(picture, "tok-secret") {
		t.Errorf("control characters, or the token of a tender, in\n%s", picture)
	}
}

// broken fails after some bytes.
type broken struct{ left int }

var errBroken = errors.New("broken")

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestErrorsOfTheWriterAreReturned(t *testing.T) {
	t.Parallel()
	s := scenes()["plain"](t)
	events := s.events()
	for name, write := range map[string]func(io.Writer) error{
		"States":   func(w io.Writer) error { return render.States(w, render.Order, render.Mermaid) },
		"Timeline": func(w io.Writer) error { return render.Timeline(w, events) },
		"Stock":    func(w io.Writer) error { return render.Stock(w, render.StockSheet{At: noon()}) },
	} {
		for _, after := range []int{0, 20} {
			if err := write(&broken{after}); !errors.Is(err, errBroken) {
				t.Errorf("%s: %v, want the writer's", name, err)
			}
		}
	}
}
