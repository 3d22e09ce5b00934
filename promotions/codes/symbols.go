package codes

import "strings"

// alphabet is Crockford's: no I, L, O and U. The last five stand for 32 to 36 and only ever as the check symbol.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U"

// modulus is a prime above 32, so that neither one wrong symbol nor two that changed places leave the remainder as it is.
const modulus = 37

// encode writes a number of 128 bits as n symbols and a check symbol.
func encode(hi, lo uint64, n int) string {
	symbols := make([]byte, n+1)
	var rest uint64
	for i := range n {
		symbol := shiftRight(hi, lo, 5*uint(n-1-i)) & 31
		symbols[i] = alphabet[symbol]
		rest = (rest*32 + symbol) % modulus
	}
	symbols[n] = alphabet[rest]
	return string(symbols)
}

// shiftRight is the low half of a number of 128 bits shifted right.
func shiftRight(hi, lo uint64, by uint) uint64 {
	if by >= 64 {
		return hi >> (by - 64)
	}
	return hi<<(64-by) | lo>>by
}

// decode undoes encode; ok says that the check symbol fits.
func decode(symbols string) (hi, lo uint64, ok bool) {
	last := len(symbols) - 1
	var rest uint64
	for i := range last {
		symbol := uint64(strings.IndexByte(alphabet, symbols[i])) //nolint:gosec // read has seen that it is there
		hi, lo = hi<<5|lo>>59, lo<<5|symbol
		rest = (rest*32 + symbol) % modulus
	}
	return hi, lo, alphabet[rest] == symbols[last]
}

// read brings what was typed into normal form; ok says that it has n symbols, the last of which may be any.
func read(code string, n int) (symbols string, ok bool) {
	normal := make([]byte, 0, n)
	for _, b := range []byte(code) {
		if b == ' ' || b == '-' {
			continue
		}
		b = same(b)
		place := strings.IndexByte(alphabet, b)
		if place < 0 || len(normal) == n || place >= 32 && len(normal) < n-1 {
			return "", false
		}
		normal = append(normal, b)
	}
	return string(normal), len(normal) == n
}

// same is the symbol that a byte is read as.
func same(b byte) byte {
	if b >= 'a' && b <= 'z' {
		b -= 'a' - 'A'
	}
	switch b {
	case 'O':
		return '0'
	case 'I', 'L':
		return '1'
	default:
		return b
	}
}

// printed cuts symbols into groups of four.
func printed(symbols string) string {
	var b strings.Builder
	for i := range len(symbols) {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(symbols[i])
	}
	return b.String()
}
