// Package bench measures engines of the suite beside their peers, in one run and on the same work,
// so that a claim is a ratio and not a number of somebody else's machine. It is a module of its own
// so that no peer enters the go.sum of the suite, it is never tagged, and it has no code but its
// benchmarks:
//
//	go test -run '^$' -bench . ./...
//
// Every benchmark checks first that all contenders compute the same, then lets them take turns.
package bench
