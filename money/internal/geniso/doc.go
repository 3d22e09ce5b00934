// Command geniso turns the list of ISO 4217 currencies into the table of package money.
// It runs in the folder of that package, through go generate.
package main
