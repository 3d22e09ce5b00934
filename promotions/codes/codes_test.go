package codes_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/codes"
)

// alphabet is Crockford's, with the check symbols for 32 to 36.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U"

// A Codes is what promotions are compiled with.
var _ promotions.CodeChecker = (*codes.Codes)(nil)

func key(n int) []byte {
	return []byte("0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")[:n]
}

func newCodes(tb testing.TB, batch string, count uint64, cfg codes.Config) *codes.Codes {
	tb.Helper()
	c, err := codes.New(key(16), batch, count, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func at(tb testing.TB, c *codes.Codes, n uint64) string {
	tb.Helper()
	code, err := c.At(n)
	if err != nil {
		tb.Fatal(err)
	}
	return code
}

// The codes of a key are printed on paper: they never change. These were computed by another implementation, in Python.
func TestCodesNeverChange(t *testing.T) {
	bytes := make([]byte, 64)
	for i := range bytes {
		bytes[i] = byte(i)
	}
	for _, v := range []struct {
		key     []byte
		batch   string
		n       uint64
		counter int
		mac     int
		want    string
	}{
		{key(16), "spring", 0, 0, 0, "T650-3Q7M-QG6Q-N"},
		{key(16), "spring", 1, 40, 20, "1498-DF55-AYT0-H"},
		{key(16), "spring", 999_999, 40, 20, "N08Z-5EQF-3E5E-M"},
		{key(16), "summer", 0, 40, 20, "9YDK-TKFV-4RC2-A"},
		{key(16), "spring", 1<<40 - 1, 40, 20, "6TQZ-C727-QKF9-D"},
		{bytes, "A.b_c-9", 12_345, 20, 10, "Q44N-BEN"},
		{key(16), "spring", 7, 60, 40, "PXJQ-4HW4-207V-TP2B-6S6H-3"},
		{key(16), "spring", 1<<60 - 1, 60, 40, "33KG-N7Q6-DZY8-TFRC-CKJV-8"},
		{key(16), "spring", 7, 24, 36, "B3EP-8CFX-B0F0-M"},
		{key(16), "spring", 3, 26, 39, "9WJ5-P8GS-V1KM-P1"},
	} {
		c, err := codes.New(v.key, v.batch, v.n+1, codes.Config{CounterBits: v.counter, MACBits: v.mac})
		if err != nil {
			t.Fatal(err)
		}
		if got := at(t, c, v.n); got != v.want {
			t.Errorf("code %d of %s at %d and %d bits is %s, want %s", v.n, v.batch, v.counter, v.mac, got, v.want)
		}
	}
}

func TestNewSaysAllThatIsWrong(t *testing.T) {
	for name, v := range map[string]struct {
		key   []byte
		batch string
		count uint64
		cfg   codes.Config
		want  []string
	}{
		"everything":      {key(15), "a b", 0, codes.Config{CounterBits: 21, MACBits: 41}, []string{"15 bytes", `"a b"`, "21 counter", "41 MAC", "62 counter and MAC", "count of 0"}},
		"a long key":      {key(65), "b", 1, codes.Config{}, []string{"65 bytes"}},
		"no name":         {key(16), "", 1, codes.Config{}, []string{`""`}},
		"a long name":     {key(16), strings.Repeat("b", 65), 1, codes.Config{}, []string{"bbb"}},
		"too many":        {key(16), "b", 1<<20 + 1, codes.Config{CounterBits: 20}, []string{"1048577", "2^20"}},
		"narrow":          {key(16), "b", 1, codes.Config{CounterBits: 18, MACBits: 22}, []string{"18 counter"}},
		"wide":            {key(16), "b", 1, codes.Config{CounterBits: 62, MACBits: 13}, []string{"62 counter"}},
		"negative":        {key(16), "b", 1, codes.Config{CounterBits: -20, MACBits: -10}, []string{"-20", "-10"}},
		"a broken symbol": {key(16), "b", 1, codes.Config{CounterBits: 40, MACBits: 21}, []string{"61"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := codes.New(v.key, v.batch, v.count, v.cfg)
			if !errors.Is(err, promotions.ErrInvalid) {
				t.Fatalf("%v, want ErrInvalid", err)
			}
			for _, want := range v.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestAtRefusesWhatIsNotIssued(t *testing.T) {
	c := newCodes(t, "b", 10, codes.Config{})
	if _, err := c.At(10); !errors.Is(err, promotions.ErrRange) {
		t.Errorf("%v, want ErrRange", err)
	}
}

func TestCheckRefusesWhatIsNotIssued(t *testing.T) {
	issued, fewer := newCodes(t, "b", 11, codes.Config{}), newCodes(t, "b", 10, codes.Config{})
	if canonical, ok := fewer.Check(at(t, issued, 10)); ok || canonical != "" {
		t.Errorf("a code that is not issued is %q, %v", canonical, ok)
	}
	if _, ok := fewer.Check(at(t, issued, 9)); !ok {
		t.Error("the last code is refused")
	}
}

func TestCodesOfAnotherKeyBatchOrWidthAreUnknown(t *testing.T) {
	c := newCodes(t, "b", 1000, codes.Config{})
	other, err := codes.New(key(17), "b", 1000, codes.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*codes.Codes{
		"key": other, "batch": newCodes(t, "B", 1000, codes.Config{}), "width": newCodes(t, "b", 1000, codes.Config{CounterBits: 38, MACBits: 22}),
	} {
		for n := range uint64(1000) {
			if canonical, ok := c.Check(at(t, d, n)); ok || canonical != "" {
				t.Errorf("code %d of another %s is %q, %v", n, name, canonical, ok)
			}
		}
	}
}

func TestCheckReadsWhatPeopleType(t *testing.T) {
	c := newCodes(t, "spring", 1, codes.Config{})
	const canonical = "T6503Q7MQG6QN" // code 0
	for _, typed := range []string{"T650-3Q7M-QG6Q-N", "t6503q7mqg6qn", " T6 50-3q7m--QG6Q-N ", "T65O-3Q7M-QG6Q-N", "t65o3q7mqg6qn"} {
		if got, ok := c.Check(typed); !ok || got != canonical {
			t.Errorf("%q is %q, %v; want %q", typed, got, ok, canonical)
		}
	}
	one := newCodes(t, "spring", 2, codes.Config{}) // code 1 is 1498-DF55-AYT0-H
	for _, typed := range []string{"I498-DF55-AYT0-H", "l498-df55-aytO-h", "L498DF55AYToH"} {
		if got, ok := one.Check(typed); !ok || got != "1498DF55AYT0H" {
			t.Errorf("%q is %q, %v", typed, got, ok)
		}
	}
}

func TestWhatHasAnotherFormIsUnknown(t *testing.T) {
	c := newCodes(t, "spring", 1, codes.Config{})
	for _, typed := range []string{
		"", "-", "SUMMER", "T6503Q7MQG6Q", "T6503Q7MQG6QNN", "T6503Q7MQG6Q!", "T6503Q7MQG6U0", "T650_3Q7MQG6QN", "T6503Q7MQG6Q\u00d1", "\tT6503Q7MQG6QN",
		strings.Repeat("0", 1000),
	} {
		if canonical, ok := c.Check(typed); ok || canonical != "" {
			t.Errorf("%q is %q, %v", typed, canonical, ok)
		}
	}
}

// Every code with one wrong symbol, and every one with two neighbours that changed places, is mistyped or of another
// form, but never another code and never just unknown.
func TestTypingErrorsAreFound(t *testing.T) {
	for _, cfg := range []codes.Config{{}, {CounterBits: 20, MACBits: 10}, {CounterBits: 60, MACBits: 40}} {
		c := newCodes(t, "spring", 1<<20, cfg)
		for n := range uint64(100) {
			code := strings.ReplaceAll(at(t, c, n*9973), "-", "")
			last := len(code) - 1
			for i := range code {
				for _, symbol := range alphabet {
					typed := code[:i] + string(symbol) + code[i+1:]
					mistyped(t, c, code, typed)
				}
				if i < last {
					typed := code[:i] + code[i+1:i+2] + code[i:i+1] + code[i+2:]
					mistyped(t, c, code, typed)
				}
			}
		}
	}
}

// mistyped fails unless a code that was typed wrongly is refused, and said to be mistyped where it has the form of a code.
func mistyped(t *testing.T, c *codes.Codes, code, typed string) {
	t.Helper()
	if typed == code {
		return
	}
	form := !strings.ContainsAny(typed[:len(typed)-1], alphabet[32:])
	canonical, ok := c.Check(typed)
	if ok || form && canonical != typed || !form && canonical != "" {
		t.Errorf("%s typed as %s: %q, %v", code, typed, canonical, ok)
	}
}

// With 10 bits of MAC a guess passes once in 1,024, times the part of the numbers that is issued.
func TestGuessesHitAsOftenAsPromised(t *testing.T) {
	const guesses = 400_000
	for _, v := range []struct {
		count    uint64
		low, top int // six standard deviations around the mean
	}{
		{1 << 20, 272, 509}, // 390.6
		{1 << 17, 6, 91},    // 48.8
	} {
		c := newCodes(t, "spring", v.count, codes.Config{CounterBits: 20, MACBits: 10})
		random, hits := rand.New(rand.NewPCG(1, v.count)), 0
		for range guesses {
			if _, ok := c.Check(wellFormed(random, 6)); ok {
				hits++
			}
		}
		if hits < v.low || hits > v.top {
			t.Errorf("%d of %d guesses hit one of %d codes, want %d to %d", hits, guesses, v.count, v.low, v.top)
		}
	}
}

// wellFormed draws symbols and adds their check symbol.
func wellFormed(random *rand.Rand, n int) string {
	var b strings.Builder
	rest := 0
	for range n {
		symbol := random.IntN(32)
		b.WriteByte(alphabet[symbol])
		rest = (rest*32 + symbol) % 37
	}
	b.WriteByte(alphabet[rest])
	return b.String()
}

// Neighbours in number are no neighbours as codes: nobody who holds some codes may see how many there are or find others.
func TestCodesInOrderLookLikeChance(t *testing.T) {
	c := newCodes(t, "spring", 1<<14, codes.Config{})
	var counts [32]int
	previous, equal := strings.Repeat("*", 12), 0
	for n := range uint64(1 << 14) {
		code := strings.ReplaceAll(at(t, c, n), "-", "")[:12]
		for i := range code {
			counts[strings.IndexByte(alphabet, code[i])]++
			if code[i] == previous[i] {
				equal++
			}
		}
		previous = code
	}
	const each = 12 << 14 / 32 // 6,144; a standard deviation is 77
	for symbol, n := range counts {
		if n < each-462 || n > each+462 {
			t.Errorf("%c comes up %d times, want about %d", alphabet[symbol], n, each)
		}
	}
	if equal < each-462 || equal > each+462 {
		t.Errorf("a code shares %d symbols with the one before, want about %d", equal, each)
	}
}

func FuzzCode(f *testing.F) {
	c, err := codes.New(key(16), "spring", 1000, codes.Config{})
	if err != nil {
		f.Fatal(err)
	}
	issued := make(map[string]bool)
	for n := range uint64(1000) {
		issued[slowCode(key(16), "spring", n, 40, 20)] = true
	}
	for _, seed := range []string{"T650-3Q7M-QG6Q-N", "1498-DF55-AYT0-H", "T6503Q7MQG6QM", "", "-", "UUUUUUUUUUUUU", "000000000000U", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		canonical, ok := c.Check(typed)
		if canonical == "" {
			if ok {
				t.Fatal("a code without a form")
			}
			return
		}
		if again, same := c.Check(canonical); again != canonical || same != ok {
			t.Fatalf("%q is %q, %v, and that is %q, %v", typed, canonical, ok, again, same)
		}
		if ok != issued[canonical] {
			t.Fatalf("%q is %v, and issued is %v", typed, ok, !ok)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	c := newCodes(b, "spring", 1<<20, codes.Config{})
	for name, code := range map[string]string{"issued": at(b, c, 7), "guessed": "0000-0000-0000-0", "mistyped": "0000-0000-0000-1"} {
		b.Run(fmt.Sprintf("code=%s", name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Check(code)
			}
		})
	}
}
