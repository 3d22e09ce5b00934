package predicate_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/tenon-go/tenon/internal/predicate"
)

const threeLeaves = `{"all":[{"field":"segments","op":"any","value":["gold","vip"]},{"field":"qty","op":">=","value":"10"},{"field":"region","op":"=","value":"%s"}]}`

// Every leaf is asked: the condition is true, or unknown for want of one field.
func BenchmarkEval(b *testing.B) {
	run := func(name, text string, want predicate.Verdict) {
		b.Run(name, func(b *testing.B) {
			s := newSchema(b, predicate.Limits{})
			p := compile(b, s, text)
			s.Seal()
			v := s.NewValues()
			v.SetText(0, "US")
			v.SetNumber(2, predicate.NumFromInt(12, 0))
			v.SetMembers(5, []string{"new", "gold"})
			b.ReportAllocs()
			for b.Loop() {
				if p.Eval(v) != want {
					b.Fatal("wrong verdict")
				}
			}
		})
	}
	run("leaves=1", `{"field":"region","op":"=","value":"US"}`, predicate.True)
	run("leaves=3", fmt.Sprintf(threeLeaves, "US"), predicate.True)
	run("leaves=3/unknown", `{"all":[`+fmt.Sprintf(threeLeaves, "US")+`,{"field":"vip","op":"=","value":true}]}`, predicate.Unknown)
	run("leaves=10", `{"all":[`+fmt.Sprintf(threeLeaves, "US")+`,`+fmt.Sprintf(threeLeaves, "US")+`,`+fmt.Sprintf(threeLeaves, "US")+`,{"field":"region","op":"in","value":["DE","US"]}]}`, predicate.True)
}

// One query, filled once, against many programs, of which a few hold.
func BenchmarkEvalMany(b *testing.B) {
	const programs = 10_000
	s := newSchema(b, predicate.Limits{})
	all := make([]*predicate.Program, programs)
	for i := range all {
		all[i] = compile(b, s, fmt.Sprintf(threeLeaves, "r"+strconv.Itoa(i%1000)))
	}
	s.Seal()
	v, segments := s.NewValues(), []string{"new", "gold"}
	b.ReportAllocs()
	for b.Loop() {
		v.Reset()
		v.SetText(0, "r7")
		v.SetNumber(2, predicate.NumFromInt(12, 0))
		v.SetMembers(5, segments)
		held := 0
		for _, p := range all {
			if p.Eval(v) == predicate.True {
				held++
			}
		}
		if held != programs/1000 {
			b.Fatalf("%d held", held)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/programs, "ns/program")
}

func BenchmarkFill(b *testing.B) {
	s := newSchema(b, predicate.Limits{})
	compile(b, s, `{"all":[`+fmt.Sprintf(threeLeaves, "US")+`,{"field":"attributes.x","op":"=","value":"1"},{"field":"channel","op":"=","value":"web"}]}`)
	s.Seal()
	v := s.NewValues()
	segments := []string{"new", "gold", "vip"}
	b.ReportAllocs()
	for b.Loop() {
		v.Reset()
		v.SetText(0, "US")
		v.SetText(1, "web")
		v.SetNumber(2, predicate.NumFromInt(12, 0))
		v.SetMembers(5, segments)
		if x, ok := s.Member(7, "x"); ok {
			v.SetText(x, "1")
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for name, text := range map[string]string{"leaves=1": `{"field":"region","op":"=","value":"%s"}`, "leaves=3": threeLeaves} {
		b.Run(name, func(b *testing.B) {
			s := newSchema(b, predicate.Limits{Nodes: 256, Leaves: 64, Depth: 16, Values: 1000})
			nodes := make([]predicate.Node, 1000)
			for i := range nodes {
				nodes[i] = parse(b, fmt.Sprintf(text, strconv.Itoa(i)))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Compile(nodes[i%len(nodes)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text := fmt.Appendf(nil, threeLeaves, "US")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := predicate.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDisjoint(b *testing.B) {
	s := newSchema(b, predicate.Limits{})
	p, q := compile(b, s, fmt.Sprintf(threeLeaves, "US")), compile(b, s, fmt.Sprintf(threeLeaves, "CA"))
	b.ReportAllocs()
	for b.Loop() {
		if !predicate.Disjoint(p, q) {
			b.Fatal("not disjoint")
		}
	}
}
