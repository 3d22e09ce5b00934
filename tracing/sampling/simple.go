package sampling

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/codes"
)

// Always keeps every trace.
type Always struct {
	Label string // = Name; "" = always
}

// Name returns the label.
func (p Always) Name() string { return labelOr(p.Label, "always") }

// Validate returns nil.
func (p Always) Validate() error { return nil }

// NewDecider returns what keeps.
func (p Always) NewDecider() Decider {
	return rule{keeps: func(Trace) bool { return true }, reason: "all are kept"}
}

// Errors keeps traces in which a span has the status error.
type Errors struct {
	Label string // = Name; "" = errors
}

// Name returns the label.
func (p Errors) Name() string { return labelOr(p.Label, "errors") }

// Validate returns nil.
func (p Errors) Validate() error { return nil }

// NewDecider returns what looks at the status.
func (p Errors) NewDecider() Decider {
	return rule{
		early:  func(v tracing.View) bool { return v.Status() == codes.Error },
		keeps:  func(t Trace) bool { return t.Errors > 0 },
		reason: "status error",
	}
}

// Status keeps traces in which a span has one of the codes.
type Status struct {
	Label string       // = Name; "" = status
	Codes []codes.Code // one at least
}

// Name returns the label.
func (p Status) Name() string { return labelOr(p.Label, "status") }

// Validate wants codes.
func (p Status) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(len(p.Codes) == 0, "Codes: want one at least")
	for _, code := range p.Codes {
		problems.refuse(code > codes.Ok, "Codes: unknown code %d", code)
	}
	return problems.err()
}

// NewDecider returns what looks at the status.
func (p Status) NewDecider() Decider {
	wanted := slices.Clone(p.Codes)
	holds := func(v tracing.View) bool { return slices.Contains(wanted, v.Status()) }
	return rule{keeps: func(t Trace) bool { return t.some(holds) }, reason: fmt.Sprintf("status in %v", wanted)}
}

// State keeps traces in which the tracestate of a span has a member.
type State struct {
	Label string   // = Name; "" = state
	Key   string   // of the member
	In    []string // values that it may have; nil = any
}

// Name returns the label.
func (p State) Name() string { return labelOr(p.Label, "state") }

// Validate wants a key.
func (p State) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(p.Key == "", "Key: want one")
	return problems.err()
}

// NewDecider returns what looks at tracestates.
func (p State) NewDecider() Decider {
	in := slices.Clone(p.In)
	holds := func(v tracing.View) bool {
		value, ok := member(v.TraceState(), p.Key)
		return ok && (len(in) == 0 || slices.Contains(in, value))
	}
	return rule{keeps: func(t Trace) bool { return t.some(holds) }, reason: "tracestate " + p.Key}
}

// member returns a member of a tracestate.
func member(tracestate, key string) (string, bool) {
	for tracestate != "" {
		var one string
		one, tracestate, _ = strings.Cut(tracestate, ",")
		if k, value, ok := strings.Cut(strings.Trim(one, " \t"), "="); ok && k == key {
			return value, true
		}
	}
	return "", false
}

// Flags keeps traces in which a span has all flags of a mask.
type Flags struct {
	Label string // = Name; "" = flags
	Mask  uint32 // not 0, as tracing.FlagSampled
}

// Name returns the label.
func (p Flags) Name() string { return labelOr(p.Label, "flags") }

// Validate wants a mask.
func (p Flags) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(p.Mask == 0, "Mask: want one flag at least")
	return problems.err()
}

// NewDecider returns what looks at flags.
func (p Flags) NewDecider() Decider {
	holds := func(v tracing.View) bool { return v.Flags()&p.Mask == p.Mask }
	return rule{keeps: func(t Trace) bool { return t.some(holds) }, reason: fmt.Sprintf("flags %#x", p.Mask)}
}

// Count keeps traces of so many spans.
type Count struct {
	Label    string // = Name; "" = count
	Min, Max int    // bounds inclusive; Max 0 = none
}

// Name returns the label.
func (p Count) Name() string { return labelOr(p.Label, "count") }

// Validate wants a bound.
func (p Count) Validate() error {
	problems := problems{name: p.Name()}
	problems.refuse(p.Min < 0, "Min %d: want 0 or more", p.Min)
	problems.refuse(p.Max < 0 || p.Max > 0 && p.Max < p.Min, "Max %d: want 0, or Min %d or more", p.Max, p.Min)
	problems.refuse(p.Min == 0 && p.Max == 0, "Min and Max: want one of them")
	return problems.err()
}

// NewDecider returns what counts.
func (p Count) NewDecider() Decider {
	reason := fmt.Sprintf("%d spans or more", p.Min)
	if p.Max > 0 {
		reason = fmt.Sprintf("%d to %d spans", p.Min, p.Max)
	}
	return rule{keeps: func(t Trace) bool { return t.Spans >= p.Min && (p.Max == 0 || t.Spans <= p.Max) }, reason: reason}
}
