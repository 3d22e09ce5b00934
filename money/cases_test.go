package money_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/money"
)

// caseFields are the fields of all cases; each op reads its own.
type caseFields struct {
	Currency string          `json:"currency"`
	Rounding roundingFields  `json:"rounding"`
	Value    string          `json:"value"`
	Amount   string          `json:"amount"`
	Percent  decimal.Decimal `json:"percent"`
	Total    string          `json:"total"`
	Weights  []int64         `json:"weights"`
	Caps     []string        `json:"caps"`
	Policy   string          `json:"policy"`
	Units    int64           `json:"units"`
	Gross    string          `json:"gross"`
	Net      string          `json:"net"`
	Rate     decimal.Decimal `json:"rate"`
	Text     string          `json:"text"`
	Rest     string          `json:"rest"`
}

type roundingFields struct {
	Mode      string `json:"mode"`
	Increment int64  `json:"increment"`
	Extra     uint8  `json:"extra"`
}

func TestThirdPartyCases(t *testing.T) {
	casetest.Run(t, "money", func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		if c.List == "currencies" {
			listedCurrency(t, c)
			return true
		}
		run, ok := map[string]func(*testing.T, casetest.Case, caseFields){
			"round": roundCase, "percent": percentCase,
			"allocate": allocateCase, "allocate_capped": cappedCase, "quota": quotaCase,
			"extract": extractCase, "add_tax": addTaxCase, "parse": parseCase,
		}[c.Op]
		if !ok {
			return false
		}
		var f caseFields
		c.Decode(t, &f)
		run(t, c, f)
		return true
	}, "currencies")
}

func listedCurrency(t *testing.T, c casetest.Case) {
	t.Helper()
	var f struct {
		Code       string `json:"code"`
		MinorUnits int    `json:"minor_units"`
	}
	c.Decode(t, &f)
	got := iso(t, f.Code)
	if got.Code() != f.Code || got.Digits() != f.MinorUnits {
		t.Errorf("ISO(%q) = %s with %d digits, want %d", f.Code, got.Code(), got.Digits(), f.MinorUnits)
	}
}

func roundCase(t *testing.T, c casetest.Case, f caseFields) {
	t.Helper()
	got, err := f.amount(t, f.Value).Round(f.rounding(t))
	wantText(t, c, f, got, err)
}

func percentCase(t *testing.T, c casetest.Case, f caseFields) {
	t.Helper()
	got, err := f.amount(t, f.Amount).Percent(f.Percent, f.rounding(t))
	wantText(t, c, f, got, err)
}

func allocateCase(t *testing.T, c casetest.Case, f caseFields) {
	t.Helper()
	got, err := money.Allocate(f.amount(t, f.Total), f.Weights, f.split(t))
	wantTexts(t, c, f, got, err)
}

func cappedCase(t *testing.T, c casetest.Case, f caseFields) {
	t.Helper()
	var caps []money.Amount
	for _, text := range f.Caps {
		caps = append(caps, f.amount(t, text))
	}
	got, rest, err := money.AllocateCapped(f.amount(t, f.Total), f.Weights, caps, f.split(t))
	wantTexts(t, c, f, got, err)
	if f.Rest != "" && rest != f.amount(t, f.Rest) {
		t.Errorf("rest %s, want %s", rest, f.Rest)
	}
}

func quotaCase(t *testing.T, c casetest.Case, f caseFields) {
	t.Helper()
	var got []money.Amount
	for k := range f.Units {
		unit, err := money.Quota(f.amount(t, f.Total), f.Units, k, k+1)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, unit)
	}
	wantTexts(t, c, f, got, nil)
}

func extractCase(t *testing.T, c casetest.Case, f caseFields) {
	t.Helper()
	net, tax, err := money.ExtractTax(f.amount(t, f.Gross), f.Rate, f.rounding(t))
	wantPair(t, c, f, map[string]money.Amount{"net": net, "tax": tax}, err)
}

func addTaxCase(t *testing.T, c casetest.Case, f caseFields) {
	t.Helper()
	gross, tax, err := money.AddTax(f.amount(t, f.Net), f.Rate, f.rounding(t))
	wantPair(t, c, f, map[string]money.Amount{"gross": gross, "tax": tax}, err)
}

func parseCase(t *testing.T, c casetest.Case, f caseFields) {
	t.Helper()
	var w struct {
		Want struct{ Text, Error string } `json:"want"`
	}
	c.Decode(t, &w)
	cur, err := money.ISO(f.Currency)
	var got money.Amount
	if err == nil {
		got, err = money.Parse(f.Text, cur)
	}
	if w.Want.Error != "" {
		kind := map[string]error{"syntax": money.ErrSyntax, "currency": money.ErrCurrency, "range": money.ErrRange}[w.Want.Error]
		if kind == nil || !errors.Is(err, kind) {
			t.Errorf("error %v, want %s", err, w.Want.Error)
		}
		return
	}
	if err != nil || got.Text() != w.Want.Text {
		t.Errorf("got %q, %v, want %q", got.Text(), err, w.Want.Text)
	}
}

// amount parses text, which is in the currency of the case.
func (f caseFields) amount(t *testing.T, text string) money.Amount {
	t.Helper()
	return parse(t, text, iso(t, f.Currency))
}

func (f caseFields) rounding(t *testing.T) money.Rounding {
	t.Helper()
	for m := money.HalfEven; m <= money.Floor; m++ {
		if m.String() == f.Rounding.Mode {
			return money.Rounding{Mode: m, Increment: f.Rounding.Increment, Extra: f.Rounding.Extra}
		}
	}
	t.Fatalf("mode %q", f.Rounding.Mode)
	return money.Rounding{}
}

func (f caseFields) split(t *testing.T) money.Split {
	t.Helper()
	i := slices.IndexFunc(splits(), func(s money.Split) bool { return s.String() == f.Policy })
	if i < 0 {
		t.Fatalf("policy %q", f.Policy)
	}
	return splits()[i]
}

func wantText(t *testing.T, c casetest.Case, f caseFields, got money.Amount, err error) {
	t.Helper()
	var w struct{ Want string }
	c.Decode(t, &w)
	wantTexts(t, casetest.Case{Raw: []byte(`{"want": ["` + w.Want + `"]}`)}, f, []money.Amount{got}, err)
}

// wantTexts compares values, and prints them as the case does.
func wantTexts(t *testing.T, c casetest.Case, f caseFields, got []money.Amount, err error) {
	t.Helper()
	var w struct{ Want []string }
	c.Decode(t, &w)
	if err != nil {
		t.Fatalf("%v, want %s", err, w.Want)
	}
	var want []money.Amount
	for _, text := range w.Want {
		want = append(want, f.amount(t, text))
	}
	if diff := cmp.Diff(want, got, exactly()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func wantPair(t *testing.T, c casetest.Case, f caseFields, got map[string]money.Amount, err error) {
	t.Helper()
	var w struct{ Want map[string]string }
	c.Decode(t, &w)
	if err != nil {
		t.Fatalf("%v, want %s", err, w.Want)
	}
	want := make(map[string]money.Amount)
	for name, text := range w.Want {
		want[name] = f.amount(t, text)
	}
	if diff := cmp.Diff(want, got, exactly()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
