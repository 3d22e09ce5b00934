package predicate_test

import (
	"strings"
	"testing"

	"github.com/tenon-go/tenon/internal/predicate"
)

// Conditions of the tables below, by short names.
func conditions() map[string]string {
	return map[string]string{
		"always": `{}`,
		"US":     `{"field":"region","op":"=","value":"US"}`,
		"CA":     `{"field":"region","op":"=","value":"CA"}`,
		"!US":    `{"field":"region","op":"!=","value":"US"}`,
		"US,CA":  `{"field":"region","op":"in","value":["US","CA"]}`,
		"!US,CA": `{"field":"region","op":"not_in","value":["CA","US"]}`,
		"US,DE":  `{"field":"region","op":"in","value":["US","DE"]}`,
		"US|CA":  `{"any":[{"field":"region","op":"=","value":"US"},{"field":"region","op":"=","value":"CA"}]}`,
		"region": `{"field":"region","op":"exists"}`,
		"guest":  `{"not":{"field":"region","op":"exists"}}`,
		"web":    `{"field":"channel","op":"=","value":"web"}`,
		"gold":   `{"field":"segments","op":"any","value":["gold"]}`,
		"!gold":  `{"field":"segments","op":"none","value":["gold","new"]}`,
		"gold+":  `{"field":"segments","op":"all","value":["gold","old"]}`,
		"g|o":    `{"field":"segments","op":"any","value":["gold","old"]}`,
		"some":   `{"field":"segments","op":"exists"}`,
		"nobody": `{"not":{"field":"segments","op":"exists"}}`,
		"<5":     `{"field":"qty","op":"<","value":"5"}`,
		"<=5":    `{"field":"qty","op":"<=","value":"5"}`,
		">=5":    `{"field":"qty","op":">=","value":"5"}`,
		">5":     `{"field":"qty","op":">","value":"5"}`,
		"=5":     `{"field":"qty","op":"=","value":"5"}`,
		"=4.9":   `{"field":"qty","op":"=","value":"4.999999"}`,
		"!=5":    `{"field":"qty","op":"!=","value":"5"}`,
		"3-7":    `{"field":"qty","op":"between","value":["3","7"]}`,
		"4-6":    `{"field":"qty","op":"between","value":["4","6"]}`,
		">5.0-":  `{"field":"qty","op":">","value":"5.0000001"}`,
		"<5.0-":  `{"field":"qty","op":"<","value":"5.0000001"}`,
		"vip":    `{"field":"vip","op":"=","value":true}`,
		"!vip":   `{"not":{"field":"vip","op":"=","value":true}}`,
		"toy":    `{"toy":1}`,
		"!toy":   `{"not":{"toy":1}}`,
		"toy0":   `{"toy":0}`,
	}
}

// condition builds all of several conditions: "US & gold".
func condition(names string) string {
	var parts []string
	for name := range strings.SplitSeq(names, " & ") {
		parts = append(parts, conditions()[name])
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return `{"all":[` + strings.Join(parts, ",") + `]}`
}

func TestDisjoint(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"US", "CA", true},
		{"US", "!US", true},
		{"US", "US,CA", false},
		{"CA", "US,DE", true},
		{"US,CA", "US,DE", false},
		{"US,CA", "!US,CA", true},
		{"US,DE", "!US,CA", false},
		{"!US", "!US,CA", false},
		{"US", "guest", true},
		{"!US", "guest", true},
		{"region", "guest", true},
		{"US", "web", false},
		{"US & web", "CA", true},
		{"US|CA", "!US,CA", true},
		{"US|CA", "US,DE", false},
		{"gold", "!gold", true},
		{"gold+", "!gold", true},
		{"g|o", "!gold", false},
		{"gold", "nobody", true},
		{"some", "nobody", true},
		{"!gold", "nobody", false},
		{"<5", ">=5", true},
		{"<=5", ">=5", false},
		{"<5", ">5", true},
		{"=5", "!=5", true},
		{"=5", "4-6", false},
		{"<5 & 3-7", ">5", true},
		{"3-7", "4-6", false},
		{"<5", "=4.9", false},
		{"<5 & !=5", "=4.9", false},
		{">=5", "=4.9", true},
		{">5.0-", "=5", true},
		{">5.0-", ">5", false},
		{">5.0-", "<5.0-", true},
		{"<5.0-", ">5", false},
		{"vip", "!vip", true},
		{"vip", "vip", false},
		{"toy", "!toy", true},
		{"toy", "toy0", false},
		{"toy", "toy", false},
		{"always", "US", false},
		{"always", "US & CA", true},
		{"US & CA", "web", true},
	}
	for _, tt := range tests {
		s := newSchema(t, predicate.Limits{})
		a, b := compile(t, s, condition(tt.a)), compile(t, s, condition(tt.b))
		if got := predicate.Disjoint(a, b); got != tt.want {
			t.Errorf("%s and %s: got %v", tt.a, tt.b, got)
		}
		if got := predicate.Disjoint(b, a); got != tt.want {
			t.Errorf("%s and %s: got %v", tt.b, tt.a, got)
		}
	}
}

func TestUnsatisfiable(t *testing.T) {
	tests := map[string]bool{
		"always": false, "US": false, "US & CA": true, "US & web": false, "US,CA & !US & US,DE": true, "US,CA & !US": false, "US & guest": true,
		"gold & !gold": true, "gold+ & !gold": true, "g|o & !gold": false, "nobody & g|o": true, "some & nobody": true,
		"<5 & >5": true, "<=5 & >=5": false, "<=5 & >=5 & !=5": true, "3-7 & !=5": false, "=5 & >5.0-": true, "vip & !vip": true, "toy & web & !toy": true,
		"US|CA & !US,CA": true,
	}
	for names, want := range tests {
		if got := predicate.Unsatisfiable(compile(t, newSchema(t, predicate.Limits{}), condition(names))); got != want {
			t.Errorf("%s: got %v", names, got)
		}
	}
}

func TestImplies(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"US", "always", true},
		{"always", "US", false},
		{"US", "US,CA", true},
		{"US,CA", "US", false},
		{"US", "!US", false},
		{"CA", "!US", true},
		{"!US,CA", "!US", true},
		{"!US", "!US,CA", false},
		{"!US", "region", true},
		{"region", "!US", false},
		{"guest", "!US", false},
		{"US & web", "web & US", true},
		{"US", "US & web", false},
		{"US & CA", "web", true},
		{"US|CA", "US,CA", true},
		{"US", "US|CA", true},
		{"gold+", "gold", true},
		{"gold", "gold+", false},
		{"gold", "g|o", true},
		{"gold", "some", true},
		{"nobody", "!gold", true},
		{"!gold", "nobody", false},
		{"<5", "<=5", true},
		{"<=5", "<5", false},
		{"=5", "3-7", true},
		{"4-6", "3-7", true},
		{"3-7", "4-6", false},
		{"<5", "!=5", true},
		{"<=5", "!=5", false},
		{">5.0-", ">5", true},
		{">5", ">5.0-", false},
		{"=5", "<5.0-", true},
		{"vip", "vip", true},
		{"vip", "!vip", false},
		{"toy", "toy", true},
		{"toy", "toy0", false},
		{"toy & US", "toy", true},
		{"!toy", "toy", false},
	}
	for _, tt := range tests {
		s := newSchema(t, predicate.Limits{})
		if got := predicate.Implies(compile(t, s, condition(tt.a)), compile(t, s, condition(tt.b))); got != tt.want {
			t.Errorf("%s to %s: got %v", tt.a, tt.b, got)
		}
	}
}

func TestAnalysisOfOtherSchemasAndNil(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	a, b := compile(t, s, condition("US")), compile(t, newSchema(t, predicate.Limits{}), condition("CA"))
	if predicate.Disjoint(a, b) || predicate.Implies(a, b) {
		t.Error("programs of two schemas were compared")
	}
	never := compile(t, s, condition("US & CA"))
	if predicate.Disjoint(nil, a) || !predicate.Disjoint(nil, never) || !predicate.Disjoint(never, nil) || predicate.Implies(nil, a) || !predicate.Implies(a, nil) {
		t.Error("nil is not always true")
	}
}

// What is too large to analyse is not proven, and soon given up.
func TestAnalysisIsBounded(t *testing.T) {
	pair := `{"any":[` + condition("US") + `,` + condition("web") + `]},`
	wide := `{"all":[` + strings.Repeat(pair, 40) + condition("US & CA") + `]}`
	long := `{"all":[` + strings.Repeat(condition("!US")+",", 5000) + condition("US") + `]}`
	s := newSchema(t, predicate.Limits{})
	for _, text := range []string{wide, long} {
		p := compile(t, s, text)
		if predicate.Unsatisfiable(p) || predicate.Disjoint(p, p) || predicate.Implies(p, compile(t, s, condition("<5"))) {
			t.Errorf("%.80s was analysed", text)
		}
	}
}

func TestCanonicalIgnores(t *testing.T) {
	same := [][]string{
		{`{"all":[$A,$B,$C]}`, `{"all":[$C,{"all":[$B,$A]},$A]}`, `{"all":[$A,{"not":{"not":$B}},{"any":[$C,$C]}]}`, `{"not":{"any":[{"not":$A},{"not":{"all":[$B,$C]}}]}}`},
		{`{"all":[$A,$B]}`, `{"any":[{"all":[$A,$B]},{"all":[$B,$A]}]}`, `{"all":[$A,{"any":[{"all":[$A,$B]},{"all":[$B,$A,$B]}]}]}`},
		{condition("US,CA"), `{"field":"region","op":"in","value":["CA","US","CA"]}`, `{"not":{"field":"region","op":"not_in","value":["US","CA"]}}`},
		{condition("US"), `{"field":"region","op":"in","value":["US"]}`, `{"all":[{"field":"region","op":"=","value":"US"}]}`},
		{condition("gold"), `{"field":"segments","op":"all","value":["gold","gold"]}`, `{"not":{"field":"segments","op":"none","value":["gold"]}}`},
		{condition("<5"), `{"not":{"field":"qty","op":">=","value":"5.00"}}`},
		{condition("=5"), `{"field":"qty","op":"between","value":[5,"5.0"]}`},
		{condition("!vip"), `{"field":"vip","op":"=","value":false}`},
	}
	s := newSchema(t, predicate.Limits{})
	seen := map[string]string{}
	for _, class := range same {
		for i, text := range class {
			text = strings.NewReplacer("$A", condition("web"), "$B", condition(">5"), "$C", condition("toy")).Replace(text)
			got := compile(t, s, text).Canonical()
			if other, ok := seen[got]; ok && i == 0 {
				t.Errorf("%s and %s are both %s", text, other, got)
			}
			if _, ok := seen[got]; !ok && i > 0 {
				t.Errorf("%s is %s, not as %s", text, got, class[0])
			}
			seen[got] = text
		}
	}
	for _, a := range []string{"US,DE", "!US", "g|o", "gold+", "!gold", ">=5", ">5.0-", "<5.0-", "toy", "!toy", "region", "guest", "some"} {
		got := compile(t, s, condition(a)).Canonical()
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s are both %s", a, other, got)
		}
		seen[got] = a
	}
}
