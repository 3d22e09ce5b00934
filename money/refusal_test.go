package money_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/money"
)

func TestTextThatIsNoAmountNamesTextAndPosition(t *testing.T) {
	usd := iso(t, "USD")
	for text, want := range map[string]string{
		"":                    `parse "": invalid syntax: a digit is missing at byte 0`,
		"-":                   `parse "-": invalid syntax: a digit is missing at byte 1`,
		".":                   `parse ".": invalid syntax: '.' at byte 0`,
		".5":                  `parse ".5": invalid syntax: '.' at byte 0`,
		"5.":                  `parse "5.": invalid syntax: a digit is missing at byte 2`,
		"1.2.3":               `parse "1.2.3": invalid syntax: '.' at byte 3`,
		"1,000":               `parse "1,000": invalid syntax: ',' at byte 1`,
		" 1":                  `parse " 1": invalid syntax: ' ' at byte 0`,
		"1 ":                  `parse "1 ": invalid syntax: ' ' at byte 1`,
		"+1":                  `parse "+1": invalid syntax: '+' at byte 0`,
		"--1":                 `parse "--1": invalid syntax: '-' at byte 1`,
		"1e3":                 `parse "1e3": invalid syntax: 'e' at byte 1`,
		"0x10":                `parse "0x10": invalid syntax: 'x' at byte 1`,
		"NaN":                 `parse "NaN": invalid syntax: 'N' at byte 0`,
		"1_000":               `parse "1_000": invalid syntax: '_' at byte 1`,
		"12.3٤":               `parse "12.3٤": invalid syntax: '٤' at byte 4`,
		"１２":                  `parse "１２": invalid syntax: '１' at byte 0`,
		"1\x00":               `parse "1\x00": invalid syntax: '\x00' at byte 1`,
		"99999999999999999,9": `parse "99999999999999999,9": invalid syntax: ',' at byte 17`,
	} {
		a, err := money.Parse(text, usd)
		if !errors.Is(err, money.ErrSyntax) || a != (money.Amount{}) || err.Error() != "money: "+want {
			t.Errorf("Parse(%q) = %s, %v, want %s", text, a, err, want)
		}
	}
}

// refusal is a call that must fail.
type refusal struct {
	name string
	call func() error
	kind error
	says string // what the error must name
}

func (r refusal) check(t *testing.T) {
	t.Helper()
	t.Run(r.name, func(t *testing.T) {
		err := r.call()
		if !errors.Is(err, r.kind) || !strings.HasPrefix(err.Error(), "money: ") || !strings.Contains(err.Error(), r.says) {
			t.Errorf("error %v, want %v naming %q", err, r.kind, r.says)
		}
	})
}

func TestCurrenciesThatDoNotExistAreRefused(t *testing.T) {
	listed := func(code string) func() error {
		return func() error { _, err := money.ISO(code); return err }
	}
	made := func(code string, digits int) func() error {
		return func() error { _, err := money.NewCurrency(code, digits); return err }
	}
	for _, r := range []refusal{
		{"empty", listed(""), money.ErrCurrency, `""`},
		{"unknown", listed("EURO"), money.ErrCurrency, `"EURO"`},
		{"not on the list", listed("ABC"), money.ErrCurrency, `"ABC"`},
		{"lower case", listed("usd"), money.ErrCurrency, `"usd"`},
		{"mixed case", listed("Usd"), money.ErrCurrency, `"Usd"`},
		{"with space", listed("USD "), money.ErrCurrency, `"USD "`},
		{"not ASCII", listed("€"), money.ErrCurrency, `"€"`},
		{"between two records", listed("D2A"), money.ErrCurrency, `"D2A"`},
		{"own, empty", made("", 2), money.ErrCurrency, `""`},
		{"own, 2 characters", made("AB", 2), money.ErrCurrency, `"AB"`},
		{"own, 7 characters", made("ABCDEFG", 2), money.ErrCurrency, `"ABCDEFG"`},
		{"own, lower case", made("point", 2), money.ErrCurrency, `'p' at byte 0`},
		{"own, not a letter", made("POI-T", 2), money.ErrCurrency, `'-' at byte 3`},
		{"own, 19 digits", made("POINT", 19), money.ErrCurrency, `19`},
		{"own, negative digits", made("POINT", -1), money.ErrCurrency, `-1`},
		{"ISO with other digits", made("EUR", 3), money.ErrCurrency, `ISO 4217 has 2`},
	} {
		r.check(t)
	}
}

func TestWhatNoAmountHoldsIsRefused(t *testing.T) {
	usd, wei := iso(t, "USD"), own(t, "WEI", 18)
	largest, price := money.New(math.MaxInt64, usd), unscaled(t, 1, 18, usd)
	ten, r := decimal.NewFromInt(10), money.Rounding{}
	call := func(f func() (money.Amount, error)) func() error {
		return func() error {
			a, err := f()
			if a != (money.Amount{}) {
				t.Errorf("an error with the amount %s", a)
			}
			return err
		}
	}
	for _, row := range []refusal{
		{"parse 19 decimals", call(func() (money.Amount, error) { return money.Parse("1.0000000000000000000", usd) }), money.ErrRange, `19 decimals`},
		{"parse a coefficient", call(func() (money.Amount, error) { return money.Parse("92233720368547758.08", usd) }), money.ErrRange, `"92233720368547758.08"`},
		{"parse digits past 64 bits", call(func() (money.Amount, error) { return money.Parse("18446744073709551616", iso(t, "JPY")) }), money.ErrRange, "18446744073709551616"},
		{"parse what wraps", call(func() (money.Amount, error) { return money.Parse("368934881474191032.33", usd) }), money.ErrRange, ""},
		{"parse past the minor digits", call(func() (money.Amount, error) { return money.Parse("10", wei) }), money.ErrRange, `"10"`},
		{"parse in no currency", call(func() (money.Amount, error) { return money.Parse("1", money.Currency{}) }), money.ErrCurrency, `"1"`},
		{"unscaled, scale 19", call(func() (money.Amount, error) { return money.FromUnscaled(1, 19, usd) }), money.ErrRange, "scale 19"},
		{"unscaled, negative scale", call(func() (money.Amount, error) { return money.FromUnscaled(1, -1, usd) }), money.ErrRange, "scale -1"},
		{"unscaled, smallest int64", call(func() (money.Amount, error) { return money.FromUnscaled(math.MinInt64, 2, usd) }), money.ErrRange, "-92233720368547758.08"},
		{"unscaled, raised scale", call(func() (money.Amount, error) { return money.FromUnscaled(10, 0, wei) }), money.ErrRange, "10 WEI/18"},
		{"unscaled in no currency", call(func() (money.Amount, error) { return money.FromUnscaled(1, 0, money.Currency{}) }), money.ErrCurrency, `"1"`},
		{"decimal of 19 digits", call(func() (money.Amount, error) { return money.FromDecimal(decimal.New(1, 18), usd) }), money.ErrRange, "1000000000000000000 USD"},
		{"decimal in no currency", call(func() (money.Amount, error) { return money.FromDecimal(ten, money.Currency{}) }), money.ErrCurrency, `"10"`},
		{"rational in no currency", call(func() (money.Amount, error) { return money.RoundRat(big.NewRat(1, 9), money.Currency{}, r) }), money.ErrCurrency, `"1/9"`},
		{"rational", call(func() (money.Amount, error) { return money.RoundRat(big.NewRat(math.MaxInt64, 1), usd, r) }), money.ErrRange, "9223372036854775807.00"},
		{"add", call(func() (money.Amount, error) { return largest.Add(money.New(1, usd)) }), money.ErrRange, "92233720368547758.08 USD"},
		{"add digits", call(func() (money.Amount, error) { return largest.Add(price) }), money.ErrRange, "92233720368547758.070000000000000001 USD"},
		{"sub", call(func() (money.Amount, error) { return largest.Neg().Sub(money.New(1, usd)) }), money.ErrRange, "-92233720368547758.08 USD"},
		{"times", call(func() (money.Amount, error) { return largest.Times(math.MinInt64) }), money.ErrRange, "USD"},
		{"times, to the smallest int64", call(func() (money.Amount, error) { return money.New(1<<62, usd).Times(-2) }), money.ErrRange, "-92233720368547758.08 USD"},
		{"mul", call(func() (money.Amount, error) { return largest.Mul(ten, r) }), money.ErrRange, "922337203685477580.70 USD"},
		{"percent", call(func() (money.Amount, error) { return largest.Percent(decimal.New(1001, -1), r) }), money.ErrRange, "USD"},
		{"round up", call(func() (money.Amount, error) { return largest.Round(money.Rounding{Mode: money.Up, Increment: 10}) }), money.ErrRange, "92233720368547758.10 USD"},
		{"den 0", call(func() (money.Amount, error) { return largest.MulDiv(1, 0, r) }), money.ErrRange, "den 0"},
		{"quotient of 64 bits", call(func() (money.Amount, error) {
			// (3 x (2^64-1) + 1) / 3: rounding away would carry out of 64 bits.
			return money.New(177942868878227186, usd).MulDiv(311, 3, money.Rounding{Mode: money.Up})
		}), money.ErrRange, "184467440737095516.16 USD"},
		{"increment < 0", call(func() (money.Amount, error) { return largest.Round(money.Rounding{Increment: -5}) }), money.ErrRange, "increment -5"},
		{"extra past 18 digits", call(func() (money.Amount, error) { return largest.Mul(ten, money.Rounding{Extra: 17}) }), money.ErrRange, "extra 17"},
		{"extra past 18 digits, percent", call(func() (money.Amount, error) { return money.New(1, wei).Percent(ten, money.Rounding{Extra: 1}) }), money.ErrRange, "extra 1"},
		{"unknown mode", call(func() (money.Amount, error) { return largest.Percent(ten, money.Rounding{Mode: 7}) }), money.ErrRange, "mode 7"},
		{"unknown mode, small", call(func() (money.Amount, error) { return money.New(33, usd).Percent(ten, money.Rounding{Mode: 7}) }), money.ErrRange, "mode 7"},
		{"increment < 0, small", call(func() (money.Amount, error) { return money.New(33, usd).Mul(ten, money.Rounding{Increment: -1}) }), money.ErrRange, "increment -1"},
		{"unknown mode, rational", call(func() (money.Amount, error) { return money.RoundRat(big.NewRat(1, 3), usd, money.Rounding{Mode: 255}) }), money.ErrRange, "mode 255"},
	} {
		row.check(t)
	}
	if largest != money.New(math.MaxInt64, usd) {
		t.Errorf("an operand changed to %s", largest)
	}
}

func TestTwoCurrenciesMismatch(t *testing.T) {
	usd, point := iso(t, "USD"), own(t, "POINT", 2)
	a, b := money.New(0, usd), money.New(1, point)
	for name, call := range map[string]func() error{
		"Add":      func() error { _, err := a.Add(b); return err },
		"Add zero": func() error { _, err := money.New(5, usd).Add(money.New(0, point)); return err },
		"Sub":      func() error { _, err := a.Sub(b); return err },
		"Cmp":      func() error { _, err := a.Cmp(b); return err },
		"caps": func() error {
			_, _, err := money.AllocateCapped(a, []int64{1, 1}, []money.Amount{a, b}, money.Cascade)
			return err
		},
	} {
		err := call()
		var mismatch *money.MismatchError
		if !errors.As(err, &mismatch) || !errors.Is(err, money.ErrCurrency) || errors.Is(err, money.ErrRange) {
			t.Errorf("%s: %v, want a *MismatchError that is ErrCurrency", name, err)
			continue
		}
		if *mismatch != (money.MismatchError{A: usd, B: point}) || !strings.Contains(err.Error(), "USD and POINT/2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := money.New(1, usd).Add(money.New(1, own(t, "POINT", 3))); err == nil {
		t.Error("USD and POINT add up")
	}
}

func TestSplitsRefuseWhatTheyCannotSpread(t *testing.T) {
	usd := iso(t, "USD")
	total, price := money.New(100, usd), unscaled(t, 15, 3, usd)
	allocate := func(total money.Amount, s money.Split, weights ...int64) func() error {
		return func() error { _, err := money.Allocate(total, weights, s); return err }
	}
	capped := func(caps ...money.Amount) func() error {
		return func() error { _, _, err := money.AllocateCapped(total, []int64{1, 2}, caps, money.Cascade); return err }
	}
	quota := func(n, from, to int64) func() error {
		return func() error { _, err := money.Quota(total, n, from, to); return err }
	}
	for _, r := range []refusal{
		{"negative weight", allocate(total, money.Cascade, 1, -1), money.ErrRange, "weights[1] -1"},
		{"overflowing weights", allocate(total, money.Cascade, 1, math.MaxInt64, 5), money.ErrRange, "weights[1]"},
		{"no weights", allocate(total, money.Cascade), money.ErrRange, "no weights"},
		{"unknown split", allocate(total, 5, 1), money.ErrRange, "split 5"},
		{"unsettled total", allocate(price, money.Cascade, 1), money.ErrRange, "0.015 USD"},
		{"dst of another length", func() error { return money.AllocateInto(make([]money.Amount, 1), total, []int64{1, 2}, money.Cascade) }, money.ErrRange, "dst"},
		{"caps of another length", capped(total), money.ErrRange, "1 caps"},
		{"negative cap", capped(total, total.Neg()), money.ErrRange, "caps[1] -1.00 USD"},
		{"unsettled cap", capped(total, price), money.ErrRange, "caps[1] 0.015 USD"},
		{"capped, unsettled total", func() error {
			_, _, err := money.AllocateCapped(price, []int64{1}, []money.Amount{total}, money.Cascade)
			return err
		}, money.ErrRange, "0.015 USD"},
		{"n 0", quota(0, 0, 0), money.ErrRange, "n 0"},
		{"n < 0", quota(-3, 0, 0), money.ErrRange, "n -3"},
		{"from < 0", quota(3, -1, 0), money.ErrRange, "from -1"},
		{"from > to", quota(3, 2, 1), money.ErrRange, "from 2"},
		{"to > n", quota(3, 2, 4), money.ErrRange, "to 4"},
		{"unsettled quota", func() error { _, err := money.Quota(price, 3, 0, 1); return err }, money.ErrRange, "0.015 USD"},
	} {
		r.check(t)
	}
	dst := []money.Amount{total, total}
	if err := money.AllocateInto(dst, total, []int64{1, -1}, money.LargestRemainder); err == nil || dst[0] != total || dst[1] != total {
		t.Errorf("refused, but dst is %v", dst)
	}
	if shares, err := money.Allocate(money.New(0, usd), nil, money.LastLine); err != nil || len(shares) != 0 {
		t.Errorf("nothing over no lines: %v, %v", shares, err)
	}
}

func TestTaxRatesOfAHundredPercentOffAreRefused(t *testing.T) {
	usd := iso(t, "USD")
	for _, rate := range []string{"-100", "-100.0000000000000000", "-100.000000000000000001", "-1000000000000000000"} {
		for name, f := range map[string]func(money.Amount, decimal.Decimal, money.Rounding) (a, b money.Amount, err error){
			"ExtractTax": money.ExtractTax, "AddTax": money.AddTax,
		} {
			a, b, err := f(money.New(100, usd), decimal.RequireFromString(rate), money.Rounding{})
			if !errors.Is(err, money.ErrRange) || !strings.Contains(err.Error(), "tax rate") || a != b || a != (money.Amount{}) {
				t.Errorf("%s at %s: %s, %s, %v", name, rate, a, b, err)
			}
		}
	}
	if net, tax, err := money.ExtractTax(money.New(100, usd), decimal.RequireFromString("-50"), money.Rounding{}); err != nil || net != money.New(200, usd) || tax != money.New(-100, usd) {
		t.Errorf("half off: %s, %s, %v", net, tax, err)
	}
}

func TestNewPanicsWhereNoAmountExists(t *testing.T) {
	usd := iso(t, "USD")
	for name, call := range map[string]func(){
		"no currency":    func() { money.New(1, money.Currency{}) },
		"smallest int64": func() { money.New(math.MinInt64, usd) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}
