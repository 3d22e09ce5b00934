package collector_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
)

// A collector ends while its output is down. The next one in the same directory takes again what the log has.
func ExampleConfig_log() {
	dir, err := os.MkdirTemp("", "collector-")
	if err != nil {
		fmt.Println(err)
		return
	}
	down := collector.OutputFunc(func(context.Context, []tracing.Kept) error { return errors.New("down") })
	first, err := collector.New(down, collector.Config{WALDir: dir, SyncAck: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := first.Ingest(context.Background(), tracing.Encode([]tracing.Span{span(1, 1)}))
	fmt.Println(result.Accepted, "acknowledged", err)
	ended, cancel := context.WithTimeoutCause(context.Background(), time.Millisecond, errors.New("no more time"))
	defer cancel()
	fmt.Println(first.Close(ended))

	arrived := make(chan tracing.Kept)
	up := collector.OutputFunc(func(_ context.Context, kept []tracing.Kept) error {
		for _, k := range kept {
			arrived <- k
		}
		return nil
	})
	second, err := collector.New(up, collector.Config{WALDir: dir, Quiet: time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("again:", (<-arrived).Summary.RootName, errors.Join(second.Close(context.Background()), os.RemoveAll(dir)))
	// Output:
	// 1 acknowledged <nil>
	// collector: close: 1 spans were not handed on: no more time (output: down)
	// again: GET / <nil>
}

// A source that can send again, such as a queue, keeps what it gave until that is settled.
func ExampleCollector_Settled() {
	c, err := collector.New(collector.NewRecent(0), collector.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.Ingest(context.Background(), tracing.Encode([]tracing.Span{span(1, 1)})); err != nil {
		fmt.Println(err)
	}
	position := map[collector.Epoch]int{c.Advance(): 1} // The source has given one request until here.
	fmt.Println("open, so settled is", c.Settled())
	if err := c.Flush(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println("acknowledge", position[c.Settled()], "request")
	fmt.Println(c.Close(context.Background()))
	// Output:
	// open, so settled is 0
	// acknowledge 1 request
	// <nil>
}
