package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/strictjson"
)

// A bill has a field of every type that a decoder reads.
type bill struct {
	Name  string
	Kind  int
	Paid  bool
	Pages int64
	Seq   uint64
	Total decimal.Decimal
	Due   time.Time
	Lines []line
	Tags  []string
	Notes map[string]string
	After int // of the total, which is read late
}

type line struct{ SKU, Price string }

// readBill reads a bill with the methods of a decoder, the total last.
func readBill(data string) (bill, []strictjson.Problem, int) {
	d := strictjson.NewDecoder([]byte(data), strictjson.Limits{Depth: 6, Problems: 20})
	var b bill
	var late []strictjson.Mark
	d.Object(func(key string) bool {
		switch key {
		case "name":
			b.Name, _ = d.Text()
		case "kind":
			b.Kind, _ = d.Names("small", "large")
		case "paid":
			b.Paid, _ = d.Bool()
		case "pages":
			b.Pages, _ = d.Int(-3, 30)
		case "seq":
			b.Seq, _ = d.Uint()
		case "total":
			late = append(late, d.Mark())
		case "due":
			b.Due, _ = d.Time()
		case "lines":
			d.Array(func(int) { b.Lines = append(b.Lines, readLine(d)) })
		case "tags":
			d.Array(func(int) { tag, _ := d.Text(); b.Tags = append(b.Tags, tag) })
		case "notes":
			b.Notes = make(map[string]string)
			d.Object(func(name string) bool { b.Notes[name], _ = d.Text(); return true })
		default:
			return false
		}
		return true
	})
	for _, m := range late {
		d.Return(m, func() { b.Total, _ = d.Decimal() })
		b.After++
	}
	problems, more := d.End()
	return b, problems, more
}

func readLine(d *strictjson.Decoder) line {
	var l line
	d.Object(func(key string) bool {
		switch key {
		case "sku":
			l.SKU, _ = d.Text()
		case "price":
			l.Price, _ = d.DecimalText()
		default:
			return false
		}
		return true
	})
	return l
}

func TestEveryTypeIsRead(t *testing.T) {
	data := ` {"total":"-12.50", "name":"a\u00e9\"\\\/\b\f\n\r\t\ud83d\ude00é", "kind":"large","paid":true,"pages":-3,"seq":18446744073709551615,
		"due":"2026-06-01T02:00:00+02:00","lines":[{"sku":"A","price":"1"},{}],"tags":[],"notes":{"a.b":"c"}} `
	got, problems, _ := readBill(data)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := bill{
		Name: "aé\"\\/\b\f\n\r\t😀é", Kind: 1, Paid: true, Pages: -3, Seq: 1<<64 - 1, Total: decimal.RequireFromString("-12.5"),
		Due: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Lines: []line{{"A", "1"}, {}}, Notes: map[string]string{"a.b": "c"}, After: 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProblemsSayWhereAndWhat(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	tests := []struct {
		data string
		want []string // code, path, and a part of the text
	}{
		{`{"nam":1}`, []string{"unknown_key nam unknown key"}},
		{`{"lines":[{},{"sku":"a","ski":[1,{"x":"]"}]}]}`, []string{"unknown_key lines[1].ski unknown"}},
		{`{"name":"a","paid":true,"name":"b"}`, []string{"repeated_key name repeated"}},
		{`{"notes":{"a b":1,"":true}}`, []string{`type notes["a b"] want a string, not a number`, `type notes[""] want a string, not true`}},
		{`{"name":{"a":[]}, "tags":"x", "paid":null, "pages":"1", "total":12.5}`, []string{
			"type name want a string, not an object", "type tags want a list, not a string", "type paid want true or false, not null",
			"type pages want an integer, not a string", `type total want a decimal string such as "12.5", not a number`,
		}},
		{`{"lines":{}}`, []string{"type lines want a list, not an object"}},
		{`[1,2]`, []string{"type  want an object, not a list"}},
		{`{"kind":"medium"}`, []string{`name kind unknown "medium": want small, large`}},
		{`{"pages":31}`, []string{"number pages 31 is not -3 to 30"}},
		{`{"pages":1.0}`, []string{"number pages 1.0 is no integer"}},
		{`{"pages":1e1}`, []string{"number pages 1e1 is no integer"}},
		{`{"pages":99999999999999999999}`, []string{"number pages 99999999999999999999 is not"}},
		{`{"pages":` + strings.Repeat("9", 1000) + `}`, []string{"number pages a number of 1000 bytes is not"}},
		{`{"seq":-1}`, []string{"number seq -1 is not 0 to 2^64-1"}},
		{`{"seq":18446744073709551616}`, []string{"number seq 18446744073709551616 is not"}},
		{`{"due":"2026-06-01"}`, []string{`time due "2026-06-01": want RFC 3339`}},
		{`{"due":"2026-06-01T00:00:00.5Z"}`, []string{"time due"}},
		{`{"due":"2026-06-01T1:00:00Z"}`, []string{"time due"}},
		{`{"due":"0001-01-01T00:00:00Z"}`, []string{"time due"}},
		{`{"due":"0001-01-01T00:00:00+01:00"}`, []string{"time due"}},
		{`{"due":"9999-12-31T23:59:59-01:00"}`, []string{"time due"}},
		{`{"lines":[{"price":1},{"price":"x"},7]}`, []string{"type lines[0].price", "type lines[2] want an object, not a number"}},

		// Malformed JSON ends the reading; what was found before stays.
		{``, []string{"syntax  byte 0: want an object"}},
		{`{"paid":1,"name":"a"`, []string{"type paid want true", `syntax  byte 20: want a comma or '}'`}},
		{`{"name":"a"} {}`, []string{"syntax  byte 13: data after the value"}},
		{`{"name":"a",}`, []string{"syntax  byte 12: want a key"}},
		{`{"name" "a"}`, []string{"syntax  byte 8: want a colon"}},
		{`{"tags":["a",]}`, []string{"syntax tags[1] byte 13: want a string"}},
		{`{"tags":["a" "b"]}`, []string{"syntax tags byte 13: want a comma or ']'"}},
		{`{"name":"a`, []string{"syntax name byte 10: string without an end"}},
		{`{"name":"a\`, []string{"syntax name byte 11: string without an end"}},
		{"{\"name\":\"a\n\"}", []string{"syntax name byte 10: control character"}},
		{"{\"name\":\"a\xff\"}", []string{"syntax name byte 10: text is not UTF-8"}},
		{`{"name":"\x41"}`, []string{"syntax name byte 14: unknown escape"}},
		{`{"name":"\u12g4"}`, []string{"syntax name byte 16: escape of no character"}},
		{`{"name":"\ud83d"}`, []string{"syntax name byte 16: escape of no character"}},
		{`{"name":"\ude00\ud83d"}`, []string{"syntax name byte 22: escape of no character"}},
		{`{"name":"\ud83d\u0041"}`, []string{"syntax name byte 22: escape of no character"}},
		{`{"name":"\ud83dxxxxxx"}`, []string{"syntax name"}},
		{`{"paid":tru}`, []string{"syntax paid byte 8: want a value"}},
		{`{"pages":01}`, []string{"syntax pages byte 11: malformed number"}},
		{`{"pages":-}`, []string{"syntax pages byte 10: malformed number"}},
		{`{"pages":1.}`, []string{"syntax pages byte 11: malformed number"}},
		{`{"pages":1e+}`, []string{"syntax pages byte 12: malformed number"}},
		{`{"x":nul}`, []string{"unknown_key x", "syntax x byte 5: want a value"}},
		{`{"x":` + deep + `}`, []string{"unknown_key x", "depth x nested deeper than 6"}},
		{`{"x":[}`, []string{"unknown_key x", "syntax x byte 6: want a value"}},
	}
	for _, tt := range tests {
		_, problems, _ := readBill(tt.data)
		if len(problems) != len(tt.want) {
			t.Errorf("%.80s\n got %v\nwant %v", tt.data, problems, tt.want)
			continue
		}
		for i, p := range problems {
			got := fmt.Sprintf("%s %s %v", p.Code, p.Path, p.Err)
			if !strings.HasPrefix(got, tt.want[i]) {
				t.Errorf("%.80s\n got %s\nwant %s", tt.data, got, tt.want[i])
			}
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	_, problems, more := readBill(`{"tags":[` + strings.Repeat("1,", 99) + `1]}`)
	if len(problems) != 20 || more != 80 {
		t.Errorf("%d problems and %d more, want 20 and 80", len(problems), more)
	}
	long := strings.Repeat("ä", 10_000)
	_, problems, _ = readBill(`{"` + long + `":1,"kind":"` + long + `"}`)
	for _, p := range problems {
		if len(p.Error()) > 300 {
			t.Errorf("a problem repeats %d bytes", len(p.Error()))
		}
	}
}

// An object of a hundred thousand keys is searched for repeated ones in about
// linear time: a quadratic search takes minutes.
func TestManyKeysAreSearchedInLinearTime(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"notes":{`)
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&b, `"k%d":"",`, i)
	}
	b.WriteString(`"k77777":""}}`)
	got, problems, _ := readBill(b.String())
	if len(got.Notes) != n || len(problems) != 1 || problems[0].Path != "notes.k77777" {
		t.Errorf("%d notes, problems %v", len(got.Notes), problems)
	}
}

func TestUnderBeginsEveryPath(t *testing.T) {
	d := strictjson.NewDecoder([]byte(`[true]`), strictjson.Limits{}).Under("parts", 7)
	cause := errors.New("cause")
	d.Array(func(int) {
		d.Bool()
		d.Fail("mine", cause)
		d.FailUnder("mine", cause, "a", "b")
	})
	problems, _ := d.End()
	var got []string
	for _, p := range problems {
		got = append(got, p.Error())
		if !errors.Is(p, cause) {
			t.Errorf("%v is not its cause", p)
		}
	}
	if diff := cmp.Diff([]string{"parts[7][0]: cause", "parts[7][0].a.b: cause"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseDecimal(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "12.50": "12.5", "-0.1": "-0.1", "007": "7", "999999999999999999": "999999999999999999",
		"12345678901234567890.5":                       "12345678901234567890.5",
		"0.0000000000000000000000000000000000000001":   "0.0000000000000000000000000000000000000001",
		"-" + strings.Repeat("9", 63):                  "-" + strings.Repeat("9", 63),
		strings.Repeat("0", 40) + "1." + "00000000000": "1",
	} {
		got, err := strictjson.ParseDecimal(text)
		if err != nil || got.String() != want && !got.Equal(decimal.RequireFromString(want)) {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "-", ".", ".5", "5.", "+1", "1e9", "1E9", "NaN", "Inf", " 1", "1 ", "1.2.3", "1,5", "0x10", "--1", "1-", "١", strings.Repeat("9", 65),
	} {
		if got, err := strictjson.ParseDecimal(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// anyValue reads whatever stands next, as encoding/json decodes into any.
func anyValue(d *strictjson.Decoder) any {
	switch d.Next() {
	case '{':
		m := map[string]any{}
		d.Object(func(key string) bool { m[key] = anyValue(d); return true })
		return m
	case '[':
		list := []any{}
		d.Array(func(int) { list = append(list, anyValue(d)) })
		return list
	case '"':
		s, _ := d.Text()
		return s
	case 't', 'f':
		b, _ := d.Bool()
		return b
	default:
		n, _ := d.Uint()
		return n
	}
}

// What the decoder takes, encoding/json takes and means the same by it.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2,{"b":"\u00e9\ud83d\ude00"}],"c":true}`, `[[[]]]`, `"\ud83d"`, `{"a":1,"a":2}`, `18446744073709551616`, `[1,]`, "\"\xff\"", `{"a" :	[] }`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := strictjson.NewDecoder(data, strictjson.Limits{})
		got := anyValue(d)
		if problems, _ := d.End(); len(problems) > 0 {
			return
		}
		var want any
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("%q is taken; encoding/json: %v", data, err)
		}
		numbers := cmp.FilterValues(isNumber, cmp.Comparer(func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }))
		if diff := cmp.Diff(want, got, numbers); diff != "" {
			t.Fatalf("%q (-encoding/json +got):\n%s", data, diff)
		}
	})
}

func isNumber(a, b any) bool {
	_, first := a.(json.Number)
	_, second := b.(json.Number)
	return first || second
}

// A value that is skipped and then read is no other than one read at once, and
// what is malformed is found either way.
func FuzzMark(f *testing.F) {
	for _, seed := range []string{`{"total":"1.5","name":"x"}`, `{"lines":[{"sku":"a"}],"total":"x"}`, `{"total":{"a":"}"}`, `{"x":[{]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		_, problems, _ := readBill(data)
		if len(problems) == 0 && !json.Valid([]byte(data)) {
			t.Fatalf("%q is taken", data)
		}
		for _, p := range problems {
			if p.Code == "" || p.Err == nil {
				t.Fatalf("%q: problem %+v", data, p)
			}
		}
	})
}
