// Package promotions decides which promotions fire on a cart and for how much, finds
// the best combination that is legal, and keeps budgets, uses and codes from being
// overrun.
//
// # Model
//
// A [Set] is a policy, stages, campaigns and promotions. [Compile] checks it and makes
// a [Snapshot], immutable and indexed. [Snapshot.Evaluate] takes a [Cart] and returns a
// [Result]: what fired, with the shares of every line and charge, and why the others did
// not. A [Ledger] redeems: it reserves what a result takes, and commits it when the
// order is paid.
//
//	Parse ─► Set ─► Compile ─► Snapshot ─┬─ Evaluate(Cart, Options) ─► Result
//	                   │                 └─ Ledger.Redeem(key, Cart) ─► Receipt ─► Commit, Release, Reverse
//	            *InvalidError: every problem, with its JSON path
//
// The JSON form has the fields of the Go types under these keys; money and percents are
// decimal strings, what is absent is the default:
//
//	set        policy, stages, campaigns, promotions
//	policy     rounding, round (discount, price), allocation, refused (redistribute, drop), over_budget (cap, skip)
//	stage      name, mode, by (cart, line), groups, max_per_line, max_per_order
//	promotion  id, title, stage, priority, target (lines, shipping, all), base (discounted, original), from, until,
//	           codes, batches, currency, when, where, effect, stack, limits
//	effect     kind percent, amount, price: value or tiers [{from, value}], per (line, unit, order), cap, tier_by,
//	           graduated, max_units, group, pick
//	           kind bxgy: buy and get {where, qty}, get also not_dearer, value {percent, amount or price}, pick, pairing, max
//	           kind bundle: parts [{where, qty}], value, pick, max; kind gift: product, qty, for_each
//	stack      exclusive (stage, cart), excludes, stop, group, class, combines, tags, combines_tags
//	limits     uses, budget, per_customer, per_code, per_code_customer, campaign, keep_after_cancel
//	condition  {all: [...]}, {any: [...]}, {not: ...}, {field, op, value}, {lines: {where, count, amount}}
//	cart       currency, at, prices_include_tax, customer {id, orders, segments, attributes}, codes, lines [{id, product,
//	           price, list, total, qty, floor, categories, tags, gift, tax_rate, attributes}], shipping [{id, method,
//	           price, tax_rate, attributes}], attributes
//
// Fields of conditions on the cart: cart.subtotal, cart.subtotal_now, cart.units,
// cart.shipping_methods, cart.attr.<name>, customer.id, customer.orders,
// customer.segments, customer.attr.<name>; on a line or charge: line.product, line.price,
// line.qty, line.categories, line.tags, line.discounted, line.attr.<name>,
// shipping.method, shipping.price, shipping.attr.<name>.
//
// Codes are compared in upper case without spaces and hyphens.
//
// The accounts of a ledger: promotion/<id>/uses and /budget,
// promotion/<id>/customer/<customer>/uses, code/<CODE>/uses,
// code/<CODE>/customer/<customer>/uses, campaign/<id>/uses and /budget.
// Evaluate alone limits nothing but what Options.Left names: limits are a ledger's.
//
// A promotion says when (a condition on the cart), where (one on each line or charge),
// what (its [Effect]), with whom it combines ([Stack]) and how much in all ([Limits]). The
// effects: a [Discount] in percent, as an amount or as a new price, per line, unit or
// order, with tiers; [BuyGet], [Bundle], [FreeGift]. Conditions have three values: a
// guest's segments are unknown, and only true fires.
//
// # Modes
//
// Promotions go by stages, within a stage by priority, larger first, and then by id.
//
//	sequential  each in turn, on what the one before left
//	first       the first that fires
//	best        the one that takes most, for the cart or for each line
//	lowest      the one that takes least
//	optimal     the legal combination that takes most, proven
//
// The last is a search by branch and bound, exact unless its budget of nodes ends it;
// then Result.Optimal is false and Result.Bound says how much better it could be. There
// is no clock in it: every machine gives the same answer.
//
// # Guarantees
//
// Of a result:
//
//   - P1. Price x quantity is what a line pays and its shares; the total is lines and
//     shipping; what was applied sums to the discount; all exactly.
//   - P2. No unit pays less than its floor, no charge less than nothing, and no share is
//     negative.
//   - P3. What units of a line have of a share is a quota ([Application.OnLine]): any
//     partition of the line sums to it.
//   - P4. A result is a function of snapshot, cart and options: the same bytes, and the
//     same number of nodes.
//   - P5. It states absolute amounts under the fingerprint of its cart: writing it to an
//     order, or reserving it, twice has no further effect.
//   - P6. What is certified is the most that any legal subset of its stage takes, and
//     Bound is never below that. Where effects share units, a subset takes what one
//     assignment of units of the largest sum gives, always the same one.
//   - P7. The cost of a line does not depend on its quantity.
//   - P8. Gross is net and tax on every line.
//
// Of a ledger, on every store that passes promotionstest.Run:
//
//   - L1. After every write, reserved and committed together are within the limit that
//     came with an account's last debit, and neither is negative.
//   - L2. Reserved is the debits of reserved entries, committed those of committed ones
//     less what was reversed.
//   - L3. One key is one entry, and a repeat debits nothing.
//   - L4. All debits of a write happen, or none.
//   - L5. What is reversed never exceeds what was committed, by promotion.
//   - L6. The commit of a live reservation never fails for a limit.
//
// The states of an entry:
//
//	stateDiagram-v2
//	    [*] --> RESERVED: redeem
//	    RESERVED --> COMMITTED: commit
//	    RESERVED --> RELEASED: release
//	    RESERVED --> EXPIRED: sweep
//	    COMMITTED --> REVERSED: reverse
//	    RELEASED --> RESERVED: redeem
//	    EXPIRED --> RESERVED: redeem
//	    EXPIRED --> COMMITTED: commit
//
// A part can be reversed: the entry stays COMMITTED until all is. Redeeming another cart under a reserved key replaces what it holds in one step.
// Config.TTL must exceed the time that a payment may take; a commit that comes later
// still holds as long as nobody swept, and after that where everything still fits.
//
// # Dialects
//
// A shop that moves keeps its cents with the policy of the system that it comes from:
//
//	system           rounding   allocation         over_budget
//	Solidus          half_up    first_lines        cap
//	Sylius           half_up    nearest_first      cap
//	Saleor           half_up    last_line          cap
//	Vendure, Medusa  half_up    largest_remainder  cap; Medusa skip
//
// # Cost
//
// Compile files each promotion under the rarest key that it requires, a code, product,
// category, segment or method. An evaluation visits those that the cart's keys reach: a
// hundred thousand promotions cost like a thousand. Promotions that require no key are
// visited always; Compile warns of more than 64 of them. Units are counted by class, so
// that a line of a million costs as one of ten.
//
// # Stores
//
// [NewMemoryStore]; package sqlpromotions on database/sql; your own, proven by
// promotionstest.Run and promotionstest.Overrun.
//
// # What it does not do
//
// It prices nothing: carts bring their prices. It has no expression language, no
// effects in several currencies and no referral codes, and it changes no cart: a gift is
// told, and the host adds the line.
//
// # Sources
//
// Three-valued logic is Kleene's (Introduction to Metamathematics, 1952). The number of
// applications of a consuming effect follows from Hall's marriage theorem (1935), and that
// units can be picked greedily from the theory of transversal matroids (Edmonds and
// Fulkerson, 1965). Branch and bound is Land and Doig's (1960). How totals are split
// stands at package money.
package promotions
