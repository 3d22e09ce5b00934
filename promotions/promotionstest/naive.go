package promotionstest

import (
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest/internal/naive"
)

// Naive evaluates a cart by looking at every promotion and every unit, in the order
// in which the rules of promotions are written down: slowly, and as plainly as can
// be. It shares no code with the engine, so that where the two agree neither is
// likely to be wrong. The best combination of a stage is found by trying every set of
// its promotions; with more than a dozen of them, or with many units in them, that
// does not end.
//
// The set must be one that [promotions.Compile] accepts, the cart one that
// [promotions.Snapshot.Evaluate] accepts; on others the answer means nothing, and a
// panic is possible. The result is that of the engine in every field but these:
// Nodes, Digest and Fingerprint are zero; of a Rejection only Promotion, Reason and
// Other are there; Near are the misses on the state at the end; and WhyNot of
// Candidates is All.
func Naive(set promotions.Set, cfg promotions.CompileConfig, cart promotions.Cart, opt promotions.Options) promotions.Result {
	return naive.Evaluate(set, cfg, cart, opt)
}
