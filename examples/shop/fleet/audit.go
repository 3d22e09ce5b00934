package fleet

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/collector"
	"go.opentelemetry.io/otel/trace"
)

// Audit compares what the collector says with what the witness saw, once the fleet is closed: it decided about each trace;
// of those that it kept it has each span once, and of others none; it kept all that failed and all that took as long as
// slow or longer; and its ledger balances and counts as the witness does.
func (f *Fleet) Audit(slow time.Duration) error {
	kept, errs := f.kept()
	seen := f.Witness.Traces()
	var spans, exported int
	for id, saw := range seen {
		decision, known := f.Collector.Explain(id)
		spans += len(saw.Spans)
		if decision.Keep {
			exported += len(saw.Spans)
		}
		switch must := saw.Errors > 0 || saw.Took() >= slow; {
		case !known:
			errs = errors.Join(errs, fmt.Errorf("trace %s: nothing was decided", id))
		case must && !decision.Keep:
			errs = errors.Join(errs, fmt.Errorf("trace %s: dropped by %q, with %d errors after %v", id, decision.Policy, saw.Errors, saw.Took()))
		case decision.Keep && !maps.Equal(kept[id], saw.Spans), !decision.Keep && len(kept[id]) > 0:
			errs = errors.Join(errs, fmt.Errorf("trace %s: kept %t, has %d spans of %d", id, decision.Keep, len(kept[id]), len(saw.Spans)))
		}
		delete(kept, id)
	}
	if len(kept) > 0 {
		errs = errors.Join(errs, fmt.Errorf("%d traces were kept that nobody saw", len(kept)))
	}
	return errors.Join(errs, balanced(f.Collector.Ledger(), len(seen), spans, exported))
}

// kept returns the spans of each trace that was kept.
func (f *Fleet) kept() (map[trace.TraceID]map[trace.SpanID]bool, error) {
	var errs error
	kept := map[trace.TraceID]map[trace.SpanID]bool{}
	for _, part := range f.Collector.Kept.All() {
		spans, err := tracing.Decode(part.OTLP)
		errs = errors.Join(errs, err)
		of := kept[part.ID]
		if of == nil {
			of = make(map[trace.SpanID]bool, len(spans))
			kept[part.ID] = of
		}
		for i := range spans {
			if id := spans[i].ID; of[id] {
				errs = errors.Join(errs, fmt.Errorf("trace %s: span %s is kept twice", part.ID, id))
			}
			of[spans[i].ID] = true
		}
	}
	return kept, errs
}

// balanced compares a ledger with counts, where nothing was refused, late or lost.
func balanced(l collector.Ledger, traces, spans, exported int) error {
	err := l.Check()
	if l.Opened != int64(traces) || l.Received.Spans != int64(spans) || l.Exported.Spans != int64(exported) || l.SampledOut.Spans != int64(spans-exported) {
		err = errors.Join(err, fmt.Errorf("%d traces and %d spans, of which %d are kept; the ledger has %d, %d and %d, and %d are sampled out",
			traces, spans, exported, l.Opened, l.Received.Spans, l.Exported.Spans, l.SampledOut.Spans))
	}
	return err
}
