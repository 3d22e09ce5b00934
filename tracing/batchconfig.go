package tracing

import (
	"errors"
	"fmt"
	"time"
)

// A BatchConfig says how spans are put together and sent.
type BatchConfig struct {
	// MaxBatch is how many spans are sent at once; 0 = 512. A batch is also sent at 1 MiB.
	MaxBatch int
	// MaxDelay is how long a span waits for others; 0 = 1 s.
	MaxDelay time.Duration
	// MaxQueueBytes bounds the spans that were not yet taken by the sink; 0 = 8 MiB. Spans that end beyond it are dropped and counted.
	MaxQueueBytes int
}

func (c BatchConfig) withDefaults() BatchConfig {
	if c.MaxBatch == 0 {
		c.MaxBatch = defaultBatch
	}
	if c.MaxDelay == 0 {
		c.MaxDelay = defaultDelay
	}
	if c.MaxQueueBytes == 0 {
		c.MaxQueueBytes = defaultQueueBytes
	}
	return c
}

func (c BatchConfig) validate(sink Sink) error {
	var errs problems
	errs.add(sink == nil, "no sink")
	errs.add(c.MaxBatch < 0, "MaxBatch %d: want 0 or more", c.MaxBatch)
	errs.add(c.MaxDelay < 0, "MaxDelay %v: want 0 or more", c.MaxDelay)
	errs.add(c.MaxQueueBytes < 0, "MaxQueueBytes %d: want 0 or more", c.MaxQueueBytes)
	return errors.Join(errs...)
}

// problems of a config.
type problems []error

func (p *problems) add(bad bool, format string, args ...any) {
	if bad {
		*p = append(*p, fmt.Errorf("tracing: %w: %s", ErrConfig, fmt.Sprintf(format, args...)))
	}
}
