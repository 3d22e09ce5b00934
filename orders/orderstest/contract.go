package orderstest

import "fmt"

// A ContractError is a rule of a contract that an implementation does not keep.
type ContractError struct {
	Case string // the case's name, as that of the subtest
	Rule string // the rule, in words
	Err  error  // what was done instead
}

// Error implements error.
func (v *ContractError) Error() string { return fmt.Sprintf("%s: %s\nbut: %v", v.Case, v.Rule, v.Err) }

// Unwrap returns what was done instead.
func (v *ContractError) Unwrap() error { return v.Err }
