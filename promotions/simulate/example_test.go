package simulate_test

import (
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/simulate"
)

func ExampleRun() {
	sets := []*promotions.Snapshot{}
	for _, percent := range []string{"10", "15"} {
		set, err := promotions.Parse(strings.NewReader(
			`{"promotions": [{"id": "sale", "effect": {"kind": "percent", "value": "` + percent + `"}}]}`))
		if err != nil {
			log.Fatal(err)
		}
		s, err := promotions.Compile(set, promotions.CompileConfig{})
		if err != nil {
			log.Fatal(err)
		}
		sets = append(sets, s)
	}
	eur := money.MustISO("EUR")
	var old []promotions.Cart // a host streams them from its orders
	for _, price := range []int64{1000, 2500} {
		old = append(old, promotions.Cart{Currency: eur, Lines: []promotions.Line{{ID: "a", Price: money.New(price, eur), Quantity: 1}}})
	}
	carts := func(yield func(promotions.Cart, error) bool) {
		for c := range slices.Values(old) {
			if !yield(c, nil) {
				return
			}
		}
	}
	diff, err := simulate.Run(sets[0], sets[1], carts, simulate.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("largest change: cart", diff.Largest[0].Cart)
	if err := diff.Text(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// largest change: cart 1
	// 2 carts, 0 failed
	//
	//   currency  carts  changed  before  old off  new off  old total  new total  change
	//        EUR      2        2   35.00     3.50     5.25      31.50      29.75   -1.75
	//
	//   promotion  currency  old fired  new fired  old took  new took  change
	//        sale       EUR          2          2      3.50      5.25   +1.75
	//
	//   cart  old off  new off  change
	//      1     2.50     3.75   +1.25
	//      0     1.00     1.50   +0.50
}
