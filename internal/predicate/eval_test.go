package predicate_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
)

const (
	no      = predicate.False
	unknown = predicate.Unknown
	yes     = predicate.True
)

// sample is what a table row's condition is asked of: one query that has every
// field, one with other values, and one that has none.
func sample() (with, other, without *query) {
	with = &query{
		Texts:   map[string]string{"region": "US", "attributes.x": ""},
		Numbers: map[string]string{"qty": "10", "weight": "0.0000001"},
		Bools:   map[string]bool{"vip": true},
		Sets:    map[string][]string{"segments": {"gold", "old"}},
	}
	other = &query{
		Texts:   map[string]string{"region": "us", "attributes.x": "y"},
		Numbers: map[string]string{"qty": "9.999999", "weight": "1000000000000000000000"},
		Bools:   map[string]bool{"vip": false},
		Sets:    map[string][]string{"segments": {"silver"}},
	}
	return with, other, &query{}
}

func TestOperators(t *testing.T) {
	tests := map[string]struct{ with, other, without predicate.Verdict }{
		`{"field":"region","op":"=","value":"US"}`:                       {yes, no, unknown},
		`{"field":"region","op":"!=","value":"US"}`:                      {no, yes, unknown},
		`{"field":"region","op":"in","value":["DE","US"]}`:               {yes, no, unknown},
		`{"field":"region","op":"not_in","value":["DE","US"]}`:           {no, yes, unknown},
		`{"field":"region","op":"not_in","value":["US"]}`:                {no, yes, unknown},
		`{"field":"region","op":"exists"}`:                               {yes, yes, no},
		`{"field":"attributes.x","op":"=","value":""}`:                   {yes, no, unknown},
		`{"field":"attributes.x","op":"exists"}`:                         {yes, yes, no},
		`{"field":"segments","op":"any","value":["gold","vip"]}`:         {yes, no, no},
		`{"field":"segments","op":"all","value":["gold","old"]}`:         {yes, no, no},
		`{"field":"segments","op":"all","value":["gold","vip"]}`:         {no, no, no},
		`{"field":"segments","op":"none","value":["gold","vip"]}`:        {no, yes, yes},
		`{"field":"segments","op":"exists"}`:                             {yes, yes, no},
		`{"field":"qty","op":"=","value":"10.000"}`:                      {yes, no, unknown},
		`{"field":"qty","op":"!=","value":"10"}`:                         {no, yes, unknown},
		`{"field":"qty","op":"<","value":"10"}`:                          {no, yes, unknown},
		`{"field":"qty","op":"<=","value":"9.9999995"}`:                  {no, yes, unknown},
		`{"field":"qty","op":">","value":"9.999999"}`:                    {yes, no, unknown},
		`{"field":"qty","op":">=","value":10}`:                           {yes, no, unknown},
		`{"field":"qty","op":"between","value":["10","10"]}`:             {yes, no, unknown},
		`{"field":"qty","op":"between","value":["9.999999","10"]}`:       {yes, yes, unknown},
		`{"field":"qty","op":"exists"}`:                                  {yes, yes, no},
		`{"field":"weight","op":"=","value":"0.0000001"}`:                {yes, no, unknown},
		`{"field":"weight","op":">","value":"0"}`:                        {yes, yes, unknown},
		`{"field":"weight","op":"<","value":"0.000001"}`:                 {yes, no, unknown},
		`{"field":"weight","op":">=","value":"1000000000000000000000"}`:  {no, yes, unknown},
		`{"field":"weight","op":">","value":"1000000000000000000000"}`:   {no, no, unknown},
		`{"field":"vip","op":"=","value":true}`:                          {yes, no, unknown},
		`{"field":"vip","op":"=","value":false}`:                         {no, yes, unknown},
		`{"field":"vip","op":"exists"}`:                                  {yes, yes, no},
		`{"not":{"field":"region","op":"=","value":"US"}}`:               {no, yes, unknown},
		`{"not":{"field":"segments","op":"all","value":["gold","vip"]}}`: {yes, yes, yes},
		`{"not":{"field":"vip","op":"=","value":true}}`:                  {no, yes, unknown},
		`{"not":{"field":"qty","op":">","value":"9.999999"}}`:            {no, yes, unknown},
		`{"not":{"field":"qty","op":"exists"}}`:                          {no, no, yes},
		`{"not":{"not":{"field":"region","op":"=","value":"US"}}}`:       {yes, no, unknown},
		`{}`: {yes, yes, yes},
	}
	s := newSchema(t, predicate.Limits{})
	programs := map[string]*predicate.Program{}
	for text := range tests {
		programs[text] = compile(t, s, text)
	}
	s.Seal()
	v := s.NewValues()
	with, other, without := sample()
	for text, tt := range tests {
		for q, want := range map[*query]predicate.Verdict{with: tt.with, other: tt.other, without: tt.without} {
			fill(v, s, q)
			if got := programs[text].Eval(v); got != want {
				t.Errorf("%s of %+v: got %v, want %v", text, *q, got, want)
			}
		}
	}
}

// Every cell of Kleene's tables for all and any, and not.
func TestKleeneTables(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	all := compile(t, s, `{"all":[{"toy":0},{"toy":1}]}`)
	anyOf := compile(t, s, `{"any":[{"toy":0},{"toy":1}]}`)
	nand := compile(t, s, `{"not":{"all":[{"toy":0},{"toy":1}]}}`)
	nor := compile(t, s, `{"not":{"any":[{"toy":0},{"not":{"not":{"toy":1}}}]}}`)
	s.Seal()
	v := s.NewValues()
	tests := []struct{ a, b, all, any predicate.Verdict }{
		{no, no, no, no},
		{no, unknown, no, unknown},
		{no, yes, no, yes},
		{unknown, unknown, unknown, unknown},
		{unknown, yes, unknown, yes},
		{yes, yes, yes, yes},
	}
	for _, tt := range tests {
		for range 2 {
			fill(v, s, &query{Toys: [toys]predicate.Verdict{tt.a, tt.b}})
			got := [...]predicate.Verdict{all.Eval(v), anyOf.Eval(v), nand.Eval(v), nor.Eval(v)}
			if want := [...]predicate.Verdict{tt.all, tt.any, yes - tt.all, yes - tt.any}; got != want {
				t.Errorf("%v, %v: got %v, want %v", tt.a, tt.b, got, want)
			}
			tt.a, tt.b = tt.b, tt.a
		}
	}
}

func TestNilProgramIsAlwaysTrue(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	always := compile(t, s, `{}`)
	s.Seal()
	for _, p := range []*predicate.Program{nil, always} {
		if p.Eval(s.NewValues()) != yes || p.Leaves() != 0 || p.Required() != nil || p.Canonical() != "" || predicate.Unsatisfiable(p) {
			t.Errorf("%+v", p)
		}
		if r := p.Why(s.NewValues()); !cmp.Equal(r, predicate.Reason{}) {
			t.Errorf("a reason: %+v", r)
		}
	}
}

func TestCheapLeavesAreAskedFirst(t *testing.T) {
	tests := map[string]string{
		"all":  `{"all":[{"toy":0},{"field":"region","op":"!=","value":"US"},{"field":"region","op":"=","value":"DE"}]}`,
		"any":  `{"any":[{"toy":0},{"field":"region","op":"=","value":"DE"},{"field":"region","op":"!=","value":"DE"}]}`,
		"deep": `{"all":[{"any":[{"toy":0},{"toy":1}]},{"not":{"any":[{"toy":1},{"field":"region","op":"!=","value":"DE"}]}}]}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSchema(t, predicate.Limits{})
			p := compile(t, s, text)
			s.Seal()
			v := s.NewValues()
			v.SetText(0, "US")
			v.SetExtern(0, func(int) predicate.Verdict { t.Error("the extern was asked"); return yes })
			p.Eval(v)
		})
	}
}

func TestWhy(t *testing.T) {
	const all = `{"all":[{"field":"qty","op":">=","value":"5"},{"field":"region","op":"=","value":"US"},{"any":[{"field":"segments","op":"any","value":["vip"]},{"field":"vip","op":"=","value":true}]}]}`
	tests := map[string]struct {
		json string
		q    query
		want string // verdict path leaf got
	}{
		"first false":          {all, query{Texts: map[string]string{"region": "a b"}}, `false all[1] region = "US" got a b`},
		"unknown":              {all, query{Texts: map[string]string{"region": "US"}, Bools: map[string]bool{"vip": true}}, `unknown all[0] qty >= "5" unknown`},
		"false before unknown": {all, query{Texts: map[string]string{"region": "US"}, Bools: map[string]bool{"vip": false}}, `false all[2].any[0] segments any ["vip"] got []`},
		"number":               {all, query{Numbers: map[string]string{"qty": "4.50"}}, `false all[0] qty >= "5" got 4.5`},
		"long number":          {all, query{Numbers: map[string]string{"qty": "-4.12345670"}}, `false all[0] qty >= "5" got -4.1234567`},
		"set":                  {`{"field":"segments","op":"all","value":["a"]}`, query{Sets: map[string][]string{"segments": {"b", "\"c\""}}}, `false  segments all ["a"] got ["b","\"c\""]`},
		"not":                  {`{"not":{"any":[{"field":"vip","op":"=","value":false},{"field":"region","op":"=","value":"US"}]}}`, query{Texts: map[string]string{"region": "US"}}, `false not.any[1] region = "US" got US, not`},
		"not unknown":          {`{"not":{"field":"vip","op":"=","value":false}}`, query{}, `unknown not vip = false unknown, not`},
		"exists":               {`{"field":"region","op":"exists"}`, query{}, `false  region exists unknown`},
		"extern":               {`{"not":{"all":[{"not":{"toy":1}},{"toy":0}]}}`, query{Toys: [toys]predicate.Verdict{yes, no}}, `false not.all[0].not toy 1 got false`},
		"not extern":           {`{"not":{"toy":0}}`, query{Toys: [toys]predicate.Verdict{yes}}, `false not toy 0 got true, not`},
		"extern unknown":       {`{"toy":0}`, query{Toys: [toys]predicate.Verdict{unknown}}, `unknown  toy 0 unknown`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSchema(t, predicate.Limits{})
			p := compile(t, s, tt.json)
			s.Seal()
			v := s.NewValues()
			fill(v, s, &tt.q)
			if diff := cmp.Diff(tt.want, line(p.Why(v))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func line(r predicate.Reason) string {
	what := r.Leaf.String()
	if r.Extern != "" {
		what = r.Extern + " " + strconv.Itoa(r.Index)
	}
	words := []string{r.Verdict.String(), r.Path, what, "got " + r.Got}
	if !r.Known {
		words[3] = r.Got
	}
	if r.Not {
		words[3] += ", not"
	}
	return strings.Join(words, " ")
}

func TestRequired(t *testing.T) {
	tests := map[string]struct {
		json string
		want string
	}{
		"text":             {`{"field":"region","op":"=","value":"US"}`, `region=US`},
		"list of one":      {`{"field":"region","op":"in","value":["US","US"]}`, `region=US`},
		"list of two":      {`{"field":"region","op":"in","value":["US","CA"]}`, ``},
		"negation":         {`{"field":"region","op":"!=","value":"US"}`, ``},
		"not of negation":  {`{"not":{"field":"region","op":"not_in","value":["US"]}}`, `region=US`},
		"any member":       {`{"field":"segments","op":"any","value":["a"]}`, `segments=a`},
		"any of two":       {`{"field":"segments","op":"any","value":["a","b"]}`, ``},
		"all members":      {`{"field":"segments","op":"all","value":["b","a"]}`, `segments=b segments=a`},
		"no members":       {`{"field":"segments","op":"none","value":["a"]}`, ``},
		"number":           {`{"field":"qty","op":"=","value":"1"}`, ``},
		"exists":           {`{"field":"region","op":"exists"}`, ``},
		"all is the union": {`{"all":[{"field":"segments","op":"any","value":["a"]},{"field":"region","op":"=","value":"US"},{"field":"region","op":"=","value":"US"}]}`, `region=US segments=a`},
		"any in common":    {`{"any":[{"all":[{"field":"region","op":"=","value":"US"},{"field":"channel","op":"=","value":"web"}]},{"all":[{"toy":1},{"field":"region","op":"=","value":"US"}]}]}`, `region=US`},
		"nothing common":   {`{"any":[{"field":"region","op":"=","value":"US"},{"field":"channel","op":"=","value":"web"}]}`, ``},
		"not any":          {`{"not":{"any":[{"field":"region","op":"!=","value":"US"},{"field":"qty","op":"<","value":"1"}]}}`, `region=US`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSchema(t, predicate.Limits{})
			var got []string
			for _, k := range compile(t, s, tt.json).Required() {
				got = append(got, k.Field+"="+k.Value)
				if number, _ := s.Lookup(k.Field); k.Number != number || k.Symbol != s.Symbol(number, k.Value) || k.Symbol == 0 {
					t.Errorf("%+v does not name its field and value", k)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestValuesMisuseIsAPanic(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	p := compile(t, s, `{"field":"region","op":"=","value":"US"}`)
	panics := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		f()
	}
	panics("not sealed", func() { s.NewValues() })
	s.Seal()
	v := s.NewValues()
	panics("text for number", func() { v.SetText(2, "1") })
	panics("number for text", func() { v.SetNumber(0, predicate.Num{}) })
	panics("bool for text", func() { v.SetBool(0, true) })
	panics("members for text", func() { v.SetMembers(0, nil) })
	panics("family", func() { v.SetText(7, "x") })
	panics("symbol of a set", func() { v.Symbol(5) })
	panics("members of a text", func() { v.Members(0) })
	other := newSchema(t, predicate.Limits{})
	other.Seal()
	panics("another schema", func() { p.Eval(other.NewValues()) })
	panics("another schema, explained", func() { p.Why(other.NewValues()) })
}

func TestValuesAreReplacedAndReset(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	p := compile(t, s, `{"all":[{"field":"wide","op":"all","value":["a","b"]},{"field":"qty","op":"=","value":"0.0000001"}]}`)
	s.Seal()
	v := s.NewValues()
	set := func(members []string, n string) {
		v.SetMembers(6, members)
		v.SetNumber(2, predicate.NumFromDecimal(decimal.RequireFromString(n)))
	}
	set([]string{"a"}, "0.0000002")
	set([]string{"b", "a"}, "0.0000001")
	if got := p.Eval(v); got != yes {
		t.Errorf("replaced: %v", got)
	}
	set(nil, "1")
	if got := p.Eval(v); got != no {
		t.Errorf("replaced by nothing: %v", got)
	}
	v.Reset()
	v.SetMembers(6, []string{"a", "b"})
	if got := p.Eval(v); got != unknown {
		t.Errorf("reset: %v", got)
	}
}

func TestSetCanBeUnknown(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	programs := []*predicate.Program{
		compile(t, s, `{"field":"wide","op":"any","value":["a"]}`),
		compile(t, s, `{"not":{"field":"wide","op":"any","value":["a"]}}`),
		compile(t, s, `{"field":"wide","op":"none","value":["a"]}`),
	}
	s.Seal()
	v := s.NewValues()
	v.SetUnknown(6)
	for i, p := range programs {
		if got := p.Eval(v); got != unknown {
			t.Errorf("condition %d: %v", i, got)
		}
	}
	v.Reset()
	if got := programs[2].Eval(v); got != yes {
		t.Errorf("reset: %v", got)
	}
}

func TestEvalAndFillDoNotAllocate(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	p := compile(t, s, `{"all":[{"field":"region","op":"=","value":"US"},{"field":"qty","op":">=","value":"10"},{"field":"segments","op":"any","value":["gold","vip"]},
		{"field":"attributes.x","op":"in","value":["1","2","3","4","5","6","7","8","9"]},{"field":"weight","op":"<","value":"0.0000003"},{"field":"vip","op":"=","value":true},{"toy":1},
		{"not":{"field":"channel","op":"=","value":"web"}}]}`)
	s.Seal()
	v := s.NewValues()
	weight, qty, segments := predicate.NumFromDecimal(decimal.RequireFromString("0.0000001")), decimal.RequireFromString("12.5"), []string{"new", "gold"}
	v.SetExtern(0, func(int) predicate.Verdict { return yes })
	run := func() {
		v.Reset()
		v.SetText(0, "US")
		v.SetNumber(2, predicate.NumFromDecimal(qty))
		v.SetNumber(3, weight)
		v.SetBool(4, true)
		v.SetMembers(5, segments)
		if x, ok := s.Member(7, "x"); ok {
			v.SetText(x, "9")
		}
		if p.Eval(v) != unknown { // two runs: the channel is absent
			t.Error("not unknown")
		}
	}
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSealedSchemaServesManyGoroutines(t *testing.T) {
	s := newSchema(t, predicate.Limits{})
	programs := []*predicate.Program{
		compile(t, s, `{"any":[{"field":"attributes.x","op":"=","value":"a"},{"field":"wide","op":"none","value":["b","c"]}]}`),
		compile(t, s, `{"all":[{"field":"attributes.x","op":"!=","value":"b"},{"field":"qty","op":"<","value":"5"}]}`),
	}
	s.Seal()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			v := s.NewValues()
			for k := range 200 {
				q := query{Texts: map[string]string{"attributes.x": string(rune('a' + (i+k)%3))}, Numbers: map[string]string{"qty": "4"}, Sets: map[string][]string{"wide": {"b"}}}
				fill(v, s, &q)
				for _, p := range programs {
					if p.Eval(v) != yes {
						p.Why(v)
					}
					p.Required()
					p.Canonical()
					predicate.Implies(p, programs[0])
				}
			}
		})
	}
	wg.Wait()
}
