package money_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/money"
	"pgregory.net/rapid"
)

// Invariant: money M6.
func TestEveryAmountRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		checkRoundTrips(t, anyAmount(c).Draw(t, "amount"))
	})
	checkRoundTrips(t, money.Amount{})
}

// checkRoundTrips fails when one of the texts of a does not give a back.
func checkRoundTrips(t rapid.TB, a money.Amount) {
	t.Helper()
	if got, err := money.Parse(a.Text(), a.Currency()); err != nil || got != a {
		t.Fatalf("Parse(%q) = %v, %v", a.Text(), got, err)
	}
	if coef, scale := a.Unscaled(); a != unscaled(t, coef, scale, a.Currency()) {
		t.Fatalf("FromUnscaled(%d, %d) is not %s", coef, scale, a)
	}
	if got, err := money.FromDecimal(a.Decimal(), a.Currency()); err != nil || got != a {
		t.Fatalf("FromDecimal(%s) = %v, %v", a.Decimal(), got, err)
	}
	text, err := a.MarshalText()
	if err != nil || string(text) != a.String() {
		t.Fatalf("MarshalText = %q, %v", text, err)
	}
	var fromText money.Amount
	if err := fromText.UnmarshalText(text); err != nil || fromText != a {
		t.Fatalf("UnmarshalText(%q) = %v, %v", text, fromText, err)
	}
	type document struct {
		A money.Amount            `json:"a"`
		P *money.Amount           `json:"p"`
		C money.Currency          `json:"c"`
		M map[money.Currency]bool `json:"m"`
	}
	in := document{a, &a, a.Currency(), map[money.Currency]bool{a.Currency(): true}}
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out document
	if err := json.Unmarshal(data, &out); err != nil || out.A != a || out.C != a.Currency() || !out.M[a.Currency()] {
		t.Fatalf("JSON %s = %+v, %v", data, out, err)
	}
	if a != (money.Amount{}) && *out.P != a {
		t.Fatalf("JSON %s: pointer to %s", data, out.P)
	}
}

func TestTextsOfAmounts(t *testing.T) {
	usd, point := iso(t, "USD"), own(t, "POINT", 0)
	for _, tt := range []struct {
		amount             money.Amount
		text, string, json string
	}{
		{money.Amount{}, "0", "0", "null"},
		{money.New(1234, usd), "12.34", "12.34 USD", `{"amount":"12.34","currency":"USD"}`},
		{money.New(0, usd), "0.00", "0.00 USD", `{"amount":"0.00","currency":"USD"}`},
		{money.New(-5, usd), "-0.05", "-0.05 USD", `{"amount":"-0.05","currency":"USD"}`},
		{unscaled(t, 12345, 6, usd), "0.012345", "0.012345 USD", `{"amount":"0.012345","currency":"USD"}`},
		{unscaled(t, 12, 0, usd), "12.00", "12.00 USD", `{"amount":"12.00","currency":"USD"}`},
		{money.New(1500, iso(t, "BHD")), "1.500", "1.500 BHD", `{"amount":"1.500","currency":"BHD"}`},
		{money.New(1200, iso(t, "JPY")), "1200", "1200 JPY", `{"amount":"1200","currency":"JPY"}`},
		{money.New(12, point), "12", "12 POINT/0", `{"amount":"12","currency":"POINT/0"}`},
		{money.New(-math.MaxInt64, own(t, "WEI", 18)), "-9.223372036854775807", "-9.223372036854775807 WEI/18", `{"amount":"-9.223372036854775807","currency":"WEI/18"}`},
	} {
		data, err := tt.amount.MarshalJSON()
		if tt.amount.Text() != tt.text || tt.amount.String() != tt.string || string(data) != tt.json || err != nil {
			t.Errorf("%q, %q, %s (%v), want %q, %q, %s", tt.amount.Text(), tt.amount.String(), data, err, tt.text, tt.string, tt.json)
		}
		if got := fmt.Sprint(tt.amount); got != tt.string {
			t.Errorf("printed as %q, want %q", got, tt.string)
		}
	}
}

func TestOmitzeroLeavesOutAmountsOfZero(t *testing.T) {
	var v struct {
		Fee money.Amount `json:"fee,omitzero"`
	}
	v.Fee = money.New(0, iso(t, "USD"))
	if data, err := json.Marshal(v); err != nil || string(data) != "{}" {
		t.Errorf("%s, %v", data, err)
	}
}

func TestZeroCurrencyRoundTrips(t *testing.T) {
	c := iso(t, "USD")
	text, err := money.Currency{}.MarshalText()
	if err != nil || len(text) != 0 {
		t.Fatalf("MarshalText = %q, %v", text, err)
	}
	if err := c.UnmarshalText(text); err != nil || !c.IsZero() {
		t.Errorf("UnmarshalText = %s, %v", c, err)
	}
}

func TestRefusedTextLeavesTheValueUnchanged(t *testing.T) {
	kept := money.New(1234, iso(t, "USD"))
	a, c := kept, kept.Currency()
	for text, kind := range map[string]error{
		"": money.ErrSyntax, "0.00": money.ErrSyntax, "12.34": money.ErrSyntax, "12.34  USD": money.ErrSyntax, "12.34 usd": money.ErrCurrency, "1,00 USD": money.ErrSyntax,
		"12.34 USD ": money.ErrCurrency, "12 POINT": money.ErrCurrency, "12 POINT/00": money.ErrCurrency, "12 POINT/19": money.ErrCurrency, "12 POINT/": money.ErrCurrency,
		"12 USD/3": money.ErrCurrency, "99999999999999999999 USD": money.ErrRange, " 12 USD": money.ErrSyntax,
	} {
		if err := a.UnmarshalText([]byte(text)); !errors.Is(err, kind) || a != kept {
			t.Errorf("UnmarshalText(%q): %v, amount %s; want %v", text, err, a, kind)
		}
	}
	if err := c.UnmarshalText([]byte("EURO")); !errors.Is(err, money.ErrCurrency) || c != kept.Currency() {
		t.Errorf("UnmarshalText: %v, currency %s", err, c)
	}
}

func TestRefusedJSONNamesTheField(t *testing.T) {
	kept := money.New(1234, iso(t, "USD"))
	digits := strings.Repeat("9", 1<<20)
	for _, tt := range []struct {
		name, json string
		kind       error
		names      string
	}{
		{"unknown field", `{"amount":"1","currency":"USD","scale":"2"}`, money.ErrSyntax, `"scale"`},
		{"field of another case", `{"Amount":"1","currency":"USD"}`, money.ErrSyntax, `"Amount"`},
		{"number", `{"amount":12.34,"currency":"USD"}`, money.ErrSyntax, `"amount": want a string`},
		{"number alone", `12.34`, money.ErrSyntax, "object"},
		{"string alone", `"12.34 USD"`, money.ErrSyntax, "object"},
		{"array", `["1","USD"]`, money.ErrSyntax, "object"},
		{"null field", `{"amount":null,"currency":"USD"}`, money.ErrSyntax, `"amount": want a string`},
		{"nested", `{"amount":{"amount":"1"},"currency":"USD"}`, money.ErrSyntax, `"amount": want a string`},
		{"two amounts", `{"amount":"1","amount":"2","currency":"USD"}`, money.ErrSyntax, `"amount" is there twice`},
		{"no amount", `{"currency":"USD"}`, money.ErrSyntax, `"amount" is missing`},
		{"no currency", `{"amount":"1"}`, money.ErrSyntax, `"currency" is missing`},
		{"empty", `{}`, money.ErrSyntax, `"amount" is missing`},
		{"empty currency", `{"amount":"1","currency":""}`, money.ErrCurrency, `currency ""`},
		{"bad amount", `{"amount":"1e3","currency":"USD"}`, money.ErrSyntax, `parse "1e3"`},
		{"too large", `{"amount":"92233720368547758.08","currency":"USD"}`, money.ErrRange, `92233720368547758.08`},
		{"a megabyte of digits", `{"amount":"` + digits + `","currency":"USD"}`, money.ErrRange, `(1048576 bytes)`},
		{"a number of a megabyte", `{"amount":` + digits + `,"currency":"USD"}`, money.ErrSyntax, `"amount": want a string`},
		{"a field of a megabyte", `{"` + digits + `":"1"}`, money.ErrSyntax, `(1048576 bytes)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := kept
			err := json.Unmarshal([]byte(tt.json), &a)
			if !errors.Is(err, tt.kind) || a != kept || !strings.Contains(err.Error(), tt.names) || len(err.Error()) > 300 {
				t.Errorf("error %v, amount %s; want %v naming %s", err, a, tt.kind, tt.names)
			}
		})
	}
	for _, broken := range []string{``, ` `, `{`, `{"amount"`, `{"amount":`, `{"amount":"1","currency":"USD"`, `null null`, `{"amount":"1","currency":"USD"} {}`, `{]`} {
		a := kept
		if err := a.UnmarshalJSON([]byte(broken)); !errors.Is(err, money.ErrSyntax) || a != kept {
			t.Errorf("UnmarshalJSON(%q): %v, amount %s", broken, err, a)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "-", "12.34", "-0.00", "007.10", ".5", "5.", "1e3", "0x10", "NaN", "12.340000000000000000", "92233720368547758.08", "١٢", "1.2.3"} {
		f.Add(seed, uint8(2))
	}
	f.Fuzz(func(t *testing.T, text string, digits uint8) {
		c := own(t, "FUZZ", int(digits%19))
		a, err := money.Parse(text, c)
		if err != nil {
			if !errors.Is(err, money.ErrSyntax) && !errors.Is(err, money.ErrRange) || a != (money.Amount{}) {
				t.Fatalf("Parse(%q) = %s, %v", text, a, err)
			}
			return
		}
		checkRoundTrips(t, a)
	})
}

func FuzzUnmarshalJSON(f *testing.F) {
	for _, seed := range []string{
		`null`, `{"amount":"12.34","currency":"USD"}`, `{"amount":"12","currency":"POINT/0"}`, `{"amount":"1","amount":"2","currency":"USD"}`,
		`{"amount":12.34,"currency":"USD"}`, `{}`, `[]`, `{"amount":"\u0031","currency":"USD"}`, `{"amount":"1","currency":"USD"} x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a money.Amount
		if err := a.UnmarshalJSON(data); err != nil {
			if a != (money.Amount{}) {
				t.Fatalf("%q: %s, %v", data, a, err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is not JSON, read as %s", data, a)
		}
		checkRoundTrips(t, a)
	})
}
