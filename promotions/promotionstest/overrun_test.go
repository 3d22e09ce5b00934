package promotionstest_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/tenon-go/tenon/promotions"
	"github.com/tenon-go/tenon/promotions/promotionstest"
)

// attempts is how many a test makes: another number by TENON_OVERRUN_ATTEMPTS.
func attempts(t *testing.T, standard int) int {
	t.Helper()
	text := os.Getenv("TENON_OVERRUN_ATTEMPTS")
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fast is a clock on which reservations of a second expire after 20 ms.
func fast() func() time.Time {
	const factor = 50
	start := time.Now()
	return func() time.Time { return start.Add(factor * time.Since(start)) }
}

// Invariant: promotions L1.
// Invariant: promotions L2.
func TestNoLimitIsOverrunInMemory(t *testing.T) {
	t.Parallel()
	o := promotionstest.Overrun{Name: "memory", Seed: uint64(time.Now().UnixNano()), Attempts: attempts(t, standardAttempts), Now: fast()}
	tally, err := o.Run(t.Context(), promotions.NewMemoryStore())
	t.Logf("seed %d: %+v", o.Seed, tally)
	if err != nil {
		t.Fatal(err)
	}
	for what, n := range map[string]int64{
		"refused": tally.Refused, "replaced": tally.Replaced, "committed": tally.Committed, "late": tally.Late,
		"released": tally.Released, "reversed": tally.Reversed, "swept": tally.Swept, "audits": tally.Audits,
	} {
		if n < 10 {
			t.Errorf("only %d %s", n, what)
		}
	}
}

func TestAnOverrunIsFound(t *testing.T) {
	t.Parallel()
	o := promotionstest.Overrun{Name: "check", Attempts: 100_000}
	tally, err := o.Run(t.Context(), promotionstest.CheckThenAct(promotions.NewMemoryStore()))
	if err == nil {
		t.Errorf("check, then act withstands %+v", tally)
	}
	t.Log(err)
}
