package promotions_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
)

// ledgerNoon is when the ledgers of these tests begin.
func ledgerNoon() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

func newLedger(t *testing.T, s promotions.Store, cfg promotions.Config) *promotions.Ledger {
	t.Helper()
	l, err := promotions.New(s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// offer compiles promotions.
func offer(t *testing.T, list string) *promotions.Snapshot {
	t.Helper()
	set, err := promotions.Parse(strings.NewReader(`{"promotions": [` + list + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := promotions.Compile(set, promotions.CompileConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// basket is a cart of one line, with a code.
func basket(t *testing.T, price, code string) promotions.Cart {
	t.Helper()
	c, err := promotions.ParseCart(strings.NewReader(
		`{"currency": "EUR", "codes": ["` + code + `"], "lines": [{"id": "l", "price": "` + price + `"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	halfWithCode = `{"id": "half", "codes": ["HALF"], "currency": "EUR", "limits": {"per_code": 10}, "effect": {"kind": "percent", "value": "50"}}`
	budgeted     = `{"id": "ten", "currency": "EUR", "limits": {"budget": "100", "uses": 5}, "effect": {"kind": "percent", "value": "10"}}`
)

// balance returns what an account has reserved and committed.
func balance(t *testing.T, l *promotions.Ledger, account string) [2]int64 {
	t.Helper()
	list, err := l.Balances(t.Context(), []string{account})
	if err != nil {
		t.Fatal(err)
	}
	return [2]int64{list[0].Reserved, list[0].Committed}
}

func TestNewLedgerReportsAllThatIsWrong(t *testing.T) {
	_, err := promotions.New(nil, promotions.Config{TTL: time.Millisecond, Tries: 51})
	if !errors.Is(err, promotions.ErrInvalid) || !errors.Is(err, promotions.ErrRange) {
		t.Fatal(err)
	}
	for _, want := range []string{"store", "TTL: 1ms", "tries: 51"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not mention %s", err, want)
		}
	}
}

// Invariant: promotions P5.
// Invariant: promotions L3.
func TestARepeatedRedemptionIsTheStoredReceiptWhateverSetIsCurrent(t *testing.T) {
	ctx, c := t.Context(), basket(t, "80.00", "HALF")
	l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{})
	first, err := l.Redeem(ctx, "o1", offer(t, halfWithCode), c, promotions.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := first.Result.Discount.Text(); got != "40.00" {
		t.Fatalf("the discount is %s", got)
	}
	c.At = time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC) // the time is no part of the fingerprint
	again, err := l.Redeem(ctx, "o1", offer(t, budgeted), c, promotions.Options{})
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := first.Result.MarshalJSON()
	two, err2 := again.Result.MarshalJSON()
	if diff := cmp.Diff(string(one), string(two)); diff != "" || errors.Join(err1, err2) != nil || again.Version != first.Version {
		t.Errorf("again, version %d, (-first +again):\n%s", again.Version, diff)
	}
	if got := balance(t, l, "code/HALF/uses"); got != [2]int64{1, 0} {
		t.Errorf("the code has %v", got)
	}
}

func TestAGuessedCodeReadsNoAccount(t *testing.T) {
	s := promotionstest.NewFaultyStore(promotions.NewMemoryStore())
	l := newLedger(t, s, promotions.Config{})
	snapshot := offer(t, halfWithCode)
	for _, code := range []string{"GUESS", "HALF"} {
		s.Inject(promotionstest.Faults{})
		if _, err := l.Redeem(t.Context(), code, snapshot, basket(t, "80.00", code), promotions.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := s.Read(); (len(got) > 0) != (code == "HALF") {
			t.Errorf("%s reads %v", code, got)
		}
	}
}

// Invariant: promotions L1.
func TestOf64WhoRedeemACodeAsManyGetItAsItsCapAllows(t *testing.T) {
	s, snapshot := promotions.NewMemoryStore(), offer(t, halfWithCode)
	l := newLedger(t, s, promotions.Config{Tries: 50})
	var got, refused atomic.Int64
	var wg sync.WaitGroup
	c := basket(t, "80.00", "HALF")
	for i := range 64 {
		wg.Go(func() {
			r, err := l.Redeem(t.Context(), fmt.Sprintf("o%d", i), snapshot, c, promotions.Options{WhyNot: promotions.All})
			switch {
			case err != nil:
				t.Error(err)
			case len(r.Result.Applied) == 1:
				got.Add(1)
			case len(r.Result.Rejected) == 1 && r.Result.Rejected[0].Reason == promotions.LimitReached:
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if got.Load() != 10 || refused.Load() != 54 {
		t.Errorf("%d have it, %d are refused", got.Load(), refused.Load())
	}
}

// An alwaysAnother is a store on which somebody else is always faster.
type alwaysAnother struct{ promotions.Store }

func (alwaysAnother) Apply(context.Context, promotions.Batch) (promotions.Entry, error) {
	return promotions.Entry{}, promotions.ErrConflict
}

func TestWhoLosesEveryRaceIsToldSo(t *testing.T) {
	s := promotionstest.NewFaultyStore(alwaysAnother{promotions.NewMemoryStore()})
	l := newLedger(t, s, promotions.Config{Tries: 3})
	_, err := l.Redeem(t.Context(), "o1", offer(t, halfWithCode), basket(t, "80.00", "HALF"), promotions.Options{})
	if !errors.Is(err, promotions.ErrBusy) || errors.Is(err, promotions.ErrConflict) {
		t.Errorf("got %v, want ErrBusy alone", err)
	}
	if got := s.Calls(); got != 9 {
		t.Errorf("3 tries take %d calls, want 9", got)
	}
}

func TestAReservationLivesForItsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, snapshot, c := t.Context(), offer(t, halfWithCode), basket(t, "80.00", "HALF")
		l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{})
		begin := time.Now()
		r, err := l.Redeem(ctx, "o1", snapshot, c, promotions.Options{})
		if err != nil || !r.Expires.Equal(begin.Add(15*time.Minute)) {
			t.Fatalf("it expires at %v, %v", r.Expires, err)
		}
		if r, err = l.Redeem(ctx, "o2", snapshot, c, promotions.Options{Until: begin.Add(time.Hour)}); err != nil || !r.Expires.Equal(begin.Add(time.Hour)) {
			t.Fatalf("it expires at %v, %v", r.Expires, err)
		}
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{15*time.Minute - time.Microsecond, 0}, {time.Microsecond, 1}, {0, 0}, {44 * time.Minute, 0}, {time.Minute, 1}} {
			time.Sleep(step.wait)
			if n, err := l.Sweep(ctx, 10); err != nil || n != step.want {
				t.Errorf("after %v %d expire, %v; want %d", time.Since(begin), n, err, step.want)
			}
		}
		if got := balance(t, l, "code/HALF/uses"); got != [2]int64{} {
			t.Errorf("the code has %v", got)
		}
	})
}

func TestAClockThatGoesBackSweepsLater(t *testing.T) {
	now := ledgerNoon()
	l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{Now: func() time.Time { return now }})
	if _, err := l.Redeem(t.Context(), "o1", offer(t, halfWithCode), basket(t, "80.00", "HALF"), promotions.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		clock time.Duration
		want  int
	}{{-time.Hour, 0}, {15*time.Minute - 1, 0}, {15 * time.Minute, 1}} {
		now = ledgerNoon().Add(step.clock)
		if n, err := l.Sweep(t.Context(), 10); err != nil || n != step.want {
			t.Errorf("at %v %d expire, %v; want %d", step.clock, n, err, step.want)
		}
	}
}

// Invariant: promotions L1.
func TestSweepersAndACommitHaveOneWinner(t *testing.T) {
	for round := range 200 {
		now := ledgerNoon()
		l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{Now: func() time.Time { return now }})
		if _, err := l.Redeem(t.Context(), "o1", offer(t, halfWithCode), basket(t, "80.00", "HALF"), promotions.Options{}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
		var expired atomic.Int64
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				n, err := l.Sweep(t.Context(), 10)
				if err != nil {
					t.Error(err)
				}
				expired.Add(int64(n))
			})
		}
		wg.Go(func() {
			if _, err := l.Commit(t.Context(), "o1"); err != nil { // it still fits
				t.Error(err)
			}
		})
		wg.Wait()
		if got := balance(t, l, "code/HALF/uses"); got != [2]int64{0, 1} || expired.Load() > 1 {
			t.Fatalf("round %d: the code has %v, it expired %d times", round, got, expired.Load())
		}
	}
}

// Invariant: promotions L6.
func TestAWithdrawnPromotionCommitsAndALoweredLimitTakesNothingBack(t *testing.T) {
	ctx := t.Context()
	l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{})
	for i := range 3 {
		if _, err := l.Redeem(ctx, fmt.Sprintf("o%d", i), offer(t, budgeted), basket(t, "100.00", ""), promotions.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	lowered := offer(t, strings.Replace(budgeted, `"uses": 5`, `"uses": 2`, 1))
	r, err := l.Redeem(ctx, "late", lowered, basket(t, "100.00", ""), promotions.Options{})
	if err != nil || len(r.Result.Applied) > 0 {
		t.Errorf("over the lowered limit: %v, %v", r.Result.Applied, err)
	}
	for i := range 3 {
		if _, err := l.Commit(ctx, fmt.Sprintf("o%d", i)); err != nil {
			t.Error(err)
		}
	}
	if got := balance(t, l, "promotion/ten/budget"); got != [2]int64{0, 3000} {
		t.Errorf("the budget has %v", got)
	}
}

func TestABudgetThatCountsAnotherCurrencyIsNotDebited(t *testing.T) {
	ctx := t.Context()
	l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{})
	if _, err := l.Redeem(ctx, "o1", offer(t, budgeted), basket(t, "100.00", ""), promotions.Options{}); err != nil {
		t.Fatal(err)
	}
	dollars := basket(t, "100.00", "")
	dollars.Currency = money.MustISO("USD")
	dollars.Lines[0].Price = money.New(10000, dollars.Currency)
	r, err := l.Redeem(ctx, "o2", offer(t, budgeted), dollars, promotions.Options{WhyNot: promotions.All})
	if err != nil || len(r.Result.Rejected) != 1 || r.Result.Rejected[0].Reason != promotions.OtherCurrency {
		t.Errorf("dollars: %+v, %v", r.Result.Rejected, err)
	}
	inDollars := offer(t, strings.Replace(budgeted, "EUR", "USD", 1))
	if _, err := l.Redeem(ctx, "o3", inDollars, dollars, promotions.Options{}); !errors.Is(err, promotions.ErrUnit) {
		t.Errorf("a budget that has become one of dollars: %v, want ErrUnit", err)
	}
	if _, err := l.Get(ctx, "o3"); !errors.Is(err, promotions.ErrNotFound) {
		t.Errorf("o3: %v", err)
	}
}

// Invariant: promotions L5.
func TestTheUseOfACodeComesBackWithTheLastOfWhatItOpened(t *testing.T) {
	ctx := t.Context()
	l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{})
	snapshot := offer(t, `
		{"id": "a", "codes": ["BOTH"], "currency": "EUR", "limits": {"per_code": 1}, "effect": {"kind": "amount", "value": "10", "per": "order"}},
		{"id": "b", "codes": ["BOTH"], "currency": "EUR", "limits": {"per_code": 1}, "effect": {"kind": "amount", "value": "5", "per": "order"}}`)
	r, err := l.Redeem(ctx, "o1", snapshot, basket(t, "100.00", "BOTH"), promotions.Options{})
	if err != nil || len(r.Result.Applied) != 2 {
		t.Fatalf("%v, %v", r.Result.Applied, err)
	}
	if _, err := l.Commit(ctx, "o1"); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		promotion string
		minor     int64
		uses      int64
		state     promotions.State
	}{{"a", 1000, 1, promotions.Committed}, {"b", 499, 1, promotions.Committed}, {"b", 1, 0, promotions.Reversed}} {
		amount := map[string]money.Amount{step.promotion: money.New(step.minor, money.MustISO("EUR"))}
		r, err := l.Reverse(ctx, "o1", promotions.Reversal{Key: fmt.Sprint(i), Amounts: amount})
		if err != nil || r.State != step.state {
			t.Fatalf("step %d: %s, %v", i, r.State, err)
		}
		if got := balance(t, l, "code/BOTH/uses"); got != [2]int64{0, step.uses} {
			t.Errorf("step %d: the code has %v", i, got)
		}
	}
}

// Who finds that nothing is to be given back has an empty map, and must not get all.
func TestAReversalOfNothingLeavesNoTrace(t *testing.T) {
	ctx := t.Context()
	l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{})
	if _, err := l.Redeem(ctx, "o1", offer(t, budgeted), basket(t, "100.00", ""), promotions.Options{}); err != nil {
		t.Fatal(err)
	}
	before, err := l.Commit(ctx, "o1")
	if err != nil {
		t.Fatal(err)
	}
	zero := money.New(0, money.MustISO("EUR"))
	for name, amounts := range map[string]map[string]money.Amount{"empty": {}, "zero": {before.Result.Applied[0].Promotion: zero}} {
		got, err := l.Reverse(ctx, "o1", promotions.Reversal{Key: "r", Amounts: amounts})
		if err != nil || got.State != promotions.Committed || got.Version != before.Version {
			t.Errorf("%s: %s, version %d of %d, %v", name, got.State, got.Version, before.Version, err)
		}
	}
	if got, err := l.Reverse(ctx, "o1", promotions.Reversal{Key: "r"}); err != nil || got.State != promotions.Reversed {
		t.Errorf("%s, %v", got.State, err)
	}
}

func TestAnEntryHasNoMoreThanAThousandReversals(t *testing.T) {
	ctx := t.Context()
	l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{})
	r, err := l.Redeem(ctx, "o1", offer(t, budgeted), basket(t, "900.00", ""), promotions.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(ctx, "o1"); err != nil {
		t.Fatal(err)
	}
	cent := map[string]money.Amount{r.Result.Applied[0].Promotion: money.New(1, money.MustISO("EUR"))}
	for i := range 1001 {
		_, err = l.Reverse(ctx, "o1", promotions.Reversal{Key: fmt.Sprint(i), Amounts: cent})
		if (err != nil) != (i == 1000) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if !errors.Is(err, promotions.ErrRange) {
		t.Error(err)
	}
}

// Invariant: promotions L3.
func TestALostAnswerIsRepeatedWithoutASecondDebit(t *testing.T) {
	ctx, snapshot, c := t.Context(), offer(t, budgeted), basket(t, "100.00", "")
	s := promotionstest.NewFaultyStore(promotions.NewMemoryStore())
	l := newLedger(t, s, promotions.Config{})
	for _, step := range []struct {
		name string
		do   func() error
		want [2]int64
	}{
		{"redeem", func() error { _, err := l.Redeem(ctx, "o1", snapshot, c, promotions.Options{}); return err }, [2]int64{1000, 0}},
		{"commit", func() error { _, err := l.Commit(ctx, "o1"); return err }, [2]int64{0, 1000}},
		{"reverse", func() error { _, err := l.Reverse(ctx, "o1", promotions.Reversal{Key: "r"}); return err }, [2]int64{0, 0}},
	} {
		s.Inject(promotionstest.Faults{LoseAnswers: true})
		if err := step.do(); !errors.Is(err, promotionstest.ErrInjected) {
			t.Errorf("%s: %v", step.name, err)
		}
		s.Inject(promotionstest.Faults{})
		if err := step.do(); err != nil {
			t.Errorf("%s again: %v", step.name, err)
		}
		if got := balance(t, l, "promotion/ten/budget"); got != step.want {
			t.Errorf("after %s the budget has %v", step.name, got)
		}
	}
}

func TestBadInputChangesNothingAndAsksNoStore(t *testing.T) {
	s := promotionstest.NewFaultyStore(promotions.NewMemoryStore())
	l := newLedger(t, s, promotions.Config{Now: ledgerNoon})
	snapshot, c := offer(t, budgeted), basket(t, "100.00", "")
	broken := basket(t, "100.00", "")
	broken.Lines[0].Quantity = 0
	redeem := func(key string, s *promotions.Snapshot, c promotions.Cart, opt promotions.Options) error {
		_, err := l.Redeem(t.Context(), key, s, c, opt)
		return err
	}
	_, noSweep := l.Sweep(t.Context(), 0)
	_, noReversal := l.Reverse(t.Context(), "o1", promotions.Reversal{})
	for name, x := range map[string]struct{ got, want error }{
		"no key":             {redeem("", snapshot, c, promotions.Options{}), promotions.ErrRange},
		"a long key":         {redeem(strings.Repeat("k", 201), snapshot, c, promotions.Options{}), promotions.ErrRange},
		"no snapshot":        {redeem("o1", nil, c, promotions.Options{}), promotions.ErrInvalid},
		"a bad cart":         {redeem("o1", snapshot, broken, promotions.Options{}), promotions.ErrInvalid},
		"an end in the past": {redeem("o1", snapshot, c, promotions.Options{Until: ledgerNoon()}), promotions.ErrRange},
		"no such scope":      {redeem("o1", snapshot, c, promotions.Options{WhyNot: 9}), promotions.ErrInvalid},
		"nothing to sweep":   {noSweep, promotions.ErrRange},
		"no reversal key":    {noReversal, promotions.ErrRange},
	} {
		if !errors.Is(x.got, x.want) {
			t.Errorf("%s: %v, want %v", name, x.got, x.want)
		}
	}
	if n := s.Calls(); n != 0 {
		t.Errorf("the store was asked %d times", n)
	}
}

func TestAPreviewReservesNothing(t *testing.T) {
	l := newLedger(t, promotions.NewMemoryStore(), promotions.Config{})
	ctx, snapshot := t.Context(), offer(t, budgeted)
	if _, err := l.Redeem(ctx, "o1", snapshot, basket(t, "970.00", ""), promotions.Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := l.Preview(ctx, snapshot, basket(t, "100.00", ""), promotions.Options{})
	if err != nil || r.Discount.Text() != "3.00" {
		t.Errorf("the rest of the budget gives %v, %v; want 3.00", r.Discount, err)
	}
	if got := balance(t, l, "promotion/ten/budget"); got != [2]int64{9700, 0} {
		t.Errorf("the budget has %v", got)
	}
}

func TestAStoreThatIsDownIsReported(t *testing.T) {
	s := promotionstest.NewFaultyStore(promotions.NewMemoryStore())
	l := newLedger(t, s, promotions.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	left := errors.New("the buyer left")
	cancel(left)
	if _, err := l.Redeem(ctx, "o1", offer(t, budgeted), basket(t, "100.00", ""), promotions.Options{}); !errors.Is(err, left) {
		t.Errorf("got %v, want the cause", err)
	}
	for n := 1; ; n++ {
		s.FailAt(n)
		_, err := l.Redeem(t.Context(), "o1", offer(t, budgeted), basket(t, "100.00", ""), promotions.Options{})
		if err == nil {
			break
		}
		if !errors.Is(err, promotionstest.ErrInjected) {
			t.Errorf("call %d: %v", n, err)
		}
	}
	s.FailAt(0)
	if got := balance(t, l, "promotion/ten/budget"); got != [2]int64{1000, 0} {
		t.Errorf("the budget has %v", got)
	}
}
