package pricing_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/pricing"
	"github.com/tenon-go/tenon/pricing/pricingtest"
)

// What was cut is joined to the same set, and its digests are those of the
// snapshot.
//
// Invariant: pricing P10.
func TestJoinIsTheInverseOfCut(t *testing.T) {
	t.Parallel()
	randomSets(t, 200, func(t *testing.T, r *rand.Rand, rs pricing.RuleSet, s *pricing.Snapshot) {
		t.Helper()
		rs.Version = r.Uint64()
		m, parts := cut(t, rs)
		if m.Digest() != s.Digest() {
			t.Fatalf("the manifest has %v, the snapshot %v", m.Digest(), s.Digest())
		}
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		foreign := []byte(`[{"id":"foreign"}]`)
		joined, err := pricing.Join(m, append(parts, pricing.Part{Digest: sha256.Sum256(foreign), Data: foreign}))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(joined.Rules, func(a, b pricing.Rule) int { return strings.Compare(a.ID, b.ID) }) {
			t.Fatal("rules not by id")
		}
		rs.EffectiveFrom = time.Time{} // which a manifest does not have
		if diff := cmp.Diff(rs, joined, ruleOptions()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestDigestIsThatOfPolicyAndParts(t *testing.T) {
	rs := parsedSet(t, goldenRules)
	m, parts := cut(t, rs)
	canonical, err := rs.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if policy := fmt.Sprintf(`{"policy":%s,`, m.Policy); !bytes.HasPrefix(canonical, []byte(policy)) {
		t.Errorf("policy %s", policy)
	}
	whole := slices.Clone(m.Policy)
	for _, digest := range m.Parts {
		whole = append(whole, digest[:]...)
	}
	if m.Digest() != pricing.Digest(sha256.Sum256(whole)) {
		t.Error("another digest than that of policy and parts")
	}
	for _, p := range parts {
		i := slices.Index(m.Parts[:], p.Digest)
		if i < 0 || pricing.Digest(sha256.Sum256(p.Data)) != p.Digest {
			t.Fatalf("part %d: %s", i, p.Data)
		}
		for _, r := range parsedSet(t, fmt.Sprintf(`{"policy":%s,"rules":%s}`, m.Policy, p.Data)).Rules {
			if place := sha256.Sum256([]byte(r.ID)); int(place[0]) != i {
				t.Errorf("rule %s is in part %d", r.ID, i)
			}
		}
	}
}

func TestVersionAndTimeAreNoPartOfTheDigest(t *testing.T) {
	rs := parsedSet(t, goldenRules)
	m, _ := cut(t, rs)
	rs.Version, rs.EffectiveFrom = 99, time.Time{}
	if same, _ := cut(t, rs); same.Digest() != m.Digest() || same.Version != 99 {
		t.Errorf("digest %v, want %v; version %d", same.Digest(), m.Digest(), same.Version)
	}
}

func TestAChangeMovesOnePart(t *testing.T) {
	rs := parsedSet(t, goldenRules)
	before, _ := cut(t, rs)
	rs.Rules[3].Label = "changed"
	after, _ := cut(t, rs)
	moved := 0
	for i := range before.Parts {
		if before.Parts[i] != after.Parts[i] {
			moved++
		}
	}
	if moved != 1 || before.Digest() == after.Digest() {
		t.Errorf("%d parts moved", moved)
	}
}

func TestNothingIsCutIntoNothing(t *testing.T) {
	m, parts := cut(t, pricing.RuleSet{})
	if empty := (pricing.Manifest{Policy: []byte("{}")}); !cmp.Equal(m, empty) || parts != nil {
		t.Errorf("policy %s, parts %v", m.Policy, parts)
	}
	if rs, err := pricing.Join(m, nil); err != nil || len(rs.Rules) > 0 {
		t.Errorf("joined to %v, %v", rs, err)
	}
}

func cut(tb testing.TB, rs pricing.RuleSet) (pricing.Manifest, []pricing.Part) {
	tb.Helper()
	m, parts, err := pricing.Cut(rs)
	if err != nil {
		tb.Fatal(err)
	}
	return m, parts
}

// A draft need not be legal to be kept.
func TestIllegalDraftsAreKept(t *testing.T) {
	rs := parsedSet(t, `{"rules":[{"id":"a","kind":"sale","percent_off":"150"},{"id":"a","kind":"base"},{},
		{"id":"c","when":{"any":[]},"min_qty":"-3","on":{"product":""}},{"id":"d","currency":"POINT/3","charge":{"steps":[{"unit":"1"},{"unit":"2.0005"}]}}]}`)
	if _, err := pricing.Compile(rs); err == nil {
		t.Fatal("the set is legal")
	}
	m, parts := cut(t, rs)
	joined, err := pricing.Join(m, parts)
	if err != nil {
		t.Fatal(err)
	}
	if string(encoded(t, joined)) != string(encoded(t, rs)) {
		t.Errorf("%s\nwant %s", encoded(t, joined), encoded(t, rs))
	}
}

// hostile is a change to a manifest and its parts, which Join has to see.
type hostile func(m *pricing.Manifest, parts []pricing.Part) []pricing.Part

// forged replaces the data of the first part, digest included.
func forged(data func(string) string) hostile {
	return func(m *pricing.Manifest, parts []pricing.Part) []pricing.Part {
		i := slices.Index(m.Parts[:], parts[0].Digest)
		forged := []byte(data(string(parts[0].Data)))
		m.Parts[i] = sha256.Sum256(forged)
		parts[0] = pricing.Part{Digest: m.Parts[i], Data: forged}
		return parts
	}
}

func TestJoinRefusesWhatWasNotCut(t *testing.T) {
	rs := parsedSet(t, goldenRules)
	var rule string // of the first part, whole
	tests := map[string]hostile{
		"a missing part": func(_ *pricing.Manifest, parts []pricing.Part) []pricing.Part { return parts[1:] },
		"no parts":       func(*pricing.Manifest, []pricing.Part) []pricing.Part { return nil },
		"an altered part": func(_ *pricing.Manifest, parts []pricing.Part) []pricing.Part {
			parts[0].Data = bytes.Replace(parts[0].Data, []byte(`"id"`), []byte(`"Id"`), 1)
			return parts
		},
		"a part cut short": func(_ *pricing.Manifest, parts []pricing.Part) []pricing.Part {
			parts[0].Data = parts[0].Data[:len(parts[0].Data)-1]
			return parts
		},
		"a part under another's digest": func(_ *pricing.Manifest, parts []pricing.Part) []pricing.Part {
			parts[0].Data, parts[1].Data = parts[1].Data, parts[0].Data
			return parts
		},
		"parts in each other's place": func(m *pricing.Manifest, parts []pricing.Part) []pricing.Part {
			i, j := slices.Index(m.Parts[:], parts[0].Digest), slices.Index(m.Parts[:], parts[1].Digest)
			m.Parts[i], m.Parts[j] = m.Parts[j], m.Parts[i]
			return parts
		},
		"a part in two places": func(m *pricing.Manifest, parts []pricing.Part) []pricing.Part {
			m.Parts[slices.Index(m.Parts[:], pricing.Digest{})] = parts[0].Digest
			return parts
		},
		"white space":           forged(func(data string) string { return data + " " }),
		"no JSON":               forged(func(string) string { return "[{" }),
		"nothing":               forged(func(string) string { return "" }),
		"no rules":              forged(func(string) string { return "[]" }),
		"null":                  forged(func(string) string { return "null" }),
		"an object":             forged(func(string) string { return "{}" }),
		"an unknown key":        forged(func(data string) string { return strings.Replace(data, `{"id"`, `{"x":1,"id"`, 1) }),
		"a default written out": forged(func(data string) string { return strings.Replace(data, `}]`, `,"priority":0}]`, 1) }),
		"a rule twice":          forged(func(data string) string { rule = data[1 : len(data)-1]; return "[" + rule + "," + rule + "]" }),
		"a policy that is none": func(m *pricing.Manifest, parts []pricing.Part) []pricing.Part {
			m.Policy = []byte(`{"rounding":"most"}`)
			return parts
		},
		"no policy": func(m *pricing.Manifest, parts []pricing.Part) []pricing.Part { m.Policy = nil; return parts },
		"a policy with a default written out": func(m *pricing.Manifest, parts []pricing.Part) []pricing.Part {
			m.Policy = append(m.Policy[:len(m.Policy)-1], `,"convert":true}`...)
			m.Policy = bytes.Replace(m.Policy, []byte(`"convert":true,`), nil, 1)
			return parts
		},
		"a policy without the currency": func(m *pricing.Manifest, parts []pricing.Part) []pricing.Part {
			m.Policy = bytes.Replace(m.Policy, []byte(`"currencies":[{"code":"POINT","digits":0}],`), nil, 1)
			return parts
		},
	}
	for name, change := range tests {
		m, parts := cut(t, rs)
		joined, err := pricing.Join(m, change(&m, parts))
		if name == "a rule twice" { // a draft may have it: it is what was cut
			if err != nil || len(joined.Rules) != len(rs.Rules)+1 {
				t.Errorf("%s: %d rules, %v", name, len(joined.Rules), err)
			}
			continue
		}
		if !errors.Is(err, pricing.ErrTorn) || joined.Rules != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Join is given the manifest by value, so a hostile change is made before.
func FuzzJoin(f *testing.F) {
	m, parts := cut(f, pricing.RuleSet{Rules: []pricing.Rule{{ID: "a", Kind: pricing.KindSale, Effect: pricing.PercentOff{Percent: decimal.New(1, 0)}}}})
	f.Add(m.Policy, parts[0].Data, byte(slices.Index(m.Parts[:], parts[0].Digest))) //nolint:gosec // one of 256
	f.Add([]byte(`{"rounding":"up"}`), []byte(`[{"id":"b","kind":"base","currency":"USD","amount":"1.00"},{}]`), byte(62))
	f.Fuzz(func(t *testing.T, policy, data []byte, place byte) {
		m := pricing.Manifest{Policy: policy}
		m.Parts[place] = sha256.Sum256(data)
		rs, err := pricing.Join(m, []pricing.Part{{Digest: m.Parts[place], Data: data}})
		if err != nil {
			if !errors.Is(err, pricing.ErrTorn) {
				t.Fatalf("%q %q: %v", policy, data, err)
			}
			return
		}
		again, parts, err := pricing.Cut(rs)
		if err != nil || again.Digest() != m.Digest() || len(parts) != 1 || !bytes.Equal(parts[0].Data, data) || !bytes.Equal(again.Policy, policy) {
			t.Fatalf("%q %q is joined, and cut into %v: %v", policy, data, parts, err)
		}
	})
}

func TestDigestText(t *testing.T) {
	d := pricing.Digest(sha256.Sum256([]byte("x")))
	text, err := d.MarshalText()
	if err != nil || string(text) != d.String() || string(text) != "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" {
		t.Errorf("%s, %v", text, err)
	}
	var back pricing.Digest
	if err := back.UnmarshalText(text); err != nil || back != d {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "2d", string(text[1:]), string(text) + "00", strings.Repeat("x", 64), strings.Repeat("ü", 64)} {
		if err := back.UnmarshalText([]byte(bad)); err == nil || back != d {
			t.Errorf("%q: %v, %v", bad, back, err)
		}
	}
}

// BenchmarkCut cuts and joins the rules that BenchmarkCompile compiles.
func BenchmarkCut(b *testing.B) {
	rs, _ := pricingtest.Workload(100_000, 1)
	m, parts := cut(b, rs)
	size := 0
	for _, p := range parts {
		size += len(p.Data)
	}
	b.Run("rules=100k", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			if _, _, err := pricing.Cut(rs); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("join/rules=100k", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			if _, err := pricing.Join(m, parts); err != nil {
				b.Fatal(err)
			}
		}
	})
}
