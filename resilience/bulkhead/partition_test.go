package bulkhead_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/bulkhead"
)

// partitioned returns a Partitioned, or fails.
func partitioned(tb testing.TB, limit int, weights map[string]int, cfg bulkhead.Config) *bulkhead.Partitioned {
	tb.Helper()
	p, err := bulkhead.NewPartitioned(limit, weights, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// holdOf takes a permit of a partition that must be there.
func holdOf(tb testing.TB, p *bulkhead.Partitioned, name string) bulkhead.Permit {
	tb.Helper()
	permit, err := p.Acquire(context.Background(), name)
	if err != nil {
		tb.Fatal(err)
	}
	return permit
}

// comeOf starts a caller of a partition.
func comeOf(ctx context.Context, p *bulkhead.Partitioned, name string, priority int) *caller {
	return come(func() (bulkhead.Permit, error) { return p.AcquireAt(ctx, name, priority) })
}

func TestIdleSharesAreLentAndNotRecalled(t *testing.T) {
	p := partitioned(t, 4, map[string]int{"a": 1, "b": 1}, bulkhead.Config{})
	for range 4 {
		holdOf(t, p, "a") // two of them borrowed
	}
	_, err := p.Acquire(t.Context(), "b")
	want := error(&bulkhead.FullError{InUse: 4, Limit: 4, Partition: "b"})
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v := resilience.Default(t.Context(), err); v.Kind != resilience.KindRejected {
		t.Errorf("verdict %+v", v)
	}
}

// Invariant: resilience K5.
func TestWaitingPartitionReachesItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := partitioned(t, 6, map[string]int{"a": 1, "b": 1, "c": 1}, bulkhead.Config{Queue: 10})
		var held []bulkhead.Permit
		for range 6 {
			held = append(held, holdOf(t, p, "a"))
		}
		var a, b []*caller
		for range 6 { // a comes first, and waits for longer
			a = append(a, comeOf(t.Context(), p, "a", 0))
		}
		for range 3 {
			b = append(b, comeOf(t.Context(), p, "b", 0))
		}
		held[0].Release()
		held[1].Release()
		want(t, "in", b[:2]...) // the share of b
		want(t, "waits", a...)
		held[2].Release() // c leaves its share idle; b uses 2 for its weight, a 3
		want(t, "in", b[2])
		want(t, "waits", a...)
		held[3].Release() // b does not wait any more
		want(t, "in", a[0])
	})
}

// A free slot goes to the waiting partition with the lowest use for its weight, and among those with the same to who has waited longest.
func TestFreeSlotGoesToTheLowestUseForItsWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Nobody has a share of more than 1, so all waits here are for borrowed slots: big uses 3 of 6, small 1 of 1, mid 2 of 3.
		p := partitioned(t, 6, map[string]int{"big": 6, "mid": 3, "small": 1, "idle": 1000}, bulkhead.Config{Queue: 10})
		held := []bulkhead.Permit{
			holdOf(t, p, "big"), holdOf(t, p, "big"), holdOf(t, p, "big"), holdOf(t, p, "small"), holdOf(t, p, "mid"), holdOf(t, p, "mid"),
		}
		come := func(name string) *caller {
			c := comeOf(t.Context(), p, name, 0)
			time.Sleep(time.Millisecond)
			return c
		}
		small, mid, big, big2 := come("small"), come("mid"), come("big"), come("big")
		held[3].Release() // small uses 0 of 1 now
		want(t, "in", small)
		want(t, "waits", mid, big, big2)
		small.permit.Release() // big uses 3/6, mid 2/3
		want(t, "in", big)
		held[0].Release() // big uses 3/6 again
		want(t, "in", big2)
		held[1].Release()
		want(t, "in", mid)
	})
}

func TestRestIsOnePartition(t *testing.T) {
	p := partitioned(t, 2, map[string]int{"a": 1, bulkhead.Rest: 1}, bulkhead.Config{})
	first, second := holdOf(t, p, "x"), holdOf(t, p, "y")
	got := p.Stats().Parts
	if got[0].Name != "*" || got[0].InUse != 2 || len(got) != 2 {
		t.Errorf("%v", got)
	}
	first.Release()
	second.Release()

	p = partitioned(t, 2, map[string]int{"a": 1}, bulkhead.Config{})
	_, err := p.Acquire(t.Context(), "x")
	if v := resilience.Default(t.Context(), err); !errors.Is(err, bulkhead.ErrPartition) || v.Kind != resilience.KindRejected {
		t.Errorf("unknown name: %v, verdict %+v", err, v)
	}
	if err != nil && err.Error() != `bulkhead: unknown partition: "x"` {
		t.Error(err)
	}
	settled(t, p.Stats().Stats, 0)
}

// Each partition has a queue of its own, so that a tenant that floods does not keep others from waiting for their share.
func TestEachPartitionHasItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := partitioned(t, 1, map[string]int{"a": 1, "b": 1}, bulkhead.Config{Queue: 2, MaxWait: time.Second, ShedLowest: true})
		permit := holdOf(t, p, "a")
		a := []*caller{comeOf(t.Context(), p, "a", 0), comeOf(t.Context(), p, "a", 0)}
		want(t, "full", comeOf(t.Context(), p, "a", 0))
		b := []*caller{comeOf(t.Context(), p, "b", 0), comeOf(t.Context(), p, "b", 5)}
		want(t, "waits", b...)
		high := comeOf(t.Context(), p, "b", 9) // sheds within its partition
		want(t, "full", b[0])
		want(t, "waits", a...)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		want(t, "bulkhead: acquire: context canceled", comeOf(ctx, p, "a", 0))
		time.Sleep(time.Second)
		want(t, "full", a[0], a[1], b[1], high)
		full := &bulkhead.FullError{InUse: 1, Limit: 1, Waited: time.Second, Partition: "b"}
		last, _ := errors.AsType[*bulkhead.FullError](high.err)
		full.Waiting = last.Waiting // how many others had not left yet
		if diff := cmp.Diff(full, last); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		permit.Release()
		settled(t, p.Stats().Stats, 8)
		for _, part := range p.Stats().Parts {
			settled(t, part.Stats, map[string]int64{"a": 5, "b": 3}[part.Name])
		}
	})
}

func TestPartitionedResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := partitioned(t, 2, map[string]int{"a": 1, "gone": 1}, bulkhead.Config{Queue: 5})
		resize := func(limit int, weights map[string]int) {
			t.Helper()
			if err := p.Resize(limit, weights); err != nil {
				t.Fatal(err)
			}
		}
		first, second := holdOf(t, p, "gone"), holdOf(t, p, "gone")
		old, a := comeOf(t.Context(), p, "gone", 0), comeOf(t.Context(), p, "a", 0)

		resize(2, map[string]int{"a": 1}) // calls and waiters stay, newcomers are unknown
		if _, err := p.Acquire(t.Context(), "gone"); !errors.Is(err, bulkhead.ErrPartition) {
			t.Errorf("%v, want ErrPartition", err)
		}
		want(t, "waits", old, a)
		resize(4, map[string]int{"a": 1}) // growth lets both go at once
		if got := p.Stats(); got.InUse != 4 || got.Waiting != 0 {
			t.Errorf("after growth:\n%v", got)
		}
		want(t, "in", old, a)
		resize(1, map[string]int{"a": 1})
		late := comeOf(t.Context(), p, "a", 0)
		for _, permit := range []*bulkhead.Permit{&first, &second, &old.permit} {
			permit.Release()
			want(t, "waits", late)
		}
		if got := p.Stats(); len(got.Parts) != 1 || got.Accepted != 4 {
			t.Errorf("what is gone is still listed, or its totals are lost:\n%v", got)
		}
		a.permit.Release()
		want(t, "in", late)
		resize(0, map[string]int{"a": 1})
		want(t, "full", comeOf(t.Context(), p, "a", 0))
		late.permit.Release()
		settled(t, p.Stats().Stats, 6)
	})
}

// What is not listed any more has no share: it is served after those that have one, and gone when its last caller has left.
func TestUnlistedPartitionHasNoShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := partitioned(t, 1, map[string]int{"a": 1, "gone": 100}, bulkhead.Config{Queue: 5})
		permit := holdOf(t, p, "a")
		ctx, leave := context.WithCancel(t.Context())
		leaves, stays := comeOf(ctx, p, "gone", 0), comeOf(t.Context(), p, "gone", 0)
		time.Sleep(time.Second)
		a := comeOf(t.Context(), p, "a", 0)
		if err := p.Resize(1, map[string]int{"a": 1}); err != nil {
			t.Fatal(err)
		}
		permit.Release()
		want(t, "in", a)
		want(t, "waits", leaves, stays)
		a.permit.Release()
		want(t, "in", leaves)
		leaves.permit.Release()
		want(t, "in", stays)

		if err := p.Resize(1, map[string]int{"a": 1, "gone": 1}); err != nil { // listed again while it drains
			t.Fatal(err)
		}
		last := comeOf(ctx, p, "gone", 0)
		if err := p.Resize(1, map[string]int{"a": 1}); err != nil {
			t.Fatal(err)
		}
		stays.permit.Release()
		want(t, "in", last)
		waits := comeOf(t.Context(), p, "a", 0)
		last.permit.Release()
		want(t, "in", waits)

		if err := p.Resize(1, map[string]int{"b": 1, "gone": 1}); err != nil {
			t.Fatal(err)
		}
		only := comeOf(ctx, p, "gone", 0)
		if err := p.Resize(1, map[string]int{"b": 1}); err != nil {
			t.Fatal(err)
		}
		leave()
		want(t, "bulkhead: acquire: context canceled", only)
		waits.permit.Release()
		if got := p.Stats(); len(got.Parts) != 1 || got.Offered() != 7 || got.Left != 1 {
			t.Errorf("what is gone is still listed, or its totals are lost:\n%v", got)
		}
	})
}

func TestPartitionPermitIsGivenBackOnce(t *testing.T) {
	p := partitioned(t, 2, map[string]int{"a": 1}, bulkhead.Config{})
	permit := holdOf(t, p, "a")
	clone := permit
	permit.Release()
	permit.Drop()
	defer func() {
		if recover() == nil {
			t.Error("a copy was released without a panic")
		}
		settled(t, p.Stats().Stats, 1)
	}()
	clone.Release()
}

func TestPartitionedStatsTable(t *testing.T) {
	p := partitioned(t, 10, map[string]int{"gold": 3, "silver": 1}, bulkhead.Config{})
	for range 8 {
		holdOf(t, p, "gold")
	}
	const want = `  partition  weight  share  in use  waiting  accepted  rejected  left
       gold       3      8       8        0         8         0     0
     silver       1      2       0        0         0         0     0
        all             10       8        0         8         0     0
`
	if diff := cmp.Diff(want, p.Stats().String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
