package codes

// Permutation gives tests the permutation alone, at widths that are too small for codes but can be tried as a whole.
func Permutation(key []byte, batch string, half uint) (permute, invert func(uint64) uint64) {
	c := &cipher{key: key, batch: batch, half: half}
	return c.permute, c.invert
}
