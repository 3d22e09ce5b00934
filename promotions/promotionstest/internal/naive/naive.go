package naive

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/promotions"
)

// evaluation is one cart on its way through a set.
type evaluation struct {
	set     promotions.Set
	batches []promotions.CodeChecker
	cart    promotions.Cart
	options promotions.Options
	stages  []promotions.Stage
	// order is the canonical order of the promotions.
	order    []*promotions.Promotion
	rejected map[string]promotions.Rejection
	entitled map[string]int64 // units of gifts
}

// state is what the promotions so far have left.
type state struct {
	targets []target // lines, then charges
	fired   []fired
}

// target is a line or a charge, which is one unit.
type target struct {
	line   *promotions.Line
	charge *promotions.Charge
	id     string
	qty    int64
	total  int64 // before promotions
	floor  int64
	runs   []run
}

// run is units from to to-1, with what they cost before promotions and now.
type run struct {
	from, to      int64
	before, after int64
	used          bool // by a consuming effect
}

// fired is a promotion that took something.
type fired struct {
	p      *promotions.Promotion
	code   string
	amount int64
	times  int64
	pieces []piece
}

// piece is what a promotion took from units of a target.
type piece struct {
	target   int
	from, to int64
	amount   int64
}

// Evaluate is what package promotionstest exports as Naive.
func Evaluate(set promotions.Set, cfg promotions.CompileConfig, cart promotions.Cart, opt promotions.Options) promotions.Result {
	e, s := begin(set, cfg, cart, opt)
	if !e.exclusiveInCart(s) {
		for i := range e.stages {
			e.stage(s, i)
		}
	}
	return e.result(s)
}

// begin is an evaluation before any promotion.
func begin(set promotions.Set, cfg promotions.CompileConfig, cart promotions.Cart, opt promotions.Options) (*evaluation, *state) {
	e := &evaluation{
		set: set, batches: cfg.Batches, cart: cart, options: opt, stages: set.Stages,
		rejected: make(map[string]promotions.Rejection), entitled: make(map[string]int64),
	}
	if len(e.stages) == 0 {
		e.stages = []promotions.Stage{{Name: "default"}}
	}
	for i := range set.Promotions {
		e.order = append(e.order, &set.Promotions[i])
	}
	slices.SortFunc(e.order, func(a, b *promotions.Promotion) int {
		return cmp.Or(cmp.Compare(e.stageOf(a), e.stageOf(b)), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	return e, e.start()
}

// stageOf is the index of a promotion's stage.
func (e *evaluation) stageOf(p *promotions.Promotion) int {
	name := p.Stage
	if name == "" {
		name = "default"
	}
	// One that is not found is the only one.
	return max(0, slices.IndexFunc(e.stages, func(s promotions.Stage) bool { return s.Name == name }))
}

func (e *evaluation) members(stage int) []*promotions.Promotion {
	var out []*promotions.Promotion
	for _, p := range e.order {
		if e.stageOf(p) == stage {
			out = append(out, p)
		}
	}
	return out
}

func (e *evaluation) campaign(p *promotions.Promotion) *promotions.Campaign {
	for i := range e.set.Campaigns {
		if p.Limits.Campaign != "" && e.set.Campaigns[i].ID == p.Limits.Campaign {
			return &e.set.Campaigns[i]
		}
	}
	return nil
}

// start is the cart before any promotion.
func (e *evaluation) start() *state {
	s := &state{}
	for i := range e.cart.Lines {
		l := &e.cart.Lines[i]
		total := minor(l.Total)
		if l.Total == (money.Amount{}) {
			total = minor(l.Price) * l.Quantity
		}
		s.targets = append(s.targets, target{line: l, id: l.ID, qty: l.Quantity, total: total, floor: minor(l.Floor)})
	}
	for i := range e.cart.Shipping {
		c := &e.cart.Shipping[i]
		s.targets = append(s.targets, target{charge: c, id: c.ID, qty: 1, total: minor(c.Price)})
	}
	for i := range s.targets {
		t := &s.targets[i]
		t.runs = []run{{to: t.qty, before: t.total, after: t.total}}
	}
	return s
}

func (s *state) clone() *state {
	out := &state{targets: slices.Clone(s.targets), fired: slices.Clone(s.fired)}
	for i := range out.targets {
		out.targets[i].runs = slices.Clone(out.targets[i].runs)
	}
	return out
}

// now is what a target costs now.
func (t *target) now() int64 {
	sum := int64(0)
	for _, r := range t.runs {
		sum += r.after
	}
	return sum
}

func (t *target) isGift() bool { return t.line != nil && t.line.Gift != "" }

// roomOf is what may still be taken from a run, unit by unit.
func (t *target) roomOf(r run) int64 { return max(0, r.after-t.floor*(r.to-r.from)) }

func (t *target) room() int64 {
	sum := int64(0)
	for _, r := range t.runs {
		sum += t.roomOf(r)
	}
	return sum
}

// taken is what a promotion took from a target.
func (f *fired) taken(target int) int64 {
	sum := int64(0)
	for _, p := range f.pieces {
		if p.target == target {
			sum += p.amount
		}
	}
	return sum
}

// minor is an amount in minor units; the cart's are whole.
func minor(a money.Amount) int64 {
	n, ok := a.Minor()
	if !ok {
		panic("naive: " + a.String() + " is not settled")
	}
	return n
}

// normal is the form in which codes are compared.
func normal(code string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
}

// must is for arithmetic that cannot fail on what the engine accepts.
func must[T any](v T, err error) T {
	if err != nil {
		panic("naive: " + err.Error())
	}
	return v
}
