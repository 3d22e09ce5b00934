package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Problem is one thing that is wrong in a text. It is an error whose text
// begins with the path.
//
//nolint:errname // it is one finding of several; the error is what the caller makes of them
type Problem struct {
	// Code says what kind of thing is wrong: one of the constants, or the
	// caller's own, given to [Decoder.Fail].
	Code string
	// Path is the JSON path from the root, "" for the root itself.
	Path string
	// Err says what is wrong there.
	Err error
}

// The codes of the problems that a Decoder finds by itself.
const (
	CodeSyntax   = "syntax"       // malformed JSON, data after the value
	CodeDepth    = "depth"        // nesting over the limit
	CodeType     = "type"         // another JSON type than the one that is due
	CodeUnknown  = "unknown_key"  // a key that the object does not have
	CodeRepeated = "repeated_key" // a key that was there before
	CodeNumber   = "number"       // a decimal or an integer out of form or range
	CodeTime     = "time"         // a time out of form or range
	CodeName     = "name"         // none of the legal names
)

func (p Problem) Error() string {
	if p.Path == "" {
		return p.Err.Error()
	}
	return p.Path + ": " + p.Err.Error()
}

// Unwrap returns Err.
func (p Problem) Unwrap() error { return p.Err }

// A step is one level of a path: a key, or with a key of "" an index.
type step struct {
	key   string
	index int
	isKey bool
}

// pathOf renders a path: keys that are plain names after a point, others quoted
// in brackets.
func pathOf(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		switch {
		case !s.isKey:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case !isName(s.key):
			b.WriteString("[" + quoted(s.key) + "]")
		case b.Len() > 0:
			b.WriteString("." + s.key)
		default:
			b.WriteString(s.key)
		}
	}
	return b.String()
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxQuoted
}

// maxQuoted bounds what a problem repeats of the input.
const maxQuoted = 64

// quoted is text as a problem shows it.
func quoted(text string) string {
	if len(text) <= maxQuoted {
		return strconv.Quote(text)
	}
	cut := maxQuoted
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "... (" + strconv.Itoa(len(text)) + " bytes)"
}
