// Command quickstart is the README's first use of pricing: a service that
// compiles its rules once and prices with them.
package main
