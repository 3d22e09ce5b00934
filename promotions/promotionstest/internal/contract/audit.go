package contract

import (
	"fmt"
	"iter"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// Balanced checks that accounts hold what entries of the same moment took: reserved
// is the debits of those reserved, committed those of the ones committed, less what
// was given back.
func Balanced(accounts []promotions.Account, entries iter.Seq[promotions.Entry]) error {
	want := make(map[string][2]int64)
	for e := range entries {
		for id, sums := range Held(e) {
			total := want[id]
			want[id] = [2]int64{total[0] + sums[0], total[1] + sums[1]}
		}
	}
	for _, a := range accounts {
		if got := [2]int64{a.Reserved, a.Committed}; got != want[a.ID] {
			return fmt.Errorf("account %s has %d reserved and %d committed, its entries %d and %d", a.ID, got[0], got[1], want[a.ID][0], want[a.ID][1])
		}
	}
	return nil
}

// Held is what an entry has taken from accounts, reserved and committed: of the
// orders of these tests, in which a promotion takes money from one account, and one
// use from others until all of its money is given back.
func Held(e promotions.Entry) map[string][2]int64 {
	held := make(map[string][2]int64)
	switch e.State {
	case promotions.Reserved:
		for _, d := range e.Debits {
			sums := held[d.Account]
			held[d.Account] = [2]int64{sums[0] + d.Amount, sums[1]}
		}
	case promotions.Committed:
		back := make(map[string]int64)
		for _, r := range e.Reversals {
			for id, amount := range r.Amounts {
				back[id] += minor(amount)
			}
		}
		for _, d := range e.Debits {
			if d.Unit != promotions.UnitUses {
				d.Amount -= back[d.Promotion]
			}
			sums := held[d.Account]
			held[d.Account] = [2]int64{sums[0], sums[1] + d.Amount}
		}
	case promotions.Released, promotions.Expired, promotions.Reversed:
	}
	return held
}

func minor(a money.Amount) int64 {
	n, _ := a.Minor()
	return n
}
