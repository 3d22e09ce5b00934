package promotions_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
)

// forDeals calls check for random deals whose sets are legal.
func forDeals(t *testing.T, deals uint64, check func(seed uint64, d promotionstest.Deal, s *promotions.Snapshot)) {
	t.Helper()
	legal := uint64(0)
	for seed := range deals {
		d := promotionstest.NewDeal(seed)
		if s, err := promotions.Compile(d.Set, promotions.CompileConfig{}); err == nil {
			legal++
			check(seed, d, s)
		}
	}
	if legal < deals/2 {
		t.Errorf("only %d of %d deals are legal", legal, deals)
	}
}

// encodedDeal is the result of a deal as JSON, with the statuses of codes in an order that
// is not that of the cart.
func encodedDeal(t *testing.T, s *promotions.Snapshot, d promotionstest.Deal) []byte {
	t.Helper()
	r, err := s.Evaluate(d.Cart, d.Options)
	if err != nil {
		t.Fatalf("%v\n%s", err, d)
	}
	slices.SortFunc(r.Codes, func(a, b promotions.CodeStatus) int { return bytes.Compare([]byte(a.Code), []byte(b.Code)) })
	return marshalled(t, r)
}

func marshalled(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// shuffled is a copy of a list in another order, as r has it.
func shuffled[T any](r *rand.Rand, list []T) []T {
	out := slices.Clone(list)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// reordered is a deal that means the same: promotions, codes and the lists of a stack in
// another order, and every map filled anew. The segments of a customer stay, because a
// rejection quotes them as the cart has them.
func reordered(r *rand.Rand, d promotionstest.Deal) promotionstest.Deal {
	d.Set.Campaigns, d.Set.Promotions = shuffled(r, d.Set.Campaigns), shuffled(r, d.Set.Promotions)
	for i := range d.Set.Promotions {
		p := &d.Set.Promotions[i]
		p.Codes = shuffled(r, p.Codes)
		k := &p.Stack
		k.Excludes, k.Combines = shuffled(r, k.Excludes), shuffled(r, k.Combines)
		k.Tags, k.CombinesTags = shuffled(r, k.Tags), shuffled(r, k.CombinesTags)
	}
	d.Set.Stages = slices.Clone(d.Set.Stages)
	for i := range d.Set.Stages {
		d.Set.Stages[i].Groups = maps.Clone(d.Set.Stages[i].Groups)
	}
	d.Options.Left = maps.Clone(d.Options.Left)
	d.Cart.Codes = shuffled(r, d.Cart.Codes)
	return d
}

// Not a byte of a result, its digest and fingerprint among them, depends on the order of
// what has none.
//
// Invariant: promotions P4.
func TestTheOrderOfTheInputMeansNothing(t *testing.T) {
	t.Parallel()
	forDeals(t, 4000, func(seed uint64, d promotionstest.Deal, s *promotions.Snapshot) {
		other := reordered(rand.New(rand.NewPCG(seed, 1)), d)
		again, err := promotions.Compile(other.Set, promotions.CompileConfig{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if a, b := encodedDeal(t, s, d), encodedDeal(t, again, other); !bytes.Equal(a, b) {
			t.Fatalf("seed %d:\n%s\n%s\n%s", seed, a, b, d)
		}
	})
}

// Goroutines that share snapshots get what one gets alone.
//
// Invariant: promotions P4.
func TestOneResultOnManyGoroutines(t *testing.T) {
	t.Parallel()
	const deals, goroutines = 60, 64
	type job struct {
		deal     promotionstest.Deal
		snapshot *promotions.Snapshot
		alone    []byte
	}
	var jobs []job
	forDeals(t, deals, func(_ uint64, d promotionstest.Deal, s *promotions.Snapshot) {
		jobs = append(jobs, job{d, s, encodedDeal(t, s, d)})
	})
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			var r promotions.Result
			for i := range jobs {
				j := &jobs[(i+g)%len(jobs)]
				if err := j.snapshot.EvaluateInto(j.deal.Cart, j.deal.Options, &r); err != nil {
					t.Error(err)
					return
				}
				slices.SortFunc(r.Codes, func(a, b promotions.CodeStatus) int { return bytes.Compare([]byte(a.Code), []byte(b.Code)) })
				if got, err := json.Marshal(r); err != nil || !bytes.Equal(got, j.alone) {
					t.Errorf("%v\n%s\nalone:\n%s", err, got, j.alone)
					return
				}
			}
		})
	}
	all.Wait()
}

// What is written and read again is written alike and means the same.
func TestDealsRoundTrip(t *testing.T) {
	t.Parallel()
	forDeals(t, 4000, func(seed uint64, d promotionstest.Deal, s *promotions.Snapshot) {
		setText, cartText := marshalled(t, d.Set), marshalled(t, d.Cart)
		read := promotionstest.Deal{Options: d.Options}
		var err error
		if read.Set, err = promotions.Parse(bytes.NewReader(setText)); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, setText)
		}
		if read.Cart, err = promotions.ParseCart(bytes.NewReader(cartText)); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, cartText)
		}
		if again := marshalled(t, read.Set); !bytes.Equal(again, setText) {
			t.Fatalf("seed %d: written\n%s\nand then\n%s", seed, setText, again)
		}
		if again := marshalled(t, read.Cart); !bytes.Equal(again, cartText) {
			t.Fatalf("seed %d: written\n%s\nand then\n%s", seed, cartText, again)
		}
		snapshot, err := promotions.Compile(read.Set, promotions.CompileConfig{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want := encodedDeal(t, s, d)
		if got := encodedDeal(t, snapshot, read); !bytes.Equal(got, want) {
			t.Fatalf("seed %d:\n%s\nbefore:\n%s", seed, got, want)
		}
		var result promotions.Result
		if err := json.Unmarshal(want, &result); err != nil || !bytes.Equal(marshalled(t, result), want) {
			t.Fatalf("seed %d: %v\n%s", seed, err, want)
		}
	})
}
