package contract

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/tenon-go/tenon/pricing"
)

// readVersion reads all that a head stands for, and checks every digest on the way.
func readVersion(ctx context.Context, s pricing.Store, h pricing.Head) (pricing.RuleSet, error) {
	m, err := s.Manifest(ctx, book, h.Version)
	if err != nil {
		return pricing.RuleSet{}, fmt.Errorf("manifest of version %d: %w", h.Version, err)
	}
	if m.Version != h.Version || m.Digest() != h.Digest {
		return pricing.RuleSet{}, fmt.Errorf("the manifest of version %d is of version %d with digest %.4x, its head says %.4x",
			h.Version, m.Version, m.Digest(), h.Digest)
	}
	parts, err := readParts(ctx, s, m.Parts[:])
	if err != nil {
		return pricing.RuleSet{}, fmt.Errorf("version %d: %w", h.Version, err)
	}
	rs, err := pricing.Join(m, parts)
	if err != nil {
		return pricing.RuleSet{}, fmt.Errorf("version %d: %w", h.Version, err)
	}
	return rs, nil
}

// readParts collects parts, and checks the digest of each.
func readParts(ctx context.Context, s pricing.Store, digests []pricing.Digest) ([]pricing.Part, error) {
	var parts []pricing.Part
	for p, err := range s.Parts(ctx, book, digests) {
		switch {
		case err != nil:
			return parts, fmt.Errorf("parts: %w", err)
		case !slices.Contains(digests, p.Digest):
			return parts, fmt.Errorf("part %.4x was not asked for", p.Digest)
		case sha256.Sum256(p.Data) != p.Digest:
			return parts, fmt.Errorf("part %.4x has other data", p.Digest)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// unchanged checks that a book is where it was: its draft's revision and content
// and its newest version, whole.
func unchanged(ctx context.Context, s pricing.Store, revision uint64, draft pricing.Digest, last uint64) error {
	d, err := s.Draft(ctx, book)
	if err != nil {
		return fmt.Errorf("draft afterwards: %w", err)
	}
	got, err := digestOf(d.Rules)
	if err != nil {
		return err
	}
	if d.Revision != revision || got != draft {
		return fmt.Errorf("the draft is now revision %d with digest %.4x, was revision %d with %.4x", d.Revision, got, revision, draft)
	}
	return lastIs(ctx, s, last)
}

// lastIs checks that a book's newest version is last, and whole.
func lastIs(ctx context.Context, s pricing.Store, last uint64) error {
	list, err := heads(ctx, s, 0)
	if err != nil {
		return err
	}
	if len(list) == 0 && last == 0 {
		return nil
	}
	if len(list) == 0 || list[len(list)-1].Version != last {
		return fmt.Errorf("the versions are now %v, the newest was %d", numbers(list), last)
	}
	_, err = readVersion(ctx, s, list[len(list)-1])
	return err
}

// wantError checks that an error is the one that the contract names.
func wantError(what string, err, want error) error {
	switch {
	case errors.Is(err, want):
		return nil
	case err == nil:
		return fmt.Errorf("%s gives no error, want %q", what, want.Error())
	}
	return fmt.Errorf("%s gives %w, want %q", what, err, want.Error())
}
