// Package sonybreaker runs the two-step breaker of github.com/sony/gobreaker/v2 as a breaker.Engine: for services that have one configured
// already, or want the behaviour that they know.
//
//	payments, err := sonybreaker.New(gobreaker.Settings{Name: "payments", Timeout: 30 * time.Second}, breaker.Config{})
//	receipt, err := breaker.Do(ctx, payments, charge)
//
// One breaker serves calls of every result type. It keeps the guarantees of package breaker but for B5: gobreaker notices time only when it is
// touched, and a probe that hangs holds its place for ever. An unused ticket counts as an exclusion, and a result that comes too late is
// ignored without being counted. Callbacks do not run under gobreaker's lock, but for Settings.ReadyToTrip: that must not use the breaker.
//
// A call takes gobreaker's lock twice, reads the clock twice and allocates; one of the native engine does none of it while all is well.
//
// Tested with gobreaker v2.4.0.
package sonybreaker
