package sqlkit

import (
	"strconv"
	"strings"
)

// rebind writes SQLite's placeholders the way PostgreSQL has them: ? becomes $n,
// n one above the highest so far, and ?n becomes $n. Quoted text and comments
// are left alone.
func rebind(query string) string {
	var b strings.Builder
	highest := 0
	for i := 0; i < len(query); {
		if n := opaque(query, i); n > 0 {
			b.WriteString(query[i : i+n])
			i += n
			continue
		}
		c := query[i]
		i++
		if c != '?' {
			b.WriteByte(c)
			continue
		}
		digits := i
		for i < len(query) && '0' <= query[i] && query[i] <= '9' {
			i++
		}
		number, err := strconv.Atoi(query[digits:i])
		if err != nil {
			number = highest + 1
		}
		highest = max(highest, number)
		b.WriteString("$" + strconv.Itoa(number))
	}
	return b.String()
}

// opaque returns the length of the string, quoted name or comment that begins
// at query[i], 0 if none does. What is not closed goes to the end.
func opaque(query string, i int) int {
	s := query[i:]
	switch {
	case s[0] == '\'':
		return quoted(s, escapes(query, i))
	case s[0] == '"':
		return quoted(s, false)
	case s[0] == '$':
		return dollarQuoted(query, i)
	case strings.HasPrefix(s, "--"):
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return end
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		return blockComment(s)
	}
	return 0
}

// escapes reports whether the string that begins at query[i] is of the form
// E'...', in which a backslash escapes a quote.
func escapes(query string, i int) bool {
	return i > 0 && (query[i-1] == 'E' || query[i-1] == 'e') && (i == 1 || !isWord(query[i-2]))
}

// quoted returns the length of the text in quotes of the kind of s[0]. A doubled
// quote inside needs no care: it is two texts side by side.
func quoted(s string, backslash bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return i + 1
		case s[i] == '\\' && backslash:
			i++
		}
	}
	return len(s)
}

// dollarQuoted returns the length of $tag$...$tag$ at query[i]. A dollar within a
// name or before a digit opens nothing.
func dollarQuoted(query string, i int) int {
	if i > 0 && isWord(query[i-1]) {
		return 0
	}
	s := query[i:]
	tag := 1
	for tag < len(s) && isWord(s[tag]) && s[tag] != '$' {
		tag++
	}
	if tag == len(s) || s[tag] != '$' || '0' <= s[1] && s[1] <= '9' {
		return 0
	}
	tag++
	if end := strings.Index(s[tag:], s[:tag]); end >= 0 {
		return tag + end + tag
	}
	return len(s)
}

// blockComment returns the length of the comment that s begins with. They nest
// in PostgreSQL.
func blockComment(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
