package money

// Sum adds amounts up in a loop that checks for an error once, at its end. The zero Sum is ready
// and is the zero Amount. It keeps the first error and ignores what comes after it. Not safe for
// concurrent use.
type Sum struct {
	total Amount
	err   error
}

// Add adds a.
func (s *Sum) Add(a Amount) {
	// After an error the total is the zero Amount, which only another one passes here, to no effect.
	if t, ok := plus(s.total.coef, a.coef); ok && s.total.meta == a.meta && a.meta&extraMask == 0 {
		s.total.coef = t
		return
	}
	s.addUnlike(a)
}

// Sub takes a off.
func (s *Sum) Sub(a Amount) { s.Add(a.Neg()) }

// Amount returns the total, or the first error: that of Amount.Add, *MismatchError or ErrRange.
func (s *Sum) Amount() (Amount, error) { return s.total, s.err }

// addUnlike is Add for what Amount.Add must decide.
func (s *Sum) addUnlike(a Amount) {
	if s.err == nil {
		s.total, s.err = s.total.addUnlike(a)
	}
}
