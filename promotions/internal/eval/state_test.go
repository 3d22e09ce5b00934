package eval_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tenon-go/tenon/internal/predicate"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions/internal/eval"
	"pgregory.net/rapid"
)

// newSet completes a set of promotions without conditions.
func newSet(t interface{ Fatal(args ...any) }, promotions []eval.Promotion) *eval.Set {
	carts, err := predicate.NewSchema(eval.CartFields(), []predicate.Extern{
		eval.LinesExtern: {Key: "lines", Compile: func(json.RawMessage) (int, error) { return 0, nil }},
	}, predicate.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	targets, err := predicate.NewSchema(eval.TargetFields(), nil, predicate.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	carts.Seal()
	targets.Seal()
	return eval.New(eval.Set{
		Stages: []eval.Stage{{Name: "s", Mode: eval.Optimal, MaxPerLine: 3, Groups: map[string]int{"g": 2}}},
		Carts:  carts, Targets: targets, Promotions: promotions,
	})
}

// drawPromotions draws some of every kind of effect.
func drawPromotions(t *rapid.T) []eval.Promotion {
	var list []eval.Promotion
	for i := range rapid.IntRange(1, 6).Draw(t, "promotions") {
		p := eval.Promotion{ID: fmt.Sprintf("p%d", i), Lines: true, Limits: eval.Limits{Campaign: -1, Budget: 5000}}
		p.Stack.Group = rapid.SampledFrom([]string{"", "g"}).Draw(t, "group")
		value := eval.Value{Kind: eval.AmountOff, Minor: rapid.Int64Range(1, 700).Draw(t, "value")}
		switch rapid.IntRange(0, 4).Draw(t, "effect") {
		case 0:
			p.Effect = &eval.BuyGet{Buy: eval.Need{Quantity: 1}, Get: eval.Need{Quantity: 1}, Value: value}
		case 1:
			p.Effect = &eval.Bundle{Parts: []eval.Need{{Quantity: 2}, {Quantity: 1}}, Value: value}
		case 2:
			p.Effect = &eval.Discount{Cap: 900, Per: eval.PerOrder, Tiers: []eval.Tier{{Value: value}}}
		case 3:
			p.Effect = &eval.Discount{Cap: eval.NoCap, Per: eval.PerUnit, MaxUnits: 2, Tiers: []eval.Tier{{Value: value}}}
		default:
			p.Effect = &eval.Discount{Cap: eval.NoCap, Tiers: []eval.Tier{{Value: eval.Value{Percent: decimal.New(10, 0)}}}}
		}
		list = append(list, p)
	}
	return list
}

// A picture is all that can be seen of a state.
type picture struct {
	Fired  []eval.Fired
	Shares []eval.Share
	Runs   [][]eval.Run
	Totals []int64
	Taken  int64
	Next   []eval.Reason // of each candidate, if it had its turn now
}

func pictureOf(s *eval.State, in *eval.Input, candidates int) picture {
	p := picture{Fired: append([]eval.Fired{}, s.Fired()...), Shares: append([]eval.Share{}, s.AllShares()...), Taken: s.Taken()}
	for i := range in.Targets {
		p.Totals = append(p.Totals, s.Total(i))
		p.Runs = append(p.Runs, s.AppendRuns(nil, i))
	}
	for i := range candidates {
		mark := s.Mark()
		p.Next = append(p.Next, s.Turn(int32(i)))
		s.Undo(mark)
	}
	return p
}

func TestUndoBringsBackWhatWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := eval.NewMachine(newSet(t, drawPromotions(t)))
		in := eval.Input{
			Currency: money.MustISO("USD"), NearPercent: -1,
			Left: func(string, bool) (int64, bool) { return 1500, true },
		}
		for range rapid.IntRange(1, 3).Draw(t, "lines") {
			line := eval.Target{Quantity: rapid.Int64Range(1, 6).Draw(t, "qty"), Total: rapid.Int64Range(1, 5000).Draw(t, "total")}
			in.Targets = append(in.Targets, line)
			in.Lines++
		}
		m.Run(&in, func(s *eval.State, candidates []int32, _ int) eval.Search {
			var marks []eval.Mark
			var pictures []picture
			for range rapid.IntRange(1, 12).Draw(t, "steps") {
				if len(marks) > 0 && rapid.Bool().Draw(t, "undo") {
					back := rapid.IntRange(0, len(marks)-1).Draw(t, "to")
					s.Undo(marks[back])
					got := pictureOf(s, &in, len(candidates))
					if diff := cmp.Diff(pictures[back], got, cmp.AllowUnexported(eval.Fired{})); diff != "" {
						t.Fatalf("undone (-want +got):\n%s", diff)
					}
					marks, pictures = marks[:back], pictures[:back]
					continue
				}
				marks, pictures = append(marks, s.Mark()), append(pictures, pictureOf(s, &in, len(candidates)))
				s.Turn(rapid.SampledFrom(candidates).Draw(t, "turn"))
			}
			return eval.Search{}
		})
	})
}
