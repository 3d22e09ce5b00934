package eval

import (
	"cmp"
	"math/bits"
	"strings"

	"github.com/shopspring/decimal"
)

// Cmp compares exactly: -1, 0 or +1. It does not allocate.
func (d Dec) Cmp(e Dec) int {
	if (d.Coef < 0) != (e.Coef < 0) {
		return cmp.Compare(d.Coef, e.Coef)
	}
	// Of one sign: 128 bits hold each magnitude at the scale of both.
	dHi, dLo := bits.Mul64(magnitude(d.Coef), pow10[e.Scale])
	eHi, eLo := bits.Mul64(magnitude(e.Coef), pow10[d.Scale])
	c := cmp.Or(cmp.Compare(dHi, eHi), cmp.Compare(dLo, eLo))
	if d.Coef < 0 {
		return -c
	}
	return c
}

// Neg returns the number with the other sign; its coefficient is not math.MinInt64.
func (d Dec) Neg() Dec { return Dec{Coef: -d.Coef, Scale: d.Scale} }

// String returns the number without superfluous zeros.
func (d Dec) String() string {
	text := decimal.New(d.Coef, -int32(d.Scale)).String()
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}
