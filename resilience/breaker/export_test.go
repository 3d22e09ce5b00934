package breaker

// StopTimer stops the timer of b and reports whether it ran.
func StopTimer(b *Breaker) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.timer != nil && b.timer.Stop()
}

// FireLast calls what the timer of the epoch before would, if it had fired just before that ended.
func FireLast(b *Breaker) { b.fire(b.epochs - 1) }

// SucceedLate goes on with a Record of a success that saw its bucket in the window, and was interrupted before it counted.
func SucceedLate(b *Breaker, t Ticket) {
	if k, ok := t.of.(*bucket); ok {
		b.succeed(k)
	}
}
