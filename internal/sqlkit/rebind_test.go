package sqlkit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tenon-go/tenon/internal/sqlkit"
	"pgregory.net/rapid"
)

func TestRebindLeavesQuotesAndCommentsAlone(t *testing.T) {
	t.Parallel()
	_, db := newFake(t, sqlkit.PostgreSQL)
	kit := newKit(t, db, sqlkit.PostgreSQL)
	for query, want := range map[string]string{
		"":                                 "",
		"select 1":                         "select 1",
		"a = ? and b = ?":                  "a = $1 and b = $2",
		"?2, ?, ?1":                        "$2, $3, $1", // as SQLite counts
		"?2 ?1 ?":                          "$2 $1 $3",
		"?10 ?":                            "$10 $11",
		"'?' ?":                            "'?' $1",
		"'it''s ?' ?":                      "'it''s ?' $1",
		`'\' ?`:                            `'\' $1`,
		`E'\'?' ?`:                         `E'\'?' $1`,
		`e'\\' ?`:                          `e'\\' $1`,
		`type'\' ?`:                        `type'\' $1`,
		`"?""?" ?`:                         `"?""?" $1`,
		"-- ?\n?":                          "-- ?\n$1",
		"/* ? */ ?":                        "/* ? */ $1",
		"/* /* ? */ ? */ ?":                "/* /* ? */ ? */ $1",
		"a / ? * ? - ?":                    "a / $1 * $2 - $3",
		"$$ ? $$ ?":                        "$$ ? $$ $1",
		"$a$ ? $$ ? $b$ $a$ ?":             "$a$ ? $$ ? $b$ $a$ $1",
		"a$b$ ?":                           "a$b$ $1",
		"$1 ?":                             "$1 $1",
		"$5$ ?":                            "$5$ $1",
		"'not closed ?":                    "'not closed ?",
		"-- not closed ?":                  "-- not closed ?",
		"/* not closed /* ? */ ?":          "/* not closed /* ? */ ?",
		"$a$ not closed ? $b$":             "$a$ not closed ? $b$",
		"in (" + sqlkit.Marks(3) + ") ":    "in ($1, $2, $3) ",
		"values " + sqlkit.Tuples(2, 2):    "values ($1, $2), ($3, $4)",
		"values " + sqlkit.Tuples(1, 1):    "values ($1)",
		"é = ? and \"ü?\" = ? and $é$?$é$": "é = $1 and \"ü?\" = $2 and $é$?$é$",
	} {
		if got := kit.SQL(query); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", query, got, want)
		}
	}
}

// A query made of pieces of which each stands for itself is rebound piece by piece.
func TestRebindProperty(t *testing.T) {
	t.Parallel()
	_, db := newFake(t, sqlkit.PostgreSQL)
	kit := newKit(t, db, sqlkit.PostgreSQL)
	opaque := rapid.SampledFrom([]string{
		"select", "'?'", "'''?'", `"?"`, "-- ? '\n", "/* ' ? /* ? */ */", "$$ ' ? $$", "$x$ $$ ? $x$", `E'\'?'`, `'\'`, "::text", "(", ",",
	})
	rapid.Check(t, func(t *rapid.T) {
		var query, want strings.Builder
		count := 0
		for _, isMark := range rapid.SliceOfN(rapid.Bool(), 0, 12).Draw(t, "marks") {
			if isMark {
				count++
				query.WriteString("? ")
				fmt.Fprintf(&want, "$%d ", count)
				continue
			}
			piece := opaque.Draw(t, "piece") + " "
			query.WriteString(piece)
			want.WriteString(piece)
		}
		if got := kit.SQL(query.String()); got != want.String() {
			t.Fatalf("%s\ngot  %s\nwant %s", query.String(), got, want.String())
		}
	})
}

func FuzzRebind(f *testing.F) {
	for _, seed := range []string{"a = ?", "'?", `E'\`, "$a$?", "/*/*?*/", "--?", "?0", "$", "?99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		_, db := newFake(t, sqlkit.PostgreSQL)
		kit := newKit(t, db, sqlkit.PostgreSQL)
		got := kit.SQL(query)
		if !strings.Contains(query, "?") && !strings.Contains(query, "{") && got != query {
			t.Errorf("%q became %q, without a placeholder", query, got)
		}
		if again := kit.SQL(got); strings.Count(again, "?") != strings.Count(got, "?") {
			t.Errorf("%q has placeholders left: %q", query, got)
		}
	})
}
