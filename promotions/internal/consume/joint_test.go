package consume_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/promotions/internal/consume"
	"pgregory.net/rapid"
)

// drawJoint makes offers that share units.
func drawJoint(t *rapid.T, units int) *consume.Joint {
	j := &consume.Joint{Classes: drawClasses(t, units, 0)}
	for range j.Classes {
		j.Rooms = append(j.Rooms, 0)
	}
	for i := range j.Classes {
		c := &j.Classes[i]
		c.Price *= 5
		j.Rooms[i] = rapid.SampledFrom([]int64{c.Price, c.Price, c.Price - 4}).Draw(t, "room")
	}
	for range rapid.IntRange(1, 3).Draw(t, "offers") {
		j.Offers = append(j.Offers, drawOffer(t, j))
	}
	j.Prepare()
	return j
}

func drawOffer(t *rapid.T, j *consume.Joint) consume.Offer {
	o := consume.Offer{Max: rapid.SampledFrom([]int64{0, 0, 1, 2}).Draw(t, "max")}
	percent := rapid.SampledFrom([]int64{10, 50, 100}).Draw(t, "percent")
	off := func(price int64) int64 { return (price*percent + 50) / 100 }
	needs := 2
	if rapid.Bool().Draw(t, "bxgy") {
		o.NotDearer = rapid.Bool().Draw(t, "not dearer")
		for i, c := range j.Classes {
			o.Gains = append(o.Gains, min(off(c.Price), j.Rooms[i]))
		}
	} else {
		needs = rapid.IntRange(1, 3).Draw(t, "needs")
		amount := rapid.Int64Range(1, 20).Draw(t, "amount")
		switch o.Shape = rapid.SampledFrom([]consume.Shape{consume.AnyShape, consume.Linear, consume.Convex}).Draw(t, "shape"); o.Shape {
		case consume.Linear:
			o.Rounding, o.Period = 1, 100
			o.Worth = func(price, room int64) int64 { return min(off(price), room) }
		case consume.Convex:
			o.Worth = func(price, room int64) int64 { return min(max(price-amount, 0), room) }
		case consume.AnyShape:
			o.Worth = func(_, room int64) int64 { return min(amount, room) }
		}
	}
	for range needs {
		o.Needs = append(o.Needs, rapid.Int64Range(1, 2).Draw(t, "need"))
	}
	for range j.Classes {
		o.Fits = append(o.Fits, uint8(rapid.IntRange(0, 1<<needs-1).Draw(t, "fits"))) //nolint:gosec // at most 8 bits
	}
	return o
}

// A bruteJoint goes over all ways to make applications out of single units.
type bruteJoint struct {
	*consume.Joint
	units []unit
	memo  map[string]int64
}

func (b *bruteJoint) best(left uint, times [3]int64) int64 {
	key := fmt.Sprint(left, times)
	if v, ok := b.memo[key]; ok {
		return v
	}
	var most int64
	for i := range b.Offers {
		o := &b.Offers[i]
		if o.Max > 0 && times[i] == o.Max {
			continue
		}
		b.each(o, left, 0, o.Needs[0], nil, func(rest uint, used [][]int) {
			gain, ok := b.gain(o, used)
			if ok && gain > 0 {
				next := times
				if o.Max > 0 {
					next[i]++
				}
				most = max(most, gain+b.best(rest, next))
			}
		})
	}
	b.memo[key] = most
	return most
}

// each calls f with every choice of units for one application, by need.
func (b *bruteJoint) each(o *consume.Offer, left uint, need int, missing int64, used [][]int, f func(uint, [][]int)) {
	if need == len(o.Needs) {
		f(left, used)
		return
	}
	if len(used) == need {
		used = append(used[:need:need], nil)
	}
	if missing == 0 {
		next := int64(0)
		if need+1 < len(o.Needs) {
			next = o.Needs[need+1]
		}
		b.each(o, left, need+1, next, used, f)
		return
	}
	start := 0
	if n := len(used[need]); n > 0 {
		start = used[need][n-1] + 1
	}
	for u := start; u < len(b.units); u++ {
		if left&(1<<u) == 0 || o.Fits[b.units[u].class]&(1<<need) == 0 {
			continue
		}
		mine := append(used[:need:need], append(slices.Clip(used[need]), u))
		b.each(o, left&^(1<<u), need, missing-1, mine, f)
	}
}

func (b *bruteJoint) gain(o *consume.Offer, used [][]int) (int64, bool) {
	var price, room, got int64
	for _, list := range used {
		for _, u := range list {
			price += b.units[u].price
			room += b.Rooms[b.units[u].class]
		}
	}
	if o.Gains == nil {
		return o.Worth(price, room), true
	}
	for _, u := range used[1] {
		got += o.Gains[b.units[u].class]
		for _, v := range used[0] {
			if o.NotDearer && b.units[u].price > b.units[v].price {
				return 0, false
			}
		}
	}
	return got, true
}

func all(j *consume.Joint) []int {
	var offers []int
	for i := range j.Offers {
		offers = append(offers, i)
	}
	return offers
}

func TestJointIsTheBestUseOfUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := drawJoint(t, 7)
		b := &bruteJoint{j, unitsOf(j.Classes, consume.Dearest), map[string]int64{}}
		want := b.best(1<<len(b.units)-1, [3]int64{})
		got := j.Solve(all(j), 50_000)
		if !got.Exact || got.Total != want || got.Bound != want {
			t.Fatalf("total %d, bound %d, exact %v; want %d", got.Total, got.Bound, got.Exact, want)
		}
		checkParts(t, j, got)
	})
}

func TestJointOutOfWorkIsLegalAndItsBoundHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := drawJoint(t, 7)
		b := &bruteJoint{j, unitsOf(j.Classes, consume.Dearest), map[string]int64{}}
		want := b.best(1<<len(b.units)-1, [3]int64{})
		got := j.Solve(all(j), rapid.IntRange(0, 10).Draw(t, "work"))
		if got.Total > want || got.Bound < want || got.Exact && got.Total != want {
			t.Fatalf("total %d, bound %d, exact %v; want %d", got.Total, got.Bound, got.Exact, want)
		}
		checkParts(t, j, got)
	})
}

// checkParts checks that parts are made of units that are there, give what they say, and
// keep to Max.
//
//nolint:gocognit // the rules one after the other, as they are written down
func checkParts(t *rapid.T, j *consume.Joint, got consume.Joined) {
	left := make([]int64, len(j.Classes))
	for i, c := range j.Classes {
		left[i] = c.Count
	}
	times := make([]int64, len(j.Offers))
	var total int64
	for _, p := range got.Parts {
		o := &j.Offers[p.Offer]
		var price, room, units int64
		for _, list := range [][]consume.Take{p.Got, p.Takes} {
			for _, take := range list {
				left[take.Class] -= take.Units * p.Times
				price += j.Classes[take.Class].Price * take.Units
				room += j.Rooms[take.Class] * take.Units
				units += take.Units
				if o.Fits[take.Class] == 0 {
					t.Fatalf("%+v fits nothing in %+v", take, o)
				}
			}
		}
		var each int64
		for _, n := range o.Needs {
			each += n
		}
		times[p.Offer] += units / each * p.Times
		if o.Gains == nil {
			total += o.Worth(price, room) * p.Times
		}
		for _, take := range p.Got {
			total += o.Gains[take.Class] * take.Units
		}
	}
	for i, n := range left {
		if n < 0 {
			t.Fatalf("%d units too many of class %d: %+v", -n, i, got.Parts)
		}
	}
	for i, n := range times {
		if most := j.Offers[i].Max; most > 0 && n > most {
			t.Fatalf("%d applications of %+v", n, j.Offers[i])
		}
	}
	if total != got.Total {
		t.Fatalf("the parts give %d, want %d", total, got.Total)
	}
}

func TestPublishedOptimaOfSharedUnits(t *testing.T) {
	percent := func(p int64) func(price, room int64) int64 {
		return func(price, room int64) int64 { return min((price*p+50)/100, room) }
	}
	for name, c := range map[string]struct {
		joint consume.Joint
		want  int64
	}{
		"two of four at half price or two for 20 %": {consume.Joint{
			Classes: []consume.Class{{Price: 1500, Count: 4}}, Rooms: []int64{1500},
			Offers: []consume.Offer{
				{Needs: []int64{1, 1}, Fits: []uint8{3}, Gains: []int64{750}, NotDearer: true},
				{Needs: []int64{2}, Fits: []uint8{1}, Worth: percent(20), Shape: consume.Linear, Rounding: 1},
			},
		}, 1500},
		"two cokes, sandwiches and chocolates with a meal": {consume.Joint{
			Classes: []consume.Class{{Price: 200, Count: 2}, {Price: 300, Count: 2}, {Price: 100, Count: 2}}, Rooms: []int64{200, 300, 100},
			Offers: []consume.Offer{
				{Needs: []int64{1, 1}, Fits: []uint8{3, 0, 0}, Gains: []int64{200, 300, 100}},
				{Needs: []int64{1, 1, 1}, Fits: []uint8{1, 2, 4}, Worth: func(price, _ int64) int64 { return max(price-450, 0) }},
			},
		}, 300},
	} {
		c.joint.Prepare()
		got := c.joint.Solve(all(&c.joint), 50_000)
		if diff := cmp.Diff(c.want, got.Total); diff != "" || !got.Exact {
			t.Errorf("%s: exact %v (-want +got)\n%s", name, got.Exact, diff)
		}
	}
}

func TestALoneOfferNeedsNoSearch(t *testing.T) {
	var classes []consume.Class
	var fits []uint8
	var rooms []int64
	for i := range int64(20) {
		classes = append(classes, consume.Class{Price: 1000 + 20*i, Count: 1e6})
		rooms, fits = append(rooms, 1000+20*i), append(fits, 3)
	}
	for _, o := range []consume.Offer{
		{Needs: []int64{6}, Worth: func(price, _ int64) int64 { return price / 5 }, Shape: consume.Linear},
		{Needs: []int64{6}, Worth: func(price, room int64) int64 { return min(max(price-5000, 0), room) }, Shape: consume.Convex},
		{Needs: []int64{2, 1}, Gains: rooms},
	} {
		o.Fits = fits
		j := consume.Joint{Classes: classes, Rooms: rooms, Offers: []consume.Offer{o}}
		j.Prepare()
		if got := j.Solve([]int{0}, 10_000); !got.Exact || got.Work > 1 || got.Total == 0 {
			t.Errorf("%+v: exact %v, work %d, total %d", o.Needs, got.Exact, got.Work, got.Total)
		}
	}
}

// Six for 20 % over twenty products: which units go together decides what rounding gives.
func TestALoneBundleIsRegroupedForTheCents(t *testing.T) {
	o := consume.Offer{Needs: []int64{6}, Shape: consume.Linear, Rounding: 1, Period: 10}
	o.Worth = func(price, room int64) int64 { return min((price*2+5)/10, room) }
	j := consume.Joint{Offers: []consume.Offer{o}}
	var sum int64
	for i := range int64(20) {
		price := 1999 + 37*i
		j.Classes, j.Rooms = append(j.Classes, consume.Class{Price: price, Count: 3}), append(j.Rooms, price)
		j.Offers[0].Fits = append(j.Offers[0].Fits, 1)
		sum += 3 * price
	}
	j.Prepare()
	got := j.Solve([]int{0}, 10_000)
	// Ten bundles use all units. Rounding adds at most 0.4 to each: when the sum of its units
	// is three more than a multiple of five.
	if want := (sum*2 + 10*4) / 10; got.Total != want || !got.Exact || got.Work == 0 || got.Work > 10_000 {
		t.Errorf("%d, exact %v, work %d; want %d", got.Total, got.Exact, got.Work, want)
	}
	left := map[int32]int64{}
	for _, p := range got.Parts {
		for _, take := range p.Takes {
			left[take.Class] += take.Units * p.Times
		}
	}
	for i, c := range j.Classes {
		if left[int32(i)] != c.Count {
			t.Errorf("%d units of class %d are used", left[int32(i)], i)
		}
	}
}

// Offers that are too many units to search get no less than the better one alone.
func TestOutOfWorkTheBestOfferComesFirst(t *testing.T) {
	j := consume.Joint{
		Classes: []consume.Class{{Price: 1000, Count: 1e9}}, Rooms: []int64{1000},
		Offers: []consume.Offer{
			{Needs: []int64{2, 1}, Fits: []uint8{3}, Gains: []int64{500}},
			{Needs: []int64{6}, Fits: []uint8{1}, Worth: func(price, _ int64) int64 { return price / 5 }, Shape: consume.Linear},
		},
	}
	j.Prepare()
	got := j.Solve([]int{0, 1}, 50_000)
	if alone := j.Solve([]int{1}, 50_000); got.Total < alone.Total || got.Exact {
		t.Errorf("%d together, exact %v; %d alone", got.Total, got.Exact, alone.Total)
	}
}
