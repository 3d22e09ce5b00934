package render_test

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/orders/render"
)

func statesOf(t *testing.T, m render.Machine, n render.Notation) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.States(&b, m, n); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lines are the transitions of a table, as "FROM > TO: trigger", sorted.
func lines(m render.Machine) []string {
	var all []string
	if m == render.Checkout {
		for t := range orders.Transitions() {
			all = append(all, t.From.String()+" > "+t.To.String()+": "+t.On.String())
		}
	} else {
		for t := range orders.OrderTransitions() {
			all = append(all, t.From.String()+" > "+t.To.String()+": "+t.On.String())
		}
	}
	slices.Sort(all)
	return all
}

// read finds arrows in a diagram: from, to, and the triggers between separators.
func read(text, arrow, separator string) []string {
	var all []string
	for _, m := range regexp.MustCompile(arrow).FindAllStringSubmatch(text, -1) {
		for on := range strings.SplitSeq(m[3], separator) {
			from := strings.ReplaceAll(m[1], "[*]", "NONE")
			all = append(all, from+" > "+m[2]+": "+strings.TrimSpace(on))
		}
	}
	slices.Sort(all)
	return all
}

func TestDiagramsHaveEveryTransitionAndNoOther(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]render.Machine{"checkout": render.Checkout, "order": render.Order} {
		mermaid, dot := statesOf(t, m, render.Mermaid), statesOf(t, m, render.DOT)
		if diff := cmp.Diff(lines(m), read(mermaid, `(?m)^    (\S+) --> (\w+): (.+)$`, "<br>")); diff != "" {
			t.Errorf("%s in Mermaid (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(lines(m), read(dot, `(?m)^    (\w+) -> (\w+) \[label="(.+)"\]$`, `\n`)); diff != "" {
			t.Errorf("%s in DOT (-want +got):\n%s", name, diff)
		}
		golden(t, name+".mmd", mermaid)
		golden(t, name+".dot", dot)
	}
}

// The package's documentation, the Mermaid text and the table are three pictures of one thing.
func TestDiagramsSayWhatTheDocumentationSays(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	// A line of the diagram goes on in the next one where that is deeply indented.
	doc := regexp.MustCompile(`\n//\t {20,}`).ReplaceAllString(string(source), " ")
	shown := read(doc, `(?m)^//\t([A-Z_]+) +──► ([A-Z_]+) +(.+)$`, ";")
	drawn := slices.Concat(
		read(statesOf(t, render.Checkout, render.Mermaid), `(?m)^    (\S+) --> (\w+): (.+)$`, "<br>"),
		read(statesOf(t, render.Order, render.Mermaid), `(?m)^    (\S+) --> (\w+): (.+)$`, "<br>"))
	slices.Sort(drawn)
	if diff := cmp.Diff(shown, drawn); diff != "" {
		t.Errorf("documented and drawn (-doc +Mermaid):\n%s", diff)
	}
}

func TestEndsAreTheStatesThatNothingLeadsAwayFrom(t *testing.T) {
	t.Parallel()
	for m, want := range map[render.Machine][]string{render.Checkout: {"PLACED", "CANCELLED"}, render.Order: {"CANCELLED"}} {
		for _, state := range want {
			if text := statesOf(t, m, render.Mermaid); !strings.Contains(text, "    "+state+" --> [*]\n") || strings.Count(text, "--> [*]") != len(want) {
				t.Errorf("want the ends %v in\n%s", want, text)
			}
			if text := statesOf(t, m, render.DOT); !strings.Contains(text, "    "+state+" [peripheries=2]\n") || strings.Count(text, "peripheries") != len(want) {
				t.Errorf("want the ends %v in\n%s", want, text)
			}
		}
	}
}

func TestAMachineThatDoesNotExistIsAnErrorBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		m render.Machine
		n render.Notation
	}{{7, render.Mermaid}, {render.Order, 7}} {
		var b bytes.Buffer
		if err := render.States(&b, of.m, of.n); err == nil || b.Len() > 0 {
			t.Errorf("machine %d, notation %d: %v and %d bytes", of.m, of.n, err, b.Len())
		}
	}
}
