package promotionstest

import (
	"github.com/tenon-go/tenon/money"
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

// NaiveRange is what a set of one optimal stage may take. Where consuming effects share
// units, several assignments of units can give the same sum; Naive and the engine each
// take one of them, by a convention of its own, and tags or the promotions after them can
// tell which. The best combination takes least at the worst choice of assignments, and
// most at the best; mostly the two are equal. An effect on the first units of a line can
// also tell in which order equal units of it were used: that is not tried. It is not ok
// for other sets, where a promotion stands alone in the cart, and where there are too many
// assignments to try.
func NaiveRange(set promotions.Set, cfg promotions.CompileConfig, cart promotions.Cart, opt promotions.Options) (least, most money.Amount, ok bool) {
	return naive.Range(set, cfg, cart, opt)
}
