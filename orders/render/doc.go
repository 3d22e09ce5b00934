// Package render shows people what package orders does: its state machines, the course of one checkout, what stock there is
// and who holds it, and why a checkout stands where it stands.
//
// # What is shown
//
// [States] draws the transition tables as Mermaid or DOT. [Timeline] draws one checkout, with its order, from their events:
// the states that they went through, the hold of stock, and every call outside with its attempts and its doubts. [Stock] is
// a table of what is on hand, reserved, left and sold, and of the holds by their age; [ReadStock] reads what it shows. [Why]
// says in sentences what a checkout waits for, and what comes next and when.
//
// # Guarantees
//
// The same input gives the same bytes on every machine. Ids, reasons and SKUs come from a host's users and from gateways: in
// text, what cannot be printed becomes a space, and in SVG all is escaped; the picture has no script, link or font of its
// own. Nothing shows the token of a tender, the link that a buyer was sent to, or an address. Cost is linear in what is
// shown; that of Timeline in its events times its calls. All functions are safe for concurrent use.
package render
