package collector

import (
	"strings"

	"github.com/tenon-go/tenon/tracing"
)

// Bounds of W3C Trace Context: who gets a tracestate beyond them discards it.
const (
	maxMembers    = 32
	maxValueBytes = 256
)

// withThreshold returns a tracestate in which th of ot is threshold, and everything else as it was. A member that changes comes first; for it
// the last one goes if there are too many. Of several ot the first counts, so that the others go.
func withThreshold(state string, threshold tracing.Threshold) string {
	fields := []string{"th:" + threshold.String()}
	members := []string{""}
	stamped := false
	for member := range strings.SplitSeq(state, ",") {
		value, isOT := strings.CutPrefix(strings.Trim(member, " \t"), "ot=")
		switch {
		case !isOT && member != "":
			members = append(members, member)
		case isOT && !stamped:
			stamped = true
			for field := range strings.SplitSeq(value, ";") {
				if field != "" && !strings.HasPrefix(field, "th:") {
					fields = append(fields, field)
				}
			}
		}
	}
	members[0] = "ot=" + fitting(fields)
	return strings.Join(members[:min(len(members), maxMembers)], ",")
}

// fitting joins the fields of ot, without those for which there is no room: the threshold, which is the first, and the randomness have it.
func fitting(fields []string) string {
	value := strings.Join(fields, ";")
	if len(value) <= maxValueBytes {
		return value
	}
	last := -1 // Of several rv that one counts.
	for i, field := range fields {
		if isRandomness(field) {
			last = i
		}
	}
	room := maxValueBytes - len(fields[0])
	if last > 0 {
		room -= 1 + len(fields[last])
	}
	kept := []string{fields[0]}
	for i, field := range fields[1:] {
		size := 1 + len(field)
		switch {
		case i+1 == last && room >= 0:
			kept = append(kept, field)
		case !isRandomness(field) && size <= room:
			room -= size
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, ";")
}

func isRandomness(field string) bool { return strings.HasPrefix(field, "rv:") }
