// Package codes makes coupon codes that need no table: millions of single codes that are unique by construction, cannot
// be guessed, and are checked without asking a store.
//
// # Model
//
// A [Codes] is one batch: a secret key, a name, and how many codes were issued. [Codes.At] gives code n. [Codes.Check]
// reads what a buyer typed. A batch is handed to promotions.CompileConfig, and a promotion that names it is opened by any
// of its codes.
//
//	   n   0 to count-1, CounterBits
//	   │   keyed Feistel permutation: 8 rounds of HMAC-SHA-256 over halves
//	   ▼
//	 value ────── HMAC-SHA-256 over batch and value, cut to MACBits
//	   │             │
//	   └──────┬──────┘
//	          ▼
//	7K3M-Q0ZT-4XHA-R    Crockford's base 32, then a check symbol modulo 37
//
// # Guarantees
//
//   - No two numbers of a batch have one code: a permutation has no collisions.
//   - Who has seen any number of codes, but not the key, can neither find another one nor tell their order: a guess has a
//     chance of 2^-MACBits to pass the first test, and of count / 2^(CounterBits+MACBits) to be a code that was issued. With
//     the defaults and a million codes that is once in 2^40. How often somebody may try is for the host to bound.
//   - One wrong symbol, and two neighbours that changed places, are always found, and told apart from what is no code.
//   - A code is read in either case, with or without spaces and hyphens, and with O for 0 and I or L for 1.
//
// The same key, batch and widths give the same codes for ever. A larger count issues more and changes none; a smaller one
// takes the last ones back. Batches of one key share no codes but by chance.
//
// A Codes is safe for concurrent use. At costs nine HMACs, a Check that refuses none or one.
//
// # What it does not do
//
// It does not remember which codes were used: that is what limits per code of a promotion are for. Words of a natural
// language may come up in codes, although Crockford's alphabet has no U.
//
// # Sources
//
// M. Luby and C. Rackoff, How to construct pseudorandom permutations from pseudorandom functions, 1988; J. Black and
// P. Rogaway, Ciphers with arbitrary finite domains, 2002; RFC 2104 (HMAC); D. Crockford, Base 32.
package codes
