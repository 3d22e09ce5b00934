// Package csr keeps a directed graph in compressed sparse rows: two int32 arrays that a
// traversal reads in order, with no pointer and no map in its way.
package csr
