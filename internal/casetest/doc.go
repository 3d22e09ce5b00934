// Package casetest runs the third-party cases that the tests of the engines share: files of
// re-typed facts that live beside the repository and are never copied into it.
//
// The cases are under the folder that TENON_TESTDATA names, else under ../shared/testdata beside
// the repository root, which is the nearest folder upwards with a go.work. What is absent skips the
// test with one line. What is present is run as it is found, every file and every case: a test
// lists neither, so other cases of the same layout run the same tests.
//
// A file is one of three forms: an object with an array "cases", an object with an array of another
// name that the test gives, or an array. The cases of a file are subtests, TestCases/<file>/<id>;
// it ends with one log line,
//
//	cases <folder>/<file>: passed N of M
//
// where M counts every case of the file, those of a kind that the test does not support too: they
// are skipped, and listed with their number.
package casetest
