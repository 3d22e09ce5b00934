// Package naive evaluates promotions by the rules as they are written, with lists of
// single units, exact fractions and brute force. It shares no code with the engine
// and reads exported types alone; package promotionstest exports it.
package naive
