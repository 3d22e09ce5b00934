package waterfall_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/waterfall"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func amounts(t *testing.T, texts ...string) []money.Amount {
	t.Helper()
	usd, err := money.ISO("USD")
	if err != nil {
		t.Fatal(err)
	}
	all := make([]money.Amount, len(texts))
	for i, text := range texts {
		if all[i], err = money.Parse(text, usd); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func sample(t *testing.T) *waterfall.Chart {
	t.Helper()
	a := amounts(t, "0", "100", "85", "85.50", "85.4999", "85.50")
	return &waterfall.Chart{
		Title: "p1 x 10 in USD",
		Rows: []waterfall.Row{
			{Label: "Base price", Before: a[0], After: a[1]},
			{Label: "Spring sale, 15 % off", Before: a[1], After: a[2]},
			{Label: "Handling <&> a label that is far too long to stand in one row", Before: a[2], After: a[3]},
			{Label: "A step too small for a cell", Before: a[3], After: a[4]},
			{Label: "rounding", Before: a[4], After: a[5]},
		},
		Total:    waterfall.Total{Label: "unit price", Value: a[5]},
		Notes:    []string{"Line: 855.00 USD"},
		Rejected: []waterfall.Rejected{{Label: "vip", Why: "customer.segments any gold, got none"}, {Label: "forged\nTotal 0.01", Why: "ended"}},
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestTextGolden(t *testing.T) { golden(t, "chart.txt", waterfall.Text(sample(t))) }

func TestSVGGolden(t *testing.T) { golden(t, "chart.svg", string(waterfall.SVG(sample(t)))) }

func TestBarsAreAtMostFortyCells(t *testing.T) {
	for line := range strings.Lines(waterfall.Text(sample(t))) {
		for _, run := range regexp.MustCompile(`[+=-]{2,}`).FindAllString(line, -1) {
			if len(run) > 40 {
				t.Errorf("bar of %d cells in %q", len(run), line)
			}
		}
	}
}

func TestEveryChangeIsVisible(t *testing.T) {
	a := amounts(t, "0", "1000000", "999999.99")
	text := waterfall.Text(&waterfall.Chart{Title: "t", Rows: []waterfall.Row{
		{Label: "up", Before: a[0], After: a[1]}, {Label: "a cent", Before: a[1], After: a[2]},
	}})
	if lines := strings.Split(text, "\n"); !strings.HasSuffix(lines[2], " -") {
		t.Errorf("a cent of a million has no cell: %q", lines[2])
	}
}

func TestLabelForgesNoRow(t *testing.T) {
	text := waterfall.Text(sample(t))
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "Total 0.01") {
			t.Errorf("a label made a row of its own:\n%s", text)
		}
	}
}

func TestSVGIsPlainXML(t *testing.T) {
	svg := string(waterfall.SVG(sample(t)))
	for _, word := range []string{"<script", "href", "@font-face", "font-family", "<a ", "<image", "<foreignObject"} {
		if strings.Contains(svg, word) {
			t.Errorf("SVG contains %q", word)
		}
	}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
}

func TestNothingToDraw(t *testing.T) {
	got := waterfall.Text(&waterfall.Chart{Title: "p9", Notes: []string{"no price"}})
	if diff := cmp.Diff("p9\nno price\n", got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	a := amounts(t, "0", "0")
	zero := waterfall.Text(&waterfall.Chart{Title: "free", Rows: []waterfall.Row{{Label: "base", Before: a[0], After: a[1]}}, Total: waterfall.Total{Label: "unit price", Value: a[1]}})
	if strings.Contains(zero, "=") {
		t.Errorf("a bar for zero:\n%s", zero)
	}
}
