package pricing

// Exactly is the snapshot with all arithmetic on big rationals.
func (s *Snapshot) Exactly() *Snapshot {
	exact := &Snapshot{version: s.version, digest: s.digest, effectiveFrom: s.effectiveFrom, policy: s.policy, set: s.set}
	exact.machines.New = func() any { return s.set.NewMachine(true) }
	return exact
}
