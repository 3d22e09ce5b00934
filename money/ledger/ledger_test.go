package ledger_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/money/ledger"
	"pgregory.net/rapid"
)

// noon is a moment like any other.
var noon = time.Date(2025, 3, 14, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // never changed

func iso(t rapid.TB, code string) money.Currency {
	t.Helper()
	c, err := money.ISO(code)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// move is a transaction that moves minor units from one account to another.
func move(key, from, to string, minor int64, c money.Currency) ledger.Transaction {
	return ledger.Transaction{Key: key, At: noon, Postings: []ledger.Posting{
		{Account: to, Amount: money.New(minor, c)}, {Account: from, Amount: money.New(-minor, c)},
	}}
}

func mustPost(t rapid.TB, b *ledger.Book, txs ...ledger.Transaction) {
	t.Helper()
	for _, tx := range txs {
		if err := b.Post(tx); err != nil {
			t.Fatal(err)
		}
	}
}

// trial returns the lines of the trial balance, in order.
func trial(b *ledger.Book) []string {
	var lines []string
	for account, balance := range b.Trial() {
		lines = append(lines, account+" "+balance.String())
	}
	return lines
}

// exactly compares amounts with == and times with Equal.
func exactly() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b money.Amount) bool { return a == b }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
	}
}

func TestPostingsMoveBalances(t *testing.T) {
	var b ledger.Book
	usd, eur, point := iso(t, "USD"), iso(t, "EUR"), iso(t, "XXX")
	if got := b.Balance("cash", usd); got != money.New(0, usd) {
		t.Errorf("balance of an empty book: %s", got)
	}
	if got := b.Balance("cash", money.Currency{}); got != (money.Amount{}) {
		t.Errorf("balance in no currency: %s", got)
	}
	mustPost(t, &b,
		move("1", "revenue", "cash", 1000, usd),
		move("2", "revenue", "cash", 250, eur),
		move("3", "cash", "bank", 1000, usd),
	)
	want := []string{"bank 10.00 USD", "cash 2.50 EUR", "cash 0.00 USD", "revenue -2.50 EUR", "revenue -10.00 USD"}
	if diff := cmp.Diff(want, trial(&b)); diff != "" {
		t.Errorf("trial balance (-want +got):\n%s", diff)
	}
	if got := b.Balance("cash", eur); got != money.New(250, eur) {
		t.Errorf("balance %s", got)
	}
	if got := b.Balance("cash", point); got != money.New(0, point) {
		t.Errorf("balance %s", got)
	}
}

func TestAKeyIsPostedOnce(t *testing.T) {
	var b ledger.Book
	usd := iso(t, "USD")
	tx := move("orders/1", "revenue", "cash", 1000, usd)
	mustPost(t, &b, tx)
	before := trial(&b)

	again := move("orders/1", "revenue", "cash", 1000, usd)
	again.At, again.Why, again.Seq = noon.Add(time.Hour), "told twice", 7
	slices.Reverse(again.Postings)
	mustPost(t, &b, again)

	for name, other := range map[string]ledger.Transaction{
		"amount":   move("orders/1", "revenue", "cash", 1001, usd),
		"account":  move("orders/1", "revenue", "bank", 1000, usd),
		"currency": move("orders/1", "revenue", "cash", 1000, iso(t, "EUR")),
		"more": {Key: "orders/1", Postings: slices.Concat(tx.Postings, []ledger.Posting{
			{Account: "a", Amount: money.New(1, usd)}, {Account: "b", Amount: money.New(-1, usd)},
		})},
	} {
		if err := b.Post(other); !errors.Is(err, ledger.ErrKeyReused) || !strings.Contains(err.Error(), "orders/1") {
			t.Errorf("other %s: %v, want ErrKeyReused", name, err)
		}
	}
	if diff := cmp.Diff(before, trial(&b)); diff != "" {
		t.Errorf("trial balance changed (-before +after):\n%s", diff)
	}
}

func TestTheBookKeepsItsOwnPostings(t *testing.T) {
	var b ledger.Book
	usd := iso(t, "USD")
	tx := move("1", "revenue", "cash", 1000, usd)
	mustPost(t, &b, tx)
	tx.Postings[0].Account = "elsewhere"
	reversal, err := b.Reverse("1", "2", noon)
	if err != nil {
		t.Fatal(err)
	}
	reversal.Postings[0].Account = "elsewhere"
	if got, err := b.Reverse("1", "2", noon); err != nil || got.Postings[0].Account != "cash" {
		t.Errorf("reversal again: %+v, %v", got, err)
	}
	if got := b.Balance("cash", usd); !got.IsZero() {
		t.Errorf("cash %s", got)
	}
}

func TestAReversalIsMadeOnce(t *testing.T) {
	var b ledger.Book
	usd := iso(t, "USD")
	mustPost(t, &b, move("sale", "revenue", "cash", 1000, usd), move("other", "revenue", "cash", 1, usd))
	mustPost(t, &b, move("refund", "cash", "revenue", 1, usd), move("more", "revenue", "cash", 1, usd)) // refund negates other

	got, err := b.Reverse("sale", "undo", noon)
	if err != nil {
		t.Fatal(err)
	}
	want := ledger.Transaction{Key: "undo", At: noon, Reverses: "sale", Postings: []ledger.Posting{
		{Account: "cash", Amount: money.New(-1000, usd)}, {Account: "revenue", Amount: money.New(1000, usd)},
	}}
	if diff := cmp.Diff(want, got, exactly()); diff != "" {
		t.Errorf("reversal (-want +got):\n%s", diff)
	}
	again, err := b.Reverse("sale", "undo", noon.Add(time.Hour))
	if diff := cmp.Diff(want, again, exactly()); err != nil || diff != "" {
		t.Errorf("reversal again: %v (-want +got):\n%s", err, diff)
	}
	mustPost(t, &b, got) // told again by who keeps the transactions
	if got := b.Balance("cash", usd); got != money.New(1, usd) {
		t.Errorf("cash %s, want 0.01", got)
	}

	copied := got
	copied.Key = "undo more"
	for name, tt := range map[string]struct {
		call func() error
		want error
	}{
		"under another key":            {func() error { _, err := b.Reverse("sale", "undo again", noon); return err }, ledger.ErrReversed},
		"under a used key":             {func() error { _, err := b.Reverse("other", "sale", noon); return err }, ledger.ErrKeyReused},
		"under a key that did as much": {func() error { _, err := b.Reverse("other", "refund", noon); return err }, ledger.ErrKeyReused},
		"under its own key":            {func() error { _, err := b.Reverse("other", "other", noon); return err }, ledger.ErrKeyReused},
		"second, under used key":       {func() error { _, err := b.Reverse("sale", "other", noon); return err }, ledger.ErrReversed},
		"under no key":                 {func() error { _, err := b.Reverse("other", "", noon); return err }, ledger.ErrPosting},
		"of nothing":                   {func() error { _, err := b.Reverse("nothing", "undo it", noon); return err }, ledger.ErrNotFound},
		"posted a second time":         {func() error { return b.Post(copied) }, ledger.ErrReversed},
		"posted, of nothing": {func() error {
			tx := move("undo it", "revenue", "cash", 1, usd)
			tx.Reverses = "nothing"
			return b.Post(tx)
		}, ledger.ErrNotFound},
		"posted, of other postings": {func() error {
			tx := move("undo it", "revenue", "cash", 1, usd)
			tx.Reverses = "other"
			return b.Post(tx)
		}, ledger.ErrPosting},
	} {
		before := trial(&b)
		if err := tt.call(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if diff := cmp.Diff(before, trial(&b)); diff != "" {
			t.Errorf("%s: trial balance changed (-before +after):\n%s", name, diff)
		}
	}
	if _, err := b.Reverse("undo", "redo", noon); err != nil {
		t.Errorf("a reversal cannot be reversed: %v", err)
	}
	if got := b.Balance("cash", usd); got != money.New(1001, usd) {
		t.Errorf("cash %s, want 10.01", got)
	}
}

func TestValidateReturnsEveryProblem(t *testing.T) {
	usd, eur, jpy := iso(t, "USD"), iso(t, "EUR"), iso(t, "JPY")
	price, err := money.FromUnscaled(15, 3, usd)
	if err != nil {
		t.Fatal(err)
	}
	tx := ledger.Transaction{Postings: []ledger.Posting{
		{Account: "a", Amount: price},
		{Account: "b", Amount: money.New(-1, usd)},
		{Account: "", Amount: money.New(5, eur)},
		{Account: "c", Amount: money.New(-3, eur)},
		{Account: "d", Amount: money.New(0, eur)},
		{Account: "e", Amount: money.Amount{}},
		{Account: "f", Amount: money.New(9, jpy)},
		{Account: "g", Amount: money.New(-9, jpy)},
	}}
	got := tx.Validate()
	want := `ledger: transaction "": invalid posting: no key
postings[0] to "a": 0.015 USD is not settled: out of range
invalid posting: postings[2] has no account
invalid posting: postings[4] to "d" is zero
invalid posting: postings[5] to "e" is zero
does not sum to zero: EUR is off by 0.02`
	if got == nil || got.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", got, want)
	}
	for _, kind := range []error{ledger.ErrPosting, ledger.ErrUnbalanced, money.ErrRange} {
		if !errors.Is(got, kind) {
			t.Errorf("not %v", kind)
		}
	}
	var b ledger.Book
	if err := b.Post(tx); err == nil || err.Error() != want || len(trial(&b)) != 0 {
		t.Errorf("posted: %v, %s", err, trial(&b))
	}
	if err := (ledger.Transaction{Key: "k"}).Validate(); !errors.Is(err, ledger.ErrPosting) {
		t.Errorf("no postings: %v", err)
	}
}

func TestSumsPastAnInt64AreStillSums(t *testing.T) {
	usd := iso(t, "USD")
	const most = math.MaxInt64
	post := func(amounts ...int64) ledger.Transaction {
		tx := ledger.Transaction{Key: "k"}
		for i, n := range amounts {
			tx.Postings = append(tx.Postings, ledger.Posting{Account: fmt.Sprint(i), Amount: money.New(n, usd)})
		}
		return tx
	}
	if err := post(most, most, most, -most, -most, -most).Validate(); err != nil {
		t.Error(err)
	}
	for name, tx := range map[string]ledger.Transaction{
		"wraps to zero":    post(most, most, 1, 1), // 2^64
		"wraps from below": post(-most, -most, -1, -1),
		"off by one":       post(most, 1),
	} {
		if err := tx.Validate(); !errors.Is(err, ledger.ErrUnbalanced) || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBalancesPastAnAmountAreRefused(t *testing.T) {
	var b ledger.Book
	usd := iso(t, "USD")
	mustPost(t, &b, move("1", "revenue", "cash", math.MaxInt64, usd))
	before := trial(&b)
	for key, tx := range map[string]ledger.Transaction{
		"debit":  move("2", "elsewhere", "cash", 1, usd),
		"credit": move("3", "revenue", "elsewhere", 1, usd),
	} {
		if err := b.Post(tx); !errors.Is(err, money.ErrRange) {
			t.Errorf("%s: %v, want ErrRange", key, err)
		}
	}
	if diff := cmp.Diff(before, trial(&b)); diff != "" {
		t.Errorf("trial balance changed (-before +after):\n%s", diff)
	}
	through := ledger.Transaction{Key: "4", Postings: []ledger.Posting{ // passes the limit on its way, and comes back
		{Account: "cash", Amount: money.New(5, usd)}, {Account: "cash", Amount: money.New(-6, usd)}, {Account: "bank", Amount: money.New(1, usd)},
	}}
	mustPost(t, &b, through)
	if got := b.Balance("cash", usd); got != money.New(math.MaxInt64-1, usd) {
		t.Errorf("cash %s", got)
	}
}

func TestTheTrialBalanceIsAlwaysZero(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b ledger.Book
		currencies := []money.Currency{iso(t, "USD"), iso(t, "JPY"), iso(t, "BHD")}
		key := rapid.StringMatching("[a-f]{1,2}")
		want := map[string]*big.Int{} // what the accepted transactions add up to, by account and currency
		add := func(tx ledger.Transaction) {
			for _, p := range tx.Postings {
				line := p.Account + " " + p.Amount.Currency().Code()
				minor, _ := p.Amount.Minor()
				if want[line] == nil {
					want[line] = new(big.Int)
				}
				want[line].Add(want[line], big.NewInt(minor))
			}
		}
		posted := map[string]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"post": func(t *rapid.T) {
				tx := anyTransaction(currencies).Draw(t, "transaction")
				tx.Key = key.Draw(t, "key")
				if err := b.Post(tx); err == nil && !posted[tx.Key] {
					posted[tx.Key] = true
					add(tx)
				}
			},
			"reverse": func(t *rapid.T) {
				tx, err := b.Reverse(key.Draw(t, "key"), key.Draw(t, "newKey"), noon)
				if err == nil && !posted[tx.Key] {
					posted[tx.Key] = true
					add(tx)
				}
			},
			"": func(t *rapid.T) { checkTrial(t, &b, want) },
		})
	})
}

// checkTrial fails unless the balances are want and sum to zero per currency.
func checkTrial(t *rapid.T, b *ledger.Book, want map[string]*big.Int) {
	t.Helper()
	got, sums := map[string]string{}, map[string]*big.Int{}
	for account, balance := range b.Trial() {
		code := balance.Currency().Code()
		minor, settled := balance.Minor()
		if !settled || b.Balance(account, balance.Currency()) != balance {
			t.Fatalf("%s: trial %s, balance %s", account, balance, b.Balance(account, balance.Currency()))
		}
		got[account+" "+code] = fmt.Sprint(minor)
		if sums[code] == nil {
			sums[code] = new(big.Int)
		}
		sums[code].Add(sums[code], big.NewInt(minor))
	}
	for code, sum := range sums {
		if sum.Sign() != 0 {
			t.Fatalf("%s sums to %s", code, sum)
		}
	}
	texts := map[string]string{}
	for line, n := range want {
		texts[line] = n.String()
	}
	if diff := cmp.Diff(texts, got); diff != "" {
		t.Fatalf("balances (-want +got):\n%s", diff)
	}
}

// anyTransaction draws transactions that are balanced, most of the time.
func anyTransaction(currencies []money.Currency) *rapid.Generator[ledger.Transaction] {
	account := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	units := rapid.OneOf(rapid.Int64Range(-3, 3), rapid.Int64Range(-math.MaxInt64, math.MaxInt64))
	return rapid.Custom(func(t *rapid.T) ledger.Transaction {
		var tx ledger.Transaction
		for range rapid.IntRange(1, 3).Draw(t, "moves") {
			c, n := rapid.SampledFrom(currencies).Draw(t, "currency"), units.Draw(t, "units")
			tx.Postings = append(tx.Postings,
				ledger.Posting{Account: account.Draw(t, "debit"), Amount: money.New(n, c)},
				ledger.Posting{Account: account.Draw(t, "credit"), Amount: money.New(-n, c)},
			)
		}
		if rapid.IntRange(0, 9).Draw(t, "broken") == 0 {
			tx.Postings = tx.Postings[1:]
		}
		return tx
	})
}

func TestManyPostAtOnce(t *testing.T) {
	var b ledger.Book
	usd := iso(t, "USD")
	const each = 50
	write := func(w int) error {
		var errs []error
		for i := range each {
			own, shared := fmt.Sprintf("own/%d/%d", w, i), fmt.Sprintf("shared/%d", i)
			errs = append(errs,
				b.Post(move(own, "revenue", "cash", 100, usd)),
				b.Post(move(shared, "revenue", "bank", 1, usd)), // every writer says it, one posts it
			)
			_, err := b.Reverse(own, own+"/undo", noon)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	read := func(int) error {
		for range each {
			b.Balance("cash", usd)
			var sum money.Sum
			for _, balance := range b.Trial() {
				sum.Add(balance)
			}
			if total, err := sum.Amount(); err != nil || !total.IsZero() {
				return fmt.Errorf("trial sums to %s, %w", total, err)
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	for w := range 8 {
		for _, run := range []func(int) error{write, read} {
			wg.Go(func() {
				if err := run(w); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	want := []string{"bank 0.50 USD", "cash 0.00 USD", "revenue -0.50 USD"}
	if diff := cmp.Diff(want, trial(&b)); diff != "" {
		t.Errorf("trial balance (-want +got):\n%s", diff)
	}
}

func TestTrialShowsOneMomentAndMayPost(t *testing.T) {
	var b ledger.Book
	usd := iso(t, "USD")
	mustPost(t, &b, move("1", "a", "b", 1, usd))
	seq := b.Trial()
	var seen []string
	for account := range seq {
		seen = append(seen, account)
		mustPost(t, &b, move("2", "x", "y", 1, usd))
	}
	if diff := cmp.Diff([]string{"a", "b"}, seen); diff != "" {
		t.Errorf("first iteration (-want +got):\n%s", diff)
	}
	if got := len(maps.Collect(seq)); got != 4 {
		t.Errorf("second iteration has %d accounts, want 4", got)
	}
	for range seq {
		break
	}
}

func TestTransactionsEncodeForHashing(t *testing.T) {
	usd := iso(t, "USD")
	tx := move("orders/1", "revenue", "cash", 1000, usd)
	tx.At = noon.In(time.FixedZone("east", 3600))
	tx.Why, tx.Reverses, tx.Seq = "sold", "orders/0", 42
	for _, tt := range []struct {
		tx   ledger.Transaction
		want string
	}{
		{tx, `{"at":"2025-03-14T12:00:00Z","key":"orders/1","postings":[{"account":"cash","amount":{"amount":"10.00","currency":"USD"}},{"account":"revenue","amount":{"amount":"-10.00","currency":"USD"}}],"reverses":"orders/0","seq":42,"why":"sold"}`},
		{ledger.Transaction{}, `{"at":"0001-01-01T00:00:00Z","key":"","postings":[]}`},
	} {
		data, err := json.Marshal(tt.tx)
		if err != nil || string(data) != tt.want {
			t.Errorf("%s, %v, want %s", data, err, tt.want)
		}
		var back ledger.Transaction
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if tt.tx.Postings == nil {
			tt.tx.Postings = []ledger.Posting{}
		}
		if diff := cmp.Diff(tt.tx, back, exactly()); diff != "" {
			t.Errorf("read back (-want +got):\n%s", diff)
		}
	}
	kept := move("kept", "a", "b", 1, usd)
	for _, broken := range []string{`{"key":"x","note":"y"}`, `{"postings":[{"account":"a","amount":10}]}`, `[]`, `{`} {
		got := kept
		if err := got.UnmarshalJSON([]byte(broken)); err == nil || got.Key != "kept" {
			t.Errorf("%s: %v, %+v", broken, err, got)
		}
	}
}

func TestTransactionJSONIsReadStrictly(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"two amounts": `{"key":"k","at":"2026-01-01T00:00:00Z","postings":[{"account":"a","amount":{"amount":"1.00","currency":"USD"},"amount":{"amount":"9.00","currency":"USD"}}]}`,
		"two keys":    `{"key":"a","key":"b","at":"2026-01-01T00:00:00Z","postings":[]}`,
		"capitals":    `{"KEY":"a","at":"2026-01-01T00:00:00Z","postings":[]}`,
		"unknown":     `{"key":"a","memo":"x","at":"2026-01-01T00:00:00Z","postings":[]}`,
		"a number":    `{"key":"a","at":"2026-01-01T00:00:00Z","postings":[{"account":"a","amount":1}]}`,
		"a list":      `[]`,
		"cut off":     `{"key":"a"`,
	} {
		got := ledger.Transaction{Key: "before"}
		if err := json.Unmarshal([]byte(text), &got); err == nil || got.Key != "before" {
			t.Errorf("%s: read as %+v, error %v", name, got, err)
		}
	}
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()
	usd := money.MustISO("USD")
	ps := []ledger.Posting{{Account: "a", Amount: money.New(1, usd)}, {Account: "b", Amount: money.New(-1, usd)}}
	for name, tx := range map[string]ledger.Transaction{
		"key":     {Key: "k\xff", Postings: ps},
		"why":     {Key: "k", Why: "\xfe", Postings: ps},
		"account": {Key: "k", Postings: []ledger.Posting{{Account: "a\xff", Amount: money.New(1, usd)}, ps[1]}},
	} {
		if err := new(ledger.Book).Post(tx); !errors.Is(err, ledger.ErrPosting) {
			t.Errorf("%s: error %v, want ErrPosting", name, err)
		}
	}
}

// A transaction that was posted for itself does not become a reversal when the
// same postings come again as one: what it names could then be reversed twice.
func TestReversalUnderAUsedKeyIsRefused(t *testing.T) {
	t.Parallel()
	usd := money.MustISO("USD")
	there := []ledger.Posting{{Account: "a", Amount: money.New(1, usd)}, {Account: "b", Amount: money.New(-1, usd)}}
	back := []ledger.Posting{{Account: "a", Amount: money.New(-1, usd)}, {Account: "b", Amount: money.New(1, usd)}}
	var b ledger.Book
	for _, tx := range []ledger.Transaction{{Key: "k", Postings: there}, {Key: "r", Postings: back}} {
		if err := b.Post(tx); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Post(ledger.Transaction{Key: "r", Reverses: "k", Postings: back}); !errors.Is(err, ledger.ErrKeyReused) {
		t.Errorf("error %v, want ErrKeyReused", err)
	}
}
