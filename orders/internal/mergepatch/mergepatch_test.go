package mergepatch_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/orders/internal/mergepatch"
	"pgregory.net/rapid"
)

type inner struct {
	A int               `json:"a,omitzero"`
	B string            `json:"b"`
	M map[string]string `json:"m,omitzero"`
}

type outer struct {
	N    int64                       `json:"n"`
	T    time.Time                   `json:"t,omitzero"`
	In   inner                       `json:"in"`
	Ptr  *inner                      `json:"ptr,omitzero"`
	List []inner                     `json:"list,omitzero"`
	Map  map[string]map[string]inner `json:"map,omitzero"`
}

func values() *rapid.Generator[outer] {
	in := rapid.Custom(func(t *rapid.T) inner {
		v := inner{A: rapid.IntRange(0, 2).Draw(t, "a"), B: rapid.SampledFrom([]string{"", "x", "\"é"}).Draw(t, "b")}
		if rapid.Bool().Draw(t, "has m") {
			v.M = map[string]string{rapid.SampledFrom([]string{"", "k", "q"}).Draw(t, "k"): "v"}
		}
		return v
	})
	return rapid.Custom(func(t *rapid.T) outer {
		v := outer{N: rapid.Int64().Draw(t, "n"), In: in.Draw(t, "in")}
		if rapid.Bool().Draw(t, "has t") {
			v.T = time.Unix(rapid.Int64Range(0, 9).Draw(t, "t"), 0).UTC()
		}
		if rapid.Bool().Draw(t, "has ptr") {
			p := in.Draw(t, "ptr")
			v.Ptr = &p
		}
		for range rapid.IntRange(0, 2).Draw(t, "list") {
			v.List = append(v.List, in.Draw(t, "element"))
		}
		if rapid.Bool().Draw(t, "has map") {
			v.Map = map[string]map[string]inner{}
			for range rapid.IntRange(0, 3).Draw(t, "map") {
				k := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
				if v.Map[k] == nil {
					v.Map[k] = map[string]inner{}
				}
				v.Map[k][rapid.SampledFrom([]string{"c", "d"}).Draw(t, "key")] = in.Draw(t, "value")
			}
		}
		return v
	})
}

func TestPatchMakesTheNextValueOfTheOneBefore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before, after := values().Draw(t, "before"), values().Draw(t, "after")
		patch, err := mergepatch.Diff(before, after)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := mergepatch.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		change, err := mergepatch.Decode(patch)
		if err != nil {
			t.Fatalf("%s: %v", patch, err)
		}
		mergepatch.Merge(doc, change)
		data, err = json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		var got outer
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(after, got); diff != "" {
			t.Fatalf("patch %s (-want +got):\n%s", patch, diff)
		}
	})
}

func TestEqualValuesHaveAnEmptyPatch(t *testing.T) {
	t.Parallel()
	v := outer{N: 3, List: []inner{{A: 1}}, Map: map[string]map[string]inner{"a": {"b": {A: 1}}}}
	if patch, err := mergepatch.Diff(v, v); err != nil || string(patch) != "{}" {
		t.Fatalf("got %s, %v", patch, err)
	}
}

func TestDecodeRefusesWhatIsNoObject(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "null", "[]", "1", "{} {}", "{", `{"a":}`} {
		if _, err := mergepatch.Decode([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}
