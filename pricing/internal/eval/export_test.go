package eval

import (
	"math/big"
	"unsafe"

	"github.com/tenon-go/tenon/money"
)

// A Number opens the arithmetic to tests.
type Number = number

// NewNumber is coef x 10^-scale in 64 bits.
func NewNumber(coef int64, scale uint8) Number { return number{coef: coef, scale: scale} }

// Big is the number as a new rational, and whether it is in 64 bits.
func (x number) Big() (r *big.Rat, fast bool) { return new(big.Rat).Set(x.big()), x.rat == nil }

// An Arith calculates on either path.
type Arith struct{ a arith }

func NewArith(slow bool) *Arith { return &Arith{arith{slow: slow}} }

func (a *Arith) Add(x, y Number) Number     { return a.a.add(x, y) }
func (a *Arith) Sub(x, y Number) Number     { return a.a.sub(x, y) }
func (a *Arith) Mul(x, y Number) Number     { return a.a.mul(x, y) }
func (a *Arith) Quo(x, y Number) Number     { return a.a.quo(x, y) }
func (a *Arith) Percent(x, p Number) Number { return a.a.percent(x, p) }
func (a *Arith) Cmp(x, y Number) int        { return a.a.cmp(x, y) }

// Multiple is the multiple of unit that mode picks for x.
func (a *Arith) Multiple(x, unit Number, mode money.Mode) Number { return a.a.multiple(x, unit, mode) }

func (a *Arith) Round(x Number, c money.Currency, r money.Rounding) (money.Amount, error) {
	return a.a.round(x, c, r)
}

func (a *Arith) RoundQuo(x, y Number, c money.Currency, r money.Rounding) (money.Amount, error) {
	return a.a.roundQuo(x, y, c, r)
}

func (a *Arith) Times(x money.Amount, q Number, r money.Rounding) (money.Amount, error) {
	return a.a.times(x, q, r)
}

// Reach loads the rules of a stage that are in scope for m.Query, and returns how
// many of them a selection may look at.
func (m *Machine) Reach(stage Stage) int {
	m.begin()
	m.gather(stage)
	n := 0
	for _, p := range m.parts {
		n += int(p.n)
	}
	return n
}

// EntrySize is the size of a rule in its place.
const EntrySize = unsafe.Sizeof(entry{})

// ActOffset is where the part of an entry begins that applying it reads.
const ActOffset = unsafe.Offsetof(entry{}.Rule) + unsafe.Offsetof(Rule{}.ID)
