package wire

import "errors"

// MaxDepth is how many messages may lie inside each other below a span, a resource or a scope.
const MaxDepth = 64

// What makes a message unfit, though all of it that was looked at can be read.
var (
	ErrDepth = errors.New("nested deeper than 64 messages")    // what lies below was not looked at
	ErrID    = errors.New("ID of neither its length nor none") // a trace or span ID
)

// Unfit tells whether err is one of those that leave the message readable.
func Unfit(err error) bool { return errors.Is(err, ErrDepth) || errors.Is(err, ErrID) }

// Check reads the message of type t that w is at the beginning of to its last byte, messages inside it too. It returns an *Error, ErrDepth or
// ErrID; an *Error where there is one before others.
func Check(w Walker, t Type) error {
	at, reason, unfit := check(w.buf[:w.end], w.at, t, 0)
	if reason != "" {
		return &Error{Offset: at, Reason: reason}
	}
	return unfit
}

// CheckField checks the field that w is at, which is one of a message of type t: its wire type, the length of an ID, and what is inside a
// message.
func CheckField(w *Walker, t Type) error {
	r := t.rule(w.Number)
	switch {
	case r.wire != w.Wire:
		return CheckWire(w, t)
	case r.message:
		if at, reason, unfit := check(w.buf[:w.To], w.From, r.of, 1); reason != "" {
			return &Error{Offset: at, Reason: reason}
		} else if unfit != nil {
			return unfit
		}
	case r.size != 0 && w.To-w.From != int(r.size) && w.To != w.From:
		return ErrID
	}
	return nil
}

// CheckWire checks the wire type of the field that w is at, for who knows that the rest is right.
func CheckWire(w *Walker, t Type) error {
	if r := t.rule(w.Number); r.wire != w.Wire && r.wire != anyWire {
		return &Error{Offset: w.start, Reason: wrongWire(t, w.Number)}
	}
	return nil
}

func wrongWire(t Type, number int32) string {
	return "wrong wire type of field " + t.field(number).Name
}

// check reads the fields of a message of type t from at to the end of b. It is a Walker written out, as every byte that arrives goes through it.
func check(b []byte, at int, t Type, depth int) (broken int, reason string, unfit error) {
	if depth > MaxDepth {
		return 0, "", ErrDepth
	}
	for at < len(b) {
		r, from, end := short(b, at, t)
		if end == 0 {
			if r, from, end, reason = field(b, at, t); reason != "" {
				return at, reason, nil
			}
		}
		if r.message {
			broken, reason, inner := check(b[:end], from, r.of, depth+1)
			if reason != "" {
				return broken, reason, nil
			}
			if unfit == nil { // What can be read is read all the same: malformed bytes beside it are malformed.
				unfit = inner
			}
		} else if r.size != 0 && end-from != int(r.size) && end != from {
			unfit = ErrID
		}
		at = end
	}
	return 0, "", unfit
}

// short reads what most fields are, known ones of wire type Len whose tag and length have a byte each. Of others end is 0.
func short(b []byte, at int, t Type) (r rule, from, end int) {
	if at+1 >= len(b) || b[at]&0x87 != Len || b[at+1] >= 0x80 {
		return rule{}, 0, 0
	}
	r = rules[t][b[at]>>3]
	from = at + 2
	if end = from + int(b[at+1]); r.wire != Len || end > len(b) {
		return rule{}, 0, 0
	}
	return r, from, end
}

// field reads a field: what it has to be, and where its content is.
func field(b []byte, at int, t Type) (r rule, from, end int, reason string) {
	tag, at := uvarint(b, at)
	if at < 0 {
		return rule{}, 0, 0, reasonVarint
	}
	number, wire := int32(tag>>3), uint8(tag&7) //nolint:gosec // As in Walker.Next.
	if number <= 0 {
		return rule{}, 0, 0, reasonNumber
	}
	if r = t.rule(number); r.wire != wire && r.wire != anyWire {
		return rule{}, 0, 0, wrongWire(t, number)
	}
	from, end, reason = extent(b, at, wire)
	return r, from, end, reason
}

// extent returns where the content of a field of that wire type begins, of a Len behind its length, and where it ends.
func extent(b []byte, at int, wire uint8) (from, end int, reason string) {
	var size uint64
	from = at
	switch wire {
	case Len:
		if size, from = uvarint(b, at); from < 0 {
			return 0, 0, reasonLong
		}
	case Varint:
		if _, end = uvarint(b, at); end < 0 {
			return 0, 0, reasonVarint
		}
		return from, end, ""
	case I64:
		size = 8
	case I32:
		size = 4
	case StartGroup, EndGroup:
		return 0, 0, reasonGroup
	default:
		return 0, 0, reasonWire
	}
	if size > uint64(len(b)-from) { //nolint:gosec // Not negative.
		return 0, 0, reasonLong
	}
	return from, from + int(size), ""
}

// uvarint reads a varint of at most ten bytes at a place, and returns the place behind it; -1 if there is none. Bits beyond the 64th are lost.
func uvarint(b []byte, at int) (v uint64, next int) {
	if at < len(b) && b[at] < 0x80 {
		return uint64(b[at]), at + 1
	}
	return longVarint(b, at)
}

func longVarint(b []byte, at int) (v uint64, next int) {
	for shift := 0; shift < 64 && at < len(b); shift += 7 {
		c := b[at]
		at++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, at
		}
	}
	return 0, -1
}

// A rule is what a check asks of a field, in few bytes.
type rule struct {
	wire    uint8 // anyWire if the field is unknown
	message bool
	of      Type  // of a message
	size    uint8 // of an ID; 0 = any
}

// anyWire is the wire type of a rule without one.
const anyWire = 0xff

// rule returns the rule of a field. The deprecated field of ResourceSpans is far beyond the others.
func (t Type) rule(number int32) rule {
	if uint32(number) < ruleCount { //nolint:gosec // Not negative.
		return rules[t][number]
	}
	if t == ResourceSpans && number == ResourceSpansDeprecated {
		return rules[t][ResourceSpansScopeSpans]
	}
	return rule{wire: anyWire}
}

const ruleCount = 32 // a power of two above all numbers

//nolint:gochecknoglobals // An immutable table.
var rules = makeRules()

func makeRules() (all [len(fields)][ruleCount]rule) {
	for t := range all {
		for number := range all[t] {
			f := Type(t).field(int32(number))
			r := &all[t][number]
			switch f.Kind { //nolint:exhaustive // All others have a wire type, and no more.
			case Unknown:
				r.wire = anyWire
				continue
			case Message:
				r.message, r.of = true, f.Of
			case TraceID:
				r.size = 16
			case SpanID:
				r.size = 8
			}
			r.wire = f.Kind.Wire()
		}
	}
	return all
}
