package promotions

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/tenon-go/tenon/money"
)

// A Result is what promotions do to a cart: absolute amounts, under the
// fingerprint of the cart that they are for. It has a JSON form, which is what a
// [Store] keeps.
type Result struct {
	Applied  []Application // in the order in which they fired
	Rejected []Rejection   // in canonical order
	Lines    []LineResult  // as in the cart
	Shipping []ChargeResult
	Gifts    []Gift
	Near     []NearMiss // the nearest first, at most 5
	Codes    []CodeStatus
	// Subtotal is lines and shipping before, Total after all discounts, in the
	// cart's price mode; Discount is the difference.
	Subtotal, Discount, Total money.Amount
	// Net + Tax = Gross, the sums over lines and shipping.
	Net, Tax, Gross money.Amount
	// Optimal says that every search finished; true without one.
	Optimal bool
	// Bound is the most that legal combinations could take from the cart: what stages took,
	// and of optimal ones what any combination could.
	Bound money.Amount
	// Nodes is the work of the searches; the same on every machine.
	Nodes int
	// Debits are what the ledger takes, in order of account.
	Debits []Debit
	// NextChange is the next edge of a window of the set after the cart's time, for caches; zero: none.
	NextChange time.Time
	// Digest is the set's, Fingerprint the cart's (its canonical JSON without at).
	Digest, Fingerprint [32]byte
}

// An Application is a promotion that fired. Its shares sum to Amount.
type Application struct {
	Promotion, Stage string
	Code             string // the cart's code that opened it
	Amount           money.Amount
	Shares           []Share
	Times            int64 // applications of a consuming effect, else 1
}

// OnLine is what units from to to-1 of a line carry of the application. Units of a line are
// alike, whichever runs its shares are on: the parts of any partition sum to what the line
// gave, as money.Quota cuts it. A line that it took nothing from carries 0. ErrRange where
// the units are not those of the line.
func (a *Application) OnLine(line LineResult, from, to int64) (money.Amount, error) {
	total := money.New(0, a.Amount.Currency())
	for i := range a.Shares {
		if s := &a.Shares[i]; s.Target == line.ID {
			var err error
			if total, err = total.Add(s.Amount); err != nil {
				return money.Amount{}, err
			}
		}
	}
	if len(line.Runs) == 0 {
		return money.Amount{}, fmt.Errorf("promotions: line %s has no units: %w", line.ID, ErrRange)
	}
	part, err := money.Quota(total, line.Runs[len(line.Runs)-1].To, from, to)
	if err != nil {
		return money.Amount{}, fmt.Errorf("promotions: units of line %s: %w: %w", line.ID, ErrRange, err)
	}
	return part, nil
}

// A Share is what an application takes from units From to To-1 of a line, or from
// a charge, where both are 0. Net + Tax is the same in the books' terms.
type Share struct {
	Target           string
	From, To         int64
	Amount, Net, Tax money.Amount
}

// A Debit is what an application takes from an account: minor units of the
// currency Unit, or uses.
type Debit struct {
	Promotion, Account, Unit string
	Amount, Limit            int64
	// Keep says that it stays taken when the order is reversed.
	Keep bool
}

// A LineResult is what a line costs. Before - Discount = After, and Net + Tax = Gross.
type LineResult struct {
	ID                                       string
	Before, Discount, After, Net, Tax, Gross money.Amount
	// Runs are which units were meant, for explanation. What one unit paid is the
	// [money.Quota] of After.
	Runs []Run
}

// A Run is units From to To-1 of a line, all in one state.
type Run struct {
	From, To      int64
	Before, After money.Amount
}

// A ChargeResult is what a shipping charge costs.
type ChargeResult struct {
	ID                                       string
	Before, Discount, After, Net, Tax, Gross money.Amount
}

// A Gift says what a gift promotion grants and what the cart has of it; the host
// changes the lines.
type Gift struct {
	Promotion, Product string
	Entitled, InCart   int64
}

// A Rejection is a promotion that did not fire, and the first reason.
type Rejection struct {
	Promotion string
	Reason    Reason
	// Path, Field, Op, Want and Have are the condition that failed: of a condition, its first
	// deciding leaf; of a limit or budget, the account, its limit and what is left.
	Path, Field, Op, Want, Have string
	// Other is the promotion that is in the way.
	Other string
}

// Reason is why a promotion did not fire.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	NotStarted      Reason = "not_started"
	Ended           Reason = "ended"
	NoCode          Reason = "code"
	OtherCurrency   Reason = "currency"
	NeedsCustomer   Reason = "customer" // a limit per customer, and a guest
	LimitReached    Reason = "limit"
	ConditionFailed Reason = "condition"
	ExclusiveOther  Reason = "exclusive"
	Stopped         Reason = "stopped"
	GroupFull       Reason = "group"
	Conflicts       Reason = "conflict"
	NoEffect        Reason = "no_effect"
	BudgetExceeded  Reason = "budget"
	NotBest         Reason = "not_best"
)

// A NearMiss is a promotion that one leaf keeps from firing, and by how much.
type NearMiss struct{ Promotion, Field, Have, Need, Gap string }

// A CodeStatus says what became of a code of the cart.
type CodeStatus struct{ Code, Status string }

// The statuses of a code: it opened a promotion that fired, or one that did not
// (whose rejection tells why), or none, or it is no code at all.
const (
	CodeUsed     = "used"
	CodeKnown    = "known"
	CodeUnknown  = "unknown"
	CodeMistyped = "mistyped"
)

// Options are what an evaluation may know beside the cart.
type Options struct {
	// Left is what is left by account; absent is unlimited. [Ledger] sets it.
	Left map[string]Left
	// Until is the end of the reservation that Redeem makes; zero is now + TTL.
	Until time.Time
	// WhyNot says which promotions get a rejection.
	WhyNot Scope
	// Nodes is the search budget of an optimal stage: 0 means 50,000, at most 10^7.
	Nodes int
	// NearPercent is the largest gap of a near miss in percent of its threshold: 0
	// means 30, -1 none.
	NearPercent int
}

// Left is what an account has left: uses, or money.
type Left struct {
	Uses   int64
	Amount money.Amount
}

// Scope says which promotions get a rejection.
type Scope uint8

// Candidates are those that the cart's keys reach.
const (
	Candidates Scope = iota
	All
	None
)

// MarshalJSON writes the form that UnmarshalJSON reads: keys in order of their
// bytes, amounts of the result's one currency as decimal strings in major units,
// digests in hex. Equal results are written as equal bytes.
func (r Result) MarshalJSON() ([]byte, error) {
	return encode("result", func(f *form) { f.result(&r) })
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else. On an error, an
// [*InvalidError], r is unchanged.
func (r *Result) UnmarshalJSON(data []byte) error {
	var read Result
	if err := parse(data, func(f *form) { f.result(&read) }); err != nil {
		return err
	}
	*r = read
	return nil
}

// currencyOf is the currency that the amounts of a result have.
func currencyOf(r *Result) money.Currency {
	for _, a := range []money.Amount{r.Subtotal, r.Total, r.Discount, r.Net, r.Tax, r.Gross, r.Bound} {
		if !a.Currency().IsZero() {
			return a.Currency()
		}
	}
	return money.Currency{}
}

func (f *form) result(r *Result) {
	f.currency = currencyOf(r)
	f.Object(func() {
		f.early(func() { f.currencyField(&f.currency) })
		list(f, "applied", &r.Applied, f.application)
		f.amount("bound", &r.Bound)
		list(f, "codes", &r.Codes, f.codeStatus)
		f.late(func() { f.currencyField(&f.currency) })
		list(f, "debits", &r.Debits, f.debit)
		f.hash("digest", &r.Digest)
		f.amount("discount", &r.Discount)
		f.hash("fingerprint", &r.Fingerprint)
		list(f, "gifts", &r.Gifts, f.giftOf)
		f.amount("gross", &r.Gross)
		list(f, "lines", &r.Lines, f.lineResult)
		list(f, "near", &r.Near, f.near)
		f.amount("net", &r.Net)
		f.Time("next_change", &r.NextChange)
		small(f, "nodes", &r.Nodes, 0, maxSize)
		f.Bool("optimal", &r.Optimal)
		list(f, "rejected", &r.Rejected, f.rejection)
		list(f, "shipping", &r.Shipping, f.chargeResult)
		f.amount("subtotal", &r.Subtotal)
		f.amount("tax", &r.Tax)
		f.amount("total", &r.Total)
	})
}

// hash is 32 bytes in hex; the default is 0.
func (f *form) hash(key string, v *[32]byte) {
	f.Field(key, *v == [32]byte{}, func() {
		text := hex.EncodeToString(v[:])
		if f.TextValue(&text); !f.Reads() {
			return
		}
		read, err := hex.DecodeString(text)
		if err != nil || len(read) != len(v) {
			f.failf("want %d bytes in hex", len(v))
			return
		}
		copy(v[:], read)
	})
}

func (f *form) application(a *Application) {
	f.Object(func() {
		f.amount("amount", &a.Amount)
		f.Text("code", &a.Code)
		f.Text("promotion", &a.Promotion)
		list(f, "shares", &a.Shares, func(s *Share) {
			f.Object(func() {
				f.amount("amount", &s.Amount)
				f.integer("from", &s.From)
				f.amount("net", &s.Net)
				f.Text("target", &s.Target)
				f.amount("tax", &s.Tax)
				f.integer("to", &s.To)
			})
		})
		f.Text("stage", &a.Stage)
		f.integer("times", &a.Times)
	})
}

// integer is a number of any size; the default is 0.
func (f *form) integer(key string, v *int64) { count(f, key, v, math.MinInt64, math.MaxInt64) }

func (f *form) codeStatus(s *CodeStatus) {
	f.Object(func() {
		f.Text("code", &s.Code)
		f.Text("status", &s.Status)
	})
}

func (f *form) debit(d *Debit) {
	f.Object(func() {
		f.Text("account", &d.Account)
		f.integer("amount", &d.Amount)
		f.integer("limit", &d.Limit)
		f.Text("promotion", &d.Promotion)
		f.Text("unit", &d.Unit)
	})
}

func (f *form) giftOf(g *Gift) {
	f.Object(func() {
		f.integer("entitled", &g.Entitled)
		f.integer("in_cart", &g.InCart)
		f.Text("product", &g.Product)
		f.Text("promotion", &g.Promotion)
	})
}

func (f *form) lineResult(l *LineResult) {
	f.Object(func() {
		f.amount("after", &l.After)
		f.amount("before", &l.Before)
		f.amount("discount", &l.Discount)
		f.amount("gross", &l.Gross)
		f.Text("id", &l.ID)
		f.amount("net", &l.Net)
		list(f, "runs", &l.Runs, func(r *Run) {
			f.Object(func() {
				f.amount("after", &r.After)
				f.amount("before", &r.Before)
				f.integer("from", &r.From)
				f.integer("to", &r.To)
			})
		})
		f.amount("tax", &l.Tax)
	})
}

func (f *form) chargeResult(c *ChargeResult) {
	f.Object(func() {
		f.amount("after", &c.After)
		f.amount("before", &c.Before)
		f.amount("discount", &c.Discount)
		f.amount("gross", &c.Gross)
		f.Text("id", &c.ID)
		f.amount("net", &c.Net)
		f.amount("tax", &c.Tax)
	})
}

func (f *form) near(n *NearMiss) {
	f.Object(func() {
		f.Text("field", &n.Field)
		f.Text("gap", &n.Gap)
		f.Text("have", &n.Have)
		f.Text("need", &n.Need)
		f.Text("promotion", &n.Promotion)
	})
}

func (f *form) rejection(r *Rejection) {
	reason := string(r.Reason)
	f.Object(func() {
		f.Text("field", &r.Field)
		f.Text("have", &r.Have)
		f.Text("op", &r.Op)
		f.Text("other", &r.Other)
		f.Text("path", &r.Path)
		f.Text("promotion", &r.Promotion)
		f.Text("reason", &reason)
		f.Text("want", &r.Want)
	})
	r.Reason = Reason(reason)
}
