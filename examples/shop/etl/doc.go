// Package etl makes reports of a shop's orders, and says in events of OpenLineage what it makes
// them from, as Spark or dbt would: once per run that it started, and once that it is complete.
package etl
