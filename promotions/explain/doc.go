// Package explain shows what promotions did to a cart, to people: as text for a terminal or a log, as a picture, and as
// one sentence on one promotion.
//
// # What is shown
//
// Lines and charges stand against the promotions that fired, in the order in which they fired. A cell is what one took
// from the other; the sums at both edges are those of the result, so that everything shown adds up. A bar shows the units
// of a line: one part for each run of units in one state, filled as far as the part is paid. Below stand the promotions in
// words, those that did not fire with the reason, gifts that are due, and codes that opened nothing.
//
// # Guarantees
//
// The same result gives the same bytes on every machine: layout is computed in integers. Names come from a host's users:
// in text, what cannot be printed becomes a space, and in SVG all is escaped; the picture has no script, link or font of its
// own. Cost is linear in what is shown, and in the promotions of the set, whose titles are looked up; that of Why in what
// the result holds. All functions are safe for concurrent use.
package explain
