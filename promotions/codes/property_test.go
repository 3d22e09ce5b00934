package codes_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/promotions/codes"
	"pgregory.net/rapid"
)

// slowCode is the normal form of code n, as the description says it and with big numbers.
func slowCode(key []byte, batch string, n uint64, counterBits, macBits int) string {
	half := counterBits / 2
	left := new(big.Int).Rsh(new(big.Int).SetUint64(n), uint(half))
	right := new(big.Int).Mod(new(big.Int).SetUint64(n), power(half))
	for i := range 8 {
		left, right = right, new(big.Int).Xor(left, slowBits(key, batch, []byte{1, byte(half), byte(i)}, right, half)) //nolint:gosec // small
	}
	value := left.Add(left.Mul(left, power(half)), right)
	all := new(big.Int).Add(new(big.Int).Mul(value, power(macBits)), slowBits(key, batch, []byte{2, byte(half), 0}, value, macBits)) //nolint:gosec // small
	code := string(alphabet[new(big.Int).Mod(all, big.NewInt(37)).Int64()])
	for range (counterBits + macBits) / 5 {
		symbol := new(big.Int)
		all.DivMod(all, big.NewInt(32), symbol)
		code = string(alphabet[symbol.Int64()]) + code
	}
	return code
}

func power(bits int) *big.Int { return new(big.Int).Exp(big.NewInt(2), big.NewInt(int64(bits)), nil) }

// slowBits are the first bits of an HMAC.
func slowBits(key []byte, batch string, head []byte, n *big.Int, bits int) *big.Int {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s%s%s", head, n.FillBytes(make([]byte, 8)), batch)
	return new(big.Int).Rsh(new(big.Int).SetBytes(mac.Sum(nil)), uint(256-bits))
}

func TestPermutationIsABijection(t *testing.T) {
	for half := uint(1); half <= 7; half++ {
		permute, invert := codes.Permutation(key(16), "b", half)
		seen := make(map[uint64]uint64)
		for n := range uint64(1) << (2 * half) {
			value := permute(n)
			if before, twice := seen[value]; twice || value >= 1<<(2*half) {
				t.Fatalf("half %d: %d and %d go to %d", half, before, n, value)
			}
			seen[value] = n
			if invert(value) != n {
				t.Fatalf("half %d: %d does not come back from %d", half, n, value)
			}
		}
	}
}

// widths draws a legal configuration.
func widths(t *rapid.T) codes.Config {
	for {
		cfg := codes.Config{CounterBits: 2 * rapid.IntRange(10, 30).Draw(t, "half"), MACBits: rapid.IntRange(10, 40).Draw(t, "mac")}
		if cfg.MACBits -= (cfg.CounterBits + cfg.MACBits) % 5; cfg.MACBits >= 10 {
			return cfg
		}
	}
}

func TestEveryCodeIsReadBackAtEveryWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := widths(t)
		batch := rapid.StringMatching(`[A-Za-z0-9._-]{1,64}`).Draw(t, "batch")
		secret := rapid.SliceOfN(rapid.Byte(), 16, 64).Draw(t, "key")
		n := rapid.Uint64Range(0, 1<<cfg.CounterBits-1).Draw(t, "n")
		c, err := codes.New(secret, batch, n+1, cfg)
		if err != nil {
			t.Fatal(err)
		}
		code, err := c.At(n)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(code, "-", "")
		if slow := slowCode(secret, batch, n, cfg.CounterBits, cfg.MACBits); want != slow {
			t.Fatalf("code %d is %s, want %s", n, want, slow)
		}
		typed := rapid.SampledFrom([]string{code, want, strings.ToLower(code), " " + strings.ReplaceAll(code, "0", "o")}).Draw(t, "typed")
		if canonical, ok := c.Check(typed); !ok || canonical != want {
			t.Fatalf("%q is %q, %v; want %q", typed, canonical, ok, want)
		}
		secret[0]++ // the key was copied
		if again, err := c.At(n); err != nil || again != code {
			t.Fatalf("the code changed with the caller's key: %q, %v", again, err)
		}
	})
}
