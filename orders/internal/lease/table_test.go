package lease_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tenon-go/tenon/orders/internal/lease"
	"pgregory.net/rapid"
)

// A naive row is what the table must agree with.
type naiveRow struct {
	key, owner string
	due        time.Time
	fence      int64
	leased     time.Time
	over       bool
}

//nolint:gocognit // one machine
func TestClaimsAgreeWithAScan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := lease.New[string]()
		rows := map[string]*naiveRow{}
		start := time.Unix(1000, 0)
		at := start
		second := func(label string) time.Time {
			return start.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, label)) * time.Second)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "pass")) * time.Second)
			owner := fmt.Sprintf("o%d", rapid.IntRange(0, 2).Draw(t, "owner"))
			key := fmt.Sprintf("%s/%d", owner, rapid.IntRange(0, 3).Draw(t, "key"))
			r := rows[key]
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				if r == nil {
					r = &naiveRow{key: key, owner: owner}
					rows[key] = r
				}
				r.due, r.over = second("due"), false
				table.Put(key, owner, r.due, key)
			case 2:
				if r != nil {
					r.over, r.leased = true, time.Time{}
				}
				table.End(key)
			case 3:
				if r != nil && !r.over && r.fence > 0 {
					r.leased = time.Time{}
					table.Ack(key)
				}
			case 4:
				only := rapid.SampledFrom([]string{"", owner}).Draw(t, "only")
				until := at.Add(time.Duration(rapid.IntRange(1, 5).Draw(t, "lease")) * time.Second)
				limit := rapid.IntRange(1, 4).Draw(t, "limit")
				want := claim(rows, only, at, until, limit)
				if got := table.Claim(only, at, until, limit); !slices.Equal(got, want) {
					t.Fatalf("claimed %v, want %v", got, want)
				}
			}
			for key, r := range rows {
				if got := table.Fence(key); r.over && got != 0 || !r.over && got != r.fence {
					t.Fatalf("fence of %s is %d, want that of %+v", key, got, r)
				}
			}
		}
	})
}

func claim(rows map[string]*naiveRow, owner string, at, until time.Time, limit int) (leases []lease.Lease[string]) {
	var due []*naiveRow
	for _, r := range rows {
		if !r.over && !r.due.After(at) && !r.leased.After(at) && (owner == "" || r.owner == owner) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *naiveRow) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		return slices.Compare([]byte(a.key), []byte(b.key))
	})
	for _, r := range due[:min(limit, len(due))] {
		r.fence++
		leases = append(leases, lease.Lease[string]{Value: r.key, Fence: r.fence, Until: until, Abandoned: !r.leased.IsZero()})
		r.leased = until
	}
	return leases
}
