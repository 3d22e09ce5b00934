package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/pricing"
)

func checkPrune(ctx context.Context, s pricing.Store) error {
	revision, err := publishHourly(ctx, s)
	if err != nil {
		return err
	}
	first, err := s.Manifest(ctx, book, 1)
	if err != nil {
		return err
	}
	for _, step := range []pruning{
		{100, 100, []uint64{1, 2, 3, 4, 5, 6}}, // fewer there than to keep
		{0, 0, []uint64{1, 2, 3, 4, 5, 6}},     // all armed
		{5, 3, []uint64{2, 3, 4, 5, 6}},
		{0, 3, []uint64{3, 4, 5, 6}}, // 3 in force to the second
		{-1, 8, []uint64{4, 5, 6}},   // 5 in force, 4 effective only later
		{2, 12, []uint64{5, 6}},
		{0, 30, []uint64{6}},
		{0, 30, []uint64{6}},
	} {
		if err := step.check(ctx, s, revision); err != nil {
			return fmt.Errorf("pruning to %d at noon + %d h: %w", step.keep, step.hours, err)
		}
	}
	_, err = s.Manifest(ctx, book, 1)
	errs := []error{wantError("the manifest of a pruned version", err, pricing.ErrNotFound)}
	_, err = readParts(ctx, s, first.Parts[:])
	errs = append(errs, wantError("the parts of a pruned version", err, pricing.ErrTorn))
	h, err := publish(ctx, s, revision, 6)
	if err == nil && h.Version != 7 {
		err = fmt.Errorf("after pruning, version 6 is followed by %d", h.Version)
	}
	return errors.Join(append(errs, err)...)
}

// checkPruneGaps prunes a book in which an armed version was superseded: it will
// never be in force, but what comes after it must not be removed before it.
func checkPruneGaps(ctx context.Context, s pricing.Store) error {
	var revision uint64
	var err error
	for v, hours := range []int{0, 1000, 1, 2} {
		if revision, err = save(ctx, s, revision, rules(30, v)); err != nil {
			return err
		}
		p := publication(revision, uint64(v))
		p.EffectiveFrom = noon().Add(time.Duration(hours) * time.Hour)
		if _, err := s.Publish(ctx, book, p); err != nil {
			return err
		}
	}
	n, err := s.Prune(ctx, book, 0, noon().Add(3*time.Hour))
	if err != nil {
		return err
	}
	left, err := heads(ctx, s, 0)
	if err != nil {
		return err
	}
	if want := []uint64{2, 3, 4}; n != 1 || !slices.Equal(numbers(left), want) {
		return fmt.Errorf("removes %d and leaves %v, want %v", n, numbers(left), want)
	}
	return nil
}

// publishHourly publishes six versions that share most parts: in force from 1, 2
// and 3 hours on; then 10, and 7 which takes the place of 10; then 20. The draft
// is another one.
func publishHourly(ctx context.Context, s pricing.Store) (revision uint64, err error) {
	for v, h := range []int{1, 2, 3, 10, 7, 20} {
		rs := rules(300, 100)
		rs.Rules[0].Label = fmt.Sprintf("version %d", v+1)
		if revision, err = save(ctx, s, revision, rs); err != nil {
			return 0, err
		}
		p := publication(revision, uint64(v))
		p.EffectiveFrom = noon().Add(time.Duration(h) * time.Hour)
		if _, err := s.Publish(ctx, book, p); err != nil {
			return 0, err
		}
	}
	return save(ctx, s, revision, rules(300, 700))
}

// A pruning to keep versions at so many hours after noon leaves these.
type pruning struct {
	keep, hours int
	left        []uint64
}

func (p pruning) check(ctx context.Context, s pricing.Store, revision uint64) error {
	there, err := heads(ctx, s, 0)
	if err != nil {
		return err
	}
	n, err := s.Prune(ctx, book, p.keep, noon().Add(time.Duration(p.hours)*time.Hour))
	if err != nil {
		return err
	}
	left, err := heads(ctx, s, 0)
	if err != nil {
		return err
	}
	if !slices.Equal(numbers(left), p.left) || n != len(there)-len(left) {
		return fmt.Errorf("leaves %v of %v and says %d removed, want %v", numbers(left), numbers(there), n, p.left)
	}
	for _, h := range left {
		if _, err := readVersion(ctx, s, h); err != nil {
			return err
		}
	}
	draft, err := digestOf(rules(300, 700))
	if err != nil {
		return err
	}
	return unchanged(ctx, s, revision, draft, 6)
}

// checkPruneRaces has every draft bring back parts that the pruning of the same
// moment finds unused.
func checkPruneRaces(ctx context.Context, s pricing.Store) error {
	const rounds = 30
	revision, err := saveAndPublish(ctx, s, 30, 1)
	for v := uint64(1); v < rounds && err == nil; v++ {
		var wg sync.WaitGroup
		var pruneErr error
		wg.Go(func() { _, pruneErr = s.Prune(ctx, book, 1, noon().AddDate(1, 0, 0)) })
		revision, err = saveAndRead(ctx, s, revision, v)
		wg.Wait()
		err = errors.Join(err, pruneErr)
	}
	if err != nil {
		return err
	}
	_, err = stateOf(ctx, s)
	return err
}

// saveAndRead saves one of two drafts in turn, publishes it as the version after v
// and reads it. The newest version is out of a pruning's reach; of the one before,
// which is not, the draft brings back all parts.
func saveAndRead(ctx context.Context, s pricing.Store, revision, v uint64) (uint64, error) {
	rs := rules(30, int(v%2))
	revision, err := save(ctx, s, revision, rs)
	if err != nil {
		return 0, err
	}
	if d, err := s.Draft(ctx, book); err != nil || d.Revision != revision || len(d.Rules.Rules) != 30 {
		return 0, fmt.Errorf("the draft of revision %d is read as revision %d with %d rules (%w)", revision, d.Revision, len(d.Rules.Rules), err)
	}
	p := publication(revision, v)
	p.EffectiveFrom = noon().Add(time.Duration(v) * time.Second) //nolint:gosec // v is small
	h, err := s.Publish(ctx, book, p)
	if err != nil {
		return 0, err
	}
	_, err = readVersion(ctx, s, h)
	return revision, err
}
