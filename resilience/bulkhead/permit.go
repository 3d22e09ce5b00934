package bulkhead

import "time"

// Permit is the right to one call. Whoever got it must give it back, by Release or Drop; a defer right after the Acquire keeps that promise
// through a panic and runtime.Goexit too. The zero Permit is none: giving it back does nothing.
//
// Giving a permit back twice by the same variable does nothing either. A copy is not protected: giving back both frees a slot that
// somebody else has, and panics where it would free one that nobody has.
type Permit struct {
	sem      *Semaphore
	part     *part
	began    time.Duration // when the call did, on the tuner's clock; 0 where it is not timed
	inFlight int           // then
}

const releasedTwice = "bulkhead: a permit was released twice, by way of a copy"

// Release gives the permit back.
func (p *Permit) Release() {
	s := p.sem
	if s == nil || s.tuner != nil {
		p.giveBack(false)
		return
	}
	p.sem = nil
	s.release()
}

// Drop gives the permit back and says that the service was too busy for the call: it timed out or was throttled. An adaptive semaphore then
// lowers its limit; for any other it is the same as Release.
func (p *Permit) Drop() { p.giveBack(true) }

// giveBack gives the permit of anything back.
func (p *Permit) giveBack(dropped bool) {
	was := *p
	*p = Permit{}
	switch {
	case was.part != nil:
		was.part.release()
	case was.sem != nil:
		was.sem.release()
		if t := was.sem.tuner; t != nil && (dropped || was.began != 0) {
			t.observe(&was, dropped)
		}
	}
}
