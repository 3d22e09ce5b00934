package collector_test

import (
	"strings"
	"testing"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
)

// Shards that reach their peaks one after the other have no more memory than at once.
//
// Invariant: tracing 5.
func TestShardsDoNotKeepTheirPeaks(t *testing.T) {
	const most = 8 << 20
	c := start(t, collector.OutputFunc(discard), collector.Config{MaxBytes: most})
	for i := range 60 {
		take(t, c, tracing.Encode([]tracing.Span{span(byte(i), 1, func(s *tracing.Span) { s.Name = strings.Repeat("n", 3<<20) })}))
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if slabs := c.SlabBytes(); slabs > most*3/2 {
		t.Errorf("nothing is held, of MaxBytes %d, and shards have %d", most, slabs)
	}
	finish(t, c)
	if slabs := c.SlabBytes(); slabs != 0 {
		t.Errorf("after Close there are %d bytes", slabs)
	}
}
