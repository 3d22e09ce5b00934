package limit_test

import (
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
)

// A service does thirty calls at once in 10 ms each. More than that queue inside it, and more than sixty it drops. Callers use all that the
// limit allows.
func Example() {
	service := func(inFlight int) limit.Sample {
		rtt := 10 * time.Millisecond * time.Duration(max(30, inFlight)) / 30
		return limit.Sample{RTT: rtt, InFlight: inFlight, Dropped: inFlight > 60}
	}
	aimd, err := limit.NewAIMD(limit.AIMDConfig{})
	if err != nil {
		log.Fatal(err)
	}
	vegas, err := limit.NewVegas(limit.VegasConfig{ProbeMultiplier: 1000})
	if err != nil {
		log.Fatal(err)
	}
	gradient2, err := limit.NewGradient2(limit.Gradient2Config{Tolerance: 1})
	if err != nil {
		log.Fatal(err)
	}
	for _, alg := range []limit.Algorithm{aimd, vegas, gradient2} {
		low, high := alg.Limit(), 0
		for n := range 200 {
			now := alg.Update(service(alg.Limit()))
			if n == 100 {
				low, high = now, now // it has found its place
			}
			low, high = min(low, now), max(high, now)
		}
		fmt.Printf("%T: from %d to %d\n", alg, low, high)
	}
	// Output:
	// *limit.AIMD: from 54 to 61
	// *limit.Vegas: from 33 to 33
	// *limit.Gradient2: from 35 to 36
}
