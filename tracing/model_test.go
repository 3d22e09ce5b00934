package tracing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tenon-go/tenon/tracing"
)

func TestErrorsSayWhatAndWhere(t *testing.T) {
	tests := []struct {
		err  error
		text string
		is   []error
		not  []error
	}{
		{&tracing.OverloadError{RetryAfter: time.Second, Cause: "memory"}, "tracing: overload: memory: retry after 1s", []error{tracing.ErrOverload}, []error{tracing.ErrClosed, tracing.ErrPermanent}},
		{&tracing.OverloadError{Cause: tracing.Closing}, "tracing: overload: closing", []error{tracing.ErrOverload, tracing.ErrClosed}, nil},
		{&tracing.OverloadError{}, "tracing: overload", []error{tracing.ErrOverload}, nil},
		{&tracing.RequestError{Offset: 7, Reason: "group"}, "tracing: request: offset 7: group", []error{tracing.ErrPermanent}, []error{tracing.ErrOverload}},
		{&tracing.RequestError{Path: "resourceSpans[0]", Reason: "no object"}, "tracing: request: resourceSpans[0]: no object", []error{tracing.ErrPermanent}, nil},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.text {
			t.Errorf("text %q, want %q", got, test.text)
		}
		for _, target := range test.is {
			if !errors.Is(test.err, target) {
				t.Errorf("%v is not %v", test.err, target)
			}
		}
		for _, target := range test.not {
			if errors.Is(test.err, target) {
				t.Errorf("%v is %v", test.err, target)
			}
		}
	}
}

func TestNamesOfReasonsAndParts(t *testing.T) {
	for c, want := range map[tracing.Closed]string{
		tracing.ClosedComplete: "complete", tracing.ClosedMissingParents: "missing parents", tracing.ClosedEarly: "early", tracing.ClosedAge: "age",
		tracing.ClosedSize: "size", tracing.ClosedPressure: "pressure", tracing.ClosedFlush: "flush", 99: "unknown",
	} {
		if got := c.String(); got != want {
			t.Errorf("%d is %q, want %q", c, got, want)
		}
	}
	for p, want := range map[tracing.Part]string{tracing.PartWhole: "whole", tracing.PartEarly: "early", tracing.PartLate: "late", 99: "unknown"} {
		if got := p.String(); got != want {
			t.Errorf("%d is %q, want %q", p, got, want)
		}
	}
}
