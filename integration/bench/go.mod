module github.com/tenon-go/tenon/integration/bench

go 1.26.0

require (
	github.com/cockroachdb/apd/v3 v3.2.3
	github.com/govalues/decimal v0.1.36
	github.com/shopspring/decimal v1.6.0
	github.com/tenon-go/tenon v0.0.0
)

replace github.com/tenon-go/tenon => ../../
