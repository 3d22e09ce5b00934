package openlineage

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"

	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/lineage"
)

// The codes of problems beside those of strictjson.
const (
	codeForm    = "form"    // against the schemas
	codeRefused = "refused" // nothing mends it
)

var (
	errMissing  = errors.New("required")
	errFacet    = errors.New("unknown facet")
	errURI      = errors.New("want a URI")
	errUUID     = errors.New("want a UUID")
	errEmpty    = errors.New("an empty name")
	errNegative = errors.New("negative")
	errEnd      = errors.New("want DATASET or JOB")
	errType     = errors.New("unknown event type")
	errChange   = errors.New("unknown change")
)

// A parser reads the text of one event. What is wrong becomes a problem of d, which is
// a warning unless Config.Strict is set or nothing can mend it: see refuse.
type parser struct {
	d        *strictjson.Decoder
	strict   bool
	limits   lineage.Limits
	datasets int   // so far, as all of these
	fields   int   // of all schemas
	columns  int   // of all lineage facets
	elements int   // of all lists
	refused  error // the sentinel of the first problem that refuses the event
}

// refuse reports what nothing mends, with the value at hand or a key below it.
func (p *parser) refuse(sentinel error, reason string, keys ...string) {
	if p.refused == nil {
		p.refused = sentinel
		p.d.FailUnder(codeRefused, errors.New(reason), keys...)
	}
}

// object reads an object. Keys that are required and not there are problems.
func (p *parser) object(required []string, field func(key string) bool) {
	if missing, ok := p.keys(required, field); ok {
		p.missing(required, missing)
	}
}

// keys reads an object and returns which of the required keys are missing, as bits.
func (p *parser) keys(required []string, field func(key string) bool) (missing uint, ok bool) {
	missing = 1<<len(required) - 1
	ok = p.d.Object(func(key string) bool {
		for i, want := range required {
			if want == key {
				missing &^= 1 << i
			}
		}
		return field(key)
	})
	return missing, ok
}

func (p *parser) missing(required []string, missing uint) {
	for i, want := range required {
		if missing&(1<<i) != 0 {
			p.d.FailUnder(codeForm, errMissing, want)
		}
	}
}

// optional reads a value behind a pointer, which null leaves as it is.
func optional[T any](p *parser, into **T, read func(*T)) {
	*into = new(T)
	if p.d.Next() == 'n' {
		*into = nil
		p.d.Object(nil) // It says that null is no object.
		return
	}
	read(*into)
}

// maxElements is how many elements all lists of an event may have together. Sixteen
// MiB hold no more of those that say something; of {} they would fill gigabytes.
const maxElements = 1 << 20

// list reads a list, which is then not nil; null and other types leave it nil. Nothing
// more is kept of an event that is refused.
func list[T any](p *parser, into *[]T, element func(*T)) {
	if p.d.Next() == '[' {
		*into = []T{}
	}
	p.d.Array(func(int) {
		if !p.within(&p.elements, maxElements, "elements of lists") {
			p.d.Skip()
			return
		}
		var zero T
		*into = append(*into, zero)
		element(&(*into)[len(*into)-1])
	})
}

// dictionary reads an object of any keys, which are names of columns.
func dictionary[T any](p *parser, into *map[string]T, value func(*T)) {
	if p.d.Next() == '{' {
		*into = map[string]T{}
	}
	p.d.Object(func(key string) bool {
		p.checkName(key)
		switch {
		case !p.within(&p.columns, p.limits.Fields, "columns"):
			return p.skip()
		case key == "":
			p.d.Fail(codeForm, errEmpty)
			return p.skip()
		}
		var v T
		value(&v)
		(*into)[key] = v
		return true
	})
}

// within counts one more of what has a limit, and reports whether it is kept.
func (p *parser) within(n *int, limit int, what string) bool {
	if *n++; *n == limit+1 {
		p.refuse(lineage.ErrTooLarge, fmt.Sprintf("more than %d %s", limit, what))
	}
	return p.refused == nil
}

func (p *parser) skip() bool {
	p.d.Skip()
	return true
}

func (p *parser) text(into *string) {
	if s, ok := p.d.Text(); ok {
		*into = s
	}
}

// name reads text that may become part of a node.
func (p *parser) name(into *string) {
	p.text(into)
	p.checkName(*into)
}

func (p *parser) checkName(s string) {
	if len(s) > p.limits.NameBytes {
		p.refuse(lineage.ErrTooLarge, fmt.Sprintf("a name of %d bytes, where %d are the limit", len(s), p.limits.NameBytes))
	}
}

func (p *parser) bool(into *bool) {
	if v, ok := p.d.Bool(); ok {
		*into = v
	}
}

// count reads a number of rows or bytes. A negative one, which the schemas do not rule
// out, says nothing.
func (p *parser) count(into *int64) {
	n, ok := p.d.Int(math.MinInt64, math.MaxInt64)
	if ok && n < 0 {
		p.d.Fail(codeForm, errNegative)
		return
	}
	*into = n
}

// uri reads a URI, whose form only matters to strict reading.
func (p *parser) uri(into *string) {
	p.text(into)
	if !p.strict {
		return
	}
	if u, err := url.Parse(*into); err != nil || u.Scheme == "" {
		p.d.Fail(codeForm, errURI)
	}
}

// runID reads the ID of a run. Text that is no UUID is kept as it is.
func (p *parser) runID(into *string) {
	p.name(into)
	if *into != "" && !isUUID(*into) {
		p.d.Fail(codeForm, errUUID)
	}
}

// isUUID reports whether s is 8-4-4-4-12 hexadecimal digits.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}

// named reads an object that names a job or a dataset, and has other keys.
func (p *parser) named(n *name, what string, other func(key string) bool) {
	p.object([]string{"namespace", "name"}, func(key string) bool {
		switch key {
		case "namespace":
			p.name(&n.Namespace)
		case "name":
			p.name(&n.Name)
		default:
			return other(key)
		}
		return true
	})
	if n.Name == "" {
		p.refuse(lineage.ErrInvalid, "no "+what+" name", "name")
	}
}

func (p *parser) event(e *wireEvent) bool {
	required := []string{"eventTime", "producer", "schemaURL"}
	missing, ok := p.keys(required, func(key string) bool {
		switch key {
		case "eventTime":
			p.text(&e.EventTime)
		case "producer":
			p.uri(&e.Producer)
		case "schemaURL":
			p.uri(&e.SchemaURL)
		case "eventType":
			p.eventType(&e.EventType)
		case "run":
			optional(p, &e.Run, p.run)
		case "job":
			optional(p, &e.Job, p.job)
		case "dataset":
			optional(p, &e.Dataset, p.static)
		case "inputs":
			list(p, &e.Inputs, p.input)
		case "outputs":
			list(p, &e.Outputs, p.output)
		default:
			return false
		}
		return true
	})
	if ok {
		p.missing(required, missing)
	}
	return ok
}

func (p *parser) eventType(into *string) {
	p.text(into)
	if t, exact := eventType(*into); *into != "" && (!exact || t == lineage.Untyped) {
		p.d.Fail(codeForm, errType)
	}
}

// eventType returns the type that text names, in whatever case, and lineage.Other for
// one that is not known. It reports whether it is spelled as it should be.
func eventType(text string) (t lineage.EventType, exact bool) {
	for t := lineage.Untyped; t <= lineage.Other; t++ {
		if strings.EqualFold(text, t.String()) {
			return t, text == t.String()
		}
	}
	return lineage.Other, false
}

func (p *parser) run(r *run) {
	p.object([]string{"runId"}, func(key string) bool {
		switch key {
		case "runId":
			p.runID(&r.RunID)
		case "facets":
			p.d.Object(func(key string) bool { return p.runFacet(&r.Facets, key) })
		default:
			return false
		}
		return true
	})
	if r.RunID == "" {
		p.refuse(lineage.ErrInvalid, "no run ID", "runId")
	}
}

func (p *parser) job(j *job) {
	p.named(&j.name, "job", func(key string) bool {
		if key == "facets" {
			p.d.Object(func(key string) bool { return p.jobFacet(&j.Facets, key) })
			return true
		}
		return false
	})
}

// maxDatasets is how many inputs and outputs an event may have.
const maxDatasets = 100_000

func (p *parser) input(d *dataset) {
	p.dataset(d, "inputFacets", func(key string) bool {
		return p.statistics(&d.InputFacets.Input, key, "inputStatistics", "dataQualityAssertions", "dataQualityMetrics", "subset")
	})
}

func (p *parser) output(d *dataset) {
	p.dataset(d, "outputFacets", func(key string) bool {
		return p.statistics(&d.OutputFacets.Output, key, "outputStatistics", "subset")
	})
}

// static reads the dataset of a dataset event, which has no facets of its use.
func (p *parser) static(d *dataset) { p.dataset(d, "", nil) }

// dataset reads a dataset, with facets of its use under another key.
func (p *parser) dataset(d *dataset, use string, facet func(key string) bool) {
	if !p.within(&p.datasets, maxDatasets, "datasets") {
		p.d.Skip()
		return
	}
	p.named(&d.name, "dataset", func(key string) bool {
		switch {
		case key == "facets":
			p.d.Object(func(key string) bool { return p.datasetFacet(&d.Facets, key) })
		case key == use && facet != nil:
			p.d.Object(facet)
		default:
			return false
		}
		return true
	})
}
