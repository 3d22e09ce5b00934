package collector

import (
	"cmp"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/sampling"
)

// late deals with spans in a request whose trace was decided before.
func (s *shard) late(in *intake, i int, w word, now int64) (revival tracing.Decision, revived bool) {
	one := &in.traces[i]
	if w&keptWord == 0 && one.reason == "" {
		s.sampledOutLate(in, i, w)
		return tracing.Decision{}, false
	}
	h := s.add(one, waiting, now, in.epoch)
	s.putAll(s.header(h), in, i, now)
	return s.fate(h, w)
}

// sampledOutLate counts spans of a trace that was dropped without holding them.
func (s *shard) sampledOutLate(in *intake, i int, w word) {
	at, last := in.traces[i].from, int32(-1)
	var all Count
	for v := range in.groups.Views(i) {
		size := int64(len(v.Raw()))
		service := s.service(in.origins[in.of[at]].service)
		service.add(received, size)
		service.add(FateSampledOutLate, size)
		all = all.plus(Count{1, size})
		if in.of[at] != last {
			last = in.of[at]
			s.handBack(in, in.traces[i].hash, last)
		}
		at++
	}
	s.tally.add(received, all.Spans, all.Bytes)
	s.tally.add(FateSampledOutLate, all.Spans, all.Bytes)
	s.tally.because(FateSampledOutLate, cmp.Or(s.c.policy.name(w), sampling.NoPolicy), all.Spans, all.Bytes, 0)
}

// fate deals with spans that came after the decision, or while it was made. If one of them alone keeps a trace that was dropped, it is kept
// from now on, which is the decision that is returned.
func (s *shard) fate(h uint32, w word) (revival tracing.Decision, revived bool) {
	t := s.header(h)
	if w&keptWord == 0 && t.early == 0 {
		s.settle(h, FateSampledOutLate, cmp.Or(s.c.policy.name(w), sampling.NoPolicy))
		return tracing.Decision{}, false
	}
	s.unique(t, s.list(t))
	decision, known := s.c.past.get(t.id)
	if w&keptWord != 0 {
		if !known {
			decision = s.remembered(t, w)
			s.tally.biased++
		}
		s.leave(h, decision, tracing.PartLate, w&partialWord != 0)
		return tracing.Decision{}, false
	}
	_, floor, _ := t.claims.Result(t.id)
	decision = tracing.Decision{
		Trace: t.id, Keep: true, Policy: s.c.policy.name(t.early), Reason: revivedReason, Threshold: floor,
		At: s.c.at(s.c.now()), Closed: tracing.ClosedEarly, Reopened: decision.Reopened,
	}
	s.decided.Revive(t.hash, t.early|partialWord)
	s.c.past.add(decision)
	s.tally.revived++
	s.tally.biased++
	s.leave(h, decision, tracing.PartLate, true)
	return decision, true
}

const revivedReason = "one late span is enough"

// remembered is what is left of a decision when its record is gone.
func (s *shard) remembered(t *header, w word) tracing.Decision {
	return tracing.Decision{
		Trace: t.id, Keep: w&keptWord != 0, Policy: s.c.policy.name(w), Reason: rememberedReason, Threshold: tracing.MaxThreshold,
	}
}

const rememberedReason = "remembered without its reason"
