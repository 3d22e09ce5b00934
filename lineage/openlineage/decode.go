package openlineage

import (
	"bytes"
	"fmt"

	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/lineage"
)

// Decode reads one event. The event keeps a copy of data in Raw. The error is a
// *lineage.EventError with index 0. With Config.Strict the only warnings are of what
// the schemas allow and an event cannot hold. Time and memory are proportional to the
// length of data, up to sorting.
func Decode(data []byte, cfg Config) (lineage.Event, []Warning, error) {
	return decode(data, 0, cfg)
}

func decode(data []byte, index int, cfg Config) (lineage.Event, []Warning, error) {
	if len(data) > MaxBytes {
		return lineage.Event{}, nil, tooLong(index)
	}
	p := parser{
		d:      strictjson.NewDecoder(data, strictjson.Limits{Depth: maxDepth, Problems: maxWarnings}),
		strict: cfg.Strict, limits: withDefaults(cfg.Limits),
	}
	var w wireEvent
	whole := p.event(&w)
	problems, more, err := p.verdict(whole, data, index)
	if err != nil {
		return lineage.Event{}, nil, err
	}
	n := normaliser{strict: cfg.Strict, limits: p.limits, more: more}
	for _, problem := range problems {
		n.note(problem.Path, problem.Err.Error())
	}
	n.read(&w)
	if n.refused != nil {
		n.refused.Index = index
		return lineage.Event{}, nil, n.refused
	}
	if n.more > 0 {
		n.warnings = append(n.warnings, Warning{Reason: fmt.Sprintf("%d more warnings", n.more)})
	}
	n.event.Raw = bytes.Clone(data)
	return n.event, n.warnings, nil
}

func tooLong(index int) *lineage.EventError {
	return &lineage.EventError{Index: index, Reason: fmt.Sprintf("more than %d bytes", MaxBytes), Err: lineage.ErrTooLarge}
}

// verdict ends the reading of the text. It returns its problems, and how many more there
// were, or an error if one of them refuses the event.
func (p *parser) verdict(whole bool, data []byte, index int) ([]strictjson.Problem, int, error) {
	found := p.d.Failed()
	problems, more := p.d.End()
	whole = whole && p.d.Failed() == found
	if more > 0 && !whole && p.refused == nil {
		// What broke it off is not among those that were kept. Passing over meets only that.
		d := strictjson.NewDecoder(data, strictjson.Limits{Depth: maxDepth})
		d.Skip()
		broken, _ := d.End()
		problems = append(problems, broken...)
	}
	for i, problem := range problems {
		refusal := &lineage.EventError{Index: index, Path: problem.Path, Reason: problem.Err.Error(), Err: lineage.ErrInvalid}
		switch problem.Code {
		case strictjson.CodeDepth:
			refusal.Err = lineage.ErrTooLarge
			return nil, 0, refusal
		case codeRefused:
			refusal.Err = p.refused
			return nil, 0, refusal
		case strictjson.CodeSyntax:
			return nil, 0, refusal
		}
		if p.strict || !whole && i == len(problems)-1 {
			return nil, 0, refusal
		}
	}
	if p.refused != nil {
		return nil, 0, &lineage.EventError{Index: index, Reason: fmt.Sprintf("refused after %d other findings", len(problems)), Err: p.refused}
	}
	return problems, more, nil
}
