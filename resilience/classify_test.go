package resilience_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tenon-go/tenon/resilience"
)

// errCause is why some of the contexts below end.
var errCause = errors.New("shutting down")

// refusal is an error with a verdict of its own, like that of a breaker.
type refusal struct{}

func (refusal) Error() string { return "open" }

func (refusal) Verdict() resilience.Verdict {
	return resilience.Verdict{Kind: resilience.KindRejected, After: time.Second, HasAfter: true}
}

func TestDefaultReadsErrorsOfContextNetAndX509(t *testing.T) {
	dial := func(err error) error {
		return &url.Error{Op: "Post", URL: "http://pay", Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
	}
	read := func(err error) error {
		return &url.Error{Op: "Post", URL: "http://pay", Err: &net.OpError{Op: "read", Net: "tcp", Err: err}}
	}
	kind := func(k resilience.Kind) resilience.Verdict { return resilience.Verdict{Kind: k} }
	unsent := func(k resilience.Kind) resilience.Verdict { return resilience.Verdict{Kind: k, Unsent: true} }
	for name, c := range map[string]struct {
		err  error
		want resilience.Verdict
	}{
		"any other":                  {errors.New("boom"), kind(resilience.KindTransient)},
		"deadline of the attempt":    {fmt.Errorf("get: %w", context.DeadlineExceeded), kind(resilience.KindTimeout)},
		"canceled though we wait":    {fmt.Errorf("get: %w", context.Canceled), kind(resilience.KindAmbiguous)},
		"connection lost":            {read(os.NewSyscallError("read", errors.New("reset"))), kind(resilience.KindAmbiguous)},
		"read timeout":               {read(os.ErrDeadlineExceeded), kind(resilience.KindTimeout)},
		"end of the answer":          {fmt.Errorf("body: %w", io.ErrUnexpectedEOF), kind(resilience.KindAmbiguous)},
		"end before the answer":      {io.EOF, kind(resilience.KindAmbiguous)},
		"closed connection":          {net.ErrClosed, kind(resilience.KindAmbiguous)},
		"refused connection":         {dial(os.NewSyscallError("connect", errors.New("refused"))), unsent(resilience.KindTransient)},
		"dial timeout":               {dial(os.ErrDeadlineExceeded), unsent(resilience.KindTransient)},
		"unknown host":               {dial(&net.DNSError{Err: "no such host", IsNotFound: true}), unsent(resilience.KindPermanent)},
		"name server down":           {dial(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), unsent(resilience.KindTransient)},
		"name server alone":          {&net.DNSError{Err: "timeout", IsTimeout: true}, unsent(resilience.KindTransient)},
		"malformed address":          {dial(&net.AddrError{Err: "missing port", Addr: "pay"}), unsent(resilience.KindPermanent)},
		"certificate of another":     {&url.Error{Op: "Get", Err: x509.HostnameError{Host: "pay"}}, unsent(resilience.KindPermanent)},
		"certificate of nobody":      {x509.UnknownAuthorityError{}, unsent(resilience.KindPermanent)},
		"joined, the first one says": {errors.Join(errors.New("boom"), io.EOF, x509.HostnameError{}), kind(resilience.KindAmbiguous)},
		"own verdict":                {fmt.Errorf("pay: %w", refusal{}), refusal{}.Verdict()},
		"own verdict around another": {resilience.Permanent(io.EOF), resilience.Verdict{Kind: resilience.KindPermanent, Answered: true}},
		"own verdict below a dial": {
			dial(resilience.WithVerdict(errors.New("proxy"), kind(resilience.KindThrottled))), kind(resilience.KindThrottled),
		},
		"own verdict without a kind": {
			resilience.WithVerdict(dial(errors.New("refused")), resilience.Verdict{Code: "E7", HasAfter: true}),
			resilience.Verdict{Kind: resilience.KindTransient, Code: "E7", HasAfter: true, Unsent: true},
		},
		"two of them": {
			resilience.WithVerdict(refusal{}, resilience.Verdict{Code: "E7"}), resilience.Verdict{Kind: resilience.KindRejected, Code: "E7"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, resilience.Default(t.Context(), c.err)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDefaultTellsTheCallersContextFromTheAttempts(t *testing.T) {
	canceled, cancel := context.WithCancelCause(t.Context())
	cancel(errCause)
	expired, cancel2 := context.WithDeadlineCause(t.Context(), time.Unix(0, 0), errCause)
	defer cancel2()
	dialed := func(err error) error { return &net.OpError{Op: "dial", Err: err} }
	for name, c := range map[string]struct {
		ctx  context.Context //nolint:containedctx // a table
		err  error
		want resilience.Kind
	}{
		"left":                                   {canceled, context.Canceled, resilience.KindCanceled},
		"left, by its cause":                     {canceled, fmt.Errorf("get: %w", errCause), resilience.KindCanceled},
		"left while it dialed":                   {canceled, dialed(context.Canceled), resilience.KindCanceled},
		"left, but the service had answered":     {canceled, resilience.Permanent(errors.New("404")), resilience.KindPermanent},
		"left, but it was our own refusal":       {canceled, refusal{}, resilience.KindRejected},
		"left, but the attempt had timed out":    {canceled, context.DeadlineExceeded, resilience.KindTimeout},
		"left, but the error is another":         {canceled, io.EOF, resilience.KindAmbiguous},
		"its deadline passed":                    {expired, context.DeadlineExceeded, resilience.KindTimeout},
		"its deadline passed, by its cause":      {expired, fmt.Errorf("get: %w", errCause), resilience.KindTimeout},
		"its deadline passed while it dialed":    {expired, dialed(context.DeadlineExceeded), resilience.KindTransient},
		"its deadline passed, the answer stands": {expired, resilience.Permanent(context.DeadlineExceeded), resilience.KindPermanent},
	} {
		t.Run(name, func(t *testing.T) {
			if got := resilience.Default(c.ctx, c.err).Kind; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestCodesReplaceOnlyTheKind(t *testing.T) {
	codes := map[string]resilience.Kind{"503": resilience.KindPermanent, "": resilience.KindPermanent}
	classify := resilience.Codes(codes)
	clear(codes) // the classifier has its own
	answer := func(v resilience.Verdict) error {
		return fmt.Errorf("pay: %w", resilience.WithVerdict(errors.New("answer"), v))
	}
	for name, c := range map[string]struct {
		err  error
		want resilience.Verdict
	}{
		"listed": {
			answer(resilience.Verdict{Kind: resilience.KindTransient, Code: "503", After: time.Second, HasAfter: true, Answered: true}),
			resilience.Verdict{Kind: resilience.KindPermanent, Code: "503", After: time.Second, HasAfter: true, Answered: true},
		},
		"not listed":       {answer(resilience.Verdict{Kind: resilience.KindTransient, Code: "500"}), resilience.Verdict{}},
		"no code":          {answer(resilience.Verdict{Kind: resilience.KindTransient}), resilience.Verdict{}},
		"no verdict":       {errors.New("boom"), resilience.Verdict{}},
		"a rejection":      {answer(resilience.Verdict{Kind: resilience.KindRejected, Code: "503"}), resilience.Verdict{}},
		"code but no kind": {answer(resilience.Verdict{Code: "503"}), resilience.Verdict{Kind: resilience.KindPermanent, Code: "503"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, classify(t.Context(), c.err)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestChainTakesTheFirstThatDecides(t *testing.T) {
	says := func(k resilience.Kind) resilience.Classifier {
		return func(context.Context, error) resilience.Verdict { return resilience.Verdict{Kind: k} }
	}
	undecided, permanent, throttled := says(resilience.KindUndecided), says(resilience.KindPermanent), says(resilience.KindThrottled)
	plain, own := errors.New("boom"), resilience.WithVerdict(errors.New("boom"), resilience.Verdict{Kind: resilience.KindAmbiguous})
	for name, c := range map[string]struct {
		chain resilience.Classifier
		err   error
		want  resilience.Kind
	}{
		"the first":               {resilience.Chain(undecided, permanent, throttled), own, resilience.KindPermanent},
		"none, but the error has": {resilience.Chain(undecided, undecided), own, resilience.KindAmbiguous},
		"none":                    {resilience.Chain(undecided), plain, resilience.KindUndecided},
		"empty":                   {resilience.Chain(), plain, resilience.KindUndecided},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.chain(t.Context(), c.err).Kind; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestJudgeLetsNoClassifierRetryARejection(t *testing.T) {
	all := resilience.Classifier(func(context.Context, error) resilience.Verdict {
		return resilience.Verdict{Kind: resilience.KindTransient}
	})
	none := resilience.Classifier(func(context.Context, error) resilience.Verdict { return resilience.Verdict{} })
	for name, c := range map[string]struct {
		classify resilience.Classifier
		err      error
		want     resilience.Kind
	}{
		"a rejection stands":            {all, fmt.Errorf("pay: %w", refusal{}), resilience.KindRejected},
		"the classifier decides":        {all, resilience.Permanent(errors.New("404")), resilience.KindTransient},
		"Default decides what it won't": {none, io.EOF, resilience.KindAmbiguous},
		"nil is Default":                {nil, io.EOF, resilience.KindAmbiguous},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.classify.Judge(t.Context(), c.err).Kind; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestDefaultJudgesARealDialAsUnsent(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Skipf("no loopback network: %v", err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if got, want := resilience.Default(t.Context(), err), (resilience.Verdict{Kind: resilience.KindTransient, Unsent: true}); got != want {
		t.Errorf("%v: got %+v, want %+v", err, got, want)
	}
}
