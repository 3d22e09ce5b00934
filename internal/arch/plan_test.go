package arch_test

import (
	"path"
	"slices"
	"strings"
)

// module is the import path of the root module. The plan names packages relative to it; "." is the root package.
const module = "github.com/tenon-go/tenon"

// A plan says who may import whom. Whatever it does not allow is refused.
type plan struct {
	engines    []string // domain packages of the root module, one line each
	nested     []string // modules of their own below the root
	edges      []edge   // imports inside one engine that lead to a part: engine to part, part to part
	thirdParty []dependency
}

// An edge is one import that the general rules refuse and the plan allows by name.
type edge struct{ from, to string }

// A dependency is a third-party module that the root module may import.
type dependency struct {
	module    string
	testsOnly bool // only in _test files and *test packages, so that no importer's binary contains it
}

// decimal is the one module that money may build on.
const decimal = "github.com/shopspring/decimal"

// house is the plan of this repository.
func house() plan {
	return plan{
		engines: []string{
			"lineage",
			"orders",
			"pricing",
			"promotions",
			"resilience",
			"tracing",
		},
		nested: []string{"adapters/otelmetric", "adapters/otelsdk", "adapters/otlpgrpc", "examples", "integration", "integration/bench"},
		edges: []edge{
			{"lineage/lineagetest/internal/contract", "lineage"}, // the rules that the suite checks stores by
			{"orders", "orders/stock"},                           // an order's units are held there
			{"orders/orderstest", "orders/stock"},
			{"orders/orderstest/internal/contract", "orders"},
			{"orders/orderstest/internal/contract", "orders/stock"},
			{"orders/orderstest/internal/stockcontract", "orders/stock"},
			{"orders/render", "orders/stock"}, // levels and holds are shown
			{"orders/sqlorders", "orders/stock"},
			{"pricing/pricingtest/internal/contract", "pricing"},          // the rules that the suite checks stores by
			{"promotions/promotionstest/internal/contract", "promotions"}, // likewise
			{"promotions/promotionstest/internal/naive", "promotions"},    // the oracle
			{"promotions/simulate", "promotions/explain"},                 // the largest changes are explained
			{"resilience/bulkhead", "resilience/bulkhead/limit"},          // the algorithms of adaptive limits
			{"resilience/storm", "resilience/retry"},                      // the simulator runs real policies
			{"resilience/guard", "resilience/retry"},                      // a guard wraps the three of them
			{"resilience/guard", "resilience/retry/budget"},
			{"resilience/guard", "resilience/breaker"},
			{"resilience/guard", "resilience/bulkhead"},
			{"tracing", "tracing/propagation"},        // what headers say about sampling
			{"tracing/internal/recall", "tracing"},    // remembers what is in resources and scopes
			{"tracing/sampling", "tracing/filter"},    // a policy is an expression
			{"tracing/collector", "tracing/otlp"},     // requests are taken apart and put together
			{"tracing/collector", "tracing/sampling"}, // the policies decide
			{"tracing/tracingtest", "tracing/otlp"},
			{"tracing/tracingtest", "tracing/sampling"}, // the oracle decides by the same policies
		},
		thirdParty: []dependency{
			{module: decimal},
			{module: "github.com/cenkalti/backoff/v4", testsOnly: true}, // its values work as they are: shown, not needed
			{module: "github.com/dominikbraun/graph"},                   // a view as a graph of that library, for its algorithms
			{module: "github.com/google/go-cmp", testsOnly: true},
			{module: "github.com/klauspost/compress"},  // zstd, which OTLP's receivers take
			{module: "github.com/sony/gobreaker/v2"},   // a breaker engine behind our interface
			{module: "go.opentelemetry.io/otel"},       // the attributes of spans
			{module: "go.opentelemetry.io/otel/trace"}, // Config.Tracer
			{module: "pgregory.net/rapid", testsOnly: true},
		},
	}
}

// barred names what must never stand in the root go.mod, even unused: whoever imports one engine would carry it. A
// database driver, a client, a server or an SDK belongs in a nested module.
func barred() []string {
	return []string{
		"github.com/ClickHouse", "github.com/IBM/sarama", "github.com/denisenkom/go-mssqldb", "github.com/go-sql-driver",
		"github.com/godror/godror", "github.com/jackc", "github.com/lib/pq", "github.com/mattn/go-sqlite3",
		"github.com/microsoft/go-mssqldb", "github.com/nats-io", "github.com/redis", "github.com/segmentio/kafka-go",
		"github.com/sijms/go-ora", "github.com/snowflakedb", "github.com/stretchr/testify", "github.com/twmb/franz-go",
		"go.mongodb.org", "go.opentelemetry.io/otel/exporters", "go.opentelemetry.io/otel/sdk",
		"google.golang.org/grpc", "modernc.org/sqlite", "zombiezen.com/go/sqlite",
	}
}

// Reasons for refusing an import. Each states the rule, for whoever reads only the failing line.
const (
	rootIsDocs    = "the root package is documentation and imports nothing"
	noRoom        = "the plan has no rule for it: add the engine or module to plan_test.go"
	siblingEngine = "an engine never imports a sibling engine: declare the interface or input type that it needs"
	needsEdge     = "an import between parts of one engine needs an edge in the plan"
	noDomain      = "internal/ holds no domain word and imports internal/ only"
	moneyIsBase   = "money imports shopspring/decimal only"
	shipsTests    = "shipped code never imports a *test package"
	publicOnly    = "a nested module imports the root module's public packages only"
	notUpwards    = "the root module never imports a nested module"
	notBeside     = "a nested module imports other nested modules only below adapters/; the benchmarks also integration, for its databases"
	notPlanned    = "the plan names no such third-party module: add it to plan_test.go with its reason"
	forTests      = "only _test files and *test packages import it"
)

// refuse returns why package from must not import to, or "" when it may. Both are import paths, test tells that it is
// a _test file of from that imports.
func (p plan) refuse(from, to string, test bool) string {
	from, inside := relative(from)
	if !inside {
		return noRoom
	}
	to, inside = relative(to)
	switch {
	case !inside:
		return p.refuseThirdParty(from, to, test)
	case from == to:
		return "" // An external test imports the package beside it.
	case p.moduleOf(from) != "":
		return p.refuseNested(from, to)
	case p.moduleOf(to) != "":
		return notUpwards
	case isTestPackage(to) && !isTestPackage(from) && !test:
		return shipsTests
	case slices.Contains(p.edges, edge{from, to}):
		return ""
	}
	return p.refuseInRoot(from, to, test)
}

// refuseInRoot applies the directions inside the root module: parts to their engine, engines to money and internal/.
func (p plan) refuseInRoot(from, to string, test bool) string {
	switch own, other := room(from), room(to); {
	case own == ".":
		return rootIsDocs
	case own == "internal":
		if other != "internal" {
			return noDomain
		}
		return ""
	case own != "money" && !slices.Contains(p.engines, own):
		return noRoom
	case own == other:
		return refuseWithin(from, to, test)
	case own == "money" && (!test || other != "internal"):
		return moneyIsBase
	case other == "money" || other == "internal":
		return ""
	default:
		return siblingEngine
	}
}

// refuseWithin applies the directions inside one engine. A part may build on the whole; what lies below an internal/
// folder is free to the packages that the compiler lets see it, but must not reach back up.
func refuseWithin(from, to string, test bool) string {
	partOfWhole := strings.HasPrefix(from, to+"/") && !isInternal(from)
	if test || isInternal(to) || partOfWhole {
		return ""
	}
	return needsEdge
}

// refuseNested applies the rules for modules below the root: Go would let them see the root's internal/ packages,
// since their import paths start alike, but they stand in for importers, who cannot.
func (p plan) refuseNested(from, to string) string {
	own, other := p.moduleOf(from), p.moduleOf(to)
	switch {
	case own == other:
		return ""
	case other != "" && !strings.HasPrefix(other, "adapters/") && (own != "integration/bench" || other != "integration"):
		return notBeside
	case isInternal(to):
		return publicOnly
	}
	return ""
}

// refuseThirdParty applies the list of third-party modules. Nested modules choose their own in their go.mod.
func (p plan) refuseThirdParty(from, to string, test bool) string {
	host, _, _ := strings.Cut(to, "/")
	if !strings.Contains(host, ".") || p.moduleOf(from) != "" {
		return ""
	}
	shipped := !test && !isTestPackage(from)
	for _, d := range p.thirdParty {
		switch {
		case !within(to, d.module):
			continue
		case d.testsOnly && shipped:
			return forTests
		case room(from) == "money" && shipped && d.module != decimal:
			return moneyIsBase
		}
		return ""
	}
	return notPlanned
}

// moduleOf returns the nested module that holds the package at a relative path, "" for the root module.
func (p plan) moduleOf(rel string) string {
	var longest string
	for _, m := range p.nested {
		if within(rel, m) && len(m) > len(longest) {
			longest = m
		}
	}
	return longest
}

// relative cuts the root module's path off an import path, and tells whether it was there.
func relative(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// room returns the first element of a relative path: the engine, money, internal, or "." for the root package.
func room(rel string) string {
	first, _, _ := strings.Cut(rel, "/")
	return first
}

// within reports whether a path is the folder or lies below it.
func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// isInternal reports whether a path lies below an internal/ folder.
func isInternal(rel string) bool { return slices.Contains(strings.Split(rel, "/"), "internal") }

// isTestPackage reports whether a package exists for tests: a conformance suite (pricing/pricingtest) or a helper.
func isTestPackage(rel string) bool { return strings.HasSuffix(path.Base(rel), "test") }
