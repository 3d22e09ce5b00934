package retry

// Tokens are thousandths of what a budget counts in.
type Tokens int64

// Budget bounds how much load the retries of all calls that share it may add. It must be safe for concurrent use. The ones of package
// budget are NewToken, NewQuota and NewRatio.
type Budget interface {
	// Charge is told each failure that is worth retrying, once and before any wait; so is Hedge's every further attempt. It returns
	// what was taken, and whether the retry is allowed.
	Charge(c Charge) (Tokens, bool)
	// Settle is told each success: by which attempt, which is one more than the call had charges, and what the last of them took, 0 where
	// there was none. It lies on the path of every call.
	Settle(attempt int, spent Tokens)
	// Balance returns what is left, in the unit of the budget.
	Balance() float64
}

// Charge is a failure as a budget sees it.
type Charge struct {
	Attempt   int  // the failed one, from 1; for Hedge, which charge of the call it is
	Throttled bool // it was asked to slow down
	Last      bool // the call ends in any case: a budget that counts failures charges it, one that sells retries does not
	Stop      bool // because the service said "do not retry"
}
