package contract

import (
	"context"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// An Order is a result made by hand: one promotion that takes money from its budget,
// and one use of the code that opened it.
type Order struct {
	Cart          byte  // stands for the cart
	Minor         int64 // taken
	Promotion     string
	Code          string
	Budget, Uses  int64 // limits
	KeepAfterward bool
}

// BudgetAccount and CodeAccount are what an order debits.
func (o Order) BudgetAccount() string { return "promotion/" + o.Promotion + "/budget" }

// CodeAccount is the account of its code's uses.
func (o Order) CodeAccount() string { return "code/" + o.Code + "/uses" }

// Result is what the evaluation of the order's cart would be.
func (o Order) Result() promotions.Result {
	eur := money.MustISO("EUR")
	m := func(minor int64) money.Amount { return money.New(minor, eur) }
	const price = 1_000_000
	r := promotions.Result{
		Subtotal: m(price), Discount: m(o.Minor), Total: m(price - o.Minor),
		Net: m(price - o.Minor), Tax: m(0), Gross: m(price - o.Minor), Optimal: true, Bound: m(o.Minor),
		Applied: []promotions.Application{{
			Promotion: o.Promotion, Stage: "default", Code: o.Code, Amount: m(o.Minor), Times: 1,
			Shares: []promotions.Share{{Target: "l", To: 1, Amount: m(o.Minor), Net: m(o.Minor), Tax: m(0)}},
		}},
		Debits: []promotions.Debit{
			{Promotion: o.Promotion, Account: o.CodeAccount(), Unit: promotions.UnitUses, Amount: 1, Limit: o.Uses, Keep: o.KeepAfterward},
			{Promotion: o.Promotion, Account: o.BudgetAccount(), Unit: "EUR", Amount: o.Minor, Limit: o.Budget},
		},
	}
	r.Fingerprint[0] = o.Cart
	return r
}

// A clock is set by hand.
type clock struct{ now time.Time }

// TTL is how long the reservations of the cases live.
const TTL = 15 * time.Minute

func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// ledger returns one on a store, which counts late commits.
func (c *clock) ledger(s promotions.Store, late *int) (*promotions.Ledger, error) {
	return promotions.New(s, promotions.Config{
		TTL: TTL, Now: func() time.Time { return c.now }, OnLate: func(promotions.Entry) { *late++ },
	})
}

// sums reads what an account has reserved and committed.
func sums(ctx context.Context, s promotions.Store, account string) ([2]int64, error) {
	list, err := s.Accounts(ctx, []string{account})
	if err != nil {
		return [2]int64{}, err
	}
	return [2]int64{list[0].Reserved, list[0].Committed}, nil
}
