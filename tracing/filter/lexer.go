package filter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A kind of token. Those of operators and punctuation are as they are written.
type kind string

const (
	end    kind = "the end"
	word   kind = "a word"
	quoted kind = "a text"
	number kind = "a number"
)

// operators, the longer ones first, because < is the beginning of <=.
//
//nolint:gochecknoglobals // immutable table
var operators = []kind{"&&", "||", "!=", "!~", "<=", ">=", "=~", "=", "<", ">", "!", "(", ")", "{", "}"}

// A token is a part of a filter that means something alone.
type token struct {
	kind kind
	text string // of a quoted one without quotes
	at   int    // byte where it begins
	to   int    // behind its last byte
}

// String describes what was found, for errors.
func (t token) String() string {
	switch t.kind {
	case word, number:
		return t.text
	case quoted:
		return strconv.Quote(t.text)
	default:
		return string(t.kind)
	}
}

// A lexer cuts a filter into tokens.
type lexer struct {
	text string
	at   int
}

// next returns the next token; the last one is end, again and again.
func (l *lexer) next() (token, error) {
	rest := strings.TrimLeftFunc(l.text[l.at:], unicode.IsSpace)
	l.at = len(l.text) - len(rest)
	if rest == "" {
		return l.take(end, 0), nil
	}
	switch c := rest[0]; {
	case c == '"' || c == '`':
		return l.quoted(rest)
	case startsNumber(rest):
		return l.take(number, numberLength(rest)), nil
	}
	for _, operator := range operators {
		if strings.HasPrefix(rest, string(operator)) {
			return l.take(operator, len(operator)), nil
		}
	}
	length := strings.IndexFunc(rest, func(r rune) bool { return !inWord(r) })
	if length < 0 {
		length = len(rest)
	}
	switch {
	case length > 0:
	case rest[0] == '\'':
		return token{}, l.errorAt(l.at, "texts are in double quotes or back quotes")
	default:
		r, _ := utf8.DecodeRuneInString(rest)
		return token{}, l.errorAt(l.at, "unexpected %q", r)
	}
	return l.take(word, length), nil
}

func (l *lexer) take(k kind, length int) token {
	t := token{kind: k, text: l.text[l.at : l.at+length], at: l.at, to: l.at + length}
	l.at = t.to
	return t
}

func (l *lexer) quoted(rest string) (token, error) {
	literal, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return token{}, l.errorAt(l.at, "text without its closing quote, or with an escape that Go does not have")
	}
	t := l.take(quoted, len(literal))
	t.text, err = strconv.Unquote(literal)
	if err != nil {
		return token{}, l.errorAt(t.at, "broken text")
	}
	return t, nil
}

// errorAt returns a *SyntaxError at a byte.
func (l *lexer) errorAt(at int, format string, args ...any) error {
	return &SyntaxError{Column: utf8.RuneCountInString(l.text[:at]) + 1, Reason: fmt.Sprintf(format, args...)}
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.-/:@$#", r)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// startsNumber tells whether s begins as 1, .5 or -1 do.
func startsNumber(s string) bool {
	s = strings.TrimLeft(s[:min(len(s), 3)], "+-")
	s = strings.TrimPrefix(s, ".")
	return s != "" && isDigit(s[0])
}

// numberLength returns how far a number or duration at the beginning of s goes. A sign is part of it in front, and as that of an exponent.
func numberLength(s string) int {
	for i, r := range s {
		sign := r == '+' || r == '-'
		inside := sign && (i == 0 || s[i-1] == 'e' || s[i-1] == 'E')
		if !inside && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return i
		}
	}
	return len(s)
}
