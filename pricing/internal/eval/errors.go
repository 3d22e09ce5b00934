package eval

import "github.com/tenon-go/tenon/money"

// A FaultError says why a query has no price.
type FaultError struct {
	Why Why
	// Rule is the one that could not act; nil: none in particular.
	Rule *Rule
	// Stage and Rules, by ID, are those of FaultAmbiguous.
	Stage Stage
	Rules []*Rule
	// From and To are those of FaultRate, FaultStale and FaultCostCurrency.
	From, To money.Currency
	// Err is that of FaultAmount.
	Err error
}

// Why is the kind of a fault.
type Why uint8

// The kinds of faults.
const (
	FaultPrice        Why = iota + 1 // no rule of the price stage is a candidate
	FaultAmbiguous                   // rules of equal rank give different results
	FaultCost                        // the query has no cost
	FaultCostCurrency                // the cost is in another currency and the policy does not convert
	FaultRate                        // there is no rate
	FaultStale                       // the rate is too old
	FaultAmount                      // no amount holds the value, or money refused it
)

// Error names the kind; the words for people are those of the caller, who knows
// the names of the rules.
func (f *FaultError) Error() string {
	switch f.Why {
	case FaultPrice:
		return "no price"
	case FaultAmbiguous:
		return "ambiguous rules"
	case FaultCost:
		return "no cost"
	case FaultCostCurrency:
		return "cost in another currency"
	case FaultRate:
		return "no rate"
	case FaultStale:
		return "stale rate"
	default:
		return f.Err.Error()
	}
}

// Unwrap returns the cause, if there is one.
func (f *FaultError) Unwrap() error { return f.Err }

func amountFault(err error) error {
	return &FaultError{Why: FaultAmount, Err: err}
}
