// Package consume decides which units the effects that use units up get: buy-x-get-y and
// bundles. Units are counted by class, a class being units that are alike, so the cost is
// that of the classes, whatever their counts. It knows integers only; prices order units,
// and what an application is worth is asked of the caller.
//
// How many applications there are follows from Hall's condition: for every set of needs, the
// units that fit one of them are at least what they ask for together. Which units they are is
// a greedy choice over classes: the sets of units that some assignment completes are the
// independent sets of a matroid.
package consume
