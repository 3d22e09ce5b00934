package propagationtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	otel "go.opentelemetry.io/otel/propagation"
)

// A Case is one of the suite's.
type Case struct {
	Name     string
	calls    int // outgoing calls of a request; 0 = 1
	requests []request
}

// A request is what a client sends, and what the calls of the service must carry.
type request struct {
	lines []string
	kept  bool     // the trace goes on; else a new one starts
	state []string // the tracestate sent is one of these; nil = none is sent
	flags string   // of the traceparent sent, in hex; "" = any
}

// The trace that every request claims to be part of, unless its case is about that.
const (
	traceID  = "12345678901234567890123456789012"
	parentID = "1234567890123456"
	parent   = "traceparent: 00-" + traceID + "-" + parentID + "-00"
)

// Run sends the requests of the case to a service with propagator p, and returns what its calls do wrong.
func (c Case) Run(ctx context.Context, p otel.TextMapPropagator) error {
	s := newService(p, max(c.calls, 1))
	defer s.close()
	var errs []error
	for _, r := range c.requests {
		headers, err := s.ask(ctx, r.lines)
		if err == nil {
			err = r.check(headers)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%q: %w", r.lines, err))
		}
	}
	return errors.Join(errs...)
}

// check returns what is wrong with the headers of the calls.
func (r request) check(headers []http.Header) error {
	form := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$`)
	parents := map[string]bool{parentID: true}
	for _, header := range headers {
		lines := header.Values("traceparent")
		if len(lines) != 1 {
			return fmt.Errorf("%d traceparents", len(lines))
		}
		parts := form.FindStringSubmatch(lines[0])
		switch {
		case parts == nil || strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "":
			return fmt.Errorf("malformed traceparent %q", lines[0])
		case parents[parts[2]]:
			return fmt.Errorf("parent ID %s was used before", parts[2])
		case (parts[1] == traceID) != r.kept:
			return fmt.Errorf("trace %s, want it kept: %t", parts[1], r.kept)
		case r.flags != "" && parts[3] != r.flags:
			return fmt.Errorf("flags %s, want %s", parts[3], r.flags)
		}
		parents[parts[2]] = true
		state := strings.Join(header.Values("tracestate"), ",")
		if len(r.state) == 0 && state != "" || len(r.state) > 0 && !slices.Contains(r.state, state) {
			return fmt.Errorf("tracestate %q, want %q", state, r.state)
		}
	}
	return nil
}

// W3C returns the 41 cases of Trace Context: traceparent, tracestate, and several calls of one request.
func W3C() []Case {
	return slices.Concat(traceparents(), traceparentParts(), tracestates(), tracestateLimits(), severalCalls())
}

func traceparents() []Case {
	line := "traceparent: 00-" + traceID + "-" + parentID + "-01"
	return []Case{
		{Name: "no context", requests: fresh("")},
		{Name: "traceparent alone", requests: goesOn(line)},
		{Name: "traceparent duplicated", requests: []request{
			{lines: []string{strings.Replace(line, traceID, traceID[:31]+"1", 1), line}},
			{lines: []string{line, strings.Replace(line, traceID, traceID[:31]+"1", 1)}},
		}},
		{Name: "traceparent wrong name", requests: fresh(strings.Replace(line, "traceparent", "trace-parent", 1), strings.Replace(line, "traceparent", "trace.parent", 1))},
		{Name: "traceparent casing", requests: goesOn(strings.Replace(line, "traceparent", "TraceParent", 1), strings.Replace(line, "traceparent", "TrAcEpArEnT", 1), strings.ToUpper(line))},
		{Name: "version 00", requests: fresh(line+".", line+"-what-the-future-will-be-like")},
		{Name: "version cc", requests: append(goesOn(version("cc"), version("cc")+"-what-the-future-will-be-like"), fresh(version("cc")+".what-the-future-will-be-like")...)},
		{Name: "version ff", requests: fresh(version("ff"))},
		{Name: "version illegal", requests: fresh(version(".0"), version("0."))},
		{Name: "version long", requests: fresh(version("000"), version("0000"))},
		{Name: "version short", requests: fresh(version("0"))},
		{Name: "traceparent blanks", requests: goesOn(
			strings.Replace(line, " ", "  ", 1), strings.Replace(line, " ", "\t", 1), line+" ", line+"\t", strings.Replace(line, " ", "\t ", 1)+" \t")},
		{Name: "random flag", requests: []request{
			{lines: []string{strings.TrimSuffix(line, "1") + "2"}, kept: true, flags: "02"},
			{lines: []string{strings.TrimSuffix(line, "1") + "3"}, kept: true, flags: "03"},
			{lines: []string{line}, kept: true, flags: "01"},
		}},
	}
}

func traceparentParts() []Case {
	parts := func(trace, parent, flags string) string {
		return "traceparent: 00-" + trace + "-" + parent + "-" + flags
	}
	return []Case{
		{Name: "trace ID zero", requests: fresh(parts(strings.Repeat("0", 32), parentID, "01"))},
		{Name: "trace ID illegal", requests: fresh(parts("."+traceID[1:], parentID, "01"), parts(traceID[:31]+".", parentID, "01"))},
		{Name: "trace ID long", requests: fresh(parts(traceID+"3", parentID, "01"))},
		{Name: "trace ID short", requests: fresh(parts(traceID[:31], parentID, "01"))},
		{Name: "parent ID zero", requests: fresh(parts(traceID, strings.Repeat("0", 16), "01"))},
		{Name: "parent ID illegal", requests: fresh(parts(traceID, "."+parentID[1:], "01"), parts(traceID, parentID[:15]+".", "01"))},
		{Name: "parent ID long", requests: fresh(parts(traceID, parentID+"7", "01"))},
		{Name: "parent ID short", requests: fresh(parts(traceID, parentID[:15], "01"))},
		{Name: "flags illegal", requests: fresh(parts(traceID, parentID, ".0"), parts(traceID, parentID, "0."))},
		{Name: "flags long", requests: fresh(parts(traceID, parentID, "001"))},
		{Name: "flags short", requests: fresh(parts(traceID, parentID, "1"))},
	}
}

func tracestates() []Case {
	return []Case{
		{Name: "tracestate alone", requests: fresh("tracestate: foo=1", "tracestate: foo=1,bar=2")},
		{Name: "tracestate with parent", requests: states("foo=1,bar=2", "tracestate: foo=1,bar=2")},
		{Name: "tracestate wrong name", requests: slices.Concat(states("", "trace-state: foo=1"), states("", "trace.state: foo=1"))},
		{Name: "tracestate casing", requests: slices.Concat(states("foo=1", "TraceState: foo=1"), states("foo=1", "TrAcEsTaTe: foo=1"), states("foo=1", "TRACESTATE: foo=1"))},
		{Name: "tracestate empty", requests: slices.Concat(
			states("", "tracestate:"), states("foo=1", "tracestate: foo=1", "tracestate:"), states("foo=1", "tracestate:", "tracestate: foo=1"))},
		{Name: "tracestate several lines", requests: states("foo=1,bar=2,rojo=1,congo=2,baz=3", "tracestate: foo=1,bar=2", "tracestate: rojo=1,congo=2", "tracestate: baz=3")},
		{Name: "tracestate duplicated keys", requests: []request{ // Kept as they are, or one of them.
			{lines: []string{parent, "tracestate: foo=1,foo=1"}, kept: true, state: []string{"foo=1,foo=1", "foo=1"}},
			{lines: []string{parent, "tracestate: foo=1,foo=2"}, kept: true, state: []string{"foo=1,foo=2", "foo=1", "foo=2"}},
			{lines: []string{parent, "tracestate: foo=1", "tracestate: foo=1"}, kept: true, state: []string{"foo=1,foo=1", "foo=1"}},
			{lines: []string{parent, "tracestate: foo=1", "tracestate: foo=2"}, kept: true, state: []string{"foo=1,foo=2", "foo=1", "foo=2"}},
		}},
		{Name: "tracestate blanks", requests: slices.Concat(
			states("foo=1,bar=2,baz=3", "tracestate: foo=1 \t , \t bar=2, \t baz=3"), states("foo=1,bar=2,baz=3", "tracestate: foo=1\t \t,\t \tbar=2,\t \tbaz=3"),
			states("foo=1", "tracestate:  foo=1"), states("foo=1", "tracestate: \tfoo=1"), states("foo=1", "tracestate: foo=1 "),
			states("foo=1", "tracestate: foo=1\t"), states("foo=1", "tracestate: \t foo=1 \t"))},
		{Name: "tracestate bad key", requests: slices.Concat(states("", "tracestate: foo =1"), states("", "tracestate: FOO=1"), states("", "tracestate: foo.bar=1"))},
		{Name: "tracestate vendor format", requests: slices.Concat( // Of level 2, where @ is a character as others are, but not the first.
			states("foo@=1,bar=2", "tracestate: foo@=1,bar=2"), states("", "tracestate: @foo=1,bar=2"),
			states("foo@@bar=1,bar=2", "tracestate: foo@@bar=1,bar=2"), states("foo@bar@baz=1,bar=2", "tracestate: foo@bar@baz=1,bar=2"))},
		{Name: "tracestate bad value", requests: slices.Concat(states("", "tracestate: foo=bar=baz"), states("", "tracestate: foo=,bar=3"))},
	}
}

func tracestateLimits() []Case {
	key := "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
	var value strings.Builder
	for c := byte(' '); c <= '~'; c++ {
		if c != ',' && c != '=' {
			value.WriteByte(c)
		}
	}
	members := make([]string, 33)
	for i := range members {
		members[i] = fmt.Sprintf("bar%02d=%02d", i+1, i+1)
	}
	lines := func(last int) []string {
		return []string{
			"tracestate: " + strings.Join(members[:10], ","), "tracestate: " + strings.Join(members[10:20], ","),
			"tracestate: " + strings.Join(members[20:30], ","), "tracestate: " + strings.Join(members[30:last], ","),
		}
	}
	long := func(want bool, key string) []request {
		if !want {
			return states("", "tracestate: foo=1", "tracestate: "+key+"=1")
		}
		return states("foo=1,"+key+"=1", "tracestate: foo=1", "tracestate: "+key+"=1")
	}
	return []Case{
		{Name: "tracestate all characters", requests: slices.Concat(
			states(key+"="+value.String(), "tracestate: "+key+"="+value.String()),
			states(key+"@a-z0-9_-*/="+value.String(), "tracestate: "+key+"@a-z0-9_-*/="+value.String()))},
		{Name: "tracestate member count", requests: slices.Concat(states(strings.Join(members[:32], ","), lines(32)...), states("", lines(33)...))},
		{Name: "tracestate key length", requests: slices.Concat(
			long(true, strings.Repeat("z", 256)), long(false, strings.Repeat("z", 257)),
			long(true, strings.Repeat("t", 241)+"@"+strings.Repeat("v", 14)),
			long(true, strings.Repeat("t", 242)+"@v"), long(true, "t@"+strings.Repeat("v", 15)))},
	}
}

func severalCalls() []Case {
	return []Case{
		{Name: "three calls, valid parent", calls: 3, requests: goesOn(version("00"))},
		{Name: "three calls, no parent", calls: 3, requests: fresh("")},
		{Name: "three calls, illegal parent", calls: 3, requests: fresh(strings.Replace(version("00"), traceID, strings.Repeat("0", 32), 1))},
	}
}

// version returns a traceparent of that version.
func version(v string) string { return "traceparent: " + v + "-" + traceID + "-" + parentID + "-01" }

// fresh returns a request for each line, after which a new trace starts; "" sends none.
func fresh(lines ...string) []request { return requests(false, lines) }

// goesOn returns a request for each line, whose trace goes on.
func goesOn(lines ...string) []request { return requests(true, lines) }

func requests(kept bool, lines []string) []request {
	var all []request
	for _, line := range lines {
		r := request{kept: kept}
		if line != "" {
			r.lines = []string{line}
		}
		all = append(all, r)
	}
	return all
}

// states returns a request with a valid traceparent and these lines of tracestate, after which want is sent; "" = none.
func states(want string, lines ...string) []request {
	r := request{lines: append([]string{parent}, lines...), kept: true}
	if want != "" {
		r.state = []string{want}
	}
	return []request{r}
}
