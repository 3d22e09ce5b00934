package bench_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/tenon-go/tenon/pricing"
)

// The condition of BenchmarkCondition in the language of each contender. For the
// query below every leaf is asked and the last one decides that it is false.
const (
	conditionTenon = `{"all": [{"field": "customer.segments", "op": "any", "value": ["gold", "vip"]},
		{"field": "qty", "op": ">=", "value": "10"}, {"field": "region", "op": "not_in", "value": ["US", "CA"]}]}`
	conditionExpr = `any(Segments, # in ["gold", "vip"]) && Qty >= 10 && Region not in ["US", "CA"]`
	conditionCEL  = `segments.exists(s, s in ["gold", "vip"]) && qty >= 10 && !(region in ["US", "CA"])`
)

// asked is the query's part that the condition looks at.
type asked struct {
	Segments []string
	Qty      int
	Region   string
}

// conditions is how many rules carry the condition: fewer than a list is split at,
// so that each of them is evaluated.
const conditions = 30

// BenchmarkCondition evaluates one condition of three leaves. Ours cannot be had
// without a price around it: its time is what 30 surcharges whose condition is
// false add to a price, divided by 30, which includes looking at their windows and
// quantities. Peers run their compiled program on a struct or map made before. The
// contenders take turns of 1,000; x-expr and x-cel are their times over ours.
func BenchmarkCondition(b *testing.B) {
	with, without := priceWith(b, conditions), priceWith(b, 0)
	runExpr, runCEL := exprCondition(b), celCondition(b)
	const turn = 1000
	var spent [4]time.Duration
	n := 0
	for b.Loop() {
		for i, run := range []func(){with, without, runExpr, runCEL} {
			start := time.Now()
			for range turn {
				run()
			}
			spent[i] += time.Since(start)
		}
		n += turn
	}
	ours := float64(spent[0]-spent[1]) / conditions
	b.ReportMetric(ours/float64(n), "ns/condition")
	b.ReportMetric(float64(spent[2])/ours, "x-expr")
	b.ReportMetric(float64(spent[3])/ours, "x-cel")
	b.ReportMetric(0, "ns/op") // a turn of all four says nothing
}

func priceWith(b *testing.B, surcharges int) func() {
	b.Helper()
	var rules strings.Builder
	rules.WriteString(`{"id": "base", "kind": "base", "on": {"product": "p"}, "currency": "EUR", "amount": "10.00"}`)
	for i := range surcharges {
		fmt.Fprintf(&rules, `, {"id": "s%02d", "kind": "surcharge", "on": {"product": "p"}, "percent_up": "1", "when": %s}`, i, conditionTenon)
	}
	set, err := pricing.ParseRules([]byte(`{"rules": [` + rules.String() + `]}`))
	if err != nil {
		b.Fatal(err)
	}
	s, err := pricing.Compile(set)
	if err != nil {
		b.Fatal(err)
	}
	q, err := pricing.ParseQuery([]byte(`{"product": "p", "qty": "12", "currency": "EUR", "region": "US", "customer": {"segments": ["vip"]}}`))
	if err != nil {
		b.Fatal(err)
	}
	var quote pricing.Quote
	return func() {
		if err := s.PriceInto(&q, &quote); err != nil || len(quote.Steps) != 1 {
			b.Fatalf("%d steps, error %v", len(quote.Steps), err)
		}
	}
}

func exprCondition(b *testing.B) func() {
	b.Helper()
	program, err := expr.Compile(conditionExpr, expr.Env(asked{}), expr.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	machine := vm.VM{}
	env := asked{Segments: []string{"vip"}, Qty: 12, Region: "US"}
	return func() {
		if out, err := machine.Run(program, env); err != nil || out != false {
			b.Fatalf("expr: %v, error %v", out, err)
		}
	}
}

func celCondition(b *testing.B) func() {
	b.Helper()
	env, err := cel.NewEnv(cel.Variable("segments", cel.ListType(cel.StringType)), cel.Variable("qty", cel.IntType), cel.Variable("region", cel.StringType))
	if err != nil {
		b.Fatal(err)
	}
	ast, issues := env.Compile(conditionCEL)
	if issues.Err() != nil {
		b.Fatal(issues.Err())
	}
	program, err := env.Program(ast)
	if err != nil {
		b.Fatal(err)
	}
	in := map[string]any{"segments": []string{"vip"}, "qty": 12, "region": "US"}
	return func() {
		out, _, err := program.Eval(in)
		if err != nil || out.Value() != false {
			b.Fatalf("cel: %v, error %v", out, err)
		}
	}
}
