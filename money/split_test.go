package money_test

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"pgregory.net/rapid"
)

// Invariant: money M1.
func TestSharesFollowTheirRuleAndSumToTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		total := money.New(anyCoef().Draw(t, "total"), c)
		weights := anyWeights().Draw(t, "weights")
		s := rapid.SampledFrom(splits()).Draw(t, "split")

		shares, err := money.Allocate(total, weights, s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(sharesByRule(t, total, weights, s), shares, exactly()); diff != "" {
			t.Fatalf("%s of %s over %v (-want +got):\n%s", s, total, weights, diff)
		}
		if got := sumOf(t, shares...); got.Cmp(rat(total)) != 0 {
			t.Fatalf("%s: shares sum to %s, want %s", s, got, total)
		}
		back, err := money.Allocate(total.Neg(), weights, s)
		if err != nil {
			t.Fatal(err)
		}
		for i := range shares {
			if back[i] != shares[i].Neg() {
				t.Fatalf("%s: share %d of the refund is %s, of the charge %s", s, i, back[i], shares[i])
			}
			checkSign(t, s, total, shares, i)
		}
	})
}

// checkSign fails when share i has the other sign than the total and its split does not take back.
func checkSign(t *rapid.T, s money.Split, total money.Amount, shares []money.Amount, i int) {
	if shares[i].Sign()*total.Sign() >= 0 {
		return
	}
	minor, _ := shares[i].Abs().Minor()
	if s == money.NearestFirst && minor == 1 || s == money.LastLine && i == lastOf(shares) {
		return
	}
	t.Fatalf("%s: share %d of %s is %s", s, i, total, shares[i])
}

// lastOf returns the index of the last share that is not zero.
func lastOf(shares []money.Amount) int {
	for i, share := range slices.Backward(shares) {
		if !share.IsZero() {
			return i
		}
	}
	return -1
}

// sharesByRule computes the shares from the definition of each split, in rationals.
func sharesByRule(t rapid.TB, total money.Amount, weights []int64, s money.Split) []money.Amount {
	t.Helper()
	units, _ := total.Abs().Minor()
	if slices.Max(weights) == 0 {
		weights = slices.Repeat([]int64{1}, len(weights))
	}
	whole := new(big.Int)
	for _, w := range weights {
		whole.Add(whole, big.NewInt(w))
	}
	exact := func(w *big.Int) *big.Rat {
		return new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(units), w), whole)
	}
	mode := map[money.Split]money.Mode{
		money.LargestRemainder: money.Floor, money.FirstLines: money.Floor, money.NearestFirst: money.HalfDown, money.LastLine: money.HalfUp, money.Cascade: money.HalfUp,
	}[s]
	round := func(r *big.Rat) int64 {
		return roundRat(r, money.Currency{}, money.Rounding{Mode: mode}).Num().Int64()
	}
	shares, fractions, missing := make([]int64, len(weights)), make([]*big.Rat, len(weights)), units
	running, before := new(big.Int), int64(0)
	for i, w := range weights {
		if s == money.Cascade {
			running.Add(running, big.NewInt(w))
			upTo := round(exact(running))
			shares[i], before = upTo-before, upTo
		} else {
			shares[i] = round(exact(big.NewInt(w)))
		}
		fractions[i] = new(big.Rat).Sub(exact(big.NewInt(w)), new(big.Rat).SetInt64(shares[i]))
		missing -= shares[i]
	}
	for _, i := range order(weights, fractions, s) {
		if missing == 0 {
			break
		}
		step := int64(cmp.Compare(missing, 0))
		if s == money.LastLine {
			step = missing
		}
		shares[i] += step
		missing -= step
	}
	out := make([]money.Amount, len(shares))
	for i, share := range shares {
		if total.Sign() < 0 {
			share = -share
		}
		out[i] = money.New(share, total.Currency())
	}
	return out
}

// order returns the lines with weight in the order in which they take part in the difference.
func order(weights []int64, fractions []*big.Rat, s money.Split) []int {
	var lines []int
	for i, w := range weights {
		if w > 0 {
			lines = append(lines, i)
		}
	}
	switch s {
	case money.LargestRemainder:
		slices.SortStableFunc(lines, func(i, j int) int { return fractions[j].Cmp(fractions[i]) })
	case money.LastLine:
		slices.Reverse(lines)
	default:
	}
	return lines
}

// Invariant: money M2.
func TestQuotasOfAPartitionSumToTheTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		total := money.New(anyCoef().Draw(t, "total"), c)
		n := rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, math.MaxInt64)).Draw(t, "n")
		cuts := append(rapid.SliceOfN(rapid.Int64Range(0, n), 0, 20).Draw(t, "cuts"), 0, n)
		slices.Sort(cuts)

		upTo := func(k int64) *big.Rat {
			exact := new(big.Rat).Mul(rat(total), new(big.Rat).SetFrac(big.NewInt(k), big.NewInt(n)))
			return roundRat(exact, c, money.Rounding{Mode: money.HalfUp})
		}
		var parts []money.Amount
		for i, to := range cuts[1:] {
			from := cuts[i]
			part, err := money.Quota(total, n, from, to)
			wantExact(t, "Quota", new(big.Rat).Sub(upTo(to), upTo(from)), c, part, err)
			parts = append(parts, part)
		}
		if got := sumOf(t, parts...); got.Cmp(rat(total)) != 0 {
			t.Fatalf("quotas sum to %s, want %s", got, total)
		}
	})
}

// Invariant: money M3.
func TestCappedSharesStayUnderTheirCaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency(t).Draw(t, "currency")
		units := rapid.OneOf(rapid.Int64Range(-1000, 1000), anyCoef()).Draw(t, "total")
		total := money.New(units, c)
		weights := rapid.OneOf(rapid.SliceOfN(rapid.Int64Range(0, 5), 1, 12), anyWeights()).Draw(t, "weights")
		caps := make([]money.Amount, len(weights))
		for i := range caps {
			limit := rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "cap")
			caps[i] = money.New(limit, c)
		}
		s := rapid.SampledFrom(splits()).Draw(t, "split")

		shares, rest, err := money.AllocateCapped(total, weights, caps, s)
		if err != nil {
			t.Fatal(err)
		}
		want, wantRest := cappedByRule(t, total, weights, caps, s)
		if diff := gocmp.Diff(want, shares, exactly()); diff != "" || rest != wantRest {
			t.Fatalf("%s of %s: rest %s, want %s (-want +got):\n%s", s, total, rest, wantRest, diff)
		}
		if got := sumOf(t, append(slices.Clone(shares), rest)...); got.Cmp(rat(total)) != 0 {
			t.Fatalf("shares and rest sum to %s, want %s", got, total)
		}
		for i, share := range shares {
			if order, err := share.Abs().Cmp(caps[i]); err != nil || order > 0 || share.Sign()*total.Sign() < 0 {
				t.Fatalf("share %d of %s is %s, cap %s (%v)", i, total, share, caps[i], err)
			}
			weighted := weights[i] > 0 || slices.Max(weights) == 0
			if weighted && !rest.IsZero() && share.Abs() != caps[i] {
				t.Fatalf("rest %s while line %d has %s of %s", rest, i, share, caps[i])
			}
		}
	})
}

// cappedByRule spreads the total in rounds of Allocate, as AllocateCapped says it does.
func cappedByRule(t *rapid.T, total money.Amount, weights []int64, caps []money.Amount, s money.Split) ([]money.Amount, money.Amount) {
	t.Helper()
	c := total.Currency()
	minor := func(a money.Amount) int64 { n, _ := a.Abs().Minor(); return n }
	open := slices.Clone(weights)
	if slices.Max(open) == 0 {
		open = slices.Repeat([]int64{1}, len(open))
	}
	taken, left := make([]int64, len(weights)), minor(total)
	for left > 0 {
		for i := range open {
			if taken[i] == minor(caps[i]) {
				open[i] = 0
			}
		}
		if slices.Max(open) == 0 {
			break
		}
		offered, err := money.Allocate(money.New(left, c), open, s)
		if err != nil {
			t.Fatal(err)
		}
		for i, offer := range offered {
			if offer.Sign() > 0 {
				take := min(minor(offer), minor(caps[i])-taken[i], left)
				taken[i] += take
				left -= take
			}
		}
	}
	shares := make([]money.Amount, len(taken))
	for i, n := range taken {
		shares[i] = money.New(n*int64(total.Sign()), c)
	}
	return shares, money.New(left*int64(total.Sign()), c)
}

// sumOf adds amounts up without a bound.
func sumOf(t rapid.TB, amounts ...money.Amount) *big.Rat {
	t.Helper()
	sum := new(big.Rat)
	for _, a := range amounts {
		sum.Add(sum, rat(a))
	}
	return sum
}

// anyWeights draws 1 to 200 weights that sum to an int64: ties, zeros and extremes are all likely.
func anyWeights() *rapid.Generator[[]int64] {
	return rapid.OneOf(
		rapid.SliceOfN(rapid.Int64Range(0, 3), 1, 200),
		rapid.SliceOfN(rapid.Int64Range(0, 100_000), 1, 200),
		rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64/200), 1, 200),
		rapid.SampledFrom([][]int64{{0}, {0, 0, 0}, {math.MaxInt64}, {0, math.MaxInt64, 0}, {1, math.MaxInt64 - 1}, {math.MaxInt64 / 2, math.MaxInt64 / 2, 1}}),
	)
}

func TestSplitTakesBackOnlyWhereItsRuleSays(t *testing.T) {
	jpy := iso(t, "JPY")
	for _, tt := range []struct {
		name    string
		total   int64
		weights []int64
		split   money.Split
		want    []int64
	}{
		{"nearest first takes back from the first line", 100, []int64{1, 150, 150, 150}, money.NearestFirst, []int64{1, 33, 33, 33}},
		{"nearest first goes below zero", 8, []int64{1, 67, 67, 67, 67, 67}, money.NearestFirst, []int64{-1, 1, 2, 2, 2, 2}},
		{"last line goes below zero", 2, []int64{1, 1, 1, 1}, money.LastLine, []int64{1, 1, 1, -1}},
		{"last line with weight", 10, []int64{1, 1, 1, 0}, money.LastLine, []int64{3, 3, 4, 0}},
		{"first lines skip a line without weight", 10, []int64{0, 1, 1, 1}, money.FirstLines, []int64{0, 4, 3, 3}},
		{"largest remainder prefers the first of equals", 2, []int64{1, 1, 1}, money.LargestRemainder, []int64{1, 1, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shares, err := money.Allocate(money.New(tt.total, jpy), tt.weights, tt.split)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, share := range shares {
				minor, _ := share.Minor()
				got = append(got, minor)
			}
			if diff := gocmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCascadeLeavesOtherLinesWhenOneIsSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := money.New(rapid.Int64Range(-1e6, 1e6).Draw(t, "total"), iso(t, "EUR"))
		weights := rapid.SliceOfN(rapid.Int64Range(1, 1000), 1, 20).Draw(t, "weights")
		i := rapid.IntRange(0, len(weights)-1).Draw(t, "line")
		part := rapid.Int64Range(0, weights[i]).Draw(t, "part")
		further := slices.Concat(weights[:i], []int64{part, weights[i] - part}, weights[i+1:])

		whole, err := money.Allocate(total, weights, money.Cascade)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := money.Allocate(total, further, money.Cascade)
		if err != nil {
			t.Fatal(err)
		}
		joined, err := parts[i].Add(parts[i+1])
		if err != nil {
			t.Fatal(err)
		}
		got := slices.Concat(parts[:i], []money.Amount{joined}, parts[i+2:])
		if diff := gocmp.Diff(whole, got, exactly()); diff != "" {
			t.Fatalf("line %d split (-whole +parts):\n%s", i, diff)
		}
	})
}

func TestCappedSharesOfTheOtherSignCountAsZero(t *testing.T) {
	jpy := iso(t, "JPY")
	weights, caps := []int64{1, 67, 67, 67, 67, 67}, make([]money.Amount, 6)
	for i := range caps {
		caps[i] = money.New(100, jpy)
	}
	// Uncapped, these are -1 1 2 2 2 2: the first line gives nothing, so the last finds only one left.
	shares, rest, err := money.AllocateCapped(money.New(8, jpy), weights, caps, money.NearestFirst)
	if err != nil || !rest.IsZero() {
		t.Fatalf("rest %s, %v", rest, err)
	}
	var want []money.Amount
	for _, n := range []int64{0, 1, 2, 2, 2, 1} {
		want = append(want, money.New(n, jpy))
	}
	if diff := gocmp.Diff(want, shares, exactly()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWeightsAreInTheRatioOfTheAmounts(t *testing.T) {
	t.Parallel()
	usd, eur := money.MustISO("USD"), money.MustISO("EUR")
	fine, err := money.FromUnscaled(12345, 4, usd)
	if err != nil {
		t.Fatal(err)
	}
	got, err := money.Weights([]money.Amount{money.New(100, usd), fine, {}, money.New(0, usd)})
	if diff := gocmp.Diff([]int64{10000, 12345, 0, 0}, got); diff != "" || err != nil {
		t.Errorf("error %v, weights (-want +got):\n%s", err, diff)
	}
	large, err := money.FromUnscaled(1, 18, usd)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		amounts []money.Amount
		want    error
		text    string
	}{
		"two currencies": {[]money.Amount{money.New(1, usd), {}, money.New(1, eur)}, money.ErrCurrency, "amounts[2]"},
		"negative":       {[]money.Amount{money.New(1, usd), money.New(-1, usd)}, money.ErrRange, "amounts[1] -0.01 USD"},
		"too large":      {[]money.Amount{large, money.New(1_000_000, usd)}, money.ErrRange, "amounts[1] 10000.00 USD"},
	} {
		if got, err := money.Weights(tt.amounts); !errors.Is(err, tt.want) || got != nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: weights %v, error %v, want %v naming %q", name, got, err, tt.want, tt.text)
		}
	}
}

func TestMustISOPanicsOnAnUnknownCode(t *testing.T) {
	t.Parallel()
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, money.ErrCurrency) {
			t.Errorf("panic with %v, want ErrCurrency", err)
		}
	}()
	money.MustISO("usd")
}
