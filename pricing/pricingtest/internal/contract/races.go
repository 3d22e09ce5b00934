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

// racers is how many go for the same revision or version at a time.
const racers = 16

// race lets all racers go at once and returns how many succeeded; who did not
// must have got ErrConflict.
func race(what string, try func() error) (won int, err error) {
	var (
		start = make(chan struct{})
		errs  [racers]error
		wg    sync.WaitGroup
	)
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = try()
		})
	}
	close(start)
	wg.Wait()
	for _, e := range errs {
		if e == nil {
			won++
		} else if err == nil && !errors.Is(e, pricing.ErrConflict) {
			err = wantError(what, e, pricing.ErrConflict)
		}
	}
	return won, err
}

func checkDraftRacers(ctx context.Context, s pricing.Store) error {
	for revision := range uint64(6) { // from 0: who creates the book is a race as well
		won, err := race("losing a race to save", func() error {
			_, err := save(ctx, s, revision, rules(3, 100))
			return err
		})
		if err != nil {
			return err
		}
		d, err := s.Draft(ctx, book)
		if err != nil {
			return err
		}
		if won != 1 || d.Revision != revision+1 {
			return fmt.Errorf("of %d who save over revision %d, %d succeed; then the revision is %d", racers, revision, won, d.Revision)
		}
	}
	return nil
}

func checkPublishers(ctx context.Context, s pricing.Store) error {
	revision, err := save(ctx, s, 0, rules(10, 100))
	if err != nil {
		return err
	}
	const versions = 8
	for after := range uint64(versions) {
		won, err := race("losing a race to publish", func() error {
			_, err := publish(ctx, s, revision, after)
			return err
		})
		if err != nil {
			return err
		}
		if won != 1 {
			return fmt.Errorf("of %d who publish after version %d, %d succeed", racers, after, won)
		}
		if err := lastIs(ctx, s, after+1); err != nil {
			return err
		}
	}
	list, err := heads(ctx, s, 0)
	if err == nil && !slices.Equal(numbers(list), upTo(versions)) {
		err = fmt.Errorf("the versions are %v, want 1 to %d", numbers(list), versions)
	}
	return err
}

// checkReaders publishes 1,000 versions in front of readers that keep up.
func checkReaders(ctx context.Context, s pricing.Store) error {
	const versions, readers = 1000, 2
	revision, err := save(ctx, s, 0, rules(3, 1))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		wg   sync.WaitGroup
		errs [readers]error
	)
	for i := range errs {
		wg.Go(func() {
			if errs[i] = follow(ctx, s, versions); errs[i] != nil {
				cancel()
			}
		})
	}
	for after := range versions {
		if _, err = publish(ctx, s, revision, uint64(after)); err != nil {
			break
		}
		if after%10 == 9 { // every version may be torn, but not every one needs rules of its own
			if revision, err = save(ctx, s, revision, rules(3, after)); err != nil {
				break
			}
		}
	}
	if err != nil {
		cancel()
	}
	wg.Wait()
	if readErr := errors.Join(errs[:]...); readErr != nil {
		return readErr // it is why the writer was stopped
	}
	return err
}

// follow reads the newest version again and again until it has seen version until.
func follow(ctx context.Context, s pricing.Store, until uint64) error {
	for last := uint64(0); last < until; {
		list, err := heads(ctx, s, last)
		if err != nil {
			return err
		}
		for _, h := range list {
			if h.Version != last+1 {
				return fmt.Errorf("version %d is followed by %d", last, h.Version)
			}
			last = h.Version
		}
		if len(list) == 0 {
			pause(ctx, time.Millisecond)
			continue
		}
		if _, err := readVersion(ctx, s, list[len(list)-1]); err != nil {
			return err
		}
	}
	return nil
}

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer, stop := context.WithTimeout(ctx, d)
	defer stop()
	<-timer.Done()
}
