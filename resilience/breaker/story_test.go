package breaker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/resilience/breaker"
)

// TestStoryOfAnOutage tells an outage of 40 s, as operators see it: a call each 250 ms, and a look at the breaker when something happens.
func TestStoryOfAnOutage(t *testing.T) {
	var story strings.Builder
	var start time.Time
	var reports journal
	cfg := breaker.Config{Name: "card gateway", ConsecutiveFailures: 8, Probes: 2, OnChange: reports.add}
	bubble(t, cfg, func(b box) {
		start = time.Now()
		told, ran, refused := 0, 0, 0
		tell := func() {
			for _, c := range reports.all()[told:] {
				fmt.Fprintf(&story, "%7v %v: %v to %v, after %d calls and %d refusals; counted successes %d, failures %d\n",
					c.At.Sub(start), c.Name, c.From, c.To, ran, refused, c.Counts.Successes, c.Counts.Failures)
				told, ran, refused = told+1, 0, 0
			}
		}
		for range 4 * 90 {
			letter := "S"
			if at := time.Since(start); at >= 10*time.Second && at < 50*time.Second {
				letter = "F"
			}
			tell() // what a timer did
			r := b.calls(letter)
			ran, refused = ran+1-r, refused+r
			tell()
			b.sleep(250 * time.Millisecond)
		}
		fmt.Fprintf(&story, "%7v then %d calls and %d refusals\n%v", time.Since(start), ran, refused, b.Stats())
	})
	golden(t, "outage.txt", story.String())
}
