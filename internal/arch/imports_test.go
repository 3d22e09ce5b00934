package arch_test

import (
	"fmt"
	"slices"
	"testing"
)

// checkImports returns one line for every import of the packages that the plan refuses.
func checkImports(p plan, pkgs []pkg) []string {
	var problems []string
	for _, from := range pkgs {
		ask := func(imports []string, test bool, what string) {
			for _, to := range imports {
				if reason := p.refuse(from.ImportPath, to, test); reason != "" {
					problems = append(problems, fmt.Sprintf("%s %s %s: %s", from.ImportPath, what, to, reason))
				}
			}
		}
		ask(from.Imports, false, "imports")
		ask(from.TestImports, true, "imports in a test")
		ask(from.XTestImports, true, "imports in a test")
	}
	return problems
}

// checkPlan returns one line for every part of the plan that nothing in the packages uses any more.
func checkPlan(p plan, pkgs []pkg) []string {
	var rooms, imported []string
	var edges []edge
	for _, from := range pkgs {
		rel, _ := relative(from.ImportPath)
		rooms = append(rooms, room(rel))
		for _, to := range slices.Concat(from.Imports, from.TestImports, from.XTestImports) {
			imported = append(imported, to)
			target, _ := relative(to)
			edges = append(edges, edge{rel, target})
		}
	}
	var problems []string
	for _, e := range p.engines {
		if !slices.Contains(rooms, e) {
			problems = append(problems, fmt.Sprintf("the plan names engine %s, which does not exist", e))
		}
	}
	for _, e := range p.edges {
		if !slices.Contains(edges, e) {
			problems = append(problems, fmt.Sprintf("the plan allows %s to import %s, which it does not", e.from, e.to))
		}
	}
	for _, d := range p.thirdParty {
		if !slices.ContainsFunc(imported, func(to string) bool { return within(to, d.module) }) {
			problems = append(problems, fmt.Sprintf("the plan allows %s, which nothing imports", d.module))
		}
	}
	return problems
}

func TestImportsFollowThePlan(t *testing.T) {
	pkgs := workspace(t)
	report(t, checkImports(house(), pkgs))
	report(t, checkPlan(house(), pkgs))
}

// sample is a plan with everything in it that a rule can speak of.
func sample() plan {
	return plan{
		engines: []string{"orders", "pricing", "resilience"},
		nested:  []string{"adapters/pgx", "examples", "integration", "integration/bench"},
		edges:   []edge{{"orders", "orders/stock"}, {"resilience/guard", "resilience/retry"}},
		thirdParty: []dependency{
			{module: decimal},
			{module: "go.opentelemetry.io/otel/trace"},
			{module: "github.com/google/go-cmp", testsOnly: true},
		},
	}
}

func TestPlanRefusesWhatTheHouseForbids(t *testing.T) {
	const cmp = "github.com/google/go-cmp/cmp"
	tests := []struct {
		from, to string
		test     bool
		want     string
	}{
		// The standard library is free, the root package is not.
		{from: "orders", to: "log/slog"},
		{from: ".", to: in("money"), want: rootIsDocs},
		// Engines.
		{from: "orders", to: in("money")},
		{from: "orders", to: in("money/ledger")},
		{from: "orders", to: in("internal/predicate")},
		{from: "orders", to: in("pricing"), want: siblingEngine},
		{from: "orders", to: in("pricing"), test: true, want: siblingEngine},
		{from: "orders", to: in("pricing/sqlpricing"), want: siblingEngine},
		{from: "orders/sqlorders", to: in("pricing"), want: siblingEngine},
		{from: "orders", to: in("examples/shop"), want: notUpwards},
		{from: "basket", to: in("money"), want: noRoom},
		// Parts of an engine.
		{from: "orders/sqlorders", to: in("orders")},
		{from: "orders/sqlorders", to: in("internal/sqlkit")},
		{from: "orders/orderstest", to: in("orders")},
		{from: "orders/orderstest", to: in("money")},
		{from: "orders", to: in("orders/stock")},
		{from: "orders", to: in("orders/render"), want: needsEdge},
		{from: "orders/render", to: in("orders/stock"), want: needsEdge},
		{from: "orders/render", to: in("orders/stock"), test: true},
		{from: "orders", to: in("orders/internal/flow")},
		{from: "orders/render", to: in("orders/internal/flow")},
		{from: "orders/internal/flow", to: in("orders/internal/step")},
		{from: "orders/internal/flow", to: in("orders"), want: needsEdge},
		{from: "orders", to: in("orders/orderstest"), want: shipsTests},
		{from: "orders", to: in("orders/orderstest"), test: true},
		{from: "orders/sqlorders", to: in("orders/orderstest"), want: shipsTests},
		{from: "resilience/retry", to: in("resilience")},
		{from: "resilience/guard", to: in("resilience/retry")},
		{from: "resilience/retry", to: in("resilience/guard"), want: needsEdge},
		// The base.
		{from: "money", to: decimal},
		{from: "money/ledger", to: in("money")},
		{from: "money", to: in("internal/sqlkit"), want: moneyIsBase},
		{from: "money", to: in("internal/casetest"), test: true},
		{from: "money", to: in("orders"), want: moneyIsBase},
		{from: "money", to: in("orders"), test: true, want: moneyIsBase},
		{from: "money", to: "go.opentelemetry.io/otel/trace", want: moneyIsBase},
		{from: "internal/sqlkit", to: in("internal/predicate")},
		{from: "internal/sqlkit", to: in("money"), want: noDomain},
		{from: "internal/sqlkit", to: in("orders"), test: true, want: noDomain},
		// Nested modules.
		{from: "examples/shop", to: in("orders")},
		{from: "examples/shop", to: in("examples/shop/stage")},
		{from: "examples/shop", to: in("adapters/pgx")},
		{from: "examples/shop", to: in("internal/sqlkit"), want: publicOnly},
		{from: "integration", to: in("orders/internal/flow"), test: true, want: publicOnly},
		{from: "integration/bench", to: in("integration/dbtest")},
		{from: "integration/bench", to: in("examples/shop"), want: notBeside},
		{from: "adapters/pgx", to: in("internal/sqlkit"), want: publicOnly},
		{from: "integration", to: "modernc.org/sqlite"},
		// Third-party modules in the root module.
		{from: "orders", to: "go.opentelemetry.io/otel/trace/noop"},
		{from: "orders", to: "go.opentelemetry.io/otel/tracer", want: notPlanned},
		{from: "orders/sqlorders", to: "modernc.org/sqlite", want: notPlanned},
		{from: "orders", to: "modernc.org/sqlite", test: true, want: notPlanned},
		{from: "orders", to: cmp, want: forTests},
		{from: "orders", to: cmp, test: true},
		{from: "orders/orderstest", to: cmp},
	}
	for _, tt := range tests {
		if got := sample().refuse(in(tt.from), tt.to, tt.test); got != tt.want {
			t.Errorf("refuse(%s, %s, test %t) = %q, want %q", tt.from, tt.to, tt.test, got, tt.want)
		}
	}
}

func TestEveryKindOfImportIsChecked(t *testing.T) {
	sibling := []string{in("pricing")}
	for name, p := range map[string]pkg{
		"code":          {ImportPath: in("orders"), Imports: sibling},
		"internal test": {ImportPath: in("orders"), TestImports: sibling},
		"external test": {ImportPath: in("orders"), XTestImports: sibling},
	} {
		if got := checkImports(sample(), []pkg{p}); len(got) != 1 {
			t.Errorf("%s: %d problems, want 1: %q", name, len(got), got)
		}
	}
	if got := checkImports(sample(), []pkg{{ImportPath: "example.com/other", Imports: []string{"fmt"}}}); len(got) != 1 {
		t.Errorf("a package of another module: %d problems, want 1: %q", len(got), got)
	}
}

func TestPlanKeepsNoDeadLines(t *testing.T) {
	whole := []pkg{
		{ImportPath: in("orders"), Imports: []string{in("orders/stock"), decimal + "/x"}, XTestImports: []string{"github.com/google/go-cmp/cmp"}},
		{ImportPath: in("resilience/guard"), Imports: []string{in("resilience/retry"), "go.opentelemetry.io/otel/trace"}},
		{ImportPath: in("pricing")},
	}
	if got := checkPlan(sample(), whole); len(got) != 0 {
		t.Errorf("a plan in full use: %q", got)
	}
	if got := checkPlan(sample(), nil); len(got) != 3+2+3 {
		t.Errorf("an empty repository: %d problems, want one per engine, edge and module: %q", len(got), got)
	}
}

// in returns the import path of a package that is named relative to the root module.
func in(rel string) string {
	if rel == "." {
		return module
	}
	return module + "/" + rel
}
