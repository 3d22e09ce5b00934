// Package budget bounds the load that retries add to a service, over all calls that share a budget: in an outage, retries without one
// multiply the load by the number of attempts.
//
//	           a failure           a retry               success at once   success after retries  a total outage adds
//	Token      takes 1             needs more than half  gives Ratio       gives Ratio            nothing, once at half
//	Quota      -                   takes 14 (5)          gives 1           gives its cost back    nothing, once empty
//	Ratio      -                   takes 1 retry         gives Ratio       gives Ratio            Ratio of the calls
//
// Token is what gRPC does, Quota what the AWS SDKs do, Ratio what Finagle does. One budget per service called is right: shared by policies,
// not by services. Token and Quota recover with successes alone; Ratio also lets some retries through in an outage, in proportion to
// the traffic, and a reserve of retries per second for services that are called seldom.
//
// # Guarantees
//
//   - Check and take are one step: no interleaving of calls takes more than there is.
//   - The balance of Token and Quota stays between 0 and what they were made with; that of Ratio does not fall below 0.
//   - Nothing is allocated, no lock is taken and no clock is read by Charge and Settle, but for the timer of a Ratio that was idle.
//
// All types are safe for concurrent use. Their zero values are not usable.
//
// # Sources
//
// gRFC A6, retry throttling; AWS SDK for Go v2, aws/retry (v1.47.7); Finagle, RetryBudget.
package budget
