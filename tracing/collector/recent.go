package collector

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"sync"

	"github.com/tenon-go/tenon/tracing"
	"github.com/tenon-go/tenon/tracing/otlp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Tee returns an Output that hands everything to all outputs, in order. If one fails, the same parts come again, in whatever batches, and go to
// those outputs that have not taken them; if those that fail do so for good, the error Is tracing.ErrPermanent, though others may have taken the
// parts. So that it knows them again it remembers which the last 32,768 parts were that failed: a collector brings back each of them before it
// ends. Outputs must not change the bytes of parts, as the next gets them too.
func Tee(outputs ...Output) Output {
	return &tee{outputs: slices.Clone(outputs), seed: maphash.MakeSeed(), tried: map[partKey]attempt{}}
}

// maxTried is how many parts a tee remembers at least.
const maxTried = 1 << 15

type tee struct {
	outputs []Output
	seed    maphash.Seed

	mu    sync.Mutex
	tried map[partKey]attempt // nobody is at work on them
	older map[partKey]attempt // likewise, from before
}

// A partKey tells parts apart.
type partKey struct {
	id      trace.TraceID
	part    tracing.Part
	content uint64 // a hash
}

// An attempt is a part that not all outputs have dealt with.
type attempt struct {
	dealt []bool  // by output: it took the part, or never will
	errs  []error // of those that never will
}

// Put hands parts to the outputs that have not taken them yet.
func (t *tee) Put(ctx context.Context, kept []tracing.Kept) error {
	attempts := t.take(kept)
	var passing, permanent []error
	for i, out := range t.outputs {
		if err := put(ctx, out, i, kept, attempts); err != nil {
			passing = append(passing, fmt.Errorf("output %d: %w", i, err))
		}
	}
	if len(passing) > 0 {
		t.remember(kept, attempts)
		return errors.Join(passing...)
	}
	for _, a := range attempts {
		for _, err := range a.errs {
			if !slices.Contains(permanent, err) {
				permanent = append(permanent, err)
			}
		}
	}
	return errors.Join(permanent...)
}

// put hands the i-th output what it has not dealt with, and returns an error if that has to come again.
func put(ctx context.Context, out Output, i int, kept []tracing.Kept, attempts []attempt) error {
	rest := make([]tracing.Kept, 0, len(kept))
	for j := range kept {
		if !attempts[j].dealt[i] {
			rest = append(rest, kept[j])
		}
	}
	if len(rest) == 0 {
		return nil
	}
	err := out.Put(ctx, rest)
	if err != nil && !errors.Is(err, tracing.ErrPermanent) {
		return err
	}
	if err != nil {
		err = fmt.Errorf("output %d: %w", i, err)
	}
	for j := range attempts {
		if one := &attempts[j]; !one.dealt[i] {
			one.dealt[i] = true
			if err != nil {
				one.errs = append(one.errs, err)
			}
		}
	}
	return nil
}

// take returns what is known of parts, and forgets it.
func (t *tee) take(kept []tracing.Kept) []attempt {
	t.mu.Lock()
	defer t.mu.Unlock()
	attempts, dealt := make([]attempt, len(kept)), make([]bool, len(kept)*len(t.outputs))
	for i := range kept {
		attempts[i].dealt, dealt = dealt[:len(t.outputs):len(t.outputs)], dealt[len(t.outputs):]
		if len(t.tried)+len(t.older) == 0 { // As nearly always.
			continue
		}
		key := t.key(&kept[i])
		for _, tried := range []map[partKey]attempt{t.older, t.tried} {
			if known, ok := tried[key]; ok {
				attempts[i] = known
				delete(tried, key)
			}
		}
	}
	return attempts
}

func (t *tee) remember(kept []tracing.Kept, attempts []attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range kept {
		if len(t.tried) >= maxTried {
			t.older, t.tried = t.tried, map[partKey]attempt{}
		}
		t.tried[t.key(&kept[i])] = attempts[i]
	}
}

func (t *tee) key(kept *tracing.Kept) partKey {
	return partKey{kept.ID, kept.Part, maphash.Bytes(t.seed, kept.OTLP)}
}

const defaultRecent = 64 << 20

// A Recent is an Output that holds the parts that came last, in memory. [NewRecent] makes it; it is safe for concurrent use.
type Recent struct {
	most int64

	mu    sync.Mutex
	parts []tracing.Kept // from first on
	first int
	bytes int64
}

// NewRecent returns an Output that holds about so many bytes; 0 = 64 MiB. A single part that is larger is held alone.
func NewRecent(bytes int64) *Recent {
	if bytes <= 0 {
		bytes = defaultRecent
	}
	return &Recent{most: bytes}
}

// Put takes parts, and lets the oldest go where there is no room.
func (r *Recent) Put(_ context.Context, kept []tracing.Kept) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts = append(r.parts, kept...)
	for i := range kept {
		r.bytes += weight(&kept[i])
	}
	for r.bytes > r.most && len(r.parts)-r.first > 1 {
		r.bytes -= weight(&r.parts[r.first])
		r.parts[r.first] = tracing.Kept{}
		r.first++
	}
	if r.first > len(r.parts)/2 {
		r.parts, r.first = slices.Clone(r.parts[r.first:]), 0
	}
	return nil
}

// weight is about what a part takes in memory.
func weight(kept *tracing.Kept) int64 { return int64(len(kept.OTLP)) + headerCharge }

// Trace returns the parts of a trace that are held, in the order in which they came; none if there are none. It looks at all parts.
func (r *Recent) Trace(id trace.TraceID) []tracing.Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	var parts []tracing.Kept
	for i := range r.parts[r.first:] {
		if one := &r.parts[r.first+i]; one.ID == id {
			parts = append(parts, *one)
		}
	}
	return parts
}

// All returns all parts that are held, in the order in which they came. Do not change their bytes.
func (r *Recent) All() []tracing.Kept {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.parts[r.first:])
}

// Traces returns all traces that are held, each whole and once, as sampling.DryRun wants them: parts of a trace are put together, and a span that is in
// several of them is there once. They come in the order of their first parts, with the decision of these, as at the time of the call. A part that
// cannot be read, which no collector makes, ends them with an error.
func (r *Recent) Traces() iter.Seq2[tracing.Kept, error] {
	return func(yield func(tracing.Kept, error) bool) {
		parts := map[trace.TraceID][]tracing.Kept{}
		var ids []trace.TraceID
		for _, one := range r.All() {
			if len(parts[one.ID]) == 0 {
				ids = append(ids, one.ID)
			}
			parts[one.ID] = append(parts[one.ID], one)
		}
		for _, id := range ids {
			whole, err := merged(parts[id])
			if !yield(whole, err) || err != nil {
				return
			}
		}
	}
}

// merged puts the parts of a trace together.
func merged(parts []tracing.Kept) (tracing.Kept, error) {
	whole := parts[0]
	if len(parts) == 1 {
		return whole, nil
	}
	whole.Part, whole.Summary = tracing.PartWhole, tracing.Summary{}
	sum := &whole.Summary
	known := map[string]bool{}
	var spans otlp.Builder
	for i := range parts {
		whole.Partial = whole.Partial || parts[i].Partial
		join(sum, &parts[i].Summary)
		err := tracing.Scan(parts[i].OTLP, func(v tracing.View, rejected tracing.Rejection) {
			if rejected != tracing.Fine || known[string(v.Raw())] {
				return
			}
			known[string(v.Raw())] = true
			spans.Add(v)
			sum.Spans++
			sum.Bytes += len(v.Raw())
			if v.Status() == codes.Error {
				sum.Errors++
			}
		})
		if err != nil {
			return tracing.Kept{}, fmt.Errorf("collector: recent: trace %s: %w", whole.ID, err)
		}
	}
	whole.OTLP = spans.Bytes()
	return whole, nil
}

// join takes over what a summary says of more than the number of spans.
func join(sum, of *tracing.Summary) {
	if sum.RootService == "" {
		sum.RootService, sum.RootName = of.RootService, of.RootName
	}
	start, end := sum.Start, sum.Start.Add(sum.Duration)
	if start.IsZero() || of.Start.Before(start) {
		start = of.Start
	}
	if last := of.Start.Add(of.Duration); last.After(end) {
		end = last
	}
	sum.Start, sum.Duration = start, end.Sub(start)
	sum.Services = slices.Concat(sum.Services, of.Services)
	slices.Sort(sum.Services)
	sum.Services = slices.Compact(sum.Services)
}
