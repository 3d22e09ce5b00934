package storm_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tenon-go/tenon/resilience/retry/budget"
	"github.com/tenon-go/tenon/resilience/storm"
)

// What 100 clients do to one row, by how they back off.
func ExampleCompare() {
	fmt.Print(storm.Compare(storm.ContendConfig{Clients: 100, Seed: 1}))
	// Output:
	// backoff         calls      time
	// full              796     4.95s
	// equal             812     6.71s
	// decorrelated     1003     4.59s
	// exponential      1862    63.86s
	// none             2417     2.02s
}

// The same as a chart.
func ExampleComparison_Chart() {
	var svg bytes.Buffer
	comparison := storm.Compare(storm.ContendConfig{Clients: 50, Runs: 20}, storm.Full, storm.None)
	if err := comparison.Chart(&svg); err != nil {
		fmt.Println(err)
		return
	}
	line, _, _ := strings.Cut(svg.String(), "\n")
	fmt.Println(line)
	// Output: <svg xmlns="http://www.w3.org/2000/svg" width="720" height="128" font-family="sans-serif" font-size="12">
}

// What a budget is for: 1000 calls of up to three attempts at a service that is down.
func ExampleOutage() {
	fmt.Println("no budget:", storm.Outage(storm.OutageConfig{Calls: 1000}), "attempts")
	tokens, err := budget.NewToken(10, 0.1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("ten tokens:", storm.Outage(storm.OutageConfig{Calls: 1000, Budget: tokens}), "attempts")
	// Output:
	// no budget: 3000 attempts
	// ten tokens: 1003 attempts
}
