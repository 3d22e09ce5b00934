package money_test

// source is a generator of random numbers (SplitMix64) whose seed a failing test can name: the same numbers in every release of Go.
type source struct{ state uint64 }

// next returns 64 random bits.
func (s *source) next() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns 0 to n-1.
func (s *source) below(n int) int { return int(s.next() % uint64(n)) } //nolint:gosec // n is small and positive

// coef returns a coefficient of 0 to 63 bits and either sign, every length as often.
func (s *source) coef() int64 {
	n := int64(s.next() >> (1 + s.below(63))) //nolint:gosec // at least one bit is shifted out
	if s.below(2) == 0 {
		return -n
	}
	return n
}
