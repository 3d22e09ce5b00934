package fleet

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// closers end what was started, in the opposite order.
type closers []func(context.Context) error

func (c *closers) add(end func(context.Context) error) { *c = append(*c, end) }

// close ends all but the first.
func (c *closers) close(ctx context.Context, first int) error {
	var errs []error
	for len(*c) > first {
		last := len(*c) - 1
		errs = append(errs, (*c)[last](ctx))
		*c = (*c)[:last]
	}
	return errors.Join(errs...)
}

// serveHTTP answers on an address of this machine. Stop waits for those who are being answered.
func serveHTTP(h http.Handler) (url string, stop func(context.Context) error, err error) {
	listener, err := listen()
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	}, nil
}
