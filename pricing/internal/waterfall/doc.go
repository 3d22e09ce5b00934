// Package waterfall draws how a price came about, as text and as SVG: one bar a
// step from the running value before it to the one after it, a total below, and
// the rules that were passed over with their reasons.
//
// It knows neither rules nor stages: a [Chart] is labels and amounts. Bars are
// laid out in exact arithmetic, so that the same chart gives the same bytes on
// every machine. Labels come from a host's users and are escaped; nothing in the
// output is a script, an external font or a link.
package waterfall
