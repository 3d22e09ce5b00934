package pricing

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenon-go/tenon/internal/strictjson"
	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing/internal/eval"
	"github.com/tenon-go/tenon/pricing/internal/waterfall"
)

// An Explanation is a quote, and for every other rule in scope the reason why it
// did not apply.
type Explanation struct {
	Quote
	// Rejected are ordered by stage, then by rule id.
	Rejected []Rejection
}

// A Rejection is a rule in scope that did not apply, or that changed nothing.
type Rejection struct {
	Rule   string
	Reason Reason
	// Predicate is the condition's first deciding leaf as it was written, and
	// Got what the query had there; only with ReasonCondition.
	Predicate, Got string
	// By is the rule that was preferred; only with ReasonKind, ReasonOutranked,
	// ReasonExclusive and ReasonNotBest.
	By string
}

// Reason says why a rule did not apply.
type Reason string

// The reasons, in the order in which they are tested.
const (
	// ReasonCurrency: the rule's amounts are in a currency that does not count here.
	ReasonCurrency = Reason(eval.ReasonCurrency)
	// ReasonNotYet and ReasonEnded: the query's second is outside the window.
	ReasonNotYet = Reason(eval.ReasonNotYet)
	ReasonEnded  = Reason(eval.ReasonEnded)
	// ReasonQuantity: the quantity is outside MinQty to MaxQty.
	ReasonQuantity = Reason(eval.ReasonQuantity)
	// ReasonCondition: the condition is false or unknown.
	ReasonCondition = Reason(eval.ReasonCondition)
	// ReasonKind: a preferred kind of the price stage has a candidate.
	ReasonKind = Reason(eval.ReasonKind)
	// ReasonOutranked: the rule By ranks higher; among guards, it is stronger.
	ReasonOutranked = Reason(eval.ReasonOutranked)
	// ReasonExclusive: the exclusive rule By stands alone in its stage.
	ReasonExclusive = Reason(eval.ReasonExclusive)
	// ReasonNotBest: the rule By gives a lower price.
	ReasonNotBest = Reason(eval.ReasonNotBest)
	// ReasonNoEffect: a guard that the price keeps anyway, or a grid that has no
	// legal point or has the price already.
	ReasonNoEffect = Reason(eval.ReasonNoEffect)
)

// Explain answers a query and says of each rule in scope that did not apply why.
// A query without a price is explained too: Quote.Err says why there is none, and
// of the stages that came to no decision only rules that are no candidates are
// rejected. The error is that of a bad query, as of [Snapshot.Price], and then in
// Quote.Err too.
//
// Unlike Price it looks at every rule in scope, and allocates.
func (s *Snapshot) Explain(q Query) (Explanation, error) {
	var x Explanation
	m := s.machine()
	defer s.release(m)
	if err := s.load(&q, m); err != nil {
		return Explanation{Quote: Quote{Err: err}}, err
	}
	if err := m.Price(); err != nil {
		_ = failQuote(&x.Quote, wrap(&q, err)) // a query without a price has an explanation
	} else {
		s.fill(&x.Quote, &q, m)
	}
	for _, r := range m.Explain() {
		of := Rejection{Rule: r.Rule.ID, Reason: Reason(r.Reason), Predicate: r.Predicate, Got: r.Got}
		if r.By != nil {
			of.By = r.By.ID
		}
		x.Rejected = append(x.Rejected, of)
	}
	return x, nil
}

// Text draws the explanation in fixed-width characters: a line for each step
// with its change, the running value and a bar; the price; and the rules that did
// not apply.
func (x Explanation) Text() string { return waterfall.Text(x.chart()) }

// SVG draws the same as a picture, without script, fonts or links.
func (x Explanation) SVG() []byte { return waterfall.SVG(x.chart()) }

func (x Explanation) chart() *waterfall.Chart {
	c := &waterfall.Chart{Title: "no price"}
	for _, s := range x.Steps {
		label := s.Label
		if s.Stage == StageTotal {
			label = "rounding"
		}
		c.Rows = append(c.Rows, waterfall.Row{Label: label, Before: s.Before, After: s.After})
	}
	switch {
	case x.Err != nil:
		c.Notes = append(c.Notes, x.Err.Error())
	case x.PerLine:
		c.Title = "price of the line in " + x.Line.Currency().String()
		c.Total = waterfall.Total{Label: "line", Value: x.Line}
	default:
		c.Title = "price of a unit in " + x.Unit.Currency().String()
		c.Total = waterfall.Total{Label: "unit", Value: x.Unit}
		c.Notes = append(c.Notes, "line: "+x.Line.Text())
	}
	if x.Gross != (money.Amount{}) {
		c.Notes = append(c.Notes, fmt.Sprintf("tax: %s net + %s tax = %s gross", x.Net.Text(), x.Tax.Text(), x.Gross.Text()))
	}
	c.Notes = append(c.Notes, x.FX.notes()...)
	for _, r := range x.Rejected {
		c.Rejected = append(c.Rejected, waterfall.Rejected{Label: r.Rule, Why: r.why()})
	}
	return c
}

// notes has a line for each rate that the price was converted by.
func (u *FXUsed) notes() []string {
	var notes []string
	for _, r := range u.Rates {
		if r.From.IsZero() {
			continue
		}
		note := fmt.Sprintf("rate: 1 %s = %s %s, as of %s", r.From, r.Rate, r.To, r.AsOf.UTC().Format(time.RFC3339))
		if r.Source != "" {
			note += ", " + r.Source
		}
		notes = append(notes, note)
	}
	if u.Stale {
		notes = append(notes, "a rate is older than the policy's max_age")
	}
	return notes
}

// why is the reason as a sentence's end.
func (r Rejection) why() string {
	switch r.Reason {
	case ReasonCurrency:
		return "its currency does not count here"
	case ReasonNotYet:
		return "not yet in force"
	case ReasonEnded:
		return "no longer in force"
	case ReasonQuantity:
		return "not for this quantity"
	case ReasonCondition:
		return r.Predicate + ", got " + r.Got
	case ReasonKind:
		return r.By + " is of a preferred kind"
	case ReasonOutranked:
		return r.By + " ranks higher"
	case ReasonExclusive:
		return r.By + " is exclusive"
	case ReasonNotBest:
		return r.By + " is lower"
	case ReasonNoEffect:
		return "no effect"
	default:
		return string(r.Reason)
	}
}

// MarshalJSON writes the quote, with the names of its fields in snake case, for
// people and other programs; it is not read back. Amounts are decimal strings
// beside one currency, kinds and stages have their names, Err is its text under
// error; what is zero is left out.
func (q Quote) MarshalJSON() ([]byte, error) {
	f := newWriter(&Policy{})
	f.Object(func() { f.quote(&q) })
	return f.Writer.Bytes(), f.Err()
}

// MarshalJSON writes the quote and the rejected rules in one object.
func (x Explanation) MarshalJSON() ([]byte, error) {
	f := newWriter(&Policy{})
	f.Object(func() {
		f.quote(&x.Quote)
		f.Field("rejected", len(x.Rejected) == 0, func() {
			strictjson.ListValue(f.Codec, &x.Rejected, func(r *Rejection) {
				f.Object(func() {
					f.shownText("rule", r.Rule)
					f.shownText("reason", string(r.Reason))
					f.shownText("predicate", r.Predicate)
					f.shownText("got", r.Got)
					f.shownText("by", r.By)
				})
			})
		})
	})
	return f.Writer.Bytes(), f.Err()
}

func (f *form) quote(q *Quote) {
	for _, a := range []struct {
		key   string
		value money.Amount
	}{
		{"unit", q.Unit},
		{"line", q.Line},
		{"list", q.List},
		{"advertised", q.Advertised},
		{"floor", q.Floor},
		{"net", q.Net},
		{"tax", q.Tax},
		{"gross", q.Gross},
	} {
		f.shownAmount(a.key, a.value)
	}
	f.shownText("currency", q.Unit.Currency().String())
	f.Bool("per_line", &q.PerLine)
	f.Field("steps", len(q.Steps) == 0, func() { strictjson.ListValue(f.Codec, &q.Steps, f.step) })
	f.Field("fx", q.FX.From.IsZero() && !q.FX.Stale, func() { f.fx(&q.FX) })
	f.Time("at", &q.At)
	f.Uint("version", &q.Version)
	if q.Digest != (Digest{}) {
		f.shownText("digest", q.Digest.String())
	}
	f.Time("next_change", &q.NextChange)
	f.Bool("unsure", &q.Unsure)
	f.Bool("exact", &q.Exact)
	if q.Err != nil {
		f.shownText("error", q.Err.Error())
	}
}

func (f *form) step(s *Step) {
	f.Object(func() {
		f.shownText("rule", s.Rule)
		f.shownText("label", s.Label)
		strictjson.Name(f.Codec, "kind", eval.KindNames, &s.Kind, 0)
		strictjson.Name(f.Codec, "stage", eval.StageNames, &s.Stage, 0)
		f.shownAmount("before", s.Before)
		f.shownAmount("after", s.After)
		f.shownAmount("delta", s.Delta)
	})
}

func (f *form) fx(used *FXUsed) {
	f.Object(func() {
		f.currencyField("from", &used.From)
		f.currencyField("to", &used.To)
		legs := slices.DeleteFunc(slices.Clone(used.Rates[:]), func(r Rate) bool { return r.From.IsZero() })
		f.Field("rates", len(legs) == 0, func() {
			strictjson.ListValue(f.Codec, &legs, func(r *Rate) {
				f.Object(func() {
					f.currencyField("from", &r.From)
					f.currencyField("to", &r.To)
					f.Decimal("rate", &r.Rate)
					if !r.AsOf.IsZero() {
						f.shownText("as_of", r.AsOf.UTC().Format(time.RFC3339Nano))
					}
					f.shownText("source", r.Source)
				})
			})
		})
		f.Bool("stale", &used.Stale)
	})
}

// shownAmount writes an amount that is there, zero or not.
func (f *form) shownAmount(key string, a money.Amount) {
	f.Field(key, a == money.Amount{}, func() { f.Writer.Fixed(a.Unscaled()) })
}

// shownText writes a text, which may repeat what a query was given: any bytes.
func (f *form) shownText(key, text string) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	f.Text(key, &text)
}
