package tracing

import (
	"errors"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/tenon-go/tenon/tracing/internal/wire"
)

// A Rejection says why a span alone is refused, whatever the rest of its request is.
type Rejection string

// What is wrong with spans.
const (
	Fine        Rejection = "" // nothing
	BadTraceID  Rejection = "trace ID that is zero or not 16 bytes"
	BadSpanID   Rejection = "span ID that is zero or not 8 bytes"
	BadParentID Rejection = "parent ID that is not 8 bytes"
	BadLinkID   Rejection = "ID in a link that is not of its length"
	TooDeep     Rejection = "nested deeper than 64 messages"
)

// Scan reads an ExportTraceServiceRequest to its last byte, and calls visit for each span in order, the rejected ones too, of which the view
// may lack what is wrong. Views are good for as long as req does not change.
//
// It returns a *RequestError if req is malformed, or a resource or scope is nested deeper than 64 messages. As that may show only after visits
// then, what they took is to be given back. Known fields are checked as the Collector's pdata checks them, unknown ones skipped; text is not
// checked to be UTF-8. It allocates once for each scope of each resource.
func Scan(req []byte, visit func(v View, rejected Rejection)) error {
	return scan(req, func(v *View, _ int, rejected Rejection) error {
		visit(*v, rejected)
		return nil
	})
}

// errEnough ends a scan of which nobody wants the rest.
var errEnough = errors.New("enough")

// Views returns the spans of a request that is known to be good, as that of a [Kept] is, in order. Of another one it leaves out the spans that
// Scan rejects, and ends where req is malformed; Scan says so. Views are good for as long as req does not change, and req is read anew each time.
func Views(req []byte) iter.Seq[View] {
	return func(yield func(View) bool) {
		_ = scan(req, func(v *View, _ int, rejected Rejection) error {
			if rejected == Fine && !yield(*v) {
				return errEnough
			}
			return nil
		})
	}
}

// A visitor is called with a view that is the scanner's, and where in the request its span begins. Its error ends the scan.
type visitor func(v *View, at int, rejected Rejection) error

func scan(req []byte, visit visitor) error {
	var v View // One for all spans: as visit may be anything, it is on the heap.
	w := wire.Walk(req)
	for w.Next() {
		if err := wire.CheckWire(&w, wire.Request); err != nil {
			return requestError(err, 0)
		}
		if w.Number != wire.RequestResourceSpans {
			continue
		}
		if err := scanResource(w.In(), &v, visit); err != nil {
			return err
		}
	}
	if err := w.Err(); err != nil {
		return requestError(err, 0)
	}
	return nil
}

// scanResource reads the fields of ResourceSpans twice, because the resource may come after the spans.
func scanResource(w wire.Walker, v *View, visit visitor) error {
	var origin Origin
	var resource once
	spans := int32(wire.ResourceSpansDeprecated)
	head := w
	for head.Next() {
		if err := wire.CheckWire(&head, wire.ResourceSpans); err != nil {
			return requestError(err, 0)
		}
		switch head.Number {
		case wire.ResourceSpansResource:
			if err := resource.take(&head, wire.Resource); err != nil {
				return err
			}
		case wire.ResourceSpansSchemaURL:
			origin.ResourceSchema = head.Bytes()
		case wire.ResourceSpansScopeSpans:
			spans = wire.ResourceSpansScopeSpans
		}
	}
	if err := head.Err(); err != nil {
		return requestError(err, 0)
	}
	origin.Resource = resource.merged(w)
	for w.Next() {
		switch w.Number {
		case spans:
			if err := scanScope(w.In(), &origin, v, visit); err != nil {
				return err
			}
		case wire.ResourceSpansDeprecated: // Beside what took its place it says nothing, but has to be readable.
			if err := wire.Check(w.In(), wire.ScopeSpans); err != nil && !wire.Unfit(err) {
				return requestError(err, 0)
			}
		}
	}
	return nil
}

// scanScope reads the fields of ScopeSpans twice, because the scope may come after the spans. of is the origin without the scope.
func scanScope(w wire.Walker, of *Origin, v *View, visit visitor) error {
	shared := &Origin{Resource: of.Resource, ResourceSchema: of.ResourceSchema, base: of.base}
	var scope once
	head := w
	for head.Next() {
		if err := wire.CheckWire(&head, wire.ScopeSpans); err != nil {
			return requestError(err, 0)
		}
		switch head.Number {
		case wire.ScopeSpansScope:
			if err := scope.take(&head, wire.Scope); err != nil {
				return err
			}
		case wire.ScopeSpansSchemaURL:
			shared.ScopeSchema = head.Bytes()
		}
	}
	if err := head.Err(); err != nil {
		return requestError(err, 0)
	}
	shared.Scope = scope.merged(w)
	if of.base == nil {
		of.base = shared
	}
	for w.Next() {
		if w.Number != wire.ScopeSpansSpans {
			continue
		}
		*v = View{raw: w.Bytes(), origin: shared}
		rejected, err := scanSpan(v, w.In(), w.From)
		if err == nil {
			err = visit(v, w.From, rejected)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A once is the message of a field that is not repeated.
type once struct {
	message []byte
	number  int32
	times   int
}

// take checks the message that w is at and takes it.
func (o *once) take(w *wire.Walker, t wire.Type) error {
	if err := wire.Check(w.In(), t); err != nil {
		return requestError(err, w.From)
	}
	o.message, o.number = w.Bytes(), w.Number
	o.times++
	return nil
}

// merged returns the message. Of a field that was repeated all the same, it is all messages in a row, which are their merge; w is at the
// beginning of the fields.
func (o *once) merged(w wire.Walker) []byte {
	if o.times < 2 {
		return o.message
	}
	return joined(w, o.number)
}

// joined returns the bytes of all fields of a number.
func joined(w wire.Walker, number int32) []byte {
	var all []byte
	for w.Next() {
		if w.Number == number && w.Wire == wire.Len {
			all = append(all, w.Bytes()...)
		}
	}
	return all
}

// scanSpan reads a span that begins at base.
func scanSpan(v *View, w wire.Walker, base int) (Rejection, error) {
	rejected := Fine
	for w.Next() {
		var reason Rejection
		if err := wire.CheckField(&w, wire.Span); err == nil {
			reason = set(v, &w, base)
		} else if reason = unfit(&w, err); reason == Fine {
			return Fine, requestError(err, 0)
		}
		if rejected == Fine {
			rejected = reason
		}
	}
	if err := w.Err(); err != nil {
		return Fine, requestError(err, 0)
	}
	if rejected == Fine {
		rejected = identified(v)
	}
	return rejected, nil
}

// unfit returns the rejection that err of the field of a span comes to; Fine if the span is malformed.
func unfit(w *wire.Walker, err error) Rejection {
	switch {
	case errors.Is(err, wire.ErrDepth):
		return TooDeep
	case !errors.Is(err, wire.ErrID):
		return Fine
	}
	switch w.Number {
	case wire.SpanTraceID:
		return BadTraceID
	case wire.SpanSpanID:
		return BadSpanID
	case wire.SpanParentID:
		return BadParentID
	}
	return BadLinkID
}

// shown returns bytes as a string that is UTF-8, without copying if they are.
func shown(b []byte) string {
	if s := text(b); utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
