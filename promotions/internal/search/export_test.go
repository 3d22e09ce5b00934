package search

import "github.com/tenon-go/tenon/promotions/internal/eval"

// SolveWatched looks at every subset, whatever the bounds say, and tells watch of them.
func SolveWatched(s *eval.State, candidates []int32, nodes int, watch func(bound, found int64)) eval.Search {
	return new(Solver).solve(s, candidates, nodes, watch)
}
