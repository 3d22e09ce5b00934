// Command collector runs a collector that samples tails, has a service send it twenty checkouts, and prints which it kept and why.
package main
