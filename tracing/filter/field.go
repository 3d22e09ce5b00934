package filter

import (
	"strings"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// A field is what conditions compare.
type field uint8

const (
	spanName field = iota
	spanService
	spanDuration
	spanKind
	spanStatus
	spanAttr
	resourceAttr
	scopeAttr
	eventAttr
	linkAttr
	anyAttr
	rootName
	rootService
	traceDuration
	traceSpans
	traceErrors
)

// A sort is what the values of a field can be.
type sort uint8

const (
	texts sort = iota
	integers
	durations
	words      // of a list
	attributes // texts, numbers, booleans
)

// A definition says how a field is written and what it can be compared with.
type definition struct {
	name   string // ends in a dot if the key of an attribute follows
	field  field
	sort   sort
	inside bool // of braces
}

// definitions of all fields.
//
//nolint:gochecknoglobals // immutable table
var definitions = []definition{
	{"name", spanName, texts, true},
	{"service", spanService, texts, true},
	{"duration", spanDuration, durations, true},
	{"kind", spanKind, words, true},
	{"status", spanStatus, words, true},
	{"span.", spanAttr, attributes, true},
	{"resource.", resourceAttr, attributes, true},
	{"scope.", scopeAttr, attributes, true},
	{"event.", eventAttr, attributes, true},
	{"link.", linkAttr, attributes, true},
	{"any.", anyAttr, attributes, true},
	{"root.name", rootName, texts, false},
	{"root.service", rootService, texts, false},
	{"trace.duration", traceDuration, durations, false},
	{"trace.spans", traceSpans, integers, false},
	{"trace.errors", traceErrors, integers, false},
}

// define finds the field of a word, and the key of its attribute.
func define(word string) (d definition, key string, ok bool) {
	for _, d := range definitions {
		if d.sort == attributes {
			if key, ok := strings.CutPrefix(word, d.name); ok {
				return d, key, true
			}
		} else if word == d.name {
			return d, "", true
		}
	}
	return definition{}, "", false
}

// words returns what a field of words can be, and the numbers of it.
func (f field) words() ([]string, []int64) {
	if f == spanStatus {
		return []string{"unset", "ok", "error"}, []int64{int64(codes.Unset), int64(codes.Ok), int64(codes.Error)}
	}
	return []string{"unspecified", "internal", "server", "client", "producer", "consumer"}, []int64{
		int64(trace.SpanKindUnspecified), int64(trace.SpanKindInternal), int64(trace.SpanKindServer), int64(trace.SpanKindClient),
		int64(trace.SpanKindProducer), int64(trace.SpanKindConsumer),
	}
}
