package bulkhead

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Stats are the numbers of a bulkhead, or of one partition. They are consistent but for callers that are just being refused.
type Stats struct {
	Limit   int // of a partition its share
	InUse   int // slots in use; more than Limit while a smaller limit drains, or a partition borrows
	Waiting int // callers in the queue

	Accepted  uint64 // permits given; a semaphore counts them modulo 2^43
	Rejected  uint64 // callers that found no slot and no room to wait, were shed, waited out, or came to a stopped pool
	Shed      uint64 // of them: those whose place a caller of higher priority took
	WaitedOut uint64 // of them: those that waited for MaxWait
	Left      uint64 // callers whose context was done before they had a slot
}

// Offered returns how many callers came.
func (s Stats) Offered() uint64 {
	return s.Accepted + s.Rejected + s.Left + uint64(s.Waiting) //nolint:gosec // never negative
}

// Released returns how many permits were given back.
func (s Stats) Released() uint64 {
	return s.Accepted - uint64(s.InUse) //nolint:gosec // never negative
}

// String returns the numbers on one line.
func (s Stats) String() string {
	return fmt.Sprintf("in use %d of %d, waiting %d, accepted %d, rejected %d (shed %d, waited out %d), left %d",
		s.InUse, s.Limit, s.Waiting, s.Accepted, s.Rejected, s.Shed, s.WaitedOut, s.Left)
}

// plus adds numbers up.
func (s Stats) plus(t Stats) Stats {
	s.Limit += t.Limit
	s.InUse += t.InUse
	s.Waiting += t.Waiting
	s.Accepted += t.Accepted
	s.Rejected += t.Rejected
	s.Shed += t.Shed
	s.WaitedOut += t.WaitedOut
	s.Left += t.Left
	return s
}

// PartitionedStats are the numbers of a Partitioned: of all, and by partition.
type PartitionedStats struct {
	Stats             // of all, those included that are not listed any more
	Parts []PartStats // by name
}

// PartStats are the numbers of one partition. Without a weight any more it has a Limit of 0, and is there until its last call ends.
type PartStats struct {
	Name   string
	Weight int
	Stats
}

// String returns the numbers as a table, one row for each partition and one for all.
func (s PartitionedStats) String() string {
	rows := []string{"partition\tweight\tshare\tin use\twaiting\taccepted\trejected\tleft\t"}
	row := func(name, weight string, t Stats) {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t",
			name, weight, t.Limit, t.InUse, t.Waiting, t.Accepted, t.Rejected, t.Left))
	}
	for _, p := range s.Parts {
		row(p.Name, strconv.Itoa(p.Weight), p.Stats)
	}
	row("all", "", s.Stats)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = w.Write([]byte(strings.Join(rows, "\n") + "\n")) // a strings.Builder does not fail
	_ = w.Flush()
	return b.String()
}
