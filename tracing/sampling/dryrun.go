package sampling

import (
	"fmt"
	"iter"
	"time"

	"github.com/tenon-go/tenon/tracing"
	"go.opentelemetry.io/otel/trace"
)

// A Report says what policies would have kept.
type Report struct {
	Traces, Kept     int
	Spans, KeptSpans int
	// Weight is the sum of the adjusted counts of what is kept: an estimate of Traces, or of more if these were sampled before.
	Weight float64
	// Biased counts traces whose weight is not sure, as those that a rate refused.
	Biased int
	// ErrorsMissed counts traces with a span of status error that would be dropped.
	ErrorsMissed int
	// Policies are in order; at the end one of name "", for the traces that no policy decided, if there were any.
	Policies []PolicyReport
}

// Share returns the share of traces that is kept; 0 of none.
func (r Report) Share() float64 {
	if r.Traces == 0 {
		return 0
	}
	return float64(r.Kept) / float64(r.Traces)
}

// A PolicyReport counts the decisions that name a policy.
type PolicyReport struct {
	Policy        string
	Kept, Dropped int
}

// DryRun tells what policies would have decided about traces that were kept, as an archive has them, each whole and once: what comes again, as
// parts of a trace do, is an error that names the trace. Who has parts joins them before: their OTLP in a row is that of the trace. Weights
// start from the threshold by which a trace was kept, that of its Decision or of its spans. Decisions are at the times at which the traces were
// decided, else ended, and rates mean something only if these come in order. It remembers each ID, and ends at the first error of the
// sequence, or of a trace that cannot be read, and returns the report until there; or with an error of NewJury.
func DryRun(policies []Policy, traces iter.Seq2[tracing.Kept, error]) (Report, error) {
	jury, err := NewJury(policies)
	if err != nil {
		return Report{}, err
	}
	report := Report{}
	places := map[string]int{}
	for i, name := range jury.Policies() {
		report.Policies = append(report.Policies, PolicyReport{Policy: name})
		places[name] = i
	}
	seen := map[trace.TraceID]struct{}{}
	for kept, err := range traces {
		if err != nil {
			return report, fmt.Errorf("sampling: dry run: %w", err)
		}
		t, err := keptTrace(kept)
		if err != nil {
			return report, fmt.Errorf("sampling: dry run: trace %s: %w", kept.ID, err)
		}
		if _, again := seen[t.ID]; again {
			return report, fmt.Errorf("sampling: dry run: trace %s comes again: join its parts before", t.ID)
		}
		seen[t.ID] = struct{}{}
		decision, biased := jury.Decide(t, timeOf(kept, t))
		place, ok := places[decision.Policy]
		if !ok {
			place = len(report.Policies)
			places[decision.Policy] = place
			report.Policies = append(report.Policies, PolicyReport{})
		}
		count(&report, t, decision, biased, place)
	}
	return report, nil
}

// keptTrace returns the trace, of which the decision to keep it may know a threshold that its spans were not told.
func keptTrace(kept tracing.Kept) (Trace, error) {
	t, err := TraceOf(kept.OTLP, kept.Decision.At)
	if before := kept.Decision.Threshold; err == nil && before.Keeps(t.R) { // Else it is a lie, as in Claims.
		t.Floor = max(t.Floor, before)
	}
	return t, err
}

func timeOf(kept tracing.Kept, t Trace) time.Time {
	if kept.Decision.At.IsZero() {
		return t.End
	}
	return kept.Decision.At
}

func count(r *Report, t Trace, decision tracing.Decision, biased bool, place int) {
	r.Traces++
	r.Spans += t.Spans
	if biased {
		r.Biased++
	}
	if decision.Keep {
		r.Kept++
		r.KeptSpans += t.Spans
		r.Weight += decision.Threshold.AdjustedCount()
		r.Policies[place].Kept++
		return
	}
	r.Policies[place].Dropped++
	if t.Errors > 0 {
		r.ErrorsMissed++
	}
}
