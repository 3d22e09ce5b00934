package retry

import "time"

// BackOff is a sequence of delays with a state of its own, as in github.com/cenkalti/backoff: its values, of v4 to v7, are BackOffs as they
// are. A negative delay stops the call with ErrStopped. Because of the state one value serves one call: see Config.NewBackOff.
//
// Its Permanent is an error of its own: a function that returns one tells a policy of ours that it is permanent by a Classifier, or by
// resilience.Permanent instead.
//
// The ExponentialBackOff of backoff v4 stops by itself 15 minutes after it was made or reset, unless its MaxElapsedTime is 0.
type BackOff interface {
	NextBackOff() time.Duration
	Reset()
}
