package strictjson_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/strictjson"
	"pgregory.net/rapid"
)

// A parcel has a field of every type that a codec describes.
type parcel struct {
	ID      string
	Size    size
	Weight  decimal.Decimal
	Value   decimal.NullDecimal
	Fragile bool
	Floors  int
	Serial  uint64
	Sent    time.Time
	Tags    []string
	Numbers map[string]decimal.Decimal
	Parts   []parcel
}

type size uint8

func sizes() []string { return []string{"", "small", "large"} }

func describe(c *strictjson.Codec, p *parcel) {
	c.Object(func() {
		c.Text("id", &p.ID)
		strictjson.Name(c, "size", sizes(), &p.Size, 0)
		c.Decimal("weight", &p.Weight)
		c.NullDecimal("value", &p.Value)
		c.Bool("fragile", &p.Fragile)
		strictjson.Integer(c, "floors", &p.Floors, -9, 9, 0)
		c.Uint("serial", &p.Serial)
		c.Time("sent", &p.Sent)
		c.Texts("tags", &p.Tags)
		strictjson.Map(c, "numbers", &p.Numbers, c.DecimalValue)
		c.Field("parts", len(p.Parts) == 0, func() {
			strictjson.ListValue(c, &p.Parts, func(part *parcel) { describe(c, part) })
		})
	})
}

func written(p parcel) (string, error) {
	var w strictjson.Writer
	c := strictjson.NewWriterCodec(&w)
	describe(c, &p)
	return string(w.Bytes()), c.Err()
}

func read(data string) (parcel, []strictjson.Problem) {
	d := strictjson.NewDecoder([]byte(data), strictjson.Limits{})
	var p parcel
	describe(strictjson.NewReader(d), &p)
	problems, _ := d.End()
	return p, problems
}

func equal() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
		cmpopts.EquateEmpty(),
	}
}

func TestCanonicalForm(t *testing.T) {
	p := parcel{
		ID: "a<b>&\"\\\n\x01é\u2028", Size: 2, Weight: decimal.RequireFromString("-12.500"), Value: decimal.NewNullDecimal(decimal.Decimal{}), Fragile: true,
		Floors: -9, Serial: math.MaxUint64, Sent: time.Date(2026, 6, 1, 2, 0, 0, 0, time.FixedZone("", 7200)), Tags: []string{"", "x"},
		Numbers: map[string]decimal.Decimal{"z": decimal.New(1, 3), "a b": decimal.New(5, -3)}, Parts: []parcel{{}, {ID: "x"}},
	}
	want := `{"id":"a<b>&\"\\\n\u0001é` + "\u2028" + `","size":"large","weight":"-12.5","value":"0","fragile":true,"floors":-9,"serial":18446744073709551615,` +
		`"sent":"2026-06-01T00:00:00Z","tags":["","x"],"numbers":{"a b":"0.005","z":"1000"},"parts":[{},{"id":"x"}]}`
	got, err := written(p)
	if err != nil || got != want {
		t.Fatalf("%v\n got %s\nwant %s", err, got, want)
	}
	if !json.Valid([]byte(got)) {
		t.Error("not valid JSON")
	}
	back, problems := read(got)
	if diff := cmp.Diff(p, back, equal()); diff != "" || problems != nil {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
}

// The keys of the text come in any order, and white space does not count.
func TestFieldsAreReadInAnyOrder(t *testing.T) {
	got, problems := read(" {\n\"parts\" : [ { \"size\":\"small\" , \"id\":\"y\" } ], \"weight\":\"1.0\" , \"id\":\"x\" }")
	want := parcel{ID: "x", Weight: decimal.New(1, 0), Parts: []parcel{{ID: "y", Size: 1}}}
	if diff := cmp.Diff(want, got, equal()); diff != "" || problems != nil {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
}

func TestUnknownKeysAreFoundAtEveryLevel(t *testing.T) {
	_, problems := read(`{"x":1,"id":"a","parts":[{"y":{"id":1}},{"numbers":{"any":"1"}}],"id":"b","size":"","weight":[]}`)
	var got []string
	for _, p := range problems {
		got = append(got, p.Code+" "+p.Path)
	}
	want := []string{"repeated_key id", "name size", "type weight", "unknown_key parts[0].y", "unknown_key x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What the form does not hold is an error with its place, never something else in
// its stead.
func TestUnwritableValuesAreNamed(t *testing.T) {
	for want, p := range map[string]parcel{
		"id: ":              {ID: "\xff"},
		"size: 3 has no":    {Size: 3},
		"weight: ":          {Weight: decimal.New(1, 1_000_000_000)},
		"value: ":           {Value: decimal.NewNullDecimal(decimal.New(1, -1_000_000_000))},
		"floors: ":          {Floors: 10},
		"sent: ":            {Sent: time.Date(2026, 6, 1, 0, 0, 0, 1, time.UTC)},
		"parts: [1]: tags:": {Parts: []parcel{{}, {Tags: []string{"a", "\xc3"}}}},
		"numbers: ":         {Numbers: map[string]decimal.Decimal{"\xff": {}}},
	} {
		if _, err := written(p); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// What is written is read as the same, and written again as the same bytes.
func TestWhatIsWrittenIsRead(t *testing.T) {
	number := rapid.Custom(func(t *rapid.T) decimal.Decimal {
		return decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-40, 40).Draw(t, "exponent"))
	})
	var parcels func(depth int) *rapid.Generator[parcel]
	parcels = func(depth int) *rapid.Generator[parcel] {
		return rapid.Custom(func(t *rapid.T) parcel {
			p := parcel{
				ID: rapid.String().Draw(t, "id"), Size: size(rapid.Uint8Range(0, 2).Draw(t, "size")), Weight: number.Draw(t, "weight"),
				Fragile: rapid.Bool().Draw(t, "fragile"), Floors: rapid.IntRange(-9, 9).Draw(t, "floors"), Serial: rapid.Uint64().Draw(t, "serial"),
				Sent: time.Unix(rapid.Int64Range(-62_135_596_799, 253_402_300_799).Draw(t, "sent"), 0),
				Tags: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "tags"), Numbers: rapid.MapOfN(rapid.String(), number, 0, 20).Draw(t, "numbers"),
			}
			if rapid.Bool().Draw(t, "valued") {
				p.Value = decimal.NewNullDecimal(number.Draw(t, "value"))
			}
			if depth > 0 {
				p.Parts = rapid.SliceOfN(parcels(depth-1), 0, 2).Draw(t, "parts")
			}
			return p
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		p := parcels(2).Draw(t, "parcel")
		data, err := written(p)
		if err != nil {
			t.Fatal(err)
		}
		back, problems := read(data)
		if diff := cmp.Diff(p, back, equal()); diff != "" || problems != nil {
			t.Fatalf("%v\n%s (-want +got):\n%s", problems, data, diff)
		}
		if again, _ := written(back); again != data {
			t.Fatalf("%s\n%s", data, again)
		}
	})
}

// AppendDecimal is the shortest plain form, or none at all.
func TestAppendDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-70, 70).Draw(t, "exponent"))
		if rapid.Bool().Draw(t, "long") {
			d = d.Mul(decimal.New(rapid.Int64().Draw(t, "factor"), 0))
		}
		text, ok := strictjson.AppendDecimal(nil, d)
		if short := d.String(); !ok {
			if len(short) <= strictjson.MaxDecimal {
				t.Fatalf("%s is refused", short)
			}
			return
		}
		back, err := strictjson.ParseDecimal(string(text))
		if err != nil || !back.Equal(d) {
			t.Fatalf("%s is written %s and read %v, %v", d, text, back, err)
		}
		if s := string(text); strings.Contains(s, ".") && strings.HasSuffix(s, "0") || s == "-0" {
			t.Fatalf("%s is written %s", d, s)
		}
	})
}

func TestFixedKeepsItsDecimals(t *testing.T) {
	for want, of := range map[string]struct {
		coef  int64
		scale int
	}{
		`"0"`: {0, 0}, `"12.50"`: {1250, 2}, `"-0.05"`: {-5, 2}, `"7"`: {7, 0}, `"9.223372036854775807"`: {math.MaxInt64, 18},
		`"-9223372036854775808"`: {math.MinInt64, 0}, `"0.000000000000000001"`: {1, 18},
	} {
		var w strictjson.Writer
		if w.Fixed(of.coef, of.scale); string(w.Bytes()) != want {
			t.Errorf("%v is %s, want %s", of, w.Bytes(), want)
		}
	}
}

// The first thing that cannot be written ends the writing.
func TestFailWhileWriting(t *testing.T) {
	var w strictjson.Writer
	c := strictjson.NewWriterCodec(&w)
	cause := errors.New("cause")
	c.Object(func() {
		c.Field("a", false, func() { c.Fail("", cause) })
		c.Field("b", false, func() { t.Error("the writing goes on") })
	})
	c.Under("whole")
	if err := c.Err(); !errors.Is(err, cause) || err.Error() != "whole: a: cause" {
		t.Errorf("error %v", err)
	}
}
