package codes

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/promotions"
)

// A Codes is one batch of codes. It is immutable and safe for concurrent use; [New] makes one.
type Codes struct {
	cipher      cipher
	count       uint64
	counterBits uint
	macBits     uint
}

// Config says how long codes are. The sum of both widths is a multiple of 5: a symbol holds 5 bits.
type Config struct {
	// CounterBits bounds how many codes a batch may ever have, 2^CounterBits: even, 20 to 60; 0 means 40.
	CounterBits int
	// MACBits is what keeps codes from being guessed: 10 to 40; 0 means 20.
	MACBits int
}

// New returns the batch of the codes 0 to count-1. Key is secret, random and 16 to 64 bytes; it is copied. Batch is the
// name by which promotions know it, 1 to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen. Count is at least 1. All that is
// wrong comes at once; the error is promotions.ErrInvalid.
func New(key []byte, batch string, count uint64, cfg Config) (*Codes, error) {
	if cfg.CounterBits == 0 {
		cfg.CounterBits = 40
	}
	if cfg.MACBits == 0 {
		cfg.MACBits = 20
	}
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(key) < 16 || len(key) > 64 {
		refuse("a key of %d bytes, want 16 to 64", len(key))
	}
	if !isName(batch) {
		refuse("batch %q: want 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-'", batch)
	}
	counterFits := cfg.CounterBits >= 20 && cfg.CounterBits <= 60 && cfg.CounterBits%2 == 0
	if !counterFits {
		refuse("%d counter bits, want an even number from 20 to 60", cfg.CounterBits)
	}
	if cfg.MACBits < 10 || cfg.MACBits > 40 {
		refuse("%d MAC bits, want 10 to 40", cfg.MACBits)
	}
	if sum := cfg.CounterBits + cfg.MACBits; sum%5 != 0 {
		refuse("%d counter and MAC bits together, want a multiple of 5", sum)
	}
	if count == 0 || counterFits && count > 1<<cfg.CounterBits {
		refuse("a count of %d, want 1 to 2^%d", count, cfg.CounterBits)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("codes: new: %w: %w", promotions.ErrInvalid, errors.Join(errs...))
	}
	counterBits, macBits := uint(cfg.CounterBits), uint(cfg.MACBits)
	return &Codes{
		cipher:      cipher{key: slices.Clone(key), batch: batch, half: counterBits / 2},
		count:       count,
		counterBits: counterBits,
		macBits:     macBits,
	}, nil
}

func isName(s string) bool {
	for _, b := range []byte(s) {
		switch {
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '.', b == '_', b == '-':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// Batch is the name of the batch.
func (c *Codes) Batch() string { return c.cipher.batch }

// At returns code n as it is printed, in groups of four symbols. A number from count on is promotions.ErrRange.
func (c *Codes) At(n uint64) (string, error) {
	if n >= c.count {
		return "", fmt.Errorf("codes: batch %s: code %d of %d: %w", c.Batch(), n, c.count, promotions.ErrRange)
	}
	value := c.cipher.permute(n)
	hi := value >> (64 - c.macBits)
	lo := value<<c.macBits | c.mac(value)
	return printed(encode(hi, lo, c.symbols())), nil
}

// Check reads a code as a buyer typed it. ok says that it is one of the batch's codes, and canonical is then its normal
// form: upper case, without spaces and hyphens, 0 and 1 for O, I and L. Where ok is false, a canonical that is not empty
// says that the code has the form of the batch's and a wrong check symbol: it is mistyped. Else it is none of them: of
// another form, of another batch, made up, or not issued.
func (c *Codes) Check(code string) (canonical string, ok bool) {
	symbols, ok := read(code, c.symbols()+1)
	if !ok {
		return "", false
	}
	hi, lo, ok := decode(symbols)
	if !ok {
		return symbols, false
	}
	value := hi<<(64-c.macBits) | lo>>c.macBits
	if !equal(lo&(1<<c.macBits-1), c.mac(value)) || c.cipher.invert(value) >= c.count {
		return "", false
	}
	return symbols, true
}

// symbols is how many symbols a code has before its check symbol.
func (c *Codes) symbols() int { return int(c.counterBits+c.macBits) / 5 }

// mac authenticates a value: the first bits of its HMAC.
func (c *Codes) mac(value uint64) uint64 { return c.cipher.mac(value) >> (64 - c.macBits) }

// equal compares in constant time, so that the time of an answer says nothing of how much of a guess was right.
func equal(a, b uint64) bool {
	return subtle.ConstantTimeCompare(binary.BigEndian.AppendUint64(nil, a), binary.BigEndian.AppendUint64(nil, b)) == 1
}
