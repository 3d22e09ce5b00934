package collector

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Fate is what became of spans.
type Fate uint8

// Fates. Received spans meet exactly one of these; until then they are in flight. FateRefused is that of requests, whose spans nobody counts.
const (
	received Fate = iota
	FateRejected
	FateExported
	FateSampledOut
	FateSampledOutLate
	FateDuplicate
	FateFailed
	FateRefused
	fates
)

// String returns the fate in a word or two, as in "sampled out".
func (f Fate) String() string {
	names := [...]string{"received", "rejected", "exported", "sampled out", "sampled out late", "duplicate", "failed", "refused"}
	if int(f) >= len(names) {
		return "unknown"
	}
	return names[f]
}

// MarshalText returns what String does.
func (f Fate) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// A Count is spans, and the bytes of their Span messages.
type Count struct{ Spans, Bytes int64 }

func (c Count) plus(other Count) Count { return Count{c.Spans + other.Spans, c.Bytes + other.Bytes} }

// A Volume is requests and their bytes.
type Volume struct{ Requests, Bytes int64 }

func (v Volume) plus(other Volume) Volume {
	return Volume{v.Requests + other.Requests, v.Bytes + other.Bytes}
}

// A Ledger says what became of all that was offered to a collector, at one instant.
type Ledger struct {
	// Offered = Refused + Malformed + Taken. What was refused, by Admit too, may have been offered again. What a receiver does not hand on is in
	// none: what it cannot read, and what is larger than it takes. See otlp.Handler's Stats.
	Offered, Refused, Malformed, Taken Volume

	// Received = Rejected + Exported + SampledOut + SampledOutLate + Duplicates + Failed + InFlight.
	Received       Count
	Rejected       Count // bad for ever
	Exported       Count // taken by the output
	SampledOut     Count // of traces that were dropped
	SampledOutLate Count // came after their trace was dropped
	Duplicates     Count // were there already
	Failed         Count // refused for good by the output, or left when Close ran out of time
	InFlight       Count // held

	// Opened = Kept + Dropped + Open, in traces.
	Opened, Kept, Dropped, Open int64

	Revived int64 // traces of Dropped that a late span kept
	Biased  int64 // traces and late parts whose weight is not sure
	Odd     int64 // spans that cannot be as they say: ends before starts, years before 2000, thresholds that R does not reach

	// Reasons are ordered by fate, then by spans, the most first. They are few: those of this package, the names of policies, and "_other" for
	// what is beyond 256 in a shard.
	Reasons []Reason
	// Services are the 20 of which most bytes were received, the most first, and a last one of name "" for the others, if there are any. One named
	// "_other" stands for names of more than 1,024 bytes, and for what is beyond some thousands of names.
	Services []ServiceLedger
}

// A Reason is why spans met a fate, or why requests were refused:
//
//	rejected                       a tracing.Rejection, which says what is wrong
//	exported, sampled out (late)   the name of the policy, or sampling.NoPolicy
//	failed                         "output" refused them for good, as Stats.LastOutput says, or "closing" came before it took them
//	refused                        "memory"; "memory, as the output fails"; "log", which could not be written; "request larger than MaxBytes";
//	                               "closing", as Close began
type Reason struct {
	Fate   Fate
	Reason string
	Count
	Requests int64 // of FateRefused
}

// A ServiceLedger is what became of the spans of a service. Rejected spans are in none.
type ServiceLedger struct {
	Name                                                               string
	Received, Exported, SampledOut, SampledOutLate, Duplicates, Failed Count
}

const topServices = 20

// Check returns an error that Is ErrUnbalanced and says what does not add up; nil = all does.
func (l Ledger) Check() error {
	met := l.InFlight
	for _, c := range []Count{l.Rejected, l.Exported, l.SampledOut, l.SampledOutLate, l.Duplicates, l.Failed} {
		met = met.plus(c)
	}
	switch {
	case met != l.Received:
		return fmt.Errorf("collector: %w: received %+v, met a fate or in flight %+v", ErrUnbalanced, l.Received, met)
	case l.Opened != l.Kept+l.Dropped+l.Open:
		return fmt.Errorf("collector: %w: %d traces opened, %d kept, %d dropped, %d open", ErrUnbalanced, l.Opened, l.Kept, l.Dropped, l.Open)
	case l.Offered != l.Refused.plus(l.Malformed).plus(l.Taken):
		return fmt.Errorf("collector: %w: offered %+v, refused %+v, malformed %+v, taken %+v", ErrUnbalanced, l.Offered, l.Refused, l.Malformed, l.Taken)
	}
	return nil
}

// Loss returns the share of the spans that were taken and not rejected which were lost: neither decided about, nor handed on. Spans that were refused
// and that their client then gave up are not in it: only that client knows of them.
func (l Ledger) Loss() float64 {
	if taken := l.Received.Spans - l.Rejected.Spans; taken > 0 {
		return float64(l.Failed.Spans) / float64(taken)
	}
	return 0
}

// String returns the ledger as a table, with the reasons below their fates and without services.
func (l Ledger) String() string {
	rows := l.rows()
	width := 0
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(row.name))
	}
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "%-*s", width, row.name)
		for _, cell := range row.cells {
			fmt.Fprintf(&b, "  %12v", cell)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// A row is one of the table.
type row struct {
	name  string
	cells []any
}

func (l Ledger) rows() []row {
	rows := []row{{"", []any{"spans", "bytes"}}, {"received", []any{l.Received.Spans, l.Received.Bytes}}}
	counts := map[Fate]Count{
		FateRejected: l.Rejected, FateExported: l.Exported, FateSampledOut: l.SampledOut, FateSampledOutLate: l.SampledOutLate,
		FateDuplicate: l.Duplicates, FateFailed: l.Failed,
	}
	why := func(fate Fate) {
		for _, one := range l.Reasons {
			switch {
			case one.Fate != fate:
			case fate == FateRefused:
				rows = append(rows, row{"    " + one.Reason, []any{one.Requests}})
			default:
				rows = append(rows, row{"    " + one.Reason, []any{one.Spans, one.Bytes}})
			}
		}
	}
	for fate := FateRejected; fate <= FateFailed; fate++ {
		rows = append(rows, row{"  " + fate.String(), []any{counts[fate].Spans, counts[fate].Bytes}})
		why(fate)
	}
	rows = append(rows, row{"  in flight", []any{l.InFlight.Spans, l.InFlight.Bytes}}, row{"  odd, of all these", []any{l.Odd}},
		row{"", []any{"requests", "bytes"}}, row{"offered", []any{l.Offered.Requests, l.Offered.Bytes}},
		row{"  refused", []any{l.Refused.Requests, l.Refused.Bytes}})
	why(FateRefused)
	return append(rows, row{"  malformed", []any{l.Malformed.Requests, l.Malformed.Bytes}}, row{"  taken", []any{l.Taken.Requests, l.Taken.Bytes}},
		row{"", []any{"traces"}}, row{"opened", []any{l.Opened}}, row{"  kept", []any{l.Kept}}, row{"  dropped", []any{l.Dropped}},
		row{"    revived", []any{l.Revived}}, row{"  open", []any{l.Open}}, row{"biased, late parts too", []any{l.Biased}})
}

// A cause is the key of a Reason.
type cause struct {
	fate   Fate
	reason string
}

// A tally is the counts of a shard, or of what never reaches one.
type tally struct {
	counts                 [fates]Count
	reasons                map[cause]*Reason
	opened, kept, dropped  int64
	revived, biased, odd   int64
	offered, refused, torn Volume
	taken                  Volume
}

// maxReasons bounds the reasons that are told apart: policies may be replaced by others for ever.
const maxReasons = 256

func newTally() tally { return tally{reasons: map[cause]*Reason{}} }

func (t *tally) add(fate Fate, spans, bytes int64) {
	t.counts[fate].Spans += spans
	t.counts[fate].Bytes += bytes
}

// because counts a reason.
func (t *tally) because(fate Fate, reason string, spans, bytes, requests int64) {
	one, ok := t.reasons[cause{fate, reason}]
	if !ok {
		if len(t.reasons) >= maxReasons && reason != otherServices {
			t.because(fate, otherServices, spans, bytes, requests)
			return
		}
		one = &Reason{Fate: fate, Reason: reason}
		t.reasons[cause{fate, reason}] = one
	}
	one.Spans += spans
	one.Bytes += bytes
	one.Requests += requests
}

// A serviceTally is the counts of a service in a shard.
type serviceTally struct{ counts [fates]Count }

// add counts a span.
func (t *serviceTally) add(fate Fate, bytes int64) {
	t.counts[fate].Spans++
	t.counts[fate].Bytes += bytes
}

// Ledger returns the counts of this instant. It looks at all that is held: a millisecond for 100,000 traces.
func (c *Collector) Ledger() Ledger {
	c.tallyMu.Lock()
	defer c.tallyMu.Unlock()
	for _, s := range c.shards { // All at once, in order; nobody else holds two.
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	l := Ledger{}
	sum, reasons, services := newTally(), map[cause]Reason{}, map[string]*serviceTally{}
	sum.merge(&c.tally, reasons)
	for _, s := range c.shards {
		sum.merge(&s.tally, reasons)
		l.Open += int64(len(s.byID))
		l.InFlight = l.InFlight.plus(s.held())
		for name, one := range s.services {
			total, ok := services[name]
			if !ok {
				total = &serviceTally{}
				services[name] = total
			}
			for fate := range one.counts {
				total.counts[fate] = total.counts[fate].plus(one.counts[fate])
			}
		}
	}
	l.Offered, l.Refused, l.Malformed, l.Taken = sum.offered, sum.refused, sum.torn, sum.taken
	l.Received, l.Rejected, l.Exported = sum.counts[received], sum.counts[FateRejected], sum.counts[FateExported]
	l.SampledOut, l.SampledOutLate = sum.counts[FateSampledOut], sum.counts[FateSampledOutLate]
	l.Duplicates, l.Failed = sum.counts[FateDuplicate], sum.counts[FateFailed]
	l.Opened, l.Kept, l.Dropped = sum.opened, sum.kept, sum.dropped
	l.Revived, l.Biased, l.Odd = sum.revived, sum.biased, sum.odd
	l.Reasons = ordered(reasons)
	l.Services = top(services)
	return l
}

// held returns what is in flight, by looking at it.
func (s *shard) held() Count {
	var held Count
	for _, chunk := range s.chunks {
		for i := range chunk {
			if chunk[i].state != free {
				held = held.plus(Count{int64(chunk[i].spans), chunk[i].bytes})
			}
		}
	}
	return held
}

func (t *tally) merge(other *tally, reasons map[cause]Reason) {
	for fate := range other.counts {
		t.counts[fate] = t.counts[fate].plus(other.counts[fate])
	}
	for key, one := range other.reasons {
		total := reasons[key]
		total.Fate, total.Reason = one.Fate, one.Reason
		total.Count = total.plus(one.Count)
		total.Requests += one.Requests
		reasons[key] = total
	}
	t.opened += other.opened
	t.kept += other.kept
	t.dropped += other.dropped
	t.revived += other.revived
	t.biased += other.biased
	t.odd += other.odd
	t.offered = t.offered.plus(other.offered)
	t.refused = t.refused.plus(other.refused)
	t.torn = t.torn.plus(other.torn)
	t.taken = t.taken.plus(other.taken)
}

func ordered(reasons map[cause]Reason) []Reason {
	keys := slices.SortedFunc(maps.Keys(reasons), func(a, b cause) int {
		return cmp.Or(cmp.Compare(a.fate, b.fate), cmp.Compare(reasons[b].Spans, reasons[a].Spans), cmp.Compare(a.reason, b.reason))
	})
	all := make([]Reason, 0, len(keys))
	for _, key := range keys {
		all = append(all, reasons[key])
	}
	return all
}

func top(services map[string]*serviceTally) []ServiceLedger {
	names := slices.SortedFunc(maps.Keys(services), func(a, b string) int {
		return cmp.Or(cmp.Compare(services[b].counts[received].Bytes, services[a].counts[received].Bytes), cmp.Compare(a, b))
	})
	all := make([]ServiceLedger, 0, min(len(names), topServices+1))
	var rest serviceTally
	for i, name := range names {
		if i < topServices {
			all = append(all, services[name].ledger(name))
			continue
		}
		for fate := range rest.counts {
			rest.counts[fate] = rest.counts[fate].plus(services[name].counts[fate])
		}
	}
	if len(names) > topServices {
		all = append(all, rest.ledger(""))
	}
	return all
}

func (t *serviceTally) ledger(name string) ServiceLedger {
	return ServiceLedger{
		Name: name, Received: t.counts[received], Exported: t.counts[FateExported], SampledOut: t.counts[FateSampledOut],
		SampledOutLate: t.counts[FateSampledOutLate], Duplicates: t.counts[FateDuplicate], Failed: t.counts[FateFailed],
	}
}
