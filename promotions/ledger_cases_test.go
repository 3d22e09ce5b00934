package promotions_test

import (
	"testing"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
)

func TestThirdPartyLedgers(t *testing.T) {
	promotionstest.LedgerCases(t, func(*testing.T) promotions.Store { return promotions.NewMemoryStore() })
}
