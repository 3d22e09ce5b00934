package fleet_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tenon-go/tenon/examples/shop/fleet"
	"github.com/tenon-go/tenon/examples/shop/web"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/orders"
	"github.com/tenon-go/tenon/tracing/sampling"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// cents prices all at a cent.
type cents struct{}

func (cents) PriceCart(_ context.Context, r orders.PriceRequest) (orders.Priced, error) {
	lines := make([]orders.PricedLine, len(r.Cart.Lines))
	for i, l := range r.Cart.Lines {
		lines[i] = orders.PricedLine{ID: l.ID, Net: money.New(l.Quantity, r.Cart.Currency)}
	}
	return orders.Priced{Lines: lines}, nil
}

// buy has two baskets bought, of which the second jams the printer, and closes the fleet.
func buy(t *testing.T, policies ...sampling.Policy) *fleet.Fleet {
	t.Helper()
	f, err := fleet.Open(t.Context(), fleet.Config{
		Prices: cents{}, Currency: money.MustISO("EUR"), Shelves: map[string]int64{"mug": 10}, Now: time.Now,
		Jams: 2, PerUnit: time.Minute, Policies: policies,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"one", "two"} {
		if _, err := f.Buy(t.Context(), web.Basket{Form: form, Email: "ann@shop.example", Items: []web.Item{{SKU: "mug", Quantity: 2}}}); err != nil {
			t.Error(err)
		}
	}
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAuditFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	none := sampling.Drop{Policy: sampling.Always{}}
	for _, tt := range []struct {
		name     string
		policies []sampling.Policy
		slow     time.Duration
		forged   bool // the witness saw a span that was never sent
		want     string
	}{
		{name: "all are kept", slow: time.Hour},
		{name: "the trace with an error is kept", policies: []sampling.Policy{sampling.Errors{}}, slow: time.Hour},
		{name: "an error is dropped", policies: []sampling.Policy{none}, slow: time.Hour, want: "with 1 errors"},
		{name: "a slow one is dropped", policies: []sampling.Policy{sampling.Errors{}}, slow: 2 * time.Minute, want: "with 0 errors after 2m"},
		{name: "a span is missing", slow: time.Hour, forged: true, want: "nothing was decided"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := buy(t, tt.policies...)
			if tt.forged {
				f.Witness.OnEnd(tracetest.SpanStub{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}})}.Snapshot())
			}
			switch err := f.Audit(tt.slow); {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
