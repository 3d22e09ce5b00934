package pricing_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// Pricing allocates nothing once its memory has grown, whatever the query has.
func TestPriceIntoDoesNotAllocate(t *testing.T) {
	if underRace() {
		t.Skip("a sync.Pool forgets at random under -race")
	}
	rates := `"rates":[{"from":"EUR","to":"USD","rate":"1.0837","as_of":"2026-06-01T00:00:00Z"}]`
	for _, r := range []ruling{
		{name: "base", rules: base100},
		{
			name:   "everything a query can have",
			policy: `"combine":{"sale":"chain"},"tax":"inclusive","ties":"lowest"`,
			rules: base100 + `,{"id":"t","kind":"tier","label":"Gold","percent_off":"5","when":{"all":[{"field":"customer.segments","op":"any","value":["gold"]},
				{"field":"attributes.color","op":"in","value":["red","blue"]},{"field":"numbers.weight","op":">","value":"1.5"},{"field":"categories","op":"all","value":["a","b"]},
				{"not":{"field":"region","op":"=","value":"DE"}},{"field":"currency","op":"!=","value":"EUR"}]}},
				{"id":"v","kind":"volume","percent_off":"5","min_qty":"2.5","on":{"category":"b"}},{"id":"s1","kind":"sale","percent_off":"12.5","until":"2027-01-01T00:00:00Z"},
				{"id":"s2","kind":"sale","amount_off":"0.99","currency":"USD","on":{"variant":"v"}},{"id":"u","kind":"surcharge","amount_up":"1.10","currency":"USD"},
				{"id":"f","kind":"floor","amount":"10.00","currency":"USD"},{"id":"m","kind":"min_margin","margin":"30"},{"id":"c","kind":"ceiling","amount":"1000.00","currency":"USD"},
				{"id":"a","kind":"map","amount":"99.00","currency":"USD"},{"id":"r","kind":"round","currency":"USD","round":{"increment":"1.00","offset":"-0.01"}}`,
			query: `"variant":"v","categories":["a","b","c"],"qty":"12.5","customer":{"id":"x","segments":["silver","gold"]},"channel":"web","region":"US",
				"attributes":{"color":"red","size":"xl"},"numbers":{"weight":"2.25"},"at":"2026-06-01T00:00:00Z","cost":{"amount":"20.00","currency":"USD"},"tax_rate":"19"`,
		},
		{
			name: "conversion", policy: `"convert":true,"pivot":"EUR","spread":"1.5","max_age":"240h"`, query: rates + `,"at":"2026-06-02T00:00:00Z"`,
			rules: `{"id":"b","kind":"base","amount":"19.99","currency":"EUR"},{"id":"s","kind":"sale","percent_off":"12.5"}`,
		},
		{
			name: "a charge per line", query: `"qty":"7"`, rules: perLine + `,{"id":"s","kind":"sale","percent_off":"10"},{"id":"f","kind":"floor","amount":"1.00","currency":"USD"}`,
		},
		{
			name: "formulas", rules: base100 + `,{"id":"s","kind":"sale","currency":"USD","formula":{"base":"list","percent_off":"10","round":"10.00","surcharge":"-0.01"}}`,
		},
		{
			name: "a tie and a currency of one's own", policy: `"currencies":[{"code":"POINT","digits":0}]`, query: `"currency":"POINT/0","region":"US","channel":"web"`,
			rules: `{"id":"b","kind":"base","amount":"250","currency":"POINT"},{"id":"s1","kind":"sale","percent_off":"10","when":{"field":"region","op":"=","value":"US"}},
				{"id":"s2","kind":"sale","percent_off":"10","when":{"field":"currency","op":"=","value":"POINT"}}`,
		},
	} {
		t.Run(r.name, func(t *testing.T) {
			s, q := r.compile(t), r.ask(t)
			var quote pricing.Quote
			price := func() {
				if err := s.PriceInto(&q, &quote); err != nil {
					t.Fatal(err)
				}
			}
			price()
			if quote.Exact {
				t.Fatal("left 64 bits")
			}
			if allocs := testing.AllocsPerRun(100, price); allocs != 0 {
				t.Errorf("%v allocations per price, want 0", allocs)
			}
		})
	}
}

// Thousands of contracts on one product are found by customer: those of others
// neither count nor set the time of the next change.
func TestContractsOnOneProductAreFoundByCustomer(t *testing.T) {
	const contracts = 5_000
	usd, start := isoCurrency(t, "USD"), time.Date(2026, time.June, 1, 0, 0, 0, 0, time.UTC)
	on := pricing.Scope{Level: pricing.Product, ID: "p1"}
	rs := pricing.RuleSet{Rules: []pricing.Rule{{
		ID: "base", Kind: pricing.KindBase, On: on, Currency: usd, Effect: pricing.SetTo{Amount: money.New(1_000_000, usd)},
	}}}
	for i := range contracts {
		rs.Rules = append(rs.Rules, pricing.Rule{
			ID: fmt.Sprintf("contract-%04d", i), Kind: pricing.KindContract, On: on, Currency: usd,
			Until: start.AddDate(0, 0, 1+i), Effect: pricing.SetTo{Amount: money.New(int64(i), usd)},
			When: pricing.All{
				pricing.Leaf{Field: "region", Op: "=", Values: []string{"US"}},
				pricing.Leaf{Field: "customer.id", Op: "=", Values: []string{fmt.Sprint("customer-", i)}},
			},
		})
	}
	s, err := pricing.Compile(rs)
	if err != nil {
		t.Fatal(err)
	}
	type answer struct{ Unit, Next string }
	for _, tc := range []struct {
		customer string
		want     answer
	}{
		{"customer-0", answer{"0.00", "2026-06-02"}},
		{"customer-4999", answer{"49.99", "2040-02-08"}},
		{"customer-5000", answer{"10000.00", "0001-01-01"}},
		{"", answer{"10000.00", "0001-01-01"}},
	} {
		q := ruling{query: `"region":"US"`}.ask(t)
		q.Customer.ID, q.At = tc.customer, start
		quote, err := s.Price(q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, answer{quote.Unit.Text(), quote.NextChange.Format(time.DateOnly)}); diff != "" {
			t.Errorf("customer %q (-want +got):\n%s", tc.customer, diff)
		}
	}
	x, err := s.Explain(ruling{query: `"at":"2026-06-01T00:00:00Z"`}.ask(t))
	if err != nil || len(x.Rejected) != contracts {
		t.Errorf("Explain rejects %d contracts, error %v, want all %d", len(x.Rejected), err, contracts)
	}
}

// A snapshot serves any number of goroutines, and each gets its own answer.
func TestSnapshotIsSafeForConcurrentUse(t *testing.T) {
	rs, queries := pricingtest.Workload(1_000, 2)
	s, err := pricing.Compile(rs)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]pricing.Quote, 500)
	for i := range want {
		if want[i], err = s.Price(queries[i]); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var got pricing.Quote
			for i := range want {
				if err := s.PriceInto(&queries[i], &got); err != nil || !sameQuote(want[i], got) {
					t.Errorf("query %d: %+v, error %v, want %+v", i, got, err, want[i])
					return
				}
			}
		})
	}
	wg.Wait()
}
