// Package pricing answers what a thing costs this customer, now, in this quantity and currency, and why.
//
// It ends at the price of one line. Coupons, budgets and discounts over a whole cart are another engine's.
//
// # Model
//
// A [RuleSet] is a policy and rules. [Compile] checks it and makes a [Snapshot] of it, immutable and indexed, which answers a
// [Query] with a [Quote]. A query holds all that a price may depend on, exchange rates and cost included; nothing else is
// asked, so that the same query gets the same answer a year later. A quote shows the steps that made it, one rule each.
//
//	ParseRules ─► RuleSet ─► Compile ─► Snapshot ─┬─ Price    ─► Quote
//	                            │                 └─ Explain  ─► Explanation: the quote, and why no other rule applied
//	                      *CompileError: every problem, with rule and path
//
// A rule has a kind, and kinds act in stages:
//
//	stage      kinds, and how they compete                        effects
//	price      contract, list, base, cost_plus: the first kind    SetTo, Charge, Formula; cost_plus: Markup, Margin, Formula
//	           with a candidate, then the rank
//	tier       tier: the rank (or best, or chain)                 PercentOff, AmountOff, SetTo, Formula
//	volume     volume: likewise; needs MinQty                     likewise
//	sale       sale: likewise                                     likewise
//	surcharge  surcharge: all, in order of rank (or otherwise)    PercentUp, AmountUp
//	guard      ceiling, floor, min_margin, map: all hold          SetTo; min_margin: Margin
//	round      round: the rank                                    Grid
//
// A rule is a candidate when its scope, window, quantity, currency and condition all hold. The rank of candidates is decided by
// the first difference of: priority, larger first; scope, from variant over product and category, nearer first, to
// everything; the number of leaves of the condition, more first; MinQty, larger first. In the price stage the kind and then the
// currency (the query's own, the pivot, any other) come before these. Candidates of equal rank with different results are an
// error, or resolved as [Policy] says; where it can be proven they already fail to compile.
//
// After the stages Unit is rounded once and Line once, by the policy. [Quote.PerLine] marks charges that are priced as a whole.
//
// # Changing prices
//
// A [Book] is a named line of versions in a [Store]:
//
//	draft (revision r) ──Publish──► published (version v, armed) ──EffectiveFrom──► in force ──► past
//
// What is published is never edited: a correction is a new version. On every node an [Engine] keeps the versions in force, armed
// and just past, and a [Source] polls the store for new ones. Versions are armed at least Lead ahead and take effect by
// comparison with the query's time: nodes whose clocks agree give the same price in the same second, and a node that has not
// heard from its store for too long says so in [Quote.Unsure].
//
// Stores: [NewMemoryStore]; package sqlpricing on database/sql; your own, proven by pricingtest.TestStore.
//
// # Guarantees
//
// The invariants, by the numbers under which the tests prove them:
//
//   - P1. The same digest and the same query give the same quote, bit for bit save Version, on every node and store.
//   - P2. The deltas of a quote's steps sum exactly to Unit (to Line where PerLine), starting at zero.
//   - P3. The unit is rounded once and the line once; nothing else is rounded unless policy or a rule says so.
//   - P4. No price is negative and no rounding breaks a guard. Where a ceiling and a floor contradict each other, the floor holds.
//   - P5. The fast path, on integers of 64 bits, and the exact path, on big rationals, give the same quote; [Quote.Exact] tells.
//   - P6. A tie is resolved by policy or is an error, never by the order of a map, a slice or an insertion.
//   - P7. [Quote.NextChange] is never later than the first second at which the same query may cost something else.
//   - P8. In force at t is the highest version with EffectiveFrom at or before t.
//   - P9. A published version is complete or absent, for every reader.
//   - P10. A rule set survives encoding and decoding as it is, its digest too.
//
// [RuleSet], [Query], [Snapshot], [Rates] and the values in them are safe to share once made. An [Engine], a [Book] and a store are
// safe for concurrent use; Snapshot and Engine serve any number of goroutines without a lock.
//
// # Cost
//
// A price reads at most 3 lists of rules and one for each category of the query, whatever the size of the set; it takes about a
// microsecond and, with [Snapshot.PriceInto], no allocation. Compile is O(n log n) in the number of rules. bench/pricing.txt in the
// repository has the figures.
//
// # What it does not do
//
// It fetches no exchange rates and converts only with those of the query. Schedules do not recur; a charge counts one line; a
// condition is data and calls no function of the host, because that would end the first guarantee.
//
// # JSON
//
// [ParseRules] and [ParseQuery] read the form that the types marshal to. Amounts and other numbers are decimal strings ("12.5"),
// times RFC 3339 at whole seconds; unknown and repeated keys are errors. What is marshalled is canonical: a fixed order of keys,
// rules by id, defaults left out. Digests are taken over it.
//
//	{"policy": {"rounding": "half_up", "ties": "error"},
//	 "rules": [
//	  {"id": "p1", "kind": "base", "on": {"product": "p1"}, "currency": "EUR", "amount": "19.99"},
//	  {"id": "p1-10", "kind": "volume", "on": {"product": "p1"}, "min_qty": "10", "percent_off": "12.5"},
//	  {"id": "vip", "kind": "sale", "percent_off": "5", "when": {"field": "customer.segments", "op": "any", "value": ["vip"]},
//	   "from": "2026-11-27T00:00:00Z", "until": "2026-11-30T00:00:00Z"}]}
//
// The keys, with their (defaults; and other values):
//
//	rule set   policy ({}), rules ([]), version (0), effective_from (none)
//	policy     rounding, line_rounding: a mode (half_even; half_up, half_down, up, down, ceil, floor), or
//	             {mode, increment (1, an integer, in minor units), extra (0, an integer, digits beyond the minor unit)}
//	           round_at (end; each, discount)   ties (error; lowest)   tax (none; inclusive, exclusive)
//	           combine {tier, volume, sale (first), surcharge (chain)}: first, best or chain
//	           currencies [{code, digits}]: those that ISO 4217 does not know
//	           convert (false)   pivot (none)   max_age (none; "24h")   stale (reject; use, native)   spread ("0", percent)
//	rule       id (required, 1-128 bytes)   kind (required)   label   when (always)   priority (0, an integer, up to 10^6 either way)
//	           on (everything; exactly one of variant, product, category)
//	           exclusive (false; tier, volume, sale and surcharge only)
//	           from (inclusive)   until (exclusive)   min_qty, max_qty (inclusive)
//	           currency: required with an amount, formula, charge or round; refused with a percent, markup or margin
//	           one effect:
//	effect     amount, amount_off, amount_up (0 or more, per unit)   percent_off (0-100)   percent_up (0-1,000)
//	           markup (percent of cost, 0-10,000)   margin (percent of price, 0 to below 100)
//	formula    base (list, current, cost, rule:<id>)   percent_off or percent_up   round (a multiple above 0)
//	           surcharge (signed)   min_margin, max_margin (amounts)
//	charge     mode volume or graduated, with steps [{up_to (inclusive; absent on the last), unit, flat ("0")}]
//	           mode package, with size, unit (the price of a package), free ("0")
//	round      mode (half_up)   increment (above 0, an amount)   offset ("0", smaller than the increment, signed)
//	condition  {all: [...]}, {any: [...]}, {not: ...} or {field, op, value}, see below
//	query      product, currency (required; one of your own as "POINT/0")   variant   categories (nearest first)   qty ("1")
//	           customer {id, segments}   channel   region   attributes {name: text}   numbers {name: decimal}   at
//	           cost {amount, currency}   rates [{from, to, rate (1 from = rate to), as_of, source}]   tax_rate (percent)
//
// # Conditions
//
//	kind    fields                                                                   operators
//	text    customer.id, channel, region, product, variant, currency, attributes.*   = !=, in not_in with a list
//	list    customer.segments, categories                                            any all none, with a list
//	number  qty, numbers.*                                                           = != < <= > >=, between with [low, high]
//	each    any of these                                                             exists, without a value
//
// An absent text or number is unknown to every operator but exists, an absent list is empty; all, any and not follow Kleene's
// strong logic, and only a condition that is true makes a candidate: neither region = "US" nor its negation holds for a query
// without a region. A condition has at most 64 leaves, depth 8 and 1,000 values.
//
// # Sources
//
// Kinds and their order generalise what shop systems do (Medusa's price selection, Odoo's pricelists, ERPNext's pricing rules,
// Sylius' catalogue promotions); charge modes are those of usage billing (Stripe, Lago). Conditions follow Kleene's strong logic of
// three values. ISO 4217 and rounding are package money's.
package pricing
