// Package timeline turns sets that are asserted at instants into the stretches of time
// over which their elements hold.
package timeline
