package predicate_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/internal/predicate"
)

func TestCompileNamesEveryViolation(t *testing.T) {
	const number = `want a decimal number such as "12.5", of at most 64 characters`
	const fields = `, want one of region, channel, qty, weight, vip, segments, wide, attributes.*, numbers.*`
	tests := map[string]struct {
		json string
		want []string
	}{
		"unknown field":      {`{"field":"nobody","op":"=","value":"x"}`, []string{`field: unknown field "nobody"` + fields}},
		"family alone":       {`{"field":"attributes.","op":"=","value":"x"}`, []string{`field: unknown field "attributes."` + fields}},
		"text with <":        {`{"field":"region","op":"<","value":"x"}`, []string{`op: operator < is not for the text field region: want =, !=, in, not_in or exists`}},
		"text with any":      {`{"field":"attributes.x","op":"any","value":["x"]}`, []string{`op: operator any is not for the text field attributes.x: want =, !=, in, not_in or exists`}},
		"set with =":         {`{"field":"segments","op":"=","value":"x"}`, []string{`op: operator = is not for the set field segments: want any, all, none or exists`}},
		"number with in":     {`{"field":"qty","op":"in","value":["1"]}`, []string{`op: operator in is not for the number field qty: want =, !=, <, <=, >, >=, between or exists`}},
		"bool with !=":       {`{"field":"vip","op":"!=","value":true}`, []string{`op: operator != is not for the bool field vip: want = or exists`}},
		"low above high":     {`{"field":"qty","op":"between","value":["10","9.99"]}`, []string{`value: low 10 is above high 9.99`}},
		"barely above":       {`{"field":"qty","op":"between","value":["1.00000002","1.00000001"]}`, []string{`value: low 1.00000002 is above high 1.00000001`}},
		"exponent":           {`{"field":"qty","op":"=","value":"1e9"}`, []string{`value: ` + number}},
		"not a number":       {`{"field":"qty","op":"between","value":["NaN","+1"]}`, []string{`value[0]: ` + number, `value[1]: ` + number}},
		"long number":        {`{"field":"qty","op":"=","value":"` + strings.Repeat("1", 65) + `"}`, []string{`value: ` + number}},
		"text as number":     {`{"field":"region","op":"in","value":["x",5]}`, []string{`value[1]: want a string`}},
		"text as bool":       {`{"field":"region","op":"=","value":true}`, []string{`value: want a string`}},
		"set as integer":     {`{"field":"segments","op":"any","value":[1]}`, []string{`value[0]: want a string`}},
		"bool as text":       {`{"field":"vip","op":"=","value":"true"}`, []string{`value: want true or false`}},
		"bool as number":     {`{"field":"qty","op":"=","value":true}`, []string{`value: ` + number}},
		"field and operator": {`{"field":"nobody","op":"between","value":["2","1"]}`, []string{`field: unknown field "nobody"` + fields}},
		"bad toy":            {`{"not":{"toy":7}}`, []string{`not.toy.number: not a toy`}},
		"all at once": {
			`{"any":[{"field":"nobody","op":"exists"},{"all":[{"field":"qty","op":"=","value":"x"},{"toy":[]}]},{"not":{"field":"region","op":">","value":"1"}}]}`,
			[]string{
				`any[0].field: unknown field "nobody"` + fields, `any[1].all[0].value: ` + number, `any[1].all[1].toy.number: not a toy`,
				`any[2].not.op: operator > is not for the text field region: want =, !=, in, not_in or exists`,
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSchema(t, predicate.Limits{})
			p, err := s.Compile(parse(t, tt.json))
			if diff := cmp.Diff(tt.want, texts(err)); diff != "" || p != nil {
				t.Errorf("program %v, problems (-want +got):\n%s", p, diff)
			}
		})
	}
}

// What Parse cannot read may still be built in Go.
func TestCompileRefusesMalformedNodes(t *testing.T) {
	leaf := func(field string, op predicate.Op, values ...string) predicate.Node {
		l := &predicate.Leaf{Field: field, Op: op}
		for _, v := range values {
			l.Values = append(l.Values, predicate.Value{Text: v})
		}
		return predicate.Node{Leaf: l}
	}
	both := leaf("region", predicate.Exists)
	both.All = []predicate.Node{leaf("region", predicate.Exists)}
	const form = "want one of all, any, not, or field with op and value"
	tests := map[string]struct {
		node predicate.Node
		want string
	}{
		"two forms":      {both, "several conditions in one: " + form},
		"empty all":      {predicate.Node{All: []predicate.Node{}}, "all: want at least one condition"},
		"empty any":      {predicate.Node{Any: []predicate.Node{}}, "any: want at least one condition"},
		"empty part":     {predicate.Node{All: []predicate.Node{{}}}, "all[0]: empty condition: " + form},
		"empty not":      {predicate.Node{Not: &predicate.Node{}}, "not: empty condition: " + form},
		"no operator":    {leaf("region", "", "x"), `op: unknown operator ""`},
		"no value":       {leaf("region", predicate.Eq), "value: = takes one value"},
		"two values":     {leaf("region", predicate.Eq, "x", "y"), "value: = takes one value"},
		"no list":        {leaf("region", predicate.In), "value: in takes a list of at least one value"},
		"one bound":      {leaf("qty", predicate.Between, "1"), "value: between takes a list of two values, low and high"},
		"exists what":    {leaf("qty", predicate.Exists, "1"), "value: exists takes no value"},
		"bool of text":   {predicate.Node{Leaf: &predicate.Leaf{Field: "vip", Op: predicate.Eq, Values: []predicate.Value{{Text: "yes", Form: predicate.Boolean}}}}, "value: want true or false"},
		"not UTF-8":      {leaf("region", predicate.Eq, "\xff"), "value: text is not valid UTF-8"},
		"unknown extern": {predicate.Node{Extern: &predicate.Raw{Key: "lines", JSON: json.RawMessage(`1`)}}, `lines: unknown condition "lines"`},
		"extern of no JSON": {
			predicate.Node{Extern: &predicate.Raw{Key: "toy"}}, "toy: unexpected end of JSON input",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newSchema(t, predicate.Limits{}).Compile(tt.node)
			if diff := cmp.Diff([]string{tt.want}, texts(err)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCompileHoldsLimits(t *testing.T) {
	const leaf = `{"field":"region","op":"in","value":["a","b"]}`
	all := func(n int) string { return `{"all":[` + strings.Repeat(leaf+",", n-1) + leaf + `]}` }
	not := func(n int) string { return strings.Repeat(`{"not":`, n) + leaf + strings.Repeat(`}`, n) }
	tests := map[string]struct {
		limits predicate.Limits
		json   string
		want   []string
	}{
		"nodes":            {predicate.Limits{Nodes: 4}, all(3), nil},
		"nodes over":       {predicate.Limits{Nodes: 4}, all(4), []string{"more than 4 nodes"}},
		"leaves":           {predicate.Limits{Leaves: 3}, all(3), nil},
		"leaves over":      {predicate.Limits{Leaves: 3}, all(4), []string{"more than 3 leaves"}},
		"externs are some": {predicate.Limits{Leaves: 1}, `{"any":[{"toy":1},{"toy":0}]}`, []string{"more than 1 leaves"}},
		"depth":            {predicate.Limits{Depth: 4}, not(3), nil},
		"depth over":       {predicate.Limits{Depth: 4}, not(4), []string{"not.not.not.not: deeper than 4"}},
		"depth of a leaf":  {predicate.Limits{Depth: 1}, leaf, nil},
		"values":           {predicate.Limits{Values: 6}, all(3), nil},
		"values over":      {predicate.Limits{Values: 5}, all(3), []string{"more than 5 values"}},
		"no limit":         {predicate.Limits{}, all(3000), nil},
		"always":           {predicate.Limits{Nodes: 1}, `{}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := newSchema(t, tt.limits).Compile(parse(t, tt.json))
			if diff := cmp.Diff(tt.want, texts(err)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, p := range predicate.Problems(err) {
				if !p.Limit {
					t.Errorf("%v is not marked as a limit", p)
				}
			}
		})
	}
}

func TestCompileBoundsHostileTrees(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	leaf := predicate.Node{Leaf: &predicate.Leaf{Field: "nobody", Op: predicate.Exists}}
	deep := leaf
	for range 1_000_000 {
		n := deep
		deep = predicate.Node{Not: &n}
	}
	if got := texts(second(s.Compile(deep))); len(got) != 1 || !strings.HasSuffix(got[0], "deeper than 512") {
		t.Errorf("deep: %.100s", got)
	}
	wide := predicate.Node{All: make([]predicate.Node, 1_000_000)}
	for i := range wide.All {
		wide.All[i] = leaf
	}
	if got := texts(second(s.Compile(wide))); len(got) != 101 {
		t.Errorf("wide: %d problems", len(got))
	}
}

func second(_ *predicate.Program, err error) error { return err }

func TestBadConditionChangesNothing(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	fields := s.Len()
	bad := parse(t, `{"all":[{"field":"attributes.new","op":"=","value":"x"},{"field":"region","op":"=","value":"x"},{"field":"nobody","op":"exists"}]}`)
	if _, err := s.Compile(bad); err == nil {
		t.Fatal("compiled")
	}
	if _, ok := s.Lookup("attributes.new"); ok || s.Len() != fields || s.Symbol(0, "x") != 0 {
		t.Errorf("the schema has %d fields, and symbol %d", s.Len(), s.Symbol(0, "x"))
	}
}

func TestCompileAfterSealIsRefused(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	s.Seal()
	s.Seal()
	if _, err := s.Compile(predicate.Node{}); !errors.Is(err, predicate.ErrSealed) {
		t.Errorf("got %v", err)
	}
}

func TestNewSchemaNamesEveryFault(t *testing.T) {
	ok := func(json.RawMessage) (int, error) { return 0, nil }
	_, err := predicate.NewSchema([]predicate.Field{
		{Name: "a", Kind: predicate.Text},
		{Kind: predicate.Text},
		{Name: "b"},
		{Name: "c", Kind: predicate.Set + 1},
		{Name: "a", Kind: predicate.Bool},
		{Name: "x.", Kind: predicate.Text, Prefix: true},
		{Name: "x.y", Kind: predicate.Text},
		{Name: "x.z.", Kind: predicate.Number, Prefix: true},
		{Name: "x.", Kind: predicate.Number, Prefix: true},
	}, []predicate.Extern{{Key: "lines", Compile: ok}, {Compile: ok}, {Key: "all", Compile: ok}, {Key: "other"}, {Key: "lines", Compile: ok}}, predicate.Limits{Depth: -1})
	want := []string{
		`predicate: schema: field 1 has no name`,
		`predicate: schema: field "b" has no kind`,
		`predicate: schema: field "c" has no kind`,
		`predicate: schema: field "a" collides with "a"`,
		`predicate: schema: field "x.y" collides with "x."`,
		`predicate: schema: field "x.z." collides with "x."`,
		`predicate: schema: field "x." collides with "x."`,
		`predicate: schema: "" cannot be the key of an extern`,
		`predicate: schema: "all" cannot be the key of an extern`,
		`predicate: schema: extern "other" has no function`,
		`predicate: schema: two externs have the key "lines"`,
		`predicate: schema: negative limit`,
	}
	if diff := cmp.Diff(want, texts(err)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExternTextIsCompiledOnce(t *testing.T) {
	calls := 0
	lines := predicate.Extern{Key: "lines", Compile: func(json.RawMessage) (int, error) { calls++; return calls, nil }}
	s, err := predicate.NewSchema(nil, []predicate.Extern{lines}, predicate.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var programs []*predicate.Program
	for _, raw := range []string{`{"a":1}`, ` { "a" : 1 } `, `{"a":2}`} {
		p, err := s.Compile(predicate.Node{Extern: &predicate.Raw{Key: "lines", JSON: json.RawMessage(raw)}})
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, p)
	}
	if calls != 2 || programs[0].Canonical() != programs[1].Canonical() || programs[0].Canonical() == programs[2].Canonical() {
		t.Errorf("%d calls, %q, %q, %q", calls, programs[0].Canonical(), programs[1].Canonical(), programs[2].Canonical())
	}
	s.Seal()
	v := s.NewValues()
	if got := programs[2].Eval(v); got != predicate.Unknown {
		t.Errorf("without a function: %v", got)
	}
	v.SetExtern(0, func(index int) predicate.Verdict {
		if index == 2 {
			return predicate.True
		}
		return predicate.False
	})
	v.Reset()
	if got := [...]predicate.Verdict{programs[0].Eval(v), programs[2].Eval(v)}; got != [...]predicate.Verdict{predicate.False, predicate.True} {
		t.Errorf("got %v", got)
	}
	if r := programs[0].Why(v); r.Extern != "lines" || r.Index != 1 || r.Got != "false" || !r.Known {
		t.Errorf("got %+v", r)
	}
}

// Symbols and members are numbered as conditions name them, one table for all.
func TestSchemaSharesSymbols(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	var programs []*predicate.Program
	for i := range 200 {
		programs = append(programs, compile(t, s, `{"all":[{"field":"attributes.x","op":"=","value":"v`+strconv.Itoa(i%100)+`"},{"field":"wide","op":"any","value":["w`+strconv.Itoa(i)+`"]}]}`))
	}
	family := 7
	member, ok := s.Member(family, "x")
	if byName, _ := s.Lookup("attributes.x"); !ok || member != byName || s.Field(member) != (predicate.Field{Name: "attributes.x", Kind: predicate.Text}) {
		t.Fatalf("member is %d (%v), %+v", member, ok, s.Field(member))
	}
	if _, ok := s.Member(family, "y"); ok {
		t.Error("a member that no condition names is there")
	}
	if _, ok := s.Member(0, "x"); ok {
		t.Error("a field that is no family has members")
	}
	if a, b := s.Symbol(member, "v99"), s.Symbol(member, "v100"); a != 100 || b != 0 {
		t.Errorf("symbols %d, %d", a, b)
	}
	s.Seal()
	v := s.NewValues()
	v.SetText(member, "v42")
	v.SetMembers(6, []string{"w142", "never named", "w42", "w7", "w142"})
	for i, p := range programs {
		if got := p.Eval(v) == predicate.True; got != (i == 42 || i == 142) {
			t.Errorf("program %d: %v", i, got)
		}
	}
	if sym, known := v.Symbol(member); sym != 43 || !known {
		t.Errorf("symbol %d, %v", sym, known)
	}
	if diff := cmp.Diff([]predicate.Symbol{8, 43, 143}, v.Members(6)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// A set of which some values have a bit and some have none is one set.
func TestSetsOverSixtyFourMembers(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	for i := range 64 {
		compile(t, s, `{"field":"wide","op":"any","value":["w`+strconv.Itoa(i)+`"]}`)
	}
	anyOf := compile(t, s, `{"field":"wide","op":"any","value":["w63","w64"]}`)
	all := compile(t, s, `{"field":"wide","op":"all","value":["w63","w64","w65"]}`)
	none := compile(t, s, `{"field":"wide","op":"none","value":["w63","w64"]}`)
	if got := len(all.Required()); got != 3 {
		t.Errorf("%d members of three are required", got)
	}
	s.Seal()
	v := s.NewValues()
	tests := map[string][3]predicate.Verdict{ // any, all, none
		"": {no, no, yes}, "w1 w65": {no, no, yes}, "w63": {yes, no, no}, "w64": {yes, no, no}, "w64 w65": {yes, no, no},
		"w63 w64": {yes, no, no}, "w65 w63 w64": {yes, yes, no}, "w63 w65 w99": {yes, no, no},
	}
	for members, want := range tests {
		v.SetMembers(6, strings.Fields(members))
		if got := [3]predicate.Verdict{anyOf.Eval(v), all.Eval(v), none.Eval(v)}; got != want {
			t.Errorf("%s: got %v, want %v", members, got, want)
		}
	}
}
