// Package arch holds the suite's architecture test: who may import whom, which third-party modules shipped code may
// reach, and how packages, files and modules are laid out.
//
// The rules are data in plan_test.go and are read against what go list reports about every module of the workspace.
// A new engine is one line there, and so is each import between two packages of one engine that does not simply lead
// from a part to the whole. Every checker is a function of its input and is tested on graphs and file trees that break
// each rule, because a checker that cannot fail proves nothing.
//
// deps.txt in the repository root lists the third-party modules that an importer's binary can contain. After a
// dependency was added on purpose, rewrite it with
//
//	go test ./internal/arch -run TestDependenciesAreListed -update
package arch
