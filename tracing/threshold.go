package tracing

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// A Threshold is what the randomness of a trace must reach for the trace to be kept, by OpenTelemetry's consistent probability sampling: 0
// keeps all, MaxThreshold none. It is the th of a tracestate.
type Threshold uint64

// MaxThreshold is above all randomness, which has 56 bits.
const MaxThreshold Threshold = 1 << 56

// ThresholdOf returns the threshold that keeps a share p of all traces: 0 for p of 1 or more, MaxThreshold for 0, less, or NaN.
func ThresholdOf(p float64) Threshold {
	switch {
	case p >= 1:
		return 0
	case p > 0:
		return MaxThreshold - Threshold(math.Round(p*float64(MaxThreshold)))
	}
	return MaxThreshold
}

// ParseThreshold reads a threshold as a tracestate has it: 1 to 14 hex digits, the most significant first, in lower case.
func ParseThreshold(s string) (Threshold, bool) {
	if len(s) > 14 {
		return 0, false
	}
	v, ok := parseHex(s)
	return Threshold(v << (4 * (14 - len(s)))), ok
}

// String returns the threshold as a tracestate has it, hex without trailing zeros. MaxThreshold, which a tracestate cannot hold, is "none".
func (t Threshold) String() string {
	switch {
	case t >= MaxThreshold:
		return "none"
	case t == 0:
		return "0"
	}
	s := strconv.FormatUint(uint64(t), 16)
	return strings.TrimRight(strings.Repeat("0", 14-len(s))+s, "0")
}

// Keeps tells whether a trace of randomness r is kept.
func (t Threshold) Keeps(r uint64) bool { return r >= uint64(t) }

// Probability returns the share of traces that the threshold keeps.
func (t Threshold) Probability() float64 {
	return float64(MaxThreshold-min(t, MaxThreshold)) / float64(MaxThreshold)
}

// AdjustedCount returns how many traces one that was kept stands for; 0 for MaxThreshold, which keeps none.
func (t Threshold) AdjustedCount() float64 {
	if t >= MaxThreshold {
		return 0
	}
	return float64(MaxThreshold) / float64(MaxThreshold-t)
}

// Randomness returns the 56 bits that decide whether a trace is kept: the rv of its tracestate, else the end of its ID.
func Randomness(id trace.TraceID, tracestate string) uint64 {
	if rv, ok := otField(tracestate, "rv"); ok && len(rv) == 14 {
		if r, ok := parseHex(rv); ok {
			return r
		}
	}
	return binary.BigEndian.Uint64(id[8:]) & uint64(MaxThreshold-1)
}

// ThresholdIn returns the th of a tracestate.
func ThresholdIn(tracestate string) (Threshold, bool) {
	th, ok := otField(tracestate, "th")
	if !ok {
		return 0, false
	}
	return ParseThreshold(th)
}

// parseHex reads 1 or more hex digits in lower case.
func parseHex(s string) (uint64, bool) {
	var v uint64
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, s != ""
}

// otField returns a field of the member ot of a tracestate, as in ot=th:c;rv:d. Of several the last counts.
func otField(tracestate, key string) (found string, ok bool) {
	for tracestate != "" {
		var member string
		member, tracestate, _ = strings.Cut(tracestate, ",")
		value, isOT := strings.CutPrefix(strings.Trim(member, " \t"), "ot=")
		if !isOT {
			continue
		}
		for field := range strings.SplitSeq(value, ";") {
			if k, v, isPair := strings.Cut(field, ":"); isPair && k == key {
				found, ok = v, true
			}
		}
		return found, ok
	}
	return "", false
}

// withThreshold returns state with th set to t, or without it if t cannot be told.
func withThreshold(state trace.TraceState, t Threshold) trace.TraceState {
	var fields []string
	if t < MaxThreshold {
		fields = append(fields, "th:"+t.String())
	}
	for field := range strings.SplitSeq(state.Get("ot"), ";") {
		if field != "" && !strings.HasPrefix(field, "th:") {
			fields = append(fields, field)
		}
	}
	if len(fields) == 0 {
		return state.Delete("ot")
	}
	changed, err := state.Insert("ot", strings.Join(fields, ";"))
	if err != nil { // Too long, or a value that was not one: as it came it is no worse.
		return state
	}
	return changed
}
