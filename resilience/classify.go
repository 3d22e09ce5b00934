package resilience

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net"
)

// Classifier tells what the error of an attempt means; err is never nil. Its ctx is the one that the caller gave to the call, not that of
// the attempt, so that a deadline of the attempt can be told from a caller who left. A classifier that cannot tell returns the zero
// Verdict. It must be safe for concurrent use.
type Classifier func(ctx context.Context, err error) Verdict

// Judge is how engines ask: what our own breaker or bulkhead rejected is Rejected whatever c says, then c decides, then Default. A nil
// Classifier is Default.
func (c Classifier) Judge(ctx context.Context, err error) Verdict {
	if c == nil {
		return Default(ctx, err)
	}
	if v := own(err); v.Kind == KindRejected {
		return v
	}
	if v := c(ctx, err); v.Kind != KindUndecided {
		return v
	}
	return Default(ctx, err)
}

// Default takes the verdict of the first error in the tree that says anything, by bringing a verdict along (a method Verdict() Verdict)
// or by being an error of context, net or x509. Any other error is Transient.
//
//	the caller's context was canceled                  Canceled
//	the caller's deadline or the attempt's; a timeout  Timeout
//	canceled though the caller waits; connection lost  Ambiguous
//	dial failed, name server failed                    Transient, unsent
//	certificate, unknown host, malformed address       Permanent, unsent
//
// A verdict without a Kind gets that of the errors below it, and keeps the rest: who knows how long to wait need not know more.
func Default(ctx context.Context, err error) (v Verdict) {
	found := search(err)
	if found.own != nil {
		v = completed(found.own)
	} else { // field by field, in the result itself: each copy of a Verdict costs as much as the search
		v.Kind, v.Unsent = found.kind, found.unsent
	}
	if gone := ctx.Err(); gone != nil && (errors.Is(err, gone) || errors.Is(err, context.Cause(ctx))) {
		v.Kind = whenGone(gone, v.Kind)
	}
	if v.Kind == KindUndecided {
		v.Kind = KindTransient
	}
	return v
}

// Chain asks each classifier in turn; the first verdict that is decided holds. Where none decides, the verdict holds that the error brings
// along, if any.
func Chain(classifiers ...Classifier) Classifier {
	return func(ctx context.Context, err error) Verdict {
		for _, c := range classifiers {
			if v := c(ctx, err); v.Kind != KindUndecided {
				return v
			}
		}
		return own(err)
	}
}

// Codes decides by the Code of the verdict that an error brings along: a code in kinds gets the kind that stands there, and the rest of the
// verdict stays. It leaves any other error undecided, rejections included. The map is copied.
func Codes(kinds map[string]Kind) Classifier {
	kinds = maps.Clone(kinds)
	return func(_ context.Context, err error) Verdict {
		v := own(err)
		kind, ok := kinds[v.Code]
		if !ok || v.Code == "" || v.Kind == KindRejected {
			return Verdict{}
		}
		v.Kind = kind
		return v
	}
}

// judged is an error that brings its verdict along.
type judged interface {
	error
	Verdict() Verdict
}

// A finding is what the first error in a tree that says anything says: by its own verdict, or by what it is. (A Verdict in its place
// would be copied through memory at each step of the walk.)
type finding struct {
	own    judged
	kind   Kind
	unsent bool
}

// own returns the first verdict that an error of the tree brings along, the zero Verdict where none does.
func own(err error) Verdict {
	if found := brings(err); found.own != nil {
		return found.own.Verdict()
	}
	return Verdict{}
}

// brings finds the first error in the tree that brings its verdict along.
func brings(err error) finding {
	if e, ok := err.(judged); ok { //nolint:errorlint // a walk of the tree
		return finding{own: e}
	}
	return inside(err, brings)
}

// search finds the first error in the tree that says anything. One walk with type switches costs a fraction of an errors.As for each type.
func search(err error) finding {
	switch e := err.(type) { //nolint:errorlint // a walk of the tree
	case *net.OpError:
		return ofOp(e)
	case *net.DNSError:
		if e.IsNotFound {
			return finding{kind: KindPermanent, unsent: true}
		}
		return finding{kind: KindTransient, unsent: true}
	case *net.AddrError, *net.ParseError, net.InvalidAddrError, net.UnknownNetworkError,
		x509.CertificateInvalidError, x509.ConstraintViolationError, x509.HostnameError, x509.InsecureAlgorithmError,
		x509.SystemRootsError, x509.UnhandledCriticalExtension, x509.UnknownAuthorityError:
		return finding{kind: KindPermanent, unsent: true}
	case judged:
		return finding{own: e}
	case interface{ Unwrap() error }, interface{ Unwrap() []error }:
		// From the inside out: a wrapper such as *url.Error repeats the Timeout of a dial, which was never sent.
		if found := inside(err, search); found.says() {
			return found
		}
		return byMethods(err)
	case interface{ Timeout() bool }, interface{ Is(target error) bool }:
		return byMethods(err)
	}
	return finding{kind: lost(err)}
}

// says reports whether anything was found.
func (f finding) says() bool { return f.own != nil || f.kind != KindUndecided }

// completed returns the verdict that an error brings along; one that has no kind gets that of the errors below.
func completed(err judged) Verdict {
	v := err.Verdict()
	if v.Kind != KindUndecided {
		return v
	}
	below := inside(err, search)
	if below.own != nil {
		v.Kind = completed(below.own).Kind
		return v
	}
	v.Kind, v.Unsent = below.kind, v.Unsent || below.unsent
	return v
}

// byMethods judges an error by what it says of itself.
func byMethods(err error) finding {
	if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() { // context.DeadlineExceeded too
		return finding{kind: KindTimeout}
	}
	if e, ok := err.(interface{ Is(target error) bool }); ok && e.Is(context.Canceled) {
		return finding{kind: KindAmbiguous}
	}
	return finding{kind: lost(err)}
}

// lost returns Ambiguous for the errors that mean a lost connection or an attempt that was called off.
func lost(err error) Kind {
	switch err { //nolint:errorlint // a walk of the tree
	case context.Canceled, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed:
		return KindAmbiguous
	default:
		return KindUndecided
	}
}

// ofOp judges an operation on a connection: only a dial that failed cannot have sent anything.
func ofOp(e *net.OpError) finding {
	found := search(e.Err)
	switch {
	case found.kind == KindPermanent || found.own != nil:
		return found
	case e.Op == "dial" || e.Op == "proxyconnect":
		return finding{kind: KindTransient, unsent: true}
	case e.Timeout():
		return finding{kind: KindTimeout}
	default:
		return finding{kind: KindAmbiguous}
	}
}

// whenGone returns the kind of a failure that comes from the caller's context, whose Err is gone; found is what it would be otherwise. Who
// canceled says nothing about the service; whose deadline passed may have waited for a service that hangs.
func whenGone(gone error, found Kind) Kind {
	switch {
	case found == KindPermanent || found == KindThrottled || found == KindRejected:
		return found
	case !errors.Is(gone, context.DeadlineExceeded):
		return KindCanceled
	case found == KindTransient: // a dial
		return found
	default:
		return KindTimeout
	}
}

// inside asks about the errors that err wraps, in order, and returns the first finding that says anything.
func inside(err error, ask func(error) finding) finding {
	switch e := err.(type) { //nolint:errorlint // a walk of the tree
	case interface{ Unwrap() error }:
		if err = e.Unwrap(); err != nil {
			return ask(err)
		}
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if found := ask(err); found.says() {
				return found
			}
		}
	}
	return finding{}
}
