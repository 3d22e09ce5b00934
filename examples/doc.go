// Package examples holds small programs that show one engine or the joint between two. Each is a folder with a main
// package; its test below runs it and compares what it prints with the program's testdata/output.txt.
//
// A program may have tests of its own instead, as the shop has. What a changed program prints is accepted with
//
//	go test . -update
package examples
