package contract

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/tenon-go/tenon/pricing"
)

func checkPublish(ctx context.Context, s pricing.Store) error {
	rs := rules(10, 100)
	digest, err := digestOf(rs)
	if err != nil {
		return err
	}
	revision, err := save(ctx, s, 0, rs)
	if err != nil {
		return err
	}
	berlin := time.FixedZone("", 3600)
	publications := []pricing.Publication{
		{At: noon(), EffectiveFrom: noon(), Immediate: true},
		{At: noon().Add(123456789).In(berlin), EffectiveFrom: noon().Add(time.Hour).In(berlin), By: "Ann", Note: "spring\nprices ☺"},
		{At: noon().AddDate(300, 0, 0), EffectiveFrom: noon().AddDate(400, 0, 0)},
		{At: noon().AddDate(-100, 0, 0), EffectiveFrom: noon().AddDate(-100, 0, 0), Supersede: true}, // also before 1970
	}
	var want []pricing.Head
	for i, p := range publications {
		p.Revision, p.After = revision, uint64(i)
		got, err := s.Publish(ctx, book, p)
		if err != nil {
			return fmt.Errorf("publishing version %d: %w", i+1, err)
		}
		h := pricing.Head{
			Version: p.After + 1, Digest: digest, EffectiveFrom: p.EffectiveFrom.UTC(), PublishedAt: p.At.UTC().Truncate(time.Microsecond),
			By: p.By, Note: p.Note, Immediate: p.Immediate,
		}
		if !reflect.DeepEqual(got, h) {
			return fmt.Errorf("publishing %+v returns\n%+v, want\n%+v", p, got, h)
		}
		want = append(want, h)
		if err := unchanged(ctx, s, revision, digest, h.Version); err != nil {
			return err
		}
	}
	for after := range uint64(len(want) + 2) {
		got, err := heads(ctx, s, after)
		if err != nil {
			return err
		}
		if rest := want[min(int(after), len(want)):]; len(got)+len(rest) > 0 && !reflect.DeepEqual(got, rest) {
			return fmt.Errorf("heads after %d are\n%+v, want\n%+v", after, got, rest)
		}
	}
	return nil
}

func checkPublishRevision(ctx context.Context, s pricing.Store) error {
	revision, err := saveAndPublish(ctx, s, 5, 3)
	if err != nil {
		return err
	}
	digest, err := digestOf(rules(5, 102))
	if err != nil {
		return err
	}
	for _, p := range []pricing.Publication{
		publication(revision-1, 3), publication(revision+1, 3), publication(0, 3),
		publication(revision, 2), publication(revision, 4), publication(revision, 0),
	} {
		_, err := s.Publish(ctx, book, p)
		what := fmt.Sprintf("publishing revision %d after version %d where there are %d and 3", p.Revision, p.After, revision)
		if err := wantError(what, err, pricing.ErrConflict); err != nil {
			return err
		}
		if err := unchanged(ctx, s, revision, digest, 3); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func checkPublishTimes(ctx context.Context, s pricing.Store) error {
	revision, err := saveAndPublish(ctx, s, 5, 1)
	if err != nil {
		return err
	}
	for what, change := range map[string]func(*pricing.Publication){
		"no At":                     func(p *pricing.Publication) { p.At = time.Time{} },
		"no EffectiveFrom":          func(p *pricing.Publication) { p.EffectiveFrom = time.Time{} },
		"a fraction of a second":    func(p *pricing.Publication) { p.EffectiveFrom = p.EffectiveFrom.Add(1) },
		"a fraction of half second": func(p *pricing.Publication) { p.EffectiveFrom = p.EffectiveFrom.Add(time.Second / 2) },
	} {
		p := publication(revision, 1)
		change(&p)
		if _, err := s.Publish(ctx, book, p); err == nil {
			return fmt.Errorf("a publication with %s succeeds", what)
		}
		if err := lastIs(ctx, s, 1); err != nil {
			return fmt.Errorf("a publication with %s: %w", what, err)
		}
	}
	return nil
}
