package money_test

import (
	"cmp"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/money"
)

func TestCurrenciesOfISO4217AreListed(t *testing.T) {
	list, err := os.ReadFile("internal/geniso/list-one.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		code, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		want := 0
		if digits != "-" { // not applicable
			if want, err = strconv.Atoi(digits); err != nil {
				t.Fatal(err)
			}
		}
		c := iso(t, code)
		if c.Code() != code || c.Digits() != want || c.String() != code || c != own(t, code, want) {
			t.Errorf("%s: code %s, %d digits, text %s", code, c.Code(), c.Digits(), c)
		}
		listed++
	}
	if listed != 179 {
		t.Errorf("%d currencies, want the 179 of the list", listed)
	}
}

func TestCodesAreKeptAndOrdered(t *testing.T) {
	codes := []string{"000", "0ZZ", "9A9", "A00", "AAA", "AAA0", "AAAA", "AAB", "EUR", "POINT", "Z99999", "ZZZZZZ"}
	for i, code := range codes {
		c := own(t, code, 2*btoi(code == "EUR"))
		if c.Code() != code {
			t.Errorf("code %q, want %q", c.Code(), code)
		}
		if (money.Currency{}).Compare(c) != -1 || c.Compare(money.Currency{}) != 1 {
			t.Errorf("the zero Currency is not before %s", c)
		}
		for j, other := range codes {
			if got := c.Compare(own(t, other, 2*btoi(other == "EUR"))); got != cmp.Compare(i, j) {
				t.Errorf("%s against %s: %d", code, other, got)
			}
		}
	}
	if own(t, "POINT", 0).Compare(own(t, "POINT", 2)) != -1 {
		t.Error("POINT/0 is not before POINT/2")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestCashIsRoundedAsInPractice(t *testing.T) {
	for code, want := range map[string]string{
		"CHF": "17.35", "CAD": "17.35", "AUD": "17.35", "NZD": "17.30", "DKK": "17.50", "SEK": "17.00", "NOK": "17.00", "CZK": "17.00", "HUF": "15.00", "USD": "17.33", "JPY": "17",
	} {
		c := iso(t, code)
		got, err := parse(t, "17.33", c).Round(c.Cash())
		if err != nil || got != parse(t, want, c) {
			t.Errorf("17.33 %s in cash is %s, %v, want %s", code, got, err, want)
		}
	}
	tie := iso(t, "CHF")
	if got, err := parse(t, "-17.325", tie).Round(tie.Cash()); err != nil || got != parse(t, "-17.35", tie) {
		t.Errorf("-17.325 CHF in cash is %s, %v", got, err)
	}
	if got := own(t, "POINT", 0).Cash(); got != (money.Rounding{Mode: money.HalfUp, Increment: 1}) {
		t.Errorf("cash of points: %+v", got)
	}
}
