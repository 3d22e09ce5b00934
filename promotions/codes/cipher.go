package codes

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// rounds of the Feistel network. Four make it a strong pseudorandom permutation on wide halves (Luby and Rackoff); the
// halves here are of 10 to 30 bits, so that more are due.
const rounds = 8

// What a message to HMAC is for. The kind comes first and all before the batch has a fixed length, so that no message of
// one kind is one of the other, and the keys need not differ.
const (
	forRound byte = 1
	forMAC   byte = 2
)

// A cipher permutes numbers of 2 x half bits and authenticates them.
type cipher struct {
	key   []byte
	batch string
	half  uint // bits
}

// permute maps n to a number of the same width, one to one.
func (c *cipher) permute(n uint64) uint64 {
	f := c.function()
	left, right := n>>c.half, n&(1<<c.half-1)
	for i := range byte(rounds) {
		left, right = right, left^f.round(i, right)
	}
	return left<<c.half | right
}

// invert undoes permute.
func (c *cipher) invert(n uint64) uint64 {
	f := c.function()
	left, right := n>>c.half, n&(1<<c.half-1)
	for i := range byte(rounds) {
		left, right = right^f.round(rounds-1-i, left), left
	}
	return left<<c.half | right
}

// mac is 64 bits of a value's HMAC.
func (c *cipher) mac(value uint64) uint64 {
	f := c.function()
	return f.sum(forMAC, 0, value)
}

// function prepares the pseudorandom function that everything is made of.
func (c *cipher) function() function {
	return function{hash: hmac.New(sha256.New, c.key), cipher: c}
}

// A function is HMAC-SHA-256 under the key; the hash is reused from call to call.
type function struct {
	hash   hash.Hash
	cipher *cipher
	buf    [sha256.Size]byte
}

func (f *function) round(i byte, half uint64) uint64 {
	return f.sum(forRound, i, half) >> (64 - f.cipher.half)
}

// sum is the first 64 bits of HMAC(key, kind, half's width, round, n in 8 bytes, batch).
func (f *function) sum(kind, round byte, n uint64) uint64 {
	f.hash.Reset()
	head := append(f.buf[:0], kind, byte(f.cipher.half), round) //nolint:gosec // at most 30
	f.hash.Write(binary.BigEndian.AppendUint64(head, n))
	f.hash.Write([]byte(f.cipher.batch))
	return binary.BigEndian.Uint64(f.hash.Sum(f.buf[:0]))
}
