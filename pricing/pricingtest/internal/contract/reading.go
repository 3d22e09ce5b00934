package contract

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tenon-go/tenon/pricing"
)

func checkDigests(ctx context.Context, s pricing.Store) error {
	full, err := pricing.ParseRules([]byte(everything))
	if err != nil {
		return err
	}
	var revision uint64
	for v, rs := range []pricing.RuleSet{full, rules(600, 100), {}, full} {
		want, err := digestOf(rs)
		if err != nil {
			return err
		}
		if revision, err = save(ctx, s, revision, rs); err != nil {
			return err
		}
		h, err := publish(ctx, s, revision, uint64(v))
		if err != nil {
			return err
		}
		if h.Digest != want {
			return fmt.Errorf("version %d has digest %.4x, its rules %.4x", h.Version, h.Digest, want)
		}
	}
	list, err := heads(ctx, s, 0)
	if err != nil {
		return err
	}
	for _, h := range list {
		rs, err := readVersion(ctx, s, h)
		if err != nil {
			return err
		}
		if got, err := digestOf(rs); err != nil || got != h.Digest {
			return fmt.Errorf("the rules of version %d have digest %.4x, its head says %.4x (%w)", h.Version, got, h.Digest, err)
		}
	}
	return nil
}

func checkParts(ctx context.Context, s pricing.Store) error {
	rs := rules(1000, 100)
	revision, err := save(ctx, s, 0, rs)
	if err != nil {
		return err
	}
	if _, err := publish(ctx, s, revision, 0); err != nil {
		return err
	}
	rs.Rules[500].Label = "changed"
	if revision, err = save(ctx, s, revision, rs); err != nil {
		return err
	}
	if _, err := publish(ctx, s, revision, 1); err != nil {
		return err
	}
	before, err := s.Manifest(ctx, book, 1)
	if err != nil {
		return err
	}
	after, err := s.Manifest(ctx, book, 2)
	if err != nil {
		return err
	}
	var changed []pricing.Digest
	for i := range after.Parts {
		if after.Parts[i] != before.Parts[i] {
			changed = append(changed, after.Parts[i])
		}
	}
	if len(changed) != 1 {
		return fmt.Errorf("one changed rule of 1,000 changes %d parts", len(changed))
	}
	twice := []pricing.Digest{changed[0], {}, before.Parts[0], changed[0], {}, before.Parts[0]}
	parts, err := readParts(ctx, s, twice)
	if err != nil {
		return err
	}
	if len(parts) != 2 {
		return fmt.Errorf("two parts, each named twice, and empty ones give %d parts", len(parts))
	}
	clear(parts[0].Data) // it is the caller's
	if _, err := readParts(ctx, s, twice); err != nil {
		return fmt.Errorf("after the caller wrote into a part: %w", err)
	}
	unknown := pricing.Digest(sha256.Sum256([]byte("unknown")))
	_, err = readParts(ctx, s, []pricing.Digest{before.Parts[0], unknown, before.Parts[1]})
	return wantError("a part that is not there", err, pricing.ErrTorn)
}

func checkBooks(ctx context.Context, s pricing.Store) error {
	if _, err := saveAndPublish(ctx, s, 5, 2); err != nil {
		return err
	}
	m, err := s.Manifest(ctx, book, 1)
	if err != nil {
		return err
	}
	const other = "EU" // names differ by case
	_, err = s.Draft(ctx, other)
	errs := []error{wantError("another book's draft", err, pricing.ErrNotFound)}
	_, err = s.Manifest(ctx, other, 1)
	errs = append(errs, wantError("another book's manifest", err, pricing.ErrNotFound))
	for h, err := range s.Heads(ctx, other, 0) {
		errs = append(errs, fmt.Errorf("another book has version %d, %w", h.Version, err))
	}
	for _, e := range s.Parts(ctx, other, m.Parts[:]) {
		err = e
	}
	errs = append(errs, wantError("another book's parts", err, pricing.ErrTorn))
	if _, err := s.SaveDraft(ctx, other, pricing.Draft{Rules: rules(5, 900)}); err != nil {
		errs = append(errs, fmt.Errorf("another book's first draft: %w", err))
	}
	if _, err := s.Publish(ctx, other, publication(1, 0)); err != nil {
		errs = append(errs, fmt.Errorf("another book's first version: %w", err))
	}
	if n, err := s.Prune(ctx, other, 0, noon().AddDate(1, 0, 0)); err != nil || n != 0 {
		errs = append(errs, fmt.Errorf("pruning another book: %d, %w", n, err))
	}
	return errors.Join(append(errs, lastIs(ctx, s, 2))...)
}

func checkTexts(ctx context.Context, s pricing.Store) error {
	long := func(n int) string { return strings.Repeat("ä", n/2) }
	rs := rules(1, 100)
	name := long(128)
	d, err := s.SaveDraft(ctx, name, pricing.Draft{Rules: rs})
	if err != nil {
		return fmt.Errorf("a book with a name of 128 bytes: %w", err)
	}
	p := publication(d.Revision, 0)
	p.By, p.Note = long(128), long(1024)
	if _, err := s.Publish(ctx, name, p); err != nil {
		return fmt.Errorf("a publication by a name of 128 bytes with a note of 1,024: %w", err)
	}
	var errs []error
	for h, err := range s.Heads(ctx, name, 0) {
		if err != nil || h.By != p.By || h.Note != p.Note {
			errs = append(errs, fmt.Errorf("by and note come back as %q, %q (%w)", h.By, h.Note, err))
		}
	}
	for _, wrong := range []string{"", long(130), "a\x00b", "a\xffb"} {
		if _, err := s.SaveDraft(ctx, wrong, pricing.Draft{Rules: rs}); err == nil {
			if _, err := s.Draft(ctx, wrong); err != nil {
				errs = append(errs, fmt.Errorf("a draft is saved in a book named %q and not found there: %w", wrong, err))
			}
		}
	}
	for i, wrong := range []string{long(2000), "a\x00b", "a\xffb"} {
		p := publication(d.Revision, 1)
		p.By, p.Note = wrong, wrong
		if i > 0 {
			p.Note = ""
		}
		if h, err := s.Publish(ctx, name, p); err == nil && (h.By != p.By || h.Note != p.Note) {
			errs = append(errs, fmt.Errorf("by and note %q come back as %q, %q", wrong, h.By, h.Note))
		}
	}
	return errors.Join(errs...)
}

func checkSequences(ctx context.Context, s pricing.Store) error {
	if _, err := saveAndPublish(ctx, s, 300, 5); err != nil {
		return err
	}
	m, err := s.Manifest(ctx, book, 5)
	if err != nil {
		return err
	}
	for range 50 { // more often than a pool has connections
		_, headsErr := first(s.Heads(ctx, book, 0))
		_, partsErr := first(s.Parts(ctx, book, m.Parts[:]))
		if err := errors.Join(headsErr, partsErr); err != nil {
			return err
		}
	}
	again := s.Heads(ctx, book, 0)
	for range 2 {
		var got []uint64
		for h, err := range again {
			if err != nil {
				return err
			}
			got = append(got, h.Version)
			if _, err := s.Manifest(ctx, book, h.Version); err != nil { // the store is there for others meanwhile
				return err
			}
		}
		if !slices.Equal(got, upTo(5)) {
			return fmt.Errorf("heads are %v, want 1 to 5", got)
		}
	}
	return nil
}

// first leaves a sequence early.
func first[T any](seq iter.Seq2[T, error]) (T, error) {
	for v, err := range seq {
		return v, err
	}
	var none T
	return none, errors.New("an empty sequence")
}

func checkEnded(ctx context.Context, s pricing.Store) error {
	revision, err := saveAndPublish(ctx, s, 5, 2)
	if err != nil {
		return err
	}
	m, err := s.Manifest(ctx, book, 2)
	if err != nil {
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, draftErr := s.Draft(ended, book)
	_, saveErr := save(ended, s, revision, rules(5, 500))
	_, publishErr := publish(ended, s, revision, 2)
	_, headsErr := heads(ended, s, 0)
	_, manifestErr := s.Manifest(ended, book, 1)
	_, partsErr := readParts(ended, s, m.Parts[:])
	_, pruneErr := s.Prune(ended, book, 0, noon().AddDate(1, 0, 0))
	errs := []error{}
	for what, err := range map[string]error{
		"Draft": draftErr, "SaveDraft": saveErr, "Publish": publishErr, "Heads": headsErr,
		"Manifest": manifestErr, "Parts": partsErr, "Prune": pruneErr,
	} {
		errs = append(errs, wantError(what, err, context.Canceled))
	}
	digest, err := digestOf(rules(5, 101))
	if err != nil {
		return err
	}
	errs = append(errs, unchanged(ctx, s, revision, digest, 2))
	if list, err := heads(ctx, s, 0); err != nil || len(list) != 2 {
		errs = append(errs, fmt.Errorf("the versions are now %v, %w", numbers(list), err))
	}
	return errors.Join(errs...)
}
