// Command gendata writes the orders that examples/shop ships, in the form of the
// UCI "Online Retail" data set. The shop, its products and its customers are
// made up; a fixed seed makes the file the same on every run.
//
//	go run ./examples/shop/gendata > examples/shop/orders.csv
package main
