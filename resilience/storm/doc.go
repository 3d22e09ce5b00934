// Package storm computes what retries do to a service, before a service finds out: a deterministic simulator in which clients contend for
// one row or call a service that is down, under the backoffs and budgets of package retry.
//
// Contend is the model behind AWS' article on jitter: each client reads the version of a row and writes with it; of writes that overlap
// one wins, and the others back off and begin anew. Every way over the network takes |normal(10 ms, 2 ms)|. Compare runs it for
// several backoffs; its String is a table, its Chart an SVG document. With 100 clients:
//
//	backoff         calls      time
//	full              796     4.95s
//	equal             812     6.71s
//	decorrelated     1003     4.59s
//	exponential      1862    63.86s
//	none             2417     2.02s
//
// Outage counts the attempts that calls make at a service where all fail: what a budget is for.
//
// # Guarantees
//
// The same config gives the same result in every run: all draws come from a generator that it seeds. No clock is read and no time passes.
// All functions are safe for concurrent use. Contend takes O(calls x log clients) per run.
//
// # Sources
//
// AWS Architecture Blog, "Exponential Backoff And Jitter" (2015), and its simulator, aws-samples/aws-arch-backoff-simulator at
// 66cb169277051.
package storm
