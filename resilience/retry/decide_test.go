package retry_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/retry"
)

// at is the time of the failures below.
var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // immutable

func transient(v resilience.Verdict) resilience.Verdict {
	v.Kind = resilience.KindTransient
	return v
}

func hint(after time.Duration) resilience.Verdict {
	return transient(resilience.Verdict{After: after, HasAfter: true})
}

func TestDecide(t *testing.T) {
	second := retry.Fixed{Base: time.Second}
	wait := func(d time.Duration) retry.Decision { return retry.Decision{Retry: true, Wait: d} }
	stop := func(c retry.Cause) retry.Decision { return retry.Decision{Cause: c} }
	ok := transient(resilience.Verdict{})
	kind := func(k resilience.Kind) resilience.Verdict { return resilience.Verdict{Kind: k} }
	first := retry.History{Attempts: 1}
	for name, c := range map[string]struct {
		cfg  retry.Config
		h    retry.History
		v    resilience.Verdict
		want retry.Decision
	}{
		"transient is retried":                    {retry.Config{Backoff: second}, first, ok, wait(time.Second)},
		"throttled is retried":                    {retry.Config{Backoff: second}, first, kind(resilience.KindThrottled), wait(time.Second)},
		"throttled has its own base":              {retry.Config{Backoff: retry.Exponential{Base: 1, Throttled: 100, Jitter: retry.None}}, first, kind(resilience.KindThrottled), wait(100)},
		"permanent is not":                        {retry.Config{}, first, kind(resilience.KindPermanent), stop(retry.CausePermanent)},
		"undecided is not":                        {retry.Config{}, first, kind(resilience.KindUndecided), stop(retry.CausePermanent)},
		"rejected is not":                         {retry.Config{}, first, kind(resilience.KindRejected), stop(retry.CauseRejected)},
		"canceled is not":                         {retry.Config{}, first, kind(resilience.KindCanceled), stop(retry.CauseCanceled)},
		"told to stop":                            {retry.Config{}, first, transient(resilience.Verdict{Stop: true}), stop(retry.CauseStopped)},
		"timeout of what is not repeatable":       {retry.Config{}, first, kind(resilience.KindTimeout), stop(retry.CausePermanent)},
		"ambiguous and not repeatable":            {retry.Config{}, first, kind(resilience.KindAmbiguous), stop(retry.CausePermanent)},
		"timeout of an idempotent fn":             {retry.Config{Backoff: second, Idempotent: true}, first, kind(resilience.KindTimeout), wait(time.Second)},
		"timeout of a keyed call":                 {retry.Config{Backoff: second}, retry.History{Attempts: 1, Repeatable: true}, kind(resilience.KindTimeout), wait(time.Second)},
		"the third of three attempts":             {retry.Config{Backoff: second}, retry.History{Attempts: 3}, ok, stop(retry.CauseMaxAttempts)},
		"the second of three attempts":            {retry.Config{Backoff: second}, retry.History{Attempts: 2}, ok, wait(time.Second)},
		"nested":                                  {retry.Config{Backoff: second}, retry.History{Attempts: 1, Nested: true}, ok, stop(retry.CauseNested)},
		"nested, but nesting is off":              {retry.Config{Backoff: second, Nested: retry.Off}, retry.History{Attempts: 1, Nested: true}, ok, wait(time.Second)},
		"the backoff counts retries":              {retry.Config{Backoff: retry.Linear{Base: 1, Step: 10}}, retry.History{Attempts: 2}, ok, wait(11)},
		"the backoff knows the wait before":       {retry.Config{Backoff: retry.Exponential{Base: 1, Jitter: retry.Decorrelated}}, retry.History{Attempts: 2, Prev: 100}, ok, wait(300)},
		"a negative delay is none":                {retry.Config{Backoff: back(-5)}, first, ok, wait(0)},
		"a foreign delay":                         {retry.Config{NewBackOff: noBackOff}, retry.History{Attempts: 1, Foreign: 7}, ok, wait(7)},
		"a foreign stop":                          {retry.Config{NewBackOff: noBackOff}, retry.History{Attempts: 1, Foreign: -1}, ok, stop(retry.CauseStopped)},
		"a hint below the delay":                  {retry.Config{Backoff: second}, first, hint(time.Millisecond), wait(time.Second)},
		"a hint above the delay":                  {retry.Config{Backoff: second}, first, hint(2 * time.Second), wait(2 * time.Second)},
		"a hint at the cap":                       {retry.Config{Backoff: second}, first, hint(6 * time.Second), wait(6 * time.Second)},
		"a hint above the cap":                    {retry.Config{Backoff: second}, first, hint(6*time.Second + 1), stop(retry.CauseHint)},
		"a negative hint counts as absent":        {retry.Config{Backoff: second}, first, hint(-time.Hour), wait(time.Second)},
		"no hint without HasAfter":                {retry.Config{Backoff: second}, first, transient(resilience.Verdict{After: time.Hour}), wait(time.Second)},
		"the longest hint":                        {retry.Config{Backoff: second, HintCap: math.MaxInt64}, first, hint(math.MaxInt64), wait(math.MaxInt64)},
		"clamp below":                             {retry.Config{Backoff: second, HintRule: retry.Clamp}, first, hint(0), wait(time.Second)},
		"clamp between":                           {retry.Config{Backoff: second, HintRule: retry.Clamp}, first, hint(3 * time.Second), wait(3 * time.Second)},
		"clamp above":                             {retry.Config{Backoff: second, HintRule: retry.Clamp, HintCap: time.Minute}, first, hint(time.Hour), wait(61 * time.Second)},
		"exact above":                             {retry.Config{Backoff: second, HintRule: retry.Exact}, first, hint(time.Hour), retry.Decision{Retry: true, Wait: time.Hour, Restart: true}},
		"exact below":                             {retry.Config{Backoff: second, HintRule: retry.Exact}, first, hint(0), retry.Decision{Retry: true, Restart: true}},
		"exact and negative":                      {retry.Config{Backoff: second, HintRule: retry.Exact}, first, hint(-1), stop(retry.CauseStopped)},
		"exact without a hint":                    {retry.Config{Backoff: second, HintRule: retry.Exact}, first, ok, wait(time.Second)},
		"exact restarts the sequence":             {retry.Config{Backoff: retry.Linear{Base: 1, Step: 10}, MaxAttempts: 9}, retry.History{Attempts: 5, Restarted: 4}, ok, wait(1)},
		"the deadline is before the wait's":       {retry.Config{Backoff: second}, retry.History{Attempts: 1, Deadline: at.Add(time.Second / 2)}, ok, stop(retry.CauseDeadline)},
		"the wait would end at the deadline":      {retry.Config{Backoff: second}, retry.History{Attempts: 1, Deadline: at.Add(time.Second)}, ok, stop(retry.CauseDeadline)},
		"the wait ends before the deadline":       {retry.Config{Backoff: second}, retry.History{Attempts: 1, Deadline: at.Add(time.Second + 1)}, ok, wait(time.Second)},
		"the deadline has passed":                 {retry.Config{Backoff: retry.Fixed{}}, retry.History{Attempts: 1, Deadline: at}, ok, stop(retry.CauseDeadline)},
		"too little would remain":                 {retry.Config{Backoff: second, MinRemaining: time.Second}, retry.History{Attempts: 1, Deadline: at.Add(2*time.Second - 1)}, ok, stop(retry.CauseDeadline)},
		"just enough would remain":                {retry.Config{Backoff: second, MinRemaining: time.Second}, retry.History{Attempts: 1, Deadline: at.Add(2 * time.Second)}, ok, wait(time.Second)},
		"the wait would end after MaxElapsed":     {retry.Config{Backoff: second, MaxElapsed: 3 * time.Second}, retry.History{Attempts: 1, Start: at.Add(-2*time.Second - 1)}, ok, stop(retry.CauseElapsed)},
		"the wait ends at MaxElapsed":             {retry.Config{Backoff: second, MaxElapsed: 3 * time.Second}, retry.History{Attempts: 1, Start: at.Add(-2 * time.Second)}, ok, wait(time.Second)},
		"elapsed from the first failure":          {retry.Config{Backoff: second, MaxElapsed: 3 * time.Second, ElapsedFrom: retry.FromFirstFailure}, retry.History{Attempts: 1, Start: at.Add(-time.Hour), FirstFailure: at}, ok, wait(time.Second)},
		"elapsed too long since it":               {retry.Config{Backoff: second, MaxElapsed: 3 * time.Second, ElapsedFrom: retry.FromFirstFailure}, retry.History{Attempts: 2, FirstFailure: at.Add(-3 * time.Second)}, ok, stop(retry.CauseElapsed)},
		"elapsed from nothing":                    {retry.Config{Backoff: second, MaxElapsed: time.Second}, first, ok, wait(time.Second)},
		"a clock that went back":                  {retry.Config{Backoff: second, MaxElapsed: time.Second}, retry.History{Attempts: 1, Start: at.Add(time.Hour)}, ok, wait(time.Second)},
		"a clock that went back, a wait too long": {retry.Config{Backoff: second, MaxElapsed: time.Second - 1}, retry.History{Attempts: 1, Start: at.Add(time.Hour)}, ok, stop(retry.CauseElapsed)},
		"an endless delay and no deadline":        {retry.Config{Backoff: retry.Fixed{Base: math.MaxInt64}}, first, hint(math.MaxInt64), wait(math.MaxInt64)},
		"an endless delay and a deadline":         {retry.Config{Backoff: retry.Fixed{Base: math.MaxInt64}}, retry.History{Attempts: 1, Deadline: at.AddDate(400, 0, 0)}, ok, stop(retry.CauseDeadline)},
	} {
		t.Run(name, func(t *testing.T) {
			got := policy(t, c.cfg).Decide(c.h, c.v, at, 1)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// back is a backoff that waits for itself.
type back time.Duration

func (b back) Delay(retry.Step) time.Duration { return time.Duration(b) }

// noBackOff is for decisions, which only ask whether there is a BackOff.
func noBackOff() retry.BackOff { panic("a decision made a BackOff") }

// TestDecideNamesTheFirstCause takes a call that must stop for every reason at once, and removes one reason after the other.
func TestDecideNamesTheFirstCause(t *testing.T) {
	cfg := retry.Config{Backoff: retry.Fixed{Base: time.Minute}, MaxElapsed: time.Second, ElapsedFrom: retry.FromFirstFailure}
	h := retry.History{Attempts: 3, Nested: true, Deadline: at, FirstFailure: at}
	v := resilience.Verdict{Kind: resilience.KindTimeout, After: time.Hour, HasAfter: true, Stop: true}
	for _, step := range []struct {
		want   retry.Cause
		remove func()
	}{
		{retry.CauseStopped, func() { v.Stop = false }},
		{retry.CausePermanent, func() { h.Repeatable = true }},
		{retry.CauseNested, func() { h.Nested = false }},
		{retry.CauseMaxAttempts, func() { h.Attempts = 2 }},
		{retry.CauseHint, func() { v.HasAfter = false }},
		{retry.CauseDeadline, func() { h.Deadline = time.Time{} }},
		{retry.CauseElapsed, func() { cfg.MaxElapsed = 0 }},
		{0, func() {}},
	} {
		if got := policy(t, cfg).Decide(h, v, at, 0); got.Cause != step.want || got.Retry != (step.want == 0) {
			t.Errorf("got %v, want %v", got.Cause, step.want)
		}
		step.remove()
	}
}

func TestHistoryContinuesAsStored(t *testing.T) {
	h := retry.History{Attempts: 2, Prev: 5, Deadline: at}
	for name, c := range map[string]struct {
		d    retry.Decision
		want retry.History
	}{
		"a wait":    {retry.Decision{Retry: true, Wait: 7}, retry.History{Attempts: 3, Prev: 7, Deadline: at}},
		"a restart": {retry.Decision{Retry: true, Wait: 7, Restart: true}, retry.History{Attempts: 3, Restarted: 2, Deadline: at}},
	} {
		if diff := cmp.Diff(c.want, h.Next(c.d)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}
