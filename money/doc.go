// Package money holds exact amounts of a currency, splits them so that the shares add up, and rounds where a rule says so.
//
// # Model
//
// A Currency is a code and the digits of its minor unit: EUR has 2, JPY 0. ISO knows those of ISO 4217; NewCurrency makes
// others, points or tokens.
//
// An Amount is an integer coefficient, a scale and a currency: 12.34 USD is 1234 at scale 2. It keeps digits beyond the
// minor unit, so 0.012345 USD is a unit price like any other, and drops trailing zeros there, so equal amounts are equal
// values: == compares them and a map takes them as keys. What has no digit beyond the minor unit is settled; only such
// amounts can be split or posted to a ledger.
//
//	1234    ─┐               ┌─ Add, Sub, Times, Neg     exact
//	"12.34" ─┼──► Amount ────┼─ Mul, Percent, MulDiv     exact, then rounded once by a Rounding
//	decimal ─┘   (settled?)  ├─ Allocate, Quota          shares that sum to the whole
//	                         └─ ExtractTax, AddTax       net + tax = gross
//
// A Rounding is a mode, an increment and how many digits to keep beyond the minor unit. A Split is one of five ways to
// spread a total over weights; they differ in who gets the units that do not divide, and each is that of a system from which
// a shop may come, so that a migration changes no cent. Subpackage ledger posts settled amounts to double-entry books.
//
// # Guarantees
//
// The invariants, by the numbers under which the tests prove them:
//
//   - M1. The shares of Allocate sum to the total, in every split, for every sign and all weights.
//   - M2. Quota is round half up (total x to/n) less round half up (total x from/n) in constant time, and the quotas of any
//     partition of 0..n sum to the total.
//   - M3. The shares of AllocateCapped never exceed their caps, and with the rest they sum to the total.
//   - M4. Gross is net + tax: ExtractTax rounds the net and takes the tax as the difference, AddTax rounds the tax.
//   - M5. Nothing wraps, truncates or loses a digit silently: an operation returns an exact result, one rounded as its
//     arguments say, or an error, and an error changes nothing.
//   - M6. Parse reads what Text writes; the text and JSON encodings round-trip every amount.
//   - M7. Integers of 64 bits do the work; what does not fit goes through package decimal, and where both can answer they
//     agree bit for bit.
//
// All functions are pure. Amount, Currency, Rounding and Split are values, safe for concurrent use. What the fast path of M7
// holds, which is all that shops do all day, allocates nothing: an operation takes some nanoseconds, a split of n lines O(n).
//
// # Errors
//
// Every error is ErrSyntax, ErrCurrency or ErrRange under errors.Is and says which value was refused; *MismatchError, an
// ErrCurrency, holds two currencies that met. New is the only function that panics on a value.
//
// # What it does not do
//
// It formats no number for a locale, has no exchange rates and holds no two currencies in one value. It has no column type:
// store Text, or minor units, and the currency. A coefficient has 63 bits: 92 quadrillion dollars, but only 9.2 units of a
// token with 18 digits.
//
// # Sources
//
// Currencies and minor units are ISO 4217 list one as published on 2024-06-25, "not applicable" counting as 0 digits. Names
// and ties of the modes are those of Java's RoundingMode, and HalfUp is symmetric as there. LargestRemainder is Hamilton's
// method of apportionment. Percents, rates and factors are github.com/shopspring/decimal values.
package money
