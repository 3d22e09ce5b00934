package pricing_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/casetest"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// pricer answers a query by a rule set.
type pricer func(rs pricing.RuleSet, q pricing.Query) (pricing.Quote, error)

func priceByEngine(rs pricing.RuleSet, q pricing.Query) (pricing.Quote, error) {
	s, err := pricing.Compile(rs)
	if err != nil {
		return pricing.Quote{}, err
	}
	return s.Price(q)
}

// priceCase is a case of a third party: what one of their systems charges.
type priceCase struct {
	Rules, Query json.RawMessage
	Want         struct {
		Unit, Line, List, Advertised *string
		Rules                        []string
		Error                        string
	}
}

// sentinels are the errors of the cases by their names there.
func sentinels() map[string]error {
	return map[string]error{
		"ambiguous": pricing.ErrAmbiguous, "no_price": pricing.ErrNoPrice, "quantity": pricing.ErrQuantity,
		"cost": pricing.ErrCost, "rate": pricing.ErrRate,
	}
}

func TestThirdPartyCases(t *testing.T) { runCases(t, priceByEngine) }

func TestNaiveAnswersThirdPartyCases(t *testing.T) { runCases(t, pricingtest.Naive) }

func runCases(t *testing.T, price pricer) {
	t.Helper()
	casetest.Run(t, "pricing", func(t *testing.T, c casetest.Case) bool {
		t.Helper()
		var pc priceCase
		c.Decode(t, &pc)
		quote, err := pc.run(price)
		if pc.Want.Error == "" {
			pc.checkQuote(t, quote, err)
			return true
		}
		sentinel, ok := sentinels()[pc.Want.Error]
		if !ok {
			t.Errorf("unknown error %q", pc.Want.Error)
			return false
		}
		if !errors.Is(err, sentinel) {
			t.Fatalf("error = %v, want %v", err, sentinel)
		}
		if sentinel == pricing.ErrAmbiguous { //nolint:errorlint // an entry of the table above, not an error that came from somewhere
			ambiguous, ok := errors.AsType[*pricing.AmbiguousError](err)
			if !ok {
				t.Fatalf("error %v names no rules", err)
			}
			if diff := cmp.Diff(pc.Want.Rules, ambiguous.Rules); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		}
		return true
	})
}

func (pc priceCase) run(price pricer) (pricing.Quote, error) {
	rules, err := pricing.ParseRules(pc.Rules)
	if err != nil {
		return pricing.Quote{}, err
	}
	query, err := pricing.ParseQuery(pc.Query)
	if err != nil {
		return pricing.Quote{}, err
	}
	return price(rules, query)
}

func (pc priceCase) checkQuote(t *testing.T, quote pricing.Quote, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name string
		want *string
		got  money.Amount
	}{
		{"unit", pc.Want.Unit, quote.Unit},
		{"line", pc.Want.Line, quote.Line},
		{"list", pc.Want.List, quote.List},
		{"advertised", pc.Want.Advertised, quote.Advertised},
	} {
		if f.want != nil && f.got.Text() != *f.want {
			t.Errorf("%s = %s, want %s", f.name, f.got.Text(), *f.want)
		}
	}
	if pc.Want.Rules != nil {
		var applied []string
		for _, s := range quote.Steps {
			if s.Rule != "" {
				applied = append(applied, s.Rule)
			}
		}
		if diff := cmp.Diff(pc.Want.Rules, applied); diff != "" {
			t.Errorf("rules (-want +got):\n%s", diff)
		}
	}
	checkSteps(t, quote)
}
