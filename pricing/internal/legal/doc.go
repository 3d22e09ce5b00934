// Package legal says what a single rule may be: which effects its kind takes,
// whether its window and its quantities leave room, which numbers its effect may
// have. What rules make of each other is for package check.
package legal
