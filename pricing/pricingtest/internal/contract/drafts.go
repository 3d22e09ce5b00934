package contract

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenon-go/tenon/pricing"
)

func checkMissing(ctx context.Context, s pricing.Store) error {
	absent := func() error {
		_, err := s.Manifest(ctx, book, 1)
		errs := []error{wantError("the manifest of a version that is not there", err, pricing.ErrNotFound)}
		_, err = s.Manifest(ctx, book, 0)
		errs = append(errs, wantError("the manifest of version 0", err, pricing.ErrNotFound))
		if list, err := heads(ctx, s, 0); err != nil || len(list) > 0 {
			errs = append(errs, fmt.Errorf("heads where no version is: %v, %w", list, err))
		}
		if n, err := s.Prune(ctx, book, 0, noon()); err != nil || n != 0 {
			errs = append(errs, fmt.Errorf("pruning where no version is: %d, %w", n, err))
		}
		return errors.Join(errs...)
	}
	_, err := s.Draft(ctx, book)
	errs := []error{wantError("the draft of no book", err, pricing.ErrNotFound)}
	_, err = publish(ctx, s, 1, 0)
	errs = append(errs, wantError("publishing no draft", err, pricing.ErrNotFound), absent())
	if _, err := save(ctx, s, 0, rules(1, 100)); err != nil {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, absent())...) // a book with a draft alone has no version either
}

// everything is a rule set in which all that the form can say occurs.
const everything = `{
	"policy": {"rounding": {"mode": "half_up", "increment": 5, "extra": 1}, "line_rounding": "down", "round_at": "discount",
		"ties": "lowest", "tax": "inclusive", "combine": {"sale": "best"}, "currencies": [{"code": "POINT", "digits": 0}],
		"convert": true, "pivot": "EUR", "max_age": "24h", "stale": "native", "spread": "0.25"},
	"rules": [
		{"id": "B\u00e4r \u263a \"<&>\"", "kind": "base", "label": "Grundpreis \ud83d\ude80", "on": {"product": "p"}, "currency": "EUR", "amount": "12.345"},
		{"id": "points", "kind": "list", "on": {"variant": "v"}, "currency": "POINT", "amount": "9000000000000"},
		{"id": "steps", "kind": "contract", "on": {"product": "p"}, "currency": "USD", "priority": -7,
			"when": {"all": [{"field": "customer.id", "op": "=", "value": "c"}, {"not": {"field": "qty", "op": "between", "value": ["2", "3.5"]}}]},
			"charge": {"mode": "graduated", "steps": [{"up_to": "10", "unit": "5.00", "flat": "1.00"}, {"unit": "4.00"}]}},
		{"id": "packages", "kind": "base", "on": {"category": "c"}, "currency": "USD",
			"charge": {"mode": "package", "size": "12.5", "unit": "3.00", "free": "1"}},
		{"id": "markup", "kind": "cost_plus", "markup": "33.3"},
		{"id": "formula", "kind": "sale", "currency": "EUR", "exclusive": true, "from": "2026-03-01T00:00:00Z", "until": "2026-04-01T00:00:00Z",
			"formula": {"base": "list", "percent_off": "10", "round": "10", "surcharge": "-0.01"}},
		{"id": "volume", "kind": "volume", "min_qty": "10", "max_qty": "99.5", "percent_off": "2.5"},
		{"id": "margin", "kind": "min_margin", "margin": "12"},
		{"id": "charm", "kind": "round", "currency": "EUR", "round": {"increment": "1", "offset": "-0.01"}}
	]}`

func checkDraft(ctx context.Context, s pricing.Store) error {
	full, err := pricing.ParseRules([]byte(everything))
	if err != nil {
		return err
	}
	var revision uint64
	for i, rs := range []pricing.RuleSet{rules(3, 100), full, {}, rules(600, 100), rules(3, 100)} {
		rs.Version, rs.EffectiveFrom = 7, noon() // of a publication, not of a draft
		saved, err := s.SaveDraft(ctx, book, pricing.Draft{Revision: revision, Rules: rs})
		if err != nil {
			return fmt.Errorf("saving set %d: %w", i, err)
		}
		if saved.Revision != revision+1 {
			return fmt.Errorf("saving over revision %d returns revision %d", revision, saved.Revision)
		}
		revision = saved.Revision
		got, err := s.Draft(ctx, book)
		if err != nil {
			return fmt.Errorf("draft %d: %w", i, err)
		}
		want, err := digestOf(rs)
		if err != nil {
			return err
		}
		for what, d := range map[string]pricing.Draft{"saving": saved, "reading": got} {
			digest, err := digestOf(d.Rules)
			switch {
			case err != nil:
				return err
			case d.Revision != revision || digest != want || len(d.Rules.Rules) != len(rs.Rules):
				return fmt.Errorf("%s set %d returns revision %d, %d rules, digest %.4x; want %d, %d, %.4x",
					what, i, d.Revision, len(d.Rules.Rules), digest, revision, len(rs.Rules), want)
			case d.Rules.Version != 0 || !d.Rules.EffectiveFrom.IsZero():
				return fmt.Errorf("%s set %d returns version %d from %v, want neither", what, i, d.Rules.Version, d.Rules.EffectiveFrom)
			}
		}
	}
	return nil
}

func checkDraftRevision(ctx context.Context, s pricing.Store) error {
	_, err := save(ctx, s, 1, rules(1, 100))
	if err := wantError("a first draft over revision 1", err, pricing.ErrConflict); err != nil {
		return err
	}
	_, err = s.Draft(ctx, book)
	if err := wantError("the draft after a refused one", err, pricing.ErrNotFound); err != nil {
		return err
	}
	first, second := rules(2, 100), rules(2, 200)
	revision, err := save(ctx, s, 0, first)
	if err != nil {
		return err
	}
	if revision, err = save(ctx, s, revision, second); err != nil {
		return err
	}
	digest, err := digestOf(second)
	if err != nil {
		return err
	}
	for _, wrong := range []uint64{0, revision - 1, revision + 1} {
		_, err := save(ctx, s, wrong, first)
		if err := wantError(fmt.Sprintf("saving over revision %d where there is %d", wrong, revision), err, pricing.ErrConflict); err != nil {
			return err
		}
		if err := unchanged(ctx, s, revision, digest, 0); err != nil {
			return err
		}
	}
	return nil
}

func checkDraftApart(ctx context.Context, s pricing.Store) error {
	first := rules(20, 100)
	want, err := digestOf(first)
	if err != nil {
		return err
	}
	revision, err := save(ctx, s, 0, first)
	if err != nil {
		return err
	}
	h, err := publish(ctx, s, revision, 0)
	if err != nil {
		return err
	}
	for i := range 3 {
		if revision, err = save(ctx, s, revision, rules(20, 200+i)); err != nil {
			return err
		}
		rs, err := readVersion(ctx, s, h)
		if err != nil {
			return err
		}
		if got, err := digestOf(rs); err != nil || got != want {
			return fmt.Errorf("version 1 is now %.4x, was %.4x (%w)", got, want, err)
		}
	}
	return nil
}
