package predicate_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/predicate"
)

// texts are the problems joined in an error, as lines.
func texts(err error) []string {
	var lines []string
	for _, p := range predicate.Problems(err) {
		lines = append(lines, p.Error())
	}
	return lines
}

func TestParse(t *testing.T) {
	leaf := func(field string, op predicate.Op, values ...predicate.Value) predicate.Node {
		return predicate.Node{Leaf: &predicate.Leaf{Field: field, Op: op, Values: values}}
	}
	text := func(s string) predicate.Value { return predicate.Value{Text: s} }
	not := leaf("a", predicate.Exists)
	tests := map[string]struct {
		json string
		want predicate.Node
	}{
		"absent is always":         {``, predicate.Node{}},
		"space is always":          {" \n", predicate.Node{}},
		"null is always":           {`null`, predicate.Node{}},
		"empty is always":          {`{}`, predicate.Node{}},
		"text":                     {`{"field":"a","op":"=","value":"x"}`, leaf("a", predicate.Eq, text("x"))},
		"keys in any order":        {`{"value":"x","op":"=","field":"a"}`, leaf("a", predicate.Eq, text("x"))},
		"escapes":                  {`{"field":"a","op":"\u003d","value":"\u00e4\n"}`, leaf("a", predicate.Eq, text("ä\n"))},
		"list":                     {`{"field":"a","op":"in","value":["x","y"]}`, leaf("a", predicate.In, text("x"), text("y"))},
		"numbers keep their texts": {`{"field":"a","op":"between","value":["01.50","2"]}`, leaf("a", predicate.Between, text("01.50"), text("2"))},
		"integer":                  {`{"field":"a","op":">","value":-5}`, leaf("a", predicate.Gt, predicate.Value{Text: "-5", Form: predicate.Integer})},
		"bool":                     {`{"field":"a","op":"=","value":true}`, leaf("a", predicate.Eq, predicate.Value{Text: "true", Form: predicate.Boolean})},
		"no value":                 {`{"field":"a","op":"exists"}`, leaf("a", predicate.Exists)},
		"not":                      {`{"not":{"field":"a","op":"exists"}}`, predicate.Node{Not: &not}},
		"all, any": {
			`{"all":[{"any":[{"field":"a","op":"exists"}]},{"field":"a","op":"exists"}]}`,
			predicate.Node{All: []predicate.Node{{Any: []predicate.Node{not}}, not}},
		},
		"extern": {`{"toy": [1, {"a": 1}] }`, predicate.Node{Extern: &predicate.Raw{Key: "toy", JSON: json.RawMessage(`[1, {"a": 1}]`)}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := predicate.Parse(json.RawMessage(tt.json), "toy")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseNamesEveryProblem(t *testing.T) {
	tests := map[string]struct {
		json string
		want []string
	}{
		"malformed":       {`{"all":[`, []string{`malformed JSON: unexpected end of JSON input`}},
		"cut in a value":  {`{"field":"a`, []string{`malformed JSON: unexpected end of JSON input`}},
		"no JSON":         {`all`, []string{`malformed JSON: invalid character 'a' looking for beginning of value`}},
		"two values":      {`{} {}`, []string{`malformed JSON: invalid character '{' after top-level value`}},
		"trailing brace":  {`{}}`, []string{`malformed JSON: invalid character '}' after top-level value`}},
		"not UTF-8":       {"{\"field\":\"\xff\",\"op\":\"exists\"}", []string{`text is not valid UTF-8`}},
		"not an object":   {`["all"]`, []string{`want an object`}},
		"a text":          {`"all"`, []string{`want an object`}},
		"unknown key":     {`{"al":[{"field":1}]}`, []string{`al: unknown key "al"`}},
		"extern unasked":  {`{"lines":{}}`, []string{`lines: unknown key "lines"`}},
		"repeated key":    {`{"field":"a","field":"b","op":"exists"}`, []string{`field: repeated key "field"`}},
		"case matters":    {`{"Field":"a","op":"exists"}`, []string{`Field: unknown key "Field"`}},
		"two forms":       {`{"all":[{"field":"a","op":"exists"}],"field":"a"}`, []string{`several conditions in one: want one of all, any, not, or field with op and value`}},
		"all and any":     {`{"all":[{"field":"a","op":"exists"}],"any":[{"field":"a","op":"exists"}]}`, []string{`several conditions in one: want one of all, any, not, or field with op and value`}},
		"extern and leaf": {`{"toy":1,"op":"="}`, []string{`several conditions in one: want one of all, any, not, or field with op and value`}},
		"empty lists":     {`{"all":[{"any":[]},{"all":[]}]}`, []string{`all[0].any: want at least one condition`, `all[1].all: want at least one condition`}},
		"empty inside":    {`{"not":{}}`, []string{`not: empty condition: want one of all, any, not, or field with op and value`}},
		"null inside":     {`{"all":[null]}`, []string{`all[0]: want an object`}},
		"list wanted":     {`{"all":{"a":[1]}}`, []string{`all: want a list of conditions`}},
		"missing":         {`{"value":"x"}`, []string{`field: missing`, `op: missing`}},
		"no text":         {`{"field":["a"],"op":{"b":"c"}}`, []string{`field: want a string`, `op: want a string`, `op: unknown operator ""`}},
		"unknown op":      {`{"field":"a","op":"~","value":"x"}`, []string{`op: unknown operator "~"`}},
		"value missing":   {`{"field":"a","op":"="}`, []string{`value: = takes one value`}},
		"list for =":      {`{"field":"a","op":"=","value":["x"]}`, []string{`value: = takes one value`}},
		"text for in":     {`{"field":"a","op":"in","value":"x"}`, []string{`value: in takes a list of at least one value`}},
		"empty list":      {`{"field":"a","op":"in","value":[]}`, []string{`value: in takes a list of at least one value`}},
		"three":           {`{"field":"a","op":"between","value":["1","2","3"]}`, []string{`value: between takes a list of two values, low and high`}},
		"exists a value":  {`{"field":"a","op":"exists","value":"x"}`, []string{`value: exists takes no value`}},
		"exists null":     {`{"field":"a","op":"exists","value":null}`, []string{`value: want a string, an integer, true or false`, `value: exists takes no value`}},
		"fraction":        {`{"field":"a","op":"in","value":["x",1.5,1e3]}`, []string{`value[1]: want a plain integer, or a decimal number as a string`, `value[2]: want a plain integer, or a decimal number as a string`}},
		"two externs":     {`{"toy":1,"game":2}`, []string{`game: several conditions in one: want one of all, any, not, or field with op and value`}},
		"repeated extern": {`{"toy":1,"toy":2}`, []string{`toy: repeated key "toy"`}},
		"nested value":    {`{"field":"a","op":"in","value":[["x"],{"y":[1]},"z"]}`, []string{`value[0]: want a string, an integer, true or false`, `value[1]: want a string, an integer, true or false`}},
		"all at once": {
			`{"all":[{"field":"a","op":"~","value":"x"},{"any":[]},{"field":"a","op":"=","value":"x","where":1}]}`,
			[]string{`all[0].op: unknown operator "~"`, `all[1].any: want at least one condition`, `all[2].where: unknown key "where"`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n, err := predicate.Parse(json.RawMessage(tt.json), "toy", "game")
			if diff := cmp.Diff(tt.want, texts(err)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(predicate.Node{}, n); diff != "" {
				t.Errorf("an error came with a condition:\n%s", diff)
			}
		})
	}
}

func TestParseBoundsHostileInput(t *testing.T) {
	nested := func(open, inner, end string, n int) json.RawMessage {
		return json.RawMessage(strings.Repeat(open, n) + inner + strings.Repeat(end, n))
	}
	const leaf = `{"field":"a","op":"exists"}`
	if _, err := predicate.Parse(nested(`{"not":`, leaf, `}`, 511)); err != nil {
		t.Errorf("512 deep: %.200s", err)
	}
	for _, nots := range []int{512, 9000} {
		_, err := predicate.Parse(nested(`{"not":`, leaf, `}`, nots))
		if got := predicate.Problems(err); len(got) != 1 || !got[0].Limit || !strings.HasSuffix(got[0].Error(), "deeper than 512") {
			t.Errorf("%d nots: %.200s", nots, texts(err))
		}
	}
	for name, raw := range map[string]json.RawMessage{
		"objects": nested(`{"not":`, leaf, `}`, 1_000_000), "open objects": nested(`{"not":`, "", "", 1_000_000), "lists": nested(`[`, "", `]`, 1_000_000),
	} {
		if _, err := predicate.Parse(raw); len(predicate.Problems(err)) != 1 || len(err.Error()) > 100 {
			t.Errorf("%s: %.200s", name, texts(err))
		}
	}
	many := `{"all":[` + strings.Repeat(`0,`, 100_000) + `0]}`
	_, err := predicate.Parse(json.RawMessage(many))
	if got := texts(err); len(got) != 101 || got[100] != "more problems than these are not listed" {
		t.Errorf("got %d problems, the last %q", len(got), got[len(got)-1])
	}
}

func TestAppendJSONIsOneForm(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	tests := map[string]struct{ json, written, canonical string }{
		"always":    {`{}`, `{}`, `{}`},
		"key order": {`{ "value" : "x" , "op" : "=" , "field" : "region" }`, `{"field":"region","op":"=","value":"x"}`, ``},
		"numbers": {
			`{"field":"qty","op":"between","value":["-01.50",7]}`,
			`{"field":"qty","op":"between","value":["-01.50",7]}`, `{"field":"qty","op":"between","value":["-1.5","7"]}`,
		},
		"equal numbers":  {`{"field":"numbers.n","op":"=","value":"-0.00"}`, `{"field":"numbers.n","op":"=","value":"-0.00"}`, `{"field":"numbers.n","op":"=","value":"0"}`},
		"long number":    {`{"field":"qty","op":"<","value":"10000000000000000000.10"}`, `{"field":"qty","op":"<","value":"10000000000000000000.10"}`, `{"field":"qty","op":"<","value":"10000000000000000000.1"}`},
		"text of digits": {`{"field":"region","op":"=","value":"1.50"}`, `{"field":"region","op":"=","value":"1.50"}`, ``},
		"bool":           {`{"field":"vip","op":"=","value":false}`, `{"field":"vip","op":"=","value":false}`, ``},
		"unknown field":  {`{"field":"nobody","op":">","value":"1.50"}`, `{"field":"nobody","op":">","value":"1.50"}`, ``},
		"nothing is escaped but what must be": {
			`{"not":{"any":[{"field":"region","op":"<=","value":"<a&b>\"\\\u0001ä"},{"field":"qty","op":"exists"}]}}`,
			`{"not":{"any":[{"field":"region","op":"<=","value":"<a&b>\"\\\u0001ä"},{"field":"qty","op":"exists"}]}}`, ``,
		},
		"extern": {`{"toy":{ "a" : 1 }}`, `{"toy":{"a":1}}`, ``},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := parse(t, tt.json)
			if diff := cmp.Diff(tt.written, string(n.AppendJSON(nil))); diff != "" {
				t.Errorf("as written (-want +got):\n%s", diff)
			}
			if tt.canonical == "" {
				tt.canonical = tt.written
			}
			if diff := cmp.Diff("x"+tt.canonical, string(s.AppendJSON([]byte("x"), n))); diff != "" {
				t.Errorf("canonical (-want +got):\n%s", diff)
			}
		})
	}
	raw, err := json.Marshal(parse(t, `{"field":"qty","op":"<","value":"1"}`))
	if want := `{"field":"qty","op":"\u003c","value":"1"}`; err != nil || string(raw) != want {
		t.Errorf("json.Marshal: got %s (%v), want %s", raw, err, want)
	}
	if _, err := json.Marshal(predicate.Node{Extern: &predicate.Raw{Key: "toy", JSON: json.RawMessage(`{`)}}); err == nil {
		t.Error("an extern that is not JSON is marshalled")
	}
}

func TestProblemsCanBeMoved(t *testing.T) {
	_, err := predicate.Parse(json.RawMessage(`{"all":[{"any":[]},{"not":{}}]}`))
	var got []string
	for _, p := range predicate.Problems(err) {
		got = append(got, p.Under("rules[3].when").Error())
	}
	want := []string{
		"rules[3].when.all[0].any: want at least one condition",
		"rules[3].when.all[1].not: empty condition: want one of all, any, not, or field with op and value",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if p := (&predicate.Problem{Text: "wrong"}).Under("when"); p.Error() != "when: wrong" {
		t.Errorf("got %q", p)
	}
	if got := predicate.Problems(nil); got != nil {
		t.Errorf("problems of no error: %v", got)
	}
	if got := texts(errors.New("else")); len(got) != 1 || got[0] != "else" {
		t.Errorf("another error became %v", got)
	}
}

// FuzzParse looks for input that crashes or hangs, and for conditions that are
// lost or changed on the way through Parse, AppendJSON and Compile.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"toy":1}`, `{"all":[{"field":"region","op":"=","value":"x"},{"not":{"field":"qty","op":"between","value":["1","2.50"]}}]}`,
		`{"any":[{"field":"vip","op":"=","value":true},{"field":"segments","op":"all","value":["a","b"]},{"field":"attributes.x","op":"exists"}]}`,
		`{"field":"qty","op":"<","value":-123456789012345678901234567890}`, `{"all":[[[`, `{"field":"a","field":"b"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := predicate.Parse(raw, "toy")
		if err != nil {
			if len(predicate.Problems(err)) == 0 {
				t.Fatal("an error without a problem")
			}
			return
		}
		text := n.AppendJSON(nil)
		back, err := predicate.Parse(text, "toy")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again := back.AppendJSON(nil); string(again) != string(text) {
			t.Fatalf("%s became %s", text, again)
		}
		s := newSchema(t, predicate.Limits{Nodes: 256, Leaves: 64, Depth: 16, Values: 1000})
		p, err := s.Compile(n)
		if err != nil {
			return
		}
		s.Seal()
		v := s.NewValues()
		if verdict := p.Eval(v); (verdict == predicate.True) != cmp.Equal(p.Why(v), predicate.Reason{}) {
			t.Fatalf("%s is %v, because of %+v", text, verdict, p.Why(v))
		}
		if predicate.Disjoint(p, p) && !predicate.Unsatisfiable(p) {
			t.Fatalf("%s is disjoint from itself, and satisfiable", text)
		}
	})
}
